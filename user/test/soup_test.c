// SPDX-License-Identifier: MIT
/*
 * Everything at once: workers fork trees, run threads, exec, queue signals, change mappings, share files and kill, chosen
 * at random, while hoarders keep more memory in use than a small machine has, read and write it, page it out and fork.
 * Everybody checks what it reads. Rounds of a minute at most; after each, with the hoarders' memory still there, Quire's
 * own audit must find nothing.
 *
 *	soup_test [SECONDS [MIB [SEED]]]
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "user/test/soup_jobs.h"

static const struct job {
	const char *name;
	int (*run)(uint64_t seed);
} jobs[] = {
	{ "tree of forks", job_tree }, { "threads", job_threads }, { "exec", job_exec },
	{ "signals", job_signals }, { "maps", job_maps }, { "shared file", job_file },
	{ "kill", job_kill }, { "exec among threads", job_exec_among_threads }, { "pipe", job_pipe },
};

static void wrong(const char *who, int status)
{
	__atomic_fetch_add(&control->wrong, 1, __ATOMIC_RELAXED);
	printf("# wrong: %s: status %#x\n", who, status);
	fflush(stdout);
}

static void worker(uint64_t seed)
{
	while (now() < control->until && !control->wrong) {
		const struct job *j = &jobs[next(&seed) % (sizeof(jobs) / sizeof(jobs[0]))];
		pid_t pid = fork();

		if (pid == 0) {
			alarm(HANGS);
			_exit(j->run(next(&seed)));
		}
		int status = status_of(pid);

		if (status)
			wrong(j->name, status);
		__atomic_fetch_add(&control->jobs, 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

// ---- Hoarders ----

// A child that finds all as it was, in a sample, and spoils its own copy.
static void snapshot(uint64_t *at, const uint64_t *want, size_t pages, uint64_t seed)
{
	pid_t pid = fork();

	for (unsigned i = 0; pid == 0 && i < 200; i++) {
		size_t p = next(&seed) % pages;

		if (!holds(at + p * WORDS, want[p]) && at[p * WORDS] != ~0ul)
			_exit(1);
		at[p * WORDS] = ~0ul;
	}
	if (pid == 0)
		_exit(0);
	int status = status_of(pid);

	if (status)
		wrong("a hoarder's child", status);
}

static void hoard_round(uint64_t *at, uint64_t *want, size_t pages, uint64_t *seed)
{
	while (now() < control->until && !control->wrong) {
		size_t p = next(seed) % pages;

		if (!holds(at + p * WORDS, want[p]))
			wrong("a hoarder's page", (int)p);
		if (next(seed) % 2)
			fill(at + p * WORDS, want[p] = next(seed));
		if (next(seed) % 2000 == 0)
			snapshot(at, want, pages, *seed);
		if (next(seed) % 500 == 0)
			madvise(at + p * WORDS, (pages - p < 300 ? pages - p : 300) * PAGE, MADV_PAGEOUT);
		__atomic_fetch_add(&control->touched, 1, __ATOMIC_RELAXED);
	}
}

static void hoarder(size_t pages, uint64_t seed)
{
	uint64_t *at = map(pages, MAP_PRIVATE | MAP_NORESERVE);
	uint64_t *want = map((pages * 8 + PAGE - 1) / PAGE, MAP_PRIVATE);

	for (size_t p = 0; p < pages; p++)
		fill(at + p * WORDS, want[p] = next(&seed));
	for (int round = 1; !control->over; round++) {
		while (__atomic_load_n(&control->round, __ATOMIC_ACQUIRE) < round && !control->over)
			usleep(20000);
		hoard_round(at, want, pages, &seed);
		__atomic_fetch_add(&control->paused, 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

// ---- The test ----

static void run_round(pid_t *hoarders, int round, int seconds, uint64_t seed)
{
	pid_t pid[WORKERS];
	int status;

	control->until = now() + seconds;
	control->paused = 0;
	__atomic_store_n(&control->round, round, __ATOMIC_RELEASE);
	for (int i = 0; i < WORKERS; i++)
		if ((pid[i] = fork()) == 0)
			worker(seed * 1000 + (uint64_t)(round * WORKERS + i));
	for (int i = 0; i < WORKERS; i++)
		if (status_of(pid[i]))
			wrong("a worker", 1);
	while (__atomic_load_n(&control->paused, __ATOMIC_ACQUIRE) < HOARDERS && !control->wrong) {
		for (int i = 0; i < HOARDERS; i++)
			if (waitpid(hoarders[i], &status, WNOHANG) == hoarders[i])
				wrong("a hoarder", status);
		usleep(20000);
	}
}

static void rounds(int seconds, size_t pages, uint64_t seed)
{
	pid_t hoarders[HOARDERS];
	time_t end = now() + seconds;

	for (int i = 0; i < HOARDERS; i++)
		if ((hoarders[i] = fork()) == 0)
			hoarder(pages / HOARDERS, seed * 31 + (uint64_t)i);
	for (int round = 1; now() < end && !control->wrong; round++) {
		run_round(hoarders, round, seconds < 60 ? seconds : 60, seed);
		usleep(200000);	// what has ended is let go of a little later
		ok(!control->wrong && !*read_text("/proc/quire/audit"),
		   "round %d: %lu jobs, %lu pages touched, and the audit is empty", round, control->jobs,
		   control->touched);
		if (text[0])
			printf("# audit: %.2000s\n", text);
	}
	control->over = true;
	for (int i = 0; i < HOARDERS; i++)
		ok(status_of(hoarders[i]) == 0, "hoarder %d ends well", i);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--length"))
		return strspn(argv[2], "x") != (argv[2][0] ? 100 * 1024 - 1 : 0);

	int seconds = argc > 1 ? atoi(argv[1]) : 3;
	size_t mib = argc > 2 ? (size_t)atol(argv[2]) : 16;
	uint64_t seed = argc > 3 ? (uint64_t)atol(argv[3]) : 1;

	control = mmap(nullptr, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	rounds(seconds, mib * 256, seed);
	return tap_done();
}
