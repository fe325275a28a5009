// SPDX-License-Identifier: MIT
/*
 * Threads: how one begins, the switch between two, and their TLS bases.
 */
#include "lib/string.h"
#include "mm/user.h"
#include "x86.h"

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };

struct switch_frame {		/* what switch_stacks pops */
	u64 r15, r14, r13, r12, rbp, rbx, rip;
};

struct thread_head *switch_stacks(u64 *save_sp, u64 next_sp, struct thread_head *prev);
void thread_user_start(void);
void thread_kernel_start(void);

struct trapframe *arch_frame(const struct thread_head *t)
{
	return (struct trapframe *)t->stack_top - 1;
}

/* ------------------------------------------------------------------ FS and GS bases */

static u64 fs_base_read(const struct arch_thread *a)
{
	u64 v = a->fs_base;

	if (x86_features.fsgsbase)
		__asm__ volatile("rdfsbase %0" : "=r"(v));
	return v;
}

static void fs_base_write(u64 v)
{
	if (x86_features.fsgsbase)
		__asm__ volatile("wrfsbase %0" :: "r"(v));
	else
		wrmsr(MSR_FS_BASE, v);
}

/* The user's GS base waits behind swapgs; interrupts must not see it in front. */
static u64 gs_base_read(const struct arch_thread *a)
{
	u64 v = a->gs_base, flags;

	if (!x86_features.fsgsbase)
		return v;
	flags = irq_save();
	__asm__ volatile("swapgs\n\trdgsbase %0\n\tswapgs" : "=r"(v));
	irq_restore(flags);
	return v;
}

static void gs_base_write(u64 v)
{
	u64 flags;

	if (!x86_features.fsgsbase) {
		wrmsr(MSR_KERNEL_GS_BASE, v);
		return;
	}
	flags = irq_save();
	__asm__ volatile("swapgs\n\twrgsbase %0\n\tswapgs" :: "r"(v));
	irq_restore(flags);
}

void arch_thread_park(struct arch_thread *a)
{
	preempt_disable();
	fpu_park(a);
	a->fs_base = fs_base_read(a);
	a->gs_base = gs_base_read(a);
	a->user = false;	/* a switch leaves them alone */
	preempt_enable();
}

void arch_thread_unpark(struct arch_thread *a)
{
	preempt_disable();
	fpu_unpark(a);
	fs_base_write(a->fs_base);
	gs_base_write(a->gs_base);
	a->user = true;
	preempt_enable();
}

void arch_thread_set_tls(struct thread_head *t, struct arch_thread *a, u64 tls)
{
	a->fs_base = tls;
	if (t == thread_self())
		fs_base_write(tls);
}

long arch_thread_prctl(struct arch_thread *a, int op, u64 arg)
{
	u64 v;

	switch (op) {
	case ARCH_SET_FS:
		if (arg >= USER_END)
			return -EPERM;
		a->fs_base = arg;
		fs_base_write(arg);
		return 0;
	case ARCH_SET_GS:
		if (arg >= USER_END)
			return -EPERM;
		a->gs_base = arg;
		gs_base_write(arg);
		return 0;
	case ARCH_GET_FS:
		v = fs_base_read(a);
		return put_user(arg, v);
	case ARCH_GET_GS:
		v = gs_base_read(a);
		return put_user(arg, v);
	default:
		return -EINVAL;
	}
}

/* ------------------------------------------------------------------ beginning */

/* Room for a user frame stays free at the top: a kernel thread may turn into a user one. */
void arch_thread_kernel(struct thread_head *t, struct arch_thread *a, void (*fn)(void *), void *arg)
{
	struct switch_frame *s = (struct switch_frame *)arch_frame(t) - 1;

	*s = (struct switch_frame){
		.rbx = (u64)fn, .r12 = (u64)arg, .rip = (u64)thread_kernel_start};
	a->sp = (u64)s;
	a->user = false;
	a->fpu_replaced = false;
}

struct trapframe *arch_thread_user(struct thread_head *t, struct arch_thread *a,
				   const struct arch_thread *from, const struct trapframe *frame)
{
	struct trapframe *f = arch_frame(t);
	struct switch_frame *s = (struct switch_frame *)f - 1;

	assert(is_aligned((u64)a->fpu, 64));
	*f = *frame;
	f->rax = 0;
	*s = (struct switch_frame){ .rip = (u64)thread_user_start };
	a->sp = (u64)s;
	a->user = true;
	a->fpu_replaced = false;
	if (from && from->user) {
		fpu_clone(a);
		a->fs_base = fs_base_read(from);
		a->gs_base = gs_base_read(from);
	} else {
		fpu_reset(a);
		a->fs_base = a->gs_base = 0;
	}
	return f;
}

/* On the current thread. A fresh image must also get into the registers. */
void arch_thread_exec(struct arch_thread *a)
{
	preempt_disable();
	a->user = true;
	a->fs_base = a->gs_base = 0;
	fs_base_write(0);
	gs_base_write(0);
	fpu_reset(a);
	fpu_load(a);
	preempt_enable();
}

/* ------------------------------------------------------------------ the switch */

/* Interrupts are off, so the user's GS base may come in front for a moment. */
static void bases_switch(struct arch_thread *pa, const struct arch_thread *na)
{
	__asm__ volatile("swapgs");
	if (pa->user)
		__asm__ volatile("rdfsbase %0\n\trdgsbase %1" : "=r"(pa->fs_base), "=r"(pa->gs_base));
	if (na->user)
		__asm__ volatile("wrfsbase %0\n\twrgsbase %1" :: "r"(na->fs_base), "r"(na->gs_base));
	__asm__ volatile("swapgs" ::: "memory");
}

struct thread_head *arch_switch(struct thread_head *prev, struct arch_thread *pa,
				struct thread_head *next, struct arch_thread *na)
{
	struct x86_cpu *c = this_cpu();

	__asm__ volatile("" : "+r"(c));		/* found now, not while GS is the user's */
	if (pa->user && !pa->fpu_replaced)
		fpu_save(pa);
	if (x86_features.fsgsbase) {
		bases_switch(pa, na);
	} else if (na->user) {
		wrmsr(MSR_FS_BASE, na->fs_base);
		wrmsr(MSR_KERNEL_GS_BASE, na->gs_base);
	}
	c->self = next;
	c->tss.rsp[0] = (u64)next->stack_top;
	if (na->user && !na->fpu_replaced)
		fpu_load(na);
	return switch_stacks(&pa->sp, na->sp, prev);
}

u64 arch_thread_fp(const struct arch_thread *a)
{
	return ((const struct switch_frame *)a->sp)->rbp;
}
