// SPDX-License-Identifier: MIT
/* System calls on clocks, and sleeping by them. */
#include "sys/clock.h"
#include "mm/user.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "sys/syscall.h"

struct timespec {
	s64 sec, nsec;
};
struct timeval {
	s64 sec, usec;
};

constexpr u64 NS_MAX = INT64_MAX;
constexpr int TIMER_ABSTIME = 1;

static u64 from_seconds(s64 sec, u64 ns)
{
	return (u64)sec > NS_MAX / NS_PER_SECOND - 1 ? NS_MAX : (u64)sec * NS_PER_SECOND + ns;
}

int timespec_get(va_t uaddr, u64 *ns)
{
	struct timespec ts;
	int err = get_user(ts, uaddr);

	if (err)
		return err;
	if (ts.sec < 0 || (u64)ts.nsec >= NS_PER_SECOND)
		return -EINVAL;
	*ns = from_seconds(ts.sec, (u64)ts.nsec);
	return 0;
}

int timespec_put(va_t uaddr, u64 ns)
{
	struct timespec ts = { (s64)(ns / NS_PER_SECOND), (s64)(ns % NS_PER_SECOND) };

	return put_user(uaddr, ts);
}

int timeval_get(va_t uaddr, u64 *ns)
{
	struct timeval tv;
	int err = get_user(tv, uaddr);

	if (err)
		return err;
	if (tv.sec < 0 || (u64)tv.usec >= 1'000'000)
		return -EINVAL;
	*ns = from_seconds(tv.sec, (u64)tv.usec * 1000);
	return 0;
}

int timeval_put(va_t uaddr, u64 ns)
{
	struct timeval tv = { (s64)(ns / NS_PER_SECOND), (s64)(ns % NS_PER_SECOND / 1000) };

	return put_user(uaddr, tv);
}

/* ---- clocks */

/* CPU-time clocks (clock_getcpuclockid(3)): ~pid << 3 | 4 (a thread's) | which, 0 to 2. pid 0: the
 * caller's. */
constexpr int MY_TASK = -8, MY_THREAD = -4;

static int cpu_clock_read(int clock, u64 *ns)
{
	int pid = ~(clock >> 3);
	u64 user, system;

	if ((clock & 3) == 3)
		return -EINVAL;
	if (clock & 4) {
		struct thread *t = pid ? thread_find(pid) : thread_current();

		if (!t)
			return -EINVAL;
		thread_times(t, &user, &system);
		if (pid)
			thread_put(t);
	} else {
		struct task *t = pid ? task_find(pid) : task_current();

		if (!t)
			return -EINVAL;
		task_times(t, &user, &system);
		if (pid)
			task_put(t);
	}
	*ns = user + system;
	return 0;
}

int clock_read(int clock, u64 *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		*ns = clock_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = arch_clock_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		return cpu_clock_read(MY_TASK, ns);
	case CLOCK_THREAD_CPUTIME_ID:
		return cpu_clock_read(MY_THREAD, ns);
	default:
		return clock < 0 ? cpu_clock_read(clock, ns) : -EINVAL;
	}
}

u64 deadline_after(u64 ns)
{
	u64 now = arch_clock_ns();

	return ns > NS_MAX - now ? NS_MAX : now + ns;
}

static bool is_wall_clock(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

u64 deadline_at(int clock, u64 ns)
{
	if (!is_wall_clock(clock))
		return min(ns, NS_MAX);
	u64 now = clock_realtime_ns();

	return deadline_after(ns > now ? ns - now : 0);
}

SYSCALL(clock_gettime)
{
	u64 ns;
	int err = clock_read(ARG_INT(0), &ns);

	return err ? err : timespec_put(ARG_PTR(1), ns);
}

SYSCALL(clock_getres)
{
	u64 ns;
	int err = clock_read(ARG_INT(0), &ns);

	if (err || !ARG_PTR(1))
		return err;
	return timespec_put(ARG_PTR(1), 1);
}

static int set_wall_clock(u64 ns)
{
	if (!cred_capable(cred_current(), CAP_SYS_TIME))
		return -EPERM;
	return clock_set_realtime(ns);
}

SYSCALL(clock_settime)
{
	u64 ns;
	int err = timespec_get(ARG_PTR(1), &ns);

	if (err)
		return err;
	return ARG_INT(0) == CLOCK_REALTIME ? set_wall_clock(ns) : -EINVAL;
}

/* The kernel's own time zone is always UTC. */
static int put_timezone(va_t uaddr)
{
	struct { s32 minutes_west, dst; } utc = {};

	return uaddr ? put_user(uaddr, utc) : 0;
}

SYSCALL(gettimeofday)
{
	int err = ARG_PTR(0) ? timeval_put(ARG_PTR(0), clock_realtime_ns()) : 0;

	return err ? err : put_timezone(ARG_PTR(1));
}

SYSCALL(settimeofday)
{
	struct { s32 minutes_west, dst_time; } zone = {};
	u64 ns = 0;
	int err = ARG_PTR(0) ? timeval_get(ARG_PTR(0), &ns) : 0;

	if (err)
		return err;
	if (ARG_PTR(1) && get_user(zone, ARG_PTR(1)))
		return -EFAULT;
	if (zone.minutes_west < -15 * 60 || zone.minutes_west > 15 * 60)
		return -EINVAL;
	if (!ARG_PTR(0))	/* nobody asks for the zone */
		return cred_capable(cred_current(), CAP_SYS_TIME) ? 0 : -EPERM;
	return set_wall_clock(ns);
}

SYSCALL(time)
{
	s64 seconds = (s64)(clock_realtime_ns() / NS_PER_SECOND);

	if (ARG_PTR(0) && put_user(ARG_PTR(0), seconds))
		return -EFAULT;
	return seconds;
}

/* ---- sleeping */

static int sleep_restart(struct thread *t);

/* A relative sleep that a signal cuts short says how much is left, and goes on from there if no
 * handler ran. */
static int sleep_relative(u64 deadline_ns, va_t left)
{
	struct thread *self = thread_current();

	if (sleep_until(deadline_ns, true) == 0)
		return 0;
	u64 now = arch_clock_ns();

	if (left && timespec_put(left, deadline_ns > now ? deadline_ns - now : 0))
		return -EFAULT;
	self->restart.fn = sleep_restart;
	self->restart.deadline = deadline_ns;
	self->restart.arg[0] = left;
	return -ERESTART_BLOCK;
}

static int sleep_restart(struct thread *t)
{
	return sleep_relative(t->restart.deadline, (va_t)t->restart.arg[0]);
}

SYSCALL(nanosleep)
{
	u64 ns;
	int err = timespec_get(ARG_PTR(0), &ns);

	return err ? err : sleep_relative(deadline_after(ns), ARG_PTR(1));
}

static int can_sleep_by(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		return -EINVAL;
	default:
		return clock >= 0 && clock <= CLOCK_TAI ? -EOPNOTSUPP : -EINVAL;
	}
}

/* An absolute sleep by the wall clock ends at the moment that was meant when it began: setting the
 * clock does not move it. */
SYSCALL(clock_nanosleep)
{
	int clock = ARG_INT(0);
	u64 ns;
	int err = can_sleep_by(clock) ?: timespec_get(ARG_PTR(2), &ns);

	if (err)
		return err;
	if (!(ARG_INT(1) & TIMER_ABSTIME))
		return sleep_relative(deadline_after(ns), ARG_PTR(3));
	return sleep_until(deadline_at(clock, ns), true) ? -ERESTARTNOHAND : 0;
}
