// SPDX-License-Identifier: MIT
// The jobs of user/test/soup_test.c: each runs in a process of its own and says whether all was right.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "user/test/proc.h"

constexpr size_t PAGE = 4096, WORDS = PAGE / 8;
constexpr int WORKERS = 6, HOARDERS = 2, HANGS = 900;	// seconds until a job is taken to hang
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static struct control {			// shared by all
	int round, paused;		// hoarders work in rounds > 0; paused: those that have ended theirs
	bool over;
	int wrong;
	time_t until;
	unsigned long jobs, touched;
} *control;

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

static int complain(const char *what, int line)
{
	printf("# line %d: %s (errno %d)\n", line, what, errno);
	fflush(stdout);
	return 1;
}
#define MUST(x) do { if (!(x)) return complain(#x, __LINE__); } while (0)

static void *map(size_t pages, int flags)
{
	return mmap(nullptr, pages * PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
}

static int status_of(pid_t pid)
{
	int status = -1;

	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

// ---- Pages whose bytes say what they must be; they compress well ----

static void fill(uint64_t *page, uint64_t seed)
{
	for (size_t i = 0; i < WORDS; i += 8) {
		page[i] = seed * 0x9e3779b97f4a7c15ul;
		page[i + 1] = i;
	}
}

static bool holds(const uint64_t *page, uint64_t seed)
{
	for (size_t i = 0; i < WORDS; i += 8)
		if (page[i] != seed * 0x9e3779b97f4a7c15ul || page[i + 1] != (seed ? i : 0))
			return false;
	return true;
}

// ---- Jobs: each in a process of its own; 0 if all was right ----

constexpr size_t TREE_PAGES = 64;

// Each of the tree has the pages of its parent and changes some; nobody sees another's changes.
static int branch(uint64_t *at, uint64_t *want, unsigned depth, uint64_t seed)
{
	pid_t pid[2] = {};

	for (unsigned i = 0; i < 10; i++) {
		size_t p = next(&seed) % TREE_PAGES;

		want[p] = next(&seed);
		fill(at + p * WORDS, want[p]);
	}
	for (unsigned i = 0; depth && i < 2; i++)
		if ((pid[i] = fork()) == 0)
			_exit(branch(at, want, depth - 1, seed + i));
	fill(at, want[0] = depth + 1);
	for (unsigned i = 0; depth && i < 2; i++)
		MUST(status_of(pid[i]) == 0);
	for (size_t p = 0; p < TREE_PAGES; p++)
		MUST(holds(at + p * WORDS, want[p]) || !want[p]);
	return 0;
}

static int job_tree(uint64_t seed)
{
	uint64_t want[TREE_PAGES] = {}, *at = map(TREE_PAGES, MAP_PRIVATE);

	MUST(at != MAP_FAILED);
	return branch(at, want, 3, seed);
}

static uint64_t *arena;			// of threads: page p belongs to thread p % 4
static volatile bool threads_wrong;

static void *thread_maps(void *arg)
{
	uint64_t me = (uint64_t)arg, seed = me + 17;

	for (unsigned i = 0; i < 60; i++) {
		size_t n = 1 + next(&seed) % 40, p = next(&seed) % 64 / 4 * 4 + me;
		uint64_t *at = map(n, MAP_PRIVATE);

		if (at == MAP_FAILED || at[next(&seed) % n * WORDS]) {
			threads_wrong = true;
			break;
		}
		fill(at, seed);
		fill(arena + p * WORDS, p + 1);
		threads_wrong |= !holds(at, seed) || !holds(arena + p * WORDS, p + 1);
		munmap(at, n * PAGE);
	}
	return nullptr;
}

static int job_threads(uint64_t seed)
{
	pthread_t t[4];

	arena = map(64, MAP_PRIVATE);
	MUST(arena != MAP_FAILED);
	for (uint64_t i = 0; i < 4; i++)
		MUST(pthread_create(&t[i], nullptr, thread_maps, (void *)i) == 0);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			bool good = true;

			for (size_t p = 0; p < 64; p++)	// perhaps half filled
				good &= !arena[p * WORDS + WORDS - 7] ||
					arena[p * WORDS] == (p + 1) * 0x9e3779b97f4a7c15ul;
			memset(arena, 0xff, 64 * PAGE);
			_exit(!good);
		}
		MUST(status_of(pid) == 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], nullptr);
	MUST(!threads_wrong);
	return 0;
}

// Replaces itself, with 100 KiB of arguments, by a program that checks them.
static int job_exec(uint64_t seed)
{
	static char big[100 * 1024];
	char *argv[] = { "soup_test", "--length", big, nullptr }, *envp[] = { nullptr };
	pid_t pid = vfork();

	if (pid == 0) {
		memset(big, 'x', sizeof(big) - 1);
		execve("/proc/self/exe", argv, envp);
		_exit(1);
	}
	MUST(status_of(pid) == 0);
	return 0;
}

static volatile int arrived, in_order = 1;

static void on_queued(int sig, siginfo_t *info, void *context)
{
	in_order &= info->si_value.sival_int == arrived;
	arrived++;
}

// A child that faults all the time gets 30 queued signals, each once and in order, stopped and continued in between.
static int job_signals(uint64_t seed)
{
	struct sigaction a = { .sa_sigaction = on_queued, .sa_flags = SA_SIGINFO };
	pid_t pid;

	sigaction(SIGRTMIN, &a, nullptr);
	if ((pid = fork()) == 0) {
		while (arrived < 30 && in_order) {
			uint64_t *at = map(8, MAP_PRIVATE);

			fill(at + 3 * WORDS, 5);
			in_order &= holds(at + 3 * WORDS, 5);
			munmap(at, 8 * PAGE);
		}
		_exit(!in_order);
	}
	for (int i = 0; i < 30; i++) {
		if (next(&seed) % 8 == 0) {
			kill(pid, SIGSTOP);
			kill(pid, SIGCONT);
		}
		MUST(sigqueue(pid, SIGRTMIN, (union sigval){ .sival_int = i }) == 0);
	}
	MUST(status_of(pid) == 0);
	return 0;
}

constexpr size_t MAP_PAGES = 1100;	// more than two tables

static int change(uint64_t *at, uint64_t *want, uint64_t *seed)
{
	size_t p = next(seed) % MAP_PAGES, n = 1 + next(seed) % (MAP_PAGES - p) % 600;
	char *from = (char *)at + p * PAGE, *away;

	switch (next(seed) % 8) {
	case 0:
		MUST(mprotect(from, n * PAGE, PROT_READ) == 0);
		return mprotect(from, n * PAGE, PROT_READ | PROT_WRITE);
	case 1:
		memset(want + p, 0, n * sizeof(*want));
		return madvise(from, n * PAGE, MADV_DONTNEED);
	case 2:
		memset(want + p, 0, n * sizeof(*want));
		return mmap(from, n * PAGE, PROT_READ | PROT_WRITE,
			    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != from;
	case 3:
		away = map(n, MAP_PRIVATE);
		MUST(away != MAP_FAILED);
		MUST(mremap(from, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, away) == away);
		return mremap(away, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, from) != from;
	case 4:
		madvise(from, n * PAGE, MADV_PAGEOUT);
		return 0;
	default:
		want[p] = next(seed);
		fill((uint64_t *)from, want[p]);
		return 0;
	}
}

// Random calls against an array of what each page must hold; the second half in a child, and once more in the parent.
static int job_maps(uint64_t seed)
{
	static uint64_t want[MAP_PAGES];
	uint64_t *at = map(MAP_PAGES, MAP_PRIVATE);

	MUST(at != MAP_FAILED);
	for (int half = 0; half < 2; half++) {
		for (int i = 0; i < 60; i++)
			MUST(change(at, want, &seed) == 0);
		for (size_t p = 0; p < MAP_PAGES; p++)
			MUST(holds(at + p * WORDS, want[p]));
		pid_t pid = half ? 0 : fork();

		MUST(pid >= 0);
		if (!half && pid)
			MUST(status_of(pid) == 0);
	}
	return 0;
}

// Children add to the words of one file, through shared mappings.
static int job_file(uint64_t seed)
{
	char name[] = "/tmp/soup.XXXXXX";
	int fd = mkstemp(name);
	int status;
	long word, sum = 0;

	MUST(fd >= 0 && unlink(name) == 0 && ftruncate(fd, 16 * PAGE) == 0);
	volatile long *at = mmap(nullptr, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	MUST(at != MAP_FAILED);
	for (int c = 0; c < 4; c++) {
		pid_t pid = fork();

		MUST(pid >= 0);
		for (int i = 0; pid == 0 && i < 500; i++)
			__atomic_fetch_add(&at[next(&seed) % 16 * WORDS], 1, __ATOMIC_RELAXED);
		if (pid == 0)
			_exit(0);
	}
	for (int c = 0; c < 4; c++)
		MUST(wait(&status) > 0 && status == 0);
	for (size_t p = 0; p < 16; p++) {
		MUST(pread(fd, &word, sizeof(word), (off_t)(p * PAGE)) == sizeof(word));
		sum += word;
	}
	MUST(sum == 2000);
	return 0;
}

static void *busy(void *unused)
{
	for (;;) {
		uint64_t *at = map(8, MAP_PRIVATE);

		if (at != MAP_FAILED) {
			fill(at + WORDS, 1);
			munmap(at, 8 * PAGE);
		}
	}
}

static void become_busy(int threads)
{
	pthread_t t;

	for (int i = 0; i < threads; i++)
		pthread_create(&t, nullptr, busy, nullptr);
}

static int job_kill(uint64_t seed)
{
	pid_t pid = fork();

	if (pid == 0) {
		become_busy(3);
		busy(nullptr);
	}
	usleep(next(&seed) % 20000);
	MUST(kill(pid, SIGKILL) == 0);
	MUST(status_of(pid) == SIGKILL);
	return 0;
}

static int job_exec_among_threads(uint64_t seed)
{
	char *argv[] = { "soup_test", "--length", "", nullptr }, *envp[] = { nullptr };
	pid_t pid = fork();

	if (pid == 0) {
		become_busy(3);
		usleep(next(&seed) % 5000);
		execve("/proc/self/exe", argv, envp);
		_exit(1);
	}
	MUST(status_of(pid) == 0);
	return 0;
}

static int job_pipe(uint64_t seed)
{
	uint64_t page[WORDS] = {};
	int p[2];

	MUST(pipe(p) == 0);
	pid_t pid = fork();

	if (pid == 0) {
		for (uint64_t i = 1; i <= 64; i++) {
			fill(page, i);
			if (write(p[1], page, PAGE) != PAGE)
				_exit(1);
		}
		_exit(0);
	}
	for (uint64_t i = 1; i <= 64; i++) {
		for (size_t n = 0; n < PAGE;) {
			ssize_t got = read(p[0], (char *)page + n, PAGE - n);

			MUST(got > 0);
			n += (size_t)got;
		}
		MUST(holds(page, i));
	}
	MUST(status_of(pid) == 0);
	return 0;
}
