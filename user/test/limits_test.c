// SPDX-License-Identifier: MIT
/*
 * How many of each there can be: regions, addresses, generations, processes, threads, bytes of arguments. At the limit
 * the call fails with the right errno, nothing is lost, and afterwards all works as before.
 *
 *	limits_test [PROCESSES GENERATIONS THREADS]
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "user/test/proc.h"

constexpr size_t PAGE = 4096;
constexpr size_t TiB = 1ul << 40, MiB = 1ul << 20;

static void *map_at(void *at, size_t n, int prot, int flags)
{
	return mmap(at, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static int status_of(pid_t pid)
{
	int status = -1;

	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

// ---- Regions ----

static size_t count_maps(void)
{
	size_t n = 0;

	for (const char *s = read_text("/proc/self/maps"); *s; s++)
		n += *s == '\n';
	return n - (strstr(text, "[vsyscall]") != nullptr);
}

// Neighbours that differ in what may be done with them, until it is refused.
static size_t fill_with_regions(char *base, size_t most)
{
	size_t n = 0;

	while (n < most && map_at(base + n * PAGE, PAGE, n % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
				  MAP_FIXED_NOREPLACE) != MAP_FAILED)
		n++;
	return n;
}

static void full_of_regions(char *base, size_t n)
{
	char *middle = base + n / 4 * 2 * PAGE;		// even: may be written

	ok(mprotect(middle, PAGE, PROT_READ) == 0, "but one may become like its neighbours");
	ok(map_at(middle, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED) == middle, "and be put back");
	*middle = 5;
	pid_t pid = fork();

	if (pid == 0)
		_exit(*middle == 5 && munmap(middle, PAGE) == 0 && munmap(base, n * PAGE) == 0 ? 0 : 1);
	ok(status_of(pid) == 0, "a child has them all, and unmaps them all");
	ok(*middle == 5, "the parent still has its own");
}

static void test_regions(void)
{
	size_t most = (size_t)field("/proc/sys/vm/max_map_count", ""), before = count_maps();
	char *base = map_at(nullptr, (most + 2) * PAGE, PROT_NONE, MAP_NORESERVE);

	munmap(base, (most + 2) * PAGE);
	size_t n = fill_with_regions(base, most + 2);

	ok(errno == ENOMEM && n < most, "the region too many is refused with ENOMEM");
	// Linux lets mmap() have one more than other calls.
	ok(n + before >= most && n + before <= most + 1, "%zu regions in one process (%zu before)", n + before, before);
	full_of_regions(base, n);
	ok(munmap(base + 3 * PAGE, 5 * PAGE) == 0 && fill_with_regions(base + 3 * PAGE, 5) == 5,
	   "those that are unmapped can be had again");
	ok(munmap(base, n * PAGE) == 0 && count_maps() <= before + 1, "and all of them go at once");
}

// One region too many by splitting, not by mapping.
static void test_split(void)
{
	size_t most = (size_t)field("/proc/sys/vm/max_map_count", "");
	char *whole = map_at(nullptr, 16 * PAGE, PROT_READ, 0);
	char *base = map_at(nullptr, (most + 2) * PAGE, PROT_NONE, MAP_NORESERVE);

	munmap(base, (most + 2) * PAGE);
	size_t n = fill_with_regions(base, most + 2);

	errno = 0;
	ok(munmap(whole + 4 * PAGE, PAGE) == -1 && errno == ENOMEM, "a hole needs one more region: ENOMEM");
	errno = 0;
	ok(mprotect(whole + 4 * PAGE, PAGE, PROT_NONE) == -1 && errno == ENOMEM, "so does another protection");
	ok(whole[4 * PAGE] == 0 && munmap(whole, 16 * PAGE) == 0, "what was refused changed nothing");
	munmap(base, n * PAGE);
}

// ---- Addresses ----

static void test_reservation(void)
{
	size_t n = 100 * TiB, step = n / 7 & ~(PAGE - 1);
	char *base = map_at(nullptr, n, PROT_NONE, MAP_NORESERVE);
	int bad = 0;

	if (!ok(base != MAP_FAILED, "100 TiB of addresses"))
		return;
	for (size_t at = 0; at < n - PAGE; at += step) {
		bad |= mprotect(base + at, PAGE, PROT_READ | PROT_WRITE);
		base[at] = (char)(at / step + 1);
	}
	ok(!bad, "of which some pages are used");
	ok(field("/proc/self/status", "VmPTE:") < 200, "with less than 200 KiB of tables");
	pid_t pid = fork();

	if (pid == 0) {
		for (size_t at = 0; at < n - PAGE; at += step)
			bad |= base[at]++ != (char)(at / step + 1);
		_exit(bad | munmap(base, n));
	}
	ok(status_of(pid) == 0, "a child finds them, writes to them and unmaps all");
	for (size_t at = 0; at < n - PAGE; at += step)
		bad |= base[at] != (char)(at / step + 1);
	ok(!bad && munmap(base, n) == 0, "so does the parent, who sees nothing of that");
}

// ---- Generations: each process alive, and with its own bytes ----

static uint64_t *ages;			// a page for each generation
constexpr uint64_t OLD = 1ul << 32;

// Everybody writes its page before the fork, and again after it: the child must see the first only.
static int generation(size_t g, size_t last)
{
	ages[g * PAGE / 8] = g + 1;
	if (g == last) {
		for (size_t i = 0; i <= last; i++)
			if (ages[i * PAGE / 8] != i + 1)
				return 1;
		return 0;
	}
	pid_t pid = fork();

	if (pid < 0)
		return 2;
	if (pid == 0)
		_exit(generation(g + 1, last));
	ages[g * PAGE / 8] |= OLD;
	int status = status_of(pid);

	for (size_t i = 0; i <= last; i++)
		if (ages[i * PAGE / 8] != (i < g ? i + 1 : i == g ? (g + 1) | OLD : 0))
			return 3;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

static void test_generations(size_t n)
{
	ages = map_at(nullptr, n * PAGE, PROT_READ | PROT_WRITE, 0);
	pid_t pid = fork();

	if (pid == 0)
		_exit(generation(0, n - 1));
	int status = status_of(pid);

	ok(status == 0, "%zu generations alive at once, each with its own bytes (status %#x)", n, status);
	munmap(ages, n * PAGE);
}

// ---- Processes and threads ----

// Each child has a page of its own and says so; then all wait for the end of the pipe.
static int child_that_waits(int ready, int end, unsigned number)
{
	static volatile unsigned mine;
	char byte = 1;

	mine = number;
	if (write(ready, &byte, 1) != 1)
		return 1;
	return read(end, &byte, 1) != 0 || mine != number;
}

// Those of a few hundred may be kept for the next.
static bool stacks_come_back(long before, long peak)
{
	long now = peak;

	for (int i = 0; i < 200 && now > before + (peak - before) / 4 + 4096; i++) {
		usleep(50000);
		now = field("/proc/meminfo", "KernelStack:");
	}
	printf("# KernelStack %ld KiB, then %ld, then %ld\n", before, peak, now);
	return now <= before + (peak - before) / 4 + 4096;
}

static void test_processes(unsigned n)
{
	long stacks = field("/proc/meminfo", "KernelStack:"), stacks_peak;
	int ready[2], end[2], status;
	unsigned made = 0, up = 0, bad = 0;
	char bytes[512];

	if (pipe(ready) || pipe(end))
		tap_bail("pipe");
	for (pid_t pid; made < n && (pid = fork()) >= 0; made++)
		if (pid == 0) {
			close(end[1]);
			_exit(child_that_waits(ready[1], end[0], made));
		}
	ok(made == n, "%u processes can be made (%u were)", n, made);
	for (ssize_t got; up < made && (got = read(ready[0], bytes, sizeof(bytes))) > 0;)
		up += (unsigned)got;
	ok(up == made, "all are alive at once");
	printf("# MemFree %ld KiB, KernelStack %ld KiB, PageTables %ld KiB\n", field("/proc/meminfo", "MemFree:"),
	       field("/proc/meminfo", "KernelStack:"), field("/proc/meminfo", "PageTables:"));
	stacks_peak = field("/proc/meminfo", "KernelStack:");
	close(end[1]);
	for (unsigned i = 0; i < made; i++)
		bad += wait(&status) < 0 || status != 0;
	ok(!bad, "and end when they are told to");
	ok(stacks_come_back(stacks, stacks_peak), "and give their kernel stacks back");
	close(ready[0]);
	close(ready[1]);
	close(end[0]);
}

static pthread_barrier_t all_up;
static unsigned together;

static void *thread_that_meets(void *arg)
{
	volatile char mine[4096] = {};

	mine[100] = (char)(intptr_t)arg;
	__atomic_fetch_add(&together, 1, __ATOMIC_RELAXED);
	pthread_barrier_wait(&all_up);
	return (void *)(intptr_t)(mine[100] == (char)(intptr_t)arg);
}

static void test_threads(unsigned n)
{
	pthread_t *t = calloc(n, sizeof(*t));
	pthread_attr_t small;
	unsigned made = 0, good = 0;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	pthread_barrier_init(&all_up, nullptr, n + 1);
	while (made < n && !pthread_create(&t[made], &small, thread_that_meets, (void *)(intptr_t)made))
		made++;
	if (!ok(made == n, "%u threads can be made", n))
		tap_bail("too few threads");
	pthread_barrier_wait(&all_up);
	ok(together == n, "all meet");
	for (unsigned i = 0; i < n; i++) {
		void *result = nullptr;

		good += !pthread_join(t[i], &result) && result;
	}
	ok(good == n, "each has its own stack");
	free(t);
}

// ---- Arguments ----

constexpr size_t STRING = 64 * 1024, STRINGS = 16;	// 1 MiB of each kind

static int has_2_mib(char **argv, char **envp)
{
	size_t n = 0;

	for (char **v = argv + 2; *v; v++)
		n += strlen(*v) + 1;
	for (char **v = envp; *v; v++)
		n += strlen(*v) + 1;
	return n != 2 * STRINGS * STRING;
}

static void test_arguments(void)
{
	static char string[STRING];
	static char *argv[STRINGS + 3] = { "limits_test", "--arguments" }, *envp[STRINGS + 1];
	struct rlimit room = { 16 * MiB, 16 * MiB };

	memset(string, 'x', STRING - 1);
	string[1] = '=';
	for (size_t i = 0; i < STRINGS; i++)
		argv[i + 2] = envp[i] = string;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_STACK, &room);
		execve("/proc/self/exe", argv, envp);
		_exit(2);
	}
	ok(status_of(pid) == 0, "2 MiB of arguments and environment arrive");
}

int main(int argc, char **argv, char **envp)
{
	if (argc > 2 && !strcmp(argv[1], "--arguments"))
		return has_2_mib(argv, envp);
	unsigned processes = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
	size_t generations = argc > 2 ? (size_t)atol(argv[2]) : 60;
	unsigned threads = argc > 3 ? (unsigned)atoi(argv[3]) : 200;

	test_processes(processes);
	test_generations(generations);
	test_threads(threads);
	test_arguments();
	test_regions();
	test_split();
	test_reservation();
	return tap_done();
}
