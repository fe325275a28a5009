// SPDX-License-Identifier: MIT
// One program for tools/quire: what it is, and how it ended.

#include "user/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

// The job's description: strings that end in NUL, the first letter says of what kind.
bool read_job(struct job *job)
{
	struct stat st;
	int fd = open("/etc/quire/run", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return false;
	char *text = calloc(1, st.st_size + 1);
	if (!text || read(fd, text, st.st_size) != st.st_size)
		return false;
	close(fd);
	for (char *s = text; s < text + st.st_size; s += strlen(s) + 1) {
		if (*s == 'a' && job->argc < STRINGS_MAX - 1)
			job->argv[job->argc++] = s + 1;
		else if (*s == 'e')
			putenv(s + 1);
		else if (*s == 'c')
			job->cwd = s + 1;
		else if (*s == 'l')
			job->want_log = true;
		else if (*s == 's')
			job->want_trace = true;
		else if (*s == 't')
			job->terminal = true;
		else if (*s == 'w')
			sscanf(s + 1, "%hu %hu", &job->window.ws_row, &job->window.ws_col);
	}
	return job->argc > 0;
}

void reap(struct job *job)
{
	int status;

	child_changed = 0;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid != job->pid)
			continue;
		job->exited = true;
		job->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

void set_window(const struct job *job)
{
	struct winsize now;

	if (job->window.ws_row && !ioctl(CONSOLE, TIOCGWINSZ, &now) && !now.ws_row)
		ioctl(CONSOLE, TIOCSWINSZ, &job->window);
}

static void run_on_console(struct job *job)
{
	sigset_t none;

	sigemptyset(&none);
	set_window(job);
	job->pid = fork();
	if (job->pid == 0)
		exec_on_console(job->argv, job->cwd);
	while (!job->exited) {
		if (!child_changed)
			sigsuspend(&none);
		reap(job);
	}
}

static void make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		return;
	cfmakeraw(&t);
	tcsetattr(fd, TCSADRAIN, &t); // some drivers forget what they have not sent yet
}

static void send_log(void)
{
	constexpr int ACTION_READ_ALL = 3;
	constexpr int SIZE = 1 << 20;
	char *text = malloc(SIZE);
	int len = text ? klogctl(ACTION_READ_ALL, text, SIZE) : 0;

	for (int at = 0; at < len; at += FRAME_MAX)
		send_frame('L', text + at, len - at < FRAME_MAX ? len - at : FRAME_MAX);
	free(text);
}

[[noreturn]] void run_job(struct job *job)
{
	chdir("/root");
	if (job->terminal) {
		run_on_console(job);
		make_raw(CONSOLE);
	} else {
		make_raw(CONSOLE);
		send_frame('R', nullptr, 0);
		if (start_on_pipes(job)) {
			serve_pipes(job);
		} else {
			const char *why = strerror(errno);
			send_frame('E', why, strlen(why));
			job->status = 126;
		}
	}
	if (job->want_log)
		send_log();
	send_number('X', job->status);
	tcdrain(CONSOLE);
	power(RB_POWER_OFF);
}
