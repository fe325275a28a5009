// SPDX-License-Identifier: MIT
/*
 * How a thread begins, and its user registers that are not in the frame. The user frame is at the top
 * of the kernel stack; its room stays free there in kernel threads too, as one may turn into a program.
 */
#include "machine.h"

#include "mm/kmap.h"
#include "offsets.h"

static_assert(offsetof(struct thread_head, preempt) == HEAD_PREEMPT);
static_assert(offsetof(struct thread_head, cpu) == HEAD_CPU);
static_assert(offsetof(struct thread_head, work) == HEAD_WORK);
static_assert(offsetof(struct thread_head, stack_top) == HEAD_STACK_TOP);
static_assert(offsetof(struct thread_head, calls) == HEAD_CALLS);
static_assert(THREAD_RESCHED == HEAD_WORK_RESCHED);
static_assert(offsetof(struct trapframe, regs[30]) == FRAME_LR);
static_assert(offsetof(struct trapframe, sp) == FRAME_SP);
static_assert(offsetof(struct trapframe, pc) == FRAME_PC);
static_assert(offsetof(struct trapframe, orig_x0) == FRAME_ORIG_X0);
static_assert(offsetof(struct trapframe, syscall) == FRAME_SYSCALL);
static_assert(sizeof(struct trapframe) == FRAME_SIZE && FRAME_SIZE % 16 == 0);
static_assert(offsetof(struct arch_thread, lr) == CTX_LR);
static_assert(offsetof(struct arch_thread, sp) == CTX_SP);
static_assert(offsetof(struct arch_thread, tls) == CTX_TLS);
static_assert(offsetof(struct arch_thread, user) == CTX_USER);
static_assert(offsetof(struct arch_thread, simd) == CTX_SIMD);
static_assert(offsetof(struct simd_state, fpsr) == SIMD_FPSR);
static_assert(offsetof(struct simd_state, q) == SIMD_Q);
static_assert(STACK_SIZE == KSTACK_SIZE);

struct trapframe *arch_frame(const struct thread_head *t)
{
	return (struct trapframe *)t->stack_top - 1;
}

static void thread_prepare(struct thread_head *t, struct arch_thread *a, void (*entry)(void))
{
	a->sp = (u64)arch_frame(t);
	a->fp = 0;
	a->lr = (u64)entry;
}

void arch_thread_kernel(struct thread_head *t, struct arch_thread *a, void (*fn)(void *), void *arg)
{
	thread_prepare(t, a, thread_entry_kernel);
	a->x18_x28[1] = (u64)fn;
	a->x18_x28[2] = (u64)arg;
	a->user = false;
}

/* What the registers hold belongs to the current thread, if that one is a user's. */
struct trapframe *arch_thread_user(struct thread_head *t, struct arch_thread *a,
				   const struct arch_thread *a_from, const struct trapframe *frame)
{
	struct trapframe *f = arch_frame(t);

	*f = *frame;
	f->regs[0] = 0;
	f->syscall = FRAME_NO_SYSCALL;
	thread_prepare(t, a, thread_entry_user);
	a->user = true;
	if (a_from && a_from->user) {
		simd_save(&a->simd);
		a->tls = sysreg_read(tpidr_el0);
	} else {
		a->simd = (struct simd_state){};
		a->tls = 0;
	}
	return f;
}

/* On the current thread: a switch in between would save the old registers over the new. */
void arch_thread_exec(struct arch_thread *a)
{
	preempt_disable();
	a->user = true;
	a->tls = 0;
	sysreg_write(tpidr_el0, 0);
	a->simd = (struct simd_state){};
	simd_load(&a->simd);
	preempt_enable();
}

void arch_thread_park(struct arch_thread *a)
{
	preempt_disable();
	simd_save(&a->simd);
	a->tls = sysreg_read(tpidr_el0);
	a->user = false;	/* a switch leaves them alone */
	preempt_enable();
}

void arch_thread_unpark(struct arch_thread *a)
{
	preempt_disable();
	simd_load(&a->simd);
	sysreg_write(tpidr_el0, a->tls);
	a->user = true;
	preempt_enable();
}

void arch_thread_set_tls(struct thread_head *t, struct arch_thread *a, u64 tls)
{
	a->tls = tls;
	if (t == thread_self())
		sysreg_write(tpidr_el0, tls);
}

long arch_thread_prctl(struct arch_thread *a, int op, u64 arg)
{
	(void)a;
	(void)op;
	(void)arg;
	return -EINVAL;
}

u64 arch_thread_fp(const struct arch_thread *a)
{
	return a->fp;
}
