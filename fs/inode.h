// SPDX-License-Identifier: MIT
/*
 * Inodes: what a file is, apart from its names. An inode embeds the mm object that holds its pages,
 * and the object's count is the inode's count: a mapping, a dentry and an open file all keep it
 * alive the same way. object.size is the file's size.
 *
 * A file system is: a struct fs_type (fs/mount.h) that fills a struct super with a root dentry,
 * inodes with inode_ops (names and attributes) and file_ops (fs/file.h: what an open file does).
 *
 * Locks: inode->lock (sleeping) guards a directory's entries against change, and a file's size and
 * attributes. Two directories: under rename_mutex, ancestor first (fs/dentry.h).
 * Order: rename_mutex < inode->lock (directory before file) < vm->lock < dentry spinlocks <
 * object.lock.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/lock.h"
#include "mm/object.h"

struct dentry;
struct file_ops;
struct file_lock_list;
struct inode;
struct path;
struct pipe;
struct super;
struct statfs_info;

enum : u32 {
	S_IFMT = 0170000,
	S_IFSOCK = 0140000,
	S_IFLNK = 0120000,
	S_IFREG = 0100000,
	S_IFBLK = 0060000,
	S_IFDIR = 0040000,
	S_IFCHR = 0020000,
	S_IFIFO = 0010000,
	S_ISUID = 04000,
	S_ISGID = 02000,
	S_ISVTX = 01000,
};

enum : u32 { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };

constexpr unsigned NAME_MAX = 255, PATH_MAX = 4096, LINK_MAX = 65000;
constexpr u64 FILE_SIZE_MAX = (1ul << 63) - 1;

/* Device numbers, in the kernel: 12 bits major, 20 bits minor. */
static inline u32 dev_make(u32 major, u32 minor) { return major << 20 | minor; }
static inline u32 dev_major(u32 dev) { return dev >> 20; }
static inline u32 dev_minor(u32 dev) { return dev & 0xfffff; }

/*
 * What a file system does with names. `dir` is the directory's dentry, its inode is locked (lookup
 * too); `child` is a dentry with name and parent but without inode. Whoever is missing means -EPERM
 * (lookup: -ENOENT). On success the operation has called dentry_instantiate(child, inode); the
 * caller links it. Permissions, existence, sticky bit, read-only mounts have been checked by
 * fs/name.c.
 */
struct inode_ops {
	/* Finds child->name: instantiates child, or -ENOENT. Only for file systems whose entries
	 * are not all in the dentry tree. */
	int (*lookup)(struct dentry *dir, struct dentry *child);
	/* A new file of any type: mode has type bits; rdev for devices; target for symbolic
	 * links. */
	int (*create)(struct dentry *dir, struct dentry *child, u32 mode, u32 rdev,
		      const char *target);
	/* A file without a name (O_TMPFILE): *out has nlink 0 and one reference. */
	int (*tmpfile)(struct inode *dir, u32 mode, struct inode **out);
	int (*link)(struct dentry *dir, struct dentry *child, struct inode *inode);
	/* Removes the name of a file or directory; the victim is locked. -ENOTEMPTY is its to say
	 * if not all entries are in the dentry tree. */
	int (*unlink)(struct dentry *dir, struct dentry *child);
	/* Both exist and are locked; `to` may be without inode (new name). exchange: swap them.
	 * Only the store is changed here: the dentry tree is moved by the caller. */
	int (*rename)(struct dentry *from_dir, struct dentry *from, struct dentry *to_dir,
		      struct dentry *to, bool exchange);
	/* A symbolic link's text into buf, not terminated; its length. */
	long (*readlink)(struct inode *inode, char *buf, size_t size);
	/* A link that leads to a place rather than a name (/proc/PID/fd/N): *out with
	 * references. */
	int (*follow)(struct inode *inode, struct path *out);
	/* Changes the size (inode locked, size differs). nullptr: -EINVAL. */
	int (*resize)(struct inode *inode, u64 size);
	/* Brings mode, uid, size … up to date before they are looked at (procfs). */
	void (*refresh)(struct inode *inode);
	/* Before the ordinary check of MAY_*: 0 or -EACCES, or 1: that one decides. */
	int (*permission)(struct inode *inode, u32 may);
	/* The last reference is gone: free private data. Must not sleep. */
	void (*release)(struct inode *inode);
};

/* (l) inode->lock  (i) fixed  (a) atomic */
struct inode {
	struct object object;		/* first: count, size, pages */
	const struct inode_ops *ops;	/* (i) */
	const struct file_ops *fops;	/* (i) of an open file; devices and fifos are found by
					 * mode */
	struct super *sb;		/* (i) a reference */
	u64 ino;			/* (i) */
	u32 mode;			/* (l) type bits (i) */
	u32 uid, gid, nlink;		/* (l) */
	u32 rdev;			/* (i) */
	s32 writers;			/* (a) > 0: open for writing so often; < 0: running as a
					 * program so often */
	s64 atime, mtime, ctime;	/* (l) ns since 1970 */
	struct mutex lock;
	struct pipe *pipe;		/* (l) a fifo's or pipe's */
	struct dentry *alias;		/* (a) without a reference, see dentry_of() */
	struct file_lock_list *locks;	/* (a) set once; fs/flock.c */
	void *watches;			/* fs/inotify.c */
	u64 charged;			/* (a) tmpfs: pages counted in the super */
	bool linkable;			/* (l) without a name (O_TMPFILE), but may get one */
	void *data;			/* (i) the file system's */
	u64 arg[2];			/* (i) the file system's */
};

#define object_inode(o) container_of(o, struct inode, object)

/* A new inode, refs 1, nlink 1, ids of the current task, times now. nullptr: no memory. oops:
 * nullptr = memory only. */
[[nodiscard]] struct inode *inode_new(struct super *sb, u32 mode, const struct inode_ops *ops,
				      const struct file_ops *fops, const struct object_ops *oops);
/* The `release` that object_ops of inodes must have. */
void inode_object_release(struct object *o);
static inline void inode_get(struct inode *i) { object_get(&i->object); }
static inline void inode_put(struct inode *i) { if (i) object_put(&i->object); }

static inline u32 inode_type(const struct inode *i) { return i->mode & S_IFMT; }
static inline bool inode_is_dir(const struct inode *i) { return inode_type(i) == S_IFDIR; }
static inline bool inode_is_regular(const struct inode *i) { return inode_type(i) == S_IFREG; }
static inline bool inode_is_symlink(const struct inode *i) { return inode_type(i) == S_IFLNK; }
static inline u64 inode_size(const struct inode *i) { return load_acquire(&i->object.size); }

/* May the current task (fsuid, fsgid, groups, capabilities) do all of MAY_*? 0 or -EACCES. */
[[nodiscard]] int inode_permission(struct inode *i, u32 may);
/* The owner, or CAP_FOWNER. */
bool inode_owned(const struct inode *i);
/* Times: s64 ns since 1970 of now. */
void inode_cache_init(void);
s64 inode_now(void);
void inode_touch_modified(struct inode *i);	/* mtime and ctime */
void inode_touch_changed(struct inode *i);	/* ctime */
void inode_touch_read(struct inode *i);		/* atime, relatime's rule */
/* A write by someone else takes set-id bits away (inode locked). */
void inode_drop_setid(struct inode *i);

/* For create operations: group and set-group-id as the directory's S_ISGID asks. */
void inode_init_owner(struct inode *i, const struct inode *dir);

/* Size changes as truncate(2) does them: takes the lock, checks type and limits. 0 or -errno. */
[[nodiscard]] int inode_truncate(struct inode *i, u64 size);

/* Writers against programs that run: 0 or -ETXTBSY. */
[[nodiscard]] int inode_write_begin(struct inode *i);
void inode_write_end(struct inode *i);
[[nodiscard]] int inode_exec_begin(struct inode *i);
void inode_exec_end(struct inode *i);
