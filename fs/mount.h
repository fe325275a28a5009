// SPDX-License-Identifier: MIT
/*
 * File systems and where they are attached. A super is one file system instance; a mount is one
 * place where a super's tree (or a part of it: bind mounts) is visible. Mounts form a tree under
 * mount_lock.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "fs/path.h"

struct fs_type;
struct super;
struct text;

/* statfs(2)'s facts. */
struct statfs_info {
	u64 type, block_size, blocks, free, available, files, files_free, name_max;
};

struct super_ops {
	/* The last mount is gone: drop the dentry tree and the store. May sleep. */
	void (*kill)(struct super *sb);
	void (*statfs)(struct super *sb, struct statfs_info *out);
	/* Options for /proc/mounts, each with a leading comma. May be nullptr. */
	void (*options)(struct super *sb, struct text *t);
	/* mount -o remount: -EINVAL for unknown options. May be nullptr. */
	int (*remount)(struct super *sb, const char *options);
	int (*sync)(struct super *sb);
};

/* (a) atomic (i) fixed (s) lock */
struct super {
	u32 refs;			/* (a) inodes, and 1 for all mounts together */
	u32 mounts;			/* (a) */
	const struct super_ops *ops;	/* (i) */
	const struct fs_type *type;	/* (i) */
	struct dentry *root;		/* (i) a reference */
	u32 dev;			/* (i) st_dev */
	u32 flags;			/* (a) MS_RDONLY */
	u64 next_ino;			/* (a) */
	struct spinlock lock;
	u64 pages, max_pages;		/* tmpfs: (a) in use, limit (0: none) */
	u64 max_inodes;			/* tmpfs: (a) limit (0: none) */
	u64 more_names;			/* tmpfs: (a) of inodes, beyond the first: they count as inodes do */
	void *data;			/* the file system's */
};

struct fs_type {
	const char *name;
	bool needs_device;		/* /proc/filesystems: no "nodev" */
	bool single;			/* every mount shows the same super (devtmpfs) */
	/* Fills sb->ops, sb->root. source and options: never nullptr. 0 or -errno. */
	int (*fill)(struct super *sb, const char *source, const char *options);
	struct super *shared;		/* single: the one */
	struct fs_type *next;
};

void fs_register(struct fs_type *type);		/* type stays the caller's */
struct fs_type *fs_find(const char *name);
struct fs_type *fs_next(struct fs_type *after);	/* nullptr: the first */

/* A mount's options are a list with commas: the one behind s's first, or nullptr; and a mode after `mode=`. */
const char *option_next(const char *s);
u32 option_mode(const char *s);

void super_put(struct super *sb);
static inline u64 super_new_ino(struct super *sb)
{
	return __atomic_add_fetch(&sb->next_ino, 1, __ATOMIC_RELAXED);
}

/* mount(2) */
enum : u32 {
	MS_RDONLY = 1,
	MS_NOSUID = 2,
	MS_NODEV = 4,
	MS_NOEXEC = 8,
	MS_SYNCHRONOUS = 16,
	MS_REMOUNT = 32,
	MS_DIRSYNC = 128,
	MS_NOATIME = 1024,
	MS_NODIRATIME = 2048,
	MS_BIND = 4096,
	MS_MOVE = 8192,
	MS_REC = 16384,
	MS_SILENT = 32768,
	MS_UNBINDABLE = 1 << 17,
	MS_PRIVATE = 1 << 18,
	MS_SLAVE = 1 << 19,
	MS_SHARED = 1 << 20,
	MS_RELATIME = 1 << 21,
	MS_STRICTATIME = 1 << 24,
	MS_LAZYTIME = 1 << 25,
	MNT_FORCE = 1,
	MNT_DETACH = 2,
	MNT_EXPIRE = 4,
	UMOUNT_NOFOLLOW = 8,
};

/* (m) mount_lock */
struct mount {
	u32 refs;			/* (a) paths, and 1 while attached */
	u32 flags;			/* (a) MS_RDONLY NOSUID NODEV NOEXEC NOATIME */
	int id;				/* (i) */
	struct super *sb;		/* (i) */
	struct dentry *root;		/* (i) a reference */
	struct mount *parent;		/* (m) a reference; the root mount: nullptr; detached:
					 * nullptr */
	struct dentry *mountpoint;	/* (m) a reference */
	struct list all;		/* (m) in order of mounting */
	bool attached;			/* (m) */
	char *source;			/* (i) */
};

static inline void mount_get(struct mount *m) { __atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED); }
void mount_put(struct mount *m);	/* nullptr is fine; may sleep */

/* Whether reading through m (or nullptr) leaves access times alone. */
static inline bool mount_keeps_atime(const struct mount *m)
{
	return m && load_relaxed(&m->flags) & (MS_NOATIME | MS_RDONLY);
}

/* A new file system of that type, at `at`; at nullptr: a mount that is attached nowhere (internal),
 * in *out. */
[[nodiscard]] int mount_new(const char *type, const char *source, const char *options, u32 flags,
			    const struct path *at, struct mount **out);
[[nodiscard]] int mount_bind(const struct path *from, const struct path *at, bool recursive);
[[nodiscard]] int mount_move(const struct path *from, const struct path *at);
[[nodiscard]] int mount_remount(const struct path *at, u32 flags, const char *options);
[[nodiscard]] int mount_detach(const struct path *at, int flags);

/* While something is mounted on p: moves to its root. p's references follow. */
void mount_descend(struct path *p);
/* At a mount's root (and not the root mount): moves to the mountpoint; false if it was not at
 * one. */
bool mount_ascend(struct path *p);

/* A place where d can be seen, with references: for names of files that are known by their inode
 * only. */
bool mount_of(struct dentry *d, struct path *out);

/* /proc/PID/mounts, /proc/filesystems. */
void mount_show_all(struct text *t);
void mount_show_info(struct text *t);		/* mountinfo */
void fs_show_all(struct text *t);
void super_sync_all(void);

/* The root mount, and the internal one of pipes, sockets and such. */
extern struct mount *mount_root, *mount_anon;
