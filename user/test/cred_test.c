// SPDX-License-Identifier: MIT
// Users, groups, capabilities, resource limits, and the settings of prctl.

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/child.h"
#include "user/test/tap.h"

static bool ids_are(uid_t ruid, uid_t euid, uid_t suid)
{
	uid_t r, e, s;

	return getresuid(&r, &e, &s) == 0 && r == ruid && e == euid && s == suid;
}

static bool caps(__u64 *effective, __u64 *permitted)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	*effective = data[0].effective | (__u64)data[1].effective << 32;
	*permitted = data[0].permitted | (__u64)data[1].permitted << 32;
	return true;
}

// ---- users; each body says at which step it failed

static int drop_for_good(void)
{
	__u64 effective, permitted;

	if (setuid(1000) || !ids_are(1000, 1000, 1000))
		return 1;
	if (setuid(0) != -1 || errno != EPERM)
		return 2;
	if (!caps(&effective, &permitted) || effective || permitted)
		return 3;
	if (setresuid(0, -1, -1) != -1 || errno != EPERM)
		return 4;
	return setuid(1000) ? 5 : 0;
}

static int drop_and_return(void)
{
	__u64 effective, permitted;

	if (seteuid(1000) || !ids_are(0, 1000, 0))
		return 1;
	if (!caps(&effective, &permitted) || effective || !permitted)
		return 2;
	if (seteuid(0) || !ids_are(0, 0, 0))
		return 3;
	return caps(&effective, &permitted) && effective == permitted ? 0 : 4;
}

static int swap_ids(void)
{
	if (setreuid(1000, 2000) || !ids_are(1000, 2000, 2000))
		return 1;
	if (setreuid(2000, 1000) || !ids_are(2000, 1000, 1000))
		return 2;
	if (setreuid(3000, -1) != -1 || errno != EPERM)
		return 3;
	return 0;
}

static int file_user(void)
{
	int old = setfsuid(1000);

	if (old != 0 || setfsuid(-1) != 1000)
		return 1;
	if (open("/tmp", O_RDONLY) < 0)
		return 2;
	return geteuid() == 0 ? 0 : 3;
}

static int keep_capabilities(void)
{
	__u64 effective, permitted;

	if (prctl(PR_SET_KEEPCAPS, 1) || prctl(PR_GET_KEEPCAPS) != 1)
		return 1;
	if (setresuid(1000, 1000, 1000) || !caps(&effective, &permitted))
		return 2;
	return !effective && permitted ? 0 : 3;
}

static int drop_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	data[0].effective &= ~(1u << CAP_SETUID);
	data[0].permitted &= ~(1u << CAP_SETUID);
	if (syscall(SYS_capset, &header, data))
		return 1;
	if (setuid(1000) != -1 || errno != EPERM)
		return 2;
	data[0].permitted |= 1u << CAP_SETUID;
	return syscall(SYS_capset, &header, data) == -1 && errno == EPERM ? 0 : 3;
}

static int groups(void)
{
	gid_t set[3] = {10, 20, 30}, got[3];

	if (setgroups(3, set) || getgroups(0, nullptr) != 3)
		return 1;
	if (getgroups(3, got) != 3 || got[0] != 10 || got[2] != 30)
		return 2;
	if (getgroups(2, got) != -1 || errno != EINVAL)
		return 3;
	if (setresgid(5, 6, 7) || getgid() != 5 || getegid() != 6)
		return 4;
	if (setuid(1000) || setgroups(0, nullptr) != -1 || errno != EPERM)
		return 5;
	if (setgid(8) != -1 || errno != EPERM)
		return 6;
	return setregid(6, 5) == 0 && getgid() == 6 && getegid() == 5 ? 0 : 7;
}

static void test_users(void)
{
	static const struct {
		int (*body)(void);
		const char *what;
	} tests[] = {
		{drop_for_good, "setuid drops root for good"},
		{drop_and_return, "seteuid drops it for a while, with its capabilities"},
		{swap_ids, "setreuid swaps"},
		{file_user, "setfsuid"},
		{keep_capabilities, "PR_SET_KEEPCAPS keeps the permitted ones"},
		{drop_capability, "a capability that is dropped is gone"},
		{groups, "groups"},
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (getuid() != 0) {
			tap_skip("%s: not root", tests[i].what);
			continue;
		}
		int step = in_child(tests[i].body);
		ok(step == 0, "%s (step %d)", tests[i].what, step);
	}
}

// ---- limits and usage

static int limits_body(void)
{
	struct rlimit limit = {100, 200}, got;

	if (setrlimit(RLIMIT_NOFILE, &limit) || getrlimit(RLIMIT_NOFILE, &got) || got.rlim_cur != 100 || got.rlim_max != 200)
		return 1;
	limit = (struct rlimit){201, 200};
	if (setrlimit(RLIMIT_NOFILE, &limit) != -1 || errno != EINVAL)
		return 2;
	if (getuid() == 0 && setuid(1000))
		return 3;
	limit = (struct rlimit){100, 300};
	if (setrlimit(RLIMIT_NOFILE, &limit) != -1 || errno != EPERM)
		return 4;
	limit = (struct rlimit){10, 10};
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return 5;
	int fd = 0;
	while ((fd = dup(0)) >= 0 && fd < 20)
		;
	return fd == -1 && errno == EMFILE ? 0 : 6;
}

static int cpu_limit_body(void)
{
	struct rlimit limit = {1, 5};

	setrlimit(RLIMIT_CPU, &limit);
	for (volatile long i = 0;; i++)
		;
}

static int data_limit_body(void)
{
	struct rlimit limit = {64 << 20, 64 << 20};

	setrlimit(RLIMIT_AS, &limit);
	return sbrk(128 << 20) == (void *)-1 && errno == ENOMEM ? 0 : 1;
}

static void test_limits(void)
{
	struct rlimit limit;
	struct rusage self;
	struct tms tms;

	int step = in_child(limits_body);
	ok(step == 0, "limits of descriptors (step %d)", step);
	ok(in_child(cpu_limit_body) == 256 + SIGXCPU, "RLIMIT_CPU: SIGXCPU");
	ok(in_child(data_limit_body) == 0, "RLIMIT_AS bounds memory");
	ok(getrlimit(99, &limit) == -1 && errno == EINVAL, "no such limit: EINVAL");
	ok(prlimit(getppid(), RLIMIT_CORE, nullptr, &limit) == 0 || errno == EPERM, "prlimit of another");
	ok(prlimit(999999, RLIMIT_CORE, nullptr, &limit) == -1 && errno == ESRCH, "of nobody: ESRCH");
	ok(getrusage(RUSAGE_SELF, &self) == 0 && self.ru_maxrss > 0 && self.ru_minflt > 0, "getrusage counts memory");
	ok(getrusage(12, &self) == -1 && errno == EINVAL, "of nobody: EINVAL");
	ok(times(&tms) != -1 && tms.tms_utime + tms.tms_cutime > 0, "times: a child used some (%ld ticks)",
	   (long)tms.tms_cutime);
}

// ---- the system

static void test_system(void)
{
	struct utsname name;
	struct sysinfo info;
	unsigned char a[300] = {}, b[300] = {};

	ok(uname(&name) == 0 && !strcmp(name.sysname, "Linux") && name.release[0] >= '3' && name.machine[0], "uname: %s %s",
	   name.release, name.machine);
	ok(sysinfo(&info) == 0 && info.totalram > info.freeram && info.freeram > 0 && info.procs > 0, "sysinfo");
	ok(getrandom(a, sizeof(a), 0) == 300 && getrandom(b, sizeof(b), 0) == 300 && memcmp(a, b, 300), "getrandom");
	ok(getrandom(a, 1, 0x80) == -1 && errno == EINVAL, "unknown flags: EINVAL");
	ok(syscall(SYS_getrandom, 16, 100, 0) == -1 && errno == EFAULT, "a bad address: EFAULT");
}

// ---- prctl

static int die_with_parent(void)
{
	int fds[2];
	char c;

	pipe(fds);
	pid_t middle = fork();
	if (middle == 0) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			write(fds[1], "r", 1);
			for (;;)
				pause();
		}
		read(fds[0], &c, 1);
		_exit(0);
	}
	waitpid(middle, nullptr, 0);
	close(fds[1]);
	alarm(5);
	return read(fds[0], &c, 1) == 0 ? 0 : 1; // the end of file comes when the last has died
}

static void test_prctl(void)
{
	char name[16] = {};

	ok(prctl(PR_SET_NAME, "a name that is too long") == 0 && prctl(PR_GET_NAME, name) == 0 &&
		   !strcmp(name, "a name that is "), "PR_SET_NAME cuts at 15 bytes");
	ok(in_child(die_with_parent) == 0, "PR_SET_PDEATHSIG");
	ok(prctl(PR_GET_DUMPABLE) == 1, "PR_GET_DUMPABLE");
	ok(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == -1 && errno == EINVAL, "no_new_privs cannot be taken back");
	ok(prctl(12345) == -1 && errno == EINVAL, "unknown: EINVAL");
	int old = personality(0xffffffff);
	ok(personality(ADDR_NO_RANDOMIZE | old) == old && (personality(0xffffffff) & ADDR_NO_RANDOMIZE), "personality");
	personality((unsigned long)old);
	ok(unshare(0x80000000) == -1 && errno == EINVAL, "unshare of nonsense: EINVAL");
	ok(unshare(CLONE_FILES | CLONE_FS) == 0, "unshare of files");
}

int main(void)
{
	test_users();
	test_limits();
	test_system();
	test_prctl();
	return tap_done();
}
