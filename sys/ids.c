// SPDX-License-Identifier: MIT
/* System calls on the numbers of processes and threads, process groups and sessions, and small per-thread settings. */
#include "fs/tty.h"
#include "mm/user.h"
#include "proc/cred.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "sys/syscall.h"

SYSCALL(getpid)
{
	return task_current()->pid;
}

SYSCALL(gettid)
{
	return thread_current()->tid;
}

SYSCALL(getppid)
{
	return load_relaxed(&task_current()->ppid);
}

SYSCALL(setpgid)
{
	return task_setpgid(ARG_INT(0), ARG_INT(1));
}

SYSCALL(setsid)
{
	return task_setsid();
}

/* Of the session's terminal; without one it has nothing to do. */
SYSCALL(vhangup)
{
	if (!cred_capable(cred_current(), CAP_SYS_TTY_CONFIG))
		return -EPERM;
	struct tty *t = tty_current_get();

	if (t) {
		tty_hangup(t);
		tty_put(t);
	}
	return 0;
}

SYSCALL(getpgrp)
{
	return task_current()->pgid;
}

/* By number, 0: the current one; with a reference. */
static struct task *find(int pid)
{
	if (pid)
		return pid > 0 ? task_find(pid) : nullptr;
	task_get(task_current());
	return task_current();
}

SYSCALL(getpgid)
{
	struct task *t = find(ARG_INT(0));

	if (!t)
		return -ESRCH;
	long pgid = t->pgid;

	task_put(t);
	return pgid;
}

SYSCALL(getsid)
{
	struct task *t = find(ARG_INT(0));

	if (!t)
		return -ESRCH;
	long sid = t->sid;

	task_put(t);
	return sid;
}

SYSCALL(set_tid_address)
{
	struct thread *t = thread_current();

	t->clear_child_tid = ARG_PTR(0);
	return t->tid;
}

constexpr u64 ROBUST_HEAD_SIZE = 24;

SYSCALL(set_robust_list)
{
	if (ARG_U64(1) != ROBUST_HEAD_SIZE)
		return -EINVAL;
	thread_current()->robust_list = ARG_PTR(0);
	return 0;
}

SYSCALL(get_robust_list)
{
	int tid = ARG_INT(0);
	u64 size = ROBUST_HEAD_SIZE;
	struct thread *t = tid ? thread_find(tid) : thread_current();

	if (!t)
		return -ESRCH;
	int err = signal_permitted(t->task, 0);
	va_t head = t->robust_list;

	if (tid)
		thread_put(t);
	if (err)
		return err;
	return put_user(ARG_PTR(1), head) || put_user(ARG_PTR(2), size) ? -EFAULT : 0;
}
