// SPDX-License-Identifier: MIT
/*
 * rename(2), renameat2(2). rename_mutex keeps the shape of the tree still, so that "is this
 * directory below that one" has an answer; then both directories are locked, the ancestor first.
 */
#include "fs/name.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/walk.h"
#include "proc/unknown.h"

struct rename {
	struct walk_parent from_walk, to_walk;
	struct dentry *from_dir, *to_dir;
	struct dentry *from, *to;	/* references; to without inode: a new name */
	bool exchange, noreplace;
};

static void lock_dirs(struct dentry *a, struct dentry *b)
{
	if (a != b && dentry_is_ancestor(b, a)) {
		struct dentry *t = a;

		a = b;
		b = t;
	}
	mutex_lock(&a->inode->lock);
	if (a != b)
		mutex_lock(&b->inode->lock);
}

static void unlock_dirs(struct dentry *a, struct dentry *b)
{
	mutex_unlock(&a->inode->lock);
	if (a != b)
		mutex_unlock(&b->inode->lock);
}

static int look_up(struct rename *r)
{
	int err = dentry_lookup_locked(r->from_dir, r->from_walk.last, r->from_walk.len, &r->from);

	if (err)
		return err;
	err = dentry_lookup_locked(r->to_dir, r->to_walk.last, r->to_walk.len, &r->to);
	if (!err)
		return r->noreplace ? -EEXIST : 0;
	if (err != -ENOENT || r->exchange)
		return err;
	r->to = dentry_new(r->to_dir->sb, r->to_dir, r->to_walk.last, r->to_walk.len);
	return r->to ? 0 : -ENOMEM;
}

/* Neither may come to lie in itself; trailing slashes are for directories. */
static int check_shape(const struct rename *r)
{
	bool from_is_dir = inode_is_dir(r->from->inode);
	bool to_is_dir = r->to->inode && inode_is_dir(r->to->inode);

	if (!from_is_dir && (r->from_walk.slash || (r->to_walk.slash && !r->exchange)))
		return -ENOTDIR;
	if (r->exchange && r->to_walk.slash && !to_is_dir)
		return -ENOTDIR;
	if (dentry_is_ancestor(r->from, r->to_dir))
		return -EINVAL;
	if (r->to->inode && dentry_is_ancestor(r->to, r->from_dir))
		return r->exchange ? -EINVAL : -ENOTEMPTY;
	if (!r->to->inode || r->exchange)
		return 0;
	if (from_is_dir && !to_is_dir)
		return -ENOTDIR;
	return !from_is_dir && to_is_dir ? -EISDIR : 0;
}

static int check_rights(const struct rename *r)
{
	int err = name_may_remove(r->from_dir->inode, r->from);

	if (!err)
		err = r->to->inode ? name_may_remove(r->to_dir->inode, r->to)
				   : name_may_create(r->to_dir);
	if (err || r->from_dir == r->to_dir)
		return err;
	/* A directory that moves gets another "..": that is a write to it. */
	if (inode_is_dir(r->from->inode))
		err = inode_permission(r->from->inode, MAY_WRITE);
	if (!err && r->exchange && inode_is_dir(r->to->inode))
		err = inode_permission(r->to->inode, MAY_WRITE);
	return err;
}

static int perform(struct rename *r)
{
	const struct inode_ops *ops = r->from_dir->inode->ops;
	struct inode *victim = r->exchange ? nullptr : r->to->inode;

	if (!ops || !ops->rename)
		return -EPERM;
	if (victim)
		mutex_lock(&victim->lock);
	int err = victim && r->to->nchildren ? -ENOTEMPTY :
		  ops->rename(r->from_dir, r->from, r->to_dir, r->to, r->exchange);

	if (!err) {
		dentry_move(r->from, r->to, r->exchange);
		notify_renamed(r->from_dir->inode, r->from, r->to_dir->inode, r->to, r->exchange);
	}
	if (victim)
		mutex_unlock(&victim->lock);
	return err;
}

static int rename_locked(struct rename *r)
{
	int err = look_up(r);

	if (!err && r->from->inode == r->to->inode)
		return 0;	/* two names of one file: nothing happens (rename(2)) */
	if (!err)
		err = check_shape(r);
	if (!err)
		err = check_rights(r);
	return err ? err : perform(r);
}

static int decode(struct rename *r, int from_fd, const char *from, int to_fd, const char *to)
{
	int err = path_parent(from_fd, from, 0, &r->from_walk);

	if (!err)
		err = path_parent(to_fd, to, 0, &r->to_walk);
	if (err)
		return err;
	if (r->from_walk.parent.mount != r->to_walk.parent.mount)
		return -EXDEV;
	if (name_is_special(r->from_walk.last, r->from_walk.len))
		return -EBUSY;
	if (name_is_special(r->to_walk.last, r->to_walk.len))
		return r->noreplace ? -EEXIST : -EBUSY;
	r->from_dir = r->from_walk.parent.dentry;
	r->to_dir = r->to_walk.parent.dentry;
	return path_writable(&r->from_walk.parent);
}

int name_rename(int from_fd, const char *from, int to_fd, const char *to, u32 flags)
{
	if (flags_unknown(flags, RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	struct rename r = { .exchange = flags & RENAME_EXCHANGE,
			    .noreplace = flags & RENAME_NOREPLACE };
	int err = decode(&r, from_fd, from, to_fd, to);

	if (!err) {
		mutex_lock(&rename_mutex);
		lock_dirs(r.from_dir, r.to_dir);
		err = rename_locked(&r);
		unlock_dirs(r.from_dir, r.to_dir);
		mutex_unlock(&rename_mutex);
	}
	dentry_put(r.from);
	dentry_put(r.to);
	walk_parent_put(&r.from_walk);
	walk_parent_put(&r.to_walk);
	return err;
}
