// SPDX-License-Identifier: MIT
// memfd_create(2): a seal against writing keeps writes out whichever way they come.

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/test/tap.h"

#ifndef F_ADD_SEALS
enum { F_ADD_SEALS = 1033, F_GET_SEALS };
#endif
enum { SIZE = 8192, SEAL_WRITE = 8, SEAL_FUTURE_WRITE = 16, ALLOW_SEALING = 2, PUNCH_KEEP = 3 };

static int sealable(void)
{
	int fd = syscall(SYS_memfd_create, "sealed", ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, SIZE))
		tap_bail("memfd_create");
	return fd;
}

static char *map(int fd, int prot, int flags)
{
	return mmap(nullptr, SIZE, prot, flags, fd, 0);
}

static bool refuses_writers(int fd)
{
	return map(fd, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED && errno == EPERM;
}

static void test_sealed(void)
{
	int fd = sealable();
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	p[0] = 1;
	ok(fcntl(fd, F_ADD_SEALS, SEAL_WRITE) == -1 && errno == EBUSY,
	   "F_SEAL_WRITE while it can be written through a mapping: EBUSY");
	ok(!fcntl(fd, F_GET_SEALS), "it has no seal then");
	munmap(p, SIZE);
	char *q = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	ok(!fcntl(fd, F_ADD_SEALS, SEAL_WRITE),
	   "once it is unmapped, it can be sealed; a private mapping does not matter");
	ok(refuses_writers(fd), "a shared mapping to write: EPERM");
	ok(write(fd, "x", 1) == -1 && errno == EPERM, "write: EPERM");
	ok(fallocate(fd, PUNCH_KEEP, 0, 4096) == -1 && errno == EPERM, "a hole: EPERM");
	q[0] = 2;
	char c = 0;
	ok(pread(fd, &c, 1, 0) == 1 && c == 1, "a private mapping may be written: nobody sees it");
	munmap(q, SIZE);
	close(fd);
}

static void test_future(void)
{
	int fd = sealable();
	char *before = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	ok(!fcntl(fd, F_ADD_SEALS, SEAL_FUTURE_WRITE), "F_SEAL_FUTURE_WRITE while it is mapped");
	ok(refuses_writers(fd), "a new shared mapping to write: EPERM");
	char *after = map(fd, PROT_READ, MAP_SHARED);
	ok(after != MAP_FAILED, "one to read");
	ok(mprotect(after, SIZE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES,
	   "does not become one to write: EACCES");
	before[5] = 9;
	ok(after[5] == 9, "the old one may be written still");
	munmap(before, SIZE);
	munmap(after, SIZE);
	close(fd);
}

static void test_append(void)
{
	enum { SEAL_GROW = 4 };
	int fd = sealable();

	ok(!fcntl(fd, F_ADD_SEALS, SEAL_GROW) && !fcntl(fd, F_SETFL, O_APPEND), "F_SEAL_GROW, O_APPEND");
	ok(write(fd, "x", 1) == -1 && errno == EPERM && lseek(fd, 0, SEEK_END) == SIZE, "appending: EPERM");
	close(fd);
}

static atomic_int turn; // even: the mapper waits for this round
static char *mapped;
static int raced;

static void *map_each(void *rounds)
{
	for (int i = 0; i < *(int *)rounds; i++) {
		while (atomic_load(&turn) != 2 * i + 1)
			;
		mapped = map(raced, PROT_READ | PROT_WRITE, MAP_SHARED);
		atomic_store(&turn, 2 * i + 2);
	}
	return nullptr;
}

// Two threads: one maps the file, one seals it. At most one of them may succeed.
static void test_race(void)
{
	pthread_t mapper;
	int rounds = 300, both = 0;

	if (pthread_create(&mapper, nullptr, map_each, &rounds))
		tap_bail("pthread_create");
	for (int i = 0; i < rounds; i++) {
		raced = sealable();
		atomic_store(&turn, 2 * i + 1);
		for (volatile int delay = 0; delay < i * 20; delay++)
			;
		bool is_sealed = !fcntl(raced, F_ADD_SEALS, SEAL_WRITE);

		while (atomic_load(&turn) != 2 * i + 2)
			;
		both += is_sealed && mapped != MAP_FAILED;
		if (mapped != MAP_FAILED)
			munmap(mapped, SIZE);
		close(raced);
	}
	pthread_join(mapper, nullptr);
	ok(!both, "a file that is mapped while it is being sealed: one of the two fails, each time");
}

int main(void)
{
	test_race();
	test_append();
	test_sealed();
	test_future();
	return tap_done();
}
