// SPDX-License-Identifier: MIT
/* System calls on signals and interval timers: decoders of proc/signal.h and proc/itimer.h. */
#include "lib/string.h"
#include "mm/user.h"
#include "proc/itimer.h"
#include "proc/task.h"
#include "sys/clock.h"
#include "sys/syscall.h"
#include <abi.h>

const u64 signal_restart_syscall = ABI_GENERIC ? 128 : 219;

/* ---- sending */

static struct siginfo from_me(int sig, int code)
{
	struct siginfo info = { .signo = sig, .code = code };

	info.rt.pid = task_current()->pid;
	info.rt.uid = cred_current()->uid;
	return info;
}

SYSCALL(kill)
{
	struct siginfo info = from_me(ARG_INT(1), SI_USER);

	return signal_kill(ARG_INT(0), ARG_INT(1), &info);
}

SYSCALL(tkill)
{
	struct siginfo info = from_me(ARG_INT(1), SI_TKILL);

	return signal_kill_thread(-1, ARG_INT(0), ARG_INT(1), &info);
}

SYSCALL(tgkill)
{
	struct siginfo info = from_me(ARG_INT(2), SI_TKILL);

	if (ARG_INT(0) <= 0)
		return -EINVAL;
	return signal_kill_thread(ARG_INT(0), ARG_INT(1), ARG_INT(2), &info);
}

/* Nobody may pretend to be the kernel, or kill(2), towards another. */
static long get_info(struct siginfo *info, va_t uaddr, int to, int sig)
{
	int err = siginfo_get(info, uaddr, sig);

	if (err)
		return err;
	return (info->code >= 0 || info->code == SI_TKILL) && to != task_current()->pid ? -EPERM : 0;
}

SYSCALL(rt_sigqueueinfo)
{
	struct siginfo info;

	return get_info(&info, ARG_PTR(2), ARG_INT(0), ARG_INT(1)) ?:
	       ARG_INT(0) <= 0 ? -ESRCH : signal_kill(ARG_INT(0), ARG_INT(1), &info);
}

SYSCALL(rt_tgsigqueueinfo)
{
	struct siginfo info;

	if (ARG_INT(0) <= 0)
		return -EINVAL;
	return get_info(&info, ARG_PTR(3), ARG_INT(0), ARG_INT(2)) ?:
	       signal_kill_thread(ARG_INT(0), ARG_INT(1), ARG_INT(2), &info);
}

/* ---- actions and masks */

SYSCALL(rt_sigaction)
{
	struct sigaction act, old;
	va_t set = ARG_PTR(1), get = ARG_PTR(2);

	if (ARG_U64(3) != sizeof(u64))
		return -EINVAL;
	if (set && get_user(act, set))
		return -EFAULT;
	int err = signal_set_action(ARG_INT(0), set ? &act : nullptr, &old);

	return !err && get && put_user(get, old) ? -EFAULT : err;
}

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

SYSCALL(rt_sigprocmask)
{
	u64 old = thread_current()->blocked, set;
	va_t from = ARG_PTR(1), to = ARG_PTR(2);

	if (ARG_U64(3) != sizeof(u64))
		return -EINVAL;
	if (from) {
		if (get_user(set, from))
			return -EFAULT;
		switch (ARG_INT(0)) {
		case SIG_BLOCK:
			signal_set_blocked(old | set);
			break;
		case SIG_UNBLOCK:
			signal_set_blocked(old & ~set);
			break;
		case SIG_SETMASK:
			signal_set_blocked(set);
			break;
		default:
			return -EINVAL;
		}
	}
	return to ? put_user(to, old) : 0;
}

SYSCALL(rt_sigpending)
{
	u64 set = signal_pending_set() & thread_current()->blocked;

	if (ARG_U64(1) > sizeof(set))
		return -EINVAL;
	return copy_to_user(ARG_PTR(0), &set, ARG_U64(1));
}

SYSCALL(rt_sigreturn)
{
	signal_return(f);
	return (long)frame_result(f);
}

SYSCALL(sigaltstack)
{
	struct altstack set, old;
	va_t from = ARG_PTR(0), to = ARG_PTR(1);

	if (from && get_user(set, from))
		return -EFAULT;
	int err = signal_altstack(from ? &set : nullptr, &old, frame_sp(f));

	return !err && to && put_user(to, old) ? -EFAULT : err;
}

/* ---- waiting */

/* Only a handler that has run ends these. */
static long wait_for_handler(void)
{
	while (!signal_pending())
		(void)!sleep_until(~0ul, true);
	return -ERESTARTNOHAND;
}

SYSCALL(pause)
{
	return wait_for_handler();
}

SYSCALL(rt_sigsuspend)
{
	u64 mask;

	if (ARG_U64(1) != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, ARG_PTR(0)))
		return -EFAULT;
	signal_mask_replace(mask);
	return wait_for_handler();
}

SYSCALL(rt_sigtimedwait)
{
	va_t info_at = ARG_PTR(1), limit = ARG_PTR(2);
	u64 set, ns = 0;
	struct siginfo info;

	if (ARG_U64(3) != sizeof(set))
		return -EINVAL;
	if (get_user(set, ARG_PTR(0)))
		return -EFAULT;
	int err = limit ? timespec_get(limit, &ns) : 0;

	if (err)
		return err;
	int sig = signal_wait(set, limit ? deadline_after(ns) : ~0ul, &info);

	return sig > 0 && info_at && siginfo_put(info_at, &info) ? -EFAULT : sig;
}

SYSCALL(restart_syscall)
{
	struct thread *t = thread_current();
	int (*fn)(struct thread *t) = t->restart.fn;

	t->restart.fn = nullptr;
	return fn ? fn(t) : -EINTR;
}

/* ---- interval timers */

SYSCALL(alarm)
{
	struct itimer set = { .value = ARG_UINT(0) * NS_PER_SECOND }, old;

	itimer_set(ITIMER_REAL, &set, &old);
	/* An alarm that is about to go off has a second left, not none. */
	return (long)((old.value + NS_PER_SECOND - 1) / NS_PER_SECOND);
}

/* struct itimerval: interval, value. */
constexpr u64 TIMEVAL_SIZE = 16;

static long put_itimer(va_t to, const struct itimer *t)
{
	int err = timeval_put(to, t->interval);

	return err ?: timeval_put(to + TIMEVAL_SIZE, t->value);
}

SYSCALL(getitimer)
{
	struct itimer t;

	if (ARG_UINT(0) > ITIMER_PROF)
		return -EINVAL;
	itimer_get(ARG_INT(0), &t);
	return put_itimer(ARG_PTR(1), &t);
}

SYSCALL(setitimer)
{
	struct itimer set = {}, old;
	va_t from = ARG_PTR(1), to = ARG_PTR(2);
	int err = from ? timeval_get(from, &set.interval) : 0;

	if (!err && from)
		err = timeval_get(from + TIMEVAL_SIZE, &set.value);
	if (err)
		return err;
	if (ARG_UINT(0) > ITIMER_PROF)
		return -EINVAL;
	itimer_set(ARG_INT(0), &set, &old);
	return to ? put_itimer(to, &old) : 0;
}
