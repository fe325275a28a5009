// SPDX-License-Identifier: MIT
/*
 * Memory calls of one thread or process, of two, of four: operations in a second, and what Quire counted meanwhile, for each
 * operation: time spent waiting for locks, threads that slept for one, flushes, interrupts to other CPUs for them. Under
 * emulation, and where CPUs are fewer than the machine pretends, the rates say little, the counts much.
 *
 *	scaling [SECONDS for each]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PART = 2 << 20, MOST = 16 };

static struct shared {
	volatile int go, stop;
	struct { _Alignas(64) unsigned long n; } done[MOST];
} *shared;

static int seconds = 2;

/* Columns of the table, each the sum of some of Quire's counters. */
enum { LOCK_NS, SLEEPS, FLUSHES, IPIS, COLUMNS };
static const struct { const char *name; int column; } names[] = {
	{ "lock_ns_mutex", LOCK_NS }, { "lock_ns_read", LOCK_NS }, { "lock_ns_write", LOCK_NS },
	{ "lock_waits_slept", SLEEPS }, { "tlb_flush_range", FLUSHES }, { "tlb_flush_asid", FLUSHES },
	{ "tlb_ipis", IPIS },
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void counters(unsigned long *value)
{
	char name[64];
	unsigned long v;
	FILE *f = fopen("/proc/quire/counters", "r");

	while (f && fscanf(f, "%63s %lu", name, &v) == 2)
		for (int i = 0; i < NAMES; i++)
			if (!strcmp(name, names[i].name))
				value[names[i].column] += v;
	if (f)
		fclose(f);
}

/* ---- What each thread does, again and again; returns how many operations that were */

/* Faults in a part of its own: 2 MiB, so that no table is another's. */
static unsigned long do_fault(int me)
{
	static char *parts[MOST];

	if (!parts[me]) {
		char *p = mmap(NULL, 2 * PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		parts[me] = (char *)(((unsigned long)p + PART - 1) & ~(PART - 1ul));
		madvise(parts[me], PART, MADV_NOHUGEPAGE);
	}
	for (size_t at = 0; at < PART; at += PAGE)
		parts[me][at] = 1;
	madvise(parts[me], PART, MADV_DONTNEED);
	return PART / PAGE;
}

static unsigned long do_unmap(int me)
{
	char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 16; i++)
		p[i * PAGE] = 1;
	munmap(p, 16 * PAGE);
	return 1;
}

/* One forks, the others fault. */
static unsigned long do_fork(int me)
{
	if (me) {
		do_fault(me);
		return 0;
	}
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return 1;
}

/* ---- On all CPUs */

struct job {
	unsigned long (*op)(int me);
	int me;
};

static void *run(void *arg)
{
	struct job *j = arg;

	j->op(j->me);
	while (!shared->go)
		usleep(1000);
	while (!shared->stop)
		shared->done[j->me].n += j->op(j->me);
	return NULL;
}

static void launch(struct job *jobs, int n, int as_processes, void *handles)
{
	for (int i = 0; i < n; i++) {
		if (!as_processes) {
			pthread_create((pthread_t *)handles + i, NULL, run, &jobs[i]);
		} else if (fork() == 0) {
			run(&jobs[i]);
			_exit(0);
		}
	}
}

static double measure(const char *name, unsigned long (*op)(int), int n, int as_processes)
{
	unsigned long before[COLUMNS] = { 0 }, after[COLUMNS] = { 0 }, total = 0;
	pthread_t handles[MOST];
	struct job jobs[MOST];

	memset(shared, 0, sizeof(*shared));
	for (int i = 0; i < n; i++)
		jobs[i] = (struct job){ op, i };
	launch(jobs, n, as_processes, handles);
	usleep(300000);
	counters(before);
	double from = now();

	shared->go = 1;
	sleep((unsigned)seconds);
	shared->stop = 1;
	for (int i = 0; i < n; i++) {
		if (as_processes)
			wait(NULL);
		else
			pthread_join(handles[i], NULL);
		total += shared->done[i].n;
	}
	double rate = (double)total / (now() - from), per = (double)(total ? total : 1);

	counters(after);
	printf("| %s | %d | %.0f |", name, n, rate);
	for (int i = 0; i < COLUMNS; i++)
		printf(i == LOCK_NS ? " %.0f |" : " %.4f |", (double)(after[i] - before[i]) / per);
	return rate;
}

static void compare(const char *name, unsigned long (*op)(int), int as_processes)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double one = 0;

	for (int n = 1; n <= cpus && n <= MOST; n *= 2) {
		double rate = measure(name, op, n, as_processes);

		one = n == 1 ? rate : one;
		printf(" %.2f |\n", rate / one);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	seconds = argc > 1 ? atoi(argv[1]) : seconds;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("| operation | at once | in a second | ns in locks | sleeps for one | flushes | interrupts | to one |\n"
	       "|---|--:|--:|--:|--:|--:|--:|--:|\n");
	compare("fault, threads", do_fault, 0);
	compare("fault, processes", do_fault, 1);
	compare("mmap, touch, munmap, threads", do_unmap, 0);
	compare("mmap, touch, munmap, processes", do_unmap, 1);
	compare("fork while others fault", do_fork, 0);
	return 0;
}
