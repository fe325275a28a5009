// SPDX-License-Identifier: MIT
// For tests that let one allocation fail: the n-th that a call makes, for n = 1, 2, ... until the call makes fewer. Each try is a
// process of its own, which sets the stage, makes the call with the failure in it, looks whether all is as it was before,
// and makes the call again. Afterwards the audit must be empty, and every object and page given back.
//
// Kernels with DEBUG count the allocations of small objects as well; the others those of pages only, of which many a call makes none.

#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/asleep.h"
#include "user/test/tap.h"

constexpr size_t PAGE = 4096, MIB = 1 << 20;

enum fail_flags : unsigned {
	MAY_DIE = 1,		// the call touches memory: who finds none is killed
	PARTLY = 2,		// what has been done before the failure stays, as on Linux
	ONCE = 4,		// a second call would not do the same
};

struct fail_case {
	const char *name;
	long number, args[6];		// a system call,
	long (*call)(void);		// or this: -1 and errno, if it fails
	void (*setup)(void);		// nothing fails yet
	bool (*done)(void);		// is it as it should be after success?
	int also;			// an errno allowed beside ENOMEM
	unsigned flags;
};

#define FAIL_CALL(what, call, ...) .name = what, .number = SYS_##call, .args = { __VA_ARGS__ }

// ---- Quire's files; open before anything fails

static int fail_control = -1;

// False: such a failure cannot be asked for here, which is told.
static inline bool fail_open(void)
{
	fail_control = open("/proc/quire/failalloc", O_RDWR | O_CLOEXEC);
	if (fail_control < 0)
		tap_skip("allocations that fail when asked are Quire's only");
	return fail_control >= 0;
}

// Whether it could be written: taking a failure back may be what fails.
static inline bool fail_at(int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d\n", n);

	return pwrite(fail_control, text, (size_t)length, 0) == length;
}

static inline long fail_count(void)
{
	char text[24] = "";

	return pread(fail_control, text, sizeof(text) - 1, 0) > 0 ? atol(text) : -1;
}

// A line for each thing that is wrong, none if all is well.
static inline int fail_audit(void)
{
	char text[4096];
	int fd = open("/proc/quire/audit", O_RDONLY), wrong = 0;
	ssize_t n;

	while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		printf("# %s", text);
		wrong++;
	}
	close(fd);
	return wrong;
}

static inline void fail_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t at = 0;
	ssize_t n;

	while (at < size - 1 && (n = read(fd, text + at, size - 1 - at)) > 0)
		at += (size_t)n;
	memset(text + at, 0, size - at);	// touched, so that no later use allocates
	close(fd);
}

// ---- what a try must not change

static char fail_maps[2][8192], fail_counters[2][8192];

// The failure is to be ours, and so are the pages counted: init, which passes on what we print, is to be done with that. The first
// time its stack grows by a page.
static inline void fail_settle(void)
{
	for (int tries = 0; tries < 2500; tries++) {
		int unread = 0;

		if ((ioctl(1, FIONREAD, &unread) || !unread) && is_asleep(1))
			return;
		usleep(2000);
	}
	tap_bail("init is still busy with what was printed");
}

// Called before the failure: no page that the test itself needs may be missing.
static inline void fail_touch_own(void)
{
	extern char _etext[], _end[];
	volatile char stack[32 * 1024];

	for (const char *line = fail_maps[0]; *line; line = strchr(line, '\n') + 1) {
		char *rest;
		unsigned long start = strtoul(line, &rest, 16), end = strtoul(rest + 1, &rest, 16);

		if (rest[2] != 'w' || end <= (unsigned long)_etext || start > (unsigned long)_end)
			continue;
		for (; start < end; start += PAGE)
			*(volatile char *)start = *(volatile char *)start;
	}
	for (size_t i = 0; i < sizeof(stack); i += PAGE)
		stack[i] = 0;
	clock_gettime(CLOCK_MONOTONIC, &(struct timespec){});	// the vDSO's pages
	errno = 0;
}

// A child that does `act` when *go is closed, or we end, and exits with errno. Until then it needs no more memory.
static inline pid_t fail_child(int *go, void (*act)(void))
{
	int begin[2], ready[2];
	char byte;

	if (pipe(begin) || pipe(ready))
		tap_bail("pipe");
	pid_t pid = fork();

	if (pid < 0)
		tap_bail("fork");
	if (pid == 0) {
		close(begin[1]);
		close(ready[0]);
		fail_touch_own();
		close(ready[1]);
		read(begin[0], &byte, 1);
		if (act)
			act();
		_exit(errno);
	}
	close(begin[0]);
	close(ready[1]);
	read(ready[0], &byte, 1);
	close(ready[0]);
	*go = begin[1];
	return pid;
}

// The objects and pages that are in use; tables, stacks and the cache's pages are kept for the next use.
static inline bool fail_counts(const char *line)
{
	static const char *const kept[] = { "pages_anon", "slab_", "tasks", "threads" };

	for (unsigned i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if (!strncmp(line, kept[i], strlen(kept[i])))
			return true;
	return false;
}

// Lines that differ; what is freed later has some time. Prints them at last.
static inline int fail_leaks(void)
{
	int differ = 1;

	for (int tries = 250; differ && tries > 0; tries--) {
		const char *a = fail_counters[0], *b = fail_counters[1];

		if (tries < 250)
			usleep(20000);
		fail_read("/proc/quire/counters", fail_counters[1], sizeof(fail_counters[1]));
		for (differ = 0; *a && *b; a = strchr(a, '\n') + 1, b = strchr(b, '\n') + 1) {
			size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");

			if (!fail_counts(a) || atol(a + strcspn(a, " ")) >= atol(b + strcspn(b, " ")))
				continue;
			differ++;
			if (tries == 1)
				printf("# %.*s -> %.*s\n", (int)n, a, (int)m, b);
		}
	}
	return differ;
}

// ---- a try

enum { TRY_OVER, TRY_FAILED, TRY_DONE, TRY_WRONG };	// exit status: no such allocation; the call failed; did without; all else

static inline int fail_wrong(const struct fail_case *c, int n, const char *what, long result)
{
	printf("# %s, allocation %d: %s: %ld\n", c->name, n, what, result);
	fflush(stdout);
	return TRY_WRONG;
}

static inline long fail_call(const struct fail_case *c)
{
	const long *a = c->args;
	long result = c->call ? c->call() : syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]);

	return result == -1 ? -errno : result;
}

static void (*fail_share)(void);	// the last of the stage, behind the case's setup
static bool (*fail_others)(void);	// do those who share the memory see what they did?

static inline int fail_try(const struct fail_case *c, int n, void (*stage)(void), bool (*intact)(void))
{
	if (stage)
		stage();
	if (c->setup)
		c->setup();
	if (fail_share)
		fail_share();
	fail_read("/proc/self/maps", fail_maps[0], sizeof(fail_maps[0]));
	fail_read("/proc/self/maps", fail_maps[1], sizeof(fail_maps[1]));
	fail_touch_own();
	long failed = fail_count();

	fail_at(n);
	long result = fail_call(c);
	bool in_call = fail_at(0) && fail_count() != failed;

	if (result < 0 && !in_call && result == -c->also)
		return TRY_OVER;	// refused for another reason
	if (result < 0 && !in_call)
		return fail_wrong(c, n, "fails though nothing is missing", result);
	if (result < 0 && result != -ENOMEM && result != -c->also)
		return fail_wrong(c, n, "another error", result);
	if (result < 0) {
		fail_read("/proc/self/maps", fail_maps[1], sizeof(fail_maps[1]));
		if (!(c->flags & PARTLY) && strcmp(fail_maps[0], fail_maps[1]))
			return fail_wrong(c, n, "changes what is mapped, and fails", result);
		if (!(c->flags & PARTLY) && intact && !intact())
			return fail_wrong(c, n, "changes memory, and fails", result);
		long again = fail_call(c);
		if (again < 0 && again != -c->also)
			return fail_wrong(c, n, "fails again, though nothing is missing", again);
	}
	if (c->done && !c->done())
		return fail_wrong(c, n, "has not done what it says", result);
	if (fail_others && !fail_others())
		return fail_wrong(c, n, "changes what another process sees", result);
	return !in_call ? TRY_OVER : result < 0 ? TRY_FAILED : TRY_DONE;
}

// In a process of its own: its exit status, or 128 and a signal.
static inline int fail_process(const struct fail_case *c, int n, void (*stage)(void), bool (*intact)(void))
{
	int status, go[2];
	char byte = 0;

	if (pipe(go))
		tap_bail("pipe");
	pid_t pid = fork();
	if (pid < 0)
		tap_bail("fork");
	if (pid == 0) {
		// Not before the parent has touched what it needs until we end: the failure is to be ours.
		read(go[0], &byte, 1);
		close(go[0]);
		close(go[1]);
		_exit(fail_try(c, n, stage, intact));
	}
	status = 0;
	write(go[1], &byte, 1);
	if (waitpid(pid, &status, 0) != pid)
		tap_bail("waitpid");
	fail_at(0);
	close(go[0]);
	close(go[1]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static inline void fail_each(const struct fail_case *c, const char *where, void (*stage)(void), bool (*intact)(void))
{
	constexpr int MOST = 20000;
	int counts[TRY_WRONG + 1] = {}, killed = 0, n, result = TRY_DONE;

	fail_settle();
	fail_read("/proc/self/maps", fail_maps[0], sizeof(fail_maps[0]));
	fail_touch_own();
	for (int i = 0; i < 2; i++)	// what is kept for the next use is there then
		if (fail_process(c, 0, stage, intact) != TRY_OVER)
			counts[TRY_WRONG]++;
	fail_read("/proc/quire/counters", fail_counters[0], sizeof(fail_counters[0]));
	for (n = 1; result != TRY_OVER && !counts[TRY_WRONG] && n < MOST; n += n < 32 ? 1 : n / 4) {	// of many not all
		result = fail_process(c, n, stage, intact);
		if (result == 128 + SIGKILL && (c->flags & MAY_DIE))
			killed++;
		else
			counts[result < TRY_WRONG ? result : TRY_WRONG]++;
		if (result > TRY_WRONG && !(result == 128 + SIGKILL && (c->flags & MAY_DIE)))
			fail_wrong(c, n, "ends the process", result);
	}
	int wrong = fail_audit(), leaks = fail_leaks();

	ok(!counts[TRY_WRONG] && !wrong && !leaks && n < MOST, "%s, %s: fails for want of %d allocations, does without %d, dies of %d",
	   c->name, where, counts[TRY_FAILED], counts[TRY_DONE], killed);
}
