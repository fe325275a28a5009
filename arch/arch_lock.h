// SPDX-License-Identifier: MIT
/*
 * What locks need from the machine: who runs here, preemption, interrupts off, waiting politely.
 * The smallest part of the machine contract, apart so that lib/lock.h can include it.
 *
 * arch/NAME/cpu.h gives: thread_self(), irq_save(), irq_restore(), irq_enable(), irq_disable(),
 * irqs_enabled(), cpu_relax().
 */
#pragma once

#include "lib/base.h"

/*
 * The head of every struct thread (proc/task.h): what entry code and inline functions reach.
 * arch/NAME/offsets in assembly rely on this layout (static_assert'ed there).
 */
struct thread_head {
	u32 preempt;		/* (own thread) depth of preempt_disable; 0 = may be preempted */
	u32 cpu;		/* (own thread, scheduler) the CPU it runs on */
	u64 work;		/* (a) THREAD_*: what to do before going back to user mode */
	void *stack_top;	/* (i) end of its kernel stack, 16-byte aligned */
	u64 calls;		/* (own thread) system calls with numbers below this go the fast way: SYSCALL_LIMIT,
				 * or 0 while somebody watches them (proc/trace.h) */
};

enum thread_work : u64 {
	THREAD_RESCHED = 1,	/* another thread should run here */
	THREAD_SIGNAL = 2,	/* look for signals to deliver */
	THREAD_PTRACE = 8,	/* its tracer watches its system calls (ptrace(2)), */
	THREAD_LOG = 16,	/* they are written down (proc/trace.h): calls is 0 */
	THREAD_RSEQ = 32,	/* its restartable sequence must be looked at */
};

#ifndef QUIRE_HOST
#include <cpu.h>

/* proc/sched.c. sched_preempt: at the end of an interrupt of the kernel, interrupts off, when preempt is 0 and
 * THREAD_RESCHED is set. sched_preempt_late: the same from preempt_enable(); does nothing with interrupts off, so that
 * a section under irq_save() stays whole. */
void sched_preempt(void);
void sched_preempt_late(void);

static inline unsigned cpu_id(void)
{
	return load_relaxed(&thread_self()->cpu);
}

static inline void preempt_disable(void)
{
	struct thread_head *t = thread_self();

	store_relaxed(&t->preempt, load_relaxed(&t->preempt) + 1);
	__asm__ volatile("" ::: "memory");
}

static inline void preempt_enable(void)
{
	__asm__ volatile("" ::: "memory");
	struct thread_head *t = thread_self();
	u32 n = load_relaxed(&t->preempt) - 1;

	store_relaxed(&t->preempt, n);
	if (unlikely(n == 0 && (load_relaxed(&t->work) & THREAD_RESCHED)))
		sched_preempt_late();
}

static inline bool preempt_disabled(void)
{
	return load_relaxed(&thread_self()->preempt) != 0;
}
#else
/* Host tests: threads of the host stand for CPUs (test/host). */
unsigned cpu_id(void);
struct thread_head *thread_self(void);
void preempt_disable(void);
void preempt_enable(void);
static inline bool preempt_disabled(void) { return false; }
static inline u64 irq_save(void) { return 0; }
static inline void irq_restore(u64 flags) { (void)flags; }
void cpu_relax(void);
#endif
