// SPDX-License-Identifier: MIT
/* Changing what files are (mode, owner, times) and asking what one may do with them. */
#include "sys/syscall.h"
#include "fs/attr.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/name.h"
#include "mm/user.h"
#include "proc/cred.h"
#include "proc/task.h"
#include "proc/unknown.h"

static u32 walk_of(u32 flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
	       (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}

/* ---- mode */

static long chmod_at(int dirfd, va_t name, u32 mode, u32 flags)
{
	scoped_path p = {};

	if (flags_unknown(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	int err = path_lookup_user(dirfd, name, walk_of(flags), &p);

	if (!err)
		err = path_writable(&p);
	return err ? err : inode_chmod(path_inode(&p), mode);
}

SYSCALL(fchmodat) { return chmod_at(ARG_INT(0), ARG_PTR(1), ARG_UINT(2), 0); }
SYSCALL(fchmodat2) { return chmod_at(ARG_INT(0), ARG_PTR(1), ARG_UINT(2), ARG_UINT(3)); }
SYSCALL(chmod) { return chmod_at(AT_FDCWD, ARG_PTR(0), ARG_UINT(1), 0); }

/* A descriptor whose file may be changed: 0 or -EBADF, -EROFS. */
static int changeable(const struct fd *fd)
{
	if (!fd->file)
		return -EBADF;
	return fd->file->path.dentry ? path_writable(&fd->file->path) : 0;
}

SYSCALL(fchmod)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	int err = changeable(&fd);

	return err ? err : inode_chmod(fd.file->inode, ARG_UINT(1));
}

/* ---- owner */

static long chown_at(int dirfd, va_t name, u32 uid, u32 gid, u32 flags)
{
	scoped_path p = {};

	if (flags_unknown(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	int err = path_lookup_user(dirfd, name, walk_of(flags), &p);

	if (!err)
		err = path_writable(&p);
	return err ? err : inode_chown(path_inode(&p), uid, gid);
}

SYSCALL(fchownat)
{
	return chown_at(ARG_INT(0), ARG_PTR(1), ARG_UINT(2), ARG_UINT(3), ARG_UINT(4));
}
SYSCALL(chown) { return chown_at(AT_FDCWD, ARG_PTR(0), ARG_UINT(1), ARG_UINT(2), 0); }
SYSCALL(lchown)
{
	return chown_at(AT_FDCWD, ARG_PTR(0), ARG_UINT(1), ARG_UINT(2), AT_SYMLINK_NOFOLLOW);
}

SYSCALL(fchown)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	int err = changeable(&fd);

	return err ? err : inode_chown(fd.file->inode, ARG_UINT(1), ARG_UINT(2));
}

/* ---- times */

constexpr s64 SECOND = 1000000000, UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe;

struct timespec64 {
	s64 sec, nsec;
};

static int decode_time(const struct timespec64 *ts, struct time_change *out)
{
	if (ts->nsec == UTIME_OMIT || ts->nsec == UTIME_NOW) {
		out->how = ts->nsec == UTIME_NOW ? TIME_NOW : TIME_OMIT;
		return 0;
	}
	if (ts->nsec < 0 || ts->nsec >= SECOND)
		return -EINVAL;
	constexpr s64 LIMIT = INT64_MAX / SECOND - 1;
	s64 sec = ts->sec > LIMIT ? LIMIT : ts->sec < -LIMIT ? -LIMIT : ts->sec;

	*out = (struct time_change){ TIME_SET, sec * SECOND + ts->nsec };
	return 0;
}

/* name 0: the descriptor itself. t nullptr: now. */
static long change_times(int dirfd, va_t name, const struct timespec64 t[2], u32 flags)
{
	struct time_change a = { TIME_NOW, 0 }, m = { TIME_NOW, 0 };
	scoped_path p = {};
	int err = t ? decode_time(&t[0], &a) : 0;

	if (!err && t)
		err = decode_time(&t[1], &m);
	if (err)
		return err;
	if (!name && dirfd != AT_FDCWD) {
		scoped_fd fd = fd_get(dirfd);

		err = changeable(&fd);
		return err ? err : inode_set_times(fd.file->inode, a, m);
	}
	if (flags_unknown(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = path_lookup_user(dirfd, name, walk_of(flags), &p);
	if (!err)
		err = path_writable(&p);
	return err ? err : inode_set_times(path_inode(&p), a, m);
}

SYSCALL(utimensat)
{
	struct timespec64 t[2];

	if (!ARG_PTR(2))
		return change_times(ARG_INT(0), ARG_PTR(1), nullptr, ARG_UINT(3));
	if (get_user(t, ARG_PTR(2)))
		return -EFAULT;
	return change_times(ARG_INT(0), ARG_PTR(1), t, ARG_UINT(3));
}

/* Microseconds (utimes, futimesat). */
static long utimes_at(int dirfd, va_t name, va_t user)
{
	struct timespec64 t[2];

	if (!user)
		return change_times(dirfd, name, nullptr, 0);
	if (get_user(t, user))
		return -EFAULT;
	for (unsigned i = 0; i < 2; i++) {
		if (t[i].nsec < 0 || t[i].nsec >= 1000000)
			return -EINVAL;
		t[i].nsec *= 1000;
	}
	return change_times(dirfd, name, t, 0);
}

SYSCALL(futimesat) { return utimes_at(ARG_INT(0), ARG_PTR(1), ARG_PTR(2)); }
SYSCALL(utimes) { return utimes_at(AT_FDCWD, ARG_PTR(0), ARG_PTR(1)); }

SYSCALL(utime)
{
	s64 seconds[2];

	if (!ARG_PTR(1))
		return change_times(AT_FDCWD, ARG_PTR(0), nullptr, 0);
	if (get_user(seconds, ARG_PTR(1)))
		return -EFAULT;
	return change_times(AT_FDCWD, ARG_PTR(0),
			    (struct timespec64[]){ { seconds[0], 0 }, { seconds[1], 0 } }, 0);
}

/* ---- access */

static long access_at(int dirfd, va_t name, u32 mode, u32 flags)
{
	scoped_path p = {};

	if (flags_unknown(mode, 7u) || flags_unknown(flags, AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	int err = path_lookup_user(dirfd, name, walk_of(flags), &p);

	if (err || !mode)
		return err;
	struct inode *i = path_inode(&p);

	if ((mode & MAY_EXEC) && inode_is_regular(i) && (p.mount->flags & MS_NOEXEC))
		return -EACCES;
	err = flags & AT_EACCESS ? inode_permission(i, mode) : inode_permission_real(i, mode);
	if (!err && (mode & MAY_WRITE) &&
	    (inode_is_regular(i) || inode_is_dir(i) || inode_is_symlink(i)))
		err = path_writable(&p);
	return err;
}

SYSCALL(faccessat) { return access_at(ARG_INT(0), ARG_PTR(1), ARG_UINT(2), 0); }
SYSCALL(faccessat2) { return access_at(ARG_INT(0), ARG_PTR(1), ARG_UINT(2), ARG_UINT(3)); }
SYSCALL(access) { return access_at(AT_FDCWD, ARG_PTR(0), ARG_UINT(1), 0); }
