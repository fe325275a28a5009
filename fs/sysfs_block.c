// SPDX-License-Identifier: MIT
/*
 * Disks and partitions in sysfs: /sys/block has the disks with their partitions in them, /sys/class/block all of both by name,
 * /sys/dev/block by number. (Linux has links in the latter two; here are directories with the same files.)
 *
 * An inode's arg[0] is the device's number; who looks when the device is gone gets ENODEV.
 */
#include "fs/blockdev.h"
#include "fs/sysfs.h"
#include "lib/printf.h"
#include "lib/string.h"

/* ---- files */

#define attribute(name, format, ...)						\
	static int show_##name(struct inode *i, struct text *t)			\
	{									\
		struct blockdev *b = blockdev_find((u32)i->arg[0]);		\
										\
		if (!b)								\
			return -ENODEV;						\
		text_printf(t, format "\n", __VA_ARGS__);			\
		blockdev_put(b);						\
		return 0;							\
	}

attribute(dev, "%u:%u", dev_major(b->dev), dev_minor(b->dev))
attribute(size, "%lu", b->sectors)
attribute(start, "%lu", b->start)
attribute(partition, "%u", b->part)
attribute(ro, "%d", b->disk->read_only)
attribute(removable, "%d", b->disk->removable)
attribute(range, "%u", DISK_MINORS)
attribute(model, "%s", b->disk->model)
attribute(rotational, "%d", b->disk->rotational)
attribute(block_size, "%u", b->disk->block_size)
attribute(max_kb, "%u", b->disk->max_sectors / 2)
attribute(max_segments, "%u", b->disk->max_segments)
attribute(uevent, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s", dev_major(b->dev), dev_minor(b->dev), b->name,
	  b->part ? "partition" : "disk")

#define FILE(file, function) { .name = file, .mode = S_IFREG | 0444, .show = show_##function }

static const struct pseudo_entry no_entries[] = { {} };
static const struct pseudo_entry queue_table[] = {
	FILE("rotational", rotational), FILE("logical_block_size", block_size), FILE("physical_block_size", block_size),
	FILE("hw_sector_size", block_size), FILE("minimum_io_size", block_size), FILE("max_sectors_kb", max_kb),
	FILE("max_hw_sectors_kb", max_kb), FILE("max_segments", max_segments), {},
};
static const struct pseudo_entry device_table[] = { FILE("model", model), {} };

#define COMMON									\
	FILE("dev", dev), FILE("size", size), FILE("ro", ro), FILE("uevent", uevent),	\
	{ .name = "holders", .mode = S_IFDIR | 0555, .children = no_entries }

static const struct pseudo_entry disk_table[] = {
	COMMON, FILE("removable", removable), FILE("range", range),
	{ .name = "slaves", .mode = S_IFDIR | 0555, .children = no_entries },
	{ .name = "queue", .mode = S_IFDIR | 0555, .children = queue_table },
	{ .name = "device", .mode = S_IFDIR | 0555, .children = device_table },
	{},
};
static const struct pseudo_entry part_table[] = {
	COMMON, FILE("start", start), FILE("partition", partition), {},
};

/* ---- directories: which devices, by which names */

enum listing { DISKS, ALL, NUMBERS, PARTITIONS };

static bool is_listed(const struct blockdev *b, const struct inode *dir, enum listing l)
{
	switch (l) {
	case DISKS: return b->part == 0;
	case PARTITIONS: return b->part && b->dev - b->part == dir->arg[0];
	default: return true;
	}
}

static size_t device_name(const struct blockdev *b, enum listing l, char *name, size_t size)
{
	if (l == NUMBERS)
		return (size_t)snprintf(name, size, "%u:%u", dev_major(b->dev), dev_minor(b->dev));
	return str_copy(name, b->name, size);
}

static int iterate(struct file *f, struct dir_sink *sink, enum listing l)
{
	u64 n = PSEUDO_STATIC_END;
	char name[32];

	if (f->pos < PSEUDO_STATIC_END && pseudo_iterate(f, sink))
		return 0;
	for (struct blockdev *b = blockdev_next(nullptr); b; b = blockdev_next(b)) {
		if (!is_listed(b, f->inode, l) || n++ < f->pos)
			continue;
		size_t len = device_name(b, l, name, sizeof(name));

		if (!sink->entry(sink, name, len, (u64)(l + 4) << 32 | b->dev, S_IFDIR, n)) {
			blockdev_put(b);
			break;
		}
		f->pos = n;
	}
	return 0;
}

static const struct pseudo_entry disk_entry, part_entry;

static int lookup(struct dentry *dir, struct dentry *child, enum listing l)
{
	int err = pseudo_lookup(dir, child);
	char name[32];

	if (err != -ENOENT)
		return err;
	for (struct blockdev *b = blockdev_next(nullptr); b; b = blockdev_next(b)) {
		if (!is_listed(b, dir->inode, l) || device_name(b, l, name, sizeof(name)) != child->len ||
		    memcmp(name, child->name, child->len) != 0)
			continue;
		err = pseudo_instantiate(child, b->part ? &part_entry : &disk_entry, b->dev, 0);
		blockdev_put(b);
		return err;
	}
	return -ENOENT;
}

static int disks_iterate(struct file *f, struct dir_sink *sink) { return iterate(f, sink, DISKS); }
static int all_iterate(struct file *f, struct dir_sink *sink) { return iterate(f, sink, ALL); }
static int numbers_iterate(struct file *f, struct dir_sink *sink) { return iterate(f, sink, NUMBERS); }
static int parts_iterate(struct file *f, struct dir_sink *sink) { return iterate(f, sink, PARTITIONS); }
static int disks_lookup(struct dentry *dir, struct dentry *child) { return lookup(dir, child, DISKS); }
static int all_lookup(struct dentry *dir, struct dentry *child) { return lookup(dir, child, ALL); }
static int numbers_lookup(struct dentry *dir, struct dentry *child) { return lookup(dir, child, NUMBERS); }
static int parts_lookup(struct dentry *dir, struct dentry *child) { return lookup(dir, child, PARTITIONS); }

static const struct inode_ops parts_ops = { .lookup = parts_lookup };
static const struct file_ops parts_fops = { .iterate = parts_iterate };
static const struct pseudo_entry disk_entry = {
	.name = "disk", .mode = S_IFDIR | 0555, .children = disk_table, .ops = &parts_ops, .fops = &parts_fops,
};
static const struct pseudo_entry part_entry = { .name = "part", .mode = S_IFDIR | 0555, .children = part_table };

const struct inode_ops sysfs_disks_ops = { .lookup = disks_lookup }, sysfs_blockdevs_ops = { .lookup = all_lookup },
	sysfs_block_numbers_ops = { .lookup = numbers_lookup };
const struct file_ops sysfs_disks_fops = { .iterate = disks_iterate }, sysfs_blockdevs_fops = { .iterate = all_iterate },
	sysfs_block_numbers_fops = { .iterate = numbers_iterate };
