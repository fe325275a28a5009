// SPDX-License-Identifier: MIT
// /proc/PID: status, stat, fd, exe, task, who may look; and the files about the whole system.

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "user/test/proc.h"

extern char **environ;

static void on_signal(int sig)
{
}

// A set of signals in the text of /proc/PID/status; without 32 and up, of which a C library keeps
// some to itself and cannot be asked to reset what it inherits.
static unsigned long signal_mask(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoul(at + strlen(name), nullptr, 16) & 0x7fffffff : ~0ul;
}

static void status(void)
{
	const char *path = "/proc/self/status";
	sigset_t set;

	prctl(PR_SET_NAME, "a) (b 12345678901234567890");
	ok(!strncmp(read_text(path), "Name:\ta) (b 123456789\n", 22),
	   "the name is cut to 15 bytes");
	ok(!strcmp(read_text("/proc/self/comm"), "a) (b 123456789\n"), "comm is the same");
	ok(field(path, "Pid:") == getpid() && field(path, "Tgid:") == getpid() &&
		   field(path, "PPid:") == getppid(),
	   "status has the numbers of the process");
	ok(field(path, "Uid:") == getuid() && field(path, "Gid:") == getgid(), "and of its user");
	ok(field(path, "Threads:") == 1, "one thread");
	ok(strstr(read_text(path), "\nState:\tR (running)\n"), "that runs");
	long size, rss;
	sscanf(read_text("/proc/self/statm"), "%ld %ld", &size, &rss);
	ok(field(path, "VmSize:") == size * 4, "VmSize is statm's size");
	ok(field(path, "VmRSS:") ==
		   field(path, "RssAnon:") + field(path, "RssFile:") + field(path, "RssShmem:"),
	   "VmRSS is the sum of its parts");
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); // a shell's background programs ignore some
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, nullptr);
	raise(SIGUSR1);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR2, on_signal);
	const char *s = read_text(path);
	ok(strstr(s, "SigBlk:\t0000000000000200\n"), "blocked signals");
	ok(strstr(s, "SigPnd:\t0000000000000200\n") || strstr(s, "ShdPnd:\t0000000000000200\n"),
	   "pending signals");
	ok(signal_mask(s, "SigIgn:") == 0x1000 && signal_mask(s, "SigCgt:") == 0x800,
	   "ignored and caught signals");
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

// The fields of stat behind the name, from the third on; returns how many.
static int stat_fields(const char *path, char state[2], long long *f)
{
	const char *s = strrchr(read_text(path), ')');
	int n = 0, used;

	if (!s || sscanf(s, ") %1s%n", state, &used) != 1)
		return 0;
	for (s += used; n < 60 && sscanf(s, "%lld%n", &f[n + 4], &used) == 1; n++)
		s += used;
	return n + 3;
}

static void stat_line(void)
{
	long long f[64] = {};
	char state[2], want[64];

	ok(stat_fields("/proc/self/stat", state, f) == 52, "stat has 52 fields");
	ok(*state == 'R' && f[4] == getppid() && f[5] == getpgrp() && f[6] == getsid(0),
	   "state, parent, group, session");
	snprintf(want, sizeof(want), "%d (a) (b 123456789) R ", getpid());
	ok(!strncmp(read_text("/proc/self/stat"), want, strlen(want)),
	   "the name is in parentheses, as it is");
	ok(f[18] == 20 && f[19] == 0 && f[20] == 1, "priority, nice, threads");
	ok(f[23] == field("/proc/self/status", "VmSize:") * 1024ll, "the size in bytes");
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	ok(f[22] > 0 && f[22] <= now.tv_sec * 100 + now.tv_nsec / 10'000'000,
	   "it was started after the system");
}

static bool link_is(const char *path, const char *want)
{
	char got[256] = {};

	return readlink(path, got, sizeof(got) - 1) > 0 && !strcmp(got, want);
}

static void descriptors(void)
{
	char path[64], want[64], info[64];
	struct stat st, link;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), ends[2];

	if (null < 0 || pipe(ends))
		tap_bail("open");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", null);
	ok(link_is(path, "/dev/null"), "fd/N is a link to the file");
	ok(lstat(path, &link) == 0 && S_ISLNK(link.st_mode) && (link.st_mode & 0700) == 0300,
	   "its mode says how it is open");
	ok(stat(path, &st) == 0 && S_ISCHR(st.st_mode), "it leads there");
	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", null);
	ok(strtol(strstr(read_text(info), "flags:") + 6, nullptr, 8) & O_CLOEXEC,
	   "fdinfo has O_CLOEXEC");
	close(null);
	ok(lstat(path, &st) == -1 && errno == ENOENT, "a closed one is gone");

	fstat(ends[0], &st);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	snprintf(want, sizeof(want), "pipe:[%lu]", (long)st.st_ino);
	ok(link_is(path, want), "a pipe is named after its inode");
	close(ends[1]);
	int again = open(path, O_RDONLY);
	ok(again >= 0 && read(again, want, 1) == 0,
	   "and can be opened again, even if nobody writes to it");
	close(again);
	close(ends[0]);

	char file[] = "/tmp/proc_testXXXXXX";
	int fd = mkstemp(file);
	unlink(file);
	ok(write(fd, "hello", 5) == 5, "a file without name has been written");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(want, sizeof(want), "%s (deleted)", file);
	ok(link_is(path, want) && !strcmp(read_text(path), "hello"),
	   "it is marked, and can be read through the link");
	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", fd);
	ok(field(info, "pos:") == 5 && field(info, "ino:") > 0, "fdinfo has the position");
	close(fd);
}

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static void start(int argc, char **argv)
{
	struct stat exe, program;
	const char *s = read_text("/proc/self/cmdline");

	ok(!strcmp(s, argv[0]) && s[strlen(s) + 1] == '\0', "cmdline is the arguments");
	ok(stat("/proc/self/exe", &exe) == 0 && stat(argv[0], &program) == 0 &&
		   exe.st_ino == program.st_ino && exe.st_dev == program.st_dev,
	   "exe is the program");
	const char *env = read_text("/proc/self/environ");
	ok(!environ[0] || !strcmp(env, environ[0]), "environ is the environment");
	int fd = open("/proc/self/auxv", O_RDONLY);
	unsigned long aux[128] = {};
	ssize_t n = read(fd, aux, sizeof(aux));
	bool found = false;
	for (int i = 0; i < n / 8; i += 2)
		found |= aux[i] == AT_PHDR && aux[i + 1] == getauxval(AT_PHDR);
	ok(n > 0 && n % 16 == 0 && found && aux[n / 8 - 2] == AT_NULL,
	   "auxv is the auxiliary vector");
	close(fd);
	ok(chdir("/tmp") == 0 && link_is("/proc/self/cwd", "/tmp") &&
		   link_is("/proc/self/root", "/"),
	   "cwd and root");
	char want[32];
	snprintf(want, sizeof(want), "%d", getpid());
	ok(link_is("/proc/self", want), "self is our number");
}

static pthread_barrier_t barrier;

static void *thread(void *arg)
{
	char path[64], want[64];

	prctl(PR_SET_NAME, "second");
	snprintf(path, sizeof(path), "%d/task/%ld", getpid(), syscall(SYS_gettid));
	ok(link_is("/proc/thread-self", path), "thread-self leads to the thread");
	ok(!strcmp(read_text("/proc/thread-self/comm"), "second\n"), "which has a name of its own");
	snprintf(want, sizeof(want), "%ld (second) R ", syscall(SYS_gettid));
	ok(!strncmp(read_text("/proc/thread-self/stat"), want, strlen(want)), "and a stat");
	ok(field("/proc/self/status", "Threads:") == 2 && count_entries("/proc/self/task") == 2,
	   "there are two");
	pthread_barrier_wait(&barrier);
	return nullptr;
}

static void threads(void)
{
	pthread_t t;

	pthread_barrier_init(&barrier, nullptr, 2);
	if (pthread_create(&t, nullptr, thread, nullptr))
		tap_bail("pthread_create");
	pthread_barrier_wait(&barrier);
	pthread_join(t, nullptr);
	// A join ends when the other has left its stack; it may still be on its way out.
	for (int i = 0; i < 100 && count_entries("/proc/self/task") != 1; i++)
		usleep(10000);
	ok(count_entries("/proc/self/task") == 1, "one is left when the other has ended");
}

static void ended(void)
{
	char path[64], state[2], c;
	long long f[64];
	pid_t child = fork();

	if (child == 0)
		_exit(3);
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	siginfo_t info;
	waitid(P_PID, child, &info, WEXITED | WNOWAIT);
	ok(stat_fields(path, state, f) && *state == 'Z' && f[23] == 0,
	   "a zombie has state Z and no memory");
	ok(f[52] == 3 << 8, "and its exit status");
	int fd = open(path, O_RDONLY);
	waitpid(child, nullptr, 0);
	ok(fd >= 0 && read(fd, &c, 1) == -1 && errno == ESRCH,
	   "reading about one that is gone is ESRCH");
	ok(open(path, O_RDONLY) == -1 && errno == ENOENT, "and there is no such file");
	close(fd);
}

static void strangers(void)
{
	char path[64];
	int status, parent = getpid();

	if (getuid()) {
		tap_skip("needs root");
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		static const char *const files[] = {"maps", "smaps", "environ",
						    "fd",   "auxv",  "pagemap"};
		int open_ones = 0;

		if (setgid(65534) || setuid(65534))
			_exit(100);
		for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(path, sizeof(path), "/proc/%d/%s", parent, files[i]);
			open_ones += open(path, O_RDONLY) >= 0 || errno != EACCES;
		}
		snprintf(path, sizeof(path), "/proc/%d/exe", parent);
		open_ones += readlink(path, path, sizeof(path)) >= 0 || errno != EACCES;
		snprintf(path, sizeof(path), "/proc/%d/status", parent);
		_exit(open_ones + (field(path, "Pid:") == parent ? 0 : 50));
	}
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "another user sees the status, but no memory and no files (%d)", WEXITSTATUS(status));
}

static void memory(void)
{
	const char *path = "/proc/meminfo";
	long total = field(path, "MemTotal:"), free = field(path, "MemFree:");

	ok(total > 0 && free > 0 && free < total, "meminfo: some memory is free");
	ok(free + field(path, "Cached:") + field(path, "AnonPages:") + field(path, "PageTables:") +
			   field(path, "Slab:") <=
		   total,
	   "the parts are not more than the whole");
	if (!on_quire()) {
		tap_skip("other processes take and free memory too");
		return;
	}
	constexpr long bytes = 8 << 20;
	long anon = field(path, "AnonPages:");
	char *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, bytes);
	ok(field(path, "AnonPages:") - anon == bytes >> 10, "AnonPages grows by what is touched");
	ok(free - field(path, "MemFree:") >= bytes >> 10, "MemFree goes down");
	munmap(p, bytes);
	ok(field(path, "AnonPages:") == anon, "and all comes back");
}

static void cpus(void)
{
	const char *s = read_text("/proc/stat");
	cpu_set_t set;
	int n = 0;

	sched_getaffinity(0, sizeof(set), &set);
	ok(!strncmp(s, "cpu  ", 5) && strstr(s, "\nctxt ") && strstr(s, "\nbtime "),
	   "stat has CPUs, switches, the time of boot");
	for (s = strstr(s, "\ncpu"); s; s = strstr(s + 1, "\ncpu"))
		n++;
	ok(n >= CPU_COUNT(&set), "a line for each CPU");
	int processors = 0;
	for (s = read_text("/proc/cpuinfo"); (s = strstr(s, "processor\t:")); s++)
		processors++;
	ok(processors == n, "cpuinfo has as many");
	if (access("/sys/devices/system/cpu", F_OK) == 0)
		ok(sysconf(_SC_NPROCESSORS_CONF) == n &&
			   read_text("/sys/devices/system/cpu/online")[0] == '0',
		   "sysfs too");
	else
		tap_skip("no /sys");
}

static void whole_system(void)
{
	struct utsname u;
	struct timespec now;
	double up, idle;
	char id[64];

	uname(&u);
	clock_gettime(CLOCK_BOOTTIME, &now);
	ok(sscanf(read_text("/proc/uptime"), "%lf %lf", &up, &idle) == 2 && up - now.tv_sec < 3 &&
		   now.tv_sec - up < 3,
	   "uptime is the clock's");
	ok(!strncmp(read_text("/proc/sys/kernel/hostname"), u.nodename, strlen(u.nodename)),
	   "the host's name is uname's");
	ok(!strncmp(read_text("/proc/sys/kernel/osrelease"), u.release, strlen(u.release)),
	   "so is the release");
	ok(!strncmp(read_text("/proc/version"), "Linux version ", 14), "version begins as Linux's");
	strcpy(id, read_text("/proc/sys/kernel/random/uuid"));
	ok(strlen(id) == 37 && id[14] == '4' &&
		   strcmp(id, read_text("/proc/sys/kernel/random/uuid")),
	   "each uuid is another");
	strcpy(id, read_text("/proc/sys/kernel/random/boot_id"));
	ok(strlen(id) == 37 && !strcmp(id, read_text("/proc/sys/kernel/random/boot_id")),
	   "boot_id stays");
	ok(strstr(read_text("/proc/mounts"), " /proc proc ") &&
		   strstr(read_text("/proc/self/mountinfo"), " /proc "),
	   "mounts has /proc");
	ok(strstr(read_text("/proc/filesystems"), "nodev\tproc\n"), "filesystems has proc");
	float a, b, c;
	int running, all, last;
	ok(sscanf(read_text("/proc/loadavg"), "%f %f %f %d/%d %d", &a, &b, &c, &running, &all,
		  &last) == 6 &&
		   all >= 1,
	   "loadavg has its six numbers");
	ok(open("/proc/nothing", O_RDONLY) == -1 && errno == ENOENT, "what is not there is ENOENT");
	ok(open("/proc/new", O_CREAT | O_WRONLY, 0600) == -1 && errno != EROFS,
	   "nothing can be made there");
}

static void audit(void)
{
	if (!on_quire()) {
		tap_skip("the audit is Quire's own");
		return;
	}
	long forks = field("/proc/quire/counters", "vm_forks");
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, nullptr, 0);
	ok(field("/proc/quire/counters", "vm_forks") == forks + 1, "the counters count a fork");
	ok(read_text("/proc/quire/audit")[0] == '\0', "the audit finds nothing: %.200s", text);
}

int main(int argc, char **argv)
{
	start(argc, argv);
	status();
	stat_line();
	descriptors();
	threads();
	ended();
	strangers();
	memory();
	cpus();
	whole_system();
	audit();
	return tap_done();
}
