// SPDX-License-Identifier: MIT
/*
 * On which CPU: a thread that wakes goes where it was if that CPU is idle, else to any idle one,
 * else to the shorter of two queues. A CPU that runs out of work takes some from the longest queue.
 * Queues are compared by length, without locks: a wrong guess costs a little time, and the next
 * tick looks again.
 */
#include "proc/rseq.h"
#include "proc/runqueue.h"

u64 cpus_online, cpus_idle;

unsigned sched_select_cpu(const struct thread *t)
{
	u64 online = load_relaxed(&cpus_online), allowed = t->affinity & online;
	unsigned last = t->head.cpu, here = cpu_id();

	if (!allowed)
		allowed = online;
	u64 idle = allowed & load_relaxed(&cpus_idle);

	if (idle)
		return idle & BIT(last) ? last : (unsigned)__builtin_ctzl(idle);
	if (!(allowed & BIT(last)))
		last = (unsigned)__builtin_ctzl(allowed);
	if (here != last && (allowed & BIT(here)) &&
	    load_relaxed(&runqueues[here].nr) < load_relaxed(&runqueues[last].nr))
		return here;
	return last;
}

/* Virtual times of two CPUs have nothing in common but the distance to the least. */
void thread_migrate(struct thread *t, const struct runqueue *from, const struct runqueue *to)
{
	if (!thread_is_rt(t))
		t->vruntime += load_relaxed(&to->min_vruntime) - load_relaxed(&from->min_vruntime);
	store_relaxed(&t->head.cpu, to->cpu);
	if (unlikely(t->rseq_on))
		rseq_mark(t);
}

/* The longest queue of at least n, but not rq's. */
static struct runqueue *find_busiest(const struct runqueue *rq, u32 n)
{
	struct runqueue *found = nullptr;

	for (u64 left = load_relaxed(&cpus_online) & ~BIT(rq->cpu); left; left &= left - 1) {
		struct runqueue *other = &runqueues[__builtin_ctzl(left)];
		u32 nr = load_relaxed(&other->nr);

		if (nr >= n) {
			found = other;
			n = nr + 1;
		}
	}
	return found;
}

/* The first in victim's order that may run on rq's CPU, taken out and counted as rq's. */
static struct thread *take_one(struct runqueue *victim, struct runqueue *rq)
{
	for (struct thread *t = victim->first; t; t = runqueue_next(victim, t)) {
		if (!(t->affinity & BIT(rq->cpu)))
			continue;
		runqueue_remove(victim, t);
		victim->nr--;
		thread_migrate(t, victim, rq);
		rq->nr++;
		return t;
	}
	return nullptr;
}

static struct thread *steal_from_longer(struct runqueue *rq, u32 n)
{
	struct runqueue *victim = find_busiest(rq, n);
	struct thread *t = nullptr;

	if (victim && runqueue_try(victim)) {
		t = take_one(victim, rq);
		runqueue_unlock(victim);
	}
	return t;
}

struct thread *sched_steal(struct runqueue *rq)
{
	return steal_from_longer(rq, 2);
}

/* Wakes an idle CPU so that it steals. Its queue is not locked: if it is busy by now, its idle
 * thread looks once for nothing. */
static void rouse(struct runqueue *other)
{
	__atomic_fetch_or(&other->idle->head.work, THREAD_RESCHED, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&other->waiting, __ATOMIC_SEQ_CST))
		arch_ipi(BIT(other->cpu), IPI_RESCHED);
}

void sched_balance_tick(struct runqueue *rq)
{
	u64 idle = load_relaxed(&cpus_idle) & ~BIT(rq->cpu);

	if (idle && rq->first) {
		rouse(&runqueues[__builtin_ctzl(idle)]);
		return;
	}
	struct thread *t = steal_from_longer(rq, rq->nr + 2);

	if (t) {
		runqueue_place(rq, t);
		runqueue_insert(rq, t);
	}
}
