// SPDX-License-Identifier: MIT
/*
 * What programs may ask of the scheduler: nice values, policies, CPUs. A thread in the order is
 * taken out, changed and put back; then its CPU chooses again.
 */
#include "proc/runqueue.h"

static bool in_order(const struct runqueue *rq, const struct thread *t)
{
	return t->on_queue && t != rq->current;
}

static void change_policy(struct thread *t, u8 policy, u8 own, u8 lent, int nice)
{
	u64 flags;
	struct runqueue *rq = runqueue_lock_of(t, &flags);
	bool ordered = in_order(rq, t), was_rt = thread_is_rt(t);

	if (ordered)
		runqueue_remove(rq, t);
	t->policy = policy;
	t->rt_own = own;
	t->rt_lent = lent;
	t->rt_priority = max(own, lent);
	t->nice = nice;
	t->weight = weight_of(policy, nice);
	if (was_rt != thread_is_rt(t))
		t->vruntime = was_rt ? rq->min_vruntime : ++rq->rt_line;
	if (ordered)
		runqueue_insert(rq, t);
	if (t->on_queue)
		sched_kick(rq);
	runqueue_unlock(rq);
	irq_restore(flags);
	preempt_disable();
	preempt_enable();	/* if it was this CPU that was kicked */
}

void sched_set_nice(struct thread *t, int nice)
{
	change_policy(t, t->policy, t->rt_own, t->rt_lent, nice);
}

void sched_set_policy(struct thread *t, u8 policy, u8 rt_priority)
{
	change_policy(t, policy, rt_priority, t->rt_lent, t->nice);
}

void sched_lend(struct thread *t, u8 rt_priority)
{
	if (t->rt_lent != rt_priority)
		change_policy(t, t->policy, t->rt_own, rt_priority, t->nice);
}

int sched_set_affinity(struct thread *t, u64 cpus)
{
	if (!(cpus & sched_online_mask()))
		return -EINVAL;
	u64 flags;
	struct runqueue *rq = runqueue_lock_of(t, &flags);

	t->affinity = cpus;
	if (t->on_queue && !(cpus & BIT(rq->cpu))) {
		if (t == rq->current) {
			sched_kick(rq);		/* the switch moves it */
		} else {
			runqueue_remove(rq, t);
			rq->nr--;
			t->on_queue = false;
			rq = sched_enqueue(rq, t, false);
		}
	}
	runqueue_unlock(rq);
	irq_restore(flags);
	preempt_disable();
	preempt_enable();
	return 0;
}

u64 sched_affinity(const struct thread *t)
{
	return load_relaxed(&t->affinity) & sched_online_mask();
}
