// SPDX-License-Identifier: MIT
/* prctl(2), arch_prctl(2), personality(2), unshare(2). */
#include "lib/string.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/task.h"
#include "proc/unknown.h"
#include "sys/syscall.h"
#include "sys/trace.h"

enum { PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_GET_KEEPCAPS = 7, PR_SET_KEEPCAPS,
	PR_GET_TIMING = 13, PR_SET_TIMING, PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP = 21, PR_CAPBSET_READ = 23, PR_CAPBSET_DROP,
	PR_GET_SECUREBITS = 27, PR_SET_SECUREBITS, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK,
	PR_SET_CHILD_SUBREAPER = 36, PR_GET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS,
	PR_GET_TID_ADDRESS, PR_SET_THP_DISABLE, PR_GET_THP_DISABLE, PR_CAP_AMBIENT = 47 };
constexpr u32 SECBIT_KEEP_CAPS = 16;
constexpr long TIMER_SLACK_NS = 50'000;

static long set_name(va_t uaddr)
{
	struct thread *t = thread_current();
	char name[sizeof(t->name)];
	long len = copy_string_from_user(name, uaddr, sizeof(name));

	if (len < 0 && len != -ENAMETOOLONG)
		return len;
	name[sizeof(name) - 1] = 0;	/* longer ones are cut off */
	str_copy(t->name, name, sizeof(t->name));
	trace_exec();
	return 0;
}

static long set_securebits(u32 clear, u32 set)
{
	struct cred *c = cred_copy();

	if (!c)
		return -ENOMEM;
	c->securebits = (c->securebits & ~clear) | set;
	cred_commit(c);
	return 0;
}

static long drop_bounding(u64 cap)
{
	if (cap > CAP_LAST)
		return -EINVAL;
	if (!cred_capable(cred_current(), CAP_SETPCAP))
		return -EPERM;
	struct cred *c = cred_copy();

	if (!c)
		return -ENOMEM;
	c->cap_bounding &= ~BIT(cap);
	cred_commit(c);
	return 0;
}

static int put_int(va_t uaddr, int value)
{
	return put_user(uaddr, value);
}

static long set_pdeathsig(u64 sig)
{
	if (sig > NSIG)
		return -EINVAL;
	task_current()->pdeath_signal = (int)sig;
	return 0;
}

static long set_flag(bool *flag, u64 value, u64 most)
{
	if (value > most)
		return -EINVAL;
	*flag = value;
	return 0;
}

/* What concerns credentials; -ENOSYS: something else. */
static long prctl_cred(int op, u64 arg)
{
	const struct cred *c = cred_current();

	switch (op) {
	case PR_GET_KEEPCAPS:
		return !!(c->securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return arg > 1 ? -EINVAL : set_securebits(SECBIT_KEEP_CAPS, arg ? SECBIT_KEEP_CAPS : 0);
	case PR_CAPBSET_READ:
		return arg > CAP_LAST ? -EINVAL : (long)(c->cap_bounding >> arg & 1);
	case PR_CAPBSET_DROP:
		return drop_bounding(arg);
	case PR_GET_SECUREBITS:
		return c->securebits;
	case PR_SET_SECUREBITS:
		return cred_capable(c, CAP_SETPCAP) ? set_securebits(~0u, (u32)arg & 0xff) : -EPERM;
	case PR_CAP_AMBIENT:	/* there are none: nothing is set, clearing all succeeds */
		return arg == 1 || arg == 4 ? 0 : -EINVAL;
	default:
		return -ENOSYS;
	}
}

static long prctl_task(int op, u64 arg)
{
	struct task *task = task_current();

	switch (op) {
	case PR_SET_PDEATHSIG:
		return set_pdeathsig(arg);
	case PR_GET_PDEATHSIG:
		return put_int(arg, task->pdeath_signal);
	case PR_GET_DUMPABLE:
		return task->dumpable;
	case PR_SET_DUMPABLE:
		return set_flag(&task->dumpable, arg, 1);
	case PR_SET_CHILD_SUBREAPER:
		return set_flag(&task->subreaper, !!arg, 1);
	case PR_GET_CHILD_SUBREAPER:
		return put_int(arg, task->subreaper);
	case PR_SET_NO_NEW_PRIVS:
		return arg == 1 ? set_flag(&task->no_new_privs, 1, 1) : -EINVAL;
	case PR_GET_NO_NEW_PRIVS:
		return task->no_new_privs;
	default:
		return -ENOSYS;
	}
}

SYSCALL(prctl)
{
	int op = ARG_INT(0);
	u64 arg = ARG_U64(1);
	struct thread *t = thread_current();
	long result = prctl_cred(op, arg);

	if (result == -ENOSYS)
		result = prctl_task(op, arg);
	if (result != -ENOSYS)
		return result;
	switch (op) {
	case PR_SET_NAME:
		return set_name(arg);
	case PR_GET_NAME:
		return copy_to_user(arg, t->name, sizeof(t->name));
	case PR_GET_TID_ADDRESS:
		return put_user(arg, t->clear_child_tid);
	case PR_GET_TIMERSLACK:
		return TIMER_SLACK_NS;
	case PR_SET_TIMERSLACK:		/* accepted: our timers are exact */
	case PR_GET_TIMING:
	case PR_GET_SECCOMP:
		return 0;
	case PR_SET_THP_DISABLE:
		store_relaxed(&task_current()->vm->no_blocks, arg != 0);
		return 0;
	case PR_GET_THP_DISABLE:
		return load_relaxed(&task_current()->vm->no_blocks);
	default:
		return value_unknown((u64)op, -EINVAL);
	}
}

SYSCALL(arch_prctl)
{
	return arch_thread_prctl(&thread_current()->arch, ARG_INT(0), ARG_U64(1));
}

SYSCALL(personality)
{
	struct task *task = task_current();
	u32 old = task->personality, wanted = ARG_UINT(0);

	if (wanted != 0xffffffff)
		task->personality = wanted;
	return old;
}

/* ---- unshare */

enum : u64 { CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_SIGHAND = 0x800, CLONE_THREAD = 0x10000,
	CLONE_SYSVSEM = 0x40000 };

static long unshare_files(struct task *task)
{
	struct files *own = files_unshare(task->files);

	if (!own)
		return -ENOMEM;
	spin_lock(&task->lock);
	task->files = own;
	spin_unlock(&task->lock);
	return 0;
}

static long unshare_fs(struct task *task)
{
	struct fs_context *own = fs_context_clone(task->fs), *old = task->fs;

	if (!own)
		return -ENOMEM;
	spin_lock(&task->lock);
	task->fs = own;
	spin_unlock(&task->lock);
	fs_context_put(old);
	return 0;
}

SYSCALL(unshare)
{
	u64 flags = ARG_U64(0);
	struct task *task = task_current();
	long err = 0;

	/* There are no namespaces; and threads of one task share by nature, unless there is one only. */
	if (flags_unknown(flags, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM))
		return -EINVAL;
	if ((flags & (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)) && task->nthreads > 1)
		return -EINVAL;
	if (flags & (CLONE_FS | CLONE_FILES) && task->nthreads > 1)
		return -EINVAL;
	if (flags & CLONE_FILES)
		err = unshare_files(task);
	if (!err && (flags & CLONE_FS))
		err = unshare_fs(task);
	return err;
}
