// SPDX-License-Identifier: MIT
/*
 * Who runs here, interrupts, polite waiting. thread_self() lives in TPIDR_EL1, so that entry from user
 * mode finds it there; SP_EL0 keeps the user's stack pointer and is scratch once that is saved.
 */
#pragma once

#include "lib/base.h"

#define DAIF_I 0x80ul

#define sysreg_read(reg) ({ u64 v_; __asm__ volatile("mrs %0, " #reg : "=r"(v_)); v_; })
#define sysreg_write(reg, v) __asm__ volatile("msr " #reg ", %0" : : "rZ"((u64)(v)) : "memory")

/* Not volatile: a thread never sees another value, so one read in a function is enough. */
static inline struct thread_head *thread_self(void)
{
	struct thread_head *t;

	__asm__("mrs %0, tpidr_el1" : "=r"(t));
	return t;
}

static inline u64 irq_save(void)
{
	u64 flags;

	__asm__ volatile("mrs %0, daif; msr daifset, #2" : "=r"(flags) : : "memory");
	return flags;
}

static inline void irq_restore(u64 flags)
{
	__asm__ volatile("msr daif, %0" : : "r"(flags) : "memory");
}

static inline void irq_enable(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
}

static inline bool irqs_enabled(void)
{
	return !(sysreg_read(daif) & DAIF_I);
}

static inline void cpu_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}
