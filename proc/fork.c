// SPDX-License-Identifier: MIT
/*
 * clone(2): new tasks and new threads. All that can fail comes first; then, under the locks, one step makes the new thread
 * part of the tree; only then it may run.
 *
 * The cost does not depend on the size of anything but the table of descriptors: vm_fork() shares the page tables,
 * sighand_fork() the table of signal actions, everything else is counted.
 *
 * Leaves out: namespaces, cgroups, pidfds, chosen pids (all -EINVAL).
 */
#include "arch/arch.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/ptrace.h"
#include "proc/rseq.h"
#include "proc/sched.h"
#include "proc/sem.h"
#include "proc/tree.h"

enum : u64 { CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_SIGHAND = 0x800, CLONE_PIDFD = 0x1000,
	CLONE_PTRACE = 0x2000, CLONE_VFORK = 0x4000, CLONE_PARENT = 0x8000, CLONE_THREAD = 0x10000, CLONE_SYSVSEM = 0x40000,
	CLONE_SETTLS = 0x80000,
	CLONE_PARENT_SETTID = 0x100000, CLONE_CHILD_CLEARTID = 0x200000, CLONE_CHILD_SETTID = 0x1000000,
	CLONE_CLEAR_SIGHAND = 0x100000000 };
/* NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET NEWTIME, PIDFD, INTO_CGROUP. */
constexpr u64 CLONE_UNSUPPORTED = 0x20000 | 0x7e000000 | 0x80 | CLONE_PIDFD | 0x200000000;

static int check(const struct clone_args *a)
{
	u64 f = a->flags;

	if (f & CLONE_UNSUPPORTED || a->set_tid_size)
		return -EINVAL;
	if ((f & CLONE_THREAD) && !(f & CLONE_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && (!(f & CLONE_VM) || (f & CLONE_CLEAR_SIGHAND)))
		return -EINVAL;
	if ((f & CLONE_PARENT) && !(f & CLONE_THREAD) && task_current()->pid == 1)
		return -EINVAL;
	return a->exit_signal > NSIG ? -EINVAL : 0;
}

/* RLIMIT_NPROC; the system's limit is pid_insert()'s. */
static int check_limits(void)
{
	const struct cred *c = cred_current();
	u64 limit = task_current()->limits[RLIM_NPROC].cur;

	if (load_relaxed(&c->user->processes) < limit || c->uid == 0 ||
	    cred_capable(c, CAP_SYS_RESOURCE) || cred_capable(c, CAP_SYS_ADMIN))
		return 0;
	return -EAGAIN;
}

/* ---- what a new task gets */

/* sp: what both sides run on if there are two. */
static int give_vm(struct task *t, struct task *from, u64 flags, va_t sp)
{
	if (!(flags & CLONE_VM)) {
		bool alone = from->nthreads == 1 && load_relaxed(&from->vm->users) == 1;

		return vm_fork(from->vm, alone && sp < USER_END ? sp : 0, &t->vm);
	}
	vm_get(from->vm);
	t->vm = from->vm;
	return 0;
}

static int give_sighand(struct task *t, struct task *from, u64 flags)
{
	if (flags & CLONE_SIGHAND) {
		__atomic_fetch_add(&from->sighand->refs, 1, __ATOMIC_RELAXED);
		t->sighand = from->sighand;
		return 0;
	}
	t->sighand = flags & CLONE_CLEAR_SIGHAND ? sighand_new() : sighand_fork(from->sighand);
	return t->sighand ? 0 : -ENOMEM;
}

static int give_files(struct task *t, struct task *from, u64 flags)
{
	t->files = flags & CLONE_FILES ? files_get(from->files) : files_clone(from->files);
	if (!t->files)
		return -ENOMEM;
	t->fs = flags & CLONE_FS ? fs_context_get(from->fs) : fs_context_clone(from->fs);
	return t->fs ? 0 : -ENOMEM;
}

static void inherit(struct task *t, struct task *from, const struct clone_args *a)
{
	spin_lock(&from->lock);
	memcpy(t->limits, from->limits, sizeof(t->limits));
	spin_unlock(&from->lock);
	t->cred = cred_of(from);
	t->exit_signal = (int)a->exit_signal;
	t->dumpable = from->dumpable;
	t->no_new_privs = from->no_new_privs;
	t->oom_score_adj = from->oom_score_adj;
	t->personality = from->personality;
	t->start_ns = arch_clock_ns();
}

static void drop_task(struct task *t)
{
	if (t->vm)
		vm_put(t->vm);
	if (t->files)
		files_put(t->files);
	if (t->fs)
		fs_context_put(t->fs);
	sem_undo_end(t);
	t->vm = nullptr;
	task_put(t);
}

/* 0 and *out, with one reference (the tree's). */
static int copy_task(const struct clone_args *a, const struct trapframe *f, struct task **out)
{
	struct task *from = task_current(), *t = task_new();

	if (!t)
		return -ENOMEM;
	inherit(t, from, a);
	int err = give_sighand(t, from, a->flags);

	if (!err)
		err = give_files(t, from, a->flags);
	if (!err)
		err = give_vm(t, from, a->flags, a->stack ? 0 : frame_sp(f));
	if (!err && (a->flags & CLONE_SYSVSEM))
		err = sem_undo_share(from, t);
	if (err)
		drop_task(t);
	else
		*out = t;
	return err;
}

/* ---- what a new thread gets */

static void copy_signal_state(struct thread *t, const struct thread *from, u64 flags)
{
	t->blocked = from->restore_blocked ? from->saved_blocked : from->blocked;
	/* Two threads in one address space must not share a stack; a vfork child only borrows it. */
	if ((flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) {
		t->altstack_sp = from->altstack_sp;
		t->altstack_size = from->altstack_size;
		t->altstack_flags = from->altstack_flags;
	}
}

/* A thread of `task` (whose reference it takes) that will go to user mode like the current one. */
static struct thread *copy_thread(const struct clone_args *a, struct task *task, const struct trapframe *f,
				  bool traced)
{
	struct thread *self = thread_current(), *t = thread_new();

	if (!t)
		return nullptr;
	memcpy(t->name, self->name, sizeof(t->name));
	task_get(task);
	t->task = task;
	t->start_ns = arch_clock_ns();
	copy_signal_state(t, self, a->flags);
	t->clear_child_tid = a->flags & CLONE_CHILD_CLEARTID ? a->child_tid : 0;
	if (load_relaxed(&self->head.work) & THREAD_LOG) {
		t->head.work |= THREAD_LOG;
		t->head.calls = 0;
	}
	if (!(a->flags & CLONE_VM))
		rseq_inherit(t);
	struct trapframe *frame = arch_thread_user(&t->head, &t->arch, &self->arch, f);

	if (a->stack)
		frame_set_sp(frame, a->stack + a->stack_size);
	if (a->flags & CLONE_SETTLS)
		arch_thread_set_tls(&t->head, &t->arch, a->tls);
	if (traced && ptrace_prepare(t)) {
		thread_put(t);
		return nullptr;
	}
	return t;
}

/* ---- commit */

static void join_task(struct thread *t, struct task *task)
{
	task->nthreads++;
	list_push_back(&task->threads, &t->in_task);
	user_count(task->cred, 1);
}

static struct task *parent_for(const struct clone_args *a, struct task *self)
{
	return a->flags & CLONE_PARENT ? self->parent : self;
}

/* Makes t visible. -ERESTARTNOINTR: a signal came first, which may be for a whole group that the new one would miss. It is
 * looked for under siglock: whoever ends all threads of the task marks them with it held, so either us, or t too. */
static int commit(const struct clone_args *a, struct task *task, struct thread *t)
{
	struct task *self = task_current();
	u64 flags = spin_lock_irq(&tasks_lock);

	spin_lock(&self->siglock);
	int err = signal_pending() ? -ERESTARTNOINTR : pid_insert(t);

	if (!err && task == self) {
		join_task(t, task);
	} else if (!err) {
		if (a->flags & CLONE_PARENT)
			task->exit_signal = self->exit_signal;
		task->leader = t;
		thread_get(t);
		task_link(task, parent_for(a, self));
	}
	if (!err)
		ptrace_inherit_locked(t);
	spin_unlock(&self->siglock);
	spin_unlock_irq(&tasks_lock, flags);
	return err;
}

/* The numbers that the C library wants in memory before the child runs. Linux does not report a failure either. */
static void write_tids(const struct clone_args *a, struct thread *t)
{
	s32 tid = t->tid;

	if (a->flags & CLONE_PARENT_SETTID)
		(void)!put_user(a->parent_tid, tid);
	if (!(a->flags & CLONE_CHILD_SETTID))
		return;
	if (a->flags & CLONE_VM)
		(void)!put_user(a->child_tid, tid);
	else
		(void)!vm_write(t->task->vm, a->child_tid, &tid, sizeof(tid));
}

/* Has the current thread been killed? All else that may have interrupted it waits: who unblocks signals looks again. */
static bool only_killed(struct thread *self)
{
	u64 flags = spin_lock_irq(&self->task->siglock);
	bool killed = self->pending.set & sig_bit(SIGKILL);

	if (!killed)
		__atomic_fetch_and(&self->head.work, ~(u64)THREAD_SIGNAL, __ATOMIC_RELAXED);
	spin_unlock_irq(&self->task->siglock, flags);
	return killed;
}

/* Sleeps until the child has left our address space, or we are killed; neither SIGSTOP nor a tracer lets us into it before. */
static void wait_for_vfork(struct thread *child, struct wait_queue *done)
{
	struct thread *self = thread_current();
	u64 blocked = self->blocked;

	signal_set_blocked(~0ul);
	while (load_acquire(&child->vfork_done) && !only_killed(self))
		(void)!wait_event(done, !load_acquire(&child->vfork_done));
	/* The child may still be about to touch the queue, which is on our stack: it does so under the lock. */
	u64 flags = spin_lock_irq(&tasks_lock);

	child->vfork_done = nullptr;
	spin_unlock_irq(&tasks_lock, flags);
	signal_set_blocked(blocked);
	thread_put(child);
}

/* Lets it go. event: what the tracer wants to hear, or 0. */
static long start(const struct clone_args *a, struct thread *t, u32 event)
{
	struct wait_queue done = WAIT_QUEUE_INIT(done);
	int tid = t->tid;

	if (a->flags & (CLONE_PARENT_SETTID | CLONE_CHILD_SETTID))
		write_tids(a, t);
	if (a->flags & CLONE_VFORK) {
		thread_get(t);
		t->vfork_done = &done;
	}
	thread_wake(t);
	if (event)
		ptrace_event((enum ptrace_event)event, (u64)tid);
	if (a->flags & CLONE_VFORK) {
		wait_for_vfork(t, &done);
		ptrace_event(PTRACE_EVENT_VFORK_DONE, (u64)tid);
	}
	return tid;
}

long task_clone(const struct clone_args *a, struct trapframe *f)
{
	struct task *task = task_current();
	bool new_task = !(a->flags & CLONE_THREAD);
	int err = check(a) ?: check_limits();

	if (!err && new_task)
		err = copy_task(a, f, &task);
	if (err)
		return err;
	u32 event = ptrace_clone_event(a->flags, a->exit_signal);
	bool traced = event || ((a->flags & CLONE_PTRACE) && ptrace_traced(thread_current()));
	struct thread *t = copy_thread(a, task, f, traced);

	err = t ? commit(a, task, t) : -ENOMEM;
	if (!err)
		return start(a, t, event);
	if (t)
		thread_put(t);
	if (new_task)
		drop_task(task);
	return err;
}
