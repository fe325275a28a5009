// SPDX-License-Identifier: MIT
// What is resident, of which kind, and how much it was at most: /proc/PID/status, clear_refs, ru_maxrss; and MADV_WILLNEED, which
// brings back what was put away.

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

constexpr size_t PAGE = 4096, MIB = 1 << 20;
constexpr long SLACK = 6 * 1024; // KiB: counts are kept in batches

static long status(const char *name)
{
	char line[128];
	long value = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = atol(line + strlen(name) + 1);
	if (f)
		fclose(f);
	return value;
}

static bool near(long value, long wanted)
{
	if (labs(value - wanted) > SLACK)
		printf("# %ld KiB, should be about %ld\n", value, wanted);
	return labs(value - wanted) <= SLACK;
}

static char *touched(size_t size, int flags)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		tap_bail("mmap");
	for (size_t at = 0; at < size; at += PAGE)
		p[at] = (char)(at / PAGE + 1);
	return p;
}

static void test_kinds(void)
{
	long anon = status("RssAnon"), shmem = status("RssShmem"), file = status("RssFile"), rss = status("VmRSS");
	char *p = touched(16 * MIB, MAP_PRIVATE), *s = touched(24 * MIB, MAP_SHARED);

	ok(near(status("RssAnon"), anon + 16 * 1024), "RssAnon: private memory");
	ok(near(status("RssShmem"), shmem + 24 * 1024), "RssShmem: shared memory");
	ok(near(status("RssFile"), file), "RssFile: neither");
	ok(near(status("VmRSS"), rss + 40 * 1024), "VmRSS: both");
	munmap(p, 16 * MIB);
	munmap(s, 24 * MIB);
	ok(near(status("VmRSS"), rss), "which is gone when they are unmapped");
}

static bool write_clear_refs(const char *what)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);
	bool done = fd >= 0 && write(fd, what, strlen(what)) == (ssize_t)strlen(what);

	close(fd);
	return done;
}

static void test_peak(void)
{
	struct rusage u;
	long rss = status("VmRSS"), size = status("VmSize");

	getrusage(RUSAGE_SELF, &u);
	long before = u.ru_maxrss;	// also of who has called exec

	munmap(touched(48 * MIB, MAP_PRIVATE), 48 * MIB);
	ok(near(status("VmHWM"), rss + 48 * 1024), "VmHWM: most that was resident");
	ok(near(status("VmPeak"), size + 48 * 1024), "VmPeak: most that was mapped");
	ok(getrusage(RUSAGE_SELF, &u) == 0 && near(u.ru_maxrss, before > rss + 48 * 1024 ? before : rss + 48 * 1024), "ru_maxrss: the same");
	ok(write_clear_refs("5") && near(status("VmHWM"), status("VmRSS")), "clear_refs: 5 lets it begin anew");
	ok(!write_clear_refs("0") && !write_clear_refs("6"), "clear_refs: there is no 0 and no 6");
	for (int i = 0; i < 100; i++)
		munmap(touched(2 * MIB, MAP_PRIVATE), 2 * MIB);
	ok(near(status("VmHWM"), rss + 2 * 1024), "VmHWM: what comes again and again counts once");
}

static long peak_of_child(void (*body)(void))
{
	struct rusage u = {};
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(0);
	}
	return wait4(pid, NULL, 0, &u) == pid ? u.ru_maxrss : -1;
}

static void do_nothing(void) {}

static void take_and_give_back(void)
{
	munmap(touched(32 * MIB, MAP_PRIVATE), 32 * MIB);
}

static void keep(void)
{
	touched(40 * MIB, MAP_PRIVATE);
}

static void test_children(void)
{
	struct rusage u;
	long rss = status("VmRSS");

	ok(near(peak_of_child(do_nothing), rss), "wait4: a child has what its parent had");
	ok(near(peak_of_child(take_and_give_back), rss + 32 * 1024), "wait4: and what it had at most");
	ok(near(peak_of_child(keep), rss + 40 * 1024), "wait4: and what it had at its end");
	ok(getrusage(RUSAGE_CHILDREN, &u) == 0 && near(u.ru_maxrss, rss + 40 * 1024), "RUSAGE_CHILDREN: the largest of all");
	char *p = touched(20 * MIB, MAP_PRIVATE);

	ok(near(peak_of_child(do_nothing), rss + 20 * 1024), "wait4: also of a parent that has grown");
	munmap(p, 20 * MIB);
}

static bool intact(const char *p, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE)
		if (p[at] != (char)(at / PAGE + 1))
			return false;
	return true;
}

static void test_will_need(int flags, const char *kind)
{
	size_t size = 2 * MIB;
	char *p = touched(size, flags);

	madvise(p, size, MADV_PAGEOUT); // not every system can
	ok(madvise(p, size, MADV_WILLNEED) == 0, "MADV_WILLNEED of %s memory", kind);
	if (access("/proc/quire", F_OK) == 0 && status("VmSwap") > 0)
		ok(false, "all of it is back: VmSwap %ld", status("VmSwap"));
	ok(intact(p, size), "which is as it was");
	munmap(p + PAGE, PAGE);
	ok(madvise(p, size, MADV_WILLNEED) == -1 && errno == ENOMEM, "ENOMEM with a hole in it");
	munmap(p, size);
}

int main(void)
{
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); // pages come one by one
	test_kinds();
	test_peak();
	test_children();
	test_will_need(MAP_PRIVATE, "private");
	test_will_need(MAP_SHARED, "shared");
	return tap_done();
}
