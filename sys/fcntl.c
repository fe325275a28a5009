// SPDX-License-Identifier: MIT
/* fcntl, flock, ioctl: what is asked of an open file besides moving bytes. */
#include "sys/syscall.h"
#include "fs/file.h"
#include "fs/flock.h"
#include "fs/ioctl.h"
#include "fs/memfd.h"
#include "fs/pipe.h"
#include "mm/user.h"
#include "proc/unknown.h"

enum {
	F_DUPFD = 0,
	F_GETFD,
	F_SETFD,
	F_GETFL,
	F_SETFL,
	F_GETLK,
	F_SETLK,
	F_SETLKW,
	F_SETOWN,
	F_GETOWN,
	F_SETSIG,
	F_GETSIG,
	F_SETOWN_EX = 15,
	F_GETOWN_EX,
	F_OFD_GETLK = 36,
	F_OFD_SETLK,
	F_OFD_SETLKW,
	F_GETLEASE = 1025,
	F_DUPFD_CLOEXEC = 1030,
	F_SETPIPE_SZ,
	F_GETPIPE_SZ,
	F_ADD_SEALS,
	F_GET_SEALS,
	FD_CLOEXEC = 1,
};

constexpr u32 SETFL_MASK = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME;

static long dup_from(struct file *file, unsigned from, u32 flags)
{
	file_get(file);
	int fd = fd_install(file, flags, from);

	if (fd < 0)
		file_put(file);
	return fd;
}

static long set_flags(struct file *file, u32 flags)
{
	if ((flags & O_NOATIME) && !(file->flags & O_NOATIME) && !inode_owned(file->inode))
		return -EPERM;
	store_relaxed(&file->flags,
		      (load_relaxed(&file->flags) & ~SETFL_MASK) | (flags & SETFL_MASK));
	return 0;
}

static long lock_command(struct file *file, int cmd, va_t user)
{
	bool ofd = cmd >= F_OFD_GETLK;
	struct flock l;

	if (get_user(l, user))
		return -EFAULT;
	if (ofd && l.pid)
		return -EINVAL;
	if (cmd != F_GETLK && cmd != F_OFD_GETLK)
		return flock_set(file, &l, ofd, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
	long err = flock_test(file, &l, ofd);

	return err ? err : put_user(user, l);
}

struct owner_ex {
	s32 type, pid;
};

static long owner_command(struct file *file, int cmd, u64 arg)
{
	struct owner_ex ex;

	switch (cmd) {
	case F_SETOWN:
		if ((int)arg == INT_MIN)	/* no group has that number */
			return -EINVAL;
		file->owner = (int)arg;
		return 0;
	case F_GETOWN:
		return file->owner;
	case F_SETSIG:
		if (arg > NSIG)
			return -EINVAL;
		file->owner_signal = (int)arg;
		return 0;
	case F_GETSIG:
		return file->owner_signal;
	case F_SETOWN_EX:
		if (get_user(ex, arg))
			return -EFAULT;
		if ((unsigned)ex.type > 2 || ex.pid < 0)
			return -EINVAL;
		file->owner = ex.type == 2 ? -ex.pid : ex.pid;
		return 0;
	default:
		ex = (struct owner_ex){ file->owner < 0 ? 2 : 1,
					file->owner < 0 ? -file->owner : file->owner };
		return put_user(arg, ex);
	}
}

/* What O_PATH descriptors may be asked too. */
static long descriptor_command(struct file *file, unsigned n, int cmd, u64 arg)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return dup_from(file, (unsigned)arg, cmd == F_DUPFD ? 0 : O_CLOEXEC);
	case F_GETFD:
		return fd_cloexec(n);
	case F_SETFD:
		return fd_set_cloexec(n, arg & FD_CLOEXEC);
	case F_GETFL:
		return load_relaxed(&file->flags);
	default:
		return value_unknown((u64)cmd, file->mode & FILE_PATH ? -EBADF : -EINVAL);
	}
}

SYSCALL(fcntl)
{
	scoped_fd fd = fd_get_any(ARG_INT(0));
	struct file *file = fd.file;
	int cmd = ARG_INT(1);
	u64 arg = ARG_U64(2);

	if (!file)
		return -EBADF;
	if (file->mode & FILE_PATH)
		return descriptor_command(file, ARG_UINT(0), cmd, arg);
	switch (cmd) {
	case F_SETFL:
		return set_flags(file, (u32)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return lock_command(file, cmd, arg);
	case F_SETOWN:
	case F_GETOWN:
	case F_SETSIG:
	case F_GETSIG:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
		return owner_command(file, cmd, arg);
	case F_SETPIPE_SZ:
		return pipe_set_capacity(file, (unsigned)arg);
	case F_GETPIPE_SZ:
		return pipe_capacity(file);
	case F_ADD_SEALS:
		return memfd_add_seals(file, (u32)arg);
	case F_GET_SEALS:
		return memfd_get_seals(file);
	case F_GETLEASE:
		return F_UNLCK;
	default:
		return descriptor_command(file, ARG_UINT(0), cmd, arg);
	}
}

SYSCALL(flock)
{
	scoped_fd fd = fd_get(ARG_INT(0));

	return fd.file ? flock_whole(fd.file, ARG_INT(1)) : -EBADF;
}

static long set_flag(struct file *file, u32 flag, va_t user)
{
	int on;

	if (get_user(on, user))
		return -EFAULT;
	u32 flags = load_relaxed(&file->flags);

	store_relaxed(&file->flags, on ? flags | flag : flags & ~flag);
	return 0;
}

static long driver_ioctl(struct file *file, unsigned cmd, u64 arg)
{
	long result = file->ops->ioctl(file, cmd, arg);

	/* Programs ask so whether it is a terminal: that is nothing that is missing. */
	bool terminal = (cmd >> 8) == 'T';

	return result == -ENOTTY && !terminal ? value_unknown(cmd, result) : result;
}

SYSCALL(ioctl)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	struct file *file = fd.file;
	unsigned cmd = ARG_UINT(1);

	if (!file)
		return -EBADF;
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		return fd_set_cloexec(ARG_UINT(0), cmd == FIOCLEX);
	case FIONBIO:
		return set_flag(file, O_NONBLOCK, ARG_PTR(2));
	case FIOASYNC:
		return set_flag(file, O_ASYNC, ARG_PTR(2));
	case FIONREAD:
		if (inode_is_regular(file->inode)) {
			int left = (int)(inode_size(file->inode) - file->pos);

			return put_user(ARG_PTR(2), left);
		}
		[[fallthrough]];
	default:
		return file->ops->ioctl ? driver_ioctl(file, cmd, ARG_U64(2)) : -ENOTTY;
	}
}
