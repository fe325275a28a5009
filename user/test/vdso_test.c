// SPDX-License-Identifier: MIT
// The vDSO: a shared object as C libraries look for it, with names, hash table and versions, whose
// clocks are the kernel's, on each CPU, and which no program can change for another.

#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

#ifdef __x86_64__
#define MACHINE EM_X86_64
#define PREFIX "__vdso_"
#define VERSION "LINUX_2.6"
#else
#define MACHINE EM_AARCH64
#define PREFIX "__kernel_"
#define VERSION "LINUX_2.6.39"
#endif

enum { ROUNDS = 1000, HANDOVERS = 20000, MAX_THREADS = 8, STEP_NS = 50000000 };

// ---- the object

static struct vdso {
	const char *base, *names;
	const ElfW(Ehdr) *header;
	uintptr_t bias;
	const ElfW(Sym) *symbols;
	const uint32_t *hash;
	const uint16_t *versions;
	const ElfW(Verdef) *verdef;
} vdso;

static const ElfW(Phdr) *segment(uint32_t type)
{
	const ElfW(Phdr) *p = (const void *)(vdso.base + vdso.header->e_phoff);

	for (int i = 0; i < vdso.header->e_phnum; i++)
		if (p[i].p_type == type)
			return &p[i];
	return nullptr;
}

static void read_dynamic(const ElfW(Dyn) *d)
{
	for (; d->d_tag != DT_NULL; d++) {
		const void *p = (const void *)(vdso.bias + d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_STRTAB: vdso.names = p; break;
		case DT_SYMTAB: vdso.symbols = p; break;
		case DT_HASH: vdso.hash = p; break;
		case DT_VERSYM: vdso.versions = p; break;
		case DT_VERDEF: vdso.verdef = p; break;
		}
	}
}

static uint32_t elf_hash(const char *s)
{
	uint32_t h = 0;

	for (; *s; s++) {
		h = (h << 4) + (uint8_t)*s;
		h = (h ^ (h >> 24 & 0xf0)) & 0x0fffffff;
	}
	return h;
}

static void test_object(void)
{
	vdso.base = (const char *)getauxval(AT_SYSINFO_EHDR);
	vdso.header = (const void *)vdso.base;
	if (!ok(vdso.base != nullptr, "AT_SYSINFO_EHDR names a vDSO"))
		exit(tap_done());
	const ElfW(Ehdr) *h = vdso.header;

	ok((uintptr_t)h % 4096 == 0 && memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 &&
		   h->e_ident[EI_CLASS] == ELFCLASS64 && h->e_ident[EI_DATA] == ELFDATA2LSB &&
		   h->e_type == ET_DYN && h->e_machine == MACHINE &&
		   h->e_phentsize == sizeof(ElfW(Phdr)),
	   "a page-aligned shared object for this machine");
	const ElfW(Phdr) *load = segment(PT_LOAD), *dynamic = segment(PT_DYNAMIC);

	if (!ok(load && dynamic, "with a segment to load and a dynamic one"))
		exit(tap_done());
	ok(load->p_flags == (PF_R | PF_X), "read-only and executable");
	vdso.bias = (uintptr_t)vdso.base + load->p_offset - load->p_vaddr;
	read_dynamic((const void *)(vdso.base + dynamic->p_offset));
	ok(vdso.names && vdso.symbols && vdso.versions && vdso.verdef,
	   "names, symbols and versions");
}

// The version's name that the definitions give `index`; its hash must be right too.
static const char *version_name(uint16_t index)
{
	const ElfW(Verdef) *d = vdso.verdef;

	for (;; d = (const void *)((const char *)d + d->vd_next)) {
		const ElfW(Verdaux) *aux = (const void *)((const char *)d + d->vd_aux);
		const char *name = vdso.names + aux->vda_name;

		if (d->vd_ndx == index)
			return d->vd_hash == elf_hash(name) ? name : nullptr;
		if (d->vd_next == 0)
			return nullptr;
	}
}

// As a dynamic linker looks: by hash, by name, and the version must be the one asked for.
static void *find(const char *name)
{
	const uint32_t *buckets = vdso.hash + 2, *chains = buckets + vdso.hash[0];

	for (uint32_t i = buckets[elf_hash(name) % vdso.hash[0]]; i; i = chains[i]) {
		const ElfW(Sym) *s = &vdso.symbols[i];

		if (strcmp(vdso.names + s->st_name, name) != 0 || s->st_shndx == SHN_UNDEF)
			continue;
		const char *version = version_name(vdso.versions[i] & 0x7fff);
		bool right = version && strcmp(version, VERSION) == 0;

		return right ? (void *)(vdso.bias + s->st_value) : nullptr;
	}
	return nullptr;
}

// ---- its functions

static int (*vdso_gettime)(clockid_t clock, struct timespec *ts);
static int (*vdso_getres)(clockid_t clock, struct timespec *ts);
static int (*vdso_timeofday)(struct timeval *tv, void *zone);
static time_t (*vdso_time)(time_t *t);
static int (*vdso_getcpu)(unsigned *cpu, unsigned *node, void *unused);

static void *found(const char *name)
{
	void *function = find(name);

	ok(function != nullptr, "%s, version %s", name, VERSION);
	return function;
}

static void test_names(void)
{
	if (!vdso.hash) {
		tap_skip("this vDSO has only a GNU hash table");
		exit(tap_done());
	}
	vdso_gettime = found(PREFIX "clock_gettime");
	vdso_getres = found(PREFIX "clock_getres");
	vdso_timeofday = found(PREFIX "gettimeofday");
	vdso_time = find(PREFIX "time");	// not on all machines
	vdso_getcpu = find(PREFIX "getcpu");
#ifdef __x86_64__
	ok(vdso_time && vdso_getcpu, "time and getcpu");
#else
	ok(find(PREFIX "rt_sigreturn") != nullptr, "rt_sigreturn");
#endif
	ok(find(PREFIX "clock") == nullptr && find("") == nullptr, "no others");
	if (!vdso_gettime || !vdso_getres || !vdso_timeofday)
		exit(tap_done());
}

static int64_t ns(struct timespec t)
{
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int64_t kernel_ns(clockid_t clock)
{
	struct timespec t = { -1, -1 };

	syscall(SYS_clock_gettime, clock, &t);
	return ns(t);
}

static int64_t vdso_ns(clockid_t clock)
{
	struct timespec t = { -1, -1 };

	if (vdso_gettime(clock, &t) != 0 || t.tv_nsec < 0 || t.tv_nsec >= 1000000000)
		return -1;
	return ns(t);
}

// How often the vDSO's time did not lie between two of the kernel's.
static int disagreements(clockid_t clock)
{
	int wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int64_t before = kernel_ns(clock), now = vdso_ns(clock), after = kernel_ns(clock);

		wrong += now < before || now > after;
	}
	return wrong;
}

static void test_clocks(void)
{
	static const struct {
		clockid_t clock;
		const char *name;
	} clocks[] = {
		{ CLOCK_REALTIME, "REALTIME" },
		{ CLOCK_MONOTONIC, "MONOTONIC" },
		{ CLOCK_MONOTONIC_RAW, "MONOTONIC_RAW" },
		{ CLOCK_REALTIME_COARSE, "REALTIME_COARSE" },
		{ CLOCK_MONOTONIC_COARSE, "MONOTONIC_COARSE" },
		{ CLOCK_BOOTTIME, "BOOTTIME" },
		{ CLOCK_PROCESS_CPUTIME_ID, "PROCESS_CPUTIME_ID, which only the kernel knows," },
		{ CLOCK_THREAD_CPUTIME_ID, "THREAD_CPUTIME_ID" },
	};

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		int wrong = disagreements(clocks[i].clock);

		ok(wrong == 0, "%s is the kernel's: %d of %d wrong", clocks[i].name, wrong, ROUNDS);
	}
}

static void test_unknown_clocks(void)
{
	static const clockid_t unknown[] = { 8 + 24, 99, 0x40000000, -1, INT32_MIN };
	struct timespec t;
	int wrong = 0;

	for (unsigned i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		wrong += vdso_gettime(unknown[i], &t) != -EINVAL ||
			 vdso_getres(unknown[i], &t) != -EINVAL;
	ok(wrong == 0, "unknown clocks are -EINVAL: %d wrong", wrong);
}

static void test_resolution(void)
{
	int wrong = 0;

	for (clockid_t c = 0; c <= CLOCK_BOOTTIME; c++) {
		struct timespec mine = {}, kernel = {};

		wrong += vdso_getres(c, &mine) != 0 || syscall(SYS_clock_getres, c, &kernel) != 0 ||
			 ns(mine) != ns(kernel);
	}
	ok(wrong == 0, "resolutions are the kernel's: %d wrong", wrong);
	ok(vdso_getres(CLOCK_MONOTONIC, nullptr) == 0, "nobody need want to see them");
}

static void test_timeofday(void)
{
	struct timezone zone = { -1, -1 };
	struct timeval tv;
	int wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int64_t before = kernel_ns(CLOCK_REALTIME) / 1000, now;

		wrong += vdso_timeofday(&tv, nullptr) != 0;
		wrong += tv.tv_usec < 0 || tv.tv_usec >= 1000000;
		now = tv.tv_sec * 1000000ll + tv.tv_usec;
		wrong += now < before || now > kernel_ns(CLOCK_REALTIME) / 1000;
	}
	ok(wrong == 0, "gettimeofday is the kernel's: %d wrong", wrong);
	ok(vdso_timeofday(&tv, &zone) == 0 && zone.tz_minuteswest != -1, "it tells the time zone");
	ok(vdso_timeofday(nullptr, nullptr) == 0, "or nothing");
}

static void test_time(void)
{
	time_t stored = -1;

	if (!vdso_time)
		return tap_skip("no time() on this machine");
	int64_t before = kernel_ns(CLOCK_REALTIME_COARSE) / 1000000000;
	time_t now = vdso_time(&stored), again = vdso_time(nullptr);
	int64_t after = kernel_ns(CLOCK_REALTIME) / 1000000000;

	ok(before <= now && now <= again && again <= after, "time is the kernel's");
	ok(stored == now, "and is stored too");
}

// A step that is longer than what lies between two readings, and back again. Not on Linux: there
// others live by the clock.
static void test_set_clock(void)
{
	struct timespec t;

	if (access("/proc/quire", F_OK) != 0)
		return tap_skip("this machine's clock is not ours to set");
	int64_t target = kernel_ns(CLOCK_REALTIME) + STEP_NS;

	t = (struct timespec){ target / 1000000000, target % 1000000000 };
	ok(clock_settime(CLOCK_REALTIME, &t) == 0, "the clock can be set");
	int wrong = disagreements(CLOCK_REALTIME);

	target = kernel_ns(CLOCK_REALTIME) - STEP_NS;
	t = (struct timespec){ target / 1000000000, target % 1000000000 };
	clock_settime(CLOCK_REALTIME, &t);
	wrong += disagreements(CLOCK_REALTIME);
	ok(wrong == 0, "it knows at once that the clock was set: %d wrong", wrong);
}

// ---- many CPUs

static bool go_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

static int cpu_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (int)n;
}

static void test_getcpu(void)
{
	cpu_set_t all;
	int wrong = 0, seen = 0;

	if (!vdso_getcpu)
		return tap_skip("no getcpu() on this machine");
	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		unsigned mine = ~0u, node = ~0u, kernel = ~0u, kernel_node = ~0u;

		if (!CPU_ISSET(cpu, &all) || !go_to(cpu))
			continue;
		seen++;
		wrong += vdso_getcpu(&mine, &node, nullptr) != 0 || mine != (unsigned)cpu;
		syscall(SYS_getcpu, &kernel, &kernel_node, nullptr);
		wrong += mine != kernel || node != kernel_node;
		wrong += vdso_getcpu(nullptr, nullptr, nullptr) != 0;
	}
	sched_setaffinity(0, sizeof(all), &all);
	ok(wrong == 0 && seen > 0, "getcpu is right on %d CPUs: %d wrong", seen, wrong);
}

static _Atomic int64_t latest;

// Nobody reads a time that is before one that somebody has told.
static void *tell_time(void *arg)
{
	intptr_t wrong = 0;

	go_to((int)(intptr_t)arg);
	for (int i = 0; i < HANDOVERS; i++) {
		int64_t told = atomic_load(&latest), now = vdso_ns(CLOCK_MONOTONIC);

		wrong += now < told;
		while (told < now && !atomic_compare_exchange_weak(&latest, &told, now))
			;
		if (i % 64 == 0)
			sched_yield();
	}
	return (void *)wrong;
}

static void test_monotonic(void)
{
	pthread_t threads[MAX_THREADS];
	int n = cpu_count();
	intptr_t wrong = 0;

	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], nullptr, tell_time, (void *)(intptr_t)i) != 0)
			tap_bail("pthread_create");
	for (int i = 0; i < n; i++) {
		void *w;

		pthread_join(threads[i], &w);
		wrong += (intptr_t)w;
	}
	ok(wrong == 0, "time does not go back, told by %d threads on a CPU each: %ld wrong", n,
	   (long)wrong);
}

static void test_migration(void)
{
	int64_t last = 0;
	cpu_set_t all;
	int wrong = 0, n = cpu_count();

	sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < ROUNDS / 4; i++) {
		go_to(i % n);
		int64_t now = vdso_ns(CLOCK_MONOTONIC), kernel = kernel_ns(CLOCK_MONOTONIC);

		wrong += now < last || kernel < now;
		last = kernel;
	}
	sched_setaffinity(0, sizeof(all), &all);
	ok(wrong == 0, "nor for a thread that goes from CPU to CPU: %d wrong", wrong);
}

// ---- whose it is

static void test_protection(void)
{
	const size_t at = 8;	// e_ident's padding
	char *page = (char *)vdso.base, was = page[at];
	int status;
	pid_t child = fork();

	if (child == 0) {
		*(volatile char *)(page + at) = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "a write to it is SIGSEGV");
	child = fork();
	if (child == 0) {
		if (mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0)
			*(volatile char *)(page + at) = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	ok(page[at] == was, "what a program may write there, others do not see");
}

int main(void)
{
	test_object();
	test_names();
	test_clocks();
	test_unknown_clocks();
	test_resolution();
	test_timeofday();
	test_time();
	test_set_clock();
	test_getcpu();
	test_monotonic();
	test_migration();
	test_protection();
	return tap_done();
}
