// SPDX-License-Identifier: MIT
// mseal(2): what is sealed stays mapped, where it is, with its rights.

#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/proc.h"

constexpr size_t PAGE = 4096, PAGES = 8;
constexpr int RW = PROT_READ | PROT_WRITE;

static int seal(void *p, size_t size, unsigned long flags)
{
	return (int)syscall(462, p, size, flags);
}

static bool is_error(long r, int err)
{
	if (r != -1 || errno != err)
		printf("# %ld, errno %d, not %d\n", r, errno, err);
	return r == -1 && errno == err;
}

static bool refused(void *p, int err)
{
	return is_error(p == MAP_FAILED ? -1 : 0, err);
}

static char *fresh(int prot)
{
	char *p = mmap(nullptr, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		tap_bail("mmap");
	memset(p, 's', PAGES * PAGE);
	mprotect(p, PAGES * PAGE, prot);
	return p;
}

static bool intact(const char *p, size_t from, size_t to)
{
	for (size_t at = from * PAGE; at < to * PAGE; at += PAGE)
		if (p[at] != 's')
			return false;
	return true;
}

static void test_arguments(void)
{
	char *p = fresh(RW);

	ok(is_error(seal(p, PAGE, 1), EINVAL), "flags: EINVAL");
	ok(is_error(seal(p + 1, PAGE, 0), EINVAL), "a crooked address: EINVAL");
	ok(is_error(seal(p, -PAGE, 0), EINVAL) && is_error(seal(p, -1ul, 0), EINVAL), "around the end: EINVAL");
	ok(seal(p, 0, 0) == 0, "nothing: 0");
	munmap(p + 4 * PAGE, PAGE);
	ok(is_error(seal(p, PAGES * PAGE, 0), ENOMEM), "a hole: ENOMEM");
	ok(munmap(p, PAGE) == 0, "and nothing is sealed");
	munmap(p, PAGES * PAGE);
}

// Pages 2 to 4 of p are sealed.
static void test_refused(void)
{
	char *p = fresh(RW), *room = fresh(RW);

	ok(seal(p + 2 * PAGE, 2 * PAGE + 1, 0) == 0 && seal(p + 2 * PAGE, PAGE, 0) == 0, "pages are sealed, also twice");
	ok(is_error(munmap(p + 3 * PAGE, PAGE), EPERM) && is_error(munmap(p, PAGES * PAGE), EPERM), "munmap: EPERM");
	ok(intact(p, 0, PAGES), "of all or nothing");
	ok(refused(mmap(p, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EPERM), "MAP_FIXED: EPERM");
	ok(refused(mremap(p + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EPERM) && refused(mremap(p + 2 * PAGE, 2 * PAGE, PAGE, 0), EPERM),
	   "mremap: EPERM");
	ok(refused(mremap(room, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 3 * PAGE), EPERM) && intact(room, 0, PAGES), "to there: EPERM");
	ok(refused(mremap(p, PAGES * PAGE, PAGE, 0), EPERM) && intact(p, 0, PAGES), "cutting it off: EPERM");
	ok(is_error(mprotect(p + 2 * PAGE, PAGE, PROT_READ), EPERM), "mprotect: EPERM");
	ok(is_error(mprotect(p + PAGE, 2 * PAGE, PROT_READ), EPERM) && (p[2 * PAGE] = 's') && intact(p, 0, PAGES), "also of a part");
	ok(madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED) == 0 && p[2 * PAGE] == 0, "what can be written may be thrown away");
	ok(mlock(p + 3 * PAGE, PAGE) == 0 && munlock(p + 3 * PAGE, PAGE) == 0 && madvise(p + 3 * PAGE, PAGE, MADV_RANDOM) == 0,
	   "locked and advised");
	ok(munmap(p + 5 * PAGE, PAGE) == 0 && munmap(p, PAGE) == 0, "what lies beside it can go");
}

static void test_read_only(void)
{
	static const int discard[] = {MADV_DONTNEED, MADV_FREE, MADV_DONTFORK, MADV_WIPEONFORK};
	char *p = fresh(PROT_READ);
	bool all = seal(p, PAGES * PAGE, 0) == 0;

	for (size_t i = 0; i < sizeof(discard) / sizeof(*discard); i++)
		all = all && is_error(madvise(p, PAGE, discard[i]), EPERM);
	ok(all && intact(p, 0, PAGES), "what is private and cannot be written is not thrown away: EPERM");
	ok(madvise(p, PAGE, MADV_WILLNEED) == 0, "other advice is taken");
}

// What was written to the private mapping of a file can be thrown away: the file still has the page.
static void test_file(void)
{
	int fd = memfd_create("file", 0);
	char *p = ftruncate(fd, PAGE) ? MAP_FAILED : mmap(nullptr, PAGE, RW, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		tap_bail("a file");
	*p = 's';
	ok(mprotect(p, PAGE, PROT_READ) == 0 && seal(p, PAGE, 0) == 0 && madvise(p, PAGE, MADV_DONTNEED) == 0 && *p == 0,
	   "a file's page is thrown away");
	close(fd);
}

static void test_child(void)
{
	char *p = fresh(PROT_READ);
	int status;

	seal(p, PAGES * PAGE, 0);
	pid_t pid = fork();

	if (pid == 0)
		_exit(is_error(munmap(p, PAGE), EPERM) && is_error(mprotect(p, PAGE, RW), EPERM) ? 0 : 1);
	ok(waitpid(pid, &status, 0) == pid && status == 0, "a child's is sealed, too");
}

static void test_shown(void)
{
	char *p = fresh(RW);
	struct mapping m;

	seal(p + PAGE, PAGE, 0);
	const char *line = find_mapping("/proc/self/smaps", p + PAGE, &m);
	ok(line && m.end - m.start == PAGE && (line = strstr(line, "VmFlags:")) && (line = strstr(line, " sl")) && line, "smaps: sl");
}

int main(void)
{
	if (seal(nullptr, 0, 0) && errno == ENOSYS) {
		tap_skip("no mseal here");
		return tap_done();
	}
	test_arguments();
	test_refused();
	test_read_only();
	test_file();
	test_child();
	test_shown();
	return tap_done();
}
