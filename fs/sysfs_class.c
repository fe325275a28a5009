// SPDX-License-Identifier: MIT
/*
 * /sys/class: devices by what they do, as drivers name them at boot. Entries never go.
 *
 * Lock: class_lock for the list; readers see whole entries through count, which is raised last.
 */
#include "fs/sysfs.h"
#include "fs/procfs_tree.h"
#include "lib/lock.h"
#include "lib/string.h"

constexpr unsigned DEVICES_MAX = 32;

static struct class_device {
	const char *class, *name;
	struct pseudo_entry dir;
	u64 arg;
} devices[DEVICES_MAX];
static unsigned count;			/* (a) */
static struct spinlock class_lock;

int sysfs_class_add(const char *class, const char *name, const struct pseudo_entry *attributes, u64 arg)
{
	u64 flags = spin_lock_irq(&class_lock);
	bool room = count < DEVICES_MAX;

	if (room) {
		devices[count] = (struct class_device){
			.class = class, .name = name, .arg = arg,
			.dir = { .name = name, .mode = S_IFDIR | 0555, .children = attributes },
		};
		store_release(&count, count + 1);
	}
	spin_unlock_irq(&class_lock, flags);
	return room ? 0 : -ENOMEM;
}

static bool is(const struct dentry *d, const char *name)
{
	return strlen(name) == d->len && memcmp(d->name, name, d->len) == 0;
}

/* The first of each class stands for it. */
static bool is_first(unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (strcmp(devices[j].class, devices[i].class) == 0)
			return false;
	return true;
}

/* ---- one class: arg[0] is its first device */

static bool of_class(unsigned i, u64 first)
{
	return strcmp(devices[i].class, devices[first].class) == 0;
}

static int class_lookup(struct dentry *dir, struct dentry *child)
{
	u64 first = dir->inode->arg[0];

	for (unsigned i = 0; i < load_acquire(&count); i++)
		if (of_class(i, first) && is(child, devices[i].name))
			return pseudo_instantiate(child, &devices[i].dir, devices[i].arg, 0);
	return -ENOENT;
}

static int list(struct file *f, struct dir_sink *sink, bool classes)
{
	if (f->pos < PSEUDO_STATIC_END && pseudo_iterate(f, sink))
		return 0;
	for (u64 i; (i = f->pos - PSEUDO_STATIC_END) < load_acquire(&count); f->pos++) {
		const char *name = classes ? devices[i].class : devices[i].name;
		bool shown = classes ? is_first((unsigned)i) : of_class((unsigned)i, f->inode->arg[0]);

		if (shown && !sink->entry(sink, name, strlen(name), (u64)(classes + 2) << 32 | i, S_IFDIR, f->pos + 1))
			return 0;
	}
	return 0;
}

static int class_iterate(struct file *f, struct dir_sink *sink)
{
	return list(f, sink, false);
}

static const struct inode_ops class_ops = { .lookup = class_lookup };
static const struct file_ops class_fops = { .iterate = class_iterate };
static const struct pseudo_entry no_entries[] = { {} };
static const struct pseudo_entry one_class = {
	.name = "class", .mode = S_IFDIR | 0555, .children = no_entries, .ops = &class_ops, .fops = &class_fops,
};

/* ---- all of them */

static int classes_lookup(struct dentry *dir, struct dentry *child)
{
	int err = pseudo_lookup(dir, child);

	if (err != -ENOENT)
		return err;
	for (unsigned i = 0; i < load_acquire(&count); i++)
		if (is(child, devices[i].class))
			return pseudo_instantiate(child, &one_class, i, 0);
	return -ENOENT;
}

static int classes_iterate(struct file *f, struct dir_sink *sink)
{
	return list(f, sink, true);
}

const struct inode_ops sysfs_classes_ops = { .lookup = classes_lookup };
const struct file_ops sysfs_classes_fops = { .iterate = classes_iterate };
