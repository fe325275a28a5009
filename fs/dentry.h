// SPDX-License-Identifier: MIT
/*
 * The tree of names. A dentry joins a name in a directory with an inode. Linked dentries are in
 * their parent's trees, by name and by age, and the tree holds one reference on each; so a memory
 * file system needs no other directory, and the tree is its store. A dentry that is not linked
 * lives as long as somebody looks at it: deleted files that are open, and the entries of file
 * systems that make them up at each lookup (procfs).
 *
 * Locks: dentry->lock (spin) guards its children's trees and their names; rename_lock (spin) guards
 * every parent pointer and is taken before two dentry->locks; rename_mutex (sleeping) is held for a
 * whole rename between directories.
 */
#pragma once

#include "lib/base.h"
#include "lib/lock.h"
#include "lib/rbtree.h"
#include "fs/inode.h"

enum dentry_flags : u8 {
	DENTRY_LINKED = 1,	/* in its parent's trees */
	DENTRY_DELETED = 2,	/* was linked once */
};

constexpr unsigned DENTRY_NAME_INLINE = 40;

/* (p) the parent's lock  (s) own lock  (r) rename_lock  (a) atomic */
struct dentry {
	u32 refs;			/* (a) */
	u32 mounted;			/* (a) mounts on it */
	struct inode *inode;		/* (i) once linked; a reference */
	struct super *sb;		/* (i) */
	struct dentry *parent;		/* (r) a reference; a root is its own, without one */
	struct spinlock lock;
	u8 flags;			/* (p) DENTRY_* */
	u8 len;				/* (p) of name */
	u32 hash;			/* (p) */
	const char *name;		/* (p) terminated */
	u64 cookie;			/* (p) its age in the parent: position for getdents */
	struct rb_node by_name, by_age;	/* (p) */
	struct rb_tree names, ages;	/* (s) children */
	u64 next_cookie;		/* (s) */
	u32 nchildren;			/* (s) */
	char name_inline[DENTRY_NAME_INLINE];
};

extern struct spinlock rename_lock;
extern struct mutex rename_mutex;

void dentry_init(void);
/* A dentry of that name below parent (takes a reference on it), not linked, without inode; parent
 * nullptr: a root. */
[[nodiscard]] struct dentry *dentry_new(struct super *sb, struct dentry *parent, const char *name,
					size_t len);
/* Gives it its inode; takes over the caller's reference. */
void dentry_instantiate(struct dentry *d, struct inode *inode);
/* A name of that inode, the last it was given, with a reference; nullptr when that name is gone.
 * For /proc/PID/maps. */
struct dentry *dentry_of(struct inode *inode);
static inline void dentry_get(struct dentry *d)
{
	__atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
}
void dentry_put(struct dentry *d);	/* nullptr is fine */
static inline void dentry_put_scope(struct dentry **d) { dentry_put(*d); }
#define scoped_dentry [[gnu::cleanup(dentry_put_scope)]] struct dentry

/* The linked child of that name with a reference, or nullptr. */
struct dentry *dentry_find(struct dentry *dir, const char *name, size_t len);
/* The same, asking the file system when it is not linked. Takes dir->inode->lock for that: not
 * held. 0 or -ENOENT, … */
[[nodiscard]] int dentry_lookup(struct dentry *dir, const char *name, size_t len,
				struct dentry **out);
/* With dir->inode->lock held. */
[[nodiscard]] int dentry_lookup_locked(struct dentry *dir, const char *name, size_t len,
				       struct dentry **out);
/* Puts d into / takes it out of its parent's trees; the directory's inode is locked. The tree's
 * reference comes and goes. */
void dentry_link(struct dentry *d);
void dentry_unlink(struct dentry *d);
/* The first linked child with cookie >= *cookie, with a reference; its cookie in *cookie. nullptr:
 * none. */
struct dentry *dentry_next(struct dentry *dir, u64 *cookie);
/* Copies d's name (terminated, NAME_MAX + 1 bytes). Returns the length. */
size_t dentry_name(struct dentry *d, char *buf);
/* Its parent with a reference. */
struct dentry *dentry_parent(struct dentry *d);
/* Is a at or above b? Stable under rename_mutex. */
bool dentry_is_ancestor(struct dentry *a, struct dentry *b);

/* rename(2)'s effect: `from` takes the place and name of `to`. `to` is not linked (a new name), or
 * is unlinked and marked deleted. exchange: both are linked and swap. Both directories' inodes and
 * rename_mutex are held. */
void dentry_move(struct dentry *from, struct dentry *to, bool exchange);

/* Takes a whole tree apart (unmount of a memory file system). */
void dentry_drop_tree(struct dentry *root);
