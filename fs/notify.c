// SPDX-License-Identifier: MIT
/*
 * From what happens to files to events: which inode's watchers hear of it, under which name. Reads and writes of what is
 * not in the page cache (devices, fifos) are not told.
 */
#include "fs/inotify.h"
#include "fs/dentry.h"
#include "fs/inode.h"

static u32 last_cookie;

static u32 dir_bit(const struct inode *i)
{
	return inode_is_dir(i) ? IN_ISDIR : 0;
}

static bool has_watches(const struct inode *i)
{
	return load_relaxed(&i->watches) != nullptr;
}

static void tell_parent(struct dentry *d, u32 mask)
{
	scoped_dentry *parent = dentry_parent(d);
	char name[NAME_MAX + 1];

	if (parent == d || !has_watches(parent->inode))
		return;
	dentry_name(d, name);
	inotify_event(parent->inode, mask, 0, name, d->flags & DENTRY_DELETED);
}

void notify_dentry_slow(struct dentry *d, u32 mask)
{
	mask |= dir_bit(d->inode);
	tell_parent(d, mask);
	if (has_watches(d->inode))
		inotify_event(d->inode, mask, 0, nullptr, false);
}

void notify_inode_slow(struct inode *i, u32 mask)
{
	scoped_dentry *d = dentry_of(i);

	if (d)
		notify_dentry_slow(d, mask);
	else if (has_watches(i))
		inotify_event(i, mask | dir_bit(i), 0, nullptr, false);
}

void notify_name_slow(struct inode *dir, struct dentry *child, u32 mask, u32 cookie)
{
	char name[NAME_MAX + 1];

	if (!has_watches(dir))
		return;
	dentry_name(child, name);
	inotify_event(dir, mask | dir_bit(child->inode), cookie, name, false);
}

void notify_linked_slow(struct inode *dir, struct dentry *child)
{
	if (has_watches(child->inode))
		inotify_event(child->inode, IN_ATTRIB, 0, nullptr, false);
	notify_name_slow(dir, child, IN_CREATE, 0);
}

/* One name less: the attribute has changed, and with the last name the watches must not keep it. */
static void lost_name(struct inode *i)
{
	if (!has_watches(i))
		return;
	if (!inode_is_dir(i))
		inotify_event(i, IN_ATTRIB, 0, nullptr, false);
	if (!i->nlink)
		inotify_unlinked(i);
}

void notify_removed_slow(struct inode *dir, struct dentry *child)
{
	lost_name(child->inode);
	notify_name_slow(dir, child, IN_DELETE, 0);
}

static void moved(struct inode *from_dir, struct dentry *old, struct inode *to_dir, struct dentry *new, struct inode *i)
{
	u32 cookie = __atomic_add_fetch(&last_cookie, 1, __ATOMIC_RELAXED);
	char name[NAME_MAX + 1];

	if (has_watches(from_dir)) {
		dentry_name(old, name);
		inotify_event(from_dir, IN_MOVED_FROM | dir_bit(i), cookie, name, false);
	}
	if (has_watches(to_dir)) {
		dentry_name(new, name);
		inotify_event(to_dir, IN_MOVED_TO | dir_bit(i), cookie, name, false);
	}
}

void notify_renamed_slow(struct inode *from_dir, struct dentry *from, struct inode *to_dir, struct dentry *to,
			 bool exchange)
{
	moved(from_dir, to, to_dir, from, from->inode);
	if (exchange)
		moved(to_dir, from, from_dir, to, to->inode);
	else if (to->inode)
		lost_name(to->inode);
	if (has_watches(from->inode))
		inotify_event(from->inode, IN_MOVE_SELF, 0, nullptr, false);
	if (exchange && has_watches(to->inode))
		inotify_event(to->inode, IN_MOVE_SELF, 0, nullptr, false);
}

void notify_unmounted_slow(struct super *sb)
{
	inotify_unmounted(sb);
}
