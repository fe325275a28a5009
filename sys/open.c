// SPDX-License-Identifier: MIT
/* System calls that make and close descriptors. */
#include "sys/syscall.h"
#include "fs/file.h"
#include "mm/user.h"
#include "proc/task.h"
#include "proc/unknown.h"

constexpr u32 OPEN_FLAGS = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
			   O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY |
			   O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE_BIT;

static long open_at(int dirfd, va_t name, u32 flags, u32 mode, u32 resolve)
{
	scoped_pathname n = {};
	struct file *f;

	if ((flags & O_TMPFILE_BIT) && !(flags & O_DIRECTORY))
		return -EINVAL;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return -EINVAL;
	int err = pathname_get(&n, name);

	if (!err)
		err = file_open(dirfd, n.s, flags, mode, resolve, &f);
	if (err)
		return err;
	int fd = fd_install(f, flags, 0);

	if (fd < 0)
		file_put(f);
	return fd;
}

/* Flags that nobody knows are let pass, as open(2) always did. */
static u32 known_flags(u32 flags)
{
	(void)flags_unknown(flags, OPEN_FLAGS);
	return (flags & OPEN_FLAGS) | O_LARGEFILE;
}

SYSCALL(openat)
{
	return open_at(ARG_INT(0), ARG_PTR(1), known_flags(ARG_UINT(2)), ARG_UINT(3) & 07777, 0);
}

SYSCALL(open)
{
	return open_at(AT_FDCWD, ARG_PTR(0), known_flags(ARG_UINT(1)), ARG_UINT(2) & 07777, 0);
}

SYSCALL(creat)
{
	return open_at(AT_FDCWD, ARG_PTR(0), O_CREAT | O_WRONLY | O_TRUNC | O_LARGEFILE,
		       ARG_UINT(1) & 07777, 0);
}

struct open_how {
	u64 flags, mode, resolve;
};

/* Copies a struct that may be longer than ours: the rest must be zero. */
static int get_how(struct open_how *how, va_t user, u64 size)
{
	if (size < sizeof(*how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	for (u64 at = sizeof(*how); at < size; at++) {
		u8 byte;

		if (get_user(byte, user + at))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return get_user(*how, user);
}

SYSCALL(openat2)
{
	struct open_how how;
	int err = get_how(&how, ARG_PTR(2), ARG_U64(3));

	if (err)
		return err;
	constexpr u64 RESOLVE = (WALK_NO_XDEV | WALK_NO_MAGICLINKS | WALK_NO_SYMLINKS |
				 WALK_BENEATH | WALK_IN_ROOT | WALK_CACHED) >>
				8;
	bool makes = how.flags & (O_CREAT | O_TMPFILE_BIT);

	if (flags_unknown(how.flags, OPEN_FLAGS) || (how.resolve & ~RESOLVE) || (how.mode & ~07777ul) ||
	    (how.mode && !makes))
		return -EINVAL;
	u32 resolve = (u32)how.resolve << 8;

	if ((resolve & WALK_BENEATH) && (resolve & WALK_IN_ROOT))
		return -EINVAL;
	return open_at(ARG_INT(0), ARG_PTR(1), (u32)how.flags | O_LARGEFILE, (u32)how.mode,
		       resolve);
}

SYSCALL(close)
{
	return fd_close(ARG_UINT(0));
}

SYSCALL(close_range)
{
	enum { CLOSE_RANGE_UNSHARE = 2, CLOSE_RANGE_CLOEXEC = 4 };
	unsigned first = ARG_UINT(0), last = ARG_UINT(1), flags = ARG_UINT(2);
	struct task *task = task_current();

	if (first > last || flags_unknown(flags, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		struct files *mine = files_unshare(task->files);

		if (!mine)
			return -ENOMEM;
		scoped_spin(&task->lock);
		task->files = mine;
	}
	if (flags & CLOSE_RANGE_CLOEXEC)
		fd_cloexec_range(first, last);
	else
		fd_close_range(first, last);
	return 0;
}

SYSCALL(dup)
{
	struct file *file = file_of(ARG_INT(0));

	if (!file)
		return -EBADF;
	int fd = fd_install(file, 0, 0);

	if (fd < 0)
		file_put(file);
	return fd;
}

static long dup_to(int from, unsigned to, u32 flags)
{
	scoped_fd fd = fd_get_any(from);

	return fd.file ? fd_replace(fd.file, to, flags) : -EBADF;
}

SYSCALL(dup2)
{
	int from = ARG_INT(0), to = ARG_INT(1);

	if (from != to)
		return dup_to(from, (unsigned)to, 0);
	scoped_fd fd = fd_get_any(from);

	return fd.file ? to : -EBADF;
}

SYSCALL(dup3)
{
	if (ARG_INT(0) == ARG_INT(1) || flags_unknown(ARG_UINT(2), O_CLOEXEC))
		return -EINVAL;
	return dup_to(ARG_INT(0), ARG_UINT(1), ARG_UINT(2));
}
