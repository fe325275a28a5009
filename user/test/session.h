// SPDX-License-Identifier: MIT
// Tests in sessions of their own, with a pseudo-terminal.
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "user/test/pty.h"

static volatile sig_atomic_t got[65];

static inline void count(int sig)
{
	got[sig]++;
}

static inline void catch_signal(int sig, int flags)
{
	sigaction(sig, &(struct sigaction){.sa_handler = count, .sa_flags = flags}, nullptr);
}

// Memory that all processes of a test share, for what they have to tell.
static volatile int *shared;

static inline int wait_shared(int i)
{
	for (int k = 0; k < 500 && !shared[i]; k++)
		sleep_ms(10);
	return shared[i];
}

// Runs body as the leader of a new session with p's slave as its terminal: the step that failed, 0 if none.
static inline int in_session(struct pair *p, int (*body)(struct pair *p))
{
	int status;

	memset((void *)shared, 0, 4096);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(20);
		if (setsid() != getpid() || ioctl(p->slave, TIOCSCTTY, 0))
			_exit(99);
		_exit(body(p));
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 200 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define NEED(step, cond) do { if (!(cond)) { printf("# step %d: errno %d\n", step, errno); return step; } } while (0)

static inline pid_t child_in_group(int (*body)(void *), void *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(20);
		setpgid(0, 0);
		_exit(body(arg));
	}
	setpgid(pid, pid);
	return pid;
}

static inline int pauses(void *unused)
{
	alarm(20);
	signal(SIGINT, SIG_DFL);
	shared[99] = 1;
	for (;;)
		pause();
}
