// SPDX-License-Identifier: MIT
/*
 * Sleeping locks. The fast paths are one compare-and-swap on `state`. Who finds the lock taken
 * lines up, and whoever lets go hands the lock to the first in line: no newcomer overtakes, so
 * nobody starves.
 *
 * A waiter lies on its thread's stack. It is granted with the queue's lock held, and the thread
 * takes that lock once before it returns: so the one who granted is done with the waiter, and with
 * the lock, by then.
 *
 * Lock order: any sleeping lock < its queue's lock (no interrupts) < run queue.
 */
#include "lib/lock.h"
#include "lib/errno.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "proc/wait.h"

enum mutex_state : u32 { FREE, HELD, CONTENDED };
constexpr u32 RW_WRITER = 1u << 31, RW_WAITERS = 1u << 30;

struct lock_waiter {
	struct list node;
	struct thread *thread;
	bool write;
	bool granted;		/* (queue's lock; read without) */
};

static inline bool swap_if(u32 *state, u32 from, u32 to, int order)
{
	return __atomic_compare_exchange_n(state, &from, to, false, order, __ATOMIC_RELAXED);
}

static struct lock_waiter *first_waiter(struct wait_queue *q)
{
	return list_empty(&q->waiters) ? nullptr :
					 list_first(&q->waiters, struct lock_waiter, node);
}

/* The queue's lock is held. */
static void grant(struct lock_waiter *w)
{
	list_remove(&w->node);
	store_relaxed(&w->granted, true);
	thread_wake(w->thread);
}

/* Lines up; the queue's lock is held, and let go of. Returns when granted, or, if killable, -EINTR,
 * out of line and with the queue's lock held again. */
static int wait_in_line(struct wait_queue *q, struct lock_waiter *w, bool killable)
{
	int err = 0;

	w->thread = thread_current();
	list_push_back(&q->waiters, &w->node);
	spin_unlock(&q->lock);
	for (;;) {
		store_relaxed(&w->thread->state, killable ? THREAD_SLEEPING_INTR : THREAD_SLEEPING);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the state before `granted` */
		if (load_relaxed(&w->granted))
			break;
		if (killable && signal_pending_fatal()) {
			err = -EINTR;
			break;
		}
		schedule();
	}
	store_relaxed(&w->thread->state, THREAD_RUNNING);
	spin_lock(&q->lock);
	if (err && !w->granted) {
		list_remove(&w->node);
		return err;
	}
	spin_unlock(&q->lock);
	return 0;
}

/* ---- mutex */

void mutex_init(struct mutex *m)
{
	m->state = FREE;
	wait_queue_init(&m->waiters);
}

/* Contended by now, or ours. The queue's lock is held, so `state` leaves CONTENDED only through
 * us. */
static bool mutex_contend(struct mutex *m)
{
	for (;;) {
		if (swap_if(&m->state, FREE, HELD, __ATOMIC_ACQUIRE))
			return true;
		if (load_relaxed(&m->state) == CONTENDED ||
		    swap_if(&m->state, HELD, CONTENDED, __ATOMIC_RELAXED))
			return false;
	}
}

[[gnu::noinline]] static int mutex_lock_slow(struct mutex *m, bool killable)
{
	struct lock_waiter w = {};

	lock_waited(&lock_waits.mutex);
	spin_lock(&m->waiters.lock);
	if (mutex_contend(m)) {
		spin_unlock(&m->waiters.lock);
		return 0;
	}
	int err = wait_in_line(&m->waiters, &w, killable);

	if (err) {
		if (list_empty(&m->waiters.waiters))
			swap_if(&m->state, CONTENDED, HELD, __ATOMIC_RELAXED);
		spin_unlock(&m->waiters.lock);
	}
	return err;
}

void mutex_lock(struct mutex *m)
{
	debug_assert(!preempt_disabled());
	if (unlikely(!swap_if(&m->state, FREE, HELD, __ATOMIC_ACQUIRE)))
		(void)mutex_lock_slow(m, false);
}

int mutex_lock_killable(struct mutex *m)
{
	debug_assert(!preempt_disabled());
	if (likely(swap_if(&m->state, FREE, HELD, __ATOMIC_ACQUIRE)))
		return 0;
	return mutex_lock_slow(m, true);
}

bool mutex_try(struct mutex *m)
{
	return swap_if(&m->state, FREE, HELD, __ATOMIC_ACQUIRE);
}

/* Contended: the lock stays held and changes hands. The last in line may just have given up. */
[[gnu::noinline]] static void mutex_hand_over(struct mutex *m)
{
	spin_lock(&m->waiters.lock);
	struct lock_waiter *w = first_waiter(&m->waiters);

	if (w)
		grant(w);
	if (list_empty(&m->waiters.waiters))
		store_release(&m->state, w ? HELD : FREE);
	spin_unlock(&m->waiters.lock);
}

void mutex_unlock(struct mutex *m)
{
	debug_assert(mutex_is_locked(m));
	if (unlikely(!swap_if(&m->state, HELD, FREE, __ATOMIC_RELEASE)))
		mutex_hand_over(m);
}

bool mutex_is_locked(const struct mutex *m)
{
	return load_relaxed(&m->state) != FREE;
}

/* ---- rwlock: state = readers | RW_WRITER | RW_WAITERS. Once somebody waits, newcomers of both
 * kinds line up. */

void rwlock_init(struct rwlock *l)
{
	l->state = 0;
	wait_queue_init(&l->waiters);
}

static bool rw_try(struct rwlock *l, bool write)
{
	u32 s = load_relaxed(&l->state);

	while (write ? s == 0 : !(s & (RW_WRITER | RW_WAITERS))) {
		if (__atomic_compare_exchange_n(&l->state, &s, write ? RW_WRITER : s + 1, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/* The queue's lock is held. Ours, or marked as waited for while somebody holds it or is about to
 * hand it over. */
static bool rw_contend(struct rwlock *l, bool write)
{
	for (;;) {
		if (rw_try(l, write))
			return true;
		u32 s = load_relaxed(&l->state);

		if ((s & RW_WAITERS) ||
		    (s != 0 && swap_if(&l->state, s, s | RW_WAITERS, __ATOMIC_RELAXED)))
			return false;
	}
}

[[gnu::noinline]] static void rw_lock_slow(struct rwlock *l, bool write)
{
	struct lock_waiter w = { .write = write };

	lock_waited(write ? &lock_waits.write : &lock_waits.read);
	spin_lock(&l->waiters.lock);
	if (rw_contend(l, write))
		spin_unlock(&l->waiters.lock);
	else
		(void)wait_in_line(&l->waiters, &w, false);
}

/* Nobody holds it and somebody waits: one writer, or all readers up to the next writer. */
[[gnu::noinline]] static void rw_hand_over(struct rwlock *l)
{
	spin_lock(&l->waiters.lock);
	struct lock_waiter *w = first_waiter(&l->waiters);
	u32 state = 0;

	if (w && w->write) {
		grant(w);
		state = RW_WRITER;
	}
	for (; state != RW_WRITER && w && !w->write; w = first_waiter(&l->waiters)) {
		grant(w);
		state++;
	}
	state |= list_empty(&l->waiters.waiters) ? 0 : RW_WAITERS;
	store_release(&l->state, state);
	spin_unlock(&l->waiters.lock);
}

void rwlock_read(struct rwlock *l)
{
	debug_assert(!preempt_disabled());
	if (unlikely(!rw_try(l, false)))
		rw_lock_slow(l, false);
}

void rwlock_write(struct rwlock *l)
{
	debug_assert(!preempt_disabled());
	if (unlikely(!swap_if(&l->state, 0, RW_WRITER, __ATOMIC_ACQUIRE)))
		rw_lock_slow(l, true);
}

bool rwlock_write_try(struct rwlock *l)
{
	return swap_if(&l->state, 0, RW_WRITER, __ATOMIC_ACQUIRE);
}

void rwlock_read_done(struct rwlock *l)
{
	/* Acquire, too: the last one hands over what all readers have let go of. */
	u32 left = __atomic_sub_fetch(&l->state, 1, __ATOMIC_ACQ_REL);

	debug_assert((left & ~(RW_WRITER | RW_WAITERS)) < RW_WAITERS - 1 && !(left & RW_WRITER));
	if (unlikely(left == RW_WAITERS))
		rw_hand_over(l);
}

void rwlock_write_done(struct rwlock *l)
{
	debug_assert(rwlock_is_write_locked(l));
	if (unlikely(!swap_if(&l->state, RW_WRITER, 0, __ATOMIC_RELEASE)))
		rw_hand_over(l);
}

bool rwlock_is_write_locked(const struct rwlock *l)
{
	return load_relaxed(&l->state) & RW_WRITER;
}

bool rwlock_is_locked(const struct rwlock *l)
{
	return load_relaxed(&l->state) & ~RW_WAITERS;
}
