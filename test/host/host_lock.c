// SPDX-License-Identifier: MIT
/*
 * Sleeping locks for host tests that do not link proc/lock.c: atomic words, and who waits spins. Fairness does not matter here; the
 * thread sanitizer must see who orders whom, and misuse must be noticed. Preemption is enabled and disabled in a pair only in
 * name: a test may take these calls for points where other CPUs do something.
 */
#include "host.h"
#include "lib/lock.h"

constexpr u64 WRITER = 1ul << 63;

void rwlock_init(struct rwlock *l) { *l = (struct rwlock){}; }

void rwlock_read(struct rwlock *l)
{
	preempt_disable();
	for (;; cpu_relax()) {
		u64 readers = load_relaxed(&l->state);

		if (!(readers & WRITER) &&
		    __atomic_compare_exchange_n(&l->state, &readers, readers + 1, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
	}
}

void rwlock_write(struct rwlock *l)
{
	preempt_disable();
	for (;; cpu_relax()) {
		u64 nobody = 0;

		if (__atomic_compare_exchange_n(&l->state, &nobody, WRITER, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
	}
}

bool rwlock_write_try(struct rwlock *l)
{
	u64 nobody = 0;

	return __atomic_compare_exchange_n(&l->state, &nobody, WRITER, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

void rwlock_read_done(struct rwlock *l)
{
	u64 was = __atomic_fetch_sub(&l->state, 1, __ATOMIC_RELEASE);

	assert(was != 0 && !(was & WRITER));
	preempt_enable();
}

void rwlock_write_done(struct rwlock *l)
{
	assert(rwlock_is_write_locked(l));
	store_release(&l->state, 0);
	preempt_enable();
}

bool rwlock_is_write_locked(const struct rwlock *l) { return load_relaxed(&l->state) & WRITER; }
bool rwlock_is_locked(const struct rwlock *l) { return load_relaxed(&l->state) != 0; }

void mutex_init(struct mutex *m) { rwlock_init(&m->lock); }
void mutex_lock(struct mutex *m) { rwlock_write(&m->lock); }
bool mutex_try(struct mutex *m) { return rwlock_write_try(&m->lock); }
void mutex_unlock(struct mutex *m) { rwlock_write_done(&m->lock); }
bool mutex_is_locked(const struct mutex *m) { return rwlock_is_locked(&m->lock); }
