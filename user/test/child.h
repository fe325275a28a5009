// SPDX-License-Identifier: MIT
// What becomes of children, and what a process is at.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// Its exit status; 256 + the signal that it died of; -1: there is no such child.
static inline int wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static inline int in_child(int (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	return wait_for(pid);
}

// Whether its first thread is, in a way that a signal ends.
static inline bool is_asleep(pid_t pid)
{
	char path[48], text[256];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = 0;
	const char *state = strrchr(text, ')');	// behind the name, which may have any character
	return state && state[1] && state[2] == 'S';
}
