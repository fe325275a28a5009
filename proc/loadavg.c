// SPDX-License-Identifier: MIT
/*
 * Load averages: runnable threads, decaying over 1, 5 and 15 minutes, in steps of 5 s. There is no
 * tick to count the steps of an idle system: they are made up for by who comes next (the end of
 * idleness, a tick, a reader).
 */
#include "proc/runqueue.h"

constexpr u64 LOAD_STEP_NS = 5'000'000'000;
constexpr unsigned LOAD_BITS = 11;
constexpr u64 LOAD_STEPS_MAX = 2000;	/* nearly three hours: nothing is left of what was before */

static const u32 load_decay[3] = { 1884, 2014, 2037 };	/* 2048 / e^(5s / 1, 5, 15 min) */
static struct spinlock load_lock;	/* irq-safe */
static u64 load_next;			/* (load_lock; read by all) */
static u32 load[3];			/* (load_lock) */

unsigned sched_running(void)
{
	unsigned n = 0;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		n += load_relaxed(&runqueues[cpu].nr);
	return n;
}

/* `active` threads have been runnable since the last update. */
static void load_update(u64 now, unsigned active)
{
	u64 flags = spin_lock_irq(&load_lock);
	u64 steps = now < load_next ? 0 : min((now - load_next) / LOAD_STEP_NS + 1, LOAD_STEPS_MAX);

	for (u64 i = 0; i < steps; i++) {
		for (unsigned k = 0; k < 3; k++) {
			u32 keep = load_decay[k], one = 1u << LOAD_BITS;
			u32 news = (active << LOAD_BITS) * (one - keep);

			load[k] = (load[k] * keep + news) >> LOAD_BITS;
		}
	}
	if (steps)
		store_relaxed(&load_next, now + LOAD_STEP_NS);
	spin_unlock_irq(&load_lock, flags);
}

void sched_load_idle_end(const struct runqueue *rq, u64 now)
{
	if (unlikely(now >= load_relaxed(&load_next)))
		load_update(now, sched_running() - rq->nr);
}

void sched_load_tick(u64 now)
{
	if (unlikely(now >= load_relaxed(&load_next)))
		load_update(now, sched_running());
}

void sched_loadavg(u32 out[3])
{
	load_update(arch_clock_ns(), sched_running());
	for (unsigned k = 0; k < 3; k++)
		out[k] = load_relaxed(&load[k]);
}
