// SPDX-License-Identifier: MIT
/*
 * The queue of a disk. Requests wait in order until the driver has room. A caller builds its request on its own stack and sleeps
 * until it is finished, so that reading and writing take no memory: what writes pages back to free memory needs that.
 *
 * Left out: merging and sorting (callers bring long runs already), priorities.
 */
#include "fs/block.h"
#include "arch/arch.h"
#include "lib/printf.h"
#include "proc/wait.h"

/* ---- the queue, under disk->lock */

static void account_start(struct disk *d, u64 now)
{
	if (d->nrunning++ == 0)
		d->stats.busy_since = now;
}

static void account_end(struct disk *d, const struct block_request *r, u64 now)
{
	struct block_stats *s = &d->stats;

	s->ios[r->op]++;
	s->sectors[r->op] += r->sectors;
	s->ns[r->op] += now - r->queued_ns;
	if (--d->nrunning == 0)
		s->busy_ns += now - s->busy_since;
}

static void finish(struct block_request *r, int error)
{
	r->error = error;
	store_release(&r->finished, true);
}

/* Hands requests to the driver while it takes them. Returns whether some failed at once, and their callers must be woken. */
static bool start_waiting(struct disk *d)
{
	bool failed = false;

	while (!list_empty(&d->waiting)) {
		struct block_request *r = list_first(&d->waiting, struct block_request, node);
		int err;

		list_remove(&r->node);
		list_push_back(&d->running, &r->node);
		account_start(d, arch_clock_ns());
		err = d->gone ? -ENODEV : d->ops->start(d, r);
		if (!err)
			continue;
		list_remove(&r->node);
		if (err == -EBUSY) {
			d->nrunning--;
			list_push_front(&d->waiting, &r->node);
			break;
		}
		account_end(d, r, arch_clock_ns());
		finish(r, err);
		failed = true;
	}
	return failed;
}

static void submit(struct disk *d, struct block_request *r)
{
	r->disk = d;
	r->finished = false;
	r->queued_ns = arch_clock_ns();
	u64 flags = spin_lock_irq(&d->lock);

	list_push_back(&d->waiting, &r->node);
	bool failed = start_waiting(d);

	spin_unlock_irq(&d->lock, flags);
	if (failed)
		wake_up_all(&d->completed, 0);
}

void block_complete(struct disk *d, struct block_request *r, int error)
{
	u64 flags = spin_lock_irq(&d->lock);

	list_remove(&r->node);
	account_end(d, r, arch_clock_ns());
	finish(r, error);
	start_waiting(d);
	spin_unlock_irq(&d->lock, flags);
	wake_up_all(&d->completed, 0);
}

void disk_fail(struct disk *d)
{
	u64 flags = spin_lock_irq(&d->lock);

	d->gone = true;
	while (!list_empty(&d->waiting))
		finish(container_of(list_pop_front(&d->waiting), struct block_request, node), -ENODEV);
	spin_unlock_irq(&d->lock, flags);
	wake_up_all(&d->completed, 0);
}

/* ---- callers */

/* The driver must let go of the request before this may return: the memory is the caller's stack. */
static int run(struct disk *d, struct block_request *r)
{
	submit(d, r);
	while (wait_event_until_(&d->completed, load_acquire(&r->finished), arch_clock_ns() + BLOCK_TIMEOUT_NS, false)) {
		scoped_mutex(&d->timeout_lock);
		if (load_acquire(&r->finished))
			break;
		log_err("%s: no answer, giving up", d->name);
		d->ops->timeout(d);
	}
	return r->error;
}

/* Adds up to `sectors` of the page; false: the request is full. */
static bool add_page(struct disk *d, struct block_request *r, struct page *p, u32 sectors)
{
	struct block_segment *last = r->nsegments ? &r->segment[r->nsegments - 1] : nullptr;
	struct pa pa = page_pa(p);

	if (r->sectors + sectors > d->max_sectors)
		return false;
	if (last && last->pa.v + last->len == pa.v) {
		last->len += sectors << SECTOR_SHIFT;
	} else {
		if (r->nsegments == d->max_segments)
			return false;
		r->segment[r->nsegments++] = (struct block_segment){ pa, sectors << SECTOR_SHIFT };
	}
	r->sectors += sectors;
	return true;
}

int block_transfer(struct disk *d, enum block_op op, u64 sector, u32 sectors, struct page **pages, unsigned n)
{
	if (op == BLOCK_WRITE && d->read_only)
		return -EROFS;
	for (unsigned i = 0; i < n && sectors;) {
		struct block_request r;		/* most of it need not be cleared */

		r.op = op;
		r.sector = sector;
		r.sectors = r.nsegments = 0;
		while (i < n && sectors) {
			u32 part = min(sectors, PAGE_SECTORS);

			if (!add_page(d, &r, pages[i], part))
				break;
			sectors -= part;
			i++;
		}
		int err = run(d, &r);

		if (err)
			return err;
		sector += r.sectors;
	}
	return 0;
}

int block_flush(struct disk *d)
{
	struct block_request r;

	if (!d->has_flush)
		return load_relaxed(&d->gone) ? -ENODEV : 0;
	r.op = BLOCK_FLUSH;
	r.sector = 0;
	r.sectors = r.nsegments = 0;
	return run(d, &r);
}

void block_stats(struct disk *d, struct block_stats *out)
{
	u64 flags = spin_lock_irq(&d->lock);

	*out = d->stats;
	if (d->nrunning)
		out->busy_ns += arch_clock_ns() - out->busy_since;
	spin_unlock_irq(&d->lock, flags);
}
