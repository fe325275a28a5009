// SPDX-License-Identifier: MIT
// Sessions and their controlling terminals (credentials(7), POSIX 11.1), on pseudo-terminals. Job control is in job_test.c.

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "user/test/session.h"

// ---- whose terminal it is

static int leader_body(struct pair *p)
{
	pid_t x = 0;
	int fd;

	NEED(1, tcgetsid(p->slave) == getpid() && tcgetpgrp(p->slave) == getpid());
	NEED(2, ioctl(p->master, TIOCGPGRP, &x) == 0 && x == getpid());
	NEED(3, ioctl(p->master, TIOCGSID, &x) == 0 && x == getpid());
	NEED(4, (fd = open("/dev/tty", O_RDWR)) >= 0 && isatty(fd) && close(fd) == 0);
	NEED(5, ioctl(p->slave, TIOCSCTTY, 0) == 0);	// once more is nothing
	struct pair q = open_pair();
	NEED(6, ioctl(q.slave, TIOCSCTTY, 0) == -1 && errno == EPERM);	// a second one
	NEED(7, tcgetpgrp(q.slave) == -1 && errno == ENOTTY);
	NEED(8, tcgetsid(q.slave) == (pid_t)-1 && errno == ENOTTY);
	NEED(9, tcsetpgrp(q.slave, getpid()) == -1 && errno == ENOTTY);
	NEED(10, setsid() == -1 && errno == EPERM);
	NEED(11, setpgid(0, 0) == -1 && errno == EPERM);
	close_pair(&q);
	return 0;
}

static int errors_body(struct pair *p)
{
	int status;
	pid_t other = fork();

	if (!other)
		pauses(nullptr);
	pid_t foreign = fork();
	if (!foreign) {
		setsid();
		shared[0] = 1;
		pauses(nullptr);
	}
	wait_shared(0);
	NEED(1, tcsetpgrp(p->slave, -5) == -1 && errno == EINVAL);
	NEED(2, tcsetpgrp(p->slave, 4000000) == -1 && errno == ESRCH);
	NEED(3, tcsetpgrp(p->slave, foreign) == -1 && errno == EPERM);	// another session's
	NEED(4, setpgid(foreign, foreign) == -1 && errno == EPERM);
	NEED(5, setpgid(other, foreign) == -1 && errno == EPERM);
	NEED(6, setpgid(other, other) == 0 && tcsetpgrp(p->slave, other) == 0 && tcgetpgrp(p->slave) == other);
	NEED(7, setpgid(1, 0) == -1 && errno == ESRCH);
	NEED(8, setpgid(other, -1) == -1 && errno == EINVAL);
	NEED(9, getsid(foreign) == foreign && getsid(other) == getpid());
	kill(other, SIGKILL);
	NEED(10, waitid(P_PID, other, &(siginfo_t){}, WEXITED | WNOWAIT) == 0 && setpgid(other, getpid()) == 0);
	kill(-getpid(), 0);
	kill(foreign, SIGKILL);
	waitpid(other, &status, 0);
	waitpid(foreign, &status, 0);
	return 0;
}

static int give_up_body(struct pair *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (ioctl(p->slave, TIOCNOTTY) || open("/dev/tty", O_RDWR) != -1 || errno != ENXIO)
			_exit(1);
		_exit(ioctl(p->slave, TIOCNOTTY) == -1 && errno == ENOTTY ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	NEED(1, status == 0 && tcgetpgrp(p->slave) == getpid());	// only the child's is gone
	catch_signal(SIGHUP, 0);
	catch_signal(SIGCONT, 0);
	NEED(2, ioctl(p->slave, TIOCNOTTY) == 0 && got[SIGHUP] == 1 && got[SIGCONT] == 1);
	NEED(3, open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
	int fd = open(p->name, O_RDWR | O_NOCTTY);
	NEED(4, tcgetpgrp(fd) == -1 && errno == ENOTTY);
	close(fd);
	fd = open(p->name, O_WRONLY);
	NEED(5, tcgetpgrp(fd) == -1);	// not to who cannot read
	close(fd);
	fd = open(p->name, O_RDWR);
	NEED(6, tcgetpgrp(fd) == getpid());	// the first that a leader opens
	return 0;
}

static int taken_body(struct pair *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		if (setuid(65534) && geteuid() == 0)
			_exit(3);
		if (ioctl(p->slave, TIOCSCTTY, 1) != -1 || errno != EPERM)
			_exit(1);
		_exit(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	NEED(1, status == 0);
	return 0;
}

static int steal_body(struct pair *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		_exit(ioctl(p->slave, TIOCSCTTY, 1) == 0 && tcgetpgrp(p->slave) == getpid() ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	NEED(1, status == 0);
	NEED(2, open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
	return 0;
}

static void test_controlling(void)
{
	struct pair p = open_pair();
	int step = in_session(&p, leader_body);

	ok(step == 0, "a leader gets a terminal, and only one (step %d)", step);
	step = in_session(&p, errors_body);
	ok(step == 0, "groups and the foreground: what is refused, and how (step %d)", step);
	step = in_session(&p, give_up_body);
	ok(step == 0, "giving the terminal up, and opening another (step %d)", step);
	step = in_session(&p, taken_body);
	ok(step == 0, "a terminal that another session has (step %d)", step);
	if (geteuid() == 0) {
		step = in_session(&p, steal_body);
		ok(step == 0, "root may take it away (step %d)", step);
	} else {
		tap_skip("root may take it away");
	}
	close_pair(&p);
}

// ---- signals from the terminal

static int keys_body(struct pair *p)
{
	static const struct { const char *key; int sig; } keys[] = {
		{ "\003", SIGINT }, { "\034", SIGQUIT }, { "\032", SIGTSTP },
	};

	for (int i = 0; i < 3; i++) {
		catch_signal(keys[i].sig, 0);
		write(p->master, keys[i].key, 1);
		for (int k = 0; k < 200 && !got[keys[i].sig]; k++)
			sleep_ms(10);
		NEED(1 + i, got[keys[i].sig] == 1);
	}
	NEED(4, ioctl(p->master, TIOCSIG, SIGINT) == 0 && got[SIGINT] == 2);
	NEED(5, ioctl(p->master, TIOCSIG, SIGHUP) == -1 && errno == EINVAL);
	catch_signal(SIGWINCH, 0);
	struct winsize w = {.ws_row = 10, .ws_col = 20};
	NEED(6, ioctl(p->master, TIOCSWINSZ, &w) == 0 && got[SIGWINCH] == 1);
	NEED(7, ioctl(p->slave, TIOCSWINSZ, &w) == 0 && got[SIGWINCH] == 1);	// no change
	pid_t child = child_in_group(pauses, nullptr);
	NEED(8, tcsetpgrp(p->slave, child) == 0 && wait_shared(99));
	write(p->master, "\003", 1);
	int status;
	NEED(9, waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	NEED(10, got[SIGINT] == 2);	// the background hears nothing
	return 0;
}

static void test_keys(void)
{
	struct pair p = open_pair();
	int step = in_session(&p, keys_body);

	ok(step == 0, "keys, TIOCSIG and the window's size signal the foreground (step %d)", step);
	close_pair(&p);
}

// ---- ends

static void note(int sig)
{
	shared[sig]++;
}

static void noting(int who)
{
	signal(SIGHUP, note);
	signal(SIGCONT, note);
	shared[100 + who] = 1;
}

// Members of the foreground and of a background group, each counting in a place of its own.
static int foreground[2];

static int foreground_waits(void *unused)
{
	noting(0);
	for (int k = 0; k < 500 && !shared[SIGHUP]; k++)
		sleep_ms(10);
	shared[110] = shared[SIGHUP];
	sleep_ms(100);
	shared[111] = shared[SIGCONT];
	return 0;
}

static int leader_exits_body(struct pair *p)
{
	pid_t fg = child_in_group(foreground_waits, foreground);

	tcsetpgrp(p->slave, fg);
	wait_shared(100);
	return 0;
}

static int hangup_body(struct pair *p)
{
	pid_t fg = child_in_group(foreground_waits, foreground);
	char c;

	tcsetpgrp(p->slave, fg);
	wait_shared(100);
	catch_signal(SIGHUP, 0);
	catch_signal(SIGCONT, 0);
	shared[120] = 1;
	for (int k = 0; k < 500 && !got[SIGHUP]; k++)
		sleep_ms(10);
	sleep_ms(50);
	NEED(1, got[SIGHUP] == 1 && got[SIGCONT] == 1);
	NEED(2, shared[110] == 0);	// the foreground is not told yet
	NEED(3, open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
	NEED(4, read(p->slave, &c, 1) == 0 && write(p->slave, "x", 1) == -1 && errno == EIO);
	NEED(5, tcgetpgrp(p->slave) == -1 && (errno == EIO || errno == ENOTTY));
	return 0;
}

static void test_ends(void)
{
	struct pair p = open_pair();
	int status, step = in_session(&p, leader_exits_body);

	ok(step == 0 && wait_shared(110) == 1, "the leader ends: SIGHUP to the foreground (step %d)", step);
	sleep_ms(200);
	pid_t x;
	ok(ioctl(p.master, TIOCGSID, &x) == -1 && errno == ENOTTY, "and the terminal is free");
	ok(write(p.slave, "x", 1) == 1, "but not hung up");
	memset((void *)shared, 0, 4096);
	pid_t pid = fork();
	if (pid == 0) {
		close(p.master);
		setsid();
		ioctl(p.slave, TIOCSCTTY, 0);
		_exit(hangup_body(&p));
	}
	wait_shared(120);
	close(p.master);
	waitpid(pid, &status, 0);
	ok(status == 0, "the master closes: SIGHUP and SIGCONT to the leader (step %d)", WEXITSTATUS(status));
	ok(wait_shared(110) == 1, "and to the foreground when the leader ends");
	close(p.slave);
}

static int vhangup_body(struct pair *p)
{
	char c;

	catch_signal(SIGHUP, 0);
	NEED(1, vhangup() == 0 && got[SIGHUP] == 1);
	NEED(2, read(p->slave, &c, 1) == 0);
	int fd = open(p->name, O_RDWR | O_NOCTTY);
	NEED(3, fd >= 0 && write(fd, "new\n", 4) == 4);	// new files are alive
	return 0;
}

static void test_vhangup(void)
{
	struct pair p = open_pair();

	if (geteuid()) {
		tap_skip("vhangup needs root");
		return;
	}
	int step = in_session(&p, vhangup_body);
	ok(step == 0, "vhangup ends the open files of the terminal (step %d)", step);
	close_pair(&p);
}

// Sessions that get terminals, lose them and end, while the other end does what it likes.
static void test_storm(void)
{
	for (int round = 0; round < 40; round++) {
		pid_t pids[4];
		for (int i = 0; i < 4; i++) {
			if ((pids[i] = fork()))
				continue;
			struct pair p = open_pair();
			if (fork() == 0) {
				alarm(20);
				setsid();
				close(p.master);
				ioctl(p.slave, TIOCSCTTY, 0);
				if (fork() == 0)
					setpgid(0, 0), tcsetpgrp(p.slave, getpgrp());
				char c;
				for (int k = 0; k < 5; k++)
					open("/dev/tty", O_RDWR | O_CLOEXEC), tcgetpgrp(p.slave);
				if (round & 1)
					read(p.slave, &c, 1);
				_exit(0);
			}
			close(p.slave);
			write(p.master, "\003a\n", (size_t)round % 4);
			ioctl(p.master, TIOCSIG, SIGINT);
			ioctl(p.master, TIOCSWINSZ, &(struct winsize){.ws_row = round + 1});
			close(p.master);
			wait(nullptr);
			_exit(0);
		}
		for (int i = 0; i < 4; i++)
			waitpid(pids[i], nullptr, 0);
	}
	ok(true, "sessions and masters end in every order");
}

int main(void)
{
	shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alarm(100);
	test_controlling();
	test_keys();
	test_ends();
	test_vhangup();
	test_storm();
	return tap_done();
}
