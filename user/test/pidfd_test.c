// SPDX-License-Identifier: MIT
// Processes and signals as descriptors: pidfd_open, CLONE_PIDFD, signalfd.

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

constexpr int PIDFD_TYPE = 3; // P_PIDFD

static int pidfd_open_(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int pidfd_kill(int fd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, nullptr, 0);
}

static bool is_readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1 && (p.revents & POLLIN);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void test_pidfd(void)
{
	siginfo_t info = {};
	pid_t pid = sleeper();
	int fd = pidfd_open_(pid, 0), again = pidfd_open_(pid, O_NONBLOCK);

	ok(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "pidfd_open");
	ok(!is_readable(fd, 0), "not readable while the process lives");
	ok(pidfd_kill(fd, 0) == 0, "signal 0 asks");
	ok(waitid(PIDFD_TYPE, (id_t)again, &info, WEXITED) == -1 && errno == EAGAIN, "O_NONBLOCK: waitid does not wait");
	ok(pidfd_kill(fd, SIGTERM) == 0 && is_readable(fd, 5000), "readable when it has ended");
	ok(waitid(PIDFD_TYPE, (id_t)fd, &info, WEXITED) == 0 && info.si_pid == pid && info.si_status == SIGTERM,
	   "waitid by descriptor");
	ok(pidfd_kill(fd, 0) == -1 && errno == ESRCH, "then there is nobody");
	ok(waitid(PIDFD_TYPE, (id_t)fd, &info, WEXITED) == -1 && errno == ECHILD, "and nothing to wait for");
	close(fd);
	close(again);
	ok(pidfd_open_(999999, 0) == -1 && errno == ESRCH, "no such process: ESRCH");
	ok(pidfd_open_(0, 0) == -1 && errno == EINVAL, "0: EINVAL");
	ok(pidfd_open_(getpid(), 1) == -1 && errno == EINVAL, "unknown flags: EINVAL");
	ok(pidfd_kill(0, 0) == -1 && errno == EBADF, "another kind of descriptor: EBADF");
}

static void test_clone(void)
{
	int fd = -1, status;
	long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);

	if (pid == 0)
		_exit(6);
	ok(pid > 0 && fd >= 0 && is_readable(fd, 5000), "CLONE_PIDFD");
	ok(waitpid((pid_t)pid, &status, 0) == pid && WEXITSTATUS(status) == 6, "the process is the usual one");
	close(fd);
	ok(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, 16, 0, 0) == -1 && errno == EFAULT, "a bad address: EFAULT");
}

static void test_signalfd(void)
{
	struct signalfd_siginfo info[4];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, nullptr);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	ok(fd >= 0, "signalfd");
	ok(read(fd, info, sizeof(info)) == -1 && errno == EAGAIN && !is_readable(fd, 0), "nothing is pending");
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 42});
	ok(is_readable(fd, 0), "readable when there is");
	ok(read(fd, info, sizeof(info)) == 2 * sizeof(info[0]), "one read takes both");
	ok(info[0].ssi_signo == SIGUSR1 && info[0].ssi_pid == (uint32_t)getpid() && info[0].ssi_code == SI_USER, "who sent it");
	ok(info[1].ssi_signo == (uint32_t)SIGRTMIN + 1 && info[1].ssi_int == 42, "and its value");
	ok(read(fd, info, 10) == -1 && errno == EINVAL, "too small a buffer: EINVAL");

	int ep = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN}, got;
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	pid_t parent = getpid();
	if (fork() == 0) {
		usleep(20000);
		kill(parent, SIGUSR1);
		_exit(0);
	}
	ok(epoll_wait(ep, &got, 1, 5000) == 1, "a signal wakes epoll");
	sigdelset(&set, SIGUSR1);
	ok(signalfd(fd, &set, 0) == fd && !is_readable(fd, 0), "the set can be changed");
	wait(nullptr);
	close(ep);
	close(fd);
	fd = signalfd(-1, &set, 0);
	if (fork() == 0) {
		usleep(20000);
		sigqueue(parent, SIGRTMIN + 1, (union sigval){.sival_int = 7});
		_exit(0);
	}
	ok(read(fd, info, sizeof(info)) == sizeof(info[0]) && info[0].ssi_int == 7, "read waits");
	wait(nullptr);
	close(fd);
}

int main(void)
{
	test_pidfd();
	test_clone();
	test_signalfd();
	return tap_done();
}
