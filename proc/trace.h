// SPDX-License-Identifier: MIT
/* What the tracer (sys/trace.h) wants to hear of threads. Declared here, implemented in sys/
 * (includes only go down). For threads with THREAD_TRACE only; both may sleep. */
#pragma once

#include "lib/base.h"
#include "arch/arch.h"

struct siginfo;

void trace_signal(const struct siginfo *info);	/* the current thread is about to act on it */
void trace_end(int status);			/* it ends; status: wait encoding */

static inline bool thread_traced(void)
{
	return unlikely(load_relaxed(&thread_self()->work) & THREAD_TRACE);
}
