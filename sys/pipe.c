// SPDX-License-Identifier: MIT
/* pipe, eventfd: files that have no name. */
#include "sys/syscall.h"
#include "fs/eventfd.h"
#include "fs/file.h"
#include "fs/pipe.h"
#include "mm/user.h"
#include "proc/unknown.h"

static long make_pipe(va_t user, u32 flags)
{
	struct file *in, *out;
	int fds[2];

	if (flags_unknown(flags, O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	if (flags & O_DIRECT)
		return -EOPNOTSUPP;	/* packets are not kept apart */
	int err = pipe_new(flags, &in, &out);

	if (err)
		return err;
	err = fd_install_pair(in, out, flags, fds);
	if (err) {
		file_put(in);
		file_put(out);
		return err;
	}
	if (!put_user(user, fds))
		return 0;
	(void)!fd_close((unsigned)fds[0]);
	(void)!fd_close((unsigned)fds[1]);
	return -EFAULT;
}

SYSCALL(pipe2) { return make_pipe(ARG_PTR(0), ARG_UINT(1)); }
SYSCALL(pipe) { return make_pipe(ARG_PTR(0), 0); }

static long make_eventfd(unsigned count, u32 flags)
{
	struct file *file;
	int err = eventfd_new(count, flags, &file);

	if (err)
		return err;
	int fd = fd_install(file, flags & O_CLOEXEC, 0);

	if (fd < 0)
		file_put(file);
	return fd;
}

SYSCALL(eventfd2) { return make_eventfd(ARG_UINT(0), ARG_UINT(1)); }
SYSCALL(eventfd) { return make_eventfd(ARG_UINT(0), 0); }
