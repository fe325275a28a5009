// SPDX-License-Identifier: MIT
/* Timers that a task makes (timer_create(2)): each sends a signal when it runs out. Times are moments of arch_clock_ns(). */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct siginfo;
struct task;

/* How long a timer rests that repeats while its signal is ignored: long, for nobody hears it. */
constexpr u64 TIMER_UNHEARD_NS = 50'000'000;

struct timer_event {			/* what struct sigevent says */
	int signo;			/* 0: SIGEV_NONE */
	int tid;			/* SIGEV_THREAD_ID; 0: the whole task */
	u64 value;
	bool value_is_id;		/* the timer's number instead (no sigevent) */
};

struct timer_setting {
	u64 deadline;			/* ~0: off. As a result: ns from now, 0: off */
	u64 interval;			/* 0: once */
};

/* All on the current task. The timer's number, or -ENOMEM, -EAGAIN (too many). clock is kept for the caller. */
[[nodiscard]] int posix_timer_create(int clock, const struct timer_event *e);
/* By number: -EINVAL if there is none. set may be nullptr; *old (may be nullptr) is what it was before. */
int posix_timer_set(int id, const struct timer_setting *set, struct timer_setting *old);
int posix_timer_clock(int id);
int posix_timer_overrun(int id);
int posix_timer_delete(int id);
/* Under siglock, of a task that has made timers. A signal leaves a queue, for the current thread: timers that waited for that go on,
 * and it says what they missed. Or the signals of a set are dropped from all queues. */
void posix_timers_signal_taken(struct task *task, struct siginfo *info);
void posix_timers_signals_dropped(struct task *task, u64 set);
/* exec and the task's end. */
void posix_timers_free(struct task *t);
