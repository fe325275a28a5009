// SPDX-License-Identifier: MIT
/*
 * CPU time. What a thread used is exact: the clock is read at every switch. Whether it went to the
 * program or to the kernel is sampled, as system calls read no clock: what the last tick saw is
 * where the time since then counts.
 *
 * The tick is a timer of its own for each CPU that has something to run: each slice while others
 * wait, slower for a thread that is alone (its CPU-time limits and interval timers need it). An
 * idle CPU does not arm it again: at most one comes after the last thread has gone to sleep.
 */
#include "proc/runqueue.h"

constexpr u64 TICK_ALONE_NS = 10'000'000;
constexpr unsigned BALANCE_TICKS = 16;

/* A slice that ends a little early is over: the next tick would find it twice as long. */
static bool slice_over(struct runqueue *rq, struct thread *t, u64 now)
{
	const struct thread *next = rq->first;
	u64 ran = now - t->slice_start;

	if (!next)
		return false;
	if (thread_is_rt(t) && runqueue_rt_rests(rq))
		return true;
	if (t->policy == SCHED_RR && next->rt_priority == t->rt_priority &&
	    ran >= SCHED_RR_SLICE_NS) {
		runqueue_requeue(rq, t);
		return true;
	}
	return (thread_is_rt(t) || ran >= SCHED_SLICE_NS * 3 / 4) && runs_before(next, t);
}

static u64 tick_period(const struct runqueue *rq)
{
	return rq->nr > 1 ? SCHED_SLICE_NS : TICK_ALONE_NS;
}

/* A tick in a system call finds that call's frame at the top of the stack; one in user mode its
 * own. (In a page fault it finds the fault's: that time counts as the program's.) */
static void sample(struct thread *t)
{
	t->in_system = !t->task || frame_in_syscall(arch_frame(&t->head));
}

static void rt_period(struct runqueue *rq, u64 now)
{
	if (now - rq->rt_since < SCHED_RT_PERIOD_NS)
		return;
	rq->rt_since = now;
	rq->rt_ns = 0;
}

static void tick(struct timer *timer)
{
	struct runqueue *rq = container_of(timer, struct runqueue, tick);
	struct thread *t = thread_current();
	u64 now = arch_clock_ns();

	if (t == rq->idle)
		return;
	runqueue_lock(rq);
	sample(t);
	sched_account(rq, t, now);
	rt_period(rq, now);
	if (!rq->first || runs_before(t, rq->first))
		runqueue_raise_min(rq, t);	/* who runs on and on is chosen only once */
	if (++rq->ticks % BALANCE_TICKS == 0 || rq->nr > 1)
		sched_balance_tick(rq);
	if (slice_over(rq, t, now))
		sched_kick(rq);
	u64 period = tick_period(rq);

	runqueue_unlock(rq);
	timer_arm(timer, now + period);
	sched_load_tick(now);
	if (t->task) {
		u64 used = t->user_ns + t->system_ns - t->ticked_ns;

		t->ticked_ns += used;
		itimer_tick(t, used, !t->in_system);
	}
}

void sched_tick_start(struct runqueue *rq, u64 now)
{
	if (!rq->tick.armed)
		timer_arm(&rq->tick, now + tick_period(rq));
}

void sched_tick_init(struct runqueue *rq)
{
	timer_init(&rq->tick, tick);
}

void thread_times(const struct thread *t, u64 *user_ns, u64 *system_ns)
{
	u64 flags;
	struct runqueue *rq = runqueue_lock_of(t, &flags);
	u64 since = rq->current == t ? arch_clock_ns() - t->exec_start : 0;

	*user_ns = t->user_ns + (t->in_system ? 0 : since);
	*system_ns = t->system_ns + (t->in_system ? since : 0);
	runqueue_unlock(rq);
	irq_restore(flags);
}

void sched_cpu_times(unsigned cpu, struct cpu_times *out)
{
	struct runqueue *rq = &runqueues[cpu];
	u64 flags = irq_save();

	runqueue_lock(rq);
	*out = rq->times;
	/* An idle CPU has not been charged since it fell asleep. */
	if (rq->idle && rq->current == rq->idle)
		out->idle += arch_clock_ns() - rq->idle->exec_start;
	runqueue_unlock(rq);
	irq_restore(flags);
}
