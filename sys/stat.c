// SPDX-License-Identifier: MIT
/*
 * What files are: stat in its forms, statx, statfs. The facts are gathered once; each layout is a
 * plain struct.
 */
#include "sys/syscall.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "mm/user.h"
#include "proc/unknown.h"

/* asm-generic/stat.h */
struct stat_generic {
	u64 dev, ino;
	u32 mode, nlink, uid, gid;
	u64 rdev, pad1;
	s64 size;
	s32 blksize, pad2;
	s64 blocks, atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	u32 unused[2];
};
static_assert(sizeof(struct stat_generic) == 128);

struct stat_x86_64 {
	u64 dev, ino, nlink;
	u32 mode, uid, gid, pad;
	u64 rdev;
	s64 size, blksize, blocks, atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	s64 unused[3];
};
static_assert(sizeof(struct stat_x86_64) == 144);

struct statx_time {
	s64 sec;
	u32 ns;
	s32 pad;
};

struct statx {
	u32 mask, blksize;
	u64 attributes;
	u32 nlink, uid, gid;
	u16 mode, pad;
	u64 ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	u32 rdev_major, rdev_minor, dev_major, dev_minor;
	u64 mnt_id;
	u32 dio_mem_align, dio_offset_align;
	u64 spare[12];
};
static_assert(sizeof(struct statx) == 256);

constexpr s64 SECOND = 1000000000;
constexpr u32 STATX_BASIC = 0x7ff, STATX_MNT_ID = 0x1000;

/* Floor division: times before 1970 keep 0 <= ns < SECOND. */
static s64 seconds(s64 t) { return t / SECOND - (t % SECOND < 0); }
static s64 nanoseconds(s64 t) { return t % SECOND + (t % SECOND < 0 ? SECOND : 0); }

/* Linux's encoding of device numbers for programs. */
static u64 dev_encode(u32 dev)
{
	u32 major = dev_major(dev), minor = dev_minor(dev);

	return (minor & 0xff) | major << 8 | (u64)(minor & ~0xffu) << 12;
}

static u64 blocks_of(const struct inode *i)
{
	return load_relaxed(&i->object.npages) * (PAGE_SIZE / 512);
}

/* Brings made-up inodes up to date. */
static void refresh(struct inode *i)
{
	if (i->ops && i->ops->refresh)
		i->ops->refresh(i);
}

static int put_generic(const struct inode *i, va_t user)
{
	struct stat_generic s = {
		.dev = dev_encode(i->sb->dev),
		.ino = i->ino,
		.mode = i->mode,
		.nlink = i->nlink,
		.uid = i->uid,
		.gid = i->gid,
		.rdev = dev_encode(i->rdev),
		.size = (s64)inode_size(i),
		.blksize = PAGE_SIZE,
		.blocks = (s64)blocks_of(i),
		.atime = seconds(i->atime),
		.atime_ns = nanoseconds(i->atime),
		.mtime = seconds(i->mtime),
		.mtime_ns = nanoseconds(i->mtime),
		.ctime = seconds(i->ctime),
		.ctime_ns = nanoseconds(i->ctime),
	};

	return put_user(user, s);
}

static int put_x86_64(const struct inode *i, va_t user)
{
	struct stat_x86_64 s = {
		.dev = dev_encode(i->sb->dev),
		.ino = i->ino,
		.nlink = i->nlink,
		.mode = i->mode,
		.uid = i->uid,
		.gid = i->gid,
		.rdev = dev_encode(i->rdev),
		.size = (s64)inode_size(i),
		.blksize = PAGE_SIZE,
		.blocks = (s64)blocks_of(i),
		.atime = seconds(i->atime),
		.atime_ns = nanoseconds(i->atime),
		.mtime = seconds(i->mtime),
		.mtime_ns = nanoseconds(i->mtime),
		.ctime = seconds(i->ctime),
		.ctime_ns = nanoseconds(i->ctime),
	};

	return put_user(user, s);
}

static int put_stat(struct inode *i, va_t user)
{
	refresh(i);
	return ABI_GENERIC ? put_generic(i, user) : put_x86_64(i, user);
}

/* A descriptor itself: by number, or by an empty name with AT_EMPTY_PATH. */
static long stat_fd(int n, va_t user)
{
	scoped_fd fd = fd_get_any(n);

	return fd.file ? put_stat(fd.file->inode, user) : -EBADF;
}

static long stat_name(int dirfd, va_t name, u32 walk, va_t user)
{
	scoped_path p = {};
	int err = path_lookup_user(dirfd, name, walk, &p);

	return err ? err : put_stat(path_inode(&p), user);
}

/* Is the name empty (or missing, which newer Linux takes as empty)? */
static bool name_is_empty(va_t name)
{
	char c = 0;

	return !name || (!get_user(c, name) && !c);
}

SYSCALL(fstat)
{
	return stat_fd(ARG_INT(0), ARG_PTR(1));
}

SYSCALL(newfstatat)
{
	u32 flags = ARG_UINT(3);

	if (flags_unknown(flags, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if ((flags & AT_EMPTY_PATH) && ARG_INT(0) >= 0 && name_is_empty(ARG_PTR(1)))
		return stat_fd(ARG_INT(0), ARG_PTR(2));
	u32 walk = (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
		   (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);

	return stat_name(ARG_INT(0), ARG_PTR(1), walk, ARG_PTR(2));
}

SYSCALL(stat) { return stat_name(AT_FDCWD, ARG_PTR(0), WALK_FOLLOW, ARG_PTR(1)); }
SYSCALL(lstat) { return stat_name(AT_FDCWD, ARG_PTR(0), 0, ARG_PTR(1)); }

static struct statx_time statx_time(s64 t)
{
	return (struct statx_time){ seconds(t), (u32)nanoseconds(t), 0 };
}

static int put_statx(struct inode *i, const struct mount *m, va_t user)
{
	refresh(i);
	struct statx s = {
		.mask = STATX_BASIC | (m ? STATX_MNT_ID : 0),
		.blksize = PAGE_SIZE,
		.nlink = i->nlink,
		.uid = i->uid,
		.gid = i->gid,
		.mode = (u16)i->mode,
		.ino = i->ino,
		.size = inode_size(i),
		.blocks = blocks_of(i),
		.atime = statx_time(i->atime),
		.ctime = statx_time(i->ctime),
		.mtime = statx_time(i->mtime),
		.rdev_major = dev_major(i->rdev),
		.rdev_minor = dev_minor(i->rdev),
		.dev_major = dev_major(i->sb->dev),
		.dev_minor = dev_minor(i->sb->dev),
		.mnt_id = m ? (u64)m->id : 0,
	};

	return put_user(user, s);
}

SYSCALL(statx)
{
	u32 flags = ARG_UINT(2);

	if ((flags &
	     ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (ARG_UINT(3) & 0x80000000))
		return -EINVAL;
	if ((flags & AT_EMPTY_PATH) && ARG_INT(0) >= 0 && name_is_empty(ARG_PTR(1))) {
		scoped_fd fd = fd_get_any(ARG_INT(0));

		return fd.file ? put_statx(fd.file->inode, fd.file->path.mount, ARG_PTR(4))
			       : -EBADF;
	}
	scoped_path p = {};
	u32 walk = (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
		   (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
	int err = path_lookup_user(ARG_INT(0), ARG_PTR(1), walk, &p);

	return err ? err : put_statx(path_inode(&p), p.mount, ARG_PTR(4));
}

/* ---- statfs */

struct statfs {
	s64 type, bsize, blocks, bfree, bavail, files, ffree;
	s32 fsid[2];
	s64 namelen, frsize, flags, spare[4];
};
static_assert(sizeof(struct statfs) == 120);

static int put_statfs(struct super *sb, u32 flags, va_t user)
{
	struct statfs_info info = { .block_size = PAGE_SIZE, .name_max = NAME_MAX };

	if (sb->ops->statfs)
		sb->ops->statfs(sb, &info);
	struct statfs s = {
		.type = (s64)info.type,
		.bsize = (s64)info.block_size,
		.blocks = (s64)info.blocks,
		.bfree = (s64)info.free,
		.bavail = (s64)info.available,
		.files = (s64)info.files,
		.ffree = (s64)info.files_free,
		.fsid = { (s32)sb->dev, 0 },
		.namelen = (s64)info.name_max,
		.frsize = (s64)info.block_size,
		.flags = (flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME)) |
			 (flags & MS_RELATIME ? 4096 : 0) | 0x20, /* ST_RELATIME, ST_VALID */
	};

	return put_user(user, s);
}

SYSCALL(statfs)
{
	scoped_path p = {};
	int err = path_lookup_user(AT_FDCWD, ARG_PTR(0), WALK_FOLLOW, &p);

	return err ? err
		   : put_statfs(p.dentry->sb, p.mount->flags | p.mount->sb->flags, ARG_PTR(1));
}

SYSCALL(fstatfs)
{
	scoped_fd fd = fd_get_any(ARG_INT(0));

	return fd.file ? put_statfs(fd.file->inode->sb,
				    fd.file->path.mount ? fd.file->path.mount->flags : 0,
				    ARG_PTR(1))
		       : -EBADF;
}
