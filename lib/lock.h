// SPDX-License-Identifier: MIT
/*
 * Locks. Spinlocks are here, inline; sleeping locks are declared here, so that mm can use them,
 * and implemented in proc/lock.c (host tests: on pthreads, test/host/host_lock.c).
 *
 * A spinlock holder is not preempted and must not sleep or touch user memory. A lock that an
 * interrupt handler takes too is taken with the _irq forms everywhere. Interrupts stay on under
 * plain spinlocks, so that a CPU that spins still answers TLB flush requests.
 * Order of sleeping locks and spinlocks: doc/vm.md.
 */
#pragma once

#include "lib/base.h"
#include "lib/list.h"
#include "arch/arch_lock.h"	/* preempt_disable/enable, irq_save/restore, cpu_relax */

/*
 * One word, 1 while held: taken by an exchange, released by a plain store. Not fair on purpose: a
 * lock that is handed over in order stops everybody whenever the next in line is a virtual CPU
 * that its host does not run just now. Here whoever runs may take it, and what it guards is
 * short.
 */
struct spinlock {
	u32 held;
};

/* How often a lock was found taken, and for how long, for /proc/quire/counters: counted where one
 * waits anyway. */
struct lock_count {
	u64 waits, ns;			/* (a) */
};
struct lock_stats {
	u64 spin;			/* (a) */
	struct lock_count mutex, read, write;
	u64 slept;			/* (a) of the last three */
};
[[gnu::weak]] struct lock_stats lock_waits;	/* weak: one for all who include this */

static inline void lock_waited(u64 *what) { __atomic_fetch_add(what, 1, __ATOMIC_RELAXED); }

static inline bool spin_try_raw(struct spinlock *l)
{
	return load_relaxed(&l->held) == 0 &&
	       __atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void spin_lock_raw(struct spinlock *l)
{
	while (unlikely(__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))) {
		lock_waited(&lock_waits.spin);
		while (load_relaxed(&l->held))		/* without taking the line from the holder */
			cpu_relax();
	}
}

static inline void spin_unlock_raw(struct spinlock *l)
{
	store_release(&l->held, 0);
}

static inline bool spin_is_locked(const struct spinlock *l)
{
	return load_relaxed(&l->held) != 0;
}

static inline void spin_lock(struct spinlock *l)
{
	preempt_disable();
	spin_lock_raw(l);
}

static inline void spin_unlock(struct spinlock *l)
{
	spin_unlock_raw(l);
	preempt_enable();
}

/* Takes the lock if it is free; never waits. */
static inline bool spin_try(struct spinlock *l)
{
	preempt_disable();
	if (spin_try_raw(l))
		return true;
	preempt_enable();
	return false;
}

/* With interrupts off; returns the earlier state for spin_unlock_irq. */
static inline u64 spin_lock_irq(struct spinlock *l)
{
	u64 flags = irq_save();

	spin_lock(l);
	return flags;
}

static inline void spin_unlock_irq(struct spinlock *l, u64 flags)
{
	spin_unlock_raw(l);
	irq_restore(flags);
	preempt_enable();	/* last: a pending reschedule runs with interrupts as they were */
}

/* A list of sleeping threads; the primitive below wait queues and sleeping locks. */
struct wait_queue {
	struct spinlock lock;
	struct list waiters;	/* struct waiter (proc/wait.h) */
};

#define WAIT_QUEUE_INIT(name) { .waiters = LIST_INIT((name).waiters) }

/*
 * Sleeping lock for many readers or one writer; neither is starved. The fast path of both sides is one
 * atomic operation. Who waits spins first, while whoever has it runs. Not from interrupts. Let go of
 * by the thread that took it; by a reader only while something else keeps the lock's memory.
 */
struct rwlock {
	u64 state;		/* (a) proc/lock.c */
	struct wait_queue waiters;
};

void rwlock_init(struct rwlock *l);
void rwlock_read(struct rwlock *l);
void rwlock_write(struct rwlock *l);
bool rwlock_write_try(struct rwlock *l);	/* never waits */
void rwlock_read_done(struct rwlock *l);
void rwlock_write_done(struct rwlock *l);
bool rwlock_is_write_locked(const struct rwlock *l);
bool rwlock_is_locked(const struct rwlock *l);

/* Sleeping mutual exclusion: a rwlock that nobody reads. */
struct mutex {
	struct rwlock lock;
};

#define MUTEX_INIT(name) { .lock.waiters = WAIT_QUEUE_INIT((name).lock.waiters) }

void mutex_init(struct mutex *m);
void mutex_lock(struct mutex *m);
bool mutex_try(struct mutex *m);		/* never waits */
void mutex_unlock(struct mutex *m);
bool mutex_is_locked(const struct mutex *m);

/* Scoped forms: the lock is let go at the end of the enclosing block. */
static inline void spin_scope_end(struct spinlock **l) { spin_unlock(*l); }
static inline void mutex_scope_end(struct mutex **m) { mutex_unlock(*m); }
static inline void read_scope_end(struct rwlock **l) { rwlock_read_done(*l); }
static inline void write_scope_end(struct rwlock **l) { rwlock_write_done(*l); }

#define scoped_(lock, type, take, end)                                       \
	[[gnu::cleanup(end), maybe_unused]] type *CONCAT(scope_, __LINE__) = \
		({ type *scope_lock_ = (lock); take(scope_lock_); scope_lock_; })
#define scoped_spin(l) scoped_(l, struct spinlock, spin_lock, spin_scope_end)
#define scoped_mutex(m) scoped_(m, struct mutex, mutex_lock, mutex_scope_end)
#define scoped_read(l) scoped_(l, struct rwlock, rwlock_read, read_scope_end)
#define scoped_write(l) scoped_(l, struct rwlock, rwlock_write, write_scope_end)
