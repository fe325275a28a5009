// SPDX-License-Identifier: MIT
// What a wrong call gets: every pointer of many calls, bad in every way a pointer can be, is EFAULT; and no call at
// all, whatever its arguments, does harm to anybody but its caller.

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

constexpr long PAGE = 4096;

// In args: P the bad pointer, Z /dev/zero, W a pipe's writing end, M memory that is there; -100 is AT_FDCWD.
constexpr long P = 0x5eed, Z = 0x5eee, W = 0x5eef, M = 0x5ef0;

struct call {
	const char *name;
	long nr, args[6];
};

static int zero_fd, null_fd, pipe_out;

static const struct call calls[] = {
	{"read", SYS_read, {Z, P, 100}},
	{"write", SYS_write, {W, P, 100}},
	{"pread64", SYS_pread64, {Z, P, 100, 0}},
	{"readv", SYS_readv, {Z, P, 1}},
	{"writev", SYS_writev, {W, P, 1}},
	{"openat", SYS_openat, {-100, P, O_RDONLY}},
	{"newfstatat", SYS_newfstatat, {-100, P, P, 0}},
	{"fstat", SYS_fstat, {Z, P}},
	{"statx", SYS_statx, {-100, P, 0, 0x7ff, P}},
	{"mkdirat", SYS_mkdirat, {-100, P, 0755}},
	{"unlinkat", SYS_unlinkat, {-100, P, 0}},
	{"linkat", SYS_linkat, {-100, P, -100, P, 0}},
	{"symlinkat", SYS_symlinkat, {P, -100, P}},
	{"readlinkat", SYS_readlinkat, {-100, P, P, 100}},
	{"renameat2", SYS_renameat2, {-100, P, -100, P, 0}},
	{"faccessat", SYS_faccessat, {-100, P, 0}},
	{"chdir", SYS_chdir, {P}},
	{"fchmodat", SYS_fchmodat, {-100, P, 0600}},
	{"statfs", SYS_statfs, {P, P}},
	{"fstatfs", SYS_fstatfs, {Z, P}},
	{"truncate", SYS_truncate, {P, 0}},
	{"pipe2", SYS_pipe2, {P, 0}},
	{"ppoll", SYS_ppoll, {P, 1, 0, 0, 0}},
	{"execve", SYS_execve, {P, P, P}},
	{"uname", SYS_uname, {P}},
	{"sysinfo", SYS_sysinfo, {P}},
	{"clock_gettime", SYS_clock_gettime, {0, P}},
	{"clock_nanosleep", SYS_clock_nanosleep, {0, 0, P, 0}},
	{"nanosleep", SYS_nanosleep, {P, 0}},
	{"getrandom", SYS_getrandom, {P, 100, 0}},
	{"rt_sigaction", SYS_rt_sigaction, {SIGUSR1, P, 0, 8}},
	{"rt_sigprocmask", SYS_rt_sigprocmask, {SIG_BLOCK, P, 0, 8}},
	{"rt_sigsuspend", SYS_rt_sigsuspend, {P, 8}},
	{"rt_sigtimedwait", SYS_rt_sigtimedwait, {P, 0, 0, 8}},
	{"sigaltstack", SYS_sigaltstack, {P, 0}},
	{"setitimer", SYS_setitimer, {ITIMER_REAL, P, 0}},
	{"getitimer", SYS_getitimer, {ITIMER_REAL, P}},
	{"times", SYS_times, {P}},
	{"getrusage", SYS_getrusage, {RUSAGE_SELF, P}},
	{"prlimit64", SYS_prlimit64, {0, RLIMIT_NOFILE, 0, P}},
	{"sched_getaffinity", SYS_sched_getaffinity, {0, 128, P}},
	{"getresuid", SYS_getresuid, {P, P, P}},
	{"futex", SYS_futex, {P, FUTEX_WAIT, 0, 0}},
	{"mincore", SYS_mincore, {M, 4096, P}},
	{"sethostname", SYS_sethostname, {P, 10}},
	{"getcwd", SYS_getcwd, {P, 100}},
};

static char *good_page;

static long argument(long a, long pointer)
{
	return a == P ? pointer : a == Z ? zero_fd : a == W ? pipe_out : a == M ? (long)good_page : a;
}

// errno of the call with this pointer, 0 if it went well.
static int result(const struct call *c, long pointer)
{
	long a[6];

	for (int i = 0; i < 6; i++)
		a[i] = argument(c->args[i], pointer);
	return syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]) == -1 ? errno : 0;
}

static void test_pointers(void)
{
	char *guard = mmap(nullptr, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct {
		const char *name;
		long at;
	} places[] = {
		{"in page 0", 8},
		{"without access", (long)guard},
		{"odd, without access", (long)guard + PAGE - 1},
		{"the kernel's", (long)0xffff800000100000ul},
		{"the last byte of all", -1},
		{"between user and kernel", 0x4000000000000000l},
		{"at the end of user addresses", 0x7ffffffffff0l},
	};

	for (unsigned p = 0; p < sizeof(places) / sizeof(*places); p++) {
		int wrong = 0;
		for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
			int err = result(&calls[i], places[p].at);
			if (err == EFAULT || (err == EINVAL && calls[i].nr == SYS_futex))
				continue; // a futex's alignment is looked at first
			wrong++;
			printf("# %s with a pointer %s: errno %d\n", calls[i].name, places[p].name, err);
		}
		ok(wrong == 0, "%zu calls with a pointer %s: EFAULT", sizeof(calls) / sizeof(*calls), places[p].name);
	}
	munmap(guard, 2 * PAGE);
}

// ---- any call with any arguments

static bool harmless(long nr)
{
	static const long harmful[] = {
		SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, // reach others
		SYS_reboot, SYS_exit, SYS_exit_group, SYS_clone, SYS_clone3, SYS_setns, SYS_vhangup,
		SYS_pidfd_send_signal, SYS_rt_sigsuspend, SYS_ptrace, SYS_chroot, SYS_sethostname, SYS_setdomainname,
		SYS_settimeofday, SYS_clock_settime, SYS_syslog,
#ifdef __x86_64__
		SYS_fork, SYS_vfork, SYS_pause,
#endif
	};

	for (unsigned i = 0; i < sizeof(harmful) / sizeof(*harmful); i++)
		if (harmful[i] == nr)
			return false;
	return true;
}

static const unsigned long odd[] = {0, 1, 3, 8, 4096, 0x7fffffff, 0x80000000, ~0ul, ~0ul - 4095, 1ul << 62, 0x7ffffffff000,
	0xffff800000000000, 0xffffffff80000000};
constexpr unsigned ODDS = sizeof(odd) / sizeof(*odd);
static unsigned seed = 1;

static unsigned long odd_argument(void)
{
	seed = seed * 1664525 + 1013904223;
	unsigned n = seed >> 16;

	return n % 4 == 0 ? (unsigned long)good_page + n % 4000 : odd[n % ODDS];
}

// All calls in a process of its own each, which may end as it likes.
static bool throw_everything(unsigned rounds)
{
	for (long nr = 0; nr < 470; nr++) {
		if (!harmless(nr))
			continue;
		seed += (unsigned)nr;
		pid_t pid = fork();
		if (pid < 0)
			return false;
		if (pid == 0) {
			for (int fd = 0; fd < 3; fd++)
				dup2(null_fd, fd);
			setsid();
			alarm(1);
			for (unsigned i = 0; i < rounds; i++)
				syscall(nr, odd_argument(), odd_argument(), odd_argument(), odd_argument(), odd_argument(),
					odd_argument());
			_exit(0);
		}
		int status;
		if (waitpid(pid, &status, 0) != pid)
			return false;
	}
	return true;
}

static void test_everything(void)
{
	if (access("/proc/quire", F_OK)) {
		tap_skip("the host is left alone");
		return;
	}
	ok(throw_everything(40), "every call with odd arguments: whoever does that harms nobody else");
}

int main(void)
{
	int p[2];

	pipe(p);
	pipe_out = p[1];
	zero_fd = open("/dev/zero", O_RDWR);
	null_fd = open("/dev/null", O_RDWR);
	good_page = mmap(nullptr, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	test_pointers();
	test_everything();
	return tap_done();
}
