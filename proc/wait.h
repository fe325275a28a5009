// SPDX-License-Identifier: MIT
/*
 * Sleeping and waking. A wait queue is a list of threads that wait for one kind of event.
 *
 * The pattern, free of lost wake-ups: the sleeper enters the queue and marks itself sleeping before
 * it looks at the condition; the waker makes the condition true before it looks at the queue.
 *
 * 	int err = wait_event(&pipe->readers, pipe_has_data(pipe));	// -ERESTARTSYS on a signal
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/lock.h"

struct thread;
struct poll_table;

struct waiter {			/* zeroed before its first use */
	struct list node;
	struct thread *thread;
	/* Called by wake_up with the queue's lock held (interrupts off) instead of waking `thread`,
	 * if set: poll, epoll. Returns true if that counts as one waiter woken. The waiter stays in
	 * the queue. */
	bool (*notify)(struct waiter *w, u64 key);
	bool exclusive;		/* wake_up_one stops behind it */
};

void wait_queue_init(struct wait_queue *q);

/* Enters the queue (exclusive: at the end) and marks the current thread sleeping: interruptible =
 * signals end the sleep. Being woken takes it out of the queue: wait_prepare again before sleeping
 * again. */
void wait_prepare(struct wait_queue *q, struct waiter *w, bool interruptible);
/* Leaves the queue and is running again. */
void wait_finish(struct wait_queue *q, struct waiter *w);
/* For waiters with `notify`: enters or leaves the queue, and nothing else. */
void wait_add(struct wait_queue *q, struct waiter *w);
void wait_remove(struct wait_queue *q, struct waiter *w);

/* Wakes all / at most one exclusive waiter (and all others). From anywhere, interrupts included.
 * Cheap when empty. `key`: POLL* events, 0 = any. Returns the number woken. */
unsigned wake_up_all(struct wait_queue *q, u64 key);
unsigned wake_up_one(struct wait_queue *q, u64 key);
/* The same when the caller is about to sleep or to end: the woken stay on this CPU and do not
 * preempt it. */
unsigned wake_up_all_sync(struct wait_queue *q, u64 key);
unsigned wake_up_one_sync(struct wait_queue *q, u64 key);
static inline bool wait_queue_active(struct wait_queue *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* condition store before queue load */
	return load_relaxed(&q->waiters.next) != &q->waiters;
}

/* Sleeps until cond. Interruptible: 0, or -ERESTARTSYS when a signal is pending first. */
#define wait_event(q, cond) wait_event_until_(q, cond, ~0ul, true)
/* Not interruptible (short waits only). */
#define wait_event_always(q, cond) ((void)wait_event_until_(q, cond, ~0ul, false))
/* Also ends with -ETIMEDOUT at the absolute arch_clock_ns() time. */
#define wait_event_deadline(q, cond, deadline_ns) wait_event_until_(q, cond, deadline_ns, true)

#define wait_event_until_(q, cond, deadline_ns, intr)                                   \
	({										\
		int wait_err_ = 0;							\
		if (!(cond)) {								\
			struct wait_queue *wait_q_ = (q);				\
			struct waiter wait_w_ = {};					\
			do {								\
				wait_prepare(wait_q_, &wait_w_, intr);			\
				if (cond)						\
					break;						\
				wait_err_ = wait_sleep(deadline_ns, intr);		\
				if (cond)						\
					wait_err_ = 0;					\
				else if (!wait_err_)					\
					continue;					\
				break;							\
			} while (true);							\
			wait_finish(wait_q_, &wait_w_);					\
		}									\
		wait_err_;								\
	})

/* After wait_prepare: gives the CPU away until woken. 0, -ERESTARTSYS (intr and a signal pends),
 * -ETIMEDOUT. */
int wait_sleep(u64 deadline_ns, bool intr);
/* Sleeps until the time; 0 or -ERESTARTSYS. */
int sleep_until(u64 deadline_ns, bool intr);
