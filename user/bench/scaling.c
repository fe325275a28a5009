// SPDX-License-Identifier: MIT
/*
 * Memory calls on one CPU and on all at once: operations in a second, and what Quire counted meanwhile (flushes, interrupts to
 * other CPUs, locks found taken), for each thousand of operations. Under emulation the rates say little, the counts much.
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
static const char *const names[] = { "tlb_flush_range", "tlb_flush_asid", "tlb_ipis", "lock_waits_spin",
	"lock_waits_mutex", "lock_waits_read", "lock_waits_write" };
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
			if (!strcmp(name, names[i]))
				value[i] = v;
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

static void print(const char *name, int n, double rate, unsigned long total, const unsigned long *a, const unsigned long *b)
{
	printf("%s_%d %.0f op/s 1\n", name, n, rate);
	printf("#   in 1000:");
	for (int i = 0; i < NAMES; i++)
		printf(" %s %.2f", names[i], (double)(b[i] - a[i]) * 1000 / (double)(total ? total : 1));
	printf("\n");
	fflush(stdout);
}

static double measure(const char *name, unsigned long (*op)(int), int n, int as_processes)
{
	unsigned long before[NAMES] = { 0 }, after[NAMES] = { 0 }, total = 0;
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
	double rate = (double)total / (now() - from);

	counters(after);
	print(name, n, rate, total, before, after);
	return rate;
}

static void compare(const char *name, unsigned long (*op)(int), int n, int as_processes)
{
	double one = measure(name, op, 1, as_processes), all = measure(name, op, n, as_processes);

	printf("#   %s: %d do %.2f times as much as one\n", name, n, all / one);
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int n = cpus > MOST ? MOST : (int)cpus;

	seconds = argc > 1 ? atoi(argv[1]) : seconds;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	compare("fault_threads", do_fault, n, 0);
	compare("fault_processes", do_fault, n, 1);
	compare("mmap_touch_munmap_threads", do_unmap, n, 0);
	compare("fork_while_others_fault", do_fork, n, 0);
	return 0;
}
