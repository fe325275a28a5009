// SPDX-License-Identifier: MIT
/* What the tracer (sys/trace.h) wants to hear of threads. Declared here, implemented in sys/
 * (includes only go down). For threads with THREAD_LOG only; both may sleep. */
#pragma once

#include "lib/base.h"
#include "arch/arch.h"

struct siginfo;

void trace_signal(const struct siginfo *info);	/* the current thread is about to act on it */
void trace_end(int status);			/* it ends; status: wait encoding */

static inline bool thread_traced(void)
{
	return unlikely(load_relaxed(&thread_self()->work) & THREAD_LOG);
}

/* Why the current thread's calls go the slow way: THREAD_LOG or THREAD_PTRACE. Only it changes these bits of its own. */
static inline void thread_trace_on(u64 why)
{
	__atomic_fetch_or(&thread_self()->work, why, __ATOMIC_RELAXED);
	thread_self()->calls = 0;
}

static inline void thread_trace_off(u64 why)
{
	u64 old = __atomic_fetch_and(&thread_self()->work, ~why, __ATOMIC_RELAXED);

	thread_self()->calls = old & ~why & (THREAD_LOG | THREAD_PTRACE) ? 0 : SYSCALL_LIMIT;
}
