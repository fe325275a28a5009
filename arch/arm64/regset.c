// SPDX-License-Identifier: MIT
/*
 * Registers for debuggers: Linux's struct user_pt_regs, struct user_fpsimd_state, the TLS register, the number of the system
 * call. And the CPU's single step.
 *
 * Leaves out: hardware breakpoints and watchpoints, pointer authentication's masks.
 */
#include "machine.h"

#include "lib/string.h"

enum : u32 { NT_ARM_TLS = 0x401, NT_ARM_SYSTEM_CALL = 0x404 };
constexpr u64 MDSCR_SS = 1;

struct user_registers {
	u64 regs[31], sp, pc, pstate;
};

struct user_simd {
	u64 q[64];
	u32 fpsr, fpcr, reserved[2];
};

static_assert(sizeof(struct user_registers) == 272 && sizeof(struct user_simd) == 528);
static_assert(offsetof(struct trapframe, pstate) == offsetof(struct user_registers, pstate));
static_assert(sizeof(struct user_simd) <= REGSET_MAX);

static long get_simd(const struct simd_state *s, struct user_simd *out)
{
	*out = (struct user_simd){ .fpsr = s->fpsr, .fpcr = s->fpcr };
	memcpy(out->q, s->q, sizeof(out->q));
	return sizeof(*out);
}

long arch_regset_get(struct thread_head *t, struct arch_thread *a, u32 note, void *buf)
{
	const struct trapframe *f = arch_frame(t);
	s32 nr = (s32)f->syscall;

	switch (note) {
	case NT_PRSTATUS:
		memcpy(buf, f, sizeof(struct user_registers));
		return sizeof(struct user_registers);
	case NT_PRFPREG:
		return get_simd(&a->simd, buf);
	case NT_ARM_TLS:
		memcpy(buf, &a->tls, sizeof(a->tls));
		return sizeof(a->tls);
	case NT_ARM_SYSTEM_CALL:
		memcpy(buf, &nr, sizeof(nr));
		return sizeof(nr);
	default:
		return -EINVAL;
	}
}

/* Another mode, or interrupts masked, is nobody's to ask for. */
static int set_registers(struct trapframe *f, const struct user_registers *r)
{
	constexpr u64 DAIF = 0x3c0;

	if (r->pstate & (PSTATE_MODE | DAIF))
		return -EINVAL;
	memcpy(f, r, offsetof(struct user_registers, pstate));
	frame_set_flags(f, r->pstate);
	return 0;
}

static void set_simd(struct simd_state *s, const struct user_simd *from)
{
	s->fpsr = from->fpsr;
	s->fpcr = from->fpcr;
	memcpy(s->q, from->q, sizeof(s->q));
}

unsigned arch_regset_unit(u32 note)
{
	return note == NT_PRFPREG || note == NT_ARM_SYSTEM_CALL ? sizeof(u32) : sizeof(u64);
}

int arch_regset_set(struct thread_head *t, struct arch_thread *a, u32 note, const void *buf)
{
	struct trapframe *f = arch_frame(t);
	s32 nr;

	switch (note) {
	case NT_PRSTATUS:
		return set_registers(f, buf);
	case NT_PRFPREG:
		set_simd(&a->simd, buf);
		return 0;
	case NT_ARM_TLS:
		memcpy(&a->tls, buf, sizeof(a->tls));
		return 0;
	case NT_ARM_SYSTEM_CALL:
		memcpy(&nr, buf, sizeof(nr));
		f->syscall = nr == -1 ? FRAME_NO_SYSCALL : (u64)(u32)nr;
		return 0;
	default:
		return -EINVAL;
	}
}

int arch_user_area_peek(u64 offset, u64 *value)
{
	return -EIO;
}

int arch_user_area_poke(u64 offset, u64 value)
{
	return -EIO;
}

/* Debug exceptions need the OS Lock open, which a reset closes (Arm ARM D2.3.3). The return from the exception is the barrier. */
void arch_step_enable(void)
{
	sysreg_write(oslar_el1, 0);
	sysreg_write(mdscr_el1, MDSCR_SS);
}
