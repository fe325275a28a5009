// SPDX-License-Identifier: MIT
/*
 * Waiting for children (wait4(2), waitid(2)), and for the threads that the task traces: those are told apart by number, and
 * their stops are told whether WUNTRACED asks for them or not. Children belong to the task, not to the thread that made them, so __WNOTHREAD
 * changes nothing.
 *
 * Whoever finds a zombie under tasks_lock takes it out of the tree in the same breath, so that only one waiter gets it.
 *
 * Locks: tasks_lock, then the child's siglock.
 */
#include "proc/ptrace.h"
#include "proc/tree.h"

enum { P_ALL, P_PID, P_PGID };
enum : u32 { WNOHANG = 1, WSTOPPED = 2, WEXITED = 4, WCONTINUED = 8, WNOWAIT = 0x01000000,
	WALL = 0x40000000, WCLONE = 0x80000000 };

struct wait {
	int idtype, id;
	u32 options;
	struct wait_result *out;
	struct task *reaped;		/* out of the tree: to be released without locks */
	struct thread *buried;		/* a thread that was traced, the same */
};

/* "Clone" children are those that do not send SIGCHLD when they end. */
static bool is_meant(const struct wait *w, const struct task *c)
{
	bool clone = c->exit_signal != SIGCHLD;

	if (!(w->options & WALL) && clone != !!(w->options & WCLONE))
		return false;
	return w->idtype == P_ALL || (w->idtype == P_PID && c->pid == w->id) ||
	       (w->idtype == P_PGID && c->pgid == w->id);
}

static void tell(const struct wait *w, struct task *c, int code, int status)
{
	struct wait_result *r = w->out;

	*r = (struct wait_result){ .pid = c->pid, .code = code, .status = status, .uid = c->cred->uid };
	task_times_locked(c, &r->user_ns, &r->system_ns);
	r->user_ns += c->child_user_ns;
	r->system_ns += c->child_system_ns;
	r->min_faults = c->min_faults + c->child_min_faults;
	r->maj_faults = c->maj_faults + c->child_maj_faults;
	r->max_rss_pages = max(c->max_rss_pages, c->child_max_rss_pages);
}

static void reap(struct wait *w, struct task *c)
{
	struct task *self = task_current();
	const struct wait_result *r = w->out;

	self->child_user_ns += r->user_ns;
	self->child_system_ns += r->system_ns;
	self->child_min_faults += r->min_faults;
	self->child_maj_faults += r->maj_faults;
	self->child_max_rss_pages = max(self->child_max_rss_pages, r->max_rss_pages);
	spin_lock(&c->siglock);
	ptrace_forget_locked(c->leader);
	spin_unlock(&c->siglock);
	task_unlink(c);
	w->reaped = c;
}

/* What wait4's status says about an end. */
static int end_code(int status)
{
	return !(status & 0x7f) ? CLD_EXITED : status & 0x80 ? CLD_DUMPED : CLD_KILLED;
}

static bool take_zombie(struct wait *w, struct task *c)
{
	if (!c->zombie || !(w->options & WEXITED))
		return false;
	tell(w, c, end_code(c->exit_status), c->exit_status);
	if (!(w->options & WNOWAIT))
		reap(w, c);
	return true;
}

/* A stop or a continuation that has not been reported yet. */
static bool take_change(struct wait *w, struct task *c)
{
	bool keep = w->options & WNOWAIT, found = true;

	if (!(w->options & (WSTOPPED | WCONTINUED)))
		return false;
	spin_lock(&c->siglock);
	if ((w->options & WSTOPPED) && c->stopped && !c->stop_reported) {
		c->stop_reported = !keep;
		tell(w, c, CLD_STOPPED, c->stop_signal << 8 | 0x7f);
	} else if ((w->options & WCONTINUED) && c->continued) {
		c->continued = keep;
		tell(w, c, CLD_CONTINUED, 0xffff);
	} else {
		found = false;
	}
	spin_unlock(&c->siglock);
	return found;
}

/* 1: found, told. 0: there are such children, but nothing to tell. -ECHILD. */
static int look_at(struct wait *w, struct task *c)
{
	if (!is_meant(w, c))
		return -ECHILD;
	if (unlikely(ptrace_traced(c->leader)))
		return c->leader->ptrace->tracer != task_current() && take_change(w, c);
	return take_zombie(w, c) || take_change(w, c);
}

/* ---- threads that the task traces */

static bool is_meant_traced(const struct wait *w, const struct thread *t)
{
	return w->idtype == P_ALL || (w->idtype == P_PID && t->tid == w->id) ||
	       (w->idtype == P_PGID && t->task->pgid == w->id);
}

/* Somebody else's child: its parent is told now. */
static bool take_traced_zombie(struct wait *w, struct task *c)
{
	if (c->parent == task_current())
		return take_zombie(w, c);
	if (!(w->options & WEXITED))
		return false;
	tell(w, c, end_code(c->exit_status), c->exit_status);
	if (w->options & WNOWAIT)
		return true;
	spin_lock(&c->siglock);
	ptrace_forget_locked(c->leader);
	spin_unlock(&c->siglock);
	if (task_tell_parent(c))
		w->reaped = c;
	return true;
}

static bool take_traced_thread(struct wait *w, struct thread *t)
{
	int status = t->ptrace->exit_status;

	if (!(w->options & WEXITED))
		return false;
	tell(w, t->task, end_code(status), status);
	w->out->pid = t->tid;
	if (w->options & WNOWAIT)
		return true;
	spin_lock(&t->task->siglock);
	list_remove(&t->ptrace->in_tracer);
	store_relaxed(&t->ptrace->tracer, nullptr);
	t->task->ntraced--;
	spin_unlock(&t->task->siglock);
	w->buried = t;
	return true;
}

static bool take_stop(struct wait *w, struct thread *t)
{
	struct ptrace *p = t->ptrace;

	spin_lock(&t->task->siglock);
	bool found = p->stopped && !p->listening && p->code;

	if (found) {
		tell(w, t->task, CLD_TRAPPED, p->code << 8 | 0x7f);
		w->out->pid = t->tid;
		p->code = w->options & WNOWAIT ? p->code : 0;
	}
	spin_unlock(&t->task->siglock);
	return found;
}

static int look_at_traced(struct wait *w, struct thread *t)
{
	if (!is_meant_traced(w, t))
		return -ECHILD;
	if (t->ptrace->dead)
		return take_traced_thread(w, t);
	if (t->task->zombie)
		return take_traced_zombie(w, t->task);
	return take_stop(w, t) || ((w->options & WCONTINUED) && t == t->task->leader && take_change(w, t->task));
}

static int look_at_all_traced(struct wait *w)
{
	int result = -ECHILD;

	list_for_each(p, &task_current()->tracees, struct ptrace, in_tracer) {
		int r = look_at_traced(w, p->thread);

		if (r == 1)
			return r;
		result = max(result, r);
	}
	return result;
}

/* Zombies come first in the list (task_tell_parent() in exit.c): who asks for nothing else need not look behind a living child that is
 * meant. */
static int look_at_all(struct wait *w)
{
	bool only_zombies = !(w->options & (WSTOPPED | WCONTINUED));
	int result = -ECHILD;

	list_for_each(c, &task_current()->children, struct task, sibling) {
		int r = look_at(w, c);

		if (r == 1 || (r == 0 && only_zombies && !c->zombie))
			return r;
		result = max(result, r);
	}
	return result;
}

/* waiter: where nothing is found yet, waits for what will wake us, for which tasks_lock is taken too: nothing is missed. */
static int look(struct wait *w, struct waiter *waiter)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	int result = list_empty(&task_current()->tracees) ? -ECHILD : look_at_all_traced(w);

	if (result == 1) {
		/* told */
	} else if (w->idtype == P_PID) {
		struct task *c = pid_lookup_task(w->id);

		result = max(result, c && c->parent == task_current() ? look_at(w, c) : -ECHILD);
	} else {
		result = max(result, look_at_all(w));
	}
	if (!result && waiter)
		wait_prepare(&task_current()->wait_children, waiter, true);
	spin_unlock_irq(&tasks_lock, flags);
	if (w->reaped)
		task_release(w->reaped);
	if (w->buried)
		thread_put(w->buried);
	return result;
}

long task_wait(int idtype, int id, int options, struct wait_result *out)
{
	struct wait w = { .idtype = idtype, .id = id, .options = (u32)options, .out = out };
	struct waiter waiter = {}, *may_wait = options & WNOHANG ? nullptr : &waiter;
	int found = look(&w, may_wait), err = 0;

	/* wait_event() by hand, because to look is not to ask: it takes, and it costs. */
	while (!found && may_wait && !err) {
		err = wait_sleep(~0ul, true);
		found = look(&w, may_wait);
	}
	if (may_wait)
		wait_finish(&task_current()->wait_children, may_wait);
	if (!found && err)
		return err;
	return found == 1 ? out->pid : found;
}
