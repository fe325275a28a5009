// SPDX-License-Identifier: MIT
/* The inotify calls (inotify(7)). */
#include "fs/inotify.h"
#include "fs/file.h"
#include "proc/unknown.h"
#include "sys/syscall.h"

constexpr u32 KNOWN = IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW |
	IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT;

static long make(u32 flags)
{
	struct file *file;

	if (flags_unknown(flags, O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	int err = inotify_new(flags, &file);

	if (err)
		return err;
	int fd = fd_install(file, flags & O_CLOEXEC, 0);

	if (fd < 0)
		file_put(file);
	return fd;
}

SYSCALL(inotify_init1) { return make(ARG_UINT(0)); }
SYSCALL(inotify_init) { return make(0); }

SYSCALL(inotify_add_watch)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	scoped_path p = {};
	u32 mask = ARG_UINT(2);
	u32 walk = (mask & IN_DONT_FOLLOW ? 0 : WALK_FOLLOW) | (mask & IN_ONLYDIR ? WALK_DIRECTORY : 0);

	if (!mask || (mask & ~KNOWN))
		return -EINVAL;
	if (!fd.file)
		return -EBADF;
	if ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE))
		return -EINVAL;
	int err = path_lookup_user(AT_FDCWD, ARG_PTR(1), walk, &p);

	if (!err)
		err = inode_permission(path_inode(&p), MAY_READ);
	return err ? err : inotify_add(fd.file, path_inode(&p), mask);
}

SYSCALL(inotify_rm_watch)
{
	scoped_fd fd = fd_get(ARG_INT(0));

	return fd.file ? inotify_remove(fd.file, ARG_INT(1)) : -EBADF;
}
