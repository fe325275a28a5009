// SPDX-License-Identifier: MIT
// Whether a process waits, for tests that would otherwise guess how long it takes to come so far.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

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

// A process that is soon to wait does by then: what a signal did before would be lost. Not for ever.
static inline void await_sleep(pid_t pid)
{
	int tries = 300;

	do
		usleep(30000);
	while (!is_asleep(pid) && --tries);
}
