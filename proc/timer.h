// SPDX-License-Identifier: MIT
/* Timers with nanosecond deadlines (arch_clock_ns() time): a tree per CPU, the hardware set to the
 * earliest; no tick is needed for them. */
#pragma once

#include "lib/base.h"
#include "lib/rbtree.h"

struct timer {
	struct rb_node node;
	u64 deadline;
	/* Runs with interrupts off on the CPU that armed it; may arm the timer again. */
	void (*fn)(struct timer *t);
	u32 cpu;
	bool armed;
};

void timer_init(struct timer *t, void (*fn)(struct timer *));
/* (Re)arms on this CPU, or where fn is running. The owner sees to it that nobody else arms it at the same time. */
void timer_arm(struct timer *t, u64 deadline_ns);
/* Not armed afterwards, unless somebody else arms it meanwhile. If fn is running on another CPU, waits for it to end (so do not hold
 * what fn takes). Returns whether it was armed. */
bool timer_cancel(struct timer *t);

/* The hardware is set to the earliest deadline only when that changes; how often, and how often it
 * went off. */
struct timer_stats { u64 programmed, interrupts; };
void timer_stats(unsigned cpu, struct timer_stats *out);

void clock_init(void);		/* reads the machine's wall clock, if it has one */
/* Sets the wall clock to that second since 1970 where it is behind: a machine that keeps no time starts with that of its files. */
void clock_not_before(u32 seconds);
/* Wall clock: CLOCK_REALTIME = arch_clock_ns() + this. */
u64 clock_realtime_ns(void);
int clock_set_realtime(u64 ns);
