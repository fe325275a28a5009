// SPDX-License-Identifier: MIT
// madvise, mincore, msync, mlock: what they do, their errors, guards.

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"
#include "user/test/touch.h"

constexpr size_t PAGE = 4096;
enum {
	RW = PROT_READ | PROT_WRITE,
	WIPE = 18, KEEP = 19, COLD = 20, PAGEOUT = 21, POP_READ = 22, POP_WRITE = 23, DONTNEED_LOCKED = 24,
	GUARD = 102, UNGUARD = 103, ONFAULT = 1, MCL_ONFAULT_ = 4,
};

static char *anon(size_t pages, int prot)
{
	return mmap(nullptr, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static char *shared(size_t pages)
{
	return mmap(nullptr, pages * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static bool advise_fails(void *p, size_t len, int advice, int err)
{
	return madvise(p, len, advice) == -1 && errno == err;
}

static int resident(char *p)
{
	unsigned char v = 0;

	return mincore(p, PAGE, &v) == 0 ? v & 1 : -1;
}

static int in_child(int (*fn)(char *), char *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn(p));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_errors(void)
{
	char *p = anon(5, RW);

	memset(p, 1, 5 * PAGE);
	munmap(p + 2 * PAGE, PAGE);
	ok(advise_fails(p + 1, PAGE, MADV_DONTNEED, EINVAL), "a crooked address: EINVAL");
	ok(advise_fails(p, PAGE, 77, EINVAL), "unknown advice: EINVAL");
	ok(advise_fails(p, 0, 77, EINVAL), "also for no length");
	ok(madvise(p + 2 * PAGE, 0, MADV_DONTNEED) == 0, "no length is fine, mapped or not");
	ok(advise_fails(p, ~0ul - 8, MADV_DONTNEED, EINVAL), "a length that wraps: EINVAL");
	ok(advise_fails(p, 5 * PAGE, MADV_DONTNEED, ENOMEM), "over a hole: ENOMEM");
	ok(p[0] == 0 && p[3 * PAGE] == 0 && p[4 * PAGE] == 0, "but both sides are dropped");
	char *s = shared(1);
	ok(advise_fails(s, PAGE, MADV_FREE, EINVAL) && advise_fails(s, PAGE, WIPE, EINVAL), "MADV_FREE, MADV_WIPEONFORK: private memory only");
	char *q = anon(3, RW);
	memset(q, 1, 3 * PAGE);
	mlock(q + PAGE, PAGE);
	ok(advise_fails(q, 3 * PAGE, MADV_DONTNEED, EINVAL) && q[0] == 0 && q[PAGE] == 1 && q[2 * PAGE] == 1, "MADV_DONTNEED stops at locked memory: EINVAL");
	ok(madvise(q, 3 * PAGE, DONTNEED_LOCKED) == 0 && q[PAGE] == 0 && q[2 * PAGE] == 0, "MADV_DONTNEED_LOCKED does not");
	ok(advise_fails(q + PAGE, PAGE, COLD, EINVAL) && advise_fails(q + PAGE, PAGE, PAGEOUT, EINVAL), "MADV_COLD, MADV_PAGEOUT of locked memory: EINVAL");
	q[0] = 5;
	ok(madvise(q, PAGE, COLD) == 0 && madvise(q, PAGE, PAGEOUT) == 0 && q[0] == 5, "else they lose nothing");
	ok(madvise(q, PAGE, MADV_WILLNEED) == 0 && madvise(q, PAGE, MADV_RANDOM) == 0 && madvise(q, PAGE, MADV_DONTDUMP) == 0 && madvise(q, PAGE, MADV_DODUMP) == 0,
	   "hints are taken");
}

static int child_wiped(char *p) { return p[0] == 0 && p[PAGE] == 1 ? 0 : 1; }
static int child_kept(char *p) { return p[0] == 1 ? 0 : 1; }

static int child_without(char *p)
{
	return touch(p, false) == SEGV_MAPERR && p[PAGE] == 1 ? 0 : 1;
}

static void test_fork(void)
{
	char *p = anon(2, RW);

	memset(p, 1, 2 * PAGE);
	ok(madvise(p, PAGE, WIPE) == 0 && in_child(child_wiped, p) == 0 && p[0] == 1, "MADV_WIPEONFORK");
	ok(madvise(p, PAGE, KEEP) == 0 && in_child(child_kept, p) == 0, "MADV_KEEPONFORK");
	ok(madvise(p, PAGE, MADV_DONTFORK) == 0 && in_child(child_without, p) == 0, "MADV_DONTFORK");
	ok(madvise(p, PAGE, MADV_DOFORK) == 0 && in_child(child_kept, p) == 0, "MADV_DOFORK");
}

static void test_populate(void)
{
	char *p = anon(5, RW), *ro = anon(1, PROT_READ), *none = anon(1, PROT_NONE);

	ok(madvise(p, PAGE, POP_WRITE) == 0 && resident(p) == 1 && resident(p + PAGE) == 0, "MADV_POPULATE_WRITE");
	ok(madvise(p + PAGE, PAGE, POP_READ) == 0 && resident(p + PAGE) == 1, "MADV_POPULATE_READ");
	ok(advise_fails(ro, PAGE, POP_WRITE, EINVAL), "without the right to write: EINVAL");
	ok(madvise(ro, PAGE, POP_READ) == 0, "for reading it does");
	ok(advise_fails(none, PAGE, POP_READ, EINVAL), "PROT_NONE: EINVAL");
	munmap(p + 3 * PAGE, PAGE);
	ok(advise_fails(p, 5 * PAGE, POP_WRITE, ENOMEM) && resident(p + 2 * PAGE) == 1 && resident(p + 4 * PAGE) == 0, "up to a hole: ENOMEM");
	char name[] = "/tmp/madvise_test.XXXXXX";
	int fd = mkstemp(name);
	unlink(name);
	char *f = mmap(nullptr, PAGE, RW, MAP_SHARED, fd, 0);
	ok(advise_fails(f, PAGE, POP_READ, EFAULT), "beyond a file's end: EFAULT");
	close(fd);
}

static void test_remove(void)
{
	char *s = shared(3), *p = anon(1, RW);

	memset(s, 1, 3 * PAGE);
	ok(madvise(s + PAGE, PAGE, MADV_REMOVE) == 0 && s[0] == 1 && s[PAGE] == 0 && s[2 * PAGE] == 1, "MADV_REMOVE makes a hole");
	ok(advise_fails(p, PAGE, MADV_REMOVE, EINVAL), "in private memory: EINVAL");
}

static int child_guard(char *p) { return touch(p, false) == SEGV_MAPERR && touch(p + PAGE, false) == 0 ? 0 : 1; }
static int child_no_guard(char *p) { return touch(p, false) == 0 ? 0 : 1; }

static void test_guard(void)
{
	char *p = anon(4, RW);
	int fd[2];

	memset(p, 1, 4 * PAGE);
	ok(madvise(p, PAGE, GUARD) == 0 && touch(p, false) == SEGV_MAPERR && touch(p, true) == SEGV_MAPERR, "a guard: SIGSEGV, SEGV_MAPERR");
	ok(p[PAGE] == 1, "beside it nothing changes");
	ok(madvise(p, 2 * PAGE, GUARD) == 0 && touch(p + PAGE, false) == SEGV_MAPERR, "over another guard");
	pipe(fd);
	ok(write(fd[1], p, 1) == -1 && errno == EFAULT, "the kernel finds EFAULT there");
	ok(mprotect(p, PAGE, PROT_READ) == 0 && touch(p, false) == SEGV_MAPERR, "mprotect does not lift it");
	ok(madvise(p, 4 * PAGE, MADV_DONTNEED) == 0 && touch(p, false) == SEGV_MAPERR && p[2 * PAGE] == 0, "nor does MADV_DONTNEED");
	ok(advise_fails(p, PAGE, POP_READ, EFAULT), "populating it: EFAULT");
	ok(madvise(p, PAGE, UNGUARD) == 0 && touch(p, false) == 0 && p[0] == 0 && touch(p, true) == SEGV_ACCERR, "removed: zeros, with the rights there are");
	ok(madvise(p, 4 * PAGE, UNGUARD) == 0 && touch(p + PAGE, true) == 0, "where there is none: nothing happens");
	madvise(p + 2 * PAGE, PAGE, GUARD);
	ok(in_child(child_guard, p + 2 * PAGE) == 0, "a child has it too");
	madvise(p + 2 * PAGE, PAGE, WIPE);
	ok(in_child(child_no_guard, p + 2 * PAGE) == 0, "but not where it is wiped");
	char *q = anon(2, RW);
	mlock(q, PAGE);
	ok(advise_fails(q, 2 * PAGE, GUARD, EINVAL), "in locked memory: EINVAL");
	munmap(p, 4 * PAGE);
	p = mmap(p, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ok(touch(p + 2 * PAGE, true) == 0, "a new mapping has no old guards");
}

static void test_mincore(void)
{
	char *p = anon(4, RW);
	unsigned char v[4] = {2, 2, 2, 2};

	p[PAGE] = 1;
	ok(mincore(p, 4 * PAGE, v) == 0 && !v[0] && v[1] == 1 && !v[2] && !v[3], "mincore tells what is there");
	ok(mincore(p + 1, PAGE, v) == -1 && errno == EINVAL, "a crooked address: EINVAL");
	ok(mincore(p, PAGE, (void *)8) == -1 && errno == EFAULT, "a bad vector: EFAULT");
	munmap(p + 3 * PAGE, PAGE);
	ok(mincore(p, 4 * PAGE, v) == -1 && errno == ENOMEM, "a hole: ENOMEM");
	ok(mincore(p, ~0ul - 8, v) == -1 && errno == ENOMEM, "out of the world: ENOMEM");
}

static void test_msync(void)
{
	char *p = anon(3, RW);

	ok(msync(p, PAGE, MS_SYNC) == 0 && msync(p, PAGE, MS_ASYNC) == 0 && msync(p, PAGE, 0) == 0, "msync");
	ok(msync(p, PAGE, MS_SYNC | MS_ASYNC) == -1 && errno == EINVAL, "both kinds: EINVAL");
	ok(msync(p, PAGE, 64) == -1 && errno == EINVAL, "an unknown flag: EINVAL");
	ok(msync(p + 1, PAGE, MS_SYNC) == -1 && errno == EINVAL, "a crooked address: EINVAL");
	munmap(p + PAGE, PAGE);
	ok(msync(p, 3 * PAGE, MS_SYNC) == -1 && errno == ENOMEM, "a hole: ENOMEM");
	ok(msync(p, ~0ul - 2 * PAGE, MS_SYNC) == -1 && errno == ENOMEM, "a length that wraps: ENOMEM");
	mlock(p, PAGE);
	ok(msync(p, PAGE, MS_INVALIDATE) == -1 && errno == EBUSY, "MS_INVALIDATE of locked memory: EBUSY");
	munlock(p, PAGE);
	ok(msync(p, PAGE, MS_INVALIDATE) == 0, "else it is fine");
}

static long locked_pages(void)
{
	static char buf[8192];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	const char *at = strstr(buf, "VmLck:");
	return at ? strtol(at + 6, nullptr, 10) / 4 : -1;
}

static void limit_locked(rlim_t pages)
{
	struct rlimit r = {pages * PAGE, 64 * PAGE};

	setrlimit(RLIMIT_MEMLOCK, &r);
}

static void test_mlock(void)
{
	char *p = anon(4, RW), *none = anon(1, PROT_NONE);
	long before = locked_pages();

	ok(mlock(p + 1, PAGE) == 0 && locked_pages() == before + 2 && resident(p) == 1 && resident(p + PAGE) == 1, "mlock of parts of two pages brings both in");
	ok(mlock(p, 2 * PAGE) == 0 && locked_pages() == before + 2, "once more: nothing new");
	ok(munlock(p, PAGE) == 0 && locked_pages() == before + 1, "munlock");
	ok(syscall(SYS_mlock2, p + 2 * PAGE, PAGE, ONFAULT) == 0 && resident(p + 2 * PAGE) == 0 && locked_pages() == before + 2, "MLOCK_ONFAULT waits for a touch");
	ok(syscall(SYS_mlock2, p, PAGE, 2) == -1 && errno == EINVAL, "an unknown flag: EINVAL");
	ok(mlock(none, PAGE) == -1 && errno == ENOMEM, "what cannot be read cannot be brought in: ENOMEM");
	munlock(none, PAGE);
	munmap(p + 3 * PAGE, PAGE);
	ok(mlock(p, 4 * PAGE) == -1 && errno == ENOMEM && locked_pages() == before + 3, "up to a hole: ENOMEM");
	ok(munlock(p, 4 * PAGE) == -1 && errno == ENOMEM && locked_pages() == before, "munlock likewise");
	mlock(p, PAGE);
	char *q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | 4, nullptr);
	ok(q != MAP_FAILED && advise_fails(q, PAGE, MADV_DONTNEED, EINVAL) && madvise(p, PAGE, MADV_DONTNEED) == 0,
	   "MREMAP_DONTUNMAP takes the lock along");
	before = locked_pages();
	munmap(q, PAGE);
	ok(locked_pages() == before - 1, "munmap unlocks");
}

static int child_limits(char *p)
{
	limit_locked(4);
	if (setuid(1000))
		return 1;
	if (mlock(p, 5 * PAGE) != -1 || errno != ENOMEM)
		return 2;
	if (mlock(p, 4 * PAGE) || mlock(p + PAGE, 3 * PAGE))
		return 3;
	if (mmap(nullptr, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) != MAP_FAILED || errno != EAGAIN)
		return 4;
	if (mlockall(MCL_CURRENT) != -1 || errno != ENOMEM)
		return 5;
	if (mlockall(MCL_FUTURE))
		return 6;
	if (mmap(nullptr, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != EAGAIN)
		return 7;
	long brk = syscall(SYS_brk, 0);
	if (syscall(SYS_brk, brk + (1 << 20)) != brk)
		return 8;
	if (munlockall() || anon(1, RW) == MAP_FAILED)
		return 9;
	limit_locked(0);
	if (mlock(p, PAGE) != -1 || errno != EPERM)
		return 10;
	if (mlockall(MCL_FUTURE) != -1 || errno != EPERM)
		return 11;
	// The C library has another errno for this one.
	if (syscall(SYS_mmap, 0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) != -1 || errno != EPERM)
		return 12;
	return munlock(p, PAGE) ? 13 : 0;
}

static int child_all(char *p)
{
	if (mlockall(0) != -1 || errno != EINVAL || mlockall(8) != -1 || errno != EINVAL || mlockall(MCL_ONFAULT_) != -1 || errno != EINVAL)
		return 1;
	if (locked_pages() != 0)
		return 2;
	if (mlockall(MCL_CURRENT) || resident(p) != 1 || locked_pages() < 16)
		return 3;
	if (munlockall() || locked_pages() != 0)
		return 4;
	char *q = anon(2, RW);
	if (mlockall(MCL_FUTURE) || locked_pages() != 0 || resident(q) != 0)
		return 5;
	q = anon(2, RW);
	if (resident(q) != 1 || locked_pages() != 2)
		return 6;
	long brk = (syscall(SYS_brk, 0) + (long)PAGE - 1) & -(long)PAGE;
	if (syscall(SYS_brk, brk + 2 * PAGE) != brk + 2 * (long)PAGE || resident((char *)brk) != 1)
		return 7;
	if (mlockall(MCL_FUTURE | MCL_ONFAULT_))
		return 8;
	q = anon(2, RW);
	return resident(q) != 0 ? 9 : 0;
}

static void test_mlock_limits(void)
{
	char *p = anon(16, RW);

	// A large heap would make the limit's edge depend on the C library: only this file's pages.
	int r = in_child(child_limits, p);
	ok(r == 0, "RLIMIT_MEMLOCK holds for mlock, mmap, mlockall, brk: step %d", r);
	r = in_child(child_all, p);
	ok(r == 0, "mlockall: now, in future, at the touch: step %d", r);
}

static void test_process_madvise(void)
{
	char *p = anon(4, RW), c;
	int fd = (int)syscall(434, getpid(), 0), ready[2];
	struct iovec v[2] = {{p, PAGE}, {p + 2 * PAGE, 2 * PAGE}};

	memset(p, 1, 4 * PAGE);
	ok(syscall(440, fd, v, 2, COLD, 0) == (long)(3 * PAGE), "process_madvise counts bytes");
	ok(syscall(440, fd, v, 2, COLD, 1) == -1 && errno == EINVAL, "flags: EINVAL");
	ok(syscall(440, 99, v, 2, COLD, 0) == -1 && errno == EBADF, "no descriptor: EBADF");
	munmap(p + 3 * PAGE, PAGE);
	ok(syscall(440, fd, v, 2, COLD, 0) == (long)PAGE, "what was advised before an error counts");
	ok(syscall(440, fd, v + 1, 1, COLD, 0) == -1 && errno == ENOMEM, "a hole: ENOMEM");
	pipe(ready);
	pid_t pid = fork();
	if (pid == 0) {
		read(ready[0], &c, 1);
		_exit(0);
	}
	int other = (int)syscall(434, pid, 0);
	ok(syscall(440, other, v, 1, COLD, 0) == (long)PAGE, "another process");
	ok(syscall(440, other, v, 1, MADV_DONTNEED, 0) == -1 && errno == EINVAL, "nothing destructive there: EINVAL");
	write(ready[1], "x", 1);
	waitpid(pid, nullptr, 0);
	ok(syscall(440, other, v, 1, COLD, 0) == -1 && errno == ESRCH, "it has gone: ESRCH");
}

int main(void)
{
	char stack[16384];
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaltstack(&alt, nullptr);
	sigaction(SIGSEGV, &sa, nullptr);
	sigaction(SIGBUS, &sa, nullptr);
	test_errors();
	test_fork();
	test_populate();
	test_remove();
	test_guard();
	test_mincore();
	test_msync();
	test_mlock();
	test_mlock_limits();
	test_process_madvise();
	return tap_done();
}
