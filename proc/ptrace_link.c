// SPDX-License-Identifier: MIT
/*
 * Who traces whom (ptrace(2)): attaching and detaching, who may, what clone, exec and the end of either side do about it.
 *
 * A zombie is told to its tracer first; its parent hears of it when the tracer has, or has gone. A thread that is no leader
 * stays in its tracer's list after its end until it has been waited for, but its number is free again.
 *
 * Locks: tasks_lock, then the traced one's siglock, then (to tell it) the tracer's.
 */
#include "arch/arch.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/ptrace.h"
#include "proc/tree.h"

/* ---- who may */

static bool ids_match(const struct cred *mine, const struct cred *its)
{
	return mine->uid == its->uid && mine->uid == its->euid && mine->uid == its->suid && mine->gid == its->gid &&
	       mine->gid == its->egid && mine->gid == its->sgid;
}

/* Without security modules. Under t's siglock. */
static bool may_access_locked(const struct task *t)
{
	const struct cred *mine = cred_current(), *its = t->cred;

	if (t == task_current() || cred_capable(mine, CAP_SYS_PTRACE))
		return true;
	return ids_match(mine, its) && t->dumpable && !(its->cap_permitted & ~mine->cap_permitted);
}

bool ptrace_may_access(struct task *t)
{
	u64 flags = spin_lock_irq(&t->siglock);
	bool may = may_access_locked(t);

	spin_unlock_irq(&t->siglock, flags);
	return may;
}

bool ptrace_may_peek(struct task *t)
{
	return load_relaxed(&t->dumpable) || cred_capable(cred_current(), CAP_SYS_PTRACE);
}

/* ---- links */

static struct ptrace *ptrace_new(struct thread *t)
{
	struct ptrace *p = kmalloc(sizeof(*p));

	if (!p)
		return nullptr;
	*p = (struct ptrace){ .thread = t };
	list_init(&p->in_tracer);
	wait_queue_init(&p->wait);
	return p;
}

int ptrace_prepare(struct thread *t)
{
	t->ptrace = ptrace_new(t);
	return t->ptrace ? 0 : -ENOMEM;
}

static void link_locked(struct thread *t, struct task *tracer, u32 options, bool seized, bool privileged)
{
	struct ptrace *p = t->ptrace;

	p->options = options;
	p->seized = seized;
	p->privileged = privileged;
	p->trap = 0;
	p->code = p->signal = 0;
	p->listening = p->has_info = false;
	p->resume = RESUME_CONT;
	t->task->ntraced++;
	store_release(&p->tracer, tracer);
	list_push_back(&tracer->tracees, &p->in_tracer);
	thread_get(t);
}

/* Whatever it was doing for its tracer, it does no more. A stop of its group goes on: it looks for it on its way. The caller has
 * a reference, or there is the thread's own. */
static void unlink_locked(struct thread *t)
{
	struct ptrace *p = t->ptrace;

	list_remove(&p->in_tracer);
	list_init(&p->in_tracer);
	store_relaxed(&p->tracer, nullptr);
	t->task->ntraced--;
	p->trap = p->options = 0;
	p->listening = false;
	p->resume = RESUME_CONT;
	if (!p->dead && !t->exiting)
		signal_kick(t);
	store_release(&p->stopped, false);
	wake_up_all(&p->wait, 0);
}

static void unlink_and_put(struct thread *t)
{
	struct task *task = t->task;

	spin_lock(&task->siglock);
	unlink_locked(t);
	spin_unlock(&task->siglock);
	thread_put(t);
}

void ptrace_forget_locked(struct thread *t)
{
	if (!ptrace_traced(t))
		return;
	unlink_locked(t);
	thread_put(t);
}

/* ---- beginning */

static void stop_new_locked(struct thread *t, bool seize)
{
	struct siginfo info = { .signo = SIGSTOP, .code = SI_KERNEL };

	if (!seize)
		(void)signal_send_locked(t->task, t, SIGSTOP, &info, true);
	if (!t->stop_acked)
		return;
	t->ptrace->trap |= PTRACE_TRAP_STOP;	/* from the stop of its group into ours */
	wake_up_all(&t->task->stop_wait, 0);
}

/* *spare is used if it has none yet; then it becomes nullptr. Under tasks_lock and siglock. */
static void adopt_locked(struct thread *t, struct ptrace **spare)
{
	if (t->ptrace)
		return;
	store_release(&t->ptrace, *spare);
	*spare = nullptr;
}

/* -EAGAIN: its credentials are about to change. *spare as in adopt_locked(). */
static int attach_locked(struct thread *t, struct ptrace **spare, bool seize, u32 options)
{
	struct task *self = task_current();

	if (t->task->exec_creds)
		return -EAGAIN;
	if (!may_access_locked(t->task) || t->exiting || t->task->exiting || ptrace_traced(t))
		return -EPERM;
	adopt_locked(t, spare);
	link_locked(t, self, options, seize, cred_capable(cred_current(), CAP_SYS_PTRACE));
	stop_new_locked(t, seize);
	return 0;
}

static int attach(struct thread *t, struct ptrace **spare, bool seize, u32 options)
{
	struct task *task = t->task;

	for (;;) {
		u64 flags = spin_lock_irq(&tasks_lock);

		spin_lock(&task->siglock);
		int err = attach_locked(t, spare, seize, options);

		spin_unlock(&task->siglock);
		spin_unlock_irq(&tasks_lock, flags);
		if (err != -EAGAIN)
			return err;
		err = wait_event(&task->stop_wait, !load_relaxed(&task->exec_creds));
		if (err)
			return err;
	}
}

int ptrace_attach(int tid, bool seize, u32 options)
{
	struct thread *t = thread_find(tid);

	if (!t)
		return -ESRCH;
	bool possible = t->task && t->task != task_current();
	struct ptrace *spare = possible ? ptrace_new(t) : nullptr;
	int err = !possible ? -EPERM : !spare ? -ENOMEM : attach(t, &spare, seize, options);

	kfree(spare);
	thread_put(t);
	return err;
}

/* The parent must not get rights over us that it could not take. Under tasks_lock. */
static bool parent_may(struct task *parent)
{
	spin_lock(&parent->siglock);
	bool may = !(cred_current()->cap_permitted & ~parent->cred->cap_permitted) ||
		cred_capable(parent->cred, CAP_SYS_PTRACE);

	spin_unlock(&parent->siglock);
	return may;
}

int ptrace_traceme(void)
{
	struct thread *t = thread_current();
	struct task *task = t->task;

	struct ptrace *spare = ptrace_new(t);

	if (!spare)
		return -ENOMEM;
	u64 flags = spin_lock_irq(&tasks_lock);
	bool may = task->parent && !ptrace_traced(t) && parent_may(task->parent);

	if (may) {
		spin_lock(&task->siglock);
		adopt_locked(t, &spare);
		link_locked(t, task->parent, 0, false, cred_capable(cred_current(), CAP_SYS_PTRACE));
		spin_unlock(&task->siglock);
	}
	spin_unlock_irq(&tasks_lock, flags);
	kfree(spare);
	return may ? 0 : -EPERM;
}

void ptrace_detach(struct thread *t, int sig)
{
	u64 flags = spin_lock_irq(&tasks_lock);

	spin_lock(&t->task->siglock);
	bool traced = ptrace_traced(t);

	if (traced) {
		t->ptrace->signal = sig;
		unlink_locked(t);
	}
	spin_unlock(&t->task->siglock);
	spin_unlock_irq(&tasks_lock, flags);
	if (traced)
		thread_put(t);
}

/* ---- clone */

enum : u64 { CLONE_PTRACE = 0x2000, CLONE_VFORK = 0x4000, CLONE_UNTRACED = 0x800000 };

u32 ptrace_clone_event(u64 flags, u64 exit_signal)
{
	struct thread *t = thread_current();
	u32 event = flags & CLONE_VFORK ? PTRACE_EVENT_VFORK : exit_signal == SIGCHLD ? PTRACE_EVENT_FORK :
											PTRACE_EVENT_CLONE;

	if (!ptrace_traced(t) || (flags & CLONE_UNTRACED))
		return 0;
	return load_relaxed(&t->ptrace->options) >> event & 1 ? event : 0;
}

void ptrace_inherit_locked(struct thread *t)
{
	const struct ptrace *mine = thread_current()->ptrace;

	if (!t->ptrace || !mine->tracer)
		return;
	link_locked(t, mine->tracer, mine->options, mine->seized, mine->privileged);
	if (mine->seized)
		t->ptrace->trap = PTRACE_TRAP_STOP;
	else
		t->pending.set |= sig_bit(SIGSTOP);
	t->head.work |= THREAD_SIGNAL;
}

/* ---- exec */

void ptrace_exec_begin(void)
{
	struct task *task = task_current();
	u64 flags = spin_lock_irq(&task->siglock);

	store_relaxed(&task->exec_creds, task->exec_creds + 1);
	spin_unlock_irq(&task->siglock, flags);
}

void ptrace_exec_end(void)
{
	struct task *task = task_current();
	u64 flags = spin_lock_irq(&task->siglock);

	store_relaxed(&task->exec_creds, task->exec_creds - 1);
	spin_unlock_irq(&task->siglock, flags);
	wake_up_all(&task->stop_wait, 0);
}

bool ptrace_allows_setid(void)
{
	struct task *task = task_current();
	bool allowed = true;

	if (likely(!load_relaxed(&task->ntraced)))
		return true;
	u64 flags = spin_lock_irq(&tasks_lock);

	list_for_each(t, &task->threads, struct thread, in_task)
		if (ptrace_traced(t) && !t->ptrace->privileged)
			allowed = false;
	spin_unlock_irq(&tasks_lock, flags);
	return allowed;
}

/* ---- the end */

void ptrace_tell_tracer(struct thread *t, int cld, int status)
{
	struct task *tracer = t->ptrace->tracer;
	struct sigaction act = sighand_get(tracer->sighand, SIGCHLD);
	bool stop = cld == CLD_TRAPPED || cld == CLD_STOPPED;

	if (act.handler != SIG_IGN && !(stop && (act.flags & SA_NOCLDSTOP))) {
		struct siginfo info;

		child_siginfo(t->task, cld, status, &info);
		info.child.pid = t->tid;
		signal_task(tracer, SIGCHLD, &info);
	}
	wake_up_all(&tracer->wait_children, 0);
}

void ptrace_died_locked(struct thread *t, int status)
{
	if (!ptrace_traced(t))
		return;
	t->ptrace->dead = true;
	t->ptrace->exit_status = status;
	ptrace_tell_tracer(t, status & 0x7f ? CLD_KILLED : CLD_EXITED, status & 0x7f ?: status >> 8 & 0xff);
}

struct task *ptrace_zombie_tracer(const struct task *zombie)
{
	struct task *tracer = ptrace_traced(zombie->leader) ? zombie->leader->ptrace->tracer : nullptr;

	return tracer != zombie->parent ? tracer : nullptr;
}

void ptrace_tracer_end(struct task *tracer, struct list *done)
{
	while (!list_empty(&tracer->tracees)) {
		struct thread *t = list_first(&tracer->tracees, struct ptrace, in_tracer)->thread;
		struct task *task = t->task;
		bool kill = t->ptrace->options & PTRACE_O_EXITKILL;
		bool held_back = task->zombie && t == task->leader && ptrace_zombie_tracer(task);

		if (kill && !t->ptrace->dead)
			signal_task(task, SIGKILL, nullptr);
		task_get(task);
		unlink_and_put(t);
		if (held_back && task_tell_parent(task))
			list_push_back(done, &task->sibling);
		task_put(task);
	}
}
