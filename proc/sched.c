// SPDX-License-Identifier: MIT
/*
 * Switching and waking. schedule() takes this CPU's run queue, picks, and switches with the lock
 * held; the thread that comes out of the switch releases it. So a thread on a queue other than as
 * its `current` is always whole, and may be taken by another CPU.
 *
 * No wake-up is lost: a sleeper sets its state, then looks at its condition; a waker makes the
 * condition true, then looks at the state (a full barrier between, on both sides). A thread that is
 * preempted between the two stays on the queue: only its own call of schedule() takes it off.
 *
 * Lock order: proc/runqueue.h. thread_wake() may be called under any lock but a run queue's.
 */
#include "proc/runqueue.h"
#include "mm/vm.h"
#include "proc/rseq.h"

struct runqueue runqueues[MAX_CPUS];

bool runqueue_try(struct runqueue *rq) { return spin_try_raw(&rq->lock); }

/* t may be moved while we wait for the lock; then its queue is another. */
struct runqueue *runqueue_lock_of(const struct thread *t, u64 *flags)
{
	*flags = irq_save();
	for (;;) {
		struct runqueue *rq = &runqueues[load_relaxed(&t->head.cpu)];

		runqueue_lock(rq);
		if (likely(rq->cpu == load_relaxed(&t->head.cpu)))
			return rq;
		runqueue_unlock(rq);
	}
}

bool sched_is_running(const struct thread *t)
{
	for (u64 left = load_relaxed(&cpus_online); left; left &= left - 1)
		if (load_relaxed(&runqueues[__builtin_ctzl(left)].current) == t)
			return true;
	return false;
}

/* ---- joining a queue */

void sched_kick(struct runqueue *rq)
{
	struct thread *cur = rq->current;
	u64 old = __atomic_fetch_or(&cur->head.work, THREAD_RESCHED, __ATOMIC_SEQ_CST);

	/* Asked already: the interrupt is on its way, or the CPU will look before it waits. */
	if ((old & THREAD_RESCHED) || rq == runqueue_here())
		return;
	if (cur != rq->idle || __atomic_load_n(&rq->waiting, __ATOMIC_SEQ_CST))
		arch_ipi(BIT(rq->cpu), IPI_RESCHED);
}

[[gnu::always_inline]] static inline void join(struct runqueue *rq, struct thread *t, bool sync)
{
	runqueue_place(rq, t);
	t->on_queue = true;
	rq->nr++;
	runqueue_insert(rq, t);
	if (rq->current == rq->idle) {
		if (load_relaxed(&cpus_idle) & BIT(rq->cpu))
			__atomic_fetch_and(&cpus_idle, ~BIT(rq->cpu), __ATOMIC_RELAXED);
		sched_kick(rq);
	} else if (!sync && runqueue_preempts(rq, t)) {
		sched_kick(rq);
	}
}

/* While t is between two queues nobody else can wake it (it is running) or queue it; its affinity
 * may change, though. */
struct runqueue *sched_enqueue(struct runqueue *rq, struct thread *t, bool sync)
{
	unsigned cpu = cpu_id();

	if (!sync || unlikely(!(t->affinity & BIT(cpu))))
		cpu = sched_select_cpu(t);
	while (unlikely(cpu != rq->cpu)) {
		struct runqueue *to = &runqueues[cpu];

		thread_migrate(t, rq, to);
		runqueue_unlock(rq);
		rq = to;
		runqueue_lock(rq);
		if (unlikely(!(t->affinity & BIT(cpu))))
			cpu = sched_select_cpu(t);
	}
	join(rq, t, sync);
	return rq;
}

/* ---- switching */

static void leave_queue(struct runqueue *rq, struct thread *t)
{
	t->on_queue = false;
	rq->nr--;
}

static struct thread *pick_next(struct runqueue *rq, struct thread *self, bool preempted)
{
	if (self == rq->idle) {
		/* It is never in the order. */
	} else if (!preempted && load_relaxed(&self->state) != THREAD_RUNNING) {
		leave_queue(rq, self);
		self->switches_voluntary++;
	} else if (unlikely(!(self->affinity & BIT(rq->cpu)))) {
		/* finish_switch() moves it. If it was about to sleep, it looks at its condition
		 * once more. */
		leave_queue(rq, self);
		store_relaxed(&self->state, THREAD_RUNNING);
	} else {
		bool rests = thread_is_rt(self) && runqueue_rt_rests(rq);

		if (!rq->first || (runs_before(self, rq->first) && !rests))
			return self;
		runqueue_insert(rq, self);
		self->switches_forced++;
	}
	struct thread *next = runqueue_rt_rests(rq) ? runqueue_pop_fair(rq) : runqueue_pop(rq);

	if (!next && load_relaxed(&cpus_online) != BIT(rq->cpu))
		next = sched_steal(rq);
	if (!next)
		return rq->idle;
	runqueue_raise_min(rq, next);
	return next;
}

static void idle_changed(struct runqueue *rq, bool idle, u64 now)
{
	if (idle) {
		__atomic_fetch_or(&cpus_idle, BIT(rq->cpu), __ATOMIC_RELAXED);
	} else {
		if (load_relaxed(&cpus_idle) & BIT(rq->cpu))
			__atomic_fetch_and(&cpus_idle, ~BIT(rq->cpu), __ATOMIC_RELAXED);
		sched_load_idle_end(rq, now);
		sched_tick_start(rq, now);
	}
}

/* On the other side of a switch, as the thread that goes on; the lock is still held by the one that
 * ran before. */
static inline void finish_switch(struct thread *prev)
{
	struct runqueue *rq = runqueue_here();
	enum thread_state state = load_relaxed(&prev->state);

	if (unlikely(state == THREAD_RUNNING && !prev->on_queue && prev != rq->idle))
		rq = sched_enqueue(rq, prev, false);	/* it may not run here any more */
	runqueue_unlock(rq);
	if (unlikely(state == THREAD_DEAD))
		thread_gone(prev);
}

static void switch_to(struct runqueue *rq, struct thread *self, struct thread *next, u64 now)
{
	rq->current = next;
	rq->times.switches++;
	next->exec_start = next->slice_start = now;
	if (unlikely(self == rq->idle || next == rq->idle))
		idle_changed(rq, next == rq->idle, now);
	vm_switch(next->task ? next->task->vm : nullptr);
	struct thread_head *prev = arch_switch(&self->head, &self->arch, &next->head, &next->arch);

	finish_switch((struct thread *)prev);
}

static void reschedule(bool preempted)
{
	struct thread *self = thread_current();

	assert(self->head.preempt == 0);
	u64 flags = irq_save();
	struct runqueue *rq = runqueue_here();

	runqueue_lock(rq);
	u64 now = arch_clock_ns();

	sched_account(rq, self, now);
	if (load_relaxed(&self->head.work) & THREAD_RESCHED)
		__atomic_fetch_and(&self->head.work, ~(u64)THREAD_RESCHED, __ATOMIC_RELAXED);
	struct thread *next = pick_next(rq, self, preempted);

	if (next != self) {
		if (unlikely(self->rseq_on))
			rseq_switched(self);
		switch_to(rq, self, next, now);
	} else {
		runqueue_unlock(rq);
	}
	irq_restore(flags);
}

void schedule(void)
{
	reschedule(false);
}

void sched_preempt(void)
{
	reschedule(true);
}

void sched_preempt_late(void)
{
	if (irqs_enabled())
		reschedule(true);
}

void thread_started(struct thread_head *prev)
{
	finish_switch((struct thread *)prev);
}

void sched_yield(void)
{
	u64 flags = irq_save();
	struct runqueue *rq = runqueue_here();
	struct thread *self = thread_current();

	runqueue_lock(rq);
	sched_account(rq, self, arch_clock_ns());
	runqueue_requeue(rq, self);
	runqueue_unlock(rq);
	irq_restore(flags);
	reschedule(false);
}

/* ---- waking */

[[gnu::always_inline]] static inline bool wake(struct thread *t, bool sync)
{
	if (load_relaxed(&t->state) == THREAD_RUNNING)
		return false;
	u64 flags;
	struct runqueue *rq = runqueue_lock_of(t, &flags);
	enum thread_state state = load_relaxed(&t->state);
	bool woken = state != THREAD_RUNNING && state != THREAD_DEAD;

	if (woken) {
		store_relaxed(&t->state, THREAD_RUNNING);
		if (t->on_queue)
			;	/* it has not gone to sleep yet, and will not */
		else if (sync && rq == runqueue_here() && (t->affinity & BIT(rq->cpu)))
			join(rq, t, true);
		else
			rq = sched_enqueue(rq, t, sync);
	}
	runqueue_unlock(rq);
	irq_restore(flags);
	if (unlikely(load_relaxed(&thread_self()->work) & THREAD_RESCHED) && !preempt_disabled())
		sched_preempt_late();
	return woken;
}

bool thread_wake_ordered(struct thread *t, bool sync)
{
	return sync ? wake(t, true) : wake(t, false);
}

bool thread_wake(struct thread *t)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the condition before the state */
	return wake(t, false);
}

bool thread_wake_sync(struct thread *t)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return wake(t, true);
}

/* ---- threads */

void sched_thread_init(struct thread *t)
{
	struct thread *self = thread_current();
	bool reset = self->reset_on_fork;

	t->state = THREAD_SLEEPING;
	t->head.cpu = cpu_id();
	t->affinity = self->affinity;
	t->policy = reset && self->rt_own ? SCHED_NORMAL : self->policy;
	t->rt_priority = t->rt_own = reset ? 0 : self->rt_own;
	t->nice = reset && self->nice < 0 ? 0 : self->nice;
	t->weight = weight_of(t->policy, t->nice);
	t->in_system = self->in_system;
	t->vruntime = thread_is_rt(self) ? runqueues[t->head.cpu].min_vruntime : self->vruntime;
}

void sched_init(void)
{
	struct thread *t = &boot_thread;
	u64 now = arch_clock_ns();

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		runqueues[cpu].cpu = cpu;
		sched_tick_init(&runqueues[cpu]);
	}
	t->state = THREAD_RUNNING;
	t->refs = 1;
	t->in_system = true;
	t->affinity = ~0ul;		/* what it starts may run anywhere */
	t->weight = weight_of(SCHED_NORMAL, 0);
	t->exec_start = t->start_ns = now;
	runqueues[0].idle = runqueues[0].current = t;
	cpus_online = 1;
	sched_dump_init();
}
