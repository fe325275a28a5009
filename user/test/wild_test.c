// SPDX-License-Identifier: MIT
// Any call with any arguments: whoever does that harms nobody but himself. (Arguments that are wrong one at a time:
// call_test.c.)

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

constexpr long PAGE = 4096;
static char *good_page;

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

static int devnull;
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
				dup2(devnull, fd);
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
	devnull = open("/dev/null", O_RDWR);
	good_page = mmap(nullptr, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	test_everything();
	return tap_done();
}
