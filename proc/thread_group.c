// SPDX-License-Identifier: MIT
/*
 * A task's threads as a group: making the caller of exec the only one.
 *
 * The others get SIGKILL in their own queues, without the task being ended; each ends on its way to user mode. A caller that
 * was not the leader takes over the leader's number, so that the task keeps its own.
 *
 * Locks: tasks_lock, siglock.
 */
#include "proc/ptrace.h"
#include "proc/tree.h"

/* Asks all other threads to end. False: the task itself is being ended, or another thread was first. */
static bool kill_others(struct task *task, struct thread *self)
{
	u64 flags = spin_lock_irq(&task->siglock);
	bool mine = !task->group_exit && !task->exec_thread;

	if (mine) {
		task->exec_thread = self;
		list_for_each(t, &task->threads, struct thread, in_task) {
			if (t == self || t->exiting)
				continue;
			t->pending.set |= sig_bit(SIGKILL);
			if (t->stop_acked) {
				task->nstopped--;
				store_relaxed(&t->stop_acked, false);
			}
			ptrace_killed_locked(t);
			signal_kick(t);
		}
		wake_up_all(&task->stop_wait, 0);
	}
	spin_unlock_irq(&task->siglock, flags);
	return mine;
}

/* The leader has ended; its struct is all that is left. */
static void take_over(struct task *task, struct thread *self)
{
	struct thread *old = task->leader;
	u64 flags = spin_lock_irq(&tasks_lock);

	spin_lock(&task->siglock);
	list_remove(&old->in_task);
	ptrace_forget_locked(old);
	task->leader = self;
	spin_unlock(&task->siglock);
	pid_remove(old);
	pid_rename(self, task->pid);
	spin_unlock_irq(&tasks_lock, flags);
	thread_get(self);
	thread_put(old);
}

int task_make_alone(void)
{
	struct thread *self = thread_current();
	struct task *task = self->task;

	if (task->nthreads > 1) {
		if (!kill_others(task, self))
			return -EAGAIN;
		wait_event_always(&task->stop_wait,
				  load_acquire(&task->nthreads) == 1 || load_relaxed(&task->group_exit));
		u64 flags = spin_lock_irq(&task->siglock);

		task->exec_thread = nullptr;
		spin_unlock_irq(&task->siglock, flags);
		if (task->group_exit)
			return -EAGAIN;
	}
	if (task->leader != self)
		take_over(task, self);
	cred_forget_old(task);
	return 0;
}
