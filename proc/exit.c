// SPDX-License-Identifier: MIT
/*
 * The end of threads and tasks. A thread undoes what concerns its user memory, leaves its task, and dies; the last one takes
 * the task's resources down first, hands its children over, and tells the parent. What stays is a zombie: a struct task
 * and its leader's struct thread, until wait4 (wait_child.c) has read them.
 *
 * A thread that is not the last must not be scheduled any more once it has left: the last one frees the address space. So
 * it goes from leaving to its last schedule() with interrupts off.
 *
 * Locks: tasks_lock, siglock; nothing is held where something is freed that may sleep.
 */
#include "arch/arch.h"
#include "lib/printf.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/futex.h"
#include "proc/futex_word.h"
#include "proc/posix_timer.h"
#include "proc/ptrace.h"
#include "proc/sched.h"
#include "proc/sem.h"
#include "proc/trace.h"
#include "proc/tree.h"

/* ---- what user memory must hear */

constexpr unsigned ROBUST_MAX = 2048;
constexpr u64 ROBUST_PI = 1;		/* in a list entry's lowest bit */

/* A lock of the dead thread (set_robust_list(2)): the next who takes it is told. pi: futex_pi_exit() sees to those who wait. */
static void robust_release(va_t word, u32 tid, bool pi)
{
	u32 value, found;

	if (!is_aligned(word, 4) || !user_range_ok(word, 4) || arch_user_load32(word, &value))
		return;
	while ((value & FUTEX_TID) == tid) {
		if (arch_user_cmpxchg32(word, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &found))
			return;
		if (found == value)
			break;
		value = found;
	}
	if (!pi && (value & FUTEX_TID) == tid && (value & FUTEX_WAITERS))
		futex_wake(word, true, 1, ~0u);
}

static void robust_walk(va_t head, u32 tid)
{
	struct { va_t next; s64 offset; va_t pending; } h;
	va_t entry;

	if (get_user(h, head))
		return;
	entry = h.next;
	for (unsigned i = 0; i < ROBUST_MAX && (entry & ~ROBUST_PI) != head; i++) {
		va_t at = entry & ~ROBUST_PI, next;
		bool bad = get_user(next, at);

		if (at != (h.pending & ~ROBUST_PI))
			robust_release(at + (u64)h.offset, tid, entry & ROBUST_PI);
		if (bad)
			return;
		entry = next;
	}
	if (h.pending)
		robust_release((h.pending & ~ROBUST_PI) + (u64)h.offset, tid, h.pending & ROBUST_PI);
}

void thread_leave_vm(struct thread *t)
{
	if (t->robust_list)
		robust_walk(t->robust_list, (u32)t->tid);
	t->robust_list = 0;
	futex_pi_exit(t);
	/* Alone in the address space nobody can wait for it, and the write would only copy a page. */
	if (t->clear_child_tid && load_relaxed(&t->task->vm->users) + t->task->nthreads > 2) {
		u32 zero = 0;

		if (!put_user(t->clear_child_tid, zero))
			futex_wake(t->clear_child_tid, true, 1, ~0u);
	}
	t->clear_child_tid = 0;
}

void vfork_release(struct thread *t)
{
	if (!load_relaxed(&t->vfork_done))
		return;
	u64 flags = spin_lock_irq(&tasks_lock);
	struct wait_queue *q = t->vfork_done;

	store_release(&t->vfork_done, nullptr);
	if (q)
		wake_up_all(q, 0);
	spin_unlock_irq(&tasks_lock, flags);
}

/* ---- children */

static struct task *reaper_of(struct task *task)
{
	for (struct task *t = task->parent; t; t = t->parent)
		if (t->subreaper && !t->exiting)
			return t;
	return task_first;
}

/* True: the parent does not want to know, so the task goes at once. Who traces it comes before the parent, and is always told. */
bool task_tell_parent(struct task *task)
{
	struct task *parent = task->parent;

	if (unlikely(ptrace_zombie_tracer(task))) {
		int status = task->exit_status;

		ptrace_tell_tracer(task->leader, status & 0x7f ? CLD_KILLED : CLD_EXITED,
				   status & 0x7f ?: status >> 8 & 0xff);
		return false;
	}
	struct sigaction act = sighand_get(parent->sighand, SIGCHLD);
	bool forget = task->exit_signal == SIGCHLD && !ptrace_traced(task->leader) &&
		(act.handler == SIG_IGN || (act.flags & SA_NOCLDWAIT));

	if (task->exit_signal && !(task->exit_signal == SIGCHLD && act.handler == SIG_IGN)) {
		int status = task->exit_status;
		int sig = status & 0x7f;
		struct siginfo info;

		child_siginfo(task, !sig ? CLD_EXITED : status & 0x80 ? CLD_DUMPED : CLD_KILLED,
			      sig ?: status >> 8 & 0xff, &info);
		info.signo = task->exit_signal;
		signal_task(parent, task->exit_signal, &info);
	}
	if (forget)
		task_unlink(task);
	else if (parent->children.next != &task->sibling) {
		/* To the front, where wait4 looks first. */
		list_remove(&task->sibling);
		list_push_front(&parent->children, &task->sibling);
	}
	if (wait_queue_active(&parent->wait_children))
		wake_up_all(&parent->wait_children, 0);
	return forget;
}

/* The children get another parent; those that nobody wants to know of go to `done`. */
static void give_children_away(struct task *task, struct list *done)
{
	struct task *reaper = reaper_of(task);

	list_for_each_safe(c, &task->children, struct task, sibling) {
		list_remove(&c->sibling);
		list_push_back(&reaper->children, &c->sibling);
		c->parent = reaper;
		store_relaxed(&c->ppid, reaper->pid);
		c->exit_signal = SIGCHLD;
		if (c->pdeath_signal && !c->zombie)
			signal_task(c, c->pdeath_signal, nullptr);
		if (c->zombie && task_tell_parent(c))
			list_push_back(done, &c->sibling);
		else
			pgrp_check_orphaned(c, task, nullptr);
	}
}

static void tell_family(struct task *task)
{
	struct list done;

	list_init(&done);
	u64 flags = spin_lock_irq(&tasks_lock);

	if (!list_empty(&task->tracees))
		ptrace_tracer_end(task, &done);
	if (!list_empty(&task->children))
		give_children_away(task, &done);
	pgrp_check_orphaned(task, task->parent, task);
	store_relaxed(&task->zombie, true);
	if (wait_queue_active(&task->end_wait))
		wake_up_all(&task->end_wait, 0);
	if (task_tell_parent(task))
		list_push_back(&done, &task->sibling);
	spin_unlock_irq(&tasks_lock, flags);
	while (!list_empty(&done)) {
		struct task *t = list_first(&done, struct task, sibling);

		list_remove(&t->sibling);
		task_release(t);
	}
}

/* ---- the task */

static void leave_vm(struct task *task, struct vm *vm)
{
	/* Faults of a space that others go on using are counted when they leave. */
	if (load_relaxed(&vm->users) == 1) {
		task->min_faults += load_relaxed(&vm->min_faults);
		task->maj_faults += load_relaxed(&vm->maj_faults);
	}
	task->max_rss_pages = max(task->max_rss_pages, vm_rss_peak(vm, false));
	preempt_disable();
	vm_switch(nullptr);
	preempt_enable();
	vm_put(vm);
	oom_gone(task);
}

static void put_resources(struct task *task)
{
	spin_lock(&task->lock);
	struct vm *vm = task->vm;
	struct files *files = task->files;
	struct fs_context *fs = task->fs;

	task->vm = nullptr;
	task->files = nullptr;
	task->fs = nullptr;
	spin_unlock(&task->lock);
	if (vm)
		leave_vm(task, vm);
	if (files)
		files_put(files);
	if (fs)
		fs_context_put(fs);
}

static void end_first_task(struct task *task)
{
	log_at(LOG_EMERG, "the first process has ended (status 0x%x): nothing is left to run", task->exit_status);
	arch_poweroff();
}

static void task_end(struct task *task)
{
	if (unlikely(task->pid == 1))
		end_first_task(task);
	itimer_cancel(task);
	posix_timers_free(task);
	sem_undo_end(task);
	put_resources(task);
	if (task->session->sid == task->pid)
		tty_session_end(task->session);
	tell_family(task);
}

/* ---- the thread */

/* From here on no signal is announced to t; what was goes to the others. */
static void stop_taking_signals(struct thread *t)
{
	struct task *task = t->task;
	u64 flags = spin_lock_irq(&task->siglock);

	t->exiting = true;
	signal_queue_flush(&t->pending, ~0ul);
	/* The rest of the way may sleep: nothing shall look like an interruption. */
	__atomic_fetch_and(&t->head.work, ~(u64)THREAD_SIGNAL, __ATOMIC_RELAXED);
	if (task->nthreads > 1 && task->pending.set)
		list_for_each(other, &task->threads, struct thread, in_task)
			if (!other->exiting && (task->pending.set & ~other->blocked))
				signal_kick(other);
	spin_unlock_irq(&task->siglock, flags);
}

static void account(struct task *task, struct thread *t)
{
	u64 user_ns, system_ns;

	thread_times(t, &user_ns, &system_ns);
	task->user_ns += user_ns;
	task->system_ns += system_ns;
	t->summed = true;
	task->switches_voluntary += t->switches_voluntary;
	task->switches_forced += t->switches_forced;
	t->switches_voluntary = t->switches_forced = 0;
}

/* Takes the current thread out of its task. True: it was the last. */
static bool leave_task(struct thread *t, int status)
{
	struct task *task = t->task;

	spin_lock(&tasks_lock);
	spin_lock(&task->siglock);
	if (t == task->leader && !task->group_exit)
		task->exit_status = status;
	account(task, t);
	if (t->stop_acked)
		task->nstopped--;
	bool last = --task->nthreads == 0;

	if (t != task->leader) {
		list_remove(&t->in_task);
		pid_remove(t);
		ptrace_died_locked(t, task->group_exit ? task->exit_status : status);
	}
	user_count(task->cred, -1);
	if (last) {
		task->exiting = true;
		signal_queue_flush(&task->pending, ~0ul);
	} else {
		signal_stop_complete(task);
	}
	if (task->exec_thread)
		wake_up_all(&task->stop_wait, 0);
	spin_unlock(&task->siglock);
	spin_unlock(&tasks_lock);
	return last;
}

/* Interrupts are off: preempted in this state it would be freed. */
[[noreturn]] static void thread_die(struct thread *t)
{
	store_relaxed(&t->state, THREAD_DEAD);
	schedule();
	panic("a dead thread runs");
}

void thread_exit(int status)
{
	struct thread *t = thread_current();

	ptrace_event(PTRACE_EVENT_EXIT, (u64)status);
	if (thread_traced())
		trace_end(t->task->group_exit ? t->task->exit_status : status);
	stop_taking_signals(t);
	thread_leave_vm(t);
	vfork_release(t);
	irq_disable();
	if (t->task->nthreads > 1)
		vm_switch(nullptr);
	if (!leave_task(t, status))
		thread_die(t);
	irq_enable();
	task_end(t->task);
	irq_disable();
	thread_die(t);
}

void task_exit(int status)
{
	struct task *task = task_current();
	u64 flags = spin_lock_irq(&task->siglock);

	if (!task->group_exit && task->nthreads == 1) {
		task->group_exit = true;
		task->exit_status = status;
	} else if (!task->group_exit) {
		group_exit_locked(task, status);
	}
	spin_unlock_irq(&task->siglock, flags);
	thread_exit(status);
}
