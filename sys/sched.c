// SPDX-License-Identifier: MIT
/* System calls on scheduling: policies, nice values, CPUs. Permissions as sched(7) has them. */
#include "proc/sched.h"
#include "lib/string.h"
#include "mm/user.h"
#include "proc/task.h"
#include "sys/clock.h"
#include "sys/syscall.h"

constexpr int SCHED_RESET_ON_FORK = 0x40000000;
enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

SYSCALL(sched_yield)
{
	sched_yield();
	return 0;
}

SYSCALL(getcpu)
{
	u32 cpu = cpu_id(), node = 0;
	int err = ARG_PTR(0) ? put_user(ARG_PTR(0), cpu) : 0;

	if (err || !ARG_PTR(1))
		return err;
	return put_user(ARG_PTR(1), node);
}

/* By thread number, 0: the current one; with a reference. */
static struct thread *find(int tid)
{
	if (tid)
		return tid > 0 ? thread_find(tid) : nullptr;
	thread_get(thread_current());
	return thread_current();
}

static bool same_owner(struct thread *t)
{
	const struct cred *mine = cred_current();
	const struct cred *its = t->task ? cred_of(t->task) : nullptr;
	bool same = its && (mine->euid == its->euid || mine->euid == its->uid);

	if (its)
		cred_put(its);
	return same || cred_capable(mine, CAP_SYS_NICE);
}

/* ---- CPUs */

SYSCALL(sched_getaffinity)
{
	unsigned size = ARG_UINT(1);

	if (size < sizeof(u64) || !is_aligned(size, sizeof(u64)))
		return -EINVAL;
	struct thread *t = find(ARG_INT(0));

	if (!t)
		return -ESRCH;
	u64 mask = sched_affinity(t);

	thread_put(t);
	return put_user(ARG_PTR(2), mask) ? -EFAULT : (long)sizeof(mask);
}

SYSCALL(sched_setaffinity)
{
	u64 mask = 0;
	size_t size = min((size_t)ARG_UINT(1), sizeof(mask));

	if (copy_from_user(&mask, ARG_PTR(2), size))
		return -EFAULT;
	struct thread *t = find(ARG_INT(0));

	if (!t)
		return -ESRCH;
	int err = same_owner(t) ? sched_set_affinity(t, mask) : -EPERM;

	thread_put(t);
	return err;
}

/* ---- policies */

static bool policy_is_rt(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool policy_exists(int policy)
{
	return policy_is_rt(policy) || policy == SCHED_NORMAL || policy == SCHED_BATCH ||
	       policy == SCHED_IDLE;
}

static int may_set_policy(struct thread *t, int policy, int priority)
{
	if (!same_owner(t))
		return -EPERM;
	if (!policy_is_rt(policy) || cred_capable(cred_current(), CAP_SYS_NICE))
		return 0;
	return (u64)priority <= task_current()->limits[RLIM_RTPRIO].cur ? 0 : -EPERM;
}

/* policy < 0: keep it, and the flag. */
static int change_policy(struct thread *t, int policy, int priority)
{
	bool reset = policy < 0 ? t->reset_on_fork : policy & SCHED_RESET_ON_FORK;

	policy = policy < 0 ? t->policy : policy & ~SCHED_RESET_ON_FORK;
	int least = policy_is_rt(policy) ? 1 : 0, most = policy_is_rt(policy) ? RT_PRIORITY_MAX : 0;
	bool fits = priority >= least && priority <= most;
	int err = !policy_exists(policy) || !fits ? -EINVAL : may_set_policy(t, policy, priority);

	if (err)
		return err;
	t->reset_on_fork = reset;
	sched_set_policy(t, (u8)policy, (u8)priority);
	return 0;
}

static int set_policy(int tid, int policy, va_t param)
{
	s32 priority;

	if (tid < 0 || !param)
		return -EINVAL;
	if (get_user(priority, param))
		return -EFAULT;
	struct thread *t = find(tid);

	if (!t)
		return -ESRCH;
	int err = change_policy(t, policy, priority);

	thread_put(t);
	return err;
}

SYSCALL(sched_setscheduler)
{
	return ARG_INT(1) < 0 ? -EINVAL : set_policy(ARG_INT(0), ARG_INT(1), ARG_PTR(2));
}

SYSCALL(sched_setparam)
{
	return set_policy(ARG_INT(0), -1, ARG_PTR(1));
}

SYSCALL(sched_getscheduler)
{
	if (ARG_INT(0) < 0)
		return -EINVAL;
	struct thread *t = find(ARG_INT(0));

	if (!t)
		return -ESRCH;
	long policy = t->policy | (t->reset_on_fork ? SCHED_RESET_ON_FORK : 0);

	thread_put(t);
	return policy;
}

SYSCALL(sched_getparam)
{
	if (ARG_INT(0) < 0 || !ARG_PTR(1))
		return -EINVAL;
	struct thread *t = find(ARG_INT(0));

	if (!t)
		return -ESRCH;
	s32 priority = t->rt_own;

	thread_put(t);
	return put_user(ARG_PTR(1), priority);
}

SYSCALL(sched_get_priority_max)
{
	if (!policy_exists(ARG_INT(0)))
		return -EINVAL;
	return policy_is_rt(ARG_INT(0)) ? RT_PRIORITY_MAX : 0;
}

SYSCALL(sched_get_priority_min)
{
	if (!policy_exists(ARG_INT(0)))
		return -EINVAL;
	return policy_is_rt(ARG_INT(0)) ? 1 : 0;
}

SYSCALL(sched_rr_get_interval)
{
	if (ARG_INT(0) < 0)
		return -EINVAL;
	struct thread *t = find(ARG_INT(0));

	if (!t)
		return -ESRCH;
	u64 ns = t->policy == SCHED_RR	 ? SCHED_RR_SLICE_NS :
		 t->policy == SCHED_FIFO ? 0 : SCHED_SLICE_NS;

	thread_put(t);
	return timespec_put(ARG_PTR(1), ns);
}

/* ---- nice values: of a thread, of all threads of a process group, of all of a user */

static int change_nice(struct thread *t, int nice)
{
	u64 limit = t->task ? load_relaxed(&t->task->limits[RLIM_NICE].cur) : 0;

	if (!same_owner(t))
		return -EPERM;
	if (nice < t->nice && nice < 20 - (int)min(limit, 40ul) &&
	    !cred_capable(cred_current(), CAP_SYS_NICE))
		return -EACCES;
	sched_set_nice(t, nice);
	return 0;
}

struct prio_walk {
	int which;
	u32 who;
	bool set;
	int nice;	/* to set; or the least found */
	int err;	/* -ESRCH until one is found */
};

static void prio_visit(struct prio_walk *w, struct thread *t)
{
	if (w->err == -ESRCH)
		w->err = 0;
	if (!w->set)
		w->nice = min(w->nice, t->nice);
	else
		w->err = change_nice(t, w->nice) ?: w->err;
}

static bool prio_selects(const struct prio_walk *w, struct task *task)
{
	if (w->which == PRIO_PGRP)
		return (u32)task->pgid == w->who;
	const struct cred *c = cred_of(task);
	bool same = c->uid == w->who;

	cred_put(c);
	return same;
}

static int prio_walk(struct prio_walk *w)
{
	w->err = -ESRCH;
	if (w->which == PRIO_PROCESS) {
		struct thread *t = find((int)w->who);

		if (t) {
			prio_visit(w, t);
			thread_put(t);
		}
		return w->err;
	}
	if (!w->who)
		w->who = w->which == PRIO_PGRP ? (u32)task_current()->pgid : cred_current()->uid;
	u64 flags = spin_lock_irq(&tasks_lock);

	list_for_each(task, &tasks, struct task, all) {
		if (task->zombie || !prio_selects(w, task))
			continue;
		list_for_each(t, &task->threads, struct thread, in_task)
			prio_visit(w, t);
	}
	spin_unlock_irq(&tasks_lock, flags);
	return w->err;
}

SYSCALL(getpriority)
{
	struct prio_walk w = { .which = ARG_INT(0), .who = ARG_UINT(1), .nice = 19 };

	if (w.which < PRIO_PROCESS || w.which > PRIO_USER)
		return -EINVAL;
	return prio_walk(&w) ?: 20 - w.nice;	/* the library turns it round again */
}

SYSCALL(setpriority)
{
	struct prio_walk w = { .which = ARG_INT(0), .who = ARG_UINT(1), .set = true,
			       .nice = min(max(ARG_INT(2), -20), 19) };

	if (w.which < PRIO_PROCESS || w.which > PRIO_USER)
		return -EINVAL;
	return prio_walk(&w);
}

/* ---- both at once: sched_setattr(2). Of struct sched_attr there is more than one size; deadlines
 * and clamps are not for us. */

struct sched_attr {
	u32 size, policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime, deadline, period;
};
static_assert(sizeof(struct sched_attr) == 48);

constexpr u64 ATTR_RESET_ON_FORK = 1;

/* What a newer program says in fields that we do not know must be nothing. */
static int attr_get(va_t uaddr, struct sched_attr *attr)
{
	u32 size;
	u8 rest[PAGE_SIZE / 16];

	if (get_user(size, uaddr))
		return -EFAULT;
	if (size == 0)
		size = sizeof(*attr);
	if (size < sizeof(*attr) || size > sizeof(*attr) + sizeof(rest)) {
		size = sizeof(*attr);
		return put_user(uaddr, size) ? -EFAULT : -E2BIG;
	}
	if (get_user(*attr, uaddr) ||
	    copy_from_user(rest, uaddr + sizeof(*attr), size - sizeof(*attr)))
		return -EFAULT;
	return mem_other(rest, 0, size - sizeof(*attr)) ? -E2BIG : 0;
}

SYSCALL(sched_setattr)
{
	struct sched_attr attr;

	if (ARG_INT(0) < 0 || !ARG_PTR(1) || ARG_UINT(2))
		return -EINVAL;
	int err = attr_get(ARG_PTR(1), &attr);

	if (err)
		return err;
	if ((attr.flags & ~ATTR_RESET_ON_FORK) || (s32)attr.policy < 0 ||
	    (attr.policy & SCHED_RESET_ON_FORK))
		return -EINVAL;
	struct thread *t = find(ARG_INT(0));

	if (!t)
		return -ESRCH;
	int flag = attr.flags & ATTR_RESET_ON_FORK ? SCHED_RESET_ON_FORK : 0;

	err = change_policy(t, (int)attr.policy | flag, (int)attr.priority);
	if (!err && !policy_is_rt((int)attr.policy))
		err = change_nice(t, min(max(attr.nice, -20), 19));
	thread_put(t);
	return err;
}

SYSCALL(sched_getattr)
{
	u32 size = ARG_UINT(2);

	if (ARG_INT(0) < 0 || !ARG_PTR(1) || ARG_UINT(3) || size < sizeof(struct sched_attr) ||
	    size > PAGE_SIZE)
		return -EINVAL;
	struct thread *t = find(ARG_INT(0));

	if (!t)
		return -ESRCH;
	struct sched_attr attr = {
		.size = sizeof(attr),
		.policy = t->policy,
		.flags = t->reset_on_fork ? ATTR_RESET_ON_FORK : 0,
		.nice = t->nice,
		.priority = t->rt_own,
	};

	thread_put(t);
	return put_user(ARG_PTR(1), attr);
}
