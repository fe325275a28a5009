// SPDX-License-Identifier: MIT
/*
 * Who runs next: fair by weight. Each thread's virtual time grows with the CPU time it gets,
 * divided by its weight; the one with the least goes first (Stoica & Abdel-Wahab 1995, as CFS made
 * it known). Real-time threads (SCHED_FIFO, SCHED_RR) go before all others, by priority, then by
 * their place in line; but not for ever: once they have had 95 % of a second, others go first for the
 * rest of it, so that a machine with a real-time thread in a loop still answers.
 *
 * The next thread is kept outside the tree: with two runnable threads, the usual case, a switch
 * inserts and removes without touching the tree at all.
 */
#include "proc/runqueue.h"

constexpr u64 WAKE_GRAIN_NS = 1'000'000;	/* a smaller lead does not preempt */
constexpr u32 WEIGHT_IDLE_POLICY = 3;

/* 1024 / 1.25^nice, rounded as Linux has it: programs' expectations are tuned to these. */
static const u32 nice_weights[40] = {
	88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
	9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
	1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
	110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
};

u32 weight_of(u8 policy, int nice)
{
	if (policy == SCHED_IDLE)
		return WEIGHT_IDLE_POLICY;
	assert(nice >= -20 && nice < 20);
	return nice_weights[nice + 20];
}

static struct thread *of_node(struct rb_node *n)
{
	return n ? container_of(n, struct thread, run_node) : nullptr;
}

/* Behind its equals. */
static void insert_rest(struct runqueue *rq, struct thread *t)
{
	struct rb_node *parent = nullptr, **link = &rq->rest.root;

	while (*link) {
		parent = *link;
		link = runs_before(t, of_node(parent)) ? &parent->left : &parent->right;
	}
	rb_insert(&rq->rest, &t->run_node, parent, link);
}

void runqueue_insert_behind(struct runqueue *rq, struct thread *t)
{
	struct thread *first = rq->first;

	if (runs_before(t, first)) {
		rq->first = t;
		insert_rest(rq, first);
	} else {
		insert_rest(rq, t);
	}
}

void runqueue_refill(struct runqueue *rq)
{
	rq->first = of_node(rb_first(&rq->rest));
	rb_remove(&rq->rest, &rq->first->run_node);
}

void runqueue_remove(struct runqueue *rq, struct thread *t)
{
	if (t == rq->first)
		runqueue_pop(rq);
	else
		rb_remove(&rq->rest, &t->run_node);
}

struct thread *runqueue_next(const struct runqueue *rq, const struct thread *t)
{
	return of_node(t == rq->first ? rb_first(&rq->rest) : rb_next(&t->run_node));
}

struct thread *runqueue_pop_fair(struct runqueue *rq)
{
	struct thread *t = rq->first;

	while (t && thread_is_rt(t))
		t = runqueue_next(rq, t);
	if (!t)
		return runqueue_pop(rq);
	runqueue_remove(rq, t);
	return t;
}

void runqueue_requeue(struct runqueue *rq, struct thread *t)
{
	const struct thread *next = rq->first;

	if (thread_is_rt(t))
		t->vruntime = ++rq->rt_line;
	else if (next && !thread_is_rt(next) && (s64)(next->vruntime - t->vruntime) >= 0)
		t->vruntime = next->vruntime + 1;
}

bool runqueue_preempts(const struct runqueue *rq, const struct thread *t)
{
	const struct thread *cur = rq->current;

	if (unlikely(t->rt_priority != cur->rt_priority))
		return t->rt_priority > cur->rt_priority;
	if (thread_is_rt(t) || t->policy == SCHED_BATCH || t->policy == SCHED_IDLE)
		return false;
	u64 ran = (arch_clock_ns() - cur->exec_start) * WEIGHT_0 / cur->weight;

	return (s64)(cur->vruntime + ran - t->vruntime) > (s64)WAKE_GRAIN_NS;
}
