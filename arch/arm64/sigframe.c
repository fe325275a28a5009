// SPDX-License-Identifier: MIT
/*
 * Signal frames, laid out as Linux's arm64 does (its uapi asm/sigcontext.h and asm/ucontext.h): siginfo,
 * ucontext with the registers, records of extended state in 4 KiB behind them; above all a frame
 * record, through which debuggers and unwinders find the interrupted code.
 *
 * Leaves out: SVE and SME records (we never let users have those registers), the ESR record.
 */
#include "machine.h"

#include "mm/user.h"
#include "offsets.h"
#include "proc/signal.h"

extern const unsigned arch_vdso_sigreturn_offset;

struct record_head {
	u32 magic, size;
};

constexpr u32 SIMD_MAGIC = 0x4650'8001;
constexpr size_t RECORDS_SIZE = 4096;

/* As struct trapframe begins. */
struct registers {
	u64 regs[31];
	u64 sp, pc;
};

struct sigcontext {
	u64 fault_address;
	struct registers registers;
	u64 pstate;
	[[gnu::aligned(16)]] u8 records[RECORDS_SIZE];
};

struct ucontext {
	u64 flags, link;
	u64 stack_sp;
	u32 stack_flags, pad;
	u64 stack_size;
	u64 mask;
	u8 mask_rest[120];
	struct sigcontext context;
};

struct sigframe {
	u8 info[SIGINFO_USER];
	struct ucontext uc;
};

struct frame_record {
	u64 fp, lr;
};

static_assert(sizeof(struct simd_state) == 528);
static_assert(offsetof(struct ucontext, mask) == 40 && offsetof(struct ucontext, context) == 176);
static_assert(offsetof(struct sigcontext, records) == 288);
static_assert(sizeof(struct sigframe) == 4688);
static_assert(offsetof(struct trapframe, pc) == offsetof(struct registers, pc));

/* How the ucontext begins. */
struct frame_head {
	u64 flags, link;
	struct altstack stack;
	u64 mask;
};

static_assert(sizeof(struct frame_head) == offsetof(struct ucontext, mask_rest));

/* uaccess.S: all of a struct sigcontext; of one, the registers and what follows the head of its SIMD record. */
int user_context_save(va_t context, const struct trapframe *f, u64 fault_address);
int user_context_load(struct trapframe *f, va_t registers, va_t simd_status);

static_assert(offsetof(struct sigcontext, registers) == 8 && offsetof(struct registers, pc) == FRAME_PC);
static_assert(offsetof(struct sigcontext, pstate) == 8 + FRAME_PC + 8);
static_assert(offsetof(struct sigcontext, records) == 8 + FRAME_PC + 24);
static_assert(offsetof(struct simd_state, fpsr) == 8 && offsetof(struct simd_state, q) == 16);

/* The caller has checked the frame's range: here and below the machine copies at once. As on Linux nothing is written where
 * nothing is to be said: to a siginfo that was not asked for, to the rest of the mask. */
static int push_head(va_t frame, const struct signal_delivery *d)
{
	struct frame_head h = {
		.stack = { d->altstack_sp, d->altstack_flags, 0, d->altstack_size },
		.mask = d->saved_mask,
	};

	if ((d->flags & SA_SIGINFO) && siginfo_put(frame, d->info))
		return -EFAULT;
	return arch_copy_to_user(frame + offsetof(struct sigframe, uc), &h, sizeof(h)) ? -EFAULT : 0;
}

int arch_signal_push(struct trapframe *f, struct arch_thread *a, const struct signal_delivery *d)
{
	va_t record = align_down(d->stack_top - sizeof(struct frame_record), 16ul);
	va_t frame = record - sizeof(struct sigframe);
	struct frame_record caller = { f->regs[29], f->regs[30] };

	if (!user_range_ok(frame, sizeof(struct sigframe) + sizeof(caller)) || push_head(frame, d) ||
	    user_context_save(frame + offsetof(struct sigframe, uc.context), f, d->fault_address) ||
	    arch_copy_to_user(record, &caller, sizeof(caller)))
		return -EFAULT;
	f->regs[0] = (u64)d->sig;
	if (d->flags & SA_SIGINFO) {
		f->regs[1] = frame + offsetof(struct sigframe, info);
		f->regs[2] = frame + offsetof(struct sigframe, uc);
	}
	f->regs[29] = record;
	f->regs[30] = d->flags & SA_RESTORER ? d->restorer :
					       d->vdso_base + arch_vdso_sigreturn_offset;
	f->sp = frame;
	f->pc = d->handler;
	f->pstate &= ~PSTATE_BTYPE;
	f->syscall = FRAME_NO_SYSCALL;
	return 0;
}

/* Programs may have moved or added records: they are searched, within their 4 KiB. 0: there is none as it must be. */
[[gnu::cold]] static va_t find_simd(va_t records)
{
	size_t at = 0;

	while (at + sizeof(struct record_head) <= RECORDS_SIZE) {
		struct record_head head;

		if (get_user(head, records + at) || head.size < sizeof(head) || head.size % 16 ||
		    head.size > RECORDS_SIZE - at)
			break;
		if (head.magic == SIMD_MAGIC)
			return head.size < sizeof(struct simd_state) ? 0 : records + at;
		at += head.size;
	}
	return 0;
}

/* Of a frame: what is to be given back before the registers, and behind them with the head of the record that we wrote first. */
struct frame_mask {
	struct altstack stack;
	u64 mask;
};
struct frame_tail {
	u64 pstate, pad;
	struct record_head simd;
};

static_assert(offsetof(struct ucontext, mask) - offsetof(struct ucontext, stack_sp) == offsetof(struct frame_mask, mask));
static_assert(offsetof(struct sigcontext, records) - offsetof(struct sigcontext, pstate) == offsetof(struct frame_tail, simd));

/* After a failure the registers are a mixture, and the program gets SIGSEGV. */
int arch_signal_pop(struct trapframe *f, struct arch_thread *a, u64 *mask, struct altstack *stack)
{
	va_t frame = f->sp, context = frame + offsetof(struct sigframe, uc.context);
	va_t simd = context + offsetof(struct sigcontext, records);
	struct frame_mask m;
	struct frame_tail t;

	(void)a;
	f->syscall = FRAME_NO_SYSCALL;
	if (!is_aligned(frame, 16) || !user_range_ok(frame, sizeof(struct sigframe)) ||
	    arch_copy_from_user(&m, frame + offsetof(struct sigframe, uc.stack_sp), sizeof(m)) ||
	    arch_copy_from_user(&t, context + offsetof(struct sigcontext, pstate), sizeof(t)))
		return -EFAULT;
	if (unlikely(t.simd.magic != SIMD_MAGIC || t.simd.size != sizeof(struct simd_state)))
		simd = find_simd(simd);
	if (!simd || user_context_load(f, context + offsetof(struct sigcontext, registers),
				       simd + offsetof(struct simd_state, fpsr)))
		return -EFAULT;
	frame_set_flags(f, t.pstate);
	*mask = m.mask;
	*stack = m.stack;
	return 0;
}
