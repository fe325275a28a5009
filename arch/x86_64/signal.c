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
static_assert(sizeof(struct sigcontext) == 256);

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

static struct sigcontext context_save(const struct trapframe *f, const struct signal_delivery *d, va_t fpstate)
{
	bool exception = (f->vector & 0xffff) < 32;

	return (struct sigcontext){
		.r8 = f->r8, .r9 = f->r9, .r10 = f->r10, .r11 = f->r11,
		.r12 = f->r12, .r13 = f->r13, .r14 = f->r14, .r15 = f->r15,
		.rdi = f->rdi, .rsi = f->rsi, .rbp = f->rbp, .rbx = f->rbx,
		.rdx = f->rdx, .rax = f->rax, .rcx = f->rcx, .rsp = f->rsp,
		.rip = f->rip, .rflags = f->rflags,
		.cs = (u16)f->cs, .ss = (u16)f->ss,
		.err = exception ? f->vector >> 32 : 0,
		.trapno = exception ? f->vector & 0xffff : 0,
		.oldmask = d->saved_mask, .cr2 = d->fault_address, .fpstate = fpstate,
	};
}

/* Selectors are ours and the flags what a program may set; a program counter out of range is
 * seen to on the way out. */
static void context_restore(struct trapframe *f, const struct sigcontext *mc)
{
	*f = (struct trapframe){
		.vector = FRAME_NO_EXCEPTION, .orig_rax = ~0ul,
		.r8 = mc->r8, .r9 = mc->r9, .r10 = mc->r10, .r11 = mc->r11,
		.r12 = mc->r12, .r13 = mc->r13, .r14 = mc->r14, .r15 = mc->r15,
		.rdi = mc->rdi, .rsi = mc->rsi, .rbp = mc->rbp, .rbx = mc->rbx,
		.rdx = mc->rdx, .rax = mc->rax, .rcx = mc->rcx, .rsp = mc->rsp,
		.rip = mc->rip, .rflags = f->rflags,
		.cs = USER_CS, .ss = USER_SS,
	};
	frame_set_flags(f, mc->rflags);
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
	struct frame_head h = {
		.return_address = d->restorer,
		.uc = {
			.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS |
				 (x86_features.xsave ? UC_FP_XSTATE : 0),
			.stack = { d->altstack_sp, d->altstack_flags, 0, d->altstack_size },
			.mc = context_save(f, d, fpstate),
			.sigmask = d->saved_mask,
		},
	};

	if (!d->restorer)		/* libraries always give one */
		return -EFAULT;
	if (fpu_frame_push(a, fpstate) || put_user(at, h) || push_info(at, d))
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
	va_t uc_at = f->rsp - 8 + offsetof(struct frame_head, uc);
	struct ucontext uc;

	if (copy_from_user(&uc, uc_at, sizeof(uc)) || fpu_frame_pop(a, uc.mc.fpstate))
		return -EFAULT;
	context_restore(f, &uc.mc);
	*mask = uc.sigmask;
	*stack = uc.stack;
	return 0;
}
