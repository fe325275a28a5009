// SPDX-License-Identifier: MIT
/*
 * Block special files: reading, writing and mapping a device through its page cache.
 *
 * Reads bring more than was asked for, twice as much each time somebody goes on where he stopped. Writes stay in the cache until
 * they are two seconds old, until somebody asks, or until they are so many that the writer has to help. Nobody locks
 * anything while bytes are copied: two who write the same page mix their bytes, as on Linux.
 *
 * Left out: exclusive opens of what is mounted.
 */
#include "fs/blockdev.h"
#include "arch/arch.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/vm.h"
#include "proc/task.h"
#include "proc/wait.h"
#include "proc/work.h"

constexpr unsigned AHEAD_FIRST = 4;		/* pages */
constexpr u64 DIRTY_AGE_NS = 2'000'000'000;
constexpr u64 DIRTY_PART = 16;			/* of all memory, for each device */

static struct wait_queue writer_wait = WAIT_QUEUE_INIT(writer_wait);
static bool writer_wanted;			/* (a) */
static u64 dirty_max;				/* (i) pages */

/* For reclaim, which must not wait for anybody: without references, so that who is found may be about to go. */
static struct spinlock all_lock;
static struct list all = LIST_INIT(all);

static struct blockdev *object_blockdev(struct object *o) { return container_of(o, struct blockdev, object); }

/* ---- the object */

static u32 run_sectors(const struct blockdev *b, u64 index, unsigned n)
{
	return (u32)min((u64)n * PAGE_SECTORS, b->sectors - index * PAGE_SECTORS);
}

static int transfer(struct blockdev *b, enum block_op op, struct page **pages, unsigned n, u64 index)
{
	return block_transfer(b->disk, op, b->start + index * PAGE_SECTORS, run_sectors(b, index, n), pages, n);
}

static int blockdev_fill(struct object *o, struct page **pages, unsigned n, u64 index)
{
	return transfer(object_blockdev(o), BLOCK_READ, pages, n, index);
}

static int blockdev_writeback(struct object *o, struct page **pages, unsigned n, u64 index)
{
	struct blockdev *b = object_blockdev(o);
	int err = transfer(b, BLOCK_WRITE, pages, n, index);

	if (err) {
		if (!load_relaxed(&b->error))
			log_err("%s: page %lu: cannot be written: error %d", b->name, index, -err);
		store_relaxed(&b->error, err);
	}
	return err;
}

static int blockdev_prepare_write(struct object *o, u64 index)
{
	return blockdev_read_only(object_blockdev(o)) ? -EROFS : 0;
}

static void blockdev_dirtied(struct object *o)
{
	if (!__atomic_exchange_n(&writer_wanted, true, __ATOMIC_ACQ_REL))
		wake_up_all(&writer_wait, 0);
}

static void blockdev_release(struct object *o)
{
	struct blockdev *b = object_blockdev(o);

	spin_lock(&all_lock);
	list_remove(&b->all);
	spin_unlock(&all_lock);
	disk_put(b->disk);
	kfree(b);
}

static const struct object_ops object_ops = {
	.fill = blockdev_fill,
	.prepare_write = blockdev_prepare_write,
	.writeback = blockdev_writeback,
	.dirtied = blockdev_dirtied,
	.release = blockdev_release,
};

struct blockdev *blockdev_new(struct disk *d, unsigned part, u64 start, u64 sectors)
{
	struct blockdev *b = kzalloc(sizeof(*b));
	size_t len = strlen(d->name);
	bool digit = len && d->name[len - 1] >= '0' && d->name[len - 1] <= '9';

	if (!b)
		return nullptr;
	object_init(&b->object, &object_ops, b);
	b->object.size = sectors << SECTOR_SHIFT;
	b->disk = d;
	b->part = part;
	b->start = start;
	b->sectors = sectors;
	b->dev = dev_make(d->major, d->first_minor + part);
	if (part)
		snprintf(b->name, sizeof(b->name), digit ? "%sp%u" : "%s%u", d->name, part);
	else
		snprintf(b->name, sizeof(b->name), "%s", d->name);
	disk_get(d);
	scoped_spin(&all_lock);
	list_push_back(&all, &b->all);
	return b;
}

void blockdev_kill(struct blockdev *b)
{
	store_release(&b->object.size, 0);
	object_truncate(&b->object, 0);
}

/* ---- reading */

/* The page, and more behind it if it was missing. f->arg: where the last one ended << 8 | how much came then. */
static int read_page(struct file *f, struct object *o, u64 index, size_t wanted, struct page **out)
{
	int err = object_page(o, index, 0, out);

	if (err != -ENOENT)
		return err;
	u64 last = load_relaxed(&f->arg);
	unsigned ahead = last >> 8 == index ? min(2 * (unsigned)(last & 0xff), OBJECT_RUN) : AHEAD_FIRST;

	ahead = (unsigned)max((u64)ahead, min((wanted + PAGE_SIZE - 1) >> PAGE_SHIFT, (u64)OBJECT_RUN));
	object_read_ahead(o, index, ahead);
	store_relaxed(&f->arg, (index + ahead) << 8 | ahead);
	return object_page(o, index, OP_CREATE, out);
}

static long read_part(struct file *f, struct object *o, struct io *io, u64 pos, size_t n)
{
	size_t skip = pos & ~PAGE_MASK;
	struct page *p;
	int err = read_page(f, o, pos >> PAGE_SHIFT, skip + n, &p);

	if (err)
		return err;
	size_t done = io_put(io, (char *)page_address(p) + skip, min(n, PAGE_SIZE - skip));

	page_put(p);
	return done ? (long)done : -EFAULT;
}

static long blockdev_read(struct file *f, struct io *io, u64 *pos)
{
	struct blockdev *b = f->data;
	long total = 0, got = 0;

	for (;;) {
		u64 size = load_acquire(&b->object.size);

		if (*pos >= size || !io->left)
			break;
		got = read_part(f, &b->object, io, *pos, min(io->left, size - *pos));
		if (got < 0)
			break;
		*pos += (u64)got;
		total += got;
	}
	return total ? total : got;
}

/* ---- writing */

static long write_cached(struct object *o, struct io *io, u64 pos, size_t n)
{
	size_t skip = pos & ~PAGE_MASK;
	struct page *p;
	int err = object_page(o, pos >> PAGE_SHIFT, OP_CREATE | OP_WRITE, &p);

	if (err)
		return err;
	size_t done = io_take(io, (char *)page_address(p) + skip, n);

	object_page_written(p);
	page_put(p);
	return done ? (long)done : -EFAULT;
}

/* A whole page need not be read first: it is made aside, and entered when it is complete. */
static long write_whole(struct object *o, struct io *io, u64 pos)
{
	u64 index = pos >> PAGE_SHIFT;
	struct page *p;
	int err = object_page(o, index, 0, &p);

	if (!err)
		page_put(p);
	if (err != -ENOENT || !(p = page_alloc(0, PAGE_CACHE, 0)))
		return write_cached(o, io, pos, PAGE_SIZE);
	size_t done = io_take(io, page_address(p), PAGE_SIZE);

	err = done ? -EEXIST : -EFAULT;
	if (done == PAGE_SIZE)
		err = object_enter(o, index, p, true);
	if (err == -EEXIST) {	/* somebody else was faster, or it is not whole */
		struct io again;

		io_kernel(&again, page_address(p), done);
		err = (int)min(write_cached(o, &again, pos, done), 0l);
	}
	page_put(p);
	return err ? err : (long)done;
}

/* Who writes faster than the device has to wait for it. */
static void throttle(struct blockdev *b)
{
	if ((s64)load_relaxed(&b->object.ndirty) > (s64)dirty_max)
		(void)object_writeback(&b->object, 0, ~0ul);	/* b->error has it */
}

static long blockdev_write(struct file *f, struct io *io, u64 *pos)
{
	struct blockdev *b = f->data;
	u64 size = load_acquire(&b->object.size);
	long total = 0, got = 0;

	if (*pos >= size)
		return size ? -ENOSPC : -ENODEV;
	while (io->left && *pos < size) {
		size_t n = min(min(io->left, size - *pos), PAGE_SIZE - (*pos & ~PAGE_MASK));

		got = n == PAGE_SIZE ? write_whole(&b->object, io, *pos) : write_cached(&b->object, io, *pos, n);
		if (got < 0)
			break;
		*pos += (u64)got;
		total += got;
		throttle(b);
	}
	if (total && (load_relaxed(&f->flags) & O_DSYNC)) {
		int err = blockdev_sync(b);

		return err ? err : total;
	}
	return total ? total : got == -EFAULT && !load_acquire(&b->object.size) ? -ENODEV : got;
}

/* ---- durability */

int blockdev_sync(struct blockdev *b)
{
	int err = object_writeback(&b->object, 0, ~0ul);

	if (!err)
		err = block_flush(b->disk);
	int earlier = __atomic_exchange_n(&b->error, 0, __ATOMIC_RELAXED);

	return err ? err : earlier;
}

void blockdev_sync_all(void)
{
	for (struct blockdev *b = blockdev_next(nullptr); b; b = blockdev_next(b)) {
		if (object_writeback(&b->object, 0, ~0ul) == 0)
			(void)block_flush(b->disk);
	}
}

static void writer(void *arg)
{
	for (;;) {
		wait_event_always(&writer_wait, load_acquire(&writer_wanted));
		(void)sleep_until(arch_clock_ns() + DIRTY_AGE_NS, false);
		__atomic_exchange_n(&writer_wanted, false, __ATOMIC_ACQ_REL);
		for (struct blockdev *b = blockdev_next(nullptr); b; b = blockdev_next(b))
			(void)object_writeback(&b->object, 0, ~0ul);
	}
}

/* ---- giving memory back */

/* The next one in turn with a reference; nullptr: there is none that has not begun to go. */
static struct blockdev *next_in_turn(void)
{
	scoped_spin(&all_lock);
	list_for_each(b, &all, struct blockdev, all) {
		u32 refs = load_relaxed(&b->object.refs);

		while (refs && !__atomic_compare_exchange_n(&b->object.refs, &refs, refs + 1, true, __ATOMIC_RELAXED,
							    __ATOMIC_RELAXED))
			;
		if (!refs)
			continue;
		list_remove(&b->all);
		list_push_back(&all, &b->all);
		return b;
	}
	return nullptr;
}

static unsigned count_all(void)
{
	unsigned n = 0;

	scoped_spin(&all_lock);
	list_for_each(b, &all, struct blockdev, all)
		n++;
	return n;
}

/* From each in turn what is clean. `hard`: the caller holds no lock, so that dirty and mapped pages can be made clean. */
static u64 shrink_all(u64 want, bool hard)
{
	u64 freed = 0;

	for (unsigned n = count_all(); n && freed < want; n--) {
		struct blockdev *b = next_in_turn();

		if (!b)
			break;
		if (hard && load_relaxed(&b->object.npages)) {
			(void)object_try_writeback(&b->object, 0, ~0ul);
			if (load_relaxed(&b->object.mapped))
				vm_unmap_object(&b->object, 0, ~0ul, false);
		}
		freed += object_drop_clean(&b->object, 0, ~0ul, want - freed);
		blockdev_put(b);
	}
	return freed;
}

static u64 shrink(u64 want) { return shrink_all(want, false); }

static u64 shrink_unlocked(u64 want)
{
	u64 freed = shrink_all(want, false);

	return freed ? freed : shrink_all(want, true);
}

void blockdev_init(void)
{
	static struct shrinker shrinker = { .shrink = shrink, .shrink_unlocked = shrink_unlocked };
	struct page_stats stats;

	page_stats(&stats);
	dirty_max = stats.total / DIRTY_PART;
	shrinker_register(&shrinker);
	if (!kthread_start("writeback", writer, nullptr))
		panic("no memory for the writeback thread");
}

/* ---- files */

static int blockdev_file_sync(struct file *f) { return blockdev_sync(f->data); }

static s64 blockdev_seek(struct file *f, s64 offset, int whence)
{
	struct blockdev *b = f->data;

	return file_seek_size(f, offset, whence, load_acquire(&b->object.size));
}

static int blockdev_map(struct file *f, struct object **object)
{
	*object = &((struct blockdev *)f->data)->object;
	return 0;
}

static void blockdev_close(struct file *f)
{
	struct blockdev *b = f->data;

	__atomic_fetch_sub(&b->opens, 1, __ATOMIC_RELAXED);
	blockdev_put(b);
}

static long read_any(struct file *f, struct io *io, u64 *pos)
{
	return f->flags & O_DIRECT ? blockdev_direct(f, io, pos, blockdev_read) : blockdev_read(f, io, pos);
}

static long write_any(struct file *f, struct io *io, u64 *pos)
{
	return f->flags & O_DIRECT ? blockdev_direct(f, io, pos, blockdev_write) : blockdev_write(f, io, pos);
}

static const struct file_ops blockdev_fops = {
	.release = blockdev_close,
	.read = read_any,
	.write = write_any,
	.seek = blockdev_seek,
	.ioctl = blockdev_ioctl,
	.map = blockdev_map,
	.sync = blockdev_file_sync,
};

int blockdev_open(struct file *f)
{
	struct blockdev *b = blockdev_find(f->inode->rdev);
	int err = !b ? -ENXIO : (f->mode & FILE_WRITE) && blockdev_read_only(b) ? -EACCES : 0;

	if (err) {
		blockdev_put(b);
		return err;
	}
	__atomic_fetch_add(&b->opens, 1, __ATOMIC_RELAXED);
	f->ops = &blockdev_fops;
	f->data = b;
	f->mode |= FILE_POS;
	return 0;
}
