// SPDX-License-Identifier: MIT
/*
 * Device numbers and what they do; devtmpfs, where the nodes appear by themselves. devtmpfs is one
 * tmpfs that every mount shows; the kernel works in it through a mount of its own that is attached
 * nowhere.
 *
 * Lock: one mutex for the list and the nodes.
 */
#include "fs/chardev.h"
#include "fs/devtmpfs.h"
#include "fs/mount.h"
#include "fs/name.h"
#include "fs/tmpfs.h"
#include "lib/printf.h"
#include "lib/string.h"

static struct mutex devices_lock = MUTEX_INIT(devices_lock);
static struct chardev *devices;		/* by number */
static struct mount *dev_mount;

static u32 dev_end(const struct chardev *c) { return c->dev + max(c->count, 1u); }

static void make_node(const struct chardev *c)
{
	if (!c->name || !dev_mount)
		return;
	int err = devtmpfs_node(c->name, S_IFCHR | (c->mode ? c->mode : 0600), c->dev);

	if (err)
		log_warn("devtmpfs: no node %s: error %d", c->name, -err);
}

int chardev_register(struct chardev *c)
{
	scoped_mutex(&devices_lock);
	struct chardev **link = &devices;

	while (*link && (*link)->dev < c->dev) {
		if (dev_end(*link) > c->dev)
			return -EBUSY;
		link = &(*link)->next;
	}
	if (*link && dev_end(c) > (*link)->dev)
		return -EBUSY;
	c->next = *link;
	store_release(link, c);
	make_node(c);
	return 0;
}

struct chardev *chardev_next(struct chardev *after)
{
	return load_acquire(after ? &after->next : &devices);
}

/* Entries never go, so that no lock is needed. */
int chardev_open(struct file *f)
{
	u32 dev = f->inode->rdev;

	if (inode_type(f->inode) != S_IFCHR)
		return -ENXIO;
	for (struct chardev *c = chardev_next(nullptr); c; c = chardev_next(c)) {
		if (dev >= c->dev && dev < dev_end(c)) {
			f->ops = c->ops;
			f->data = c->data;
			return 0;
		}
	}
	return -ENXIO;
}

/* ---- nodes */

/* The dentry of directory `name` (len bytes) below dir, made if it is missing; consumes dir's
 * reference. */
static int enter_dir(struct dentry **dir, const char *name, size_t len)
{
	struct dentry *child;
	struct inode *i = (*dir)->inode;

	mutex_lock(&i->lock);
	int err = dentry_lookup_locked(*dir, name, len, &child);

	if (err == -ENOENT)
		err = name_create_locked(*dir, name, len, S_IFDIR | 0755, 0, nullptr, &child);
	mutex_unlock(&i->lock);
	dentry_put(*dir);
	*dir = err ? nullptr : child;
	return err;
}

/* The directory that `name` lies in, and the rest of it. */
static int find_dir(const char **name, struct dentry **dir)
{
	const char *slash;

	if (!dev_mount)
		return -ENODEV;
	*dir = dev_mount->root;
	dentry_get(*dir);
	while ((slash = strchr(*name, '/'))) {
		int err = enter_dir(dir, *name, (size_t)(slash - *name));

		if (err)
			return err;
		*name = slash + 1;
	}
	return 0;
}

static int make(const char *name, u32 mode, u32 rdev, const char *target)
{
	struct dentry *dir, *child;
	int err = find_dir(&name, &dir);

	if (err)
		return err;
	mutex_lock(&dir->inode->lock);
	err = dentry_lookup_locked(dir, name, strlen(name), &child);
	if (!err)
		err = -EEXIST;
	else if (err == -ENOENT)
		err = name_create_locked(dir, name, strlen(name), mode, rdev, target, &child);
	mutex_unlock(&dir->inode->lock);
	if (!err || err == -EEXIST)
		dentry_put(child);
	dentry_put(dir);
	return err;
}

int devtmpfs_node(const char *name, u32 mode, u32 rdev) { return make(name, mode, rdev, nullptr); }
int devtmpfs_link(const char *name, const char *target)
{
	return make(name, S_IFLNK | 0777, 0, target);
}

int devtmpfs_remove(const char *name)
{
	struct dentry *dir, *child;
	int err = find_dir(&name, &dir);

	if (err)
		return err;
	mutex_lock(&dir->inode->lock);
	err = dentry_lookup_locked(dir, name, strlen(name), &child);
	if (!err) {
		err = dir->inode->ops->unlink(dir, child);
		if (!err)
			dentry_unlink(child);
		dentry_put(child);
	}
	mutex_unlock(&dir->inode->lock);
	dentry_put(dir);
	return err;
}

static struct fs_type devtmpfs = { .name = "devtmpfs", .single = true, .fill = rootfs_fill };

void devtmpfs_init(void)
{
	fs_register(&devtmpfs);
	int err = mount_new("devtmpfs", "devtmpfs", "", 0, nullptr, &dev_mount);

	if (err)
		panic("devtmpfs: error %d", -err);
	scoped_mutex(&devices_lock);
	for (struct chardev *c = devices; c; c = c->next)
		make_node(c);
}
