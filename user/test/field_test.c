// SPDX-License-Identifier: MIT
// Bugs that other kernels had, each as a case: what their users ran into must not happen here. Those of signals and programs are in
// field_program_test.c.

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/field.h"

// ---- the shape of memory

static volatile int generation = 1;

static int grandchild(void)
{
	generation = 3;
	return generation == 3 ? 0 : 1;
}

static int child_with_child(void)
{
	int below = in_child(grandchild);

	if (below || generation != 1)
		return 10 + below;
	generation = 2;
	return in_child(grandchild) || generation != 2;
}

static void test_grandchildren_write(void)
{
	ok(in_child(child_with_child) == 0 && generation == 1, "a grandchild may write what two forks share");
}

// Every page near a 2 MiB edge: mapped, changed, unmapped, and the neighbours untouched.
static bool edges_hold(char *base, size_t from, size_t to)
{
	bool good = true;

	for (size_t at = 0; at < 8 * MIB; at += PAGE)
		base[at] = (char)(at / PAGE);
	good &= mprotect(base + from, to - from, PROT_READ) == 0;
	for (size_t at = from > 4 * PAGE ? from - 4 * PAGE : 0; at < to + 4 * PAGE; at += PAGE) {
		bool inside = at >= from && at < to;
		good &= base[at] == (char)(at / PAGE) && fault_of(base + at + 1, true) == (inside ? SIGSEGV : 0);
	}
	good &= munmap(base + from, to - from) == 0;
	for (size_t at = 0; at < 8 * MIB; at += PAGE) {
		bool gone = at >= from && at < to;
		if (gone && at > from + 4 * PAGE && at < to - 4 * PAGE && at % (2 * MIB) > 2 * PAGE)
			continue; // the middle of a table; the edges are what matters
		good &= fault_of(base + at, false) == (gone ? SIGSEGV : 0);
		good &= gone || base[at] == (char)(at / PAGE);
	}
	return good;
}

static void test_edges(void)
{
	static const struct {
		size_t from, to;
	} cases[] = {
		{2 * MIB - PAGE, 2 * MIB + PAGE}, {2 * MIB, 4 * MIB}, {2 * MIB - PAGE, 4 * MIB},
		{2 * MIB, 4 * MIB + PAGE}, {PAGE, 6 * MIB - PAGE}, {MIB, 7 * MIB + PAGE},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *p = map_rw(12 * MIB);
		char *base = (char *)(((unsigned long)p + 2 * MIB - 1) & ~(2 * MIB - 1));

		ok(edges_hold(base, cases[i].from, cases[i].to), "pages %zu to %zu at 2 MiB edges",
		   cases[i].from / PAGE, cases[i].to / PAGE);
		munmap(p, 12 * MIB);
	}
}

static void test_sizes_that_overflow(void)
{
	static const size_t sizes[] = {~0ul, ~0ul - PAGE + 1, ~0ul << 12, 1ul << 63, (1ul << 63) - PAGE, 1ul << 48,
				       (1ul << 48) + PAGE};
	char *p = map_rw(4 * PAGE);
	bool good = true;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t n = sizes[i];

		good &= mmap(nullptr, n, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
		good &= mmap(p, n, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED;
		good &= munmap(p, n) == -1;
		good &= mprotect(p, n, PROT_READ | PROT_WRITE) == -1 || n + PAGE - 1 < n; // rounded up it is 0
		good &= madvise(p, n, MADV_WILLNEED) == -1 || n + PAGE - 1 < n;
		good &= mremap(p, 4 * PAGE, n, MREMAP_MAYMOVE) == MAP_FAILED;
		good &= mremap(p, n, 4 * PAGE, 0) == MAP_FAILED;
		good &= msync(p, n, MS_ASYNC) == -1 || n + PAGE - 1 < n;
		good &= mlock(p, n) == -1 || n + PAGE - 1 < n;
		if (!ok(good, "size %#zx is refused", n))
			good = true;
	}
	ok(fault_of(p, false) == 0 && fault_of(p + 3 * PAGE, false) == 0, "and memory is still there");
	ok(munmap((char *)PAGE + 1, PAGE) == -1 && errno == EINVAL, "an address in a page: EINVAL");
	munmap(p, 4 * PAGE);
}

static int brk_absurd(void)
{
	unsigned long now = (unsigned long)syscall(SYS_brk, 0);

	return (unsigned long)syscall(SYS_brk, ~0ul) != now || (unsigned long)syscall(SYS_brk, 1ul << 62) != now ||
	       (unsigned long)syscall(SYS_brk, 1) != now;
}

static void test_brk_absurd(void)
{
	ok(in_child(brk_absurd) == 0, "brk to absurd places changes nothing");
}

// ---- the kernel reads and writes user memory

static void test_untouched_memory(void)
{
	const char *path = temporary_file(3 * PAGE);
	int fd = open(path, O_RDWR);
	char *fresh = map_rw(16 * PAGE);

	pwrite(fd, "/dev/null", 10, 2 * PAGE - 5); // over a page's end
	char *names = mmap(nullptr, 3 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	int opened = open(names + 2 * PAGE - 5, O_RDONLY);
	ok(opened >= 0, "a name in pages that were never touched, over a page's end");
	close(opened);
	int zero = open("/dev/zero", O_RDONLY);
	ok(read(zero, fresh + 100, 15 * PAGE) == 15 * (ssize_t)PAGE, "a read into untouched pages");
	ok(write(fd, fresh + 15 * PAGE + 200, 1000) == 1000, "a write from one");

	char *end = map_rw(2 * PAGE);
	munmap(end + PAGE, PAGE);
	memcpy(end + PAGE - 10, "/dev/null", 10);
	opened = open(end + PAGE - 10, O_RDONLY);
	ok(opened >= 0, "a name that ends with the last page");
	close(opened);
	memset(end, 'x', PAGE);
	ok(open(end + PAGE - 10, O_RDONLY) == -1 && errno == EFAULT, "one without an end: EFAULT");
	ok(read(zero, end + PAGE - 100, 200) == 100 || errno == EFAULT, "a read over the end is short, or EFAULT");
	close(zero);
	munmap(end, PAGE);
	munmap(fresh, 16 * PAGE);
	munmap(names, 3 * PAGE);
	close(fd);
	unlink(path);
}

static char *contested;
static volatile bool contest_over;

// Unmaps and maps again, or protects, what another thread hands to the kernel.
static void *pull_the_rug(void *arg)
{
	for (long i = 0; !contest_over; i++) {
		if (i & 1)
			mprotect(contested + PAGE, PAGE, PROT_NONE);
		else
			mmap(contested, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	return nullptr;
}

static void test_rug(void)
{
	pthread_t other;
	int zero = open("/dev/zero", O_RDONLY), p[2];
	bool good = true;

	contested = map_rw(4 * PAGE);
	contest_over = false;
	pipe2(p, O_NONBLOCK);
	pthread_create(&other, nullptr, pull_the_rug, nullptr);
	race_begin();
	for (int i = 0; i < 1500 && !race_over(); i++) {
		ssize_t n = read(zero, contested, 4 * PAGE);
		good &= n > 0 || errno == EFAULT;
		n = write(p[1], contested + 10, 3 * PAGE);
		good &= n > 0 || errno == EFAULT || errno == EAGAIN;
		n = read(p[0], contested + 10, 3 * PAGE);
		good &= n > 0 || errno == EFAULT || errno == EAGAIN;
		good &= open(contested + 100, O_RDONLY) == -1;
	}
	contest_over = true;
	pthread_join(other, nullptr);
	ok(good, "memory that goes away while the kernel uses it: EFAULT or less, nothing else");
	close(p[0]);
	close(p[1]);
	close(zero);
	munmap(contested, 4 * PAGE);
}

static void test_odd_numbers(void)
{
	static const long numbers[] = {-1, -2, 100000, 0x7fffffff, 0x80000000l, 999, 1023, 1024};
	bool good = true;

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		good &= syscall(numbers[i], 1, 2, 3, 4, 5, 6) == -1 && errno == ENOSYS;
	ok(good, "calls that do not exist: ENOSYS");
	errno = 0;
	ok(syscall(0, 4095, 16, 0, 0, 0, 0) == -1 && (errno == ENOSYS || errno == EBADF || errno == EFAULT),
	   "call number 0 is one like any other");
}

// ---- threads and memory

// A value that only grows is stored in a page which is mapped anew all the time: who reads through a stale translation
// sees an older one.
static volatile unsigned long *versioned;
static volatile unsigned long version;
static volatile bool stale_seen;

static void *read_versions(void *arg)
{
	while (!contest_over) {
		unsigned long before = version;
		unsigned long seen = *versioned;

		if (seen < before)
			stale_seen = true;
	}
	return nullptr;
}

static void test_stale_translations(void)
{
	pthread_t readers[3];
	char *old = map_rw(PAGE), *new;

	versioned = (void *)old;
	contest_over = stale_seen = false;
	*versioned = version = 1;
	for (int i = 0; i < 3; i++)
		pthread_create(&readers[i], nullptr, read_versions, nullptr);
	race_begin();
	for (unsigned long i = 2; i < 800 && !race_over(); i++) {
		new = map_rw(PAGE);
		*(volatile unsigned long *)new = i;
		if (mremap(new, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, old) != old)
			tap_bail("mremap");
		version = i; // whoever reads now must find it
	}
	contest_over = true;
	for (int i = 0; i < 3; i++)
		pthread_join(readers[i], nullptr);
	ok(!stale_seen, "no thread sees a page that was replaced before");
	munmap(old, PAGE);
}

static void *move_brk(void *arg)
{
	unsigned long start = (unsigned long)syscall(SYS_brk, 0);

	for (int i = 0; !contest_over; i++)
		syscall(SYS_brk, start + (unsigned long)(i % 64) * PAGE);
	syscall(SYS_brk, start);
	return nullptr;
}

// All of the heap that brk tells can be used, nothing behind it is there.
static int heap_is_whole(void)
{
	unsigned long end = (unsigned long)syscall(SYS_brk, 0), grown = (unsigned long)syscall(SYS_brk, end + 3 * PAGE);

	if (grown != end + 3 * PAGE)
		return 1;
	for (unsigned long at = end; at < grown; at += PAGE) {
		if (*(volatile char *)at)
			return 2;
		*(volatile char *)at = 1;
	}
	return 0;
}

static void test_fork_beside_brk(void)
{
	pthread_t other;
	int wrong = 0;

	if (access("/proc/quire", F_OK)) {
		tap_skip("Linux copies the heap's end before it locks the address space");
		return;
	}
	contest_over = false;
	pthread_create(&other, nullptr, move_brk, nullptr);
	race_begin();
	for (int i = 0; i < 60 && !race_over(); i++)
		if (!wrong)
			wrong = in_child(heap_is_whole);
	contest_over = true;
	pthread_join(other, nullptr);
	ok(wrong == 0, "fork beside brk: the child's heap is whole (%d)", wrong);
}

// ---- counters that are too narrow

static void test_many_references(void)
{
	enum { MANY = 300 };
	static pid_t pids[MANY];
	int go[2], good = 0;
	volatile char *page = (volatile char *)map_rw(PAGE);
	char c;

	*page = 42;
	pipe(go);
	for (int i = 0; i < MANY; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			close(go[1]);
			read(go[0], &c, 1); // until all are there
			bool same = *page == 42;
			*page = (char)i;
			_exit(same && *page == (char)i ? 0 : 1);
		}
	}
	close(go[0]);
	close(go[1]);
	for (int i = 0; i < MANY; i++)
		good += pids[i] > 0 && wait_for(pids[i]) == 0;
	ok(good == MANY && *page == 42, "%d processes share a page and then do not", good);

	int fd = open(self, O_RDONLY);
	char *first = mmap(nullptr, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	bool same = true;
	for (int i = 0; i < MANY; i++) {
		char *p = mmap(nullptr, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		same &= p != MAP_FAILED && !memcmp(p, "\177ELF", 4);
		if (i & 1)
			munmap(p, PAGE);
	}
	ok(same && first[1] == 'E', "%d mappings of a file's page", MANY);
	close(fd);
}

// ---- work that is not needed

// A line of /proc/quire/counters, -1 if there is none.
static long counter(const char *name)
{
	char line[128];
	long value = -1;
	FILE *f = fopen("/proc/quire/counters", "r");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
			value = atol(line + strlen(name));
	fclose(f);
	return value;
}

static long flushes(void)
{
	return counter("tlb_flush_range") + counter("tlb_flush_asid") + counter("tlb_flush_all");
}

static void test_no_flush_without_change(void)
{
	if (counter("tlb_flush_range") < 0) {
		tap_skip("flushes are counted by Quire only");
		return;
	}
	long before = flushes();
	for (int i = 0; i < 1000; i++) {
		char *p = map_rw(16 * PAGE);
		mprotect(p, 8 * PAGE, PROT_READ);
		munmap(p, 16 * PAGE);
	}
	long after = flushes();
	ok(after - before < 200, "memory that was never touched goes without TLB flushes (%ld in 2000)", after - before);
}

static void test_nothing_leaks(void)
{
	if (counter("pages_anon") < 0) {
		tap_skip("pages are counted by Quire only");
		return;
	}
	char *argv[] = {"x", nullptr};
	long anon = counter("pages_anon"), tables = counter("pages_table");
	for (int i = 0; i < 200; i++) {
		execv("/etc/passwd", argv);
		execv("/nonexistent", argv);
	}
	long more = counter("pages_anon") - anon + counter("pages_table") - tables;
	ok(more < 20, "400 programs that cannot be run leave no pages behind (%ld)", more);
}

int main(int argc, char **argv)
{
	name_self();
	if (argc > 1)
		return 0;
	char alternate[SIGSTKSZ + 16384];
	sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof(alternate)}, nullptr);
	catch_faults();
	test_grandchildren_write();
	test_edges();
	test_sizes_that_overflow();
	test_brk_absurd();
	test_untouched_memory();
	test_rug();
	test_odd_numbers();
	test_stale_translations();
	test_fork_beside_brk();
	test_many_references();
	test_no_flush_without_change();
	test_nothing_leaks();
	return tap_done();
}
