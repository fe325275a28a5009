// SPDX-License-Identifier: MIT
// The first process. It mounts what a Unix expects and then does one of two things:
//
// - With a program in /etc/quire/run (put there by tools/quire) it runs that one and
//   passes its standard input, output and error through the console as frames:
//       0x01, channel, length (16 bits, little-endian), payload
//   to the host: R ready, O stdout, E stderr, A count of input bytes consumed, L kernel log,
//   S trace of system calls, X exit status; from the host: I stdin, C end of stdin. The host never has more than
//   INPUT_WINDOW bytes of I unacknowledged, so the console's input buffer cannot overflow. If there
//   is a file /etc/quire/stdin, that is the program's standard input.
// - Otherwise it keeps a login shell running on the console. (The file may then tell the size of the
//   terminal at the other end of the line.)
//
// It is an ordinary Linux program and runs under Linux too.

#include "user/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t child_changed;
static volatile sig_atomic_t shutdown_signal;

static void on_child(int sig)
{
	child_changed = 1;
}

static void on_shutdown(int sig)
{
	shutdown_signal = sig;
}

// ---- What every boot needs ----

static void mount_one(const char *type, const char *path, unsigned long flags, const char *data)
{
	mkdir(path, 0755);
	// The kernel may have mounted it already, or not know it: neither is our business.
	mount(type, path, type, flags, data);
}

static void mount_all(void)
{
	mount_one("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
	mount_one("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
	mount_one("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
	mount_one("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
	mount_one("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}

// Makes the console descriptors 0, 1 and 2, whatever the kernel has or has not opened for us.
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);
	if (fd < 0)
		return;
	for (int i = 0; i <= 2; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void set_hostname(void)
{
	char name[64];
	int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, name, sizeof(name));
	close(fd);
	while (n > 0 && (name[n - 1] == '\n' || name[n - 1] == ' '))
		n--;
	if (n > 0)
		sethostname(name, n);
}

static void set_environment(void)
{
	setenv("PATH", "/usr/local/bin:/bin:/sbin:/usr/bin:/usr/sbin:/test", 1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("SHELL", "/bin/sh", 1);
	setenv("TERM", "linux", 0);
}

static void set_signals(void)
{
	struct sigaction child = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
	struct sigaction down = {.sa_handler = on_shutdown};

	sigaction(SIGCHLD, &child, nullptr);
	sigaction(SIGTERM, &down, nullptr); // busybox reboot
	sigaction(SIGUSR1, &down, nullptr); // busybox halt
	sigaction(SIGUSR2, &down, nullptr); // busybox poweroff
	signal(SIGPIPE, SIG_IGN);

	// Delivered inside ppoll() and sigsuspend() only, so that none is lost between a look at
	// the flags and the sleep.
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, nullptr);
}

[[noreturn]] void power(int command)
{
	sync();
	reboot(command);
	_exit(1); // we are not process 1, or the kernel has no such call
}

[[noreturn]] static void shut_down(int sig)
{
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	for (int i = 0; i < 100 && (waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD); i++)
		nanosleep(&(struct timespec){.tv_nsec = 10'000'000}, nullptr);
	kill(-1, SIGKILL);
	power(sig == SIGTERM ? RB_AUTOBOOT : sig == SIGUSR1 ? RB_HALT_SYSTEM : RB_POWER_OFF);
}

// ---- A shell on the console ----

[[noreturn]] static void run_shell(const struct job *job)
{
	sigset_t none;
	pid_t shell = -1;

	set_window(job);
	sigemptyset(&none);
	for (;;) {
		if (shutdown_signal)
			shut_down(shutdown_signal);
		if (shell < 0) {
			shell = fork();
			if (shell == 0)
				exec_on_console((char *[]){"/bin/sh", "-l", nullptr}, nullptr);
			if (shell < 0)
				sleep(1);
		}
		if (!child_changed)
			sigsuspend(&none);
		child_changed = 0;
		for (pid_t pid; (pid = waitpid(-1, nullptr, WNOHANG)) > 0;)
			if (pid == shell)
				shell = -1;
	}
}

int main(void)
{
	static struct job job = {.in = -1, .out = -1, .err = -1, .trace = -1};

	umask(0);
	mount_all();
	umask(022);
	open_console();
	set_hostname();
	set_environment();
	set_signals();
	if (read_job(&job))
		run_job(&job);
	chdir("/root");
	run_shell(&job);
}
