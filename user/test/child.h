// SPDX-License-Identifier: MIT
// What becomes of children.
#pragma once

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
