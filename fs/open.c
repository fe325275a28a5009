// SPDX-License-Identifier: MIT
/*
 * open(2), openat2(2): from a name to an open file. The walk decides which place; file_open_path()
 * whether it may be opened so, and what the file does.
 */
#include "fs/open.h"
#include "fs/blockdev.h"
#include "fs/chardev.h"
#include "fs/mount.h"
#include "fs/name.h"
#include "fs/notify.h"
#include "fs/pipe.h"
#include "fs/walk.h"
#include "proc/cred.h"

static u32 may_of_flags(u32 flags)
{
	static const u8 may[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE };

	return may[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

static int check_type(const struct path *p, u32 flags, u32 may)
{
	switch (inode_type(path_inode(p))) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		return may & MAY_WRITE || flags & O_CREAT ? -EISDIR : 0;
	case S_IFCHR:
	case S_IFBLK:
		return load_relaxed(&p->mount->flags) & MS_NODEV ? -EACCES : 0;
	case S_IFSOCK:
		return -ENXIO;
	default:
		return 0;
	}
}

/* created: the opener has just made it, and may open it whatever its mode. */
static int check_rights(const struct path *p, u32 flags, bool created)
{
	struct inode *i = path_inode(p);
	u32 may = may_of_flags(flags);
	int err = check_type(p, flags, may);

	if (!err && !created)
		err = inode_permission(i, may);
	if (!err && (may & MAY_WRITE) && inode_is_regular(i))
		err = path_writable(p);
	if (!err && (flags & O_NOATIME) && !inode_owned(i))
		err = -EPERM;
	return err;
}

static const struct file_ops path_fops = {};

/* Which operations an inode's type asks for, and their open. */
static int start(struct file *f)
{
	static const struct file_ops nothing = {};

	switch (inode_type(f->inode)) {
	case S_IFCHR:
	case S_IFBLK: {
		int err = inode_type(f->inode) == S_IFBLK ? blockdev_open(f) : chardev_open(f);

		if (err)
			return err;
		break;
	}
	case S_IFIFO:
		f->ops = &fifo_fops;
		break;
	default:
		f->ops = f->inode->fops ? f->inode->fops : &nothing;
	}
	return f->ops->open ? f->ops->open(f) : 0;
}

static int open_checked(const struct path *p, u32 flags, struct file **out)
{
	struct inode *i = path_inode(p);
	u32 mode = (u8[]){ FILE_READ, FILE_WRITE, FILE_READ | FILE_WRITE, 0 }[flags & O_ACCMODE];
	struct file *f =
		file_alloc(i, nullptr, flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC), mode);

	if (!f)
		return -ENOMEM;
	inode_get(i);
	f->path = *p;
	path_get(p);
	int err = 0;

	if (inode_is_regular(i) && (mode & FILE_WRITE)) {
		err = inode_write_begin(i);
		if (!err)
			f->mode |= FILE_WRITER;
	}
	if (inode_is_regular(i) || inode_is_dir(i))
		f->mode |= FILE_POS;
	if (!err)
		err = start(f);
	f->flags &= ~(u32)O_NOCTTY;
	if (err) {
		file_discard(f);
		return err;
	}
	notify_file(f, IN_OPEN);
	*out = f;
	return 0;
}

static int open_path_only(const struct path *p, u32 flags, struct file **out)
{
	struct file *f = file_alloc(path_inode(p), &path_fops,
				    flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW), FILE_PATH);

	if (!f)
		return -ENOMEM;
	inode_get(f->inode);
	f->path = *p;
	path_get(p);
	*out = f;
	return 0;
}

static int open_place(const struct path *p, u32 flags, bool created, struct file **out)
{
	struct inode *i = path_inode(p);

	if ((flags & O_DIRECTORY) && !inode_is_dir(i))
		return -ENOTDIR;
	if (flags & O_PATH)
		return open_path_only(p, flags, out);
	int err = check_rights(p, flags, created);

	if (!err)
		err = open_checked(p, flags, out);
	if (!err && (flags & O_TRUNC) && !created && inode_is_regular(i)) {
		err = inode_truncate(i, 0);
		if (err) {
			file_put(*out);
			*out = nullptr;
		}
	}
	return err;
}

int file_open_path(const struct path *p, u32 flags, struct file **out)
{
	return open_place(p, flags, false, out);
}

/* The last component in its locked directory: makes a regular file if there is nothing. */
static int find_or_create(struct walk_parent *w, u32 flags, u32 mode, struct path *out,
			  bool *created)
{
	struct dentry *dir = w->parent.dentry, *child;

	scoped_mutex(&dir->inode->lock);
	int err = dentry_lookup_locked(dir, w->last, w->len, &child);

	if (!err && (flags & O_EXCL)) {
		dentry_put(child);
		return -EEXIST;
	}
	if (err == -ENOENT) {
		err = path_writable(&w->parent);
		if (!err)
			err = name_create_locked(dir, w->last, w->len,
						 S_IFREG | (umask_apply(mode) & 07777), 0, nullptr,
						 &child);
		*created = !err;
	}
	if (err)
		return err;
	mount_get(w->parent.mount);
	*out = (struct path){ w->parent.mount, child };
	return 0;
}

/* O_CREAT: like path_lookup(), but a missing last component, be it behind a symbolic link, is
 * made. */
static int lookup_create(struct walk_parent *w, u32 flags, u32 mode, struct path *out,
			 bool *created)
{
	struct path p = {}, place = {};

	for (;;) {
		if (w->slash || name_is_special(w->last, w->len))
			return -EISDIR;
		int err = find_or_create(w, flags, mode, &p, created);

		if (err)
			return err;
		mount_descend(&p);
		if (!inode_is_symlink(path_inode(&p)) || (flags & O_NOFOLLOW)) {
			*out = p;
			return 0;
		}
		err = walk_parent_follow(w, p.dentry, &place);
		path_put(&p);
		if (err)
			return err;
		if (place.dentry) {
			*out = place;
			return 0;
		}
	}
}

static int open_create(int dirfd, const char *name, u32 flags, u32 mode, u32 resolve,
		       struct file **out)
{
	scoped_walk_parent w = {};
	scoped_path p = {};
	bool created = false;
	int err = path_parent(dirfd, name, resolve, &w);

	if (!err)
		err = lookup_create(&w, flags | (flags & O_EXCL ? O_NOFOLLOW : 0), mode, &p,
				    &created);
	return err ? err : open_place(&p, flags, created, out);
}

/* O_TMPFILE: name is the directory. */
static int open_tmpfile(int dirfd, const char *name, u32 flags, u32 mode, u32 resolve,
			struct file **out)
{
	scoped_path dir = {}, p = {};
	int err = path_lookup(dirfd, name, resolve | WALK_FOLLOW | WALK_DIRECTORY, &dir);

	if (err)
		return err;
	struct inode *d = path_inode(&dir), *i;

	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	if (!d->ops || !d->ops->tmpfile)
		return -EOPNOTSUPP;
	err = path_writable(&dir);
	if (!err)
		err = inode_permission(d, MAY_WRITE | MAY_EXEC);
	if (!err)
		err = d->ops->tmpfile(d, S_IFREG | (umask_apply(mode) & 07777), &i);
	if (err)
		return err;
	i->linkable = !(flags & O_EXCL);
	struct dentry *child = dentry_new(dir.dentry->sb, dir.dentry, "#tmpfile", 8);

	if (!child) {
		inode_put(i);
		return -ENOMEM;
	}
	child->flags = DENTRY_DELETED;
	dentry_instantiate(child, i);
	mount_get(dir.mount);
	p = (struct path){ dir.mount, child };
	return open_place(&p, flags & ~(O_TMPFILE | O_CREAT | O_EXCL), true, out);
}

int file_open(int dirfd, const char *name, u32 flags, u32 mode, u32 resolve, struct file **out)
{
	scoped_path p = {};

	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (flags & O_TMPFILE_BIT)
		return open_tmpfile(dirfd, name, flags, mode, resolve, out);
	if (flags & O_CREAT)
		return open_create(dirfd, name, flags, mode, resolve, out);
	u32 walk = resolve | (flags & O_NOFOLLOW ? 0 : WALK_FOLLOW) |
		   (flags & O_DIRECTORY ? WALK_DIRECTORY : 0);
	int err = path_lookup(dirfd, name, walk, &p);

	return err ? err : open_place(&p, flags, false, out);
}
