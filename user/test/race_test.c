// SPDX-License-Identifier: MIT
// Threads of one address space write, protect, map, move, fork, truncate and exec at the same
// time, and check what they read.
//
//	race_test [SECONDS]

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

constexpr size_t PAGE = 4096, WORDS = PAGE / 8;
constexpr size_t ARENA_PAGES = 1200, WRITERS = 3;

static volatile bool stop;
static volatile int bad;
static volatile uint64_t (*arena)[WORDS]; // page p belongs to writer p % WRITERS
static unsigned long writes, forks, moves, protects, truncates, execs;
static _Thread_local sigjmp_buf *on_bus;

static void failed(const char *what, uint64_t got, uint64_t want)
{
	if (__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED) < 10)
		printf("# %s: %#lx, should be %#lx\n", what, got, want);
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

// What is forbidden now will be allowed again: try once more.
static void on_segv(int sig)
{
}

static void bus_handler(int sig)
{
	if (!on_bus)
		_exit(99);
	siglongjmp(*on_bus, 1);
}

// ---- Writers and those who disturb them ----

static void *writer(void *arg)
{
	uint64_t me = (uint64_t)arg, seed = me + 7, seq[ARENA_PAGES] = {};

	while (!stop) {
		size_t p = next(&seed) % (ARENA_PAGES / WRITERS) * WRITERS + me;
		size_t w = next(&seed) % WORDS;

		for (size_t k = 0; k < 2; k++) {
			uint64_t got = arena[p][k * (WORDS - 1)];

			if (got != (seq[p] ? (uint64_t)p << 32 | seq[p] : 0))
				failed("a writer's page", got, (uint64_t)p << 32 | seq[p]);
		}
		seq[p]++;
		arena[p][0] = arena[p][WORDS - 1] = (uint64_t)p << 32 | seq[p];
		if (w && w < WORDS - 1)
			arena[p][w] = p;
		writes++;
	}
	return nullptr;
}

static void *protector(void *unused)
{
	uint64_t seed = 99;

	while (!stop) {
		size_t p = next(&seed) % ARENA_PAGES, n = 1 + next(&seed) % (ARENA_PAGES - p);
		int prot = next(&seed) % 2 ? PROT_READ : PROT_NONE;

		if (mprotect((void *)arena[p], n * PAGE, prot) ||
		    mprotect((void *)arena[p], n * PAGE, PROT_READ | PROT_WRITE))
			failed("mprotect", errno, 0);
		protects++;
	}
	return nullptr;
}

static int check_snapshot(void)
{
	for (size_t p = 0; p < ARENA_PAGES; p++) {
		for (size_t w = 0; w < WORDS; w += WORDS - 1)
			if (arena[p][w] && arena[p][w] >> 32 != p)
				return 1;
		arena[p][0] = arena[p][WORDS - 1] = 0xdead;
	}
	for (size_t p = 0; p < ARENA_PAGES; p++)
		if (arena[p][0] != 0xdead)
			return 2;
	return 0;
}

// Another thread may have forbidden some pages at the moment of the fork.
static int child_of_fork(void)
{
	if (mprotect((void *)arena, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE))
		return 3;
	if (check_snapshot())
		return 4;
	pid_t pid = fork(); // a grandchild sees the child's bytes

	if (pid == 0)
		_exit(arena[ARENA_PAGES / 2][0] == 0xdead ? 0 : 5);
	int status;

	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 6;
}

static void *forker(void *unused)
{
	while (!stop) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0)
			_exit(child_of_fork());
		if (waitpid(pid, &status, 0) != pid || status)
			failed("fork's child", (uint64_t)status, 0);
		forks++;
	}
	return nullptr;
}

// ---- Mappings of one's own, in the same layout and tables ----

static void *mover(void *arg)
{
	uint64_t seed = (uint64_t)arg;

	while (!stop) {
		size_t n = 1 + next(&seed) % 700;
		uint64_t mark = next(&seed), *at = mmap(nullptr, n * PAGE, PROT_READ | PROT_WRITE,
							MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED) {
			failed("mmap", errno, 0);
			continue;
		}
		size_t some = next(&seed) % n;
		at[some * WORDS] = mark;
		at[0] = mark;
		uint64_t *to = mremap(at, n * PAGE, (n + 3) * PAGE, MREMAP_MAYMOVE);
		if (to == MAP_FAILED) {
			failed("mremap", errno, 0);
			continue;
		}
		if (to[0] != mark || to[some * WORDS] != mark)
			failed("moved page", to[0], mark);
		if (to[(n + 2) * WORDS])
			failed("new page", to[(n + 2) * WORDS], 0);
		madvise(to, n * PAGE, MADV_DONTNEED);
		if (to[0] || to[some * WORDS])
			failed("dropped page", to[0], 0);
		munmap(to + WORDS, (n + 1) * PAGE);
		to[(n + 2) * WORDS] = mark;
		munmap(to, PAGE); // not all of it: another thread may be in the hole
		munmap(to + (n + 2) * WORDS, PAGE);
		moves++;
	}
	return nullptr;
}

// A file that shrinks and grows while it is mapped: what is read is 0 or was written there.
static void *truncator(void *arg)
{
	constexpr size_t N = 40;
	int fd = (int)(intptr_t)arg;
	uint64_t seed = 5;
	volatile uint64_t *at = mmap(nullptr, N * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	sigjmp_buf jump;

	on_bus = &jump;
	while (!stop) {
		size_t p = next(&seed) % N;

		if (next(&seed) % 8 == 0 && ftruncate(fd, (off_t)(next(&seed) % (N * PAGE))))
			failed("ftruncate", errno, 0);
		if (!sigsetjmp(jump, 1)) {
			uint64_t got = at[p * WORDS];

			if (got && got != p + 1)
				failed("a file's page", got, p + 1);
			at[p * WORDS] = p + 1;
		}
		truncates++;
	}
	on_bus = nullptr;
	return nullptr;
}

// ---- exec and exit while other threads are busy ----

static void *busy(void *unused)
{
	for (;;) {
		char *p = mmap(nullptr, 8 * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		p[3 * PAGE] = 1;
		munmap(p, 8 * PAGE);
	}
}

static void *busy_exec(void *how)
{
	char *const argv[] = {"race_test", "exec", nullptr}, *const envp[] = {nullptr};

	usleep(1000 * (rand() % 4));
	if (how)
		execve("/proc/self/exe", argv, envp);
	_exit(0);
}

static void *execer(void *unused)
{
	while (!stop) {
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t t;

			srand((unsigned)execs);
			pthread_create(&t, nullptr, busy, nullptr);
			pthread_create(&t, nullptr, busy_exec, (void *)(execs % 2));
			pthread_create(&t, nullptr, busy_exec, (void *)(execs % 3));
			busy(nullptr);
		}
		int status = -1;

		if (waitpid(pid, &status, 0) != pid || status)
			failed("exec's child", (uint64_t)status, 0);
		execs++;
	}
	return nullptr;
}

// ---- The test ----

static bool everybody(void)
{
	return writes && forks && moves && protects && truncates && execs;
}

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	if (pthread_create(t, nullptr, fn, arg))
		tap_bail("pthread_create");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exec"))
		return 0;

	struct sigaction segv = {.sa_handler = on_segv}, bus = {.sa_handler = bus_handler};
	char name[] = "/tmp/race.XXXXXX";
	int fd = mkstemp(name), seconds = argc > 1 ? atoi(argv[1]) : 3;
	pthread_t t[WRITERS + 7];
	size_t n = 0;

	unlink(name);
	sigaction(SIGSEGV, &segv, nullptr);
	sigaction(SIGBUS, &bus, nullptr);
	arena = mmap(nullptr, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < WRITERS; i++)
		start(&t[n++], writer, (void *)i);
	start(&t[n++], protector, nullptr);
	start(&t[n++], forker, nullptr);
	start(&t[n++], mover, (void *)11);
	start(&t[n++], mover, (void *)12);
	start(&t[n++], truncator, (void *)(intptr_t)fd);
	start(&t[n++], truncator, (void *)(intptr_t)fd);
	start(&t[n++], execer, nullptr);
	for (int i = 0; i < seconds || (i < 60 && !everybody()); i++)
		sleep(1);
	stop = true;
	for (size_t i = 0; i < n; i++)
		pthread_join(t[i], nullptr);
	printf("# %lu writes, %lu forks, %lu moves, %lu protects, %lu truncates, %lu execs\n",
	       writes, forks, moves, protects, truncates, execs);
	ok(everybody(), "everybody came to do something");
	ok(bad == 0, "all bytes are where they belong");
	return tap_done();
}
