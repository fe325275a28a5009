// SPDX-License-Identifier: MIT
/*
 * Places in the tree of names, and the walk from a pathname to one (path_resolution(7)).
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/lock.h"
#include "fs/dentry.h"

struct file;
struct mount;
struct path;

/* A dentry seen through a mount. Holds a reference on both. */
struct path {
	struct mount *mount;
	struct dentry *dentry;
};

void path_get(const struct path *p);
void path_put(struct path *p);		/* empties it; an empty one is fine */
#define scoped_path [[gnu::cleanup(path_put)]] struct path
static inline struct inode *path_inode(const struct path *p) { return p->dentry->inode; }
static inline bool path_equal(const struct path *a, const struct path *b)
{
	return a->mount == b->mount && a->dentry == b->dentry;
}

enum { AT_FDCWD = -100 };
enum : u32 { /* AT_* as programs pass them */
	     AT_SYMLINK_NOFOLLOW = 0x100,
	     AT_REMOVEDIR = 0x200,
	     AT_EACCESS = 0x200,
	     AT_SYMLINK_FOLLOW = 0x400,
	     AT_NO_AUTOMOUNT = 0x800,
	     AT_EMPTY_PATH = 0x1000,
	     AT_STATX_SYNC_TYPE = 0x6000,
	     AT_RECURSIVE = 0x8000,
};

enum walk_flags : u32 {
	WALK_FOLLOW = 1,    /* follow a symbolic link in the last component */
	WALK_EMPTY = 2,     /* "" means the start itself (AT_EMPTY_PATH) */
	WALK_DIRECTORY = 4, /* it must be a directory */
	WALK_RELEASED = 8,  /* (internal) */
	/* openat2(2)'s RESOLVE_*, shifted by 8. */
	WALK_NO_XDEV = 0x100,
	WALK_NO_MAGICLINKS = 0x200,
	WALK_NO_SYMLINKS = 0x400,
	WALK_BENEATH = 0x800,
	WALK_IN_ROOT = 0x1000,
	WALK_CACHED = 0x2000,
};

/* A pathname from user memory; short ones need no allocation. */
struct pathname {
	char *s;
	size_t len;
	char small[120];
};
/* 0; -EFAULT, -ENAMETOOLONG, -ENOMEM. "" is fine here. */
[[nodiscard]] int pathname_get(struct pathname *n, va_t user);
void pathname_put(struct pathname *n);
#define scoped_pathname [[gnu::cleanup(pathname_put)]] struct pathname

/* The place that a name means, with references. dirfd: where relative names start; AT_FDCWD. */
[[nodiscard]] int path_lookup(int dirfd, const char *name, u32 walk_flags, struct path *out);
[[nodiscard]] int path_lookup_user(int dirfd, va_t name, u32 walk_flags, struct path *out);

/*
 * The walk up to the last component, for those that create, remove or rename it. `last` points into
 * the pathname or into the struct's own buffer; it is "", "." or ".." for names that end so
 * (-EEXIST, -EINVAL, -ENOTEMPTY … are the caller's choice). slash: slashes followed it.
 */
struct walk_parent {
	struct path parent;
	const char *last;
	size_t len;
	bool slash;
	char *buffer;			/* owned: a followed link's text */
	int links;			/* followed so far: at most 40 */
	u32 flags;
	struct path root;		/* where absolute links start (RESOLVE_IN_ROOT) */
};
[[nodiscard]] int path_parent(int dirfd, const char *name, u32 walk_flags, struct walk_parent *w);
void walk_parent_put(struct walk_parent *w);
#define scoped_walk_parent [[gnu::cleanup(walk_parent_put)]] struct walk_parent
/* The last component is a symbolic link `link`: walks on through its text, to a new parent and
 * last. A magic link has no last component: then *place is set. */
[[nodiscard]] int walk_parent_follow(struct walk_parent *w, struct dentry *link,
				     struct path *place);
/* What the last component is, or -ENOENT. Mounts on it are entered. */
[[nodiscard]] int walk_parent_lookup(struct walk_parent *w, struct path *out);

/* The absolute name of p as the current task's root shows it, at the end of buf: returns its start;
 * " (deleted)" is appended where it applies. nullptr: does not fit. */
char *path_name(const struct path *p, char *buf, size_t size);
/* Is p below (or at) the current root? */
bool path_reachable(const struct path *p);

/* What a task's path names start from. */
struct fs_context {
	u32 refs;			/* (a) tasks */
	struct spinlock lock;
	struct path root, cwd;		/* (lock) */
	u32 umask;			/* (a) */
};
struct fs_context *fs_context_current(void);
void fs_root(struct path *out);		/* the current task's, with references */
void fs_cwd(struct path *out);
/* Another task's root or working directory. 0 or -ESRCH (it has exited). */
struct task;
int task_path(struct task *t, bool root, struct path *out);
