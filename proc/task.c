// SPDX-License-Identifier: MIT
/*
 * Tasks and threads as objects: where they come from, who holds them, when they go.
 *
 * Making one is split in two: task_new() and thread_new() get all memory that is needed; task_link() makes it visible and
 * cannot fail. What a task shares or copies from its parent is fork.c's business.
 *
 * Locks: tasks_lock, see proc/task.h.
 */
#include "lib/string.h"
#include "mm/kmap.h"
#include "mm/kmem.h"
#include "mm/vm.h"
#include "proc/ptrace.h"
#include "proc/sched.h"
#include "proc/tree.h"
#include "proc/work.h"

struct spinlock tasks_lock;
struct list tasks = LIST_INIT(tasks);
struct task *task_first;

static struct slab_cache *task_cache, *thread_cache;

void task_init(void)
{
	task_cache = slab_create("task", sizeof(struct task), CACHE_LINE);
	thread_cache = slab_create("thread", sizeof(struct thread), CACHE_LINE);
	pid_init();
	cred_init();
	signal_init();
	oom_init();
}

struct thread *thread_new(void)
{
	constexpr size_t behind = offsetof(struct thread, tid);
	struct thread *t = slab_alloc(thread_cache);

	if (!t)
		return nullptr;
	/* All but t->arch, half of it, which arch_thread_user() or arch_thread_kernel() fills. */
	static_assert(offsetof(struct thread, head) == 0 && behind >= offsetof(struct thread, arch) + sizeof(t->arch));
	t->head = (struct thread_head){ .calls = SYSCALL_LIMIT };
	memset((u8 *)t + behind, 0, sizeof(*t) - behind);
	t->head.stack_top = kstack_alloc();
	if (!t->head.stack_top) {
		slab_free(thread_cache, t);
		return nullptr;
	}
	t->refs = 1;
	list_init(&t->in_task);
	signal_queue_init(&t->pending);
	sched_thread_init(t);
	return t;
}

void thread_get(struct thread *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

void thread_put(struct thread *t)
{
	if (__atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (t->head.stack_top)
		kstack_free(t->head.stack_top);
	if (t->task)
		task_put(t->task);
	kfree(t->ptrace);
	slab_free(thread_cache, t);
}

static void trim_stacks(struct work *w) { kstack_trim(); }

void thread_gone(struct thread *t)
{
	static struct work trim = { .fn = trim_stacks };

	void *stack = t->head.stack_top;

	store_release(&t->head.stack_top, nullptr);	/* first: dump_thread() may be looking */
	kstack_free(stack);
	if (unlikely(kstack_is_crowded()))
		work_queue(&trim);
	thread_put(t);
}

struct task *task_new(void)
{
	struct task *t = slab_alloc(task_cache);

	if (!t)
		return nullptr;
	memset(t, 0, offsetof(struct task, limits));
	t->refs = 1;
	list_init(&t->children);
	list_init(&t->tracees);
	list_init(&t->sibling);
	list_init(&t->all);
	list_init(&t->threads);
	list_init(&t->in_group);
	wait_queue_init(&t->wait_children);
	wait_queue_init(&t->stop_wait);
	wait_queue_init(&t->signal_wait);
	wait_queue_init(&t->end_wait);
	signal_queue_init(&t->pending);
	itimer_init(t);
	t->dumpable = true;
	return t;
}

void task_get(struct task *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

void task_put(struct task *t)
{
	if (__atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (t->sighand)
		sighand_put(t->sighand);
	cred_forget_old(t);
	if (t->cred)
		cred_put(t->cred);
	slab_free(task_cache, t);
}

void task_link(struct task *t, struct task *parent)
{
	t->pid = t->leader->tid;
	t->nthreads = 1;
	t->parent = parent;
	if (parent) {
		t->ppid = parent->pid;
		list_push_back(&parent->children, &t->sibling);
		pgrp_inherit(t, parent);
	}
	list_push_back(&t->threads, &t->leader->in_task);
	list_push_back(&tasks, &t->all);
	user_count(t->cred, 1);
}

void task_unlink(struct task *t)
{
	list_remove(&t->sibling);
	list_remove(&t->all);
	list_remove(&t->leader->in_task);
	pid_remove(t->leader);
	pgrp_leave(t);
}

void task_release(struct task *t)
{
	thread_put(t->leader);
	task_put(t);
}

struct vm *task_vm(struct task *t)
{
	scoped_spin(&t->lock);
	if (t->vm)
		vm_get(t->vm);
	return t->vm;
}

void task_times_locked(struct task *task, u64 *user_ns, u64 *system_ns)
{
	*user_ns = task->user_ns;
	*system_ns = task->system_ns;
	list_for_each(t, &task->threads, struct thread, in_task) {
		u64 user, system;

		if (t->summed)
			continue;
		thread_times(t, &user, &system);
		*user_ns += user;
		*system_ns += system;
	}
}

void task_times(struct task *task, u64 *user_ns, u64 *system_ns)
{
	u64 flags = spin_lock_irq(&tasks_lock);

	task_times_locked(task, user_ns, system_ns);
	spin_unlock_irq(&tasks_lock, flags);
}

char thread_state_letter(const struct thread *t)
{
	if (t->task && load_relaxed(&t->task->zombie))
		return 'Z';
	if (ptrace_traced(t) && load_relaxed(&t->ptrace->stopped))
		return 't';
	if (t->task && load_relaxed(&t->stop_acked) && !ptrace_traced(t))
		return 'T';
	switch (load_relaxed(&t->state)) {
	case THREAD_RUNNING: return 'R';
	case THREAD_SLEEPING: return 'D';
	case THREAD_SLEEPING_INTR: return 'S';
	case THREAD_STOPPED: return 'T';
	case THREAD_DEAD: return 'Z';
	}
	return 'X';
}
