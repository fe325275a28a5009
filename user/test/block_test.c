// SPDX-License-Identifier: MIT
// 2 MiB pages for private memory: what programs see of them is their speed, so each test compares bytes, and then asks smaps
// and the counters whether a large page was there at all.

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { PAGE = 4096, BLOCK = 2 << 20 };

static bool possible; // does this kernel give large pages to who asks?

// `blocks` aligned blocks, advised.
static char *map_blocks(size_t blocks)
{
	char *p = mmap(nullptr, (blocks + 1) * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *start = (char *)(((uintptr_t)p + BLOCK - 1) & -(uintptr_t)BLOCK);

	if (p == MAP_FAILED)
		return nullptr;
	if (start > p)
		munmap(p, (size_t)(start - p));
	munmap(start + blocks * BLOCK, (size_t)(p + BLOCK - start));
	madvise(start, blocks * BLOCK, MADV_HUGEPAGE);
	return start;
}

// kB of large pages in the mapping that holds p; -1: smaps does not say.
static long huge_kb(const char *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	unsigned long start, end;
	long kb = -1;
	bool here = false;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)p && (uintptr_t)p < end;
		if (here && sscanf(line, "AnonHugePages: %ld kB", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kb;
}

static void huge_is(const char *p, long kb, const char *what)
{
	if (!possible)
		tap_skip("%s: no large pages here", what);
	else
		ok(huge_kb(p) == kb, "%s: %ld kB of large pages, expected %ld", what, huge_kb(p), kb);
}

// Each page's first and last byte tell its number.
static void fill(char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = p[i * PAGE + PAGE - 1] = (char)(i * 7 + 1);
}

static bool filled(const char *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (p[i * PAGE] != (char)(i * 7 + 1) || p[i * PAGE + PAGE - 1] != (char)(i * 7 + 1) || p[i * PAGE + 99])
			return false;
	}
	return true;
}

static void test_fill(void)
{
	char *p = map_blocks(2);

	p[BLOCK + 5] = 1;
	possible = huge_kb(p) == 2048;
	ok(p[BLOCK + 5] == 1 && p[BLOCK + 4] == 0 && p[2 * BLOCK - 1] == 0, "the first write finds zeros around it");
	fill(p, 512);
	huge_is(p, 4096, "two blocks touched");
	ok(filled(p, 0, 512), "what was written is there");
	munmap(p, 2 * BLOCK);
}

static void test_cut(void)
{
	char *p = map_blocks(2);

	fill(p, 1024);
	munmap(p + 100 * PAGE, 8 * PAGE);
	ok(filled(p, 0, 100) && filled(p, 108, 1024), "unmapping a part leaves the rest");
	huge_is(p + BLOCK, 2048, "after munmap of a part");
	madvise(p + BLOCK + 8 * PAGE, 2 * PAGE, MADV_DONTNEED);
	ok(p[BLOCK + 8 * PAGE] == 0 && filled(p, 512, 520) && filled(p, 522, 1024), "MADV_DONTNEED clears just its pages");
	mprotect(p + BLOCK, 4 * PAGE, PROT_READ);
	p[BLOCK + 4 * PAGE] = p[BLOCK + 4 * PAGE];
	ok(filled(p, 512, 520), "mprotect of a part: the rest can be written");
	munmap(p, 2 * BLOCK);
}

static void test_protect(void)
{
	char *p = map_blocks(1);

	fill(p, 512);
	ok(mprotect(p, BLOCK, PROT_NONE) == 0 && mprotect(p, BLOCK, PROT_READ) == 0, "rights of a whole block change");
	ok(filled(p, 0, 512), "its bytes stay");
	huge_is(p, 2048, "after mprotect of all of it");
	mprotect(p, BLOCK, PROT_READ | PROT_WRITE);
	p[12345] = 1;
	ok(p[12345] == 1, "and it can be written again");
	ok(mprotect(p, BLOCK, PROT_READ | PROT_EXEC) == 0 && p[12345] == 1, "and made code");
	munmap(p, BLOCK);
}

// In the child: writes to some pages, leaves others.
static int child_writes(char *p)
{
	for (size_t i = 0; i < 1024; i += 3)
		p[i * PAGE] = 'c';
	for (size_t i = 0; i < 1024; i++) {
		if (p[i * PAGE] != (i % 3 ? (char)(i * 7 + 1) : 'c') || p[i * PAGE + PAGE - 1] != (char)(i * 7 + 1))
			return 1;
	}
	return 0;
}

static int status_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_fork(void)
{
	char *p = map_blocks(2);
	int go[2];
	char c;

	fill(p, 1024);
	pipe(go);
	pid_t pid = fork();
	if (pid == 0) {
		read(go[0], &c, 1);
		_exit(child_writes(p) || !filled(p, 1, 2));
	}
	p[5 * PAGE + 99] = 'p';
	p[5 * PAGE + 99] = 0;
	write(go[1], "x", 1);
	ok(status_of(pid) == 0, "a child's copy of a block, page by page");
	ok(filled(p, 0, 1024), "the parent's bytes stay as they were");
	huge_is(p + BLOCK, 2048, "the parent keeps the block it did not write to");
	fill(p, 1024);
	ok(filled(p, 0, 1024), "the parent writes again when the child has gone");
	pid = fork();
	if (pid == 0)
		_exit(!filled(p, 0, 1024));
	munmap(p, 2 * BLOCK);
	ok(status_of(pid) == 0, "the child keeps what the parent unmaps");
	close(go[0]);
	close(go[1]);
}

static void test_remap(void)
{
	char *p = map_blocks(2), *q = map_blocks(3);

	fill(p, 1024);
	p = mremap(p, 2 * BLOCK, 2 * BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	ok(p == q && filled(p, 0, 1024), "moved to an aligned place");
	huge_is(p, 4096, "after the move");
	q = map_blocks(3);
	p = mremap(p, 2 * BLOCK, 2 * BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, q + 16 * PAGE);
	ok(p == q + 16 * PAGE && filled(p, 0, 1024), "moved to one that is not");
	p = mremap(p, 2 * BLOCK, BLOCK + 3 * PAGE, 0);
	ok(filled(p, 0, 515), "shrunk");
	munmap(q, 3 * BLOCK);
}

static void test_read_by_others(void)
{
	char *p = map_blocks(1), buf[64];
	int fd = open("/proc/self/mem", O_RDWR);

	fill(p, 512);
	if (fd >= 0 && pread(fd, buf, 1, (off_t)(uintptr_t)(p + 7 * PAGE)) == 1)
		ok(buf[0] == (char)(7 * 7 + 1), "read through /proc/self/mem");
	else
		tap_skip("/proc/self/mem cannot be read");
	fill(p, 512);
	ok(filled(p, 0, 512), "and written afterwards");
	if (fd >= 0)
		close(fd);
	munmap(p, BLOCK);
}

static void test_collapse(void)
{
	char *p = map_blocks(1);

	madvise(p, BLOCK, MADV_NOHUGEPAGE);
	fill(p, 500);
	huge_is(p, 0, "page by page where it is advised against");
	madvise(p, BLOCK, MADV_HUGEPAGE);
	if (madvise(p, BLOCK, MADV_COLLAPSE)) {
		tap_skip("MADV_COLLAPSE: %s", strerror(errno));
	} else {
		huge_is(p, 2048, "after MADV_COLLAPSE");
		ok(filled(p, 0, 500) && p[511 * PAGE] == 0, "with the same bytes, and zeros where nothing was");
		p[511 * PAGE] = 1;
	}
	munmap(p, BLOCK);
}

static bool collapse_is(char *p, size_t size, int err)
{
	int r = madvise(p, size, MADV_COLLAPSE);

	if (err ? r != -1 || errno != err : r != 0)
		printf("# %d, errno %d\n", r, errno);
	return err ? r == -1 && errno == err : r == 0;
}

static void test_collapse_refused(void)
{
	char *p = map_blocks(3), *room = mmap(nullptr, 4 * BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((unsigned long)room + BLOCK - 1) & -BLOCK);

	fill(p, 3 * 512);
	if (madvise(p, BLOCK, MADV_COLLAPSE)) {
		tap_skip("MADV_COLLAPSE: %s", strerror(errno));
		return;
	}
	munmap(p + BLOCK, BLOCK);
	ok(collapse_is(p, 3 * BLOCK, ENOMEM), "MADV_COLLAPSE with a hole: ENOMEM");
	ok(collapse_is(p + BLOCK, BLOCK, ENOMEM), "of nothing but a hole: ENOMEM");
	huge_is(p + 2 * BLOCK, 2048, "behind the hole");
	ok(collapse_is(p + PAGE, BLOCK / 2, EINVAL), "of less than 2 MiB, not at its start: EINVAL");
	ok(collapse_is(p, PAGE, 0), "of its start: nothing to do");
	munmap(at, 2 * BLOCK);
	mmap(at + PAGE, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	at[PAGE] = 1;
	ok(collapse_is(at, 2 * BLOCK, EINVAL), "of a mapping that has room for none: EINVAL, before the hole behind it");
	ok(filled(p, 0, 512) && filled(p, 1024, 1536), "nothing is lost");
	munmap(p, 3 * BLOCK);
}

// ---- threads: faults, splits and forks of one block at a time

static char *arena;
static volatile int stop;

static void *writer(void *arg)
{
	size_t k = (size_t)arg;

	for (unsigned long n = 1; !stop; n++) {
		for (size_t i = k; i < 2048; i += 4) {
			char *at = arena + i * PAGE;

			*(volatile unsigned long *)at = n;
			if (*(volatile unsigned long *)at != n)
				return "a write was lost";
		}
	}
	return nullptr;
}

static void test_threads(void)
{
	pthread_t t[4];
	void *wrong;
	int bad = 0;

	arena = map_blocks(4);
	for (size_t i = 0; i < 4; i++)
		pthread_create(&t[i], nullptr, writer, (void *)i);
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			arena[i * PAGE] = 1;
			_exit(0);
		}
		mprotect(arena + i * PAGE + BLOCK, PAGE, PROT_READ | PROT_WRITE);
		if (i % 10 == 9)
			madvise(arena, 4 * BLOCK, MADV_COLLAPSE);
		bad += status_of(pid) != 0;
	}
	stop = 1;
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &wrong);
		bad += wrong != nullptr;
	}
	ok(bad == 0, "four threads write, while others fork, protect and collapse");
	munmap(arena, 4 * BLOCK);
}

static void test_disable(void)
{
	char *p;

	ok(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0 && prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1, "PR_SET_THP_DISABLE");
	p = map_blocks(1);
	p[0] = 1;
	huge_is(p, 0, "disabled");
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	munmap(p, BLOCK);
}

int main(void)
{
	test_fill();
	test_cut();
	test_protect();
	test_fork();
	test_remap();
	test_read_by_others();
	test_collapse();
	test_collapse_refused();
	test_threads();
	test_disable();
	return tap_done();
}
