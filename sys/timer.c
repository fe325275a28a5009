// SPDX-License-Identifier: MIT
/* System calls on timers that send signals (timer_create(2) and family). CPU-time clocks are left out: -EINVAL. */
#include "mm/user.h"
#include "proc/posix_timer.h"
#include "proc/task.h"
#include "sys/clock.h"
#include "sys/syscall.h"

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };
constexpr int TIMER_ABSTIME = 1;
constexpr u64 TIMESPEC_SIZE = 16;

struct sigevent {
	u64 value;
	s32 signo, notify, tid;
	u8 pad[44];
};
static_assert(sizeof(struct sigevent) == 64);

static bool clock_ok(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
	case CLOCK_TAI:
		return true;
	default:
		return false;
	}
}

static int decode_event(va_t from, struct timer_event *e)
{
	struct sigevent ev;

	*e = (struct timer_event){ .signo = SIGALRM, .value_is_id = true };
	if (!from)
		return 0;
	if (get_user(ev, from))
		return -EFAULT;
	*e = (struct timer_event){ .signo = ev.signo, .value = ev.value };
	if (ev.notify == SIGEV_NONE) {
		e->signo = 0;
		return 0;
	}
	if (ev.signo < 1 || ev.signo > NSIG)
		return -EINVAL;
	if (ev.notify == SIGEV_THREAD_ID) {
		struct thread *t = ev.tid > 0 ? thread_find(ev.tid) : nullptr;
		bool ours = t && t->task == task_current();

		if (t)
			thread_put(t);
		e->tid = ev.tid;
		return ours ? 0 : -EINVAL;
	}
	return ev.notify == SIGEV_SIGNAL || ev.notify == SIGEV_THREAD ? 0 : -EINVAL;
}

SYSCALL(timer_create)
{
	struct timer_event e;

	if (!clock_ok(ARG_INT(0)))
		return -EINVAL;
	int err = decode_event(ARG_PTR(1), &e);

	if (err)
		return err;
	int id = posix_timer_create(ARG_INT(0), &e);

	if (id < 0)
		return id;
	if (put_user(ARG_PTR(2), id)) {
		posix_timer_delete(id);
		return -EFAULT;
	}
	return 0;
}

static int put_setting(va_t to, const struct timer_setting *s)
{
	int err = timespec_put(to, s->interval);

	return err ?: timespec_put(to + TIMESPEC_SIZE, s->deadline);
}

/* deadline is in the clock's own terms, or from now. */
static int decode_setting(va_t from, int clock, bool absolute, struct timer_setting *s)
{
	u64 ns;
	int err = timespec_get(from, &s->interval);

	if (!err)
		err = timespec_get(from + TIMESPEC_SIZE, &ns);
	if (err)
		return err;
	s->deadline = !ns ? ~0ul : absolute ? deadline_at(clock, ns) : deadline_after(ns);
	return 0;
}

SYSCALL(timer_settime)
{
	struct timer_setting set, old;
	int id = ARG_INT(0), clock = posix_timer_clock(id);
	va_t old_at = ARG_PTR(3);

	if (!ARG_PTR(2))
		return -EINVAL;
	if (clock < 0)
		return clock;
	int err = decode_setting(ARG_PTR(2), clock, ARG_INT(1) & TIMER_ABSTIME, &set);

	if (!err)
		err = posix_timer_set(id, &set, &old);
	if (err)
		return err;
	return old_at ? put_setting(old_at, &old) : 0;
}

SYSCALL(timer_gettime)
{
	struct timer_setting now;
	int err = posix_timer_set(ARG_INT(0), nullptr, &now);

	return err ?: put_setting(ARG_PTR(1), &now);
}

SYSCALL(timer_getoverrun)
{
	return posix_timer_overrun(ARG_INT(0));
}

SYSCALL(timer_delete)
{
	return posix_timer_delete(ARG_INT(0));
}
