// SPDX-License-Identifier: MIT
/*
 * Dispatch: from a number to a function, through tables made from THE list: one of functions for entry
 * code, one of all calls for the slow way. Calls that this CPU lacks have number -1 and end up in the
 * last slot, which nobody looks up, or which then has none again.
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

#define NUMBER(name, generic, x86, args) NR_##name = ABI_GENERIC ? (generic) : (x86),
enum { SYSCALLS(NUMBER) };

#define SLOT(name) (NR_##name & SYSCALL_LIMIT)
static_assert((SYSCALL_LIMIT & (SYSCALL_LIMIT + 1)) == 0);

/* A number that does not fit does not compile. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides"
#define CALL(name, generic, x86, args) [SLOT(name)] = { #name, args, sys_##name },
static const struct call {
	const char *name, *args;
	syscall_fn *function;
} calls[SYSCALL_LIMIT + 1] = { [0 ... SYSCALL_LIMIT] = { .function = sys_missing }, SYSCALLS(CALL)
	[SYSCALL_LIMIT] = { .function = sys_missing },
};

#define FUNCTION(name, generic, x86, args) [SLOT(name)] = sys_##name,
#define WHOLE(name) [SLOT(name)] = syscall_whole,
alignas(PAGE_SIZE) syscall_fn *const syscall_table[SYSCALL_LIMIT + 1] = {
	[0 ... SYSCALL_LIMIT] = sys_missing, SYSCALLS(FUNCTION) SYSCALLS_WHOLE(WHOLE)
};
#pragma clang diagnostic pop

static const struct call *call_find(u64 nr)
{
	return &calls[min(nr, (u64)SYSCALL_LIMIT)];
}

const char *syscall_name(u64 nr)
{
	return nr < SYSCALL_LIMIT ? calls[nr].name : nullptr;
}

static long sys_missing(struct trapframe *f)
{
	unknown_report("call", 0);
	return -ENOSYS;
}

static void dispatch_logged(struct trapframe *f, bool log)
{
	u64 nr = frame_syscall(f);
	const struct call *c = call_find(nr);
	const char *name = syscall_name(nr), *args = name ? c->args : nullptr;

	if (log)
		trace_enter(f, name, args);
	frame_set_result(f, (u64)c->function(f));
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
	if (likely(thread_self()->calls))
		frame_set_result(f, (u64)call_find(frame_syscall(f))->function(f));
	else
		dispatch_slow(f);
}
