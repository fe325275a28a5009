// SPDX-License-Identifier: MIT
/*
 * Kernel threads, and one of them that runs queued work in order. Work that takes long keeps the
 * rest waiting: who has such work starts a thread of its own.
 */
#include "proc/work.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/runqueue.h"
#include "proc/wait.h"

struct kthread {
	void (*fn)(void *);
	void *arg;
};

struct list kthreads = LIST_INIT(kthreads);

static void kthread_link(struct thread *t, bool alive)
{
	u64 flags = spin_lock_irq(&tasks_lock);

	if (alive)
		list_push_back(&kthreads, &t->in_task);
	else
		list_remove(&t->in_task);
	spin_unlock_irq(&tasks_lock, flags);
}

/* Behind schedule() nobody runs this stack again: thread_gone() frees it. */
[[noreturn]] static void kthread_end(void)
{
	kthread_link(thread_current(), false);
	irq_disable();
	thread_current()->state = THREAD_DEAD;
	schedule();
	panic("a dead thread runs");
}

static void kthread_main(void *start)
{
	struct kthread k = *(struct kthread *)start;

	kfree(start);
	irq_enable();
	k.fn(k.arg);
	kthread_end();
}

struct thread *kthread_start(const char *name, void (*fn)(void *), void *arg)
{
	struct kthread *k = kmalloc(sizeof(*k));
	struct thread *t = k ? thread_new() : nullptr;

	if (!t) {
		kfree(k);
		return nullptr;
	}
	str_copy(t->name, name, sizeof(t->name));
	*k = (struct kthread){ fn, arg };
	arch_thread_kernel(&t->head, &t->arch, kthread_main, k);
	t->in_system = true;
	kthread_link(t, true);
	thread_wake(t);
	return t;
}

/* ---- work */

static struct wait_queue idle_worker = WAIT_QUEUE_INIT(idle_worker);
static struct spinlock work_lock;	/* irq-safe */
static struct list pending = LIST_INIT(pending);	/* (work_lock) */

static struct work *work_take(void)
{
	u64 flags = spin_lock_irq(&work_lock);
	struct list *n = list_pop_front(&pending);
	struct work *w = n ? container_of(n, struct work, node) : nullptr;

	if (w)
		w->queued = false;
	spin_unlock_irq(&work_lock, flags);
	return w;
}

static void worker(void *arg)
{
	for (;;) {
		wait_event_always(&idle_worker, !list_empty(&pending));
		for (struct work *w; (w = work_take());)
			w->fn(w);
	}
}

void work_queue(struct work *w)
{
	u64 flags = spin_lock_irq(&work_lock);

	if (!w->queued) {
		w->queued = true;
		list_push_back(&pending, &w->node);
	}
	spin_unlock_irq(&work_lock, flags);
	wake_up_all(&idle_worker, 0);
}

void work_init(void)
{
	if (!kthread_start("work", worker, nullptr))
		panic("no memory for the work thread");
}
