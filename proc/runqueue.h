// SPDX-License-Identifier: MIT
/*
 * What the files of the scheduler share: one queue of runnable threads for each CPU.
 *
 *   sched.c	switching and waking
 *   runqueue.c	who is next: order, weights, virtual time
 *   balance.c	on which CPU: placement, stealing
 *   policy.c	what programs may ask for: nice, policy, affinity
 *   cputime.c	the tick: slices, CPU time; loadavg.c
 *   dump.c	what each thread is doing
 *   idle.c	CPUs that start and have nothing to do
 *
 * A thread that runs is on its CPU's queue but not in the order. Sleepers are on none; head.cpu
 * says where they were, and its queue's lock guards them. The lock is held over the switch: who
 * takes it finds every thread but `current` with its registers saved.
 *
 * Lock order: anything < run queue < asid. Two queues: the second only by runqueue_try().
 */
#pragma once

#include "lib/lock.h"
#include "lib/rbtree.h"
#include "proc/sched.h"
#include "proc/task.h"

constexpr u32 WEIGHT_0 = 1024;			/* of nice 0 */
constexpr u64 WAKE_CREDIT_NS = 2'000'000;	/* who slept may lag this far behind the others */

/* (r) lock  (a) atomic  (i) fixed  (c) by its CPU only, with interrupts off */
struct runqueue {
	alignas(CACHE_LINE) struct spinlock lock;	/* taken raw, interrupts off */
	u32 nr;			/* (r, read by all) runnable threads, also the running one */
	struct thread *current;	/* (r) */
	struct thread *idle;	/* (i) nullptr: the CPU is not there (yet) */
	struct thread *first;	/* (r) next to run; not in the tree: short queues need none */
	struct rb_tree rest;	/* (r) all others, in order */
	u64 min_vruntime;	/* (r) never falls; where those who wake or arrive are put */
	u64 rt_line;		/* (r) last place given to a real-time thread */
	u64 rt_since, rt_ns;	/* (r) since when, and how much, real-time threads have had */
	u32 cpu;		/* (i) */
	bool waiting;		/* (a) in or about to enter arch_wait_irq(): needs an interrupt */

	struct timer tick;	/* (c) */
	u32 ticks;		/* (c) */
	struct cpu_times times;	/* (r) */
};

extern struct runqueue runqueues[MAX_CPUS];
extern u64 cpus_online;		/* (a) CPUs whose idle thread has run */
extern u64 cpus_idle;		/* (a) hint: CPUs with nothing to do, now or soon */

/* Interrupts or preemption off. */
static inline struct runqueue *runqueue_here(void)
{
	return &runqueues[cpu_id()];
}

/* Interrupts off. */
static inline void runqueue_lock(struct runqueue *rq) { spin_lock_raw(&rq->lock); }
static inline void runqueue_unlock(struct runqueue *rq) { spin_unlock_raw(&rq->lock); }
bool runqueue_try(struct runqueue *rq);
/* Turns interrupts off, finds and locks t's queue. */
struct runqueue *runqueue_lock_of(const struct thread *t, u64 *flags);

static inline bool thread_is_rt(const struct thread *t) { return t->rt_priority != 0; }

/* ---- runqueue.c; all with the lock held. The usual case of each, an empty or one-thread queue, is
 * here. */
/* Does a go first? */
static inline bool runs_before(const struct thread *a, const struct thread *b)
{
	if (unlikely(a->rt_priority != b->rt_priority))
		return a->rt_priority > b->rt_priority;
	return (s64)(a->vruntime - b->vruntime) < 0;
}

void runqueue_insert_behind(struct runqueue *rq, struct thread *t);
void runqueue_refill(struct runqueue *rq);

/* Puts t into the order, behind its equals. */
static inline void runqueue_insert(struct runqueue *rq, struct thread *t)
{
	if (likely(!rq->first))
		rq->first = t;
	else
		runqueue_insert_behind(rq, t);
}

/* Takes out the next to run; nullptr: none. */
static inline struct thread *runqueue_pop(struct runqueue *rq)
{
	struct thread *t = rq->first;

	if (!t)
		return nullptr;
	rq->first = nullptr;
	if (rq->rest.root)
		runqueue_refill(rq);
	return t;
}

/* t has the least virtual time of all on rq. */
static inline void runqueue_raise_min(struct runqueue *rq, const struct thread *t)
{
	if ((s64)(t->vruntime - rq->min_vruntime) > 0 && !thread_is_rt(t))
		store_relaxed(&rq->min_vruntime, t->vruntime);
}

/* From anywhere in the order. */
void runqueue_remove(struct runqueue *rq, struct thread *t);
/* The next that is not real-time, or else the next. Real-time threads have had enough. */
struct thread *runqueue_pop_fair(struct runqueue *rq);
/* The one behind t, or nullptr. */
struct thread *runqueue_next(const struct runqueue *rq, const struct thread *t);

/* Must a real-time thread let others go first? */
static inline bool runqueue_rt_rests(const struct runqueue *rq)
{
	return unlikely(rq->rt_ns > SCHED_RT_MOST_NS);
}

/* Charges `ns` of CPU time to the running thread. */
static inline void runqueue_charge(struct runqueue *rq, struct thread *t, u64 ns)
{
	if (unlikely(thread_is_rt(t)))
		rq->rt_ns += ns;
	else if (likely(t->weight == WEIGHT_0))
		t->vruntime += ns;
	else
		t->vruntime += ns * WEIGHT_0 / t->weight;
}

/* A place in line for one that wakes, arrives or has used up its slice. */
static inline void runqueue_place(struct runqueue *rq, struct thread *t)
{
	u64 least = rq->min_vruntime - WAKE_CREDIT_NS;

	if (unlikely(thread_is_rt(t)))
		t->vruntime = ++rq->rt_line;
	else if ((s64)(t->vruntime - least) < 0)
		t->vruntime = least;
}

/* Puts `current` behind the next of its kind. */
void runqueue_requeue(struct runqueue *rq, struct thread *t);
/* Should t, just made runnable, take the CPU at once? */
bool runqueue_preempts(const struct runqueue *rq, const struct thread *t);
u32 weight_of(u8 policy, int nice);

/* ---- balance.c */
unsigned sched_select_cpu(const struct thread *t);	/* t's queue is locked, or t is new */
/* Moves t, which is in rq's order or on no queue at all, to another CPU's time. Both t's old
 * queue's lock and, unless t is on no queue, `to`'s are held. */
void thread_migrate(struct thread *t, const struct runqueue *from, const struct runqueue *to);
/* rq is locked and empty: one of another's, moved; or nullptr. */
struct thread *sched_steal(struct runqueue *rq);
void sched_balance_tick(struct runqueue *rq);		/* rq locked */

/* ---- sched.c */
/* t has become runnable and is on no queue; rq is its old one, locked. Returns the queue that is
 * locked then. */
struct runqueue *sched_enqueue(struct runqueue *rq, struct thread *t, bool sync);
/* Asks rq's CPU to reschedule; interrupts it if need be. rq locked. */
void sched_kick(struct runqueue *rq);

/* ---- cputime.c */
/* Charges the running thread up to now. rq locked. */
static inline void sched_account(struct runqueue *rq, struct thread *t, u64 now)
{
	struct cpu_times *times = &rq->times;
	u64 ns = now - t->exec_start;

	t->exec_start = now;
	if (unlikely(t == rq->idle)) {
		times->idle += ns;
		return;
	}
	if (t->in_system) {
		t->system_ns += ns;
		times->system += ns;
	} else {
		t->user_ns += ns;
		*(t->nice > 0 ? &times->nice : &times->user) += ns;
	}
	runqueue_charge(rq, t, ns);
}
void sched_tick_init(struct runqueue *rq);
void sched_tick_start(struct runqueue *rq, u64 now);	/* idle no more */
/* ---- loadavg.c */
void sched_load_tick(u64 now);
/* rq was idle until now: the load of that time does not count what begins. */
void sched_load_idle_end(const struct runqueue *rq, u64 now);

/* ---- dump.c */
void sched_dump_init(void);	/* panics name the current thread */
