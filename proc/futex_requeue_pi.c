// SPDX-License-Identifier: MIT
/*
 * From a plain word to one with an owner (futex(2), FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI): how a condition variable
 * wakes who waits for it, so that they get its mutex by priority, one after the other, and none of them wakes only to wait again.
 *
 * A waiter stands in the bucket of its first word, and brings what it needs to stand in the line of the second. Who
 * requeues holds both locks, tries for each waiter in turn to take the second word, and where it is taken puts it in line. So it is
 * in one of the lines, or has the word; and it has left the bucket before it looks at the second word by itself.
 *
 * Lock order: bucket < futex_pi_lock.
 */
#include "mm/user.h"
#include "proc/futex.h"
#include "proc/futex_word.h"
#include "proc/sched.h"
#include "proc/task.h"

/* `granted` and `died` are only set once it has been moved, so until then it sleeps for the first word. */
int futex_wait_requeue_pi(va_t uaddr, bool shared, u32 value, u64 deadline_ns, va_t second)
{
	struct thread *self = thread_current();
	struct futex_pi_waiter pi = { .thread = self };
	struct futex_waiter w = { .thread = self, .bitset = FUTEX_ANY, .pi = &pi };
	int err = futex_key_make(uaddr, shared, &w.key) ?: futex_key_make(second, shared, &pi.key);

	if (!err && futex_key_equal(&w.key, &pi.key))
		return -EINVAL;
	err = err ?: futex_enter(&w, uaddr, shared, value);
	if (err)
		return err;
	err = futex_pi_sleep(&pi, deadline_ns);
	if (!futex_leave(&w))
		return err;
	if (err == FUTEX_RETRY)
		err = futex_pi_lock_word(&pi, second, shared, deadline_ns, false);
	else if (err)
		err = futex_pi_give_up(&pi, err);
	/* It has been requeued: made again, the call would find another value in the first word. */
	return err == -ERESTARTNOINTR ? -EAGAIN : err;
}

/* ---- requeueing */

struct move {
	struct futex_key key[2];
	struct futex_bucket *bucket;	/* of the first */
	va_t to;
	u32 value;			/* of the second word: names its owner, as far as is known */
	struct thread *owner;
	long moved, most;
};

constexpr int RT_ABOVE = RT_PRIORITY_MAX + 1;

/* The highest priority below `limit` that one who waits has; or of all, for somebody's may have been raised meanwhile. -1: nobody
 * waits. */
static int next_priority(const struct move *m, int limit)
{
	int best = -1;

	list_for_each(w, &m->bucket->waiters, struct futex_waiter, node) {
		int p = w->thread->rt_priority;

		if (p > best && p < limit && futex_key_equal(&w->key, &m->key[0]))
			best = p;
	}
	return best < 0 && limit < RT_ABOVE ? next_priority(m, RT_ABOVE) : best;
}

/* To its second word, or to the line for it. 0, FUTEX_RETRY, -errno. */
static int move_waiter(struct move *m, struct futex_waiter *w)
{
	struct futex_pi_waiter *pi = w->pi;

	if (!pi || !futex_key_equal(&pi->key, &m->key[1]))
		return -EINVAL;		/* it waits for something else */
	int err = futex_pi_attempt(pi, m->to, false, m->value, m->owner);

	if (err && err != FUTEX_QUEUED)
		return err;
	list_remove(&w->node);
	store_relaxed(&w->woken, true);
	m->moved++;
	if (err == FUTEX_QUEUED)
		return 0;
	/* The others wait for this one. It stays: it takes the bucket's lock before it goes. */
	m->owner = w->thread;
	m->value = (u32)w->thread->tid;
	store_relaxed(&pi->granted, true);
	thread_wake(w->thread);
	return 0;
}

/* All of a priority in the order in which they came. */
static int move_equals(struct move *m, int priority)
{
	int err = 0;

	list_for_each_safe(w, &m->bucket->waiters, struct futex_waiter, node) {
		if (err || m->moved >= m->most)
			break;
		if (w->thread->rt_priority == priority && futex_key_equal(&w->key, &m->key[0]))
			err = move_waiter(m, w);
	}
	return err;
}

/* Who has the highest priority goes first. */
static int move_waiters(struct move *m)
{
	int err = 0;

	scoped_spin(&futex_pi_lock);
	for (int p = next_priority(m, RT_ABOVE); p >= 0 && !err && m->moved < m->most; p = next_priority(m, p))
		err = move_equals(m, p);
	return err;
}

/* One try, with the owner that the second word names now. 0: done; FUTEX_RETRY, -errno. */
static int try_move(struct move *m, va_t from, u32 expected)
{
	int err = arch_user_load32(m->to, &m->value);
	u32 tid = m->value & FUTEX_TID, found;

	if (err)
		return err;
	struct thread *owner = tid ? thread_find((int)tid) : nullptr;

	m->owner = owner;
	futex_bucket_lock(m->bucket);
	err = arch_user_load32(from, &found);
	if (!err)
		err = found == expected ? move_waiters(m) : -EAGAIN;
	spin_unlock(&m->bucket->lock);
	if (owner)
		thread_put(owner);
	return err;
}

long futex_requeue_pi(va_t from, va_t to, bool shared, int nwake, int nmove, u32 expected)
{
	struct move m = { .to = to, .most = 1l + nmove };
	u32 found;

	if (nwake != 1 || nmove < 0)
		return -EINVAL;
	for (;;) {
		int err = futex_key_make(from, shared, &m.key[0]) ?: futex_key_make(to, shared, &m.key[1]);

		if (!err && futex_key_equal(&m.key[0], &m.key[1]))
			err = -EINVAL;
		if (err)
			return err;
		m.bucket = futex_bucket_of(&m.key[0]);
		err = try_move(&m, from, expected);
		if (err == -EFAULT)	/* one of the words was not present */
			err = arch_user_load32(from, &found) ?: futex_fault_in_write(to) ?: FUTEX_RETRY;
		if (err == -EAGAIN && m.moved)
			return m.moved;
		if (err != FUTEX_RETRY)
			return err ? err : m.moved;
	}
}
