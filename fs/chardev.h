// SPDX-License-Identifier: MIT
/*
 * Character devices: operations by device number, and their nodes in devtmpfs.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "fs/file.h"

/*
 * A range of numbers with one set of operations. ops->open finds in f->data the range's data and in
 * f->inode->rdev the number; it may replace f->ops and f->data.
 */
struct chardev {
	u32 dev;			/* dev_make(major, first minor) */
	u32 count;			/* minors; 0 = 1 */
	const char *name;		/* node in /dev ("pts/ptmx" makes directories); nullptr:
					 * none */
	const char *driver;		/* in /proc/devices; nullptr: the node's name */
	u32 mode;			/* its permissions, e.g. 0666; 0 = 0600 */
	const struct file_ops *ops;
	void *data;
	struct chardev *next;		/* registry's */
};

/* c stays the caller's, for ever. Makes the node too, now or when devtmpfs comes up. 0, -EBUSY,
 * -ENOMEM. */
int chardev_register(struct chardev *c);
/* Further nodes, directories and links in devtmpfs: type bits in mode. 0 or -errno; an existing
 * name is -EEXIST. */
int devtmpfs_node(const char *name, u32 mode, u32 rdev);
int devtmpfs_link(const char *name, const char *target);
int devtmpfs_remove(const char *name);
/* For open of a device node: 0 and f->ops, f->data set; -ENXIO. */
int chardev_open(struct file *f);
/* The registry in order of number, for /proc/devices: the one after `after` (nullptr: first). */
struct chardev *chardev_next(struct chardev *after);
