// SPDX-License-Identifier: MIT
/*
 * Delivery: what a thread does about its signals on the way back to user mode. One call of signal_deliver() sets up at most
 * one handler; THREAD_SIGNAL stays set while there is more, so that user_work() comes again.
 *
 * A system call that a signal cut short has left -ERESTART* in the frame: it is run again or turned into -EINTR here, when
 * it is known whether a handler runs (signal(7), "Interruption of system calls").
 *
 * A traced thread stops with each signal it takes, and its tracer says what becomes of it; also of the system call.
 *
 * Locks: siglock, dropped before anything sleeps, ends the task or touches user memory.
 */
#include "arch/arch.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/ptrace.h"
#include "proc/rseq.h"
#include "proc/trace.h"
#include "proc/tree.h"

/* The -ERESTART code that the frame's system call returned, as a positive number, or 0. */
static int restart_code(const struct trapframe *f)
{
	long result = -(long)frame_result(f);

	if (!frame_in_syscall(f))
		return 0;
	return result == ERESTARTSYS || result == ERESTARTNOINTR || result == ERESTARTNOHAND ||
	       result == ERESTART_BLOCK ? (int)result : 0;
}

static void restart_with_handler(struct trapframe *f, int code, u64 sa_flags)
{
	if (!code)
		return;
	if (code == ERESTARTNOINTR || (code == ERESTARTSYS && (sa_flags & SA_RESTART)))
		frame_syscall_restart(f);
	else
		frame_set_result(f, (u64)-EINTR);
}

static void restart_without_handler(struct trapframe *f, int code)
{
	if (!code)
		return;
	frame_syscall_restart(f);
	if (code == ERESTART_BLOCK)
		frame_set_syscall(f, signal_restart_syscall);
}

/* The handler's frame could not be written: as if the program had touched that address itself. */
static void delivery_failed(int sig)
{
	if (sig == SIGSEGV)	/* its own handler cannot run: no second try */
		sighand_reset(task_current()->sighand, SIGSEGV, false);
	signal_force(SIGSEGV, nullptr);
}

struct taken {
	int sig;			/* 0: none that a handler wants */
	bool traced;			/* nobody has said yet what becomes of it */
	u32 conts;			/* task->conts when it was taken */
	struct siginfo info;
	struct sigaction act;
	u64 mask;			/* with a handler: what sigreturn will give back */
};

static void call_handler(struct trapframe *f, const struct taken *s)
{
	struct thread *t = thread_current();
	const struct sigaction *act = &s->act;

	if (unlikely(t->rseq_on))
		rseq_signal(f);
	struct signal_delivery d = {
		.sig = s->sig,
		.info = &s->info,
		.handler = act->handler,
		.restorer = act->flags & SA_RESTORER ? act->restorer : 0,
		.flags = act->flags,
		.saved_mask = s->mask,
		.vdso_base = t->task->vm->vdso,
		.fault_address = t->fault_address,
	};

	bool stepping = unlikely(t->ptrace) && ptrace_handler_begin(f);

	signal_choose_stack(t, frame_sp(f), &d);
	if (arch_signal_push(f, &t->arch, &d)) {
		signal_set_blocked(s->mask);
		delivery_failed(s->sig);
		return;
	}
	signal_altstack_entered(t);
	if (stepping)
		ptrace_handler_done();
}

/* The mask while the handler runs: set now, under the lock that it needs. */
static void mask_for_handler_locked(struct thread *t, struct taken *s)
{
	s->mask = t->restore_blocked ? t->saved_blocked : t->blocked;
	t->restore_blocked = false;
	signal_block_locked(t, t->blocked | s->act.mask | (s->act.flags & SA_NODEFER ? 0 : sig_bit(s->sig)));
}

/* What does its action say? False: to forget it. Under siglock. */
static bool needs_action_locked(struct thread *t, struct taken *s)
{
	struct task *task = t->task;

	s->act = sighand_get(task->sighand, s->sig);
	if (s->act.handler == SIG_IGN)
		return false;
	if (s->act.handler == SIG_DFL)
		return !(sig_bit(s->sig) & SIGNALS_IGNORED) && (task->pid != 1 || task->doomed);
	if (s->act.flags & SA_RESETHAND)
		sighand_reset(task->sighand, s->sig, true);
	mask_for_handler_locked(t, s);
	return true;
}

/* Takes signals until one needs more than to be forgotten. Under siglock. */
static void take_locked(struct thread *t, struct taken *out)
{
	struct task *task = t->task;

	while ((out->sig = signal_dequeue_locked(~t->blocked, &out->info))) {
		out->conts = task->conts;
		out->traced = ptrace_traced(t) && out->sig != SIGKILL;
		if (out->traced || needs_action_locked(t, out))
			return;
	}
}

/* True: the tracer wants a signal to be acted upon. One that is blocked waits, as if it had just been sent. */
static bool tracer_allows(struct thread *t, struct taken *s)
{
	struct task *task = t->task;

	s->sig = ptrace_signal_stop(s->sig, &s->info);
	if (!s->sig)
		return false;
	u64 flags = spin_lock_irq(&task->siglock);
	bool blocked = t->blocked & sig_bit(s->sig), act = !blocked && needs_action_locked(t, s);

	if (blocked)
		(void)signal_send_locked(task, t, s->sig, &s->info, true);
	spin_unlock_irq(&task->siglock, flags);
	return act;
}

/* The task is being ended, or another thread replaces it by exec: does not return. */
static void end_if_killed(struct thread *t)
{
	if (!(load_relaxed(&t->pending.set) & sig_bit(SIGKILL)))
		return;
	thread_exit(t->task->exit_status);
}

/* A signal whose action is the default and not to ignore it. */
static void default_action(const struct taken *s)
{
	struct task *task = task_current();

	if (sig_bit(s->sig) & SIGNALS_STOP) {
		signal_stop(s->sig, s->conts);
		return;
	}
	/* Fatal, but it was not when it was sent: the handler or the mask has changed since. */
	bool core = (sig_bit(s->sig) & SIGNALS_CORE) && task->dumpable && task->limits[RLIM_CORE].cur;

	task_exit(s->sig | (core ? 0x80 : 0));
}

/* True: s->sig has a handler to call. */
static bool next_signal(struct thread *t, struct taken *s)
{
	for (;;) {
		u64 flags = spin_lock_irq(&t->task->siglock);
		bool again = t->task->group_exit || (t->pending.set & sig_bit(SIGKILL)) ||
			signal_stop_due(t);

		if (!again) {
			take_locked(t, s);
			signal_recalc_locked();
		}
		spin_unlock_irq(&t->task->siglock, flags);
		if (unlikely(again)) {
			end_if_killed(t);
			if (signal_stop_due(t))
				signal_stop_point();
			continue;
		}
		if (!s->sig)
			return false;
		if (unlikely(s->traced) && !tracer_allows(t, s))
			continue;
		if (thread_traced())
			trace_signal(&s->info);
		if (s->act.handler != SIG_DFL)
			return true;
		default_action(s);
	}
}

void signal_deliver(struct trapframe *f)
{
	struct thread *t = thread_current();
	struct taken s;

	if (unlikely(t->ptrace))
		ptrace_settle(f);
	if (next_signal(t, &s)) {
		restart_with_handler(f, restart_code(f), s.act.flags);
		call_handler(f, &s);
		return;
	}
	restart_without_handler(f, restart_code(f));
	signal_mask_restore();
}

void signal_return(struct trapframe *f)
{
	struct thread *t = thread_current();
	struct altstack stack;
	u64 mask;

	if (arch_signal_pop(f, &t->arch, &mask, &stack)) {
		signal_force(SIGSEGV, nullptr);
		return;
	}
	signal_set_blocked(mask);
	(void)signal_altstack(&stack, nullptr, frame_sp(f));	/* nonsense there is ignored */
}
