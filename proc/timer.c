// SPDX-License-Identifier: MIT
/*
 * Timers: a tree for each CPU, in order of deadlines. The hardware is set when a timer becomes the
 * earliest, and after it has gone off; a timer that is cancelled leaves the hardware alone, for an
 * interrupt that finds nothing to do is cheaper than setting it twice for each sleep with a time
 * limit.
 *
 * Locks: a queue's lock is irq-safe and a leaf; a timer's function runs without it.
 */
#include "proc/timer.h"
#include "arch/arch.h"
#include "lib/lock.h"

constexpr u64 NEVER = ~0ul;
constexpr u64 IN_HANDLER = 0;	/* timer_interrupt() runs: it sets the hardware at its end */

struct timer_queue {
	alignas(CACHE_LINE) struct spinlock lock;
	struct rb_tree tree;
	struct timer *first;
	struct timer *running;	/* (a) whose function runs on this CPU */
	u64 programmed;		/* what the hardware is set to */
	struct timer_stats stats;
};

static struct timer_queue queues[MAX_CPUS] = {
	[0 ... MAX_CPUS - 1] = { .programmed = NEVER },
};

static void program(struct timer_queue *q, u64 deadline)
{
	q->programmed = deadline;
	q->stats.programmed++;
	arch_timer_set(deadline);
}

static struct timer *of_node(struct rb_node *n)
{
	return n ? container_of(n, struct timer, node) : nullptr;
}

void timer_init(struct timer *t, void (*fn)(struct timer *))
{
	*t = (struct timer){ .fn = fn, .cpu = cpu_id() };
}

static void insert(struct timer_queue *q, struct timer *t)
{
	struct rb_node *parent = nullptr, **link = &q->tree.root;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (t->deadline < of_node(parent)->deadline) {
			link = &parent->left;
		} else {
			link = &parent->right;
			leftmost = false;
		}
	}
	rb_insert(&q->tree, &t->node, parent, link);
	if (leftmost)
		q->first = t;
	store_release(&t->armed, true);		/* after t->cpu: detach() */
}

static void take_out(struct timer_queue *q, struct timer *t)
{
	if (q->first == t)
		q->first = of_node(rb_next(&t->node));
	rb_remove(&q->tree, &t->node);
	store_release(&t->armed, false);
}

/* Interrupts off. Takes t out of the queue it is in, which may be another CPU's. */
static bool detach(struct timer *t)
{
	for (;;) {
		unsigned cpu = load_relaxed(&t->cpu);
		struct timer_queue *q = &queues[cpu];

		spin_lock_raw(&q->lock);
		/* If another CPU has armed it since, that is seen with that CPU's number, or not at all. */
		bool armed = load_acquire(&t->armed), same = load_relaxed(&t->cpu) == cpu;

		if (armed && same)
			take_out(q, t);
		spin_unlock_raw(&q->lock);
		if (same)
			return armed;
	}
}

/* Interrupts off. The queue that a timer goes to, locked: this CPU's; but as long as its function runs on another, that one's, which
 * will see to it when that is done. So timer_cancel() finds both there. */
static struct timer_queue *lock_queue_for(const struct timer *t)
{
	struct timer_queue *here = &queues[cpu_id()], *last = &queues[load_relaxed(&t->cpu)];

	if (unlikely(last != here) && load_relaxed(&last->running) == t) {
		spin_lock_raw(&last->lock);
		if (last->running == t)
			return last;
		spin_unlock_raw(&last->lock);
	}
	spin_lock_raw(&here->lock);
	return here;
}

void timer_arm(struct timer *t, u64 deadline_ns)
{
	u64 flags = irq_save();

	if (load_acquire(&t->armed))
		detach(t);
	struct timer_queue *q = lock_queue_for(t);

	t->deadline = deadline_ns;
	store_relaxed(&t->cpu, (u32)(q - queues));
	insert(q, t);
	if (q->first == t && deadline_ns < q->programmed)
		program(q, deadline_ns);
	spin_unlock_raw(&q->lock);
	irq_restore(flags);
}

bool timer_cancel(struct timer *t)
{
	bool armed = false;

	for (;;) {
		u64 flags = irq_save();
		unsigned here = cpu_id();

		if (load_acquire(&t->armed))
			armed |= detach(t);
		unsigned cpu = load_relaxed(&t->cpu);
		bool running = cpu != here && load_acquire(&queues[cpu].running) == t;

		irq_restore(flags);
		/* Its function may have armed it again before it ended. */
		if (!running && !load_relaxed(&t->armed))
			return armed;
		cpu_relax();
	}
}

/* Runs what is due, with q's lock held in between. */
static void run_due(struct timer_queue *q)
{
	u64 now = arch_clock_ns();

	for (struct timer *t; (t = q->first) && t->deadline <= now;) {
		void (*fn)(struct timer *) = t->fn;

		/* Before `armed` falls: timer_cancel() looks at that first. */
		store_relaxed(&q->running, t);
		take_out(q, t);
		spin_unlock_raw(&q->lock);
		fn(t);
		spin_lock_raw(&q->lock);
		store_release(&q->running, nullptr);
	}
}

void timer_interrupt(void)
{
	struct timer_queue *q = &queues[cpu_id()];

	spin_lock_raw(&q->lock);
	q->stats.interrupts++;
	q->programmed = IN_HANDLER;
	run_due(q);
	if (q->first)
		program(q, q->first->deadline);
	else
		q->programmed = NEVER;
	spin_unlock_raw(&q->lock);
}

void timer_stats(unsigned cpu, struct timer_stats *out)
{
	*out = queues[cpu].stats;
}
