// SPDX-License-Identifier: MIT
/*
 * The registers of a thread: struct trapframe holds the user's while it is in the kernel and starts
 * like Linux's struct user_pt_regs; struct arch_thread holds what a switch keeps.
 *
 * In a system call regs[18] to regs[29] count only for those that need the whole frame (entry.S).
 */
#pragma once

#include "lib/base.h"

struct trapframe {
	u64 regs[31];
	u64 sp, pc, pstate;
	u64 orig_x0;		/* x0 at entry: a result overwrites regs[0], a restart needs it */
	u64 syscall;		/* x8 at entry by SVC, FRAME_NO_SYSCALL by anything else */
};

constexpr u64 FRAME_NO_SYSCALL = ~0ul;

/* SIMD registers, as Linux's struct fpsimd_context, so that signal frames get it as it is. */
struct simd_state {
	u32 magic, size;	/* set for signal frames only */
	u32 fpsr, fpcr;
	[[gnu::aligned(16)]] u64 q[64];
};

struct arch_thread {
	u64 x18_x28[11];
	u64 fp, lr, sp;
	u64 tls;		/* TPIDR_EL0 */
	u64 user;		/* has user state: tls and simd are switched */
	struct simd_state simd;
};

/* PSTATE (Arm ARM, SPSR_EL1): mode EL0t is all zero. */
constexpr u64 PSTATE_MODE = 0x1f;
constexpr u64 PSTATE_NZCV = 0xful << 28;
constexpr u64 PSTATE_SS = BIT(21);
constexpr u64 PSTATE_BTYPE = 3ul << 10;

static inline u64 frame_pc(const struct trapframe *f) { return f->pc; }
static inline u64 frame_sp(const struct trapframe *f) { return f->sp; }
static inline void frame_set_pc(struct trapframe *f, u64 v) { f->pc = v; }
static inline void frame_set_sp(struct trapframe *f, u64 v) { f->sp = v; }
static inline bool frame_is_user(const struct trapframe *f) { return !(f->pstate & PSTATE_MODE); }
static inline bool frame_in_syscall(const struct trapframe *f)
{
	return f->syscall != FRAME_NO_SYSCALL;
}

/* The number is an int: the upper half of x8 does not count, as on Linux. */
static inline u64 frame_syscall(const struct trapframe *f) { return (u32)f->syscall; }
static inline u64 frame_arg(const struct trapframe *f, unsigned i)
{
	return i == 0 ? f->orig_x0 : f->regs[i];
}

static inline u64 frame_result(const struct trapframe *f) { return f->regs[0]; }
static inline void frame_set_result(struct trapframe *f, u64 v) { f->regs[0] = v; }
static inline void frame_set_syscall(struct trapframe *f, u64 nr) { f->regs[8] = nr; }

/* SVC is 4 bytes; x8 and the other arguments are still as at entry. */
static inline void frame_syscall_restart(struct trapframe *f)
{
	f->regs[0] = f->orig_x0;
	f->pc -= 4;
}

/* Software step (Arm ARM D2.12): with MDSCR_EL1.SS, one instruction runs while this bit is set. */
static inline bool frame_step_begin(struct trapframe *f)
{
	f->pstate |= PSTATE_SS;
	return true;
}

static inline void frame_step_end(struct trapframe *f) { f->pstate &= ~PSTATE_SS; }

/* Of a call that is none the result must be there: it does not run. */
static inline void frame_trace_enter(struct trapframe *f)
{
	if ((s32)f->syscall == -1)
		f->regs[0] = (u64)-ENOSYS;
}

/* x0 is an argument still, which the tracer may have changed; -1: it is the result that the tracer wants. */
static inline void frame_trace_entered(struct trapframe *f)
{
	if ((s32)f->syscall != -1)
		f->orig_x0 = f->regs[0];
}

/* Only the condition flags are anybody else's to choose; the rest means user mode, interrupts on. */
static inline void frame_set_flags(struct trapframe *f, u64 pstate)
{
	f->pstate = pstate & PSTATE_NZCV;
}

static inline void frame_start(struct trapframe *f, u64 pc, u64 sp)
{
	*f = (struct trapframe){ .pc = pc, .sp = sp, .syscall = FRAME_NO_SYSCALL };
}
