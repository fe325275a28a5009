// SPDX-License-Identifier: MIT
/*
 * Interval timers of a task (setitimer(2)) and its limit of CPU time. ITIMER_REAL is a timer of the machine, which goes on when its
 * signal is taken: who asks for a million signals a second gets as many as he takes. The other two and RLIMIT_CPU count
 * down at clock ticks of the task's threads.
 *
 * Locks: siglock; the real one is disarmed without it, because that waits for its function, which takes it.
 */
#include "arch/arch.h"
#include "proc/itimer.h"
#include "proc/posix_timer.h"
#include "proc/tree.h"

constexpr u64 SECOND = 1'000'000'000;

/* The next moment after now. Under siglock, with an interval. */
static u64 real_next(const struct task *t)
{
	u64 now = arch_clock_ns(), last = t->itimer_real.deadline, interval = t->itimer_real_interval;

	return last > now ? last : last + ((now - last) / interval + 1) * interval;
}

static void real_goes_on(struct task *t, u64 delay)
{
	t->itimer_real_waits = false;
	timer_arm(&t->itimer_real, max(real_next(t), arch_clock_ns() + delay));
}

static void real_fires(struct timer *timer)
{
	struct task *t = container_of(timer, struct task, itimer_real);

	scoped_spin(&t->siglock);
	(void)signal_send_locked(t, nullptr, SIGALRM, nullptr, false);
	if (!t->itimer_real_interval)
		return;
	if (t->pending.set & sig_bit(SIGALRM))
		t->itimer_real_waits = true;
	else
		real_goes_on(t, TIMER_UNHEARD_NS);
}

void timers_signal_taken(struct task *t, struct siginfo *info)
{
	if (info->signo == SIGALRM && t->itimer_real_waits)
		real_goes_on(t, 0);
	if (t->posix_timers)
		posix_timers_signal_taken(t, info);
}

void timers_signals_dropped(struct task *t, u64 set)
{
	if ((set & sig_bit(SIGALRM)) && t->itimer_real_waits)
		real_goes_on(t, TIMER_UNHEARD_NS);
	if (t->posix_timers)
		posix_timers_signals_dropped(t, set);
}

void itimer_init(struct task *t)
{
	timer_init(&t->itimer_real, real_fires);
}

void itimer_cancel(struct task *t)
{
	u64 flags = spin_lock_irq(&t->siglock);

	t->itimer_real_interval = 0;
	t->itimer_real_waits = false;
	spin_unlock_irq(&t->siglock, flags);
	timer_cancel(&t->itimer_real);
}

static void real_get(struct task *t, struct itimer *out)
{
	u64 flags = spin_lock_irq(&t->siglock), now = arch_clock_ns();

	*out = (struct itimer){ .interval = t->itimer_real_interval };
	if (t->itimer_real_waits)
		out->value = real_next(t) - now;
	else if (t->itimer_real.armed)
		out->value = t->itimer_real.deadline > now ? t->itimer_real.deadline - now : 1;
	spin_unlock_irq(&t->siglock, flags);
}

static void real_set(struct task *t, const struct itimer *in)
{
	itimer_cancel(t);
	u64 flags = spin_lock_irq(&t->siglock);

	/* Another thread may have set it in between, and it may have run out: all that says so is replaced. */
	t->itimer_real_waits = false;
	t->itimer_real_interval = in->value ? in->interval : 0;
	if (in->value)
		timer_arm(&t->itimer_real, arch_clock_ns() + in->value);
	spin_unlock_irq(&t->siglock, flags);
}

void itimer_get(int which, struct itimer *out)
{
	struct task *t = task_current();

	if (which == ITIMER_REAL) {
		real_get(t, out);
		return;
	}
	u64 flags = spin_lock_irq(&t->siglock);

	if (which == ITIMER_VIRTUAL)
		*out = (struct itimer){ t->itimer_virtual, t->itimer_virtual_interval };
	else
		*out = (struct itimer){ t->itimer_prof, t->itimer_prof_interval };
	spin_unlock_irq(&t->siglock, flags);
}

void itimer_set(int which, const struct itimer *in, struct itimer *old)
{
	struct task *t = task_current();

	itimer_get(which, old);
	if (which == ITIMER_REAL) {
		real_set(t, in);
		return;
	}
	u64 flags = spin_lock_irq(&t->siglock);

	if (which == ITIMER_VIRTUAL) {
		t->itimer_virtual = in->value;
		t->itimer_virtual_interval = in->interval;
	} else {
		t->itimer_prof = in->value;
		t->itimer_prof_interval = in->interval;
	}
	spin_unlock_irq(&t->siglock, flags);
}

/* True: it has run out, and has been set again if it repeats. */
static bool count_down(u64 *left, u64 interval, u64 ns)
{
	if (!*left)
		return false;
	bool out = *left <= ns;

	*left = out ? interval : *left - ns;
	return out;
}

/* Beyond the soft limit SIGXCPU once a second, beyond the hard one SIGKILL. */
static int cpu_limit_signal(struct task *t, u64 used, u64 ns)
{
	u64 soft = t->limits[RLIM_CPU].cur, hard = t->limits[RLIM_CPU].max;

	if (hard < ~0ul / SECOND && used >= hard * SECOND)
		return SIGKILL;
	if (soft < ~0ul / SECOND && used >= soft * SECOND && used % SECOND < ns)
		return SIGXCPU;
	return 0;
}

void itimer_tick(struct thread *thread, u64 ns, bool user)
{
	struct task *t = thread->task;
	bool limited = t->limits[RLIM_CPU].cur != ~0ul;

	if (likely(!limited && !t->itimer_virtual && !t->itimer_prof))
		return;
	u64 flags = spin_lock_irq(&t->siglock);
	bool virtual = user && count_down(&t->itimer_virtual, t->itimer_virtual_interval, ns);
	bool prof = count_down(&t->itimer_prof, t->itimer_prof_interval, ns);
	/* Of several threads each sees the others' time late: a tick more or less. */
	u64 used = t->user_ns + t->system_ns + thread->user_ns + thread->system_ns;
	int over = limited ? cpu_limit_signal(t, used, ns) : 0;

	if (virtual)
		signal_send_locked(t, nullptr, SIGVTALRM, nullptr, false);
	if (prof)
		signal_send_locked(t, nullptr, SIGPROF, nullptr, false);
	if (over)
		signal_send_locked(t, nullptr, over, nullptr, false);
	spin_unlock_irq(&t->siglock, flags);
}
