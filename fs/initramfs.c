// SPDX-License-Identifier: MIT
/*
 * Unpacks the initial file system into the root. Missing parent directories are made; what a later
 * archive has again replaces the earlier. Hard links are recognised by device and inode number,
 * within one archive.
 */
#include "fs/cpio.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "fs/name.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"

/* A file that has more names to come. */
struct hard_link {
	struct hard_link *next;
	u32 ino, major, minor;
	const char *name;	/* in the archive */
};

static struct hard_link *links;

static void links_forget(void)
{
	while (links) {
		struct hard_link *l = links;

		links = l->next;
		kfree(l);
	}
}

static struct hard_link *link_find(const struct cpio_entry *e)
{
	for (struct hard_link *l = links; l; l = l->next)
		if (l->ino == e->ino && l->major == e->dev_major && l->minor == e->dev_minor)
			return l;
	return nullptr;
}

static int link_remember(const struct cpio_entry *e)
{
	struct hard_link *l = kmalloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	*l = (struct hard_link){ links, e->ino, e->dev_major, e->dev_minor, e->name };
	links = l;
	return 0;
}

static int make_parents(const char *name)
{
	char path[PATH_MAX];
	int err = 0;

	for (const char *slash = strchr(name, '/'); slash && !err; slash = strchr(slash + 1, '/')) {
		size_t n = (size_t)(slash - name);

		if (n >= sizeof(path))
			return -ENAMETOOLONG;
		memcpy(path, name, n);
		path[n] = '\0';
		err = name_create(AT_FDCWD, path, S_IFDIR | 0755, 0, nullptr);
		if (err == -EEXIST)
			err = 0;
	}
	return err;
}

static int write_data(const struct cpio_entry *e)
{
	struct file *f;
	u64 pos = 0;
	int err = file_open(AT_FDCWD, e->name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, 0,
			    &f);

	if (err)
		return err;
	long n = file_write_kernel(f, e->data, e->size, &pos);

	file_put(f);
	return n < 0 ? (int)n : (size_t)n == e->size ? 0 : -ENOSPC;
}

static int make_symlink(const struct cpio_entry *e)
{
	char *target = kmalloc(e->size + 1);

	if (!target)
		return -ENOMEM;
	memcpy(target, e->data, e->size);
	target[e->size] = '\0';
	int err = name_create(AT_FDCWD, e->name, S_IFLNK | 0777, 0, target);

	kfree(target);
	return err;
}

static int make_regular(const struct cpio_entry *e)
{
	struct hard_link *l = e->nlink > 1 ? link_find(e) : nullptr;
	int err = 0;

	if (l)
		err = name_link(AT_FDCWD, l->name, AT_FDCWD, e->name, 0);
	else if (e->nlink > 1)
		err = link_remember(e);
	if (!err && (!l || e->size))
		err = write_data(e);
	return err;
}

static int make(const struct cpio_entry *e)
{
	switch (e->mode & S_IFMT) {
	case S_IFREG:
		return make_regular(e);
	case S_IFLNK:
		return make_symlink(e);
	case S_IFDIR:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return name_create(AT_FDCWD, e->name, e->mode & (S_IFMT | 07777),
				   dev_make(e->rdev_major, e->rdev_minor), nullptr);
	default:
		return -EINVAL;
	}
}

static void set_attributes(const struct cpio_entry *e)
{
	scoped_path p = {};

	if (path_lookup(AT_FDCWD, e->name_len ? e->name : "/", 0, &p))
		return;
	struct inode *i = path_inode(&p);

	scoped_mutex(&i->lock);
	i->uid = e->uid;
	i->gid = e->gid;
	if (!inode_is_symlink(i))
		i->mode = (i->mode & S_IFMT) | (e->mode & 07777);
	i->atime = i->mtime = i->ctime = (s64)e->mtime * 1000000000;
}

static int unpack_one(const struct cpio_entry *e)
{
	bool is_dir = (e->mode & S_IFMT) == S_IFDIR;
	bool is_root = !e->name_len || !strcmp(e->name, ".");

	if (is_root)
		return 0;
	int err = make(e);

	if (err == -ENOENT && !(err = make_parents(e->name)))
		err = make(e);
	if (err == -EEXIST && !is_dir && !(err = name_unlink(AT_FDCWD, e->name)))
		err = make(e);
	if (err == -EEXIST && is_dir)
		err = 0;
	if (!err)
		set_attributes(e);
	return err;
}

int initramfs_unpack(const void *data, size_t n, u32 *newest)
{
	struct cpio_entry e;
	size_t at = 0;
	int kind;

	*newest = 0;
	while ((kind = cpio_next(data, n, &at, &e)) > 0) {
		if (kind == CPIO_TRAILER) {
			links_forget();
			continue;
		}
		int err = unpack_one(&e);

		*newest = max(*newest, e.mtime);
		if (err == -ENOMEM || err == -ENOSPC)
			kind = -ENOMEM;
		else if (err)
			log_warn("initramfs: %s: error %d", e.name, -err);
		if (kind < 0)
			break;
	}
	links_forget();
	return kind;
}
