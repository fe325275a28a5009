// SPDX-License-Identifier: MIT
/*
 * What happens to files, told to who watches them (inotify(7)). The hooks cost one load while there is not one watch in
 * the system. They are called after the change; all may sleep.
 */
#pragma once

#include "lib/base.h"
#include "fs/file.h"

struct dentry;
struct inode;
struct super;

enum : u32 {
	IN_ACCESS = 1, IN_MODIFY = 2, IN_ATTRIB = 4, IN_CLOSE_WRITE = 8, IN_CLOSE_NOWRITE = 0x10, IN_OPEN = 0x20,
	IN_MOVED_FROM = 0x40, IN_MOVED_TO = 0x80, IN_CREATE = 0x100, IN_DELETE = 0x200, IN_DELETE_SELF = 0x400,
	IN_MOVE_SELF = 0x800, IN_ALL_EVENTS = 0xfff, IN_UNMOUNT = 0x2000, IN_Q_OVERFLOW = 0x4000, IN_IGNORED = 0x8000,
	IN_ONLYDIR = 0x01000000, IN_DONT_FOLLOW = 0x02000000, IN_EXCL_UNLINK = 0x04000000, IN_MASK_CREATE = 0x10000000,
	IN_MASK_ADD = 0x20000000, IN_ISDIR = 0x40000000, IN_ONESHOT = 0x80000000,
};

extern u32 notify_watches;		/* (a) how many there are */

/* Implementations: fs/notify.c. */
void notify_inode_slow(struct inode *i, u32 mask);
void notify_dentry_slow(struct dentry *d, u32 mask);
void notify_name_slow(struct inode *dir, struct dentry *child, u32 mask, u32 cookie);
void notify_linked_slow(struct inode *dir, struct dentry *child);
void notify_removed_slow(struct inode *dir, struct dentry *child);
void notify_renamed_slow(struct inode *from_dir, struct dentry *from, struct inode *to_dir, struct dentry *to,
			 bool exchange);
void notify_unmounted_slow(struct super *sb);

static inline bool notify_wanted(void) { return unlikely(load_relaxed(&notify_watches) != 0); }

/* Something about the file that this name leads to: for its watchers, and those of its folder. */
static inline void notify_dentry(struct dentry *d, u32 mask)
{
	if (notify_wanted() && d)
		notify_dentry_slow(d, mask);
}
static inline void notify_file(struct file *f, u32 mask) { notify_dentry(f->path.dentry, mask); }
/* The same when only the inode is known: any of its names will do. */
static inline void notify_inode(struct inode *i, u32 mask)
{
	if (notify_wanted())
		notify_inode_slow(i, mask);
}
/* dir has a new name. */
static inline void notify_created(struct inode *dir, struct dentry *child)
{
	if (notify_wanted())
		notify_name_slow(dir, child, IN_CREATE, 0);
}
/* dir has a new name for a file that had one. */
static inline void notify_linked(struct inode *dir, struct dentry *child)
{
	if (notify_wanted())
		notify_linked_slow(dir, child);
}
/* The name is out of dir, and the link count says what is left. */
static inline void notify_removed(struct inode *dir, struct dentry *child)
{
	if (notify_wanted())
		notify_removed_slow(dir, child);
}
/* dentry_move() is done: `from` carries the new name, `to` the old one. */
static inline void notify_renamed(struct inode *from_dir, struct dentry *from, struct inode *to_dir, struct dentry *to,
				  bool exchange)
{
	if (notify_wanted())
		notify_renamed_slow(from_dir, from, to_dir, to, exchange);
}
/* The inode's last reference is gone (its release; does not sleep). */
void notify_inode_gone(struct inode *i);
static inline void notify_unmounted(struct super *sb)
{
	if (notify_wanted())
		notify_unmounted_slow(sb);
}
