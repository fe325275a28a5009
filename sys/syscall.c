// SPDX-License-Identifier: MIT
/*
 * Dispatch: from a number to a function, through a table made from THE list. Slot 0 of the table
 * stands for number -1, where all calls that this CPU lacks end up; numbers are looked up one
 * higher.
 *
 * A call that no file defines is a weak alias of sys_missing, so that the list can be ahead of the
 * kernel.
 */
#include "sys/syscall.h"
#include "sys/syscalls.h"
#include "sys/trace.h"
#include "fs/file.h"
#include "proc/ptrace.h"
#include "proc/trace.h"
#include "proc/unknown.h"

static syscall_fn sys_missing;

#define DECLARE_WEAK(name, generic, x86, args) \
	[[gnu::weak, gnu::alias("sys_missing")]] long sys_##name(struct trapframe *f);
SYSCALLS(DECLARE_WEAK)

#define NUMBER(generic, x86) (ABI_GENERIC ? (generic) : (x86))

/* A number that does not fit does not compile. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides"
#define INFO(name, generic, x86, args) [NUMBER(generic, x86) + 1] = { #name, args },
static const struct {
	const char *name, *args;
} infos[SYSCALL_LIMIT + 1] = { SYSCALLS(INFO) };

#define FUNCTION(name, generic, x86, args) [NUMBER(generic, x86) + 1] = sys_##name,
syscall_fn *const syscall_table[SYSCALL_LIMIT + 1] = { [0 ... SYSCALL_LIMIT] = sys_missing, SYSCALLS(FUNCTION) };
#pragma clang diagnostic pop

const char *syscall_name(u64 nr)
{
	return nr < SYSCALL_LIMIT ? infos[nr + 1].name : nullptr;
}

static long sys_missing(struct trapframe *f)
{
	unknown_report("call", 0);
	return -ENOSYS;
}

static void dispatch_logged(struct trapframe *f, bool log)
{
	u64 nr = frame_syscall(f);
	syscall_fn *call = nr < SYSCALL_LIMIT ? syscall_table[nr + 1] : sys_missing;
	const char *name = syscall_name(nr), *args = name ? infos[nr + 1].args : nullptr;

	if (log)
		trace_enter(f, name, args);
	frame_set_result(f, (u64)call(f));
	/* Asked again: the call may have switched it on or off. */
	if (log && thread_traced())
		trace_exit(f, name, args);
}

/* A tracer may make the call another one, or none. */
[[gnu::cold, gnu::noinline]] static void dispatch_slow(struct trapframe *f)
{
	struct thread_head *self = thread_self();

	if (!(load_relaxed(&self->work) & THREAD_PTRACE) || ptrace_syscall_enter(f))
		dispatch_logged(f, load_relaxed(&self->work) & THREAD_LOG);
	if (load_relaxed(&self->work) & THREAD_PTRACE)
		ptrace_syscall_exit(f);
}

void syscall_dispatch(struct trapframe *f)
{
	u64 nr = frame_syscall(f);

	if (likely(nr < SYSCALL_LIMIT && !(load_relaxed(&thread_self()->work) & THREAD_TRACE)))
		frame_set_result(f, (u64)syscall_table[nr + 1](f));
	else
		dispatch_slow(f);
}
