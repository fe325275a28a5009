// SPDX-License-Identifier: MIT
// Waiting for children, process groups, sessions, stopping and continuing.

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

static pid_t child_exits(int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	return pid;
}

// The child is past fork(), where C libraries block signals, when this returns.
static pid_t child_sleeps(void)
{
	int ready[2];
	char c;

	pipe(ready);
	pid_t pid = fork();
	if (pid == 0) {
		write(ready[1], "r", 1);
		for (;;)
			pause();
	}
	read(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

// ---- wait4

static void test_status(void)
{
	int status;
	pid_t pid = child_exits(37);

	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 37, "an exit status");
	ok(waitpid(pid, &status, 0) == -1 && errno == ECHILD, "a child is waited for once");
	pid = child_sleeps();
	ok(waitpid(pid, &status, WNOHANG) == 0, "WNOHANG does not wait");
	kill(pid, SIGTERM);
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
	   "a signal's number");
	ok(wait(&status) == -1 && errno == ECHILD, "without children: ECHILD");
	ok(waitpid(-1, &status, 0x80) == -1 && errno == EINVAL, "unknown options: EINVAL");
	pid = child_exits(1);
	pid_t other = child_exits(2);
	ok(waitpid(other, &status, 0) == other && WEXITSTATUS(status) == 2, "the one that is asked for");
	ok(wait(&status) == pid && WEXITSTATUS(status) == 1, "then any");
	ok(waitpid(getppid(), &status, 0) == -1 && errno == ECHILD, "the parent is no child");
}

static void test_usage(void)
{
	struct rusage used;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		clock_t end = clock() + CLOCKS_PER_SEC / 10;
		while (clock() < end)
			;
		_exit(0);
	}
	ok(wait4(pid, &status, 0, &used) == pid, "wait4 with usage");
	long us = used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_sec * 1000000 +
		  used.ru_stime.tv_usec;
	ok(us >= 80000, "tells the time that the child used (%ld us)", us);
	getrusage(RUSAGE_CHILDREN, &used);
	us = used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_sec * 1000000 +
	     used.ru_stime.tv_usec;
	ok(us >= 80000, "which RUSAGE_CHILDREN adds up");
}

// ---- stop and continue

static void test_stop(void)
{
	int status;
	pid_t pid = child_sleeps();

	kill(pid, SIGSTOP);
	ok(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP,
	   "WUNTRACED sees a stop");
	ok(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0, "once");
	kill(pid, SIGCONT);
	ok(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status), "WCONTINUED sees it go on");
	ok(waitpid(pid, &status, WCONTINUED | WNOHANG) == 0, "once");
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGTERM);
	usleep(20000);
	ok(waitpid(pid, &status, WNOHANG) == 0, "a stopped process does not take SIGTERM");
	kill(pid, SIGKILL);
	ok(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL, "but SIGKILL");
}

// ---- waitid

static void test_waitid(void)
{
	siginfo_t info = {};
	pid_t pid = child_exits(3);

	ok(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == pid, "WNOWAIT leaves the child");
	memset(&info, 0, sizeof(info));
	ok(waitid(P_ALL, 0, &info, WEXITED) == 0 && info.si_signo == SIGCHLD && info.si_code == CLD_EXITED &&
		   info.si_status == 3 && info.si_pid == pid && info.si_uid == getuid(), "si_ fields of an exit");
	pid = child_sleeps();
	memset(&info, 1, sizeof(info));
	ok(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0, "nothing yet: si_pid is 0");
	kill(pid, SIGSTOP);
	ok(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED && info.si_status == SIGSTOP,
	   "of a stop");
	kill(pid, SIGCONT);
	ok(waitid(P_PID, (id_t)pid, &info, WCONTINUED) == 0 && info.si_code == CLD_CONTINUED &&
		   info.si_status == SIGCONT, "of a continuation");
	kill(pid, SIGKILL);
	ok(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 && info.si_code == CLD_KILLED && info.si_status == SIGKILL,
	   "of a signal");
	ok(waitid(P_ALL, 0, &info, 0) == -1 && errno == EINVAL, "without a state to wait for: EINVAL");
	ok(waitid(P_ALL, 0, &info, WEXITED) == -1 && errno == ECHILD, "without children: ECHILD");
}

// ---- groups

static void test_groups(void)
{
	int status;
	pid_t a = child_sleeps(), b = child_sleeps();

	ok(setpgid(a, a) == 0 && getpgid(a) == a, "a child gets a group of its own");
	ok(setpgid(b, a) == 0 && getpgid(b) == a, "another joins it");
	ok(waitpid(0, &status, WNOHANG) == -1 && errno == ECHILD, "nobody is left in ours");
	ok(waitpid(-a, &status, WNOHANG) == 0, "both can be waited for by group");
	ok(kill(-a, SIGTERM) == 0 && waitpid(-a, &status, 0) > 0 && waitpid(-a, &status, 0) > 0,
	   "a signal reaches all of it");
	ok(kill(-a, 0) == -1 && errno == ESRCH, "then it is gone");
	ok(setpgid(0, 999999) == -1 && errno == EPERM, "a group that does not exist: EPERM");
	ok(setpgid(getppid(), 0) == -1 && (errno == ESRCH || errno == EPERM), "the parent's cannot be changed");
}

static int session_body(void)
{
	if (setsid() != getpid() || getsid(0) != getpid() || getpgrp() != getpid())
		return 1;
	if (setsid() != -1 || errno != EPERM)
		return 2;
	if (setpgid(0, 0) != -1 || errno != EPERM)
		return 3;
	return 0;
}

static void test_session(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(session_body());
	waitpid(pid, &status, 0);
	ok(status == 0, "a session is made once, and its leader stays in its group (step %d)", WEXITSTATUS(status));
}

static void on_hup(int sig)
{
	_exit(11);
}

// The middle one of three generations ends while its stopped child is in another group of the session.
static void test_orphaned_group(void)
{
	int report[2];
	char got = 0;

	pipe(report);
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		pid_t middle = fork();
		if (middle == 0) {
			pid_t last = fork();
			if (last == 0) {
				setpgid(0, 0);
				signal(SIGHUP, on_hup);
				raise(SIGSTOP);
				write(report[1], "n", 1);
				for (;;)
					pause();
			}
			setpgid(last, last);
			waitpid(last, nullptr, WUNTRACED);
			_exit(0);
		}
		waitpid(middle, nullptr, 0);
		usleep(50000);
		_exit(0);
	}
	close(report[1]);
	ok(read(report[0], &got, 1) == 0, "an orphaned stopped group gets SIGHUP and goes on (%d)", got);
	waitpid(pid, nullptr, 0);
	close(report[0]);
}

// ---- SIGCHLD

static volatile sig_atomic_t children;
static siginfo_t last_info;

static void on_child(int sig, siginfo_t *info, void *context)
{
	children++;
	last_info = *info;
}

static void test_sigchld(void)
{
	struct sigaction act = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
	int status;

	sigaction(SIGCHLD, &act, nullptr);
	pid_t pid = child_exits(12);
	ok(waitpid(pid, &status, 0) == pid, "a wait goes on behind SA_RESTART");
	ok(children == 1 && last_info.si_pid == pid && last_info.si_code == CLD_EXITED && last_info.si_status == 12,
	   "SIGCHLD tells who and why");
	act.sa_flags |= SA_NOCLDSTOP;
	sigaction(SIGCHLD, &act, nullptr);
	children = 0;
	pid = child_sleeps();
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	ok(children == 0, "SA_NOCLDSTOP: not for a stop");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);

	signal(SIGCHLD, SIG_IGN);
	child_exits(1);
	ok(wait(&status) == -1 && errno == ECHILD, "ignored: children vanish, wait ends when all have");
	act.sa_flags = SA_NOCLDWAIT | SA_SIGINFO;
	sigaction(SIGCHLD, &act, nullptr);
	children = 0;
	child_exits(1);
	while (wait(&status) == -1 && errno == EINTR)
		;
	ok(errno == ECHILD && children == 1, "SA_NOCLDWAIT: they vanish, but the signal comes");
	signal(SIGCHLD, SIG_DFL);
}

static void on_alarm(int sig)
{
}

static void test_interrupted(void)
{
	struct sigaction act = {.sa_handler = on_alarm};
	struct itimerval soon = {.it_value.tv_usec = 20000};
	int status;
	pid_t pid = child_sleeps();

	sigaction(SIGALRM, &act, nullptr);
	setitimer(ITIMER_REAL, &soon, nullptr);
	ok(waitpid(pid, &status, 0) == -1 && errno == EINTR, "a handler without SA_RESTART interrupts wait");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void test_clone_child(void)
{
	int status;
	long pid = syscall(SYS_clone, 0, 0, 0, 0, 0);

	if (pid == 0)
		_exit(8);
	usleep(20000);
	ok(waitpid((pid_t)pid, &status, WNOHANG) == -1 && errno == ECHILD, "a child without a signal is no usual child");
	ok(waitpid((pid_t)pid, &status, (int)__WCLONE) == pid && WEXITSTATUS(status) == 8, "__WCLONE finds it");
	pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (pid == 0)
		_exit(9);
	ok(waitpid((pid_t)pid, &status, __WALL) == pid && WEXITSTATUS(status) == 9, "so does __WALL");
}

int main(void)
{
	test_status();
	test_usage();
	test_stop();
	test_waitid();
	test_groups();
	test_session();
	test_orphaned_group();
	test_sigchld();
	test_interrupted();
	test_clone_child();
	return tap_done();
}
