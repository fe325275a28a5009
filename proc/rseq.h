// SPDX-License-Identifier: MIT
/*
 * Restartable sequences (rseq(2)): a thread's memory tells it which CPU it runs on, and a short piece of code that it names
 * begins anew if it is preempted, moved or signalled in it. The work is done on the way back to user mode
 * (THREAD_RSEQ); a thread that has not registered costs a test at each switch.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct thread;
struct trapframe;

constexpr u32 RSEQ_SIZE = 32, RSEQ_FEATURES = 28, RSEQ_ALIGN = 32;	/* struct rseq; its part that is filled */

/* The registration of the current thread: 0 or -errno as rseq(2) has them. */
[[nodiscard]] int rseq_register(va_t area, u32 size, u32 signature);
[[nodiscard]] int rseq_unregister(va_t area, u32 size, u32 signature);
/* For clone: t is a copy of the current thread in another address space. For exec: nothing is registered any more. */
void rseq_inherit(struct thread *t);
void rseq_clear(struct thread *t);
/* The thread, which is the current one, is about to be switched away from. Interrupts off. */
void rseq_switched(struct thread *self);
/* It looks at its sequence before it is in user mode again. From anywhere. */
void rseq_mark(struct thread *t);
/* The way back to user mode with THREAD_RSEQ. Interrupts on. */
void rseq_return(struct trapframe *f);
/* Before a handler's frame is made: the sequence that the signal interrupts begins anew after it. */
void rseq_signal(struct trapframe *f);
