// SPDX-License-Identifier: MIT
/*
 * Many processes in a row and at once: forks and execs on all CPUs. Counts come as arguments: FORKS EXECS (defaults are
 * short). The boot tests look at the kernel's counters before and after.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap.h"

static int wait_for(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* `n` children one after the other; each writes to memory it shares with the parent, who must not see it. */
static int fork_often(long n)
{
	static volatile long canary;

	for (long i = 0; i < n; i++) {
		canary = i;
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0) {
			canary = -1;
			_exit(canary == -1 ? 7 : 1);
		}
		if (wait_for(pid) != 7 << 8 || canary != i)
			return 2;
	}
	return 0;
}

static int exec_often(const char *self, long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = vfork();

		if (pid < 0)
			return 1;
		if (pid == 0) {
			execl("/proc/self/exe", self, "-x", (char *)0);
			_exit(127);
		}
		if (wait_for(pid) != 0)
			return 2;
	}
	return 0;
}

/* The same on `workers` processes at once; true if all went well. */
static int at_once(int workers, const char *self, long forks, long execs)
{
	pid_t pids[64];
	int good = 1;

	for (int i = 0; i < workers; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(fork_often(forks / workers) | exec_often(self, execs / workers) << 4);
	}
	for (int i = 0; i < workers; i++)
		good &= pids[i] > 0 && wait_for(pids[i]) == 0;
	return good;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "-x"))
		return 0;
	long forks = argc > 1 ? atol(argv[1]) : 400, execs = argc > 2 ? atol(argv[2]) : 100;
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

	ok(fork_often(forks / 4) == 0, "forks one after the other");
	ok(exec_often(argv[0], execs / 4) == 0, "execs one after the other");
	ok(at_once(cpus * 2, argv[0], forks / 2, execs / 2), "forks and execs on all CPUs");
	ok(at_once(32, argv[0], forks / 4, execs / 4), "32 at once");
	return tap_done();
}
