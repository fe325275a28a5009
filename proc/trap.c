// SPDX-License-Identifier: MIT
/*
 * What programs do to themselves: memory faults and other exceptions, and what has to be done
 * before a thread goes back to user mode.
 */
#include "arch/arch.h"
#include "lib/printf.h"
#include "mm/vm.h"
#include "proc/fault_trace.h"
#include "proc/ptrace.h"
#include "proc/rseq.h"
#include "proc/sched.h"
#include "proc/task.h"

static void send_fault(int sig, int code, va_t address)
{
	struct siginfo info = { .signo = sig, .code = code, .fault.addr = address };

	signal_force(sig, &info);
}

/* Whoever gets no memory for a fault cannot go on; the OOM killer has chosen somebody else, or
 * nobody, before. */
static void out_of_memory(void)
{
	struct task *task = task_current();

	if (!task->vm || !task->vm->oom_victim)	/* else oom.c has said so */
		log_err("out of memory: killed process %d (%s)", task->pid, thread_current()->name);
	signal_task(task, SIGKILL, nullptr);
}

static void fault_signal(enum fault_result result, struct fault flt)
{
	thread_current()->fault_address = flt.address;
	switch (result) {
	case FAULT_OK:
		break;
	case FAULT_MAPERR:
		send_fault(SIGSEGV, SEGV_MAPERR, flt.address);
		break;
	case FAULT_ACCERR:
		send_fault(SIGSEGV, SEGV_ACCERR, flt.address);
		break;
	case FAULT_BUS:
		send_fault(SIGBUS, BUS_ADRERR, flt.address);
		break;
	case FAULT_OOM:
		out_of_memory();
		break;
	}
}

static enum fault_result fault_in(const struct trapframe *f, struct fault flt)
{
	struct task *task = task_current();

	if (unlikely(!task || !task->vm))
		return FAULT_MAPERR;
	return likely(!fault_trace_on) ? vm_fault(task->vm, flt.address, flt.access) : fault_trace(f, task, flt);
}

/* The first task cannot be killed for want of memory: it waits until others have given some back. */
[[gnu::noinline]] static int fault_failed(const struct trapframe *f, struct fault flt, enum fault_result result)
{
	while (result == FAULT_OOM && task_current()->pid == 1 && !task_current()->group_exit) {
		vm_wait_for_memory();
		result = fault_in(f, flt);
	}
	if (flt.user || result == FAULT_OOM)
		fault_signal(result, flt);
	return flt.user || result == FAULT_OK ? 0 : -EFAULT;
}

int trap_fault(struct trapframe *f, struct fault flt)
{
	/* A copy under a spinlock (futex) must not sleep: its caller tries again without. */
	if (!flt.user && unlikely(preempt_disabled()))
		return -EFAULT;
	enum fault_result result = fault_in(f, flt);

	return likely(result == FAULT_OK) ? 0 : fault_failed(f, flt, result);
}

void trap_signal(struct trapframe *f, int sig, int code, va_t addr)
{
	thread_current()->fault_address = addr;
	send_fault(sig, code, addr);
}

void user_work(struct trapframe *f)
{
	struct thread_head *self = thread_self();
	u64 work;

	while ((work = load_relaxed(&self->work)) & (THREAD_RESCHED | THREAD_SIGNAL | THREAD_RSEQ)) {
		if (work & THREAD_RESCHED)
			sched_preempt();
		irq_enable();
		if (work & THREAD_RSEQ)
			rseq_return(f);
		if (work & THREAD_SIGNAL)
			signal_deliver(f);
		irq_disable();
	}
	if (unlikely(work & THREAD_PTRACE))
		ptrace_enter_user();
}

struct vm *vm_current(void)
{
	struct task *task = task_current();

	return task ? task->vm : nullptr;
}
