// SPDX-License-Identifier: MIT
/*
 * Signal frames, laid out as Linux's arm64 does (its uapi asm/sigcontext.h and asm/ucontext.h): siginfo,
 * ucontext with the registers, records of extended state in 4 KiB behind them; above all a frame
 * record, through which debuggers and unwinders find the interrupted code.
 *
 * Leaves out: SVE and SME records (we never let users have those registers), the ESR record.
 */
#include "machine.h"

#include "lib/string.h"
#include "mm/user.h"
#include "proc/signal.h"

extern const unsigned arch_vdso_sigreturn_offset;

struct record_head {
	u32 magic, size;
};

constexpr u32 FPSIMD_MAGIC = 0x4650'8001;
constexpr size_t RECORDS_SIZE = 4096;

struct fpsimd_record {
	struct record_head head;
	u32 fpsr, fpcr;
	u64 q[64];
};

struct sigcontext {
	u64 fault_address;
	u64 regs[31];
	u64 sp, pc, pstate;
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
	struct siginfo info;
	struct ucontext uc;
};

struct frame_record {
	u64 fp, lr;
};

static_assert(sizeof(struct fpsimd_record) == 528);
static_assert(offsetof(struct ucontext, mask) == 40 && offsetof(struct ucontext, context) == 176);
static_assert(offsetof(struct sigcontext, records) == 288);
static_assert(sizeof(struct sigframe) == 4688);

/* The part that is written: behind the SIMD record comes a terminator, the rest is not touched. */
struct frame_head {
	struct siginfo info;
	struct {
		u64 flags, link, stack_sp;
		u32 stack_flags, pad;
		u64 stack_size, mask;
		u8 mask_rest[120];
		u64 align;
	} uc;
	u64 fault_address;
	u64 regs[31];
	u64 sp, pc, pstate;
	u64 align;
	struct fpsimd_record simd;
	struct record_head end;
};

constexpr size_t SIMD_OFFSET = offsetof(struct frame_head, simd);

static_assert(SIMD_OFFSET == offsetof(struct sigframe, uc.context.records));
static_assert(offsetof(struct frame_head, fault_address) == offsetof(struct sigframe, uc.context));
static_assert(offsetof(struct frame_head, pc) == offsetof(struct sigframe, uc.context.pc));

/* The registers of the current thread, not its stale copy in memory. */
static void simd_to_record(struct arch_thread *a, struct fpsimd_record *r)
{
	preempt_disable();
	simd_save(a);
	preempt_enable();
	r->head = (struct record_head){ FPSIMD_MAGIC, sizeof(*r) };
	r->fpsr = a->fpsr;
	r->fpcr = a->fpcr;
	memcpy(r->q, a->q, sizeof(r->q));
}

static void simd_from_record(struct arch_thread *a, const struct fpsimd_record *r)
{
	preempt_disable();
	a->fpsr = r->fpsr;
	a->fpcr = r->fpcr;
	memcpy(a->q, r->q, sizeof(a->q));
	simd_load(a);
	preempt_enable();
}

static void head_fill(struct frame_head *h, const struct trapframe *f, const struct signal_delivery *d)
{
	memset(h, 0, SIMD_OFFSET);
	h->info = *d->info;
	h->uc.stack_sp = d->altstack_sp;
	h->uc.stack_flags = d->altstack_flags;
	h->uc.stack_size = d->altstack_size;
	h->uc.mask = d->saved_mask;
	h->fault_address = d->fault_address;
	memcpy(h->regs, f->regs, sizeof(h->regs));
	h->sp = f->sp;
	h->pc = f->pc;
	h->pstate = f->pstate;
	h->end = (struct record_head){};
}

/* The frame is built on the kernel's stack and goes out in one copy. */
int arch_signal_push(struct trapframe *f, struct arch_thread *a, const struct signal_delivery *d)
{
	va_t record = align_down(d->stack_top - sizeof(struct frame_record), 16ul);
	va_t frame = record - sizeof(struct sigframe);
	struct frame_record caller = { f->regs[29], f->regs[30] };
	struct frame_head h;

	if (frame > d->stack_top)
		return -EFAULT;
	head_fill(&h, f, d);
	simd_to_record(a, &h.simd);
	if (copy_to_user(frame, &h, sizeof(h)) || put_user(record, caller))
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

/* Programs may have moved or added records: they are searched, within their 4 KiB. */
static int simd_record_find(va_t records, va_t *found)
{
	size_t at = 0;

	while (at + sizeof(struct record_head) <= RECORDS_SIZE) {
		struct record_head head;

		if (get_user(head, records + at))
			return -EFAULT;
		if (head.magic == 0)
			return -EINVAL;
		if (head.size < sizeof(head) || head.size % 16 || head.size > RECORDS_SIZE - at)
			return -EINVAL;
		if (head.magic == FPSIMD_MAGIC) {
			*found = records + at;
			return head.size >= sizeof(struct fpsimd_record) ? 0 : -EINVAL;
		}
		at += head.size;
	}
	return -EINVAL;
}

/* Only the condition flags are the program's to choose; the rest means user mode, interrupts on. */
int arch_signal_pop(struct trapframe *f, struct arch_thread *a, u64 *mask, va_t *altstack_uaddr)
{
	va_t frame = f->sp, simd_uaddr;
	va_t registers = frame + offsetof(struct sigframe, uc.context.regs);
	struct {
		u64 regs[31], sp, pc, pstate;
	} saved;
	struct fpsimd_record simd;
	u64 saved_mask;

	if (!is_aligned(frame, 16) || get_user(saved_mask, frame + offsetof(struct sigframe, uc.mask)) ||
	    get_user(saved, registers) ||
	    simd_record_find(frame + offsetof(struct sigframe, uc.context.records), &simd_uaddr) ||
	    get_user(simd, simd_uaddr))
		return -EFAULT;
	memcpy(f->regs, saved.regs, sizeof(f->regs));
	f->sp = saved.sp;
	f->pc = saved.pc;
	f->pstate = saved.pstate & PSTATE_NZCV;
	f->syscall = FRAME_NO_SYSCALL;
	simd_from_record(a, &simd);
	*mask = saved_mask;
	*altstack_uaddr = frame + offsetof(struct sigframe, uc.stack_sp);
	return 0;
}
