// SPDX-License-Identifier: MIT
/*
 * Signal frames, byte for byte Linux's (its arch/x86/include/uapi/asm/sigcontext.h and
 * ucontext.h name the fields): debuggers, Go, and every unwinder know them. Growing down from
 * the interrupted stack: 128 bytes of red zone, the SIMD image, the frame, whose first word is
 * the return address into the C library's restorer.
 */
#include "lib/string.h"
#include "mm/user.h"
#include "proc/signal.h"
#include "uaccess.h"
#include "x86.h"

constexpr size_t RED_ZONE = 128;
enum : u64 { UC_FP_XSTATE = 1, UC_SIGCONTEXT_SS = 2, UC_STRICT_RESTORE_SS = 4 };
constexpr u64 EFLAGS_RF = BIT(16);

struct sigcontext {
	u64 r8, r9, r10, r11, r12, r13, r14, r15;
	u64 rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2, fpstate, reserved[8];
};
static_assert(sizeof(struct sigcontext) == 256 && offsetof(struct sigcontext, cs) % sizeof(u64) == 0);

struct ucontext {
	u64 flags, link;
	struct altstack stack;
	struct sigcontext mc;
	u64 sigmask;
};
static_assert(sizeof(struct ucontext) == 304);

struct frame_head {
	u64 return_address;
	struct ucontext uc;
};

struct rt_sigframe {
	struct frame_head head;
	u8 info[SIGINFO_USER];
};
static_assert(sizeof(struct rt_sigframe) == 440);

/* The words of struct sigcontext that are general registers: the place here, and in the trap frame. */
#define REGISTERS(X)                                                                  \
	X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15)                         \
	X(rdi) X(rsi) X(rbp) X(rbx) X(rdx) X(rax) X(rcx) X(rsp) X(rip)

/* As on Linux, what is reserved is left alone. False: a fault. */
static bool context_save(struct sigcontext *mc, const struct trapframe *f, const struct signal_delivery *d,
			 va_t fpstate)
{
	bool exception = (f->vector & 0xffff) < 32;

	user_open();
#define SAVE(r) user_store(&mc->r, f->r);
	REGISTERS(SAVE)
	user_store(&mc->rflags, f->rflags);
	user_store(&mc->cs, (u16)f->cs | f->ss << 48);	/* and gs, fs, ss */
	user_store(&mc->err, exception ? f->vector >> 32 : 0);
	user_store(&mc->trapno, exception ? f->vector & 0xffff : 0);
	user_store(&mc->oldmask, d->saved_mask);
	user_store(&mc->cr2, d->fault_address);
	user_store(&mc->fpstate, fpstate);
	user_close();
	return true;
failed:
	user_close();
	return false;
}

/* All around the registers. */
static bool head_save(struct frame_head *h, const struct signal_delivery *d)
{
	u64 xstate = x86_features.xsave ? UC_FP_XSTATE : 0;

	user_open();
	user_store(&h->return_address, d->restorer);
	user_store(&h->uc.flags, UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | xstate);
	user_store(&h->uc.link, 0);
	user_store(&h->uc.stack.sp, d->altstack_sp);
	user_store(&h->uc.stack.flags, d->altstack_flags);	/* and the padding */
	user_store(&h->uc.stack.size, d->altstack_size);
	user_store(&h->uc.sigmask, d->saved_mask);
	user_close();
	return true;
failed:
	user_close();
	return false;
}

/* Selectors are ours and the flags what a program may set; a program counter out of range is
 * seen to on the way out. After a fault the registers are a mixture, and the program gets SIGSEGV. */
static bool context_restore(struct trapframe *f, const struct sigcontext *mc)
{
	u64 flags;

	f->vector = FRAME_NO_EXCEPTION;
	f->orig_rax = ~0ul;
	user_open();
#define RESTORE(r) user_load(f->r, &mc->r);
	REGISTERS(RESTORE)
	user_load(flags, &mc->rflags);
	user_close();
	frame_set_flags(f, flags);
	return true;
failed:
	user_close();
	return false;
}

/* What else a frame gives back. */
static bool head_restore(const struct ucontext *uc, u64 *fpstate, u64 *mask, struct altstack *stack)
{
	u64 flags;

	user_open();
	user_load(stack->sp, &uc->stack.sp);
	user_load(flags, &uc->stack.flags);
	user_load(stack->size, &uc->stack.size);
	user_load(*mask, &uc->sigmask);
	user_load(*fpstate, &uc->mc.fpstate);
	user_close();
	stack->flags = (u32)flags;
	return true;
failed:
	user_close();
	return false;
}

/* As on Linux nothing is written to a siginfo that was not asked for. */
static int push_info(va_t at, const struct signal_delivery *d)
{
	return d->flags & SA_SIGINFO ? siginfo_put(at + offsetof(struct rt_sigframe, info), d->info) : 0;
}

int arch_signal_push(struct trapframe *f, struct arch_thread *a, const struct signal_delivery *d)
{
	va_t top = d->stack_top - (d->on_altstack ? 0 : RED_ZONE);
	va_t fpstate = align_down(top - fpu_frame_size(), 64ul);
	va_t at = align_down(fpstate - sizeof(struct rt_sigframe), 16ul) - 8;
	struct frame_head *h = (struct frame_head *)at;

	if (!d->restorer)		/* libraries always give one */
		return -EFAULT;
	if (!user_range_ok(at, sizeof(struct rt_sigframe)) || fpu_frame_push(a, fpstate) || !head_save(h, d) ||
	    !context_save(&h->uc.mc, f, d, fpstate) || push_info(at, d))
		return -EFAULT;
	f->vector = FRAME_NO_EXCEPTION;
	f->rdi = (u64)d->sig;
	f->rsi = at + offsetof(struct rt_sigframe, info);
	f->rdx = at + offsetof(struct frame_head, uc);
	f->rax = 0;
	f->rsp = at;
	f->rip = d->handler;
	f->rflags &= ~(EFLAGS_DF | EFLAGS_RF | EFLAGS_TF);
	return 0;
}

/* The restorer's call finds the stack pointer just above the return address. */
int arch_signal_pop(struct trapframe *f, struct arch_thread *a, u64 *mask, struct altstack *stack)
{
	va_t at = f->rsp - 8 + offsetof(struct frame_head, uc);
	const struct ucontext *uc = (const struct ucontext *)at;
	u64 fpstate;

	if (!user_range_ok(at, sizeof(*uc)) || !head_restore(uc, &fpstate, mask, stack) ||
	    fpu_frame_pop(a, fpstate) || !context_restore(f, &uc->mc))
		return -EFAULT;
	return 0;
}
