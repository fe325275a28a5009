// SPDX-License-Identifier: MIT
/*
 * Wait queues: see proc/wait.h for the pattern.
 *
 * A waiter lies on its thread's stack. The waker first wakes the thread, then takes the waiter out
 * and does not touch it again; the thread, on its way out, sees an unlinked waiter and may go, or a
 * linked one, and then takes the lock, which the waker holds until it is done. So the usual wake-up
 * costs the sleeper no lock.
 *
 * Lock order: queue (irq-safe) < run queue.
 */
#include "proc/wait.h"
#include "proc/sched.h"
#include "proc/task.h"

void wait_queue_init(struct wait_queue *q)
{
	q->lock = (struct spinlock){};
	list_init(&q->waiters);
}

static inline bool linked(const struct waiter *w)
{
	const struct list *n = &w->node;
	const struct list *next = load_relaxed(&n->next), *prev = load_relaxed(&n->prev);

	return next && (next != n || prev != n);
}

/* Exclusive ones behind all others, so that wake_up_one() reaches those. */
static void enter(struct wait_queue *q, struct waiter *w)
{
	if (w->exclusive)
		list_push_back(&q->waiters, &w->node);
	else
		list_push_front(&q->waiters, &w->node);
}

void wait_add(struct wait_queue *q, struct waiter *w)
{
	u64 flags = spin_lock_irq(&q->lock);

	if (!linked(w))
		enter(q, w);
	spin_unlock_irq(&q->lock, flags);
}

void wait_remove(struct wait_queue *q, struct waiter *w)
{
	u64 flags = spin_lock_irq(&q->lock);

	if (linked(w))
		list_remove(&w->node);
	spin_unlock_irq(&q->lock, flags);
}

void wait_prepare(struct wait_queue *q, struct waiter *w, bool interruptible)
{
	struct thread *self = thread_current();
	enum thread_state state = interruptible ? THREAD_SLEEPING_INTR : THREAD_SLEEPING;

	u64 flags = spin_lock_irq(&q->lock);

	w->thread = self;
	if (!linked(w))
		enter(q, w);
	store_relaxed(&self->state, state);
	spin_unlock_irq(&q->lock, flags);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the state before the condition */
}

void wait_finish(struct wait_queue *q, struct waiter *w)
{
	store_relaxed(&thread_current()->state, THREAD_RUNNING);
	if (unlikely(linked(w)))
		wait_remove(q, w);
}

static inline bool wake_waiter(struct waiter *w, u64 key, bool sync)
{
	if (w->notify)
		return w->notify(w, key);
	bool woken = thread_wake_ordered(w->thread, sync);

	if (woken)
		list_remove(&w->node);	/* and w may be gone */
	return woken;
}

[[gnu::always_inline]] static inline unsigned wake_up(struct wait_queue *q, u64 key, bool one,
						      bool sync)
{
	unsigned woken = 0;

	if (!wait_queue_active(q))
		return 0;
	u64 flags = spin_lock_irq(&q->lock);

	list_for_each_safe(w, &q->waiters, struct waiter, node) {
		bool exclusive = w->exclusive;

		if (!wake_waiter(w, key, sync))
			continue;
		woken++;
		if (one && exclusive)
			break;
	}
	spin_unlock_irq(&q->lock, flags);
	return woken;
}

unsigned wake_up_all(struct wait_queue *q, u64 key)
{
	return wake_up(q, key, false, false);
}

unsigned wake_up_one(struct wait_queue *q, u64 key)
{
	return wake_up(q, key, true, false);
}

unsigned wake_up_all_sync(struct wait_queue *q, u64 key)
{
	return wake_up(q, key, false, true);
}

unsigned wake_up_one_sync(struct wait_queue *q, u64 key)
{
	return wake_up(q, key, true, true);
}

/* ---- sleeping */

static void sleep_timeout(struct timer *timer)
{
	struct thread *t = container_of(timer, struct thread, sleep_timer);

	store_relaxed(&t->timed_out, true);
	thread_wake(t);
}

/* The timer may go off before we sleep: then thread_wake() makes us running, and schedule() returns
 * at once. */
static bool sleep_until_timeout(struct thread *self, u64 deadline_ns)
{
	self->timed_out = false;
	self->sleep_timer.fn = sleep_timeout;
	timer_arm(&self->sleep_timer, deadline_ns);
	schedule();
	timer_cancel(&self->sleep_timer);
	return self->timed_out;
}

int wait_sleep(u64 deadline_ns, bool intr)
{
	if (intr && signal_pending())
		return -ERESTARTSYS;
	if (deadline_ns == ~0ul)
		schedule();
	else if (deadline_ns <= arch_clock_ns() ||
		 sleep_until_timeout(thread_current(), deadline_ns))
		return -ETIMEDOUT;
	return intr && signal_pending() ? -ERESTARTSYS : 0;
}

int sleep_until(u64 deadline_ns, bool intr)
{
	struct thread *self = thread_current();
	int err;

	do {
		store_relaxed(&self->state, intr ? THREAD_SLEEPING_INTR : THREAD_SLEEPING);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		err = wait_sleep(deadline_ns, intr);
	} while (!err);
	store_relaxed(&self->state, THREAD_RUNNING);
	return err == -ETIMEDOUT ? 0 : err;
}
