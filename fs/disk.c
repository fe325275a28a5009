// SPDX-License-Identifier: MIT
/*
 * Which disks there are, their partitions, and the nodes of both.
 *
 * Lock: disks_lock (sleeping) for the list and disk->part; held over the reading of a partition table, which ends by itself
 * since requests do.
 */
#include "arch/arch.h"
#include "fs/blockdev.h"
#include "fs/chardev.h"
#include "fs/inode.h"
#include "fs/partition.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "proc/wait.h"

constexpr u64 SETTLE_NS = 4'000'000'000;

static struct mutex disks_lock = MUTEX_INIT(disks_lock);
static struct disk *disks;		/* in order of registration */
static bool started;			/* nodes can be made */

static struct wait_queue probes_done = WAIT_QUEUE_INIT(probes_done);
static u32 probes;			/* (a) */

/* ---- nodes and partitions, under disks_lock */

static void add_node(const struct blockdev *b)
{
	int err = devtmpfs_node(b->name, S_IFBLK | 0600, b->dev);

	if (err)
		log_warn("%s: no node: error %d", b->name, -err);
}

static void remove_part(struct disk *d, unsigned number)
{
	struct blockdev *b = d->part[number];

	if (!b)
		return;
	d->part[number] = nullptr;
	if (started)
		(void)devtmpfs_remove(b->name);
	blockdev_kill(b);
	blockdev_put(b);
}

static int read_sector(const struct partition_source *s, u64 sector, void *buf)
{
	struct blockdev *whole = s->data;
	long n = object_read(&whole->object, sector << SECTOR_SHIFT, buf, SECTOR_SIZE);

	return n < 0 ? (int)n : n == SECTOR_SIZE ? 0 : -EIO;
}

static void describe(const struct disk *d, const struct partition_table *t)
{
	char parts[PARTITIONS_MAX * 4 + 1];
	size_t len = 0;

	for (unsigned i = 0; i < PARTITIONS_MAX; i++) {
		if (t->part[i].sectors)
			len += (size_t)snprintf(parts + len, sizeof(parts) - len, " %u", i + 1);
	}
	parts[len] = 0;
	log_info("%s: %lu MiB%s%s%s", d->name, d->sectors >> 11, d->read_only ? ", read-only" : "",
		 t->kind ? (t->kind[0] == 'g' ? ", GPT" : ", MBR") : "", parts);
}

static int scan(struct disk *d)
{
	struct partition_source s = { .read = read_sector, .data = d->part[0], .sectors = d->sectors,
				      .block_size = d->block_size };
	struct partition_table t;
	int err = partition_scan(&s, &t);

	if (err) {
		log_warn("%s: cannot read the partition table: error %d", d->name, -err);
		return err;
	}
	describe(d, &t);
	for (unsigned i = 0; i < PARTITIONS_MAX; i++) {
		if (!t.part[i].sectors)
			continue;
		d->part[i + 1] = blockdev_new(d, i + 1, t.part[i].start, t.part[i].sectors);
		if (!d->part[i + 1])
			return -ENOMEM;
		add_node(d->part[i + 1]);
	}
	return 0;
}

static void start_disk(struct disk *d)
{
	add_node(d->part[0]);
	(void)scan(d);		/* said in the log; the disk itself can be used */
}

/* ---- for drivers */

static bool makes_sense(const struct disk *d)
{
	return d->sectors && d->sectors < SECTORS_MAX && d->block_size >= SECTOR_SIZE && d->block_size <= PAGE_SIZE &&
	       !(d->block_size & (d->block_size - 1)) && d->max_sectors >= PAGE_SECTORS && d->max_segments &&
	       d->max_segments <= BLOCK_SEGMENTS;
}

int disk_register(struct disk *d)
{
	d->refs = 1;
	list_init(&d->waiting);
	list_init(&d->running);
	wait_queue_init(&d->completed);
	mutex_init(&d->timeout_lock);
	if (!makes_sense(d))
		return -EINVAL;
	scoped_mutex(&disks_lock);
	struct disk **link = &disks;

	for (; *link; link = &(*link)->next) {
		if ((*link)->major == d->major && (*link)->first_minor == d->first_minor)
			return -EBUSY;
	}
	d->part[0] = blockdev_new(d, 0, 0, d->sectors);
	if (!d->part[0])
		return -ENOMEM;
	d->next = nullptr;
	*link = d;
	if (started)
		start_disk(d);
	return 0;
}

void disk_unregister(struct disk *d)
{
	disk_fail(d);
	mutex_lock(&disks_lock);
	struct disk **link = &disks;

	while (*link && *link != d)
		link = &(*link)->next;
	if (*link)
		*link = d->next;
	for (unsigned i = DISK_MINORS; i-- > 0;)
		remove_part(d, i);
	mutex_unlock(&disks_lock);
	disk_put(d);
}

void disk_put(struct disk *d)
{
	if (__atomic_fetch_sub(&d->refs, 1, __ATOMIC_ACQ_REL) == 1 && d->ops->release)
		d->ops->release(d);
}

/* ---- start */

void disks_start(void)
{
	scoped_mutex(&disks_lock);
	started = true;
	for (struct disk *d = disks; d; d = d->next)
		start_disk(d);
}

void block_probe_begin(void) { __atomic_fetch_add(&probes, 1, __ATOMIC_RELAXED); }

void block_probe_end(void)
{
	__atomic_fetch_sub(&probes, 1, __ATOMIC_RELEASE);
	wake_up_all(&probes_done, 0);
}

void disks_settle(void)
{
	if (wait_event_until_(&probes_done, !load_acquire(&probes), arch_clock_ns() + SETTLE_NS, false))
		log_warn("disks: one does not answer; going on without it");
}

/* ---- looking up */

struct blockdev *blockdev_find(u32 dev)
{
	scoped_mutex(&disks_lock);
	for (struct disk *d = disks; d; d = d->next) {
		u32 minor = dev_minor(dev) - d->first_minor;

		if (dev_major(dev) != d->major || minor >= DISK_MINORS || !d->part[minor])
			continue;
		blockdev_get(d->part[minor]);
		return d->part[minor];
	}
	return nullptr;
}

/* `after` may be gone from the list: then the walk ends. */
struct blockdev *blockdev_next(struct blockdev *after)
{
	struct blockdev *found = nullptr;
	bool passed = !after;

	mutex_lock(&disks_lock);
	for (struct disk *d = disks; d && !found; d = d->next) {
		for (unsigned i = 0; i < DISK_MINORS && !found; i++) {
			if (passed)
				found = d->part[i];
			passed |= after && d->part[i] == after;
		}
	}
	if (found)
		blockdev_get(found);
	mutex_unlock(&disks_lock);
	blockdev_put(after);
	return found;
}

int blockdev_rescan(struct blockdev *b)
{
	struct disk *d = b->disk;

	if (b->part)
		return -EINVAL;
	int err = blockdev_sync(b);

	if (err)
		return err;
	scoped_mutex(&disks_lock);
	for (unsigned i = 1; i < DISK_MINORS; i++) {
		if (d->part[i] && load_relaxed(&d->part[i]->opens))
			return -EBUSY;
	}
	if (d->part[0] != b)
		return -ENODEV;
	for (unsigned i = 1; i < DISK_MINORS; i++)
		remove_part(d, i);
	object_drop_clean(&b->object, 0, ~0ul, ~0ul);
	return scan(d);
}
