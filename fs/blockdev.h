// SPDX-License-Identifier: MIT
/*
 * Block devices as files see them: a disk or a partition with its page cache. Each has its own cache: who writes a partition and
 * reads the whole disk must sync between, as on Linux.
 */
#pragma once

#include "fs/block.h"

struct file;
struct inode;
struct io;
struct text;

/* (a) atomic (i) fixed (d) disks_lock */
struct blockdev {
	struct object object;		/* first: its count is ours; size in bytes, 0 once it is gone */
	struct list all;		/* fs/blockdev.c */
	struct disk *disk;		/* (i) a reference */
	unsigned part;			/* (i) number, 0: the disk */
	u64 start, sectors;		/* (i) on the disk */
	u32 dev;			/* (i) */
	char name[24];			/* (i) */
	u32 opens;			/* (a) */
	int error;			/* (a) of a write-back, not told to anybody yet; 0: none */
};

static inline void blockdev_get(struct blockdev *b) { object_get(&b->object); }
static inline void blockdev_put(struct blockdev *b)
{
	if (b)
		object_put(&b->object);
}

/* ---- fs/disk.c */

/* The file layer is up: reads the partitions of all disks registered so far, makes their nodes. On a thread. */
void disks_start(void);
/* Waits for block_probe_begin()s that have not ended, for a few seconds at most. */
void disks_settle(void);
/* The device of that number with a reference, or nullptr. */
struct blockdev *blockdev_find(u32 dev);
/* The one behind `after` (whose reference it takes over; nullptr: first) in order of registration, partitions behind
 * their disk; a reference. */
struct blockdev *blockdev_next(struct blockdev *after);
/* Reads the partition table anew; b is a whole disk. -EBUSY: a partition is open. -EINVAL: b is a partition. */
[[nodiscard]] int blockdev_rescan(struct blockdev *b);

/* ---- fs/blockdev.c */

/* nullptr without memory. part 0: all of the disk. Takes its own reference on the disk. */
[[nodiscard]] struct blockdev *blockdev_new(struct disk *d, unsigned part, u64 start, u64 sectors);
/* No more I/O: the cache is dropped. The caller keeps its reference. */
void blockdev_kill(struct blockdev *b);
void blockdev_init(void);
/* For open of a block special file: 0 and f->ops, f->data set; -ENXIO. */
int blockdev_open(struct file *f);
/* Writes dirty pages back and empties the device's cache. 0, or the error of any write-back since the last call. */
[[nodiscard]] int blockdev_sync(struct blockdev *b);
void blockdev_sync_all(void);
static inline bool blockdev_read_only(const struct blockdev *b) { return b->disk->read_only; }

/* ---- fs/blockdev_direct.c */
/* read or write of a file that has O_DIRECT; `cached` is the same without. */
long blockdev_direct(struct file *f, struct io *io, u64 *pos, long (*cached)(struct file *, struct io *, u64 *));

/* ---- fs/blockdev_ioctl.c */
long blockdev_ioctl(struct file *f, unsigned cmd, u64 arg);

/* ---- fs/block_info.c */
void block_show_partitions(struct text *t);
void block_show_diskstats(struct text *t);
void block_show_majors(struct text *t);
