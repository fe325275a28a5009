// SPDX-License-Identifier: MIT
/*
 * CPUs with nothing to do. Each has an idle thread, which is on no queue and runs when the queue is
 * empty.
 *
 * No wake-up is lost: with interrupts off the CPU says that it is waiting, then looks whether it
 * was asked to reschedule, then waits. A waker asks first and looks at `waiting` second: so either
 * the CPU sees the request, or the waker sends an interrupt, which ends the wait even if it comes
 * before it begins.
 */
#include "proc/runqueue.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmap.h"

struct thread boot_thread = { .name = "idle/0" };

unsigned sched_cpus_online(void)
{
	return (unsigned)__builtin_popcountl(sched_online_mask());
}

u64 sched_online_mask(void)
{
	return load_acquire(&cpus_online);
}

/* Whoever sent a thread here has cleared our bit; somebody else may have stolen it since. */
static void idle_announce(struct runqueue *rq)
{
	if (!(load_relaxed(&cpus_idle) & BIT(rq->cpu)))
		__atomic_fetch_or(&cpus_idle, BIT(rq->cpu), __ATOMIC_RELAXED);
}

static void idle_wait(struct runqueue *rq, struct thread *self)
{
	irq_disable();
	idle_announce(rq);
	__atomic_store_n(&rq->waiting, true, __ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&self->head.work, __ATOMIC_SEQ_CST) & THREAD_RESCHED))
		arch_wait_irq();
	store_relaxed(&rq->waiting, false);
	irq_enable();
}

void sched_idle(void)
{
	struct thread *self = thread_current();
	struct runqueue *rq = runqueue_here();

	self->exec_start = arch_clock_ns();
	__atomic_fetch_or(&cpus_online, BIT(rq->cpu), __ATOMIC_RELEASE);
	for (;;) {
		if (load_relaxed(&self->head.work) & THREAD_RESCHED)
			schedule();
		else
			idle_wait(rq, self);
	}
}

/* The idle thread of a CPU to come, which is there from its first instruction on. */
static struct thread *idle_new(unsigned cpu)
{
	struct thread *t = thread_new();

	if (!t)
		return nullptr;
	snprintf(t->name, sizeof(t->name), "idle/%u", cpu);
	t->arch = (struct arch_thread){};	/* no user's */
	t->state = THREAD_RUNNING;
	t->head.cpu = cpu;
	t->affinity = BIT(cpu);
	return t;
}

void sched_start_cpus(unsigned limit)
{
	unsigned n = min(min(arch_cpu_count(), limit), MAX_CPUS);

	for (unsigned cpu = 1; cpu < n; cpu++) {
		struct thread *idle = idle_new(cpu);

		if (!idle) {
			log_err("cpu %u: no memory for its idle thread", cpu);
			return;
		}
		runqueues[cpu].idle = runqueues[cpu].current = idle;
		int err = arch_cpu_start(cpu, &idle->head);

		if (err)
			log_err("cpu %u does not start: error %d", cpu, -err);
	}
}
