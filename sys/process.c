// SPDX-License-Identifier: MIT
/* System calls that make, replace, end and await processes. */
#include "fs/file.h"
#include "fs/path.h"
#include "fs/pidfd.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/user.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "proc/unknown.h"
#include "sys/rusage.h"
#include "sys/syscall.h"
#include "sys/trace.h"
#include <abi.h>

enum : u64 { CLONE_VM = 0x100, CLONE_PIDFD = 0x1000, CLONE_VFORK = 0x4000, CLONE_THREAD = 0x10000,
	CLONE_PARENT_SETTID = 0x100000, CSIGNAL = 0xff };
/* NEWTIME NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET */
constexpr u64 CLONE_NAMESPACES = 0x80 | 0x20000 | 0x7e000000;

/* ---- clone */

/* The descriptor first, because it may fail; its task when there is one. */
static long clone_with_pidfd(struct clone_args *a, va_t number_at, struct trapframe *f)
{
	struct file *file;

	if (a->flags & CLONE_THREAD)
		return -EINVAL;
	long err = pidfd_new(nullptr, 0, &file);

	if (err)
		return err;
	int fd = fd_install(file, O_CLOEXEC, 0);

	if (fd < 0) {
		file_put(file);
		return fd;
	}
	file_get(file);		/* whoever closes the number */
	a->flags &= ~CLONE_PIDFD;
	long pid = put_user(number_at, fd) ? -EFAULT : task_clone(a, f);

	if (pid > 0)
		pidfd_attach(file, task_find((int)pid));
	else
		(void)!fd_close((unsigned)fd);
	file_put(file);
	return pid;
}

/* Argument order differs: tls and child_tid are swapped (clone(2), "C library/kernel differences"). */
SYSCALL(clone)
{
	u64 flags = ARG_U64(0) & 0xffffffff;
	struct clone_args a = {
		.flags = flags & ~CSIGNAL,
		.exit_signal = flags & CSIGNAL,
		.stack = ARG_U64(1),
		.parent_tid = ARG_U64(2),
		.child_tid = ARG_U64(ABI_GENERIC ? 4 : 3),
		.tls = ARG_U64(ABI_GENERIC ? 3 : 4),
	};

	if (flags_unknown(a.flags, ~CLONE_NAMESPACES))
		return -EINVAL;
	if (!(flags & CLONE_PIDFD))
		return task_clone(&a, f);
	/* It uses the same argument. */
	return flags & CLONE_PARENT_SETTID ? -EINVAL : clone_with_pidfd(&a, a.parent_tid, f);
}

SYSCALL(fork)
{
	struct clone_args a = { .exit_signal = SIGCHLD };

	return task_clone(&a, f);
}

SYSCALL(vfork)
{
	struct clone_args a = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

	return task_clone(&a, f);
}

/* A struct of a later kernel may be longer: what we do not know must be zero. */
static int rest_is_zero(va_t at, u64 n)
{
	u8 bytes[64];

	while (n) {
		size_t part = min(n, sizeof(bytes));

		if (copy_from_user(bytes, at, part))
			return -EFAULT;
		for (size_t i = 0; i < part; i++)
			if (bytes[i])
				return -E2BIG;
		at += part;
		n -= part;
	}
	return 0;
}

SYSCALL(clone3)
{
	constexpr u64 FIRST_SIZE = 64;	/* of Linux 5.3's struct clone_args */
	struct clone_args a = {};
	u64 size = ARG_U64(1);

	if (size < FIRST_SIZE)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_from_user(&a, ARG_PTR(0), min(size, sizeof(a))))
		return -EFAULT;
	if (size > sizeof(a)) {
		int err = rest_is_zero(ARG_PTR(0) + sizeof(a), size - sizeof(a));

		if (err)
			return err;
	}
	if (flags_unknown(a.flags, ~CLONE_NAMESPACES) || (a.flags & CSIGNAL) || a.exit_signal & ~CSIGNAL || !a.stack != !a.stack_size)
		return -EINVAL;
	return a.flags & CLONE_PIDFD ? clone_with_pidfd(&a, a.pidfd, f) : task_clone(&a, f);
}

/* ---- exec */

/* The name that the program is told: of a file given by descriptor, the way to it through /dev/fd. */
static const char *exec_name(int dirfd, const struct pathname *name, char *buf, size_t size)
{
	if (dirfd == AT_FDCWD || name->s[0] == '/')
		return name->s;
	snprintf(buf, size, name->s[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", dirfd, name->s);
	return buf;
}

static long exec_at(int dirfd, va_t path, va_t argv, va_t envp, int flags, struct trapframe *f)
{
	scoped_pathname name = {};
	struct exec_file file;
	char buf[64];
	int err = pathname_get(&name, path);

	if (!err && !name.s[0] && !(flags & AT_EMPTY_PATH))
		err = -ENOENT;
	if (!err)
		err = exec_open(dirfd, name.s, flags, &file);
	if (err)
		return err;
	long result = task_exec(&file, exec_name(dirfd, &name, buf, sizeof(buf)), argv, envp, f);

	exec_close(&file);
	if (!result)
		trace_exec();
	return result;
}

SYSCALL(execve)
{
	return exec_at(AT_FDCWD, ARG_PTR(0), ARG_PTR(1), ARG_PTR(2), 0, f);
}

SYSCALL(execveat)
{
	int flags = ARG_INT(4);

	if (flags_unknown(flags, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return exec_at(ARG_INT(0), ARG_PTR(1), ARG_PTR(2), ARG_PTR(3), flags, f);
}

/* ---- the end, and who waits for it */

SYSCALL(exit)
{
	thread_exit((ARG_INT(0) & 0xff) << 8);
}

SYSCALL(exit_group)
{
	task_exit((ARG_INT(0) & 0xff) << 8);
}

enum { P_ALL, P_PID, P_PGID, P_PIDFD };
enum : u32 { WNOHANG = 1, WUNTRACED = 2, WEXITED = 4, WCONTINUED = 8, WNOWAIT = 0x01000000, WNOTHREAD = 0x20000000,
	WALL = 0x40000000, WCLONE = 0x80000000 };

static int own_group(void)
{
	return task_current()->pgid;
}

SYSCALL(wait4)
{
	int pid = ARG_INT(0);
	u32 options = ARG_UINT(2);
	va_t status = ARG_PTR(1), usage = ARG_PTR(3);
	struct wait_result r;

	if (flags_unknown(options, WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE))
		return -EINVAL;
	if (pid == INT_MIN)
		return -ESRCH;
	int type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
	int id = pid > 0 ? pid : pid == 0 ? own_group() : -pid;
	long found = task_wait(type, id, (int)(options | WEXITED), &r);

	if (found <= 0)
		return found;
	if (status && put_user(status, r.status))
		return -EFAULT;
	return usage && rusage_put_child(usage, &r) ? -EFAULT : found;
}

/* What wait4 packs into one number. */
static int plain_status(const struct wait_result *r)
{
	switch (r->code) {
	case CLD_EXITED:
	case CLD_STOPPED:
		return r->status >> 8 & 0xff;
	case CLD_CONTINUED:
		return SIGCONT;
	default:
		return r->status & 0x7f;
	}
}

static int put_siginfo(va_t uaddr, const struct wait_result *r)
{
	struct siginfo info = {};

	if (r->pid) {
		info.signo = SIGCHLD;
		info.code = r->code;
		info.child.pid = r->pid;
		info.child.uid = r->uid;
		info.child.status = plain_status(r);
	}
	/* Linux writes these fields only. */
	return copy_to_user(uaddr, &info, offsetof(struct siginfo, child.status) + sizeof(info.child.status));
}

/* P_PIDFD becomes P_PID. A descriptor with O_NONBLOCK waits for nothing: *nonblock. */
static long pid_of_fd(int *type, int *id, bool *nonblock)
{
	struct task *t;
	scoped_fd fd = fd_get(*id);
	int err = fd.file ? pidfd_task(fd.file, &t) : -EBADF;

	if (err)
		return err == -ESRCH ? -ECHILD : err;
	*nonblock = load_relaxed(&fd.file->flags) & O_NONBLOCK;
	*type = P_PID;
	*id = t->pid;
	task_put(t);
	return 0;
}

SYSCALL(waitid)
{
	int type = ARG_INT(0), id = ARG_INT(1);
	u32 options = ARG_UINT(3);
	bool nonblock = false;
	struct wait_result r = {};

	if (flags_unknown(options, WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT | WNOTHREAD | WALL | WCLONE) ||
	    !(options & (WUNTRACED | WEXITED | WCONTINUED)))
		return -EINVAL;
	long err = type == P_PIDFD ? pid_of_fd(&type, &id, &nonblock) : 0;

	if (err)
		return err;
	if ((unsigned)type > P_PGID || (type == P_PID && id <= 0) || (type == P_PGID && id < 0))
		return -EINVAL;
	if (type == P_PGID && id == 0)
		id = own_group();
	long found = task_wait(type, id, (int)(options | (nonblock ? WNOHANG : 0)), &r);

	if (!found && nonblock && !(options & WNOHANG))
		return -EAGAIN;
	if (found < 0)
		return found;
	if (ARG_PTR(2) && put_siginfo(ARG_PTR(2), &r))
		return -EFAULT;
	return found && ARG_PTR(4) && rusage_put_child(ARG_PTR(4), &r) ? -EFAULT : 0;
}
