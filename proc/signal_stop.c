// SPDX-License-Identifier: MIT
/*
 * Stopping and continuing tasks (job control).
 *
 * A stop begins when a thread takes a stop signal: the task is `stopping`, and every thread that comes by on its way to
 * user mode is counted and sleeps; with the last one the task is `stopped`, and the parent hears of it. SIGCONT (sent, not
 * taken) ends both; the first thread that wakes tells the parent, because the sender may hold any lock.
 *
 * A traced thread counts as stopped like the others, but sleeps in a stop of its tracer's (proc/ptrace_stop.c), which may let it
 * run on.
 *
 * Locks: tasks_lock (the parent), then siglock, then the parent's siglock: always from child to parent.
 */
#include "proc/ptrace.h"
#include "proc/tree.h"

static u32 stopping_tasks;		/* (a) */

void signal_stop_mark(struct task *task, bool stopping)
{
	if (task->stopping == stopping)
		return;
	store_relaxed(&task->stopping, stopping);
	__atomic_fetch_add(&stopping_tasks, stopping ? 1 : -1u, __ATOMIC_RELAXED);
}

bool signal_stop_any(void)
{
	return load_relaxed(&stopping_tasks) != 0;
}

static void continue_locked(struct task *task)
{
	task->conts++;
	list_for_each(t, &task->threads, struct thread, in_task)
		ptrace_group_changed_locked(t);
	if (!task->stopping)
		return;
	if (task->stopped) {
		task->continued = true;
		task->cld_pending = CLD_CONTINUED;
	}
	signal_stop_mark(task, false);
	store_relaxed(&task->stopped, false);
	task->nstopped = 0;
	list_for_each(t, &task->threads, struct thread, in_task)
		store_relaxed(&t->stop_acked, false);
	wake_up_all(&task->stop_wait, 0);
}

void signal_stop_effects_locked(struct task *task, int sig)
{
	if (sig_bit(sig) & SIGNALS_STOP) {
		signal_queues_flush(task, sig_bit(SIGCONT));
	} else if (sig == SIGCONT) {
		signal_queues_flush(task, SIGNALS_STOP);
		continue_locked(task);
	}
}

/* A traced thread that has been counted runs if its tracer lets it. */
bool signal_stop_wanted(const struct thread *t)
{
	const struct task *task = t->task;

	return (task->stopping && !(t->stop_acked && ptrace_traced(t))) || task->cld_pending || ptrace_trap_due(t);
}

void child_siginfo(struct task *task, int code, int status, struct siginfo *info)
{
	constexpr u64 TICK_NS = 10'000'000;	/* clock_t: 100 a second */
	u64 user_ns, system_ns;

	task_times_locked(task, &user_ns, &system_ns);
	*info = (struct siginfo){ .signo = SIGCHLD, .code = code };
	info->child.pid = task->pid;
	info->child.uid = task->cred->uid;
	info->child.status = status;
	info->child.utime = (s64)(user_ns / TICK_NS);
	info->child.stime = (s64)(system_ns / TICK_NS);
}

void parent_notify(struct task *task, int code, int status)
{
	struct task *parent = task->parent;
	struct sigaction act = sighand_get(parent->sighand, SIGCHLD);

	if (act.handler != SIG_IGN && !(act.flags & SA_NOCLDSTOP)) {
		struct siginfo info;

		child_siginfo(task, code, status, &info);
		signal_task(parent, SIGCHLD, &info);
	}
	wake_up_all(&parent->wait_children, 0);
}

void signal_stop_complete(struct task *task)
{
	if (!task->stopping || task->stopped || !task->nstopped || task->nstopped < task->nthreads)
		return;
	store_relaxed(&task->stopped, true);
	task->stop_reported = false;
	task->continued = false;
	parent_notify(task, CLD_STOPPED, task->stop_signal);
}

/* Counts the current thread among the stopped. False: there is nothing to stop for, or its tracer stops it. */
static bool stop_join(void)
{
	struct thread *t = thread_current();
	struct task *task = t->task;
	u64 flags = spin_lock_irq(&tasks_lock);

	spin_lock(&task->siglock);
	if (task->cld_pending) {
		task->cld_pending = 0;
		parent_notify(task, CLD_CONTINUED, SIGCONT);
	}
	bool join = task->stopping && !(t->pending.set & sig_bit(SIGKILL));

	if (join && !t->stop_acked) {
		store_relaxed(&t->stop_acked, true);
		task->nstopped++;
		if (ptrace_traced(t))
			t->ptrace->trap |= PTRACE_TRAP_STOP;
		signal_stop_complete(task);
	}
	join = join && !ptrace_traced(t);
	spin_unlock(&task->siglock);
	spin_unlock_irq(&tasks_lock, flags);
	return join;
}

void signal_stop_point(void)
{
	struct thread *t = thread_current();

	while (stop_join())
		wait_event_always(&t->task->stop_wait,
				  !load_acquire(&t->stop_acked) || ptrace_traced(t));
	if (ptrace_trap_due(t))
		ptrace_trap();
}

void signal_stop(int sig, u32 conts)
{
	struct thread *self = thread_current();
	struct task *task = self->task;

	/* Under one lock with the question, so that who orphans the group comes before it, or finds a task that stops. */
	u64 flags = spin_lock_irq(&tasks_lock);

	if (sig != SIGSTOP && pgrp_is_orphaned_locked(task->group, nullptr)) {
		spin_unlock_irq(&tasks_lock, flags);
		return;
	}
	spin_lock(&task->siglock);
	bool begin = !task->stopping && task->conts == conts && !task->group_exit;

	if (begin) {
		signal_stop_mark(task, true);
		task->stop_signal = sig;
		list_for_each(t, &task->threads, struct thread, in_task)
			if (t != self && !t->exiting) {
				signal_kick(t);
				ptrace_group_changed_locked(t);
			}
	} else if (task->stopping && self->stop_acked && ptrace_traced(self)) {
		self->ptrace->trap |= PTRACE_TRAP_STOP;	/* its tracer let it run on, and it stops again */
	}
	spin_unlock(&task->siglock);
	spin_unlock_irq(&tasks_lock, flags);
	signal_stop_point();
}
