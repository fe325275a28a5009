// SPDX-License-Identifier: MIT
/*
 * Futexes that know their owner (futex(2), "Priority-inheritance futexes"). The word holds the owner's thread number; who
 * finds it taken waits here, and the owner runs with the highest real-time priority of those who wait for it, directly or
 * through other such words. Whoever unlocks hands the word to the first in line: nobody can slip in between.
 *
 * When an owner ends without unlocking, the first in line is told (`died`) and takes the word over in its own address
 * space, with FUTEX_OWNER_DIED; until then its place in the list says that the word is looked after.
 *
 * Contended words of this kind are rare, so all waiters stand in one list under one lock. Left out: waiters of plain
 * FUTEX_WAIT on the same word are not noticed (Linux: -EINVAL).
 *
 * An owner that waiters point to cannot go away: it passes futex_pi_exit() first, which takes the lock.
 *
 * Lock order: vm->lock (key) | futex_pi_lock < tasks_lock, run queue.
 */
#include "proc/futex.h"
#include "proc/futex_word.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "proc/wait.h"

struct spinlock futex_pi_lock;
static struct list waiters = LIST_INIT(waiters);	/* (l) by priority, equals in order of arrival */

constexpr unsigned CHAIN_MAX = 64;	/* owners that wait for others: longer than any program nests its locks */

/* ---- the list; futex_pi_lock is held */

static struct futex_pi_waiter *first_for(const struct futex_key *key)
{
	list_for_each(w, &waiters, struct futex_pi_waiter, node)
		if (futex_key_equal(&w->key, key))
			return w;
	return nullptr;
}

/* From the end: most have the priority of those before them. */
static void insert(struct futex_pi_waiter *n)
{
	struct list *before = waiters.prev;

	while (before != &waiters &&
	       container_of(before, struct futex_pi_waiter, node)->thread->rt_priority < n->thread->rt_priority)
		before = before->prev;
	list_insert_between(&n->node, before, before->next);
	n->queued = true;
	n->thread->pi_waiter = n;
}

static void take_off(struct futex_pi_waiter *w)
{
	list_remove(&w->node);
	w->queued = false;
	w->thread->pi_waiter = nullptr;
}

bool futex_pi_awaited(const struct futex_key *key)
{
	/* Mostly nobody waits for any such word. Who lines up just now is as good as too late. */
	if (likely(load_relaxed(&waiters.next) == &waiters))
		return false;
	scoped_spin(&futex_pi_lock);
	return first_for(key);
}

/* The list is in order, so the first who waits for an owner has most to lend. What the owner gains goes on to the one that
 * it waits for itself. */
static void lend(struct thread *owner)
{
	for (unsigned n = 0; owner && n < CHAIN_MAX; n++) {
		struct futex_pi_waiter *own;
		u8 most = 0;

		list_for_each(w, &waiters, struct futex_pi_waiter, node) {
			if (w->owner == owner) {
				most = w->thread->rt_priority;
				break;
			}
		}
		if (owner->rt_lent == most)
			return;
		sched_lend(owner, most);
		own = owner->pi_waiter;
		if (!own)
			return;
		take_off(own);
		insert(own);
		owner = own->owner;
	}
}

/* Would waiting for owner close a circle? */
static bool deadlocks(const struct thread *self, const struct thread *owner)
{
	for (unsigned n = 0; owner && n < CHAIN_MAX; n++) {
		const struct futex_pi_waiter *w;

		if (owner == self)
			return true;
		w = owner->pi_waiter;
		owner = w ? w->owner : nullptr;
	}
	return false;
}

/* The word is t's now: those who wait for it wait for t. */
static void adopt(const struct futex_key *key, struct thread *t, struct thread *before)
{
	list_for_each(w, &waiters, struct futex_pi_waiter, node)
		if (futex_key_equal(&w->key, key))
			w->owner = t;
	t->pi_owner = true;
	if (before)
		lend(before);
	lend(t);
}

/* ---- locking */

/* Free, or its owner has ended and we are to take it over. 0, FUTEX_RETRY, -EFAULT. */
static int take(struct futex_pi_waiter *w, va_t uaddr, u32 value)
{
	u32 tid = (u32)w->thread->tid, found;
	u32 died = w->died ? FUTEX_OWNER_DIED : value & FUTEX_OWNER_DIED;
	bool others = first_for(&w->key);
	int err = arch_user_cmpxchg32(uaddr, value, tid | died | (others ? FUTEX_WAITERS : 0), &found);

	if (err || found != value)
		return err ? err : FUTEX_RETRY;
	if (others)
		adopt(&w->key, w->thread, nullptr);
	return 0;
}

/* Lines up behind the owner; the word says that somebody waits. */
static int enqueue(struct futex_pi_waiter *w, va_t uaddr, u32 value, struct thread *owner)
{
	const struct futex_pi_waiter *first = first_for(&w->key);
	u32 found;

	if (!owner && !first)
		return -ESRCH;
	if (owner && !owner->task)
		return -EPERM;
	if (deadlocks(w->thread, owner))
		return -EDEADLK;
	int err = arch_user_cmpxchg32(uaddr, value, value | FUTEX_WAITERS, &found);

	if (err || found != value)
		return err ? err : FUTEX_RETRY;
	if (owner) {
		owner->pi_owner = true;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* before pi_gone: futex_pi_exit() */
		/* Gone: behind what the first in line waits for, which is nobody once its end has been dealt with. */
		if (load_relaxed(&owner->pi_gone)) {
			if (!first)
				return -ESRCH;
			owner = first->owner;
		}
	}
	w->owner = owner;
	w->granted = w->died = false;
	insert(w);
	lend(owner);
	return FUTEX_QUEUED;
}

int futex_pi_attempt(struct futex_pi_waiter *w, va_t uaddr, bool try, u32 expected, struct thread *owner)
{
	u32 value, self = (u32)w->thread->tid;
	int err = arch_user_load32(uaddr, &value);

	if (err)
		return err;
	if (w->queued)
		take_off(w);
	u32 tid = value & FUTEX_TID;

	if (tid == self)
		return -EDEADLK;
	if (!tid || (w->died && tid == w->dead_tid))
		return take(w, uaddr, value);
	if (try)
		return -EAGAIN;
	return tid == (expected & FUTEX_TID) ? enqueue(w, uaddr, value, owner) : FUTEX_RETRY;
}

/* The first in line behind w takes over what w was told to. */
static void pass_on(const struct futex_pi_waiter *w)
{
	struct futex_pi_waiter *next = first_for(&w->key);

	if (!next)
		return;
	next->dead_tid = w->dead_tid;
	store_relaxed(&next->died, true);
	thread_wake(next->thread);
}

int futex_pi_sleep(struct futex_pi_waiter *w, u64 deadline_ns)
{
	struct thread *self = w->thread;
	int err = 0;

	do {
		store_relaxed(&self->state, THREAD_SLEEPING_INTR);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the state before the flags */
		if (load_relaxed(&w->granted) || load_relaxed(&w->died))
			break;
		err = wait_sleep(deadline_ns, true);
	} while (!err);
	store_relaxed(&self->state, THREAD_RUNNING);

	scoped_spin(&futex_pi_lock);
	if (w->granted)
		return 0;
	return w->died && !err ? FUTEX_RETRY : err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
}

/* It may have been handed the word after it had stopped waiting: then it has it. */
int futex_pi_give_up(struct futex_pi_waiter *w, int err)
{
	scoped_spin(&futex_pi_lock);
	bool queued = w->queued;

	if (w->granted)
		return 0;
	if (queued)
		take_off(w);
	if (w->died)
		pass_on(w);
	else if (queued)
		lend(w->owner);
	return err;
}

int futex_pi_lock_word(struct futex_pi_waiter *w, va_t uaddr, bool shared, u64 deadline_ns, bool try)
{
	for (;;) {
		struct futex_key key;
		u32 value;
		int err = futex_key_make(uaddr, shared, &key);

		if (!err)
			err = arch_user_load32(uaddr, &value);
		if (err)
			return futex_pi_give_up(w, err);
		struct thread *owner = value & FUTEX_TID ? thread_find((int)(value & FUTEX_TID)) : nullptr;

		spin_lock(&futex_pi_lock);
		w->key = key;
		err = futex_pi_attempt(w, uaddr, try, value, owner);
		spin_unlock(&futex_pi_lock);
		if (owner)
			thread_put(owner);
		if (err == FUTEX_QUEUED)
			err = futex_pi_sleep(w, deadline_ns);
		if (err == -EFAULT)
			err = futex_fault_in_write(uaddr) ? -EFAULT : FUTEX_RETRY;
		if (err != FUTEX_RETRY)
			return err ? futex_pi_give_up(w, err) : 0;
	}
}

long futex_lock_pi(va_t uaddr, bool shared, u64 deadline_ns, bool try)
{
	struct futex_pi_waiter w = { .thread = thread_current() };

	return futex_pi_lock_word(&w, uaddr, shared, deadline_ns, try);
}

/* ---- unlocking */

/* Hands the word on, or frees it. Under futex_pi_lock. 0, FUTEX_RETRY, -errno. */
static int hand_on(const struct futex_key *key, va_t uaddr)
{
	struct thread *self = thread_current();
	u32 value, found, next = 0;
	int err = arch_user_load32(uaddr, &value);

	if (err)
		return err;
	if ((value & FUTEX_TID) != (u32)self->tid)
		return -EPERM;
	struct futex_pi_waiter *w = first_for(key);

	if (w)
		next = (u32)w->thread->tid | FUTEX_WAITERS;
	err = arch_user_cmpxchg32(uaddr, value, next, &found);
	if (err || found != value)
		return err ? err : FUTEX_RETRY;
	if (!w)
		return 0;
	take_off(w);
	store_relaxed(&w->granted, true);
	adopt(key, w->thread, self);
	/* Who unlocks will want it again before long, and then sleeps: no other CPU needs to be woken for the next, unless
	 * that one is in a hurry. */
	if (w->thread->rt_priority)
		thread_wake(w->thread);
	else
		thread_wake_sync(w->thread);
	return 0;
}

long futex_unlock_pi(va_t uaddr, bool shared)
{
	for (;;) {
		struct futex_key key;
		int err = futex_key_make(uaddr, shared, &key);

		if (err)
			return err;
		spin_lock(&futex_pi_lock);
		err = hand_on(&key, uaddr);
		spin_unlock(&futex_pi_lock);
		if (err == -EFAULT)
			err = futex_fault_in_write(uaddr) ? -EFAULT : FUTEX_RETRY;
		if (err != FUTEX_RETRY)
			return err;
	}
}

void futex_pi_exit(struct thread *t)
{
	store_relaxed(&t->pi_gone, true);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* before pi_owner: enqueue() */
	if (!load_relaxed(&t->pi_owner))
		return;
	scoped_spin(&futex_pi_lock);
	list_for_each(w, &waiters, struct futex_pi_waiter, node) {
		if (w->owner != t)
			continue;
		w->owner = nullptr;
		if (first_for(&w->key) != w)
			continue;
		w->dead_tid = (u32)t->tid;
		store_relaxed(&w->died, true);
		thread_wake(w->thread);
	}
	t->pi_owner = false;
}
