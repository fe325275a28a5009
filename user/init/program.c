// SPDX-License-Identifier: MIT
// From a child of the first process to a program: signals, PATH, the terminal, and what is said when it cannot be run.

#include "user/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The file that execvp() would run, found without the failed calls that a trace would show.
static const char *find_program(const char *name)
{
	static char path[PATH_MAX];

	if (strchr(name, '/'))
		return name;
	for (int mode = X_OK; mode >= F_OK; mode -= X_OK - F_OK) {
		for (const char *dir = getenv("PATH"), *end; dir && *dir; dir = end + (*end == ':')) {
			end = strchrnul(dir, ':');
			snprintf(path, sizeof(path), "%.*s/%s", (int)(end - dir), dir, name);
			if (!access(path, mode))
				return path;
		}
	}
	return nullptr;
}

// From here on this process and its children are traced; the first call that is seen is execve().
static void trace_self(void)
{
	write(open("/dev/trace", O_WRONLY | O_CLOEXEC), "1", 1);
}

[[noreturn]] void exec_program(char **argv, const char *cwd, bool trace)
{
	const char *path = find_program(argv[0]), *more = "";

	reset_signals();
	if (cwd && chdir(cwd)) {
		dprintf(2, "quire: %s: %s\n", cwd, strerror(errno));
		_exit(126);
	}
	if (trace)
		trace_self();
	errno = ENOENT;
	if (path)
		execv(path, argv);
	int err = errno;
	if (err == ENOENT && path && !access(path, F_OK))
		more = " (it is there, but not its loader, or the interpreter that its #! line names)";
	dprintf(2, "quire: %s: %s%s\n", argv[0], strerror(err), more);
	_exit(err == ENOENT || err == ENOTDIR ? 127 : 126);
}

[[noreturn]] void exec_on_console(char **argv, const char *cwd)
{
	setsid();
	ioctl(CONSOLE, TIOCSCTTY, 1);
	exec_program(argv, cwd, false);
}
