// SPDX-License-Identifier: MIT
// A program that may be run but not read: its memory is hidden from others of the same user, also from who traced it before it
// ran the program.

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

enum { NOBODY = 65534 };

static char program[] = "/tmp/unreadable.XXXXXX";
static long known = 0x5eadbeef; // at the same place in every process that runs this program, if it is not moved
static long *where = &known;

// What the others try. Bits of what they can do: 1 PEEKDATA, 2 /proc/PID/mem, 4 process_vm_readv, 8 it calls itself dumpable.
static int look_at(pid_t pid)
{
	char name[64], byte;
	long word = 0;
	struct iovec mine = { &byte, 1 }, its = { where, 1 };
	int can = syscall(SYS_ptrace, PTRACE_PEEKDATA, pid, where, &word) == 0 ? 1 : 0, status;

	snprintf(name, sizeof(name), "/proc/%d/mem", (int)pid);
	int fd = open(name, O_RDONLY);

	can |= fd >= 0 ? 2 : 0;
	can |= syscall(SYS_process_vm_readv, pid, &mine, 1, &its, 1, 0) == 1 ? 4 : 0;
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	return can | (WIFEXITED(status) && WEXITSTATUS(status) == 1 ? 8 : 0);
}

// Runs the program under our eyes, as a user who has no rights but his own.
static int run_and_look(void)
{
	int status;

	if (geteuid() == 0 && (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY)))
		return 99;
	prctl(PR_SET_DUMPABLE, 1);
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execl(program, program, "dumpable", NULL);
		_exit(98);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 97;
	int can = look_at(pid);

	kill(pid, SIGKILL);
	return can;
}

static int with_mode(mode_t mode)
{
	int status;

	if (chmod(program, mode))
		tap_bail("chmod");
	pid_t pid = fork();

	if (pid == 0)
		_exit(run_and_look());
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	int from = open("/proc/self/exe", O_RDONLY), to = mkstemp(program);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) || sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
		tap_bail("no copy of the program");
	close(to);
	close(from);
	int readable = with_mode(0555), unreadable = with_mode(0111);

	ok(readable == 15, "others of the same user see the memory of a program that can be read (%d)", readable);
	ok(unreadable == 0, "and nothing of one that can only be run (%d)", unreadable);
	unlink(program);
	return tap_done();
}
