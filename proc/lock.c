// SPDX-License-Identifier: MIT
/*
 * Sleeping locks: the lock of many readers or one writer, and the mutex, which is one that nobody
 * reads. The fast paths are one compare-and-swap on `state`.
 *
 * Who finds the lock taken spins while that promises to end soon: its writer runs on a CPU, or
 * readers have it. Else, or after SPIN_NS, it lines up and sleeps. A lock that is let go of is free
 * for whoever comes first, also while the first in line wakes up: given to a sleeper it would be
 * idle until that one runs, and all who come meanwhile would have to sleep as well. Who has
 * been overtaken for HANDOFF_NS is handed the lock, and nobody starves. That time begins when it first came too late:
 * how long its CPU took to wake up, which under a hypervisor can be as much, is no fault of the others.
 *
 * Readers do not join readers while a writer waits (RW_WRITER_WAITS) or spins (RW_SPINNER). A reader in line keeps nobody
 * out: the lock was free since, or will be, and it has been woken, or will be.
 *
 * A waiter lies on its thread's stack; its thread takes the queue's lock before it returns. A writer
 * who lets go while others wait does so under the queue's lock: whoever is last to use a mutex may
 * free it. A reader lets go before it looks at the queue, and must keep what the lock is in.
 *
 * Left out: a queue of spinners (MCS), for machines with many CPUs.
 * Lock order: any sleeping lock < its queue's lock (no interrupts) < run queue.
 */
#include "lib/lock.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "proc/wait.h"

constexpr u64 SPIN_NS = 200'000;		/* then sleeping and being woken is cheap */
constexpr u64 HANDOFF_NS = 4'000'000;

/* state: the flags, and above them the writer's thread or the number of readers. WAITERS, WRITER_WAITS and
 * HANDOFF change under the queue's lock; the first two say whether anybody is in line, and any writer. */
enum rw_state : u64 {
	RW_WRITER = 1,
	RW_WAITERS = 2,
	RW_HANDOFF = 4,			/* the next time it is free it is for the first in line */
	RW_SPINNER = 8,			/* the next time it is free it is for the writer that spins */
	RW_WRITER_WAITS = 16,
	RW_READER = 32,
	RW_KEEPS_OUT = RW_WRITER | RW_WRITER_WAITS | RW_HANDOFF | RW_SPINNER,	/* readers */
	RW_FLAGS = RW_WAITERS | RW_WRITER_WAITS | RW_HANDOFF | RW_SPINNER,
};
static_assert(alignof(struct thread) >= RW_READER);

struct lock_waiter {
	struct list node;		/* (queue's lock) */
	struct thread *thread;
	u64 since;			/* it was first woken in vain; 0: not yet */
	bool write;
	bool granted;			/* (queue's lock) has it, and is out of line */
};

static inline bool swap_if(u64 *state, u64 from, u64 to, int order)
{
	return __atomic_compare_exchange_n(state, &from, to, false, order, __ATOMIC_RELAXED);
}

static inline bool is_free(u64 s) { return s < RW_READER; }

static inline u64 held_by(const struct thread *t, bool write)
{
	return write ? (u64)t | RW_WRITER : RW_READER;
}

static inline u64 held_by_me(bool write) { return held_by(thread_current(), write); }

/* May somebody who is not in line take it? mine: RW_SPINNER if that is for us. */
static inline bool may_barge(u64 s, bool write, u64 mine)
{
	if (s & (RW_HANDOFF | RW_SPINNER) & ~mine)
		return false;
	return is_free(s) || (!write && !(s & (RW_WRITER | RW_WRITER_WAITS)));
}

/* ---- spinning */

/* Whoever has it seems to be running, and nobody else wants this CPU. */
static bool worth_spinning(u64 s, u64 deadline)
{
	if ((load_relaxed(&thread_self()->work) & THREAD_RESCHED) || arch_clock_ns() >= deadline)
		return false;
	return !(s & RW_WRITER) || sched_is_running((const struct thread *)(s & -(u64)RW_READER));
}

/* Not preempted, since RW_SPINNER keeps others out. */
static bool rw_spin(struct rwlock *l, bool write, u64 deadline)
{
	u64 mine = 0, s = load_relaxed(&l->state);
	bool got = false;

	if (sched_cpus_online() == 1)
		return false;
	preempt_disable();
	while (!got && worth_spinning(s, deadline)) {
		if (may_barge(s, write, mine))
			got = swap_if(&l->state, s, (s & ~mine) + held_by_me(write), __ATOMIC_ACQUIRE);
		else if (write && !(s & (RW_WRITER | RW_HANDOFF | RW_SPINNER)))
			mine = swap_if(&l->state, s, s | RW_SPINNER, __ATOMIC_RELAXED) ? RW_SPINNER : 0;
		else
			cpu_relax();
		s = load_relaxed(&l->state);
	}
	if (mine && !got)
		__atomic_fetch_and(&l->state, ~mine, __ATOMIC_RELAXED);
	preempt_enable();
	return got;
}

/* ---- the line; all with the queue's lock held */

static struct lock_waiter *first_waiter(struct rwlock *l)
{
	struct list *waiters = &l->waiters.waiters;

	return list_empty(waiters) ? nullptr : list_first(waiters, struct lock_waiter, node);
}

static bool writer_waits(struct rwlock *l)
{
	list_for_each(w, &l->waiters.waiters, struct lock_waiter, node) {
		if (w->write)
			return true;
	}
	return false;
}

static void leave_line(struct rwlock *l, struct lock_waiter *w)
{
	u64 clear = first_waiter(l) == w ? RW_HANDOFF : 0;

	list_remove(&w->node);
	if (list_empty(&l->waiters.waiters))
		clear |= RW_WAITERS;
	if (w->write && !writer_waits(l))
		clear |= RW_WRITER_WAITS;
	if (clear)
		__atomic_fetch_and(&l->state, ~clear, __ATOMIC_RELAXED);
}

/* Ours, or marked as waited for while somebody has it or is about to get it. */
static bool take_or_mark(struct rwlock *l, bool write)
{
	const u64 mark = RW_WAITERS | (write ? RW_WRITER_WAITS : 0);

	for (;;) {
		u64 s = load_relaxed(&l->state);

		if (may_barge(s, write, RW_SPINNER)) {
			if (swap_if(&l->state, s, s + held_by_me(write), __ATOMIC_ACQUIRE))
				return true;
		} else if ((s & mark) == mark || swap_if(&l->state, s, s | mark, __ATOMIC_RELAXED)) {
			return false;
		}
	}
}

/* For one in line that has been woken. If others were faster for too long, the first in line asks
 * for a hand-over. */
static bool take_from_line(struct rwlock *l, struct lock_waiter *w)
{
	bool first = first_waiter(l) == w;
	u64 now = arch_clock_ns();

	for (;;) {
		u64 s = load_relaxed(&l->state);
		bool promised = !first && (s & RW_HANDOFF);

		if (!promised && (is_free(s) || (!w->write && !(s & RW_WRITER)))) {
			if (!swap_if(&l->state, s, s + held_by_me(w->write), __ATOMIC_ACQUIRE))
				continue;
			leave_line(l, w);
			return true;
		}
		w->since = w->since ? w->since : now;
		if (!first || now - w->since < HANDOFF_NS || swap_if(&l->state, s, s | RW_HANDOFF, __ATOMIC_RELAXED))
			return false;
	}
}

/* Free, and kept free for the first in line: one writer, or all readers up to the next writer. The
 * first waiter takes the promise with it. */
static void hand_over(struct rwlock *l, struct lock_waiter *w)
{
	bool write = w->write;

	do {
		__atomic_fetch_add(&l->state, held_by(w->thread, write), __ATOMIC_ACQUIRE);
		leave_line(l, w);
		w->granted = true;
		thread_wake(w->thread);
		w = first_waiter(l);
	} while (!write && w && !w->write);
}

/* It has been let go of while somebody was in line. If it is taken again, who has it will be here; but readers may stay, and
 * be followed by others, so that it is not free for long: a reader joins them. */
static void rw_wake(struct rwlock *l)
{
	struct lock_waiter *first = first_waiter(l);
	u64 s = load_relaxed(&l->state);

	if (!first || (!is_free(s) && (first->write || (s & RW_WRITER))))
		return;
	if (s & RW_HANDOFF) {
		hand_over(l, first);
		return;
	}
	list_for_each(w, &l->waiters.waiters, struct lock_waiter, node) {
		if (w != first && w->write)
			break;
		thread_wake(w->thread);
		if (w->write)
			break;
	}
}

/* A thread that is woken in vain sleeps on, at its place. */
static void wait_in_line(struct rwlock *l, struct lock_waiter *w)
{
	struct wait_queue *q = &l->waiters;

	list_push_back(&q->waiters, &w->node);
	do {
		store_relaxed(&w->thread->state, THREAD_SLEEPING);
		spin_unlock(&q->lock);
		schedule();
		spin_lock(&q->lock);
	} while (!w->granted && !take_from_line(l, w));
}

static void line_up(struct rwlock *l, bool write)
{
	struct lock_waiter w = { .thread = thread_current(), .write = write };

	scoped_spin(&l->waiters.lock);
	if (!take_or_mark(l, write)) {
		lock_waited(&lock_waits.slept);
		wait_in_line(l, &w);
	}
}

[[gnu::noinline]] static void lock_slow(struct rwlock *l, bool write, struct lock_count *count)
{
	u64 from = arch_clock_ns();

	lock_waited(&count->waits);
	if (!rw_spin(l, write, from + SPIN_NS))
		line_up(l, write);
	__atomic_fetch_add(&count->ns, arch_clock_ns() - from, __ATOMIC_RELAXED);
}

/* ---- rwlock */

void rwlock_init(struct rwlock *l)
{
	l->state = 0;
	wait_queue_init(&l->waiters);
}

void rwlock_read(struct rwlock *l)
{
	u64 s = load_relaxed(&l->state);

	debug_assert(!preempt_disabled());
	while (likely(!(s & RW_KEEPS_OUT))) {
		if (likely(__atomic_compare_exchange_n(&l->state, &s, s + RW_READER, false, __ATOMIC_ACQUIRE,
						       __ATOMIC_RELAXED)))
			return;
	}
	lock_slow(l, false, &lock_waits.read);
}

void rwlock_write(struct rwlock *l)
{
	debug_assert(!preempt_disabled());
	if (unlikely(!rwlock_write_try(l)))
		lock_slow(l, true, &lock_waits.write);
}

bool rwlock_write_try(struct rwlock *l)
{
	return swap_if(&l->state, 0, held_by_me(true), __ATOMIC_ACQUIRE);
}

[[gnu::noinline]] static void read_done_slow(struct rwlock *l)
{
	scoped_spin(&l->waiters.lock);
	rw_wake(l);
}

void rwlock_read_done(struct rwlock *l)
{
	/* Acquire, too: the last one may hand over what all readers have let go of. */
	u64 left = __atomic_sub_fetch(&l->state, RW_READER, __ATOMIC_ACQ_REL);

	debug_assert(!(left & RW_WRITER) && (s64)left >= 0);
	if (unlikely(left & RW_WAITERS) && is_free(left))
		read_done_slow(l);
}

[[gnu::noinline]] static void write_done_slow(struct rwlock *l)
{
	u64 s = load_relaxed(&l->state);

	while (!(s & RW_WAITERS)) {
		if (__atomic_compare_exchange_n(&l->state, &s, s & RW_FLAGS, false, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return;
	}
	scoped_spin(&l->waiters.lock);
	__atomic_fetch_and(&l->state, RW_FLAGS, __ATOMIC_RELEASE);
	rw_wake(l);
}

void rwlock_write_done(struct rwlock *l)
{
	debug_assert((load_relaxed(&l->state) & ~(u64)RW_FLAGS) == held_by_me(true));
	if (unlikely(!swap_if(&l->state, held_by_me(true), 0, __ATOMIC_RELEASE)))
		write_done_slow(l);
}

bool rwlock_is_write_locked(const struct rwlock *l)
{
	return load_relaxed(&l->state) & RW_WRITER;
}

bool rwlock_is_locked(const struct rwlock *l)
{
	return !is_free(load_relaxed(&l->state));
}

/* ---- mutex */

void mutex_init(struct mutex *m) { rwlock_init(&m->lock); }

void mutex_lock(struct mutex *m)
{
	debug_assert(!preempt_disabled());
	if (unlikely(!rwlock_write_try(&m->lock)))
		lock_slow(&m->lock, true, &lock_waits.mutex);
}

bool mutex_try(struct mutex *m) { return rwlock_write_try(&m->lock); }
void mutex_unlock(struct mutex *m) { rwlock_write_done(&m->lock); }
bool mutex_is_locked(const struct mutex *m) { return rwlock_is_locked(&m->lock); }
