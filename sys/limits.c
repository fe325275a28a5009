// SPDX-License-Identifier: MIT
/* System calls on resource limits and usage (getrlimit(2), getrusage(2), times(2)). */
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "sys/clock.h"
#include "sys/rusage.h"
#include "sys/syscall.h"

constexpr u64 NOFILE_MOST = 1ul << 20;		/* /proc/sys/fs/nr_open */
constexpr u64 TICK_NS = NS_PER_SECOND / 100;	/* clock_t */

/* ---- limits */

static bool may_change(const struct rlimit *old, const struct rlimit *set)
{
	return set->max <= old->max || cred_capable(cred_current(), CAP_SYS_RESOURCE);
}

/* mm reads these at every fault and mmap, where the task is not at hand. */
static void tell_vm(struct task *t)
{
	if (!t->vm)
		return;
	t->vm->limits = (struct vm_limits){
		.as = t->limits[RLIM_AS].cur,
		.data = t->limits[RLIM_DATA].cur,
		.stack = t->limits[RLIM_STACK].cur,
		.memlock = t->limits[RLIM_MEMLOCK].cur,
	};
}

static long change(struct task *t, unsigned which, const struct rlimit *set, struct rlimit *old)
{
	scoped_spin(&t->lock);
	*old = t->limits[which];
	if (!set)
		return 0;
	if (set->cur > set->max)
		return -EINVAL;
	if (which == RLIM_NOFILE && set->max > NOFILE_MOST)
		return -EPERM;
	if (!may_change(old, set))
		return -EPERM;
	t->limits[which] = *set;
	tell_vm(t);
	return 0;
}

/* Another's limits: same user in every respect, or CAP_SYS_RESOURCE (prlimit(2)). */
static bool may_touch(struct task *t)
{
	const struct cred *mine = cred_current(), *its = cred_of(t);
	bool same = mine->uid == its->uid && mine->uid == its->euid && mine->uid == its->suid &&
		mine->gid == its->gid && mine->gid == its->egid && mine->gid == its->sgid;

	cred_put(its);
	return same || t == task_current() || cred_capable(mine, CAP_SYS_RESOURCE);
}

static long limit(int pid, unsigned which, va_t set_at, va_t old_at)
{
	struct rlimit set, old;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	if (set_at && get_user(set, set_at))
		return -EFAULT;
	struct task *t = pid ? task_find(pid) : task_current();

	if (!t)
		return -ESRCH;
	long err = may_touch(t) ? change(t, which, set_at ? &set : nullptr, &old) : -EPERM;

	if (pid)
		task_put(t);
	return !err && old_at && put_user(old_at, old) ? -EFAULT : err;
}

SYSCALL(prlimit64)
{
	return limit(ARG_INT(0), ARG_UINT(1), ARG_PTR(2), ARG_PTR(3));
}

SYSCALL(getrlimit)
{
	return ARG_PTR(1) ? limit(0, ARG_UINT(0), 0, ARG_PTR(1)) : -EFAULT;
}

SYSCALL(setrlimit)
{
	return ARG_PTR(1) ? limit(0, ARG_UINT(0), ARG_PTR(1), 0) : -EFAULT;
}

/* ---- usage */

struct rusage {
	s64 user_sec, user_usec, system_sec, system_usec;
	s64 maxrss_kib, unused1[3];
	s64 minflt, majflt, unused2[6];
	s64 nvcsw, nivcsw;
};
static_assert(sizeof(struct rusage) == 144);

static void set_times(struct rusage *r, u64 user_ns, u64 system_ns)
{
	r->user_sec = (s64)(user_ns / NS_PER_SECOND);
	r->user_usec = (s64)(user_ns % NS_PER_SECOND / 1000);
	r->system_sec = (s64)(system_ns / NS_PER_SECOND);
	r->system_usec = (s64)(system_ns % NS_PER_SECOND / 1000);
}

int rusage_put_child(va_t uaddr, const struct wait_result *w)
{
	struct rusage r = {
		.maxrss_kib = (s64)(w->max_rss_pages * (PAGE_SIZE / KiB)),
		.minflt = (s64)w->min_faults,
		.majflt = (s64)w->maj_faults,
	};

	set_times(&r, w->user_ns, w->system_ns);
	return put_user(uaddr, r);
}

static s64 maxrss_kib(const struct task *self)
{
	return (s64)(max(self->max_rss_pages, vm_rss_peak(self->vm, true)) * (PAGE_SIZE / KiB));
}

static void usage_of_thread(struct rusage *r)
{
	struct thread *t = thread_current();
	u64 user_ns, system_ns;

	thread_times(t, &user_ns, &system_ns);
	set_times(r, user_ns, system_ns);
	r->maxrss_kib = maxrss_kib(t->task);
	r->nvcsw = (s64)t->switches_voluntary;
	r->nivcsw = (s64)t->switches_forced;
}

static void usage_of_task(struct rusage *r)
{
	struct task *task = task_current();
	u64 user_ns, system_ns;

	task_times(task, &user_ns, &system_ns);
	set_times(r, user_ns, system_ns);
	r->maxrss_kib = maxrss_kib(task);
	r->minflt = (s64)(task->min_faults + load_relaxed(&task->vm->min_faults));
	r->majflt = (s64)(task->maj_faults + load_relaxed(&task->vm->maj_faults));
	r->nvcsw = (s64)task->switches_voluntary;
	r->nivcsw = (s64)task->switches_forced;
	u64 flags = spin_lock_irq(&tasks_lock);

	list_for_each(t, &task->threads, struct thread, in_task) {
		r->nvcsw += (s64)t->switches_voluntary;
		r->nivcsw += (s64)t->switches_forced;
	}
	spin_unlock_irq(&tasks_lock, flags);
}

static void usage_of_children(struct rusage *r)
{
	struct task *task = task_current();

	set_times(r, task->child_user_ns, task->child_system_ns);
	r->maxrss_kib = (s64)(task->child_max_rss_pages * (PAGE_SIZE / KiB));
	r->minflt = (s64)task->child_min_faults;
	r->majflt = (s64)task->child_maj_faults;
}

enum { RUSAGE_CHILDREN = -1, RUSAGE_SELF, RUSAGE_THREAD };

SYSCALL(getrusage)
{
	struct rusage r = {};

	switch (ARG_INT(0)) {
	case RUSAGE_SELF:
		usage_of_task(&r);
		break;
	case RUSAGE_CHILDREN:
		usage_of_children(&r);
		break;
	case RUSAGE_THREAD:
		usage_of_thread(&r);
		break;
	default:
		return -EINVAL;
	}
	return put_user(ARG_PTR(1), r);
}

SYSCALL(times)
{
	struct task *task = task_current();
	u64 user_ns, system_ns;

	task_times(task, &user_ns, &system_ns);
	u64 ticks[4] = { user_ns / TICK_NS, system_ns / TICK_NS, task->child_user_ns / TICK_NS,
			 task->child_system_ns / TICK_NS };

	if (ARG_PTR(0) && put_user(ARG_PTR(0), ticks))
		return -EFAULT;
	return (long)(arch_clock_ns() / TICK_NS);
}
