// SPDX-License-Identifier: MIT
/*
 * What a thread looks like to the machine: the trap frame, at the top of its kernel stack while
 * it is in the kernel, and struct arch_thread, what is kept while it does not run.
 */
#pragma once

/* From r15 on this is Linux's user_regs_struct (ptrace(2)). */
struct trapframe {
	u64 vector;		/* of the exception or interrupt that brought us here */
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	u64 rax, rcx, rdx, rsi, rdi;
	u64 orig_rax;		/* system call's number, else -1; at first the error code */
	u64 rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(struct trapframe) == 176);	/* entry.S */

/* In a system call rax, rcx, r11, the callee-saved registers and `vector` count only for those that
 * need the whole frame (entry.S). `vector` of what is no exception: */
constexpr u64 FRAME_NO_EXCEPTION = 0x100;
constexpr size_t FPU_AREA_MAX = 832;	/* XSAVE: legacy area, header, AVX */
constexpr size_t FPU_AREA_SPACE = 896;	/* room for a signal frame's last word behind it */

struct arch_thread {
	alignas(64) u8 fpu[FPU_AREA_SPACE];	/* XSAVE or FXSAVE image while not loaded */
	u64 sp;			/* kernel stack pointer while not running */
	u64 fs_base, gs_base;	/* user's, while not running */
	bool user;		/* goes to user mode: all of the above counts, not only sp */
	bool fpu_replaced;	/* `fpu` is being filled: neither save over it nor load it */
	u32 fpu_cpu;		/* the CPU whose registers last held `fpu`; valid if it agrees */
};

/* User selectors as Linux has them; signal frames and ptrace show them to programs. */
constexpr u64 USER_CS = 0x33, USER_SS = 0x2b;
constexpr u64 SYSCALL_INSN_SIZE = 2;

static inline u64 frame_pc(const struct trapframe *f) { return f->rip; }
static inline u64 frame_sp(const struct trapframe *f) { return f->rsp; }
static inline void frame_set_pc(struct trapframe *f, u64 pc) { f->rip = pc; }
static inline void frame_set_sp(struct trapframe *f, u64 sp) { f->rsp = sp; }
static inline bool frame_is_user(const struct trapframe *f) { return (f->cs & 3) == 3; }
/* Debuggers count on it that a number of -1 means there is nothing to restart. */
static inline bool frame_in_syscall(const struct trapframe *f)
{
	return f->orig_rax != ~0ul;
}

/* The number is an int: the upper half of rax does not count, as on Linux. */
static inline u64 frame_syscall(const struct trapframe *f) { return (u32)f->orig_rax; }
static inline u64 frame_result(const struct trapframe *f) { return f->rax; }
static inline void frame_set_result(struct trapframe *f, u64 v) { f->rax = v; }

static inline u64 frame_arg(const struct trapframe *f, unsigned i)
{
	switch (i) {
	case 0: return f->rdi;
	case 1: return f->rsi;
	case 2: return f->rdx;
	case 3: return f->r10;
	case 4: return f->r8;
	default: return f->r9;
	}
}

/* The result took only rax, and orig_rax remembers what was there. */
static inline void frame_syscall_restart(struct trapframe *f)
{
	f->rax = f->orig_rax;
	f->rip -= SYSCALL_INSN_SIZE;
}

static inline void frame_set_syscall(struct trapframe *f, u64 nr)
{
	f->orig_rax = nr;
	f->rax = nr;
}

static inline bool frame_step_begin(struct trapframe *f)
{
	bool ours = !(f->rflags & EFLAGS_TF);

	f->rflags |= EFLAGS_TF;
	return ours;
}

static inline void frame_step_end(struct trapframe *f) { f->rflags &= ~(u64)EFLAGS_TF; }

/* Tracers know a call that has not run by this result. */
static inline void frame_trace_enter(struct trapframe *f) { f->rax = (u64)-ENOSYS; }
static inline void frame_trace_entered(struct trapframe *f) {}

/* What a program may set, for whoever sets it. */
static inline void frame_set_flags(struct trapframe *f, u64 flags)
{
	f->rflags = (f->rflags & ~EFLAGS_USER) | (flags & EFLAGS_USER);
}

static inline void frame_start(struct trapframe *f, u64 pc, u64 sp)
{
	*f = (struct trapframe){ .vector = FRAME_NO_EXCEPTION, .orig_rax = ~0ul, .rip = pc, .rsp = sp,
				 .cs = USER_CS, .ss = USER_SS, .rflags = EFLAGS_IF };
}
