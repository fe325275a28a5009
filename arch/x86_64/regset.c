// SPDX-License-Identifier: MIT
/*
 * Registers for debuggers: Linux's struct user_regs_struct, the FXSAVE and XSAVE images, and what else struct user has.
 *
 * Segments are as they are: selectors that are written must be a user's, and change nothing. Hardware breakpoints are left out:
 * the debug registers read as zero and take nothing else.
 */
#include "x86.h"

#include "lib/string.h"

enum : u32 { NT_X86_XSTATE = 0x202 };

struct user_registers {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
	u64 rip, cs, rflags, rsp, ss;
	u64 fs_base, gs_base, ds, es, fs, gs;
};

/* struct user, of which only its beginning and the debug registers are real. */
constexpr u64 USER_SIZE = 928, USER_DEBUG = 848, USER_DEBUG_END = 912;

static_assert(sizeof(struct user_registers) == 216);
static_assert(offsetof(struct user_registers, fs_base) ==
	      sizeof(struct trapframe) - offsetof(struct trapframe, r15));
static_assert(FPU_AREA_MAX <= REGSET_MAX);

static long get_registers(const struct trapframe *f, const struct arch_thread *a, struct user_registers *r)
{
	*r = (struct user_registers){};
	memcpy(r, &f->r15, offsetof(struct user_registers, fs_base));
	r->fs_base = a->fs_base;
	r->gs_base = a->gs_base;
	return sizeof(*r);
}

long arch_regset_get(struct thread_head *t, struct arch_thread *a, u32 note, void *buf)
{
	switch (note) {
	case NT_PRSTATUS:
		return get_registers(arch_frame(t), a, buf);
	case NT_PRFPREG:
		return (long)fpu_regset_get(a, true, buf);
	case NT_X86_XSTATE:
		return x86_features.xsave ? (long)fpu_regset_get(a, false, buf) : -EINVAL;
	default:
		return -EINVAL;
	}
}

static bool is_user_selector(u64 selector)
{
	return (selector & 3) == 3;
}

static int set_registers(struct trapframe *f, struct arch_thread *a, const struct user_registers *r)
{
	if (!is_user_selector(r->cs) || !is_user_selector(r->ss) || r->fs_base >= USER_END ||
	    r->gs_base >= USER_END)
		return -EIO;
	u64 flags = f->rflags;

	memcpy(&f->r15, r, offsetof(struct user_registers, fs_base));
	f->vector = FRAME_NO_EXCEPTION;
	f->cs = USER_CS;
	f->ss = USER_SS;
	f->rflags = flags;
	frame_set_flags(f, r->rflags);
	a->fs_base = r->fs_base;
	a->gs_base = r->gs_base;
	return 0;
}

unsigned arch_regset_unit(u32 note)
{
	return sizeof(u64);
}

int arch_regset_set(struct thread_head *t, struct arch_thread *a, u32 note, const void *buf)
{
	switch (note) {
	case NT_PRSTATUS:
		return set_registers(arch_frame(t), a, buf);
	case NT_PRFPREG:
		return fpu_regset_set(a, true, buf);
	case NT_X86_XSTATE:
		return x86_features.xsave ? fpu_regset_set(a, false, buf) : -EINVAL;
	default:
		return -EINVAL;
	}
}

int arch_user_area_peek(u64 offset, u64 *value)
{
	*value = 0;
	return offset <= USER_SIZE - sizeof(u64) ? 0 : -EIO;
}

int arch_user_area_poke(u64 offset, u64 value)
{
	return offset >= USER_DEBUG && offset < USER_DEBUG_END && !value ? 0 : -EIO;
}

/* The flag in the frame is all. */
void arch_step_enable(void)
{
}
