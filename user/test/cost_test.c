// SPDX-License-Identifier: MIT
/*
 * What must not depend on size: calls in a process of 60,000 regions against one of 10; fork of much memory against fork of
 * little, also when the parent has been forked before; and what the parent's first writes cost once the child has gone.
 * Only counted instructions (tools/quire --icount: 1 ns each) can tell, and only Quire promises it: `cost_test counted`.
 * Without that the same is done in small, and nothing said about times.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "user/test/proc.h"

constexpr size_t PAGE = 4096, MIB = 1 << 20;
constexpr double DEEP = 2;	// the tree of regions has four levels then, not one

static bool counted;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void at_most(double small, double large, double factor, const char *what)
{
	if (counted)
		ok(large <= small * factor, "%s: %.0f instructions, against %.0f: at most %.2f times", what, large, small,
		   factor);
	else
		tap_skip("%s", what);
}

static char *map(size_t n)
{
	char *p = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		tap_bail("mmap");
	return p;
}

static void touch(char *p, size_t n)
{
	for (size_t at = 0; at < n; at += PAGE)
		p[at] = 1;
}

// ---- Calls among many regions ----

struct costs {
	double map, unmap, fault, protect;
};

// Of `rounds` pages in the middle of [base, base + n pages), whose regions all differ from their neighbours.
static struct costs among(char *base, size_t n)
{
	constexpr size_t ROUNDS = 200;
	struct costs c = {};

	for (size_t i = 0; i < ROUNDS; i++) {
		char *at = base + (i * 7919 % n & ~1ul) * PAGE;
		double t0 = now();
		munmap(at, PAGE);
		double t1 = now();
		mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		double t2 = now();
		*at = 1;
		double t3 = now();
		mprotect(at, PAGE, PROT_NONE);
		mprotect(at, PAGE, PROT_READ | PROT_WRITE);
		double t4 = now();
		c.unmap += (t1 - t0) / ROUNDS;
		c.map += (t2 - t1) / ROUNDS;
		c.fault += (t3 - t2) / ROUNDS;
		c.protect += (t4 - t3) / ROUNDS;
	}
	return c;
}

// With n regions, each other one writable and touched: a first round is not counted.
static struct costs with_regions(size_t n)
{
	char *base = map(n * PAGE);

	for (size_t i = 1; i < n; i += 2)
		mprotect(base + i * PAGE, PAGE, PROT_READ);
	touch(base, PAGE);
	among(base, n);
	struct costs c = among(base, n);

	munmap(base, n * PAGE);
	return c;
}

static void test_regions(void)
{
	size_t n = counted ? 60000 : 600;
	struct costs few = with_regions(10), many = with_regions(n);

	ok(true, "calls among 10 and among %zu regions", n);
	at_most(few.map, many.map, DEEP, "mmap among 60,000 regions");
	at_most(few.unmap, many.unmap, DEEP, "munmap");
	at_most(few.fault, many.fault, 2, "a fault");
	at_most(few.protect, many.protect, 2.5, "mprotect");	// in a small program it goes straight to its region
}

// ---- fork ----

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	if (waitpid(pid, nullptr, 0) != pid)
		tap_bail("waitpid");
}

static pid_t fork_and_stay(void)
{
	pid_t pid = fork();

	if (pid < 0)
		tap_bail("fork");
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// The call alone; each child ends before the next comes. The median: a clock interrupt that wakes a thread of the kernel in the
// middle of one fork in a hundred adds thousands, which no mean of a few would bear.
static double fork_cost(void)
{
	constexpr int ROUNDS = 11;
	double costs[ROUNDS];

	for (int i = -2; i < ROUNDS; i++) {
		double from = now();
		pid_t pid = fork_and_stay();
		double cost = now() - from;

		end(pid);
		if (i >= 0)
			costs[i] = cost;
	}
	qsort(costs, ROUNDS, sizeof(costs[0]), by_size);
	return costs[ROUNDS / 2];
}

static double fork_cost_with_child(void)
{
	pid_t pid = fork_and_stay();
	double cost = fork_cost();

	end(pid);
	return cost;
}

static void test_fork(void)
{
	size_t n = counted ? 1024 * MIB : 16 * MIB;
	char *little = map(MIB);

	touch(little, MIB);
	double small = fork_cost(), small_again = fork_cost_with_child();
	char *much = map(n), *parts = map(2000 * PAGE);

	touch(much, n);
	at_most(small, fork_cost(), 1.05, "fork of 1 GiB against 1 MiB");
	at_most(small_again, fork_cost_with_child(), 1.05, "the same by a parent that has a child already");
	for (size_t i = 0; i < 2000; i += 2)
		mprotect(parts + i * PAGE, PAGE, PROT_READ);
	at_most(small, fork_cost(), 1.05, "and with a thousand regions and more");
	munmap(parts, 2000 * PAGE);
	munmap(much, n);
	munmap(little, MIB);
}

// ---- After the child ----

static long faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt;
}

// The whole is one subtree in the root: once the child has gone, the first write takes it back with all below.
static void test_first_write(void)
{
	size_t n = counted ? 512 * MIB : 16 * MIB;
	char *much = map(n);

	madvise(much, n, MADV_NOHUGEPAGE);
	touch(much, n);
	end(fork_and_stay());
	touch(much, PAGE);
	long before = faults();
	double from = now();

	touch(much, n);
	double cost = now() - from;
	long more = faults() - before;

	ok(much[n / 2] == 1, "after the child has gone the parent writes to all it has");
	if (on_quire())
		ok(more <= 4, "%ld more faults after the first", more);
	else
		tap_skip("how many faults after the first");
	at_most(100, cost / (double)(n / PAGE), 1, "a page written");
	munmap(much, n);
}

int main(int argc, char **argv)
{
	counted = argc > 1 && !strcmp(argv[1], "counted");
	test_regions();
	test_fork();
	test_first_write();
	return tap_done();
}
