// SPDX-License-Identifier: MIT
/*
 * What the kinds of futexes share: how a word of user memory is known, what its bits mean where it names an owner, and
 * how waiters stand in line, for who moves them from one line to another (proc/futex_requeue_pi.c).
 *
 * Waiters lie on their threads' stacks. Lock order: bucket < futex_pi_lock.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/lock.h"

constexpr u32 FUTEX_TID = 0x3fffffff, FUTEX_OWNER_DIED = 0x40000000, FUTEX_WAITERS = 0x80000000;

struct futex_key {
	u64 space, place;
};

static inline bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->space == b->space && a->place == b->place;
}

/* The key of a word; shared: look whether it is in shared memory. 0, -EINVAL, -EFAULT. Takes vm->lock. */
[[nodiscard]] int futex_key_make(va_t uaddr, bool shared, struct futex_key *key);
/* Makes the word writable by a change that changes nothing. 0 or -EFAULT. */
[[nodiscard]] int futex_fault_in_write(va_t uaddr);

/* ---- plain words (proc/futex.c) */

struct futex_bucket {
	alignas(CACHE_LINE) struct spinlock lock;
	struct list waiters;	/* nullptr links: never used yet */
};

struct futex_waiter {
	struct list node;		/* (bucket's lock) */
	struct futex_bucket *bucket;	/* (a) changes with both locks held */
	struct futex_key key;		/* (bucket's lock) */
	struct thread *thread;
	struct futex_pi_waiter *pi;	/* (i) how it is to stand in the line of its second word; nullptr: it has none */
	u32 bitset;
	bool woken;			/* (bucket's lock to set) it has been taken out of the bucket */
};

struct futex_bucket *futex_bucket_of(const struct futex_key *k);
void futex_bucket_lock(struct futex_bucket *b);
/* The current thread lines up if the word has this value. 0, -EAGAIN: another one; -EINVAL, -EFAULT. */
[[nodiscard]] int futex_enter(struct futex_waiter *w, va_t uaddr, bool shared, u32 value);
/* Out of the bucket, and nobody there knows w any more. Had it been taken out? */
bool futex_leave(struct futex_waiter *w);

/* ---- words with owners (proc/futex_pi.c) */

struct futex_pi_waiter {		/* (l) futex_pi_lock */
	struct list node;		/* (l) */
	struct futex_key key;		/* (l) */
	struct thread *thread;		/* (i) */
	struct thread *owner;		/* (l) nullptr: it has ended */
	bool queued;			/* (l) */
	bool granted;			/* (l to set) the word is ours */
	bool died;			/* (l to set) the owner ended; we take the word over */
	u32 dead_tid;			/* (l) who that was */
};

extern struct spinlock futex_pi_lock;

/* Does anybody wait for this word's owner to unlock it? For wakers, who must not wake those. Takes futex_pi_lock. */
bool futex_pi_awaited(const struct futex_key *key);

constexpr int FUTEX_RETRY = 1, FUTEX_QUEUED = 2;

/* One look at w's word for w's thread, under futex_pi_lock. `owner`: the thread that `expected` names, found before. 0: it is w's;
 * FUTEX_QUEUED, FUTEX_RETRY: it has changed; -errno, also if `try` is not to queue. -EFAULT: it is not present. */
[[nodiscard]] int futex_pi_attempt(struct futex_pi_waiter *w, va_t uaddr, bool try, u32 expected, struct thread *owner);
/* Sleeps until the word is ours: 0. FUTEX_RETRY: its owner ended; -ETIMEDOUT, -ERESTARTNOINTR. */
[[nodiscard]] int futex_pi_sleep(struct futex_pi_waiter *w, u64 deadline_ns);
/* All of futex_lock_pi(), for a waiter that may be in line already. */
[[nodiscard]] int futex_pi_lock_word(struct futex_pi_waiter *w, va_t uaddr, bool shared, u64 deadline_ns, bool try);
/* Out of the line, because of err, which is returned: 0 if the word has become ours meanwhile. */
[[nodiscard]] int futex_pi_give_up(struct futex_pi_waiter *w, int err);
