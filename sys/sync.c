// SPDX-License-Identifier: MIT
/* Sizes of files, space for them, and making them durable. */
#include "sys/syscall.h"
#include "fs/blockdev.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/name.h"
#include "proc/unknown.h"

enum : u32 { SYNC_WAIT_BEFORE = 1, SYNC_WRITE = 2, SYNC_WAIT_AFTER = 4 };

SYSCALL(truncate)
{
	scoped_path p = {};

	if (ARG_LONG(1) < 0)
		return -EINVAL;
	int err = path_lookup_user(AT_FDCWD, ARG_PTR(0), WALK_FOLLOW, &p);

	if (err)
		return err;
	struct inode *i = path_inode(&p);

	if (inode_is_dir(i))
		return -EISDIR;
	if (!inode_is_regular(i))
		return -EINVAL;
	err = inode_permission(i, MAY_WRITE);
	if (!err)
		err = path_writable(&p);
	if (!err)
		err = inode_write_begin(i);	/* not while it runs as a program */
	if (err)
		return err;
	err = inode_truncate(i, ARG_U64(1));
	inode_write_end(i);
	return err;
}

SYSCALL(ftruncate)
{
	scoped_fd fd = fd_get(ARG_INT(0));

	if (!fd.file)
		return -EBADF;
	if (ARG_LONG(1) < 0 || !inode_is_regular(fd.file->inode) || !(fd.file->mode & FILE_WRITE))
		return -EINVAL;
	return inode_truncate(fd.file->inode, ARG_U64(1));
}

SYSCALL(fallocate)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	s64 offset = ARG_LONG(2), len = ARG_LONG(3), end;

	if (offset < 0 || len <= 0)
		return -EINVAL;
	if (__builtin_add_overflow(offset, len, &end))
		return -EFBIG;
	if (!fd.file)
		return -EBADF;
	if ((ARG_INT(1) & (FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE)) == FALLOC_PUNCH_HOLE)
		return -EOPNOTSUPP;
	if (!(fd.file->mode & FILE_WRITE))
		return -EBADF;
	if (fd.file->mode & FILE_STREAM)
		return -ESPIPE;
	if (inode_is_dir(fd.file->inode))
		return -EISDIR;
	if (!fd.file->ops->allocate)
		return inode_is_regular(fd.file->inode) ? -EOPNOTSUPP : -ENODEV;
	return fd.file->ops->allocate(fd.file, ARG_INT(1), (u64)offset, (u64)len);
}

static long sync_file(int n)
{
	scoped_fd fd = fd_get(n);

	if (!fd.file)
		return -EBADF;
	return fd.file->ops->sync ? fd.file->ops->sync(fd.file) : -EINVAL;
}

SYSCALL(fsync) { return sync_file(ARG_INT(0)); }
SYSCALL(fdatasync) { return sync_file(ARG_INT(0)); }
/* All of the file, and waited for: more than was asked. */
SYSCALL(sync_file_range)
{
	s64 from = ARG_LONG(1), n = ARG_LONG(2), end;

	if (flags_unknown(ARG_UINT(3), SYNC_WAIT_BEFORE | SYNC_WRITE | SYNC_WAIT_AFTER))
		return -EINVAL;
	if (from < 0 || n < 0 || __builtin_add_overflow(from, n, &end))
		return -EINVAL;
	return sync_file(ARG_INT(0));
}

SYSCALL(sync)
{
	super_sync_all();
	blockdev_sync_all();
	return 0;
}

SYSCALL(syncfs)
{
	scoped_fd fd = fd_get(ARG_INT(0));

	if (!fd.file)
		return -EBADF;
	struct super *sb = fd.file->inode->sb;

	return sb->ops->sync ? sb->ops->sync(sb) : 0;
}

/* Advice about pages that are in memory anyway. */
SYSCALL(fadvise64)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	int advice = ARG_INT(3);

	if (!fd.file)
		return -EBADF;
	if (fd.file->mode & FILE_STREAM)
		return -ESPIPE;
	return ARG_LONG(2) < 0 || advice < 0 || advice > 5 ? -EINVAL : 0;
}

SYSCALL(readahead)
{
	scoped_fd fd = fd_get(ARG_INT(0));

	if (!fd.file || !(fd.file->mode & FILE_READ))
		return -EBADF;
	return inode_is_regular(fd.file->inode) ? 0 : -EINVAL;
}
