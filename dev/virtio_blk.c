// SPDX-License-Identifier: MIT
/*
 * Virtio block devices (Virtio 1.2, 5.2): /dev/vda and so on. A request is a chain: header, data, one byte of status. The header and
 * the status of a chain lie in memory of ours at the number of its first descriptor.
 *
 * Locks: disk->lock < queue.lock; both with interrupts off.
 */
#include "dev/virtio.h"
#include "arch/arch.h"
#include "arch/irq.h"
#include "fs/block.h"
#include "lib/printf.h"
#include "mm/kmem.h"
#include "mm/page.h"

enum : u64 { F_SEG_MAX = BIT(2), F_RO = BIT(5), F_BLK_SIZE = BIT(6), F_FLUSH = BIT(9) };
enum : unsigned { CONFIG_CAPACITY = 0, CONFIG_SEG_MAX = 12, CONFIG_BLK_SIZE = 20 };
enum : u32 { REQUEST_IN = 0, REQUEST_OUT = 1, REQUEST_FLUSH = 4 };
enum : u8 { STATUS_OK = 0, STATUS_NONE = 0xff };
constexpr u32 MAJOR = 254;			/* of those for local use */
constexpr unsigned DISKS_MAX = 26;

struct request_header {
	u32 type, reserved;
	u64 sector;
};

struct virtio_blk {
	struct virtio_device v;
	struct virtqueue queue;
	struct disk disk;
	struct request_header *headers;	/* one for each descriptor */
	u8 *status;
	struct block_request *request[VIRTQUEUE_SIZE];	/* (queue.lock) by first descriptor */
};

static unsigned ndisks;

/* ---- requests */

static unsigned fill_pieces(struct virtio_blk *b, const struct block_request *r, unsigned head, struct virtq_piece *out)
{
	static const u32 types[BLOCK_OPS] = { REQUEST_IN, REQUEST_OUT, REQUEST_FLUSH };
	unsigned n = 0;

	b->headers[head] = (struct request_header){ .type = types[r->op], .sector = r->sector };
	b->status[head] = STATUS_NONE;
	out[n++] = (struct virtq_piece){ direct_pa(&b->headers[head]), sizeof(b->headers[head]), false };
	for (unsigned i = 0; i < r->nsegments; i++)
		out[n++] = (struct virtq_piece){ r->segment[i].pa, r->segment[i].len, r->op == BLOCK_READ };
	out[n++] = (struct virtq_piece){ direct_pa(&b->status[head]), 1, true };
	return n;
}

static int virtio_blk_start(struct disk *d, struct block_request *r)
{
	struct virtio_blk *b = d->data;
	struct virtq_piece pieces[BLOCK_SEGMENTS + 2];

	scoped_spin(&b->queue.lock);
	int head = virtqueue_head(&b->queue, r->nsegments + 2);

	if (head < 0)
		return head;
	unsigned n = fill_pieces(b, r, (unsigned)head, pieces);

	b->request[head] = r;
	virtqueue_add(&b->queue, pieces, n);
	b->v.ops->notify(&b->v, 0);
	return 0;
}

/* The next request that the device is done with, or nullptr. Its descriptors are free for others behind the lock: all that is
 * known by their number is looked at before. */
static struct block_request *next_done(struct virtio_blk *b, int *error)
{
	struct block_request *r = nullptr;
	u64 flags = spin_lock_irq(&b->queue.lock);
	int head = virtqueue_take(&b->queue);

	if (head >= 0) {
		r = b->request[head];
		b->request[head] = nullptr;
		*error = load_relaxed(&b->status[head]) == STATUS_OK ? 0 : -EIO;
	}
	spin_unlock_irq(&b->queue.lock, flags);
	return r;
}

static void virtio_blk_interrupt(void *arg)
{
	struct virtio_blk *b = arg;
	int error;

	if (!b->v.ops->take_interrupt(&b->v))
		return;
	for (struct block_request *r; (r = next_done(b, &error));)
		block_complete(&b->disk, r, error);
}

/* The device is stopped, and then nothing of what it has is its own any more. */
static void virtio_blk_timeout(struct disk *d)
{
	struct virtio_blk *b = d->data;
	u64 flags = spin_lock_irq(&b->queue.lock);

	b->queue.broken = true;
	virtio_fail(&b->v);
	spin_unlock_irq(&b->queue.lock, flags);
	disk_fail(d);
	/* Who takes a request out of the table completes it: the interrupt may have some in hand. */
	for (unsigned i = 0; i < b->queue.size; i++) {
		flags = spin_lock_irq(&b->queue.lock);
		struct block_request *r = b->request[i];

		b->request[i] = nullptr;
		spin_unlock_irq(&b->queue.lock, flags);
		if (r)
			block_complete(d, r, -EIO);
	}
}

static const struct disk_ops disk_ops = { .start = virtio_blk_start, .timeout = virtio_blk_timeout };

/* ---- set-up */

static void describe(struct virtio_blk *b, u64 features)
{
	struct virtio_device *v = &b->v;
	struct disk *d = &b->disk;
	u32 segments = features & F_SEG_MAX ? v->ops->config32(v, CONFIG_SEG_MAX) : 1;

	d->major = MAJOR;
	d->first_minor = ndisks * DISK_MINORS;
	d->ops = &disk_ops;
	d->data = b;
	d->sectors = v->ops->config32(v, CONFIG_CAPACITY) | (u64)v->ops->config32(v, CONFIG_CAPACITY + 4) << 32;
	d->block_size = features & F_BLK_SIZE ? v->ops->config32(v, CONFIG_BLK_SIZE) : SECTOR_SIZE;
	d->max_segments = min(max(segments, 1u), min(BLOCK_SEGMENTS, b->queue.size - 2));
	d->max_sectors = 2048;
	d->read_only = features & F_RO;
	d->has_flush = features & F_FLUSH;
	snprintf(d->name, sizeof(d->name), "vd%c", 'a' + ndisks);
	snprintf(d->model, sizeof(d->model), "virtio");
}

static int start(struct virtio_blk *b)
{
	struct page *headers = page_alloc(0, PAGE_KERNEL, PA_ZERO), *status = page_alloc(0, PAGE_KERNEL, PA_ZERO);
	u64 features;

	static_assert(VIRTQUEUE_SIZE * sizeof(struct request_header) <= PAGE_SIZE);
	if (!headers || !status)
		return -ENOMEM;
	b->headers = page_address(headers);
	b->status = page_address(status);
	int err = virtio_begin(&b->v, F_SEG_MAX | F_RO | F_BLK_SIZE | F_FLUSH, &features);

	if (!err)
		err = virtqueue_init(&b->v, &b->queue, 0);
	if (err)
		return err;
	describe(b, features);
	err = irq_request(b->v.irq, b->v.irq_edge, virtio_blk_interrupt, b);
	if (err)
		return err;
	virtio_ready(&b->v);
	return disk_register(&b->disk);
}

int virtio_blk_probe(const struct virtio_device *v)
{
	struct virtio_blk *b = ndisks < DISKS_MAX ? kzalloc(sizeof(*b)) : nullptr;

	if (!b)
		return -ENOMEM;
	b->v = *v;
	int err = start(b);

	/* What the device may write to stays allocated: it is not known to have stopped. */
	if (err)
		virtio_fail(&b->v);
	else
		ndisks++;
	return err;
}
