// SPDX-License-Identifier: MIT
// System calls with arguments that no program would pass: every number, random values of the
// kinds that break kernels, in children that may die of it but must always end.
//
//	hostile_test [SEED [CHILDREN [CALLS [THREADS]]]]

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

constexpr size_t PAGE = 4096;

static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t below(uint64_t n)
{
	return rnd() % n;
}

// ---- The call itself ----

// A child that the call makes on our stack must not use it: it ends at once.
static long call(long nr, const long a[6])
{
	long res;
#ifdef __x86_64__
	register long r10 asm("r10") = a[3], r8 asm("r8") = a[4], r9 asm("r9") = a[5];
	long is_clone = nr == SYS_clone || nr == SYS_clone3 || nr == SYS_fork || nr == SYS_vfork;

	asm volatile(
		"mov %%rsp, %%r12; mov %%rax, %%r13; syscall; test %%rax, %%rax; jnz 1f;"
		"test %[c], %[c]; jz 1f; mov $60, %%eax; xor %%edi, %%edi; syscall; 1: mov %%r12, %%rsp"
		: "=a"(res)
		: "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8),
		  "r"(r9), [c] "b"(is_clone)
		: "rcx", "r11", "r12", "r13", "memory");
#else
	register long x0 asm("x0") = a[0], x1 asm("x1") = a[1], x2 asm("x2") = a[2];
	register long x3 asm("x3") = a[3], x4 asm("x4") = a[4], x5 asm("x5") = a[5];
	register long x8 asm("x8") = nr;
	long is_clone = nr == SYS_clone || nr == SYS_clone3;

	asm volatile("svc #0; cbnz x0, 1f; cbz %[c], 1f; mov x8, #93; svc #0; 1:"
		     : "+r"(x0)
		     : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x8), [c] "r"(is_clone)
		     : "memory");
	res = x0;
#endif
	return res;
}

// What would end the machine, leave it changed, or hit somebody else.
static bool forbidden(long nr)
{
	static const long numbers[] = {
		SYS_exit,
		SYS_exit_group,
		SYS_reboot,
		SYS_kill,
		SYS_tkill,
		SYS_tgkill,
		SYS_rt_sigqueueinfo,
		SYS_rt_tgsigqueueinfo,
		SYS_pidfd_send_signal,
		SYS_vhangup,
		SYS_mount,
		SYS_umount2,
		SYS_pivot_root,
		SYS_sethostname,
		SYS_setdomainname,
		SYS_syslog,
		SYS_settimeofday,
		SYS_clock_settime,
		SYS_adjtimex,
		SYS_clock_adjtime,
		SYS_swapon,
		SYS_swapoff,
		SYS_acct,
		SYS_init_module,
		SYS_finit_module,
		SYS_delete_module,
		SYS_kexec_load,
		SYS_kexec_file_load,
		SYS_ptrace,
		SYS_setpriority,
		SYS_prlimit64,
		SYS_sched_setscheduler,
		SYS_sched_setattr,
		SYS_bpf,
		SYS_quotactl,
		SYS_perf_event_open,
		SYS_fsopen,
		SYS_move_mount,
		SYS_open_tree,
		SYS_fsmount,
		SYS_fsconfig,
		SYS_fspick,
		SYS_mount_setattr,
		SYS_ioprio_set,
#ifdef SYS_setrlimit
		SYS_setrlimit,
#endif
#ifdef __x86_64__
		SYS_iopl,
		SYS_ioperm,
		SYS_modify_ldt,
#endif
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i] == nr)
			return true;
	return false;
}

// ---- Arguments ----

static char *pages; // 0, 1: usable; 2: not accessible; 3: read only; 4: usable, 5: a hole

static void make_pages(void)
{
	pages = mmap(nullptr, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		_exit(9);
	for (size_t i = 0; i < 5 * PAGE; i += sizeof(uint64_t))
		*(uint64_t *)(pages + i) = below(3) ? 0 : rnd() >> below(64);
	mprotect(pages + 2 * PAGE, PAGE, PROT_NONE);
	mprotect(pages + 3 * PAGE, PAGE, PROT_READ);
	munmap(pages + 5 * PAGE, PAGE);
}

static long a_number(void)
{
	static const uint64_t edges[] = {
		0,
		1,
		2,
		3,
		4,
		7,
		8,
		16,
		64,
		127,
		128,
		255,
		256,
		511,
		4095,
		4096,
		4097,
		65535,
		65536,
		1 << 20,
		INT_MAX,
		(uint64_t)INT_MAX + 1,
		UINT_MAX,
		(uint64_t)UINT_MAX + 1,
		LONG_MAX,
		(uint64_t)LONG_MAX + 1,
		LONG_MAX - 4095,
		(uint64_t)-4096,
		(uint64_t)-4095,
		(uint64_t)-2,
		(uint64_t)-1,
		(uint64_t)-100,
		1ul << 47,
		(1ul << 47) - 4096,
		1ul << 40,
	};
	uint64_t n = edges[below(sizeof(edges) / sizeof(*edges))];

	switch (below(4)) {
	case 0:
		return (long)(1ul << below(64));
	case 1:
		return (long)(rnd() >> below(64));
	default:
		return (long)n;
	}
}

static long an_address(void)
{
	static const uint64_t bad[] = {
		0,
		1,
		8,
		4096,
		(1ul << 47) - 4096,
		(1ul << 47) - 8,
		1ul << 47,
		(1ul << 48) - 4096,
		(1ul << 48) - 1,
		1ul << 48,
		0xffff000000000000,
		0xffff800000000000,
		0xffffffff80000000,
		0xfffffffffffff000,
		0xffffffffffffffff,
		0xfffffffffffffff8,
		0xffffffffff600000,
		0x0100000000000000,
		0x00ff000000001000,
		0x8000000000000000,
		0xdead000000000000,
	};

	switch (below(8)) {
	case 0:
		return (long)bad[below(sizeof(bad) / sizeof(*bad))];
	case 1:
		return (long)(pages + 2 * PAGE - below(64));
	case 2:
		return (long)(pages + 5 * PAGE - below(64));
	case 3:
		return (long)(pages + 2 * PAGE + below(2 * PAGE));
	case 4:
		return (long)(pages + 4 * PAGE + below(PAGE / 8) * 8);
	default:
		return (long)(pages + below(PAGE / 8) * 8);
	}
}

static long a_string(void)
{
	static const char *const names[] = {
		"",
		".",
		"..",
		"/",
		"a",
		"b",
		"a/b",
		"d",
		"d/a",
		"./d/../d/.",
		"a/",
		"loop",
		"loop/x",
		"/proc/self/mem",
		"/proc/self/maps",
		"/proc/self/fd/3",
		"/dev/null",
		"/dev/zero",
		"/proc/self",
		"/proc/self/exe",
		"/dev/full",
		"/dev/tty",
		"/proc/self/pagemap",
		"fifo",
		"link",
		"/proc/self/task",
		"/proc/1/smaps",
		"/dev/ptmx",
		"/dev/urandom",
	};

	switch (below(8)) {
	case 0:
		return an_address();
	case 1: { // a long name, perhaps without an end
		char *s = pages + below(PAGE);

		memset(s, "ax/."[below(4)], pages + 2 * PAGE - s);
		if (below(2))
			pages[2 * PAGE - 1] = 0;
		return (long)s;
	}
	default: {
		const char *name = names[below(sizeof(names) / sizeof(*names))];

		return (long)(*name == '/' && !getuid() ? "a" : name); // root would unlink it
	}
	}
}

static long an_argument(void)
{
	switch (below(7)) {
	case 0:
	case 1:
		return an_address();
	case 2:
		return a_string();
	case 3:
	case 4:
		return (long)below(16); // often a descriptor
	default:
		return a_number();
	}
}

// ---- Children ----

static void open_some(void)
{
	int p[2];

	mkdir("d", 0755);
	symlink("loop", "loop");
	symlink("a", "link");
	mkfifo("fifo", 0644);
	open("a", O_RDWR | O_CREAT, 0644);
	if (!pipe2(p, O_NONBLOCK))
		write(p[1], pages, PAGE / 2);
	open(".", O_RDONLY | O_DIRECTORY);
	open("/dev/zero", O_RDWR);
	eventfd(1, EFD_NONBLOCK);
	epoll_create1(0);
	open("/proc/self/maps", O_RDONLY);
	open("a", O_PATH);
	open("fifo", O_RDWR | O_NONBLOCK);
}

static void one_call(long calls)
{
	long nr, a[6];

	do {
		nr = (long)below((uint64_t)calls);
	} while (forbidden(nr));
	for (int i = 0; i < 6; i++)
		a[i] = an_argument();
	if (getenv("HOSTILE_VERBOSE"))
		dprintf(100, "%ld(%lx %lx %lx %lx %lx %lx)\n", nr, a[0], a[1], a[2], a[3], a[4],
			a[5]);
	if (nr == SYS_clone)
		a[0] &= ~(long)CLONE_VFORK;
	call(nr, a);
}

static long calls_per_child;

static void *caller(void *unused)
{
	for (long i = 0; i < calls_per_child; i++)
		one_call(460);
	return nullptr;
}

static void on_alarm(int sig)
{
}

static void child(uint64_t seed, int threads)
{
	struct sigaction on = {.sa_handler = on_alarm};
	struct itimerval often = {{0, 50000}, {0, 50000}};
	struct rlimit files = {1 << 20, 1 << 20}, processes = {64, 64};
	pthread_t t;

	state = seed * 0x9e3779b97f4a7c15 + 1;
	for (int i = 0; i < 10; i++)
		rnd();
	setpgid(0, 0);
	setrlimit(RLIMIT_FSIZE, &files);
	setrlimit(RLIMIT_NPROC, &processes);
	sigaction(SIGALRM, &on, nullptr);
	setitimer(ITIMER_REAL, &often, nullptr);
	make_pages();
	open_some();
	if (seed % 3)
		setresuid(65534, 65534, 65534);
	for (int i = 1; i < threads; i++)
		pthread_create(&t, nullptr, caller, nullptr);
	caller(nullptr);
	_exit(0);
}

// Waits for the child, but not for ever. Whether it has ended, by itself or killed.
static bool reap(pid_t pid)
{
	for (int ms = 0; ms < 20000; ms += 5) {
		pid_t got = waitpid(pid, nullptr, WNOHANG | __WALL);

		if (got == pid || (got < 0 && errno == ECHILD))
			return true;
		if (ms >= 2000)
			kill(pid, SIGKILL);
		usleep(5000);
	}
	return false;
}

static void enter_scratch(char *path)
{
	strcpy(path, "/tmp/hostile.XXXXXX");
	if (!mkdtemp(path) || chdir(path))
		tap_bail("mkdtemp");
	chmod(path, 0777);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoul(argv[1], nullptr, 0) : 1;
	long children = argc > 2 ? strtol(argv[2], nullptr, 0) : 24;
	int threads = argc > 4 ? atoi(argv[4]) : 1;
	char path[64], command[128];
	bool ended = true;

	calls_per_child = argc > 3 ? strtol(argv[3], nullptr, 0) : 300;
	enter_scratch(path);
	for (long i = 0; i < children && ended; i++) {
		if (argc > 1)
			printf("# seed %lu\n", seed + (uint64_t)i), fflush(stdout);
		pid_t pid = fork();

		if (pid == 0) {
			int null = open("/dev/null", O_RDWR);

			if (getenv("HOSTILE_VERBOSE"))
				dup2(2, 100);
			dup2(null, 0);
			dup2(null, 1);
			dup2(null, 2);
			close(null);
			child(seed + (uint64_t)i, threads);
		}
		ended = pid > 0 && reap(pid);
		while (waitpid(-1, nullptr, WNOHANG | __WALL) > 0)
			;
		snprintf(command, sizeof(command), "chmod -R 700 %s/* 2>/dev/null; rm -rf %s/*",
			 path, path);
		system(command);
	}
	ok(ended, "%ld children, each with %ld random calls, end (seed %lu)", children,
	   calls_per_child, seed);
	chdir("/");
	rmdir(path);
	return tap_done();
}
