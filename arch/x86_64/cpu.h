// SPDX-License-Identifier: MIT
/* The current thread, interrupts, waiting: what arch_lock.h wants. */
#pragma once

struct thread_head;

constexpr u64 EFLAGS_IF = BIT(9), EFLAGS_TF = BIT(8);
constexpr u64 EFLAGS_USER = 0x50dd5;	/* what a signal frame may restore: CF PF AF ZF SF TF DF OF RF AC */

/* GS points at this CPU's struct x86_cpu, whose first word is the thread. Not volatile: for the
 * thread that asks, the answer never changes. */
static inline struct thread_head *thread_self(void)
{
	struct thread_head *t;

	__asm__("movq %%gs:0, %0" : "=r"(t));
	return t;
}

static inline void irq_enable(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void irq_disable(void) { __asm__ volatile("cli" ::: "memory"); }

static inline u64 irq_flags(void)
{
	u64 flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags) :: "memory");
	return flags;
}

static inline bool irqs_enabled(void) { return irq_flags() & EFLAGS_IF; }

static inline u64 irq_save(void)
{
	u64 flags = irq_flags();

	irq_disable();
	return flags;
}

static inline void irq_restore(u64 flags)
{
	if (flags & EFLAGS_IF)
		irq_enable();
}

static inline void cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }
