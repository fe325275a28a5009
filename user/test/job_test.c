// SPDX-License-Identifier: MIT
// Job control (POSIX 11.1): processes in the background of a terminal, and those that nobody can continue.

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "user/test/session.h"

// ---- the background

static int reads_line(void *slave)
{
	char buf[16];

	return read(*(int *)slave, buf, sizeof(buf)) == 3 ? 5 : 1;
}

static int writes_line(void *slave)
{
	return write(*(int *)slave, "out\n", 4) == 4 ? 6 : 1;
}

static int sets_modes(void *slave)
{
	struct termios t;

	return tcgetattr(*(int *)slave, &t) == 0 && tcsetattr(*(int *)slave, TCSANOW, &t) == 0 ? 7 : 1;
}

static int read_ignoring(void *slave)
{
	char c;

	signal(SIGTTIN, SIG_IGN);
	return read(*(int *)slave, &c, 1) == -1 && errno == EIO ? 8 : 1;
}

static int set_ignoring(void *slave)
{
	signal(SIGTTOU, SIG_IGN);
	return sets_modes(slave) == 7 && tcsetpgrp(*(int *)slave, getpgrp()) == 0 ? 9 : 1;
}

// The child stops with that signal; brought to the foreground it ends with `code`.
static int stops_with(struct pair *p, int (*body)(void *), int sig, int code)
{
	int status;
	pid_t pid = child_in_group(body, &p->slave);

	NEED(100 + code, waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == sig);
	NEED(110 + code, tcsetpgrp(p->slave, pid) == 0);
	kill(-pid, SIGCONT);
	NEED(120 + code, waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == code);
	signal(SIGTTOU, SIG_IGN);
	NEED(130 + code, tcsetpgrp(p->slave, getpgrp()) == 0);
	signal(SIGTTOU, SIG_DFL);
	return 0;
}

static int ends_with(struct pair *p, int (*body)(void *), int code)
{
	int status;
	pid_t pid = child_in_group(body, &p->slave);

	NEED(code, waitpid(pid, &status, WUNTRACED) == pid && WIFEXITED(status) && WEXITSTATUS(status) == code);
	return 0;
}

static int background_body(struct pair *p)
{
	struct termios t;
	int step;

	write(p->master, "in\n", 3);
	if ((step = stops_with(p, reads_line, SIGTTIN, 5)) || (step = ends_with(p, writes_line, 6)))
		return step;
	tcgetattr(p->slave, &t);
	t.c_lflag |= TOSTOP;
	tcsetattr(p->slave, TCSANOW, &t);
	if ((step = stops_with(p, writes_line, SIGTTOU, 6)) || (step = stops_with(p, sets_modes, SIGTTOU, 7)))
		return step;
	if ((step = ends_with(p, read_ignoring, 8)))
		return step;
	return ends_with(p, set_ignoring, 9);
}

static void test_background(void)
{
	struct pair p = open_pair();
	int step = in_session(&p, background_body);

	ok(step == 0, "the background: SIGTTIN, SIGTTOU with TOSTOP, EIO and leave if ignored (step %d)", step);
	close_pair(&p);
}

// ---- orphans

// A group whose only parent outside it ends. The child reports through shared[].
static int orphan(struct pair *p, void (*child)(struct pair *p))
{
	pid_t middle = fork();

	if (middle == 0) {
		if (fork() == 0) {
			alarm(20);
			setpgid(0, 0);
			while (getppid() != 1 && !shared[10])
				sleep_ms(10);
			sleep_ms(20);
			child(p);
			_exit(0);
		}
		_exit(0);
	}
	waitpid(middle, nullptr, 0);
	shared[10] = 1;
	return wait_shared(0);
}

static void orphan_reads(struct pair *p)
{
	char c;

	shared[0] = read(p->slave, &c, 1) == -1 ? errno : -1;
}

static void orphan_sets(struct pair *p)
{
	struct termios t;

	tcgetattr(p->slave, &t);
	shared[0] = tcsetattr(p->slave, TCSANOW, &t) == -1 ? errno : -1;
}

static void orphan_sets_group(struct pair *p)
{
	shared[0] = tcsetpgrp(p->slave, getpgrp()) == -1 ? errno : -1;
}

static void orphan_stops(struct pair *p)
{
	raise(SIGTSTP);
	raise(SIGTTIN);
	raise(SIGTTOU);
	shared[0] = 1;
}

static int orphan_body(struct pair *p)
{
	static const struct { void (*child)(struct pair *p); int want; } cases[] = {
		{ orphan_reads, EIO }, { orphan_sets, EIO }, { orphan_sets_group, ENOTTY }, { orphan_stops, 1 },
	};

	for (int i = 0; i < 4; i++) {
		shared[0] = shared[10] = 0;
		int is = orphan(p, cases[i].child);
		if (is != cases[i].want)
			printf("# case %d: %d\n", i, is);
		NEED(1 + i, is == cases[i].want);
	}
	return 0;
}

static void test_orphans(void)
{
	struct pair p = open_pair();
	int step = in_session(&p, orphan_body);

	ok(step == 0, "an orphaned group is not stopped: EIO instead (step %d)", step);
	close_pair(&p);
}

int main(void)
{
	shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alarm(100);
	test_background();
	test_orphans();
	return tap_done();
}
