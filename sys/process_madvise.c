// SPDX-License-Identifier: MIT
/*
 * process_madvise(2): advice on ranges of a process that a pidfd names. Another's memory takes only advice that
 * changes nothing it could notice, from somebody who may look into it and has CAP_SYS_NICE.
 */
#include <abi.h>

#include "fs/file.h"
#include "fs/io.h"
#include "fs/pidfd.h"
#include "mm/kmem.h"
#include "mm/mman.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/ptrace.h"
#include "proc/task.h"
#include "sys/syscall.h"

static bool harmless(int advice)
{
	return advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED;
}

static int permitted(struct task *t, int advice)
{
	if (t == task_current())
		return 0;
	if (!harmless(advice))
		return -EINVAL;
	return ptrace_may_access(t) && cred_capable(cred_current(), CAP_SYS_NICE) ? 0 : -EPERM;
}

/* The bytes advised before the first range that fails, or its errno where it is the first. */
static long advise_all(struct vm *vm, const struct iovec *iov, u64 n, int advice)
{
	long done = 0;

	for (u64 i = 0; i < n; i++) {
		long err = vm_madvise(vm, abi_untag(iov[i].base), iov[i].len, advice);

		if (err)
			return done ? done : err;
		done += (long)iov[i].len;
	}
	return done;
}

static long advise_task(struct task *t, const struct iovec *iov, u64 n, int advice)
{
	int err = permitted(t, advice);
	struct vm *vm = err ? nullptr : task_vm(t);

	if (!vm)
		return err ? err : -ESRCH;
	long done = advise_all(vm, iov, n, advice);

	vm_put(vm);
	return done;
}

SYSCALL(process_madvise)
{
	u64 n = ARG_U64(2);
	struct task *t;

	if (ARG_UINT(4) || n > IOV_MAX)
		return -EINVAL;
	struct iovec *iov = kmalloc(max(n, 1ul) * sizeof(*iov));

	if (!iov)
		return -ENOMEM;
	long res = copy_from_user(iov, ARG_PTR(1), n * sizeof(*iov));

	if (!res) {
		scoped_fd fd = fd_get(ARG_INT(0));

		res = fd.file ? pidfd_task(fd.file, &t) : -EBADF;
		if (!res) {
			res = advise_task(t, iov, n, ARG_INT(3));
			task_put(t);
		}
	}
	kfree(iov);
	return res;
}
