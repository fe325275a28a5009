// SPDX-License-Identifier: MIT
// What the tests of ptrace(2) share: its numbers, registers, children that are traced.
#pragma once

#include <elf.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

#ifndef __WALL
#define __WALL 0x40000000
#endif
enum { EVENT_STOP = 128, SYSGOOD = 1, TELL_FORK = 2, TELL_VFORK = 4, TELL_CLONE = 8, TELL_EXEC = 16, TELL_VFORKDONE = 32,
	TELL_EXIT = 64, EXITKILL = 1 << 20 };
enum { SEIZE = 0x4206, INTERRUPT, LISTEN, PEEKSIGINFO, GETSIGMASK, SETSIGMASK, GET_SYSCALL_INFO = 0x420e };

// What strace and gdb see of a thread's registers, the part that is alike.
#ifdef __x86_64__
struct regs {
	uint64_t r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, pc, cs, flags, sp, ss, fs_base,
		gs_base, ds, es, fs, gs;
};
enum { AUDIT = 0xc000003e, TRAP_SIZE = 1 };
#define RESULT(r) (r).ax
#define FIRST_ARG(r) (r).di
#define NUMBER(r) (r).orig_ax
static const uint8_t trap_code[] = { 0xcc };
#else
struct regs {
	uint64_t x[31], sp, pc, pstate;
};
enum { AUDIT = 0xc00000b7, TRAP_SIZE = 0 };
#define RESULT(r) (r).x[0]
#define FIRST_ARG(r) (r).x[0]
#define NUMBER(r) (r).x[8]
static const uint8_t trap_code[] = { 0x00, 0x00, 0x20, 0xd4 };
#endif

static inline long trace(long request, pid_t pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}

static inline int wait_for(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, __WALL) == pid ? status : -1;
}

static inline bool stopped_by(int status, int code)
{
	return WIFSTOPPED(status) && status >> 8 == code;
}

static inline bool get_regs(pid_t pid, struct regs *r)
{
	struct iovec iov = { r, sizeof(*r) };

	return !trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov) && iov.iov_len == sizeof(*r);
}

static inline bool set_regs(pid_t pid, struct regs *r)
{
	struct iovec iov = { r, sizeof(*r) };

	return !trace(PTRACE_SETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov);
}

// A child that lets us trace it and stops; has been waited for.
static inline pid_t traced_child(void)
{
	pid_t pid = fork();

	if (pid) {
		if (pid > 0 && !stopped_by(wait_for(pid), SIGSTOP))
			tap_bail("the child has not stopped");
		return pid;
	}
	if (trace(PTRACE_TRACEME, 0, 0, 0))
		_exit(99);
	raise(SIGSTOP);
	return 0;
}

static inline bool ended(pid_t pid, int status)
{
	return wait_for(pid) == status;
}

static inline bool killed(pid_t pid)
{
	kill(pid, SIGKILL);
	int status = wait_for(pid);

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static inline pid_t fork_and_wait(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
}

static inline bool event_is(int status, int event)
{
	return stopped_by(status, SIGTRAP | event << 8);
}

// The path of a program that only exits with 17: this one, with an argument.
static char self[256];

static inline void find_self(int argc)
{
	if (argc > 1)
		_exit(17);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		tap_bail("/proc/self/exe");
}
