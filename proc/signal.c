// SPDX-License-Identifier: MIT
/*
 * Sending signals (signal(7)), and what threads ask about theirs. Delivery is in signal_deliver.c, stopping in
 * signal_stop.c, the queues in signal_queue.c.
 *
 * A signal that would end the task ends it where it is sent: the task is marked, and every thread gets SIGKILL. So a
 * sleep that only fatal signals may end needs to look for SIGKILL alone.
 *
 * THREAD_SIGNAL says that a thread must look at its signals before it goes on in user mode. Senders set it; only the thread
 * itself clears it, under its siglock.
 *
 * Locks: siglock, then the table's lock; tasks_lock is never taken here, so that it may be held.
 */
#include "arch/arch.h"
#include "mm/vm.h"
#include "proc/ptrace.h"
#include "proc/sched.h"
#include "proc/trace.h"
#include "proc/tree.h"

void signal_init(void)
{
	sighand_init();
	signal_queue_setup();
}

/* ---- sending */

/* What a signal to the task does if nobody blocks it: nothing. The first task ignores all that it does not catch. */
static bool has_no_effect(const struct task *task, int sig)
{
	if (sighand_ignores(task->sighand, sig))
		return true;
	if (sighand_catches(task->sighand, sig))
		return false;
	return (sig_bit(sig) & SIGNALS_IGNORED) || (task->pid == 1 && !task->doomed);
}

/* A stopped thread takes nothing but SIGKILL: the rest waits in the queues for SIGCONT. Whether a traced one sleeps, its tracer
 * decides. */
static bool may_take(const struct thread *t, int sig)
{
	u64 bit = sig_bit(sig);

	if (t->exiting || (t->stop_acked && sig != SIGKILL && !ptrace_traced(t)))
		return false;
	return !(t->blocked & bit) || (t->sigwait & bit);
}

/* A thread that a signal for the whole task can go to: the leader if it will, the current thread, any. */
static struct thread *pick_thread(struct task *task, int sig)
{
	struct thread *self = thread_current();

	if (may_take(task->leader, sig))
		return task->leader;
	if (self->task == task && may_take(self, sig))
		return self;
	list_for_each(t, &task->threads, struct thread, in_task)
		if (may_take(t, sig))
			return t;
	return nullptr;
}

void signal_kick(struct thread *t)
{
	__atomic_fetch_or(&t->head.work, THREAD_SIGNAL, __ATOMIC_SEQ_CST);
	if (t == thread_current())
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the signal before the state */
	enum thread_state state = load_relaxed(&t->state);

	if (state == THREAD_SLEEPING_INTR)
		thread_wake(t);
	else if (state == THREAD_RUNNING && load_relaxed(&t->head.cpu) != cpu_id())
		arch_ipi(BIT(load_relaxed(&t->head.cpu)), IPI_RESCHED);
}

void group_exit_locked(struct task *task, int status)
{
	task->group_exit = true;
	task->exit_status = status;
	signal_stop_mark(task, false);
	store_relaxed(&task->stopped, false);
	list_for_each(t, &task->threads, struct thread, in_task) {
		t->stop_acked = false;
		ptrace_killed_locked(t);
		if (t->exiting)
			continue;
		t->pending.set |= sig_bit(SIGKILL);
		signal_kick(t);
	}
	wake_up_all(&task->stop_wait, 0);
}

static int fatal_status(const struct task *task, int sig)
{
	bool core = (sig_bit(sig) & SIGNALS_CORE) && task->dumpable && task->limits[RLIM_CORE].cur;

	return sig | (core ? 0x80 : 0);
}

/* Will this signal, taken by t, end the task? Of a traced thread's its tracer will say. */
static bool is_fatal(const struct task *task, const struct thread *t, int sig)
{
	u64 bit = sig_bit(sig);

	if (sig == SIGKILL)
		return true;
	return !sighand_catches(task->sighand, sig) && !(t->blocked & bit) && !ptrace_traced(t) &&
	       !(bit & (SIGNALS_IGNORED | SIGNALS_STOP));
}

/* It is queued: somebody must look. */
static void announce(struct task *task, struct thread *t, int sig)
{
	if (!t)
		t = pick_thread(task, sig);
	else if (!may_take(t, sig))
		t = nullptr;
	if (!t)
		return;
	if (is_fatal(task, t, sig) && !task->group_exit)
		group_exit_locked(task, fatal_status(task, sig));
	else
		signal_kick(t);
}

/* It is ending already, but a thread of it may be stopped on its way (PTRACE_EVENT_EXIT). */
static void kill_stopped(struct task *task)
{
	list_for_each(t, &task->threads, struct thread, in_task)
		ptrace_killed_locked(t);
}

int signal_send_locked(struct task *task, struct thread *t, int sig, const struct siginfo *info, bool forced)
{
	struct signal_queue *q = t ? &t->pending : &task->pending;

	if (task->exiting || task->group_exit || (t && t->exiting)) {
		if (sig == SIGKILL && task->ntraced)
			kill_stopped(task);
		return 0;
	}
	if (sig_bit(sig) & (SIGNALS_STOP | sig_bit(SIGCONT)))
		signal_stop_effects_locked(task, sig);
	const struct thread *judge = t ? t : task->leader;

	/* A blocked one may be caught by the time it is let in; the first task's SIGKILL may not. */
	if (!forced && has_no_effect(task, sig) && !(task->ntraced && sig != SIGKILL) &&
	    (!((judge->blocked | judge->sigwait) & sig_bit(sig)) || sig == SIGKILL || sig == SIGSTOP))
		return 0;
	if (sig < SIGRTMIN && (q->set & sig_bit(sig)))
		return 0;
	if (!signal_queue_add(q, task, sig, info))
		return -EAGAIN;
	announce(task, t, sig);
	if (wait_queue_active(&task->signal_wait))
		wake_up_all(&task->signal_wait, 0);
	return 0;
}

int signal_thread(struct thread *t, int sig, const struct siginfo *info)
{
	if (!t->task)
		return 0;
	u64 flags = spin_lock_irq(&t->task->siglock);
	int err = signal_send_locked(t->task, t, sig, info, false);

	spin_unlock_irq(&t->task->siglock, flags);
	return err;
}

int signal_task(struct task *t, int sig, const struct siginfo *info)
{
	u64 flags = spin_lock_irq(&t->siglock);
	int err = signal_send_locked(t, nullptr, sig, info, false);

	spin_unlock_irq(&t->siglock, flags);
	return err;
}

void signal_force(int sig, const struct siginfo *info)
{
	struct thread *t = thread_current();
	struct task *task = t->task;

	/* One that kills is not delivered: its sender ends the task. */
	if (thread_traced() && info && !sighand_catches(task->sighand, sig))
		trace_signal(info);
	u64 flags = spin_lock_irq(&task->siglock);

	if (sighand_ignores(task->sighand, sig) || (t->blocked & sig_bit(sig))) {
		sighand_reset(task->sighand, sig, false);
		t->blocked &= ~sig_bit(sig);
	}
	if (!sighand_catches(task->sighand, sig))
		task->doomed = true;
	(void)signal_send_locked(task, t, sig, info, true);
	spin_unlock_irq(&task->siglock, flags);
}

int signal_permitted(const struct task *t, int sig)
{
	const struct cred *mine = cred_current(), *theirs;

	if (t == task_current())
		return 0;
	theirs = cred_of((struct task *)t);
	bool same = mine->euid == theirs->suid || mine->euid == theirs->uid || mine->uid == theirs->suid ||
		mine->uid == theirs->uid;

	cred_put(theirs);
	if (same || cred_capable(mine, CAP_KILL) || (sig == SIGCONT && t->sid == task_current()->sid))
		return 0;
	return -EPERM;
}

/* ---- what the current thread asks about itself */

bool signal_pending(void)
{
	return load_relaxed(&thread_self()->work) & THREAD_SIGNAL;
}

bool signal_pending_fatal(void)
{
	struct thread *t = thread_current();

	return signal_pending() && (load_relaxed(&t->pending.set) & sig_bit(SIGKILL));
}

bool vm_work_vain(void)
{
	return signal_pending_fatal();
}

bool signal_ignored_or_blocked(int sig)
{
	struct thread *t = thread_current();

	return (t->blocked & sig_bit(sig)) || sighand_ignores(t->task->sighand, sig);
}

static inline void set_due(struct thread *t, bool due)
{
	if (due)
		__atomic_fetch_or(&t->head.work, THREAD_SIGNAL, __ATOMIC_RELAXED);
	else if (load_relaxed(&t->head.work) & THREAD_SIGNAL)
		__atomic_fetch_and(&t->head.work, ~(u64)THREAD_SIGNAL, __ATOMIC_RELAXED);
}

[[gnu::noinline]] static void recalc_stop(struct thread *t)
{
	set_due(t, signal_stop_wanted(t));
}

void signal_recalc_locked(void)
{
	struct thread *t = thread_current();
	bool open = (t->pending.set | t->task->pending.set) & ~t->blocked;

	if (likely(open || !signal_stop_possible(t)))
		set_due(t, open);
	else
		recalc_stop(t);
}

/* Signals for the whole task that we block from now on may have been announced to us: let another thread look. */
[[gnu::noinline]] static void pass_on(struct thread *self, u64 left)
{
	list_for_each(t, &self->task->threads, struct thread, in_task)
		if (t != self && !t->exiting && (left & ~t->blocked))
			signal_kick(t);
}

void signal_block_locked(struct thread *self, u64 mask)
{
	u64 old = self->blocked, left;

	self->blocked = mask & ~SIGNALS_UNBLOCKABLE;
	left = self->task->pending.set & self->blocked & ~old;
	if (unlikely(left))
		pass_on(self, left);
}

void signal_set_blocked(u64 mask)
{
	struct thread *t = thread_current();
	u64 flags = spin_lock_irq(&t->task->siglock);

	signal_block_locked(t, mask);
	signal_recalc_locked();
	spin_unlock_irq(&t->task->siglock, flags);
}

void signal_mask_replace(u64 mask)
{
	struct thread *t = thread_current();

	t->saved_blocked = t->blocked;
	signal_set_blocked(mask);
	t->restore_blocked = true;
}

void signal_mask_restore(void)
{
	struct thread *t = thread_current();

	if (!t->restore_blocked)
		return;
	t->restore_blocked = false;
	signal_set_blocked(t->saved_blocked);
}

u64 signal_pending_set(void)
{
	struct thread *t = thread_current();

	return load_relaxed(&t->pending.set) | load_relaxed(&t->task->pending.set);
}

int signal_dequeue_locked(u64 set, struct siginfo *info)
{
	struct thread *t = thread_current();
	u64 mine = t->pending.set & set, shared = t->task->pending.set & set;

	if (!mine && !shared)
		return 0;
	/* A fault's signal first: its handler must see the instruction that caused it. */
	u64 from = mine & SIGNALS_SYNC ?: mine ?: shared;
	int sig = __builtin_ctzl(from) + 1;

	signal_queue_take(mine ? &t->pending : &t->task->pending, sig, info);
	if (unlikely(sig == SIGALRM || t->task->posix_timers))
		timers_signal_taken(t->task, info);
	return sig;
}

int signal_take(u64 set, struct siginfo *info)
{
	struct task *task = task_current();
	u64 flags = spin_lock_irq(&task->siglock);
	int sig = signal_dequeue_locked(set & ~SIGNALS_UNBLOCKABLE, info);

	if (sig)
		signal_recalc_locked();
	spin_unlock_irq(&task->siglock, flags);
	return sig;
}

void signal_status(struct thread *t, struct signal_status *out)
{
	struct task *task = t->task;
	u64 flags = spin_lock_irq(&task->siglock);

	*out = (struct signal_status){
		.pending = t->pending.set,
		.task_pending = task->pending.set,
		.blocked = t->blocked,
		.ignored = task->sighand->ignored,
		.caught = task->sighand->caught,
		.queued = load_relaxed(&task->cred->user->sigpending),
		.queue_limit = task->limits[RLIM_SIGPENDING].cur,
	};
	spin_unlock_irq(&task->siglock, flags);
}

void signal_exec(struct sighand *fresh)
{
	struct thread *t = thread_current();
	struct task *task = t->task;
	u64 flags = spin_lock_irq(&task->siglock);
	struct sighand *old = task->sighand;

	if (fresh)
		task->sighand = fresh;
	sighand_exec(task->sighand);
	t->altstack_sp = t->altstack_size = t->altstack_flags = 0;
	spin_unlock_irq(&task->siglock, flags);
	if (fresh)
		sighand_put(old);
}
