// SPDX-License-Identifier: MIT
/*
 * Disks: the contract between those that store blocks (dev/) and those that want them (fs/blockdev.c, file systems).
 *
 * A driver fills a struct disk, calls disk_register(), and then gets requests through ops->start; it completes each with
 * block_complete(), from an interrupt or a thread. Callers sleep in block_transfer(), and give up a device that does not answer
 * through ops->timeout. Units are sectors of 512 bytes, whatever the device's own are.
 *
 * Locks: disk->lock (interrupts off) for the queue. Order: disks_lock (sleeping) < disk->lock.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "mm/object.h"

struct blockdev;
struct disk;

constexpr unsigned SECTOR_SHIFT = 9, SECTOR_SIZE = 1u << SECTOR_SHIFT;
constexpr unsigned PAGE_SECTORS = PAGE_SIZE >> SECTOR_SHIFT;
constexpr unsigned BLOCK_SEGMENTS = OBJECT_RUN;
constexpr unsigned DISK_MINORS = 16;		/* the disk itself and 15 partitions */
constexpr u64 BLOCK_TIMEOUT_NS = 20'000'000'000;
constexpr u64 SECTORS_MAX = 1ul << 54;		/* bytes fit in a file's size */

enum block_op : u8 { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_OPS };

/* Memory that is contiguous for a device: a multiple of 512 bytes. */
struct block_segment {
	struct pa pa;
	u32 len;
};

/* (q) disk->lock. All others are fixed while the request is under way. */
struct block_request {
	struct list node;		/* (q) */
	struct disk *disk;
	enum block_op op;
	u32 sectors;			/* sum of the segments; FLUSH: 0 */
	u64 sector;			/* first; sector + sectors <= disk->sectors */
	unsigned nsegments;
	u64 queued_ns;
	int error;			/* valid once finished */
	bool finished;			/* (a) set last: then it is the caller's again */
	struct block_segment segment[BLOCK_SEGMENTS];
};

struct disk_ops {
	/* Begins the request, with disk->lock held and interrupts off. 0: block_complete() follows. -EBUSY: no room until another
	 * one completes. Any other -errno is the request's result. */
	int (*start)(struct disk *d, struct block_request *r);
	/* A request has run for BLOCK_TIMEOUT_NS. Stops the device, so that it touches no memory of any request, and completes
	 * all that it still has, -EIO; what its interrupt has taken in hand completes there. On a thread, may sleep; one at a time. */
	void (*timeout)(struct disk *d);
	/* Nobody uses the struct any more. */
	void (*release)(struct disk *d);
};

struct block_stats {			/* (q) /proc/diskstats */
	u64 ios[BLOCK_OPS], sectors[BLOCK_OPS], ns[BLOCK_OPS];
	u64 busy_ns, busy_since;
};

/* The driver fills the first part and zeroes the rest. */
struct disk {
	char name[16];			/* "vda", "mmcblk0" */
	u32 major, first_minor;		/* DISK_MINORS from there on */
	const struct disk_ops *ops;
	void *data;			/* the driver's */
	u64 sectors;			/* below SECTORS_MAX */
	u32 block_size;			/* the device's own sectors: 512 .. 4096, a power of 2 */
	u32 max_sectors;		/* of a request, at least PAGE_SECTORS */
	u32 max_segments;		/* 1 .. BLOCK_SEGMENTS */
	bool read_only, removable, rotational;
	bool has_flush;			/* it has a cache that BLOCK_FLUSH empties */
	char model[44];

	u32 refs;			/* (a) */
	struct spinlock lock;		/* irq-safe */
	struct list waiting, running;	/* (q) requests */
	unsigned nrunning;		/* (q) */
	bool gone;			/* (q) everything fails with -ENODEV from now on */
	struct wait_queue completed;
	struct mutex timeout_lock;
	struct block_stats stats;
	struct disk *next;		/* (disks_lock) */
	struct blockdev *part[DISK_MINORS];	/* (disks_lock) [0] is the disk; references */
};

/* ---- for drivers */

/* Makes the disk known: at once its partitions are read and the nodes made if the file layer is up, else when it comes up. May
 * sleep. The struct is the registry's until ops->release. 0, -EBUSY (number in use), -EINVAL (its numbers make no sense), -ENOMEM. */
[[nodiscard]] int disk_register(struct disk *d);
/* It is no more: nodes go, waiting requests fail, later ones too; running ones are the driver's to complete, before or after. May
 * sleep. */
void disk_unregister(struct disk *d);
/* r, which ops->start has taken, is done. From anywhere, disk->lock not held. */
void block_complete(struct disk *d, struct block_request *r, int error);

/* The device is of no use any more: waiting requests fail, and later ones. Running ones are the driver's to complete. */
void disk_fail(struct disk *d);

/* A driver whose first look at its device takes a while runs it on a thread: between these two calls boot waits, for a
 * few seconds at most. */
void block_probe_begin(void);
void block_probe_end(void);

/* ---- for who wants blocks */

static inline void disk_get(struct disk *d) { __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED); }
void disk_put(struct disk *d);
/* Moves sectors between the disk and n pages, in order, and waits: `sectors` <= n * PAGE_SECTORS; they lie in the disk. May sleep.
 * 0, -EIO, -ENODEV (it is gone), -EROFS. */
[[nodiscard]] int block_transfer(struct disk *d, enum block_op op, u64 sector, u32 sectors, struct page **pages, unsigned n);
/* What has been written is on the medium. */
[[nodiscard]] int block_flush(struct disk *d);
void block_stats(struct disk *d, struct block_stats *out);
