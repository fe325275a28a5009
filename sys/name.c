// SPDX-License-Identifier: MIT
/* System calls on names: make, remove, rename, link, read links and directories. */
#include "sys/syscall.h"
#include "fs/file.h"
#include "fs/name.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "lib/string.h"
#include "proc/task.h"
#include "proc/unknown.h"

static long create(int dirfd, va_t name, u32 mode, u32 rdev)
{
	scoped_pathname n = {};
	int err = pathname_get(&n, name);

	return err ? err : name_create(dirfd, n.s, mode, rdev, nullptr);
}

SYSCALL(mkdirat) { return create(ARG_INT(0), ARG_PTR(1), S_IFDIR | (ARG_UINT(2) & 01777), 0); }
SYSCALL(mkdir) { return create(AT_FDCWD, ARG_PTR(0), S_IFDIR | (ARG_UINT(1) & 01777), 0); }

static long make_node(int dirfd, va_t name, u32 mode, u32 dev)
{
	u32 type = mode & S_IFMT;

	/* The program's encoding: 12 bits major in the middle, minor around it. */
	u32 rdev = dev_make(dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00));

	switch (type) {
	case 0:
		return create(dirfd, name, S_IFREG | (mode & 07777), 0);
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		return create(dirfd, name, type | (mode & 07777), 0);
	case S_IFCHR:
	case S_IFBLK:
		return create(dirfd, name, type | (mode & 07777), rdev);
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

SYSCALL(mknodat) { return make_node(ARG_INT(0), ARG_PTR(1), ARG_UINT(2), ARG_UINT(3)); }
SYSCALL(mknod) { return make_node(AT_FDCWD, ARG_PTR(0), ARG_UINT(1), ARG_UINT(2)); }

static long symlink_at(va_t target, int dirfd, va_t name)
{
	scoped_pathname t = {}, n = {};
	int err = pathname_get(&t, target);

	if (!err)
		err = pathname_get(&n, name);
	if (err)
		return err;
	return t.len ? name_create(dirfd, n.s, S_IFLNK | 0777, 0, t.s) : -ENOENT;
}

SYSCALL(symlinkat) { return symlink_at(ARG_PTR(0), ARG_INT(1), ARG_PTR(2)); }
SYSCALL(symlink) { return symlink_at(ARG_PTR(0), AT_FDCWD, ARG_PTR(1)); }

static long remove(int dirfd, va_t name, int (*op)(int dirfd, const char *name))
{
	scoped_pathname n = {};
	int err = pathname_get(&n, name);

	return err ? err : op(dirfd, n.s);
}

SYSCALL(unlinkat)
{
	if (flags_unknown(ARG_UINT(2), AT_REMOVEDIR))
		return -EINVAL;
	return remove(ARG_INT(0), ARG_PTR(1), ARG_UINT(2) ? name_rmdir : name_unlink);
}

SYSCALL(unlink) { return remove(AT_FDCWD, ARG_PTR(0), name_unlink); }
SYSCALL(rmdir) { return remove(AT_FDCWD, ARG_PTR(0), name_rmdir); }

/* Calls op with two names. */
static long two_names(int a_fd, va_t a, int b_fd, va_t b, u32 flags,
		      int (*op)(int, const char *, int, const char *, u32))
{
	scoped_pathname from = {}, to = {};
	int err = pathname_get(&from, a);

	if (!err)
		err = pathname_get(&to, b);
	return err ? err : op(a_fd, from.s, b_fd, to.s, flags);
}

SYSCALL(renameat2)
{
	return two_names(ARG_INT(0), ARG_PTR(1), ARG_INT(2), ARG_PTR(3), ARG_UINT(4), name_rename);
}

SYSCALL(renameat)
{
	return two_names(ARG_INT(0), ARG_PTR(1), ARG_INT(2), ARG_PTR(3), 0, name_rename);
}
SYSCALL(rename) { return two_names(AT_FDCWD, ARG_PTR(0), AT_FDCWD, ARG_PTR(1), 0, name_rename); }

SYSCALL(linkat)
{
	if (flags_unknown(ARG_UINT(4), AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return two_names(ARG_INT(0), ARG_PTR(1), ARG_INT(2), ARG_PTR(3), ARG_UINT(4), name_link);
}

SYSCALL(link) { return two_names(AT_FDCWD, ARG_PTR(0), AT_FDCWD, ARG_PTR(1), 0, name_link); }

/* ---- reading links */

static long magic_text(struct inode *i, char *buf)
{
	scoped_path p = {};
	int err = i->ops->follow(i, &p);

	if (err)
		return err;
	char *name = path_name(&p, buf, PATH_MAX);

	if (!name)
		return -ENAMETOOLONG;
	size_t n = strlen(name);

	memmove(buf, name, n);
	return (long)n;
}

static long link_text(struct inode *i, char *buf)
{
	if (!inode_is_symlink(i))
		return -EINVAL;
	if (i->ops->readlink)
		return i->ops->readlink(i, buf, PATH_MAX);
	return i->ops->follow ? magic_text(i, buf) : -EINVAL;
}

static long readlink_at(int dirfd, va_t name, va_t user, int size)
{
	scoped_path p = {};

	if (size <= 0)
		return -EINVAL;
	int err = path_lookup_user(dirfd, name, dirfd == AT_FDCWD ? 0 : WALK_EMPTY, &p);

	if (err)
		return err;
	char *buf = kmalloc(PATH_MAX);

	if (!buf)
		return -ENOMEM;
	long n = link_text(path_inode(&p), buf);

	if (n >= 0) {
		n = min(n, (long)size);
		if (copy_to_user(user, buf, (size_t)n))
			n = -EFAULT;
	}
	kfree(buf);
	return n;
}

SYSCALL(readlinkat) { return readlink_at(ARG_INT(0), ARG_PTR(1), ARG_PTR(2), ARG_INT(3)); }
SYSCALL(readlink) { return readlink_at(AT_FDCWD, ARG_PTR(0), ARG_PTR(1), ARG_INT(2)); }
