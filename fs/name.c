// SPDX-License-Identifier: MIT
/*
 * Making and removing names. Decode (walk to the parent), lock the directory, look at what is
 * there, check rights, then let the file system act and bring the dentry tree in line.
 *
 * Locks: the directory's inode, then the victim's. rename is in fs/rename.c.
 */
#include "fs/name.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/walk.h"
#include "lib/string.h"
#include "proc/cred.h"
#include "proc/task.h"

int path_writable(const struct path *p)
{
	return (load_relaxed(&p->mount->flags) | load_relaxed(&p->mount->sb->flags)) & MS_RDONLY
		       ? -EROFS
		       : 0;
}

u32 umask_apply(u32 mode)
{
	struct task *t = task_current();

	return t && t->fs ? mode & ~load_relaxed(&t->fs->umask) : mode;
}

int name_may_create(struct dentry *dir)
{
	if (dir->flags & DENTRY_DELETED)
		return -ENOENT;
	return inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);
}

/* May the name `victim` be taken out of dir? With S_ISVTX only by the owner of either. */
int name_may_remove(struct inode *dir, struct dentry *victim)
{
	int err = inode_permission(dir, MAY_WRITE | MAY_EXEC);

	if (err)
		return err;
	if ((dir->mode & S_ISVTX) && cred_current()->fsuid != dir->uid &&
	    !inode_owned(victim->inode))
		return -EPERM;
	return load_relaxed(&victim->mounted) ? -EBUSY : 0;
}

int name_create_locked(struct dentry *dir, const char *name, size_t len, u32 mode, u32 rdev,
		       const char *target, struct dentry **out)
{
	int err = name_may_create(dir);

	if (err)
		return err;
	if (!dir->inode->ops || !dir->inode->ops->create)
		return -EPERM;
	struct dentry *child = dentry_new(dir->sb, dir, name, len);

	if (!child)
		return -ENOMEM;
	err = dir->inode->ops->create(dir, child, mode, rdev, target);
	if (err) {
		dentry_put(child);
		return err;
	}
	dentry_link(child);
	notify_created(dir->inode, child);
	*out = child;
	return 0;
}

/* In a locked directory: -EEXIST if the last component is there, 0 if not. */
static int must_not_exist(struct walk_parent *w)
{
	struct dentry *there;
	int err = dentry_lookup_locked(w->parent.dentry, w->last, w->len, &there);

	if (err)
		return err == -ENOENT ? 0 : err;
	dentry_put(there);
	return -EEXIST;
}

static int check_mknod(u32 mode)
{
	u32 type = mode & S_IFMT;

	if ((type == S_IFCHR || type == S_IFBLK) && !cred_capable(cred_current(), CAP_MKNOD))
		return -EPERM;
	return 0;
}

int name_create(int dirfd, const char *name, u32 mode, u32 rdev, const char *target)
{
	scoped_walk_parent w = {};
	bool is_dir = (mode & S_IFMT) == S_IFDIR;
	int err = path_parent(dirfd, name, 0, &w);

	if (err)
		return err;
	if (name_is_special(w.last, w.len))
		return -EEXIST;
	scoped_mutex(&path_inode(&w.parent)->lock);
	err = must_not_exist(&w);
	if (!err && w.slash && !is_dir)
		err = -ENOENT;
	if (!err)
		err = path_writable(&w.parent);
	if (!err)
		err = check_mknod(mode);
	if (err)
		return err;
	struct dentry *made;

	err = name_create_locked(w.parent.dentry, w.last, w.len, target ? mode : umask_apply(mode),
				 rdev, target, &made);
	if (!err)
		dentry_put(made);
	return err;
}

/* The file gets another name in w's directory, which is locked. */
static int link_locked(struct walk_parent *w, struct inode *inode)
{
	struct dentry *dir = w->parent.dentry;
	int err = must_not_exist(w);

	if (!err && w->slash)
		err = -ENOENT;
	if (!err)
		err = path_writable(&w->parent);
	if (!err)
		err = name_may_create(dir);
	if (err)
		return err;
	if (!dir->inode->ops || !dir->inode->ops->link)
		return -EPERM;
	scoped_mutex(&inode->lock);
	if (inode->nlink == 0 && !inode->linkable)
		return -ENOENT;
	if (inode->nlink >= LINK_MAX)
		return -EMLINK;
	struct dentry *child = dentry_new(dir->sb, dir, w->last, w->len);

	if (!child)
		return -ENOMEM;
	err = dir->inode->ops->link(dir, child, inode);
	if (!err) {
		dentry_link(child);
		notify_linked(dir->inode, child);
	}
	dentry_put(child);
	return err;
}

int name_link(int from_fd, const char *from, int to_fd, const char *to, u32 flags)
{
	scoped_walk_parent w = {};
	scoped_path old = {};
	u32 walk = (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) |
		   (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
	int err = path_lookup(from_fd, from, walk, &old);

	if (!err)
		err = path_parent(to_fd, to, 0, &w);
	if (err)
		return err;
	if (name_is_special(w.last, w.len))
		return -EEXIST;
	if (old.mount != w.parent.mount)
		return -EXDEV;
	if (inode_is_dir(path_inode(&old)))
		return -EPERM;
	scoped_mutex(&path_inode(&w.parent)->lock);
	return link_locked(&w, path_inode(&old));
}

/* Takes out `victim`, whose directory is locked. */
static int remove_locked(struct walk_parent *w, struct dentry *victim, bool want_dir)
{
	struct inode *dir = path_inode(&w->parent), *inode = victim->inode;
	int err = path_writable(&w->parent);

	if (!err)
		err = name_may_remove(dir, victim);
	if (err)
		return err;
	if (inode_is_dir(inode) != want_dir)
		return want_dir ? -ENOTDIR : -EISDIR;
	if (!want_dir && w->slash)
		return -ENOTDIR;
	if (!dir->ops || !dir->ops->unlink)
		return -EPERM;
	scoped_mutex(&inode->lock);
	if (want_dir && victim->nchildren)
		return -ENOTEMPTY;
	err = dir->ops->unlink(w->parent.dentry, victim);
	if (!err) {
		dentry_unlink(victim);
		notify_removed(dir, victim);
	}
	return err;
}

static int name_remove(int dirfd, const char *name, bool want_dir)
{
	scoped_walk_parent w = {};
	struct dentry *victim;
	int err = path_parent(dirfd, name, 0, &w);

	if (err)
		return err;
	if (name_is_special(w.last, w.len)) {
		if (!want_dir)
			return -EISDIR;
		return w.len == 0 ? -EBUSY : w.len == 1 ? -EINVAL : -ENOTEMPTY;
	}
	scoped_mutex(&path_inode(&w.parent)->lock);
	err = dentry_lookup_locked(w.parent.dentry, w.last, w.len, &victim);
	if (err)
		return err;
	err = remove_locked(&w, victim, want_dir);
	/* The last reference may free the file's pages: that is fine under the directory's lock. */
	dentry_put(victim);
	return err;
}

int name_unlink(int dirfd, const char *name) { return name_remove(dirfd, name, false); }
int name_rmdir(int dirfd, const char *name) { return name_remove(dirfd, name, true); }
