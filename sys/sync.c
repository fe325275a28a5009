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

/* What Linux knows; which file can do it is another matter. */
static bool allocate_mode_known(int mode)
{
	enum { COLLAPSE = 8, INSERT = 32, UNSHARE = 64 };

	switch (mode & ~FALLOC_KEEP_SIZE) {
	case 0: case FALLOC_ZERO_RANGE: case UNSHARE:
		return true;
	case FALLOC_PUNCH_HOLE:
		return mode & FALLOC_KEEP_SIZE;
	case COLLAPSE: case INSERT:
		return !(mode & FALLOC_KEEP_SIZE);
	default:
		return false;
	}
}

SYSCALL(fallocate)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	s64 offset = ARG_LONG(2), len = ARG_LONG(3), end;

	if (!fd.file)
		return -EBADF;
	if (offset < 0 || len <= 0)
		return -EINVAL;
	if (!allocate_mode_known(ARG_INT(1)))
		return value_unknown(ARG_UINT(1), -EOPNOTSUPP);
	if (!(fd.file->mode & FILE_WRITE))
		return -EBADF;
	u32 type = fd.file->inode->mode & S_IFMT;

	if (type == S_IFIFO)
		return -ESPIPE;
	if ((fd.file->mode & FILE_STREAM) || (type != S_IFREG && type != S_IFBLK))
		return type == S_IFDIR && fd.file->ops->iterate ? -EISDIR : -ENODEV;
	if (__builtin_add_overflow(offset, len, &end))
		return -EFBIG;
	if (!fd.file->ops->allocate)
		return -EOPNOTSUPP;
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
