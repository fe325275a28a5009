// SPDX-License-Identifier: MIT
// mmap, mprotect, mremap: flags, errors, holes, limits.

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"
#include "user/test/touch.h"

constexpr size_t PAGE = 4096;
enum { VALIDATE = 3, SYNC = 0x80000, NOREPLACE = 0x100000, DONTUNMAP = 4, RW = PROT_READ | PROT_WRITE };

static char *anon(size_t pages, int prot, int flags)
{
	return mmap(nullptr, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static bool fails(void *p, int err)
{
	return p == MAP_FAILED && errno == err;
}

static bool resident(char *p)
{
	unsigned char v = 0;

	return mincore(p, PAGE, &v) == 0 && (v & 1);
}

static void test_errors(int fd)
{
	char *p = anon(2, RW, 0);

	ok(fails(mmap(nullptr, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL), "no length: EINVAL");
	ok(fails(mmap(nullptr, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL), "neither shared nor private: EINVAL");
	ok(fails(mmap(nullptr, PAGE, RW, VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL), "MAP_SHARED_VALIDATE is for files");
	ok(fails(mmap(nullptr, PAGE, RW, VALIDATE | SYNC, fd, 0), EOPNOTSUPP), "MAP_SYNC on a plain file: EOPNOTSUPP");
	ok(fails(mmap(nullptr, PAGE, RW, VALIDATE | 0x8000000u >> 4, fd, 0), EOPNOTSUPP), "an unknown flag: EOPNOTSUPP");
	ok(mmap(nullptr, PAGE, RW, VALIDATE | MAP_POPULATE | MAP_NORESERVE, fd, 0) != MAP_FAILED, "known ones pass");
	ok(mmap(nullptr, PAGE, RW, MAP_SHARED | 0x800000, fd, 0) != MAP_FAILED, "MAP_SHARED ignores the unknown");
	ok(fails(mmap(p + 1, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL), "a crooked fixed address: EINVAL");
	ok(fails(mmap((void *)(1ul << 52 | 1), PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM),
	   "one beyond all memory: ENOMEM");
	ok(fails(mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | NOREPLACE, -1, 0), EEXIST), "MAP_FIXED_NOREPLACE: EEXIST");
	munmap(p, 2 * PAGE);
	ok(mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | NOREPLACE, -1, 0) == p, "where it is free it lies there");
	ok(fails(mmap(nullptr, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), EINVAL), "no shared stacks");
	ok(fails(mmap(nullptr, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0), EINVAL), "no stacks of files");
	ok(fails(mmap(nullptr, PAGE, RW, MAP_PRIVATE | MAP_HUGETLB, fd, 0), EINVAL), "MAP_HUGETLB on a plain file: EINVAL");
	ok(fails(mmap(nullptr, 2 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0), ENOMEM), "no huge pages: ENOMEM");
	ok(fails(mmap(nullptr, 2 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 14 << 26, -1, 0), EINVAL), "nor of any odd size: EINVAL");
	ok(fails(mmap(nullptr, PAGE, RW, MAP_PRIVATE, fd, 1), EINVAL), "a crooked offset: EINVAL");
	ok(fails(mmap(nullptr, PAGE, RW, MAP_PRIVATE, 99, 0), EBADF), "no such file: EBADF");
	ok(fails(mmap(nullptr, ~0ul - PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM), "too long: ENOMEM");
#ifdef __x86_64__
	p = anon(1, RW, MAP_32BIT);
	ok(p != MAP_FAILED && (uintptr_t)p < 1ul << 31 && touch(p, true) == 0, "MAP_32BIT lies below 2 GiB");
#endif
}

static void test_populate(void)
{
	char *p = anon(4, RW, MAP_POPULATE), *q = anon(4, RW, 0);

	ok(resident(p) && resident(p + 3 * PAGE), "MAP_POPULATE brings pages in");
	ok(!resident(q), "nothing else does");
	p = anon(1, PROT_NONE, MAP_POPULATE);
	ok(p != MAP_FAILED && touch(p, false) == SEGV_ACCERR, "PROT_NONE cannot be populated");
}

static void test_zero_device(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char *p = mmap(nullptr, 2 * PAGE, RW, MAP_PRIVATE, fd, 0), *s = mmap(nullptr, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	int status;

	ok(p != MAP_FAILED && p[PAGE] == 0 && touch(p, true) == 0, "/dev/zero private: zeros");
	ok(s != MAP_FAILED && s[PAGE] == 0, "/dev/zero shared: zeros");
	if (fork() == 0) {
		p[0] = s[0] = 7;
		_exit(0);
	}
	wait(&status);
	ok(p[0] == 1 && s[0] == 7, "only the shared one is shared");
	close(fd);
}

static void test_mprotect(void)
{
	char *p = anon(5, RW, 0);

	munmap(p + 2 * PAGE, PAGE);
	ok(mprotect(p, 5 * PAGE, PROT_READ) == -1 && errno == ENOMEM, "mprotect over a hole: ENOMEM");
	ok(touch(p + PAGE, true) == SEGV_ACCERR && touch(p + 3 * PAGE, true) == 0, "it changes what lies before the hole");
	ok(mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ) == -1 && errno == ENOMEM && touch(p + 3 * PAGE, true) == 0, "a hole first: nothing changes");
	ok(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ) == -1 && errno == EINVAL, "a crooked address: EINVAL");
	ok(mprotect(p, 0, PROT_READ) == 0, "no length is fine");
	ok(syscall(SYS_mprotect, p, ~0ul - PAGE, PROT_READ) == -1 && errno == ENOMEM, "a length that wraps: ENOMEM");
	ok(mprotect(p, PAGE, 64) == -1 && errno == EINVAL, "unknown rights: EINVAL");
	ok(mprotect(p, PAGE, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN) == -1 && errno == EINVAL, "both ways: EINVAL");
	ok(syscall(SYS_mprotect, p, ~0ul - PAGE, PROT_GROWSUP | PROT_GROWSDOWN) == -1 && errno == EINVAL, "before a length that wraps");
	ok(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN) == -1 && errno == EINVAL, "PROT_GROWSDOWN on no stack: EINVAL");
	char *s = anon(4, RW, MAP_GROWSDOWN);
	ok(mprotect(s + 2 * PAGE, PAGE, PROT_READ | PROT_GROWSDOWN) == 0 && touch(s, true) == SEGV_ACCERR && touch(s + 3 * PAGE, true) == 0,
	   "PROT_GROWSDOWN reaches down to the stack's end");
	int fd = open("/proc/self/exe", O_RDONLY);
	char *f = mmap(nullptr, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	ok(mprotect(f, PAGE, RW) == -1 && errno == EACCES, "a file that is open for reading only: EACCES");
	char *two = anon(2, PROT_READ, 0);
	ok(mmap(two + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == two + PAGE, "such a file behind anonymous memory");
	ok(mprotect(two, 2 * PAGE, RW) == -1 && errno == EACCES && touch(two, true) == 0, "EACCES: what lies before it has changed");
	close(fd);
}

static void test_mremap(void)
{
	char *p = anon(4, RW, 0), *q;

	strcpy(p, "moved");
	q = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | DONTUNMAP, nullptr);
	ok(q != MAP_FAILED && q != p && !strcmp(q, "moved") && p[0] == 0, "MREMAP_DONTUNMAP leaves an empty mapping");
	ok(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | DONTUNMAP, nullptr) == MAP_FAILED && errno == EINVAL, "of the same size only");
	ok(mremap(p, 4 * PAGE, 4 * PAGE, DONTUNMAP, nullptr) == MAP_FAILED && errno == EINVAL, "with MREMAP_MAYMOVE only");
	char *s = mmap(nullptr, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s[0] = 9;
	q = mremap(s, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | DONTUNMAP, nullptr);
	ok(q != MAP_FAILED && q[0] == 9 && s[0] == 9, "of shared memory both show the same");
	q = mremap(s, 0, 2 * PAGE, MREMAP_MAYMOVE);
	ok(q != MAP_FAILED && q[0] == 9, "an old length of 0 doubles a shared mapping");
	ok(mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EINVAL, "not a private one");
	q = mremap(s, 0, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, nullptr);	// Linux's root may
	ok(q == nullptr || (q == MAP_FAILED && errno == EPERM), "nor at address 0");
	q = mremap(nullptr, 0, PAGE, MREMAP_MAYMOVE);
	ok(q != MAP_FAILED || errno == EFAULT, "from address 0");
	munmap(nullptr, PAGE);
	ok(mremap(s, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, s) == MAP_FAILED && errno == EFAULT, "nor in its own place");
	ok(msync(s, 2 * PAGE, MS_ASYNC) == -1 && errno == ENOMEM, "which is free then");
	ok(mremap(p + 1, PAGE, PAGE, 0) == MAP_FAILED && errno == EINVAL, "a crooked address: EINVAL");
	ok(mremap(p, PAGE, 0, 0) == MAP_FAILED && errno == EINVAL, "no new length: EINVAL");
	munmap(p, PAGE);
	ok(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT, "nothing there: EFAULT");
}

// What mremap cuts off may lie in other regions, or in none.
static void test_mremap_across(void)
{
	char *p = anon(8, RW, 0), *to = anon(8, PROT_NONE, 0);

	strcpy(p, "moved");
	mprotect(p + 2 * PAGE, PAGE, PROT_READ);
	munmap(p + 5 * PAGE, PAGE);
	ok(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE) == p, "mremap to the same length, across regions");
	ok(mremap(p + PAGE, 7 * PAGE, 3 * PAGE, 0) == p + PAGE && touch(p + 3 * PAGE, true) == 0, "shrinking, across a hole");
	ok(msync(p + 4 * PAGE, PAGE, MS_ASYNC) == -1 && msync(p + 7 * PAGE, PAGE, MS_ASYNC) == -1, "cuts off all that is behind");
	ok(mremap(p, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT, "growing, across regions: EFAULT");
	ok(mremap(p, 4 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED && errno == EFAULT, "moving more than a region: EFAULT");
	ok(mremap(p, 3 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to && !strcmp(to, "moved"), "moving a part of the first");
	ok(msync(p, PAGE, MS_ASYNC) == -1 && msync(p + 2 * PAGE, PAGE, MS_ASYNC) == -1, "nothing stays at the old place");
	ok(mremap(to, 1ul << 63, PAGE, 0) == MAP_FAILED && errno == EINVAL, "shrinking from beyond the end: EINVAL");
}

// arm64's pointers may carry a tag; calls about what is mapped overlook it, mmap itself does not.
static void test_tags(void)
{
#ifdef __aarch64__
	char *p = anon(2, RW, 0), *tagged = (char *)((unsigned long)p | 0x5aul << 56);

	ok(!mprotect(tagged, PAGE, PROT_READ) && !madvise(tagged + PAGE, PAGE, MADV_DONTNEED), "a tag in an address is overlooked");
	ok(munmap(tagged, 2 * PAGE) == 0 && msync(p, PAGE, MS_ASYNC) == -1, "by munmap, too");
	ok(mmap(tagged, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED, "not by mmap");
#endif
}

static void test_remap_file_pages(void)
{
	volatile char *s = mmap(nullptr, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 4; i++)
		s[i * PAGE] = (char)('a' + i);
	ok(syscall(SYS_remap_file_pages, s, PAGE, 0, 3, 0) == 0 && s[0] == 'd' && s[PAGE] == 'b', "remap_file_pages shows another page");
	s[0] = 'x';
	ok(s[3 * PAGE] == 'x', "it is the same page");
	ok(syscall(SYS_remap_file_pages, s, PAGE, PROT_READ, 3, 0) == -1 && errno == EINVAL, "rights must be 0: EINVAL");
	ok(syscall(SYS_remap_file_pages, anon(1, RW, 0), PAGE, 0, 0, 0) == -1 && errno == EINVAL, "private memory: EINVAL");
}

static void limit(int which, rlim_t soft)
{
	struct rlimit r;

	getrlimit(which, &r);
	r.rlim_cur = soft;
	setrlimit(which, &r);
}

static long status_pages(const char *name)
{
	static char buf[8192];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	const char *at = strstr(buf, name);
	return at ? strtol(at + strlen(name), nullptr, 10) / 4 : -1;
}

static void test_limits(void)
{
	char *p = anon(64, RW, 0), *none = anon(64, PROT_READ, 0);
	long size = status_pages("VmSize:"), data = status_pages("VmData:");

	ok(size > 0 && data > 0, "VmSize and VmData are told");
	limit(RLIMIT_AS, (rlim_t)(size + 16) * PAGE);
	ok(fails(anon(17, RW, 0), ENOMEM), "RLIMIT_AS: ENOMEM");
	char *q = anon(16, RW, 0);
	ok(q != MAP_FAILED, "up to the limit");
	ok(mmap(p, 64 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p, "what is replaced does not count");
	ok(mremap(p, 64 * PAGE, 65 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM, "nor does mremap pass it");
	limit(RLIMIT_AS, RLIM_INFINITY);
	munmap(q, 16 * PAGE);
	data = status_pages("VmData:");
	limit(RLIMIT_DATA, (rlim_t)(data + 16) * PAGE);
	ok(fails(anon(17, RW, 0), ENOMEM), "RLIMIT_DATA: ENOMEM");
	ok(anon(17, PROT_READ, 0) != MAP_FAILED, "what cannot be written is no data");
	ok(mmap(nullptr, 17 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED, "nor is shared memory");
	ok(mprotect(none, 64 * PAGE, RW) == -1 && errno == ENOMEM, "mprotect makes no more data than the limit");
	ok(mprotect(none, 16 * PAGE, RW) == 0, "but up to it");
	ok(status_pages("VmData:") == data + 16, "VmData counts it");
	long brk = syscall(SYS_brk, 0);
	ok(syscall(SYS_brk, brk + (1 << 20)) == brk, "brk is held too");
	limit(RLIMIT_DATA, RLIM_INFINITY);
}

// Where a file can have bytes, lseek can go; /dev/zero has them everywhere.
static void test_far_offsets(int fd)
{
	constexpr off_t LAST = INT64_MAX - 3 * PAGE + 1;
	int zero = open("/dev/zero", O_RDWR);

	ok(mmap(nullptr, 2 * PAGE, PROT_READ, MAP_SHARED, fd, LAST) != MAP_FAILED, "a mapping up to 2^63 - 1: page");
	ok(fails(mmap(nullptr, 3 * PAGE, PROT_READ, MAP_SHARED, fd, LAST), EOVERFLOW) && fails(mmap(nullptr, PAGE, PROT_READ, MAP_PRIVATE, fd, INT64_MIN), EOVERFLOW) &&
		   fails(mmap(nullptr, PAGE, PROT_READ, MAP_PRIVATE, fd, -(off_t)PAGE), EOVERFLOW),
	   "and beyond: EOVERFLOW");
	ok(mmap(nullptr, PAGE, PROT_READ, MAP_PRIVATE, zero, INT64_MIN) != MAP_FAILED, "of /dev/zero: mapped");
	close(zero);
}

int main(void)
{
	char stack[16384], name[] = "/tmp/mmap_test.XXXXXX";
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	int fd = mkstemp(name);

	unlink(name);
	ftruncate(fd, 4 * PAGE);
	sigaltstack(&alt, nullptr);
	sigaction(SIGSEGV, &sa, nullptr);
	sigaction(SIGBUS, &sa, nullptr);
	test_errors(fd);
	test_far_offsets(fd);
	test_populate();
	test_zero_device();
	test_mprotect();
	test_mremap();
	test_mremap_across();
	test_tags();
	test_remap_file_pages();
	test_limits();
	return tap_done();
}
