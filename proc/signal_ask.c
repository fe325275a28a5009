// SPDX-License-Identifier: MIT
/*
 * What programs ask for: sending with rights (kill(2)), setting actions (sigaction(2)), waiting (sigtimedwait(2)).
 *
 * Locks: tasks_lock while a group is walked, so that no member is missed; siglock.
 */
#include "arch/arch.h"
#include "proc/tree.h"

/* ---- sending */

/* Sums up what came of several attempts: one success is a success. */
static int sum_up(int before, int now)
{
	if (before == 0 || now == 0)
		return 0;
	return before == -ESRCH ? now : before;
}

static int send(struct task *t, int sig, const struct siginfo *info)
{
	int err = t == task_current() ? 0 : signal_permitted(t, sig);

	return err || !sig ? err : signal_task(t, sig, info);
}

static int kill_group(int pgid, int sig, const struct siginfo *info)
{
	struct pgrp *g = pgrp_lookup(pgid);
	int result = -ESRCH;

	if (g)
		list_for_each(t, &g->members, struct task, in_group)
			result = sum_up(result, send(t, sig, info));
	return result;
}

/* All but the first and the sender itself. */
static int kill_all(int sig, const struct siginfo *info)
{
	int result = -ESRCH;

	list_for_each(t, &tasks, struct task, all)
		if (t->pid != 1 && t != task_current())
			result = sum_up(result, send(t, sig, info));
	return result;
}

static int kill_locked(int pid, int sig, const struct siginfo *info)
{
	if (pid == -1)
		return kill_all(sig, info);
	if (pid <= 0)
		return kill_group(pid ? -pid : task_current()->pgid, sig, info);
	struct task *t = pid_lookup_task(pid);

	return t ? send(t, sig, info) : -ESRCH;
}

int signal_kill(int pid, int sig, const struct siginfo *info)
{
	if ((unsigned)sig > NSIG)
		return -EINVAL;
	if (pid == INT_MIN)
		return -ESRCH;
	u64 flags = spin_lock_irq(&tasks_lock);
	int err = kill_locked(pid, sig, info);

	spin_unlock_irq(&tasks_lock, flags);
	return err;
}

int signal_kill_thread(int tgid, int tid, int sig, const struct siginfo *info)
{
	if ((unsigned)sig > NSIG || tid <= 0 || (tgid <= 0 && tgid != -1))
		return -EINVAL;
	struct thread *t = thread_find(tid);

	if (!t)
		return -ESRCH;
	int err = tgid != -1 && t->task->pid != tgid ? -ESRCH : signal_permitted(t->task, sig);

	if (!err && sig)
		err = signal_thread(t, sig, info);
	thread_put(t);
	return err;
}

/* ---- actions */

static bool means_ignore(int sig, va_t handler)
{
	return handler == SIG_IGN || (handler == SIG_DFL && (sig_bit(sig) & SIGNALS_IGNORED));
}

/* Under siglock. False: as sighand_set(). */
static bool change_action(struct task *task, int sig, const struct sigaction *act, struct sigaction *old,
			  struct sigaction_table **spare)
{
	if (old)
		*old = sighand_get(task->sighand, sig);
	if (!act)
		return true;
	struct sigaction set = *act;

	set.mask &= ~SIGNALS_UNBLOCKABLE;
	if (!sighand_set(task->sighand, sig, &set, spare))
		return false;
	/* What is pending goes with it (POSIX sigaction()). */
	if (means_ignore(sig, act->handler))
		signal_queues_flush(task, sig_bit(sig));
	return true;
}

int signal_set_action(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct task *task = task_current();
	struct sigaction_table *spare = nullptr;

	if (sig < 1 || sig > NSIG || (act && (sig_bit(sig) & SIGNALS_UNBLOCKABLE)))
		return -EINVAL;
	for (;;) {
		u64 flags = spin_lock_irq(&task->siglock);
		bool done = change_action(task, sig, act, old, &spare);

		spin_unlock_irq(&task->siglock, flags);
		if (done)
			break;
		spare = sighand_reserve();
		if (!spare)
			return -ENOMEM;
	}
	sighand_release(spare);
	return 0;
}

/* ---- waiting */

static void set_sigwait(u64 set)
{
	struct thread *t = thread_current();
	u64 flags = spin_lock_irq(&t->task->siglock);

	t->sigwait = set;
	signal_recalc_locked();
	spin_unlock_irq(&t->task->siglock, flags);
}

int signal_wait(u64 set, u64 deadline_ns, struct siginfo *info)
{
	struct wait_queue nobody = WAIT_QUEUE_INIT(nobody);	/* signal_kick() wakes us, not a queue */
	int sig = signal_take(set, info), err = 0;

	set &= ~SIGNALS_UNBLOCKABLE;
	while (!sig && !err) {
		set_sigwait(set);
		err = wait_event_until_(&nobody, signal_pending_set() & set, deadline_ns, true);
		set_sigwait(0);
		sig = signal_take(set, info);
	}
	if (sig)
		return sig;
	return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}
