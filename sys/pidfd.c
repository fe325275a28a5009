// SPDX-License-Identifier: MIT
/* System calls on descriptors of processes and signals: pidfd_open(2), pidfd_send_signal(2), signalfd(2). */
#include "fs/file.h"
#include "fs/pidfd.h"
#include "fs/signalfd.h"
#include "mm/user.h"
#include "proc/task.h"
#include "proc/unknown.h"
#include "sys/syscall.h"

static long install(struct file *file, u32 flags)
{
	int n = fd_install(file, flags & O_CLOEXEC, 0);

	if (n < 0)
		file_put(file);
	return n;
}

/* ---- processes */

SYSCALL(pidfd_open)
{
	int pid = ARG_INT(0);
	struct file *file;

	if (pid <= 0 || ARG_UINT(1) & ~O_NONBLOCK)
		return -EINVAL;
	struct task *t = task_find(pid);

	if (!t)
		return -ESRCH;
	int err = pidfd_new(t, ARG_UINT(1), &file);

	task_put(t);
	return err ?: install(file, O_CLOEXEC);
}

/* What was sent for another must not pretend to come from kill or the kernel. */
static int get_info(va_t from, struct task *t, int sig, struct siginfo *info)
{
	if (!from) {
		*info = (struct siginfo){ .signo = sig, .code = SI_USER };
		info->rt.pid = task_current()->pid;
		info->rt.uid = cred_current()->uid;
		return 0;
	}
	int err = siginfo_get(info, from, -1);

	if (err)
		return err;
	if (info->signo != sig)
		return -EINVAL;
	return t != task_current() && (info->code >= 0 || info->code == SI_TKILL) ? -EPERM : 0;
}

SYSCALL(pidfd_send_signal)
{
	int sig = ARG_INT(1);
	struct siginfo info;
	struct task *t;

	if (ARG_UINT(3) || (unsigned)sig > NSIG)
		return -EINVAL;
	scoped_fd fd = fd_get(ARG_INT(0));
	int err = fd.file ? pidfd_or_proc_task(fd.file, &t) : -EBADF;

	if (err)
		return err;
	err = get_info(ARG_PTR(2), t, sig, &info);
	if (!err)
		err = signal_permitted(t, sig);
	if (!err && sig)
		err = signal_task(t, sig, &info);
	task_put(t);
	return err;
}

/* ---- signals */

static long signal_file(int n, va_t set_at, u64 size, u32 flags)
{
	u64 set;
	struct file *file;

	if (size != sizeof(set) || flags_unknown(flags, O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (get_user(set, set_at))
		return -EFAULT;
	if (n == -1) {
		int err = signalfd_new(set, flags, &file);

		return err ?: install(file, flags);
	}
	scoped_fd fd = fd_get(n);
	int err = fd.file ? signalfd_change(fd.file, set) : -EBADF;

	return err ?: n;
}

SYSCALL(signalfd4)
{
	return signal_file(ARG_INT(0), ARG_PTR(1), ARG_U64(2), ARG_UINT(3));
}

SYSCALL(signalfd)
{
	return signal_file(ARG_INT(0), ARG_PTR(1), ARG_U64(2), 0);
}
