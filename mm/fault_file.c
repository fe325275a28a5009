// SPDX-License-Identifier: MIT
/*
 * Faults on what has an object: pages of files (also of shared memory), for reading with their neighbours, for writing shared or
 * as a private copy; frames of devices. An object may have to be read first: no table lock is held meanwhile.
 */
#include "mm/fault.h"
#include "mm/object.h"
#include "mm/pt.h"
#include "mm/stats.h"

static int object_error(int err)
{
	return err == -ENOMEM ? FAULT_OOM : err == -EAGAIN ? -EAGAIN : FAULT_BUS;
}

static inline u64 object_index(const struct fault_state *f)
{
	return f->region->offset + ((f->va - f->region->start) >> PAGE_SHIFT);
}

/* May pages of a shared region be writable at once? Not where the first write must be heard of. */
static bool writes_unwatched(const struct object *o)
{
	return !o->ops->prepare_write && !o->ops->writeback;
}

static int fault_file_around(struct fault_state *f);

/* A read of a private or shared file page. Not inline: writes need no room for the neighbours. */
[[gnu::noinline]] static int fault_file_read(struct fault_state *f)
{
	struct object *o = f->region->object;
	struct page *p;
	int res = fault_file_around(f);

	if (res != -ENOENT)
		return res;
	int err = object_page(o, object_index(f), OP_CREATE | OP_TRY, &p);

	if (err)
		return object_error(err);
	fault_does(f, file_read);
	bool write = (f->region->flags & R_SHARED) && (f->region->flags & R_WRITE) && writes_unwatched(o);

	return fill_or_put(f, p, write);
}

/* Under the table's lock: puts the pages into those of n slots that are empty, from `first` on; their references go along. The
 * others are moved to the front of `pages`: how many. */
static unsigned fill_around(struct page *table, unsigned first, struct page **pages, unsigned n, u32 prot)
{
	struct pte *slot = &pt_slots(table)[first];
	u64 rights = pte_leaf((struct pa){ 0 }, 0, prot).raw;	/* an address only flips bits of an entry */
	const struct page *frames = pa_page((struct pa){ 0 });
	unsigned filled = 0, left = 0;

	for (unsigned i = 0; i < n; i++) {
		struct page *p = pages[i];

		if (unlikely(!p))
			continue;
		if (unlikely(slot[i].raw)) {
			pages[left++] = p;
			continue;
		}
		store_release(&slot[i].raw, rights ^ (u64)(p - frames) << PAGE_SHIFT);
		filled++;
	}
	pt_slots_filled(table, first, n, filled);
	return left;
}

/* The faulting page and its cached neighbours, up to 16, in one go. -ENOENT: the page itself is not cached. */
static int fault_file_around(struct fault_state *f)
{
	struct object *o = f->region->object;
	struct page *pages[FAULT_AROUND];
	va_t start = max(f->va & ~(FAULT_AROUND * PAGE_SIZE - 1), f->region->start);
	va_t end = min((f->va & ~(FAULT_AROUND * PAGE_SIZE - 1)) + FAULT_AROUND * PAGE_SIZE,
		       f->region->end);
	unsigned n = (unsigned)((end - start) >> PAGE_SHIFT), want = (unsigned)((f->va - start) >> PAGE_SHIFT);
	bool write = (f->region->flags & R_SHARED) && (f->region->flags & R_WRITE) && writes_unwatched(o);
	u32 prot = fault_leaf_prot(f->region, write);
	u64 index = f->region->offset + ((start - f->region->start) >> PAGE_SHIFT);
	unsigned found = object_pages_cached(o, index, n, pages);
	struct page *wanted = found ? pages[want] : nullptr;
	int res = -ENOENT;

	if (wanted) {
		for (unsigned i = 0; (prot & P_X) && i < n; i++) {
			if (pages[i])
				page_sync_code(pages[i], prot);
		}
		scoped_spin(&f->table->lock);
		res = f->slot->raw ? -EAGAIN : FAULT_OK;
		n = fill_around(f->table, pt_index(f->va, 0) - want, pages, n, prot);
		if (!res) {
			hand_out(f, wanted);
			vm_rss_came_along(f->vm, found - n - 1);
		}
		fault_does(f, file_around);
	}
	for (unsigned i = 0; found && i < n; i++) {
		if (pages[i])
			page_put(pages[i]);
	}
	return res;
}

/* The first access to a page of a private mapping is a write: a copy at once. */
static int fault_file_private_write(struct fault_state *f)
{
	struct page *from, *p;
	int err = object_page(f->region->object, object_index(f), OP_CREATE | OP_TRY, &from);

	if (err)
		return object_error(err);
	p = page_alloc(0, PAGE_ANON, PA_TRY);
	if (p)
		arch_page_copy(page_address(p), page_address(from));
	page_put(from);
	if (!p)
		return FAULT_OOM;
	fault_does(f, file_private);
	return fill_or_put(f, p, true);
}

static int fault_file_shared_write(struct fault_state *f)
{
	struct page *p;
	int err = object_page(f->region->object, object_index(f), OP_CREATE | OP_WRITE | OP_TRY, &p);

	if (err)
		return object_error(err);
	fault_does(f, file_shared);
	return fill_or_put(f, p, true);
}

/* A frame of a device: mapped as it is, never counted. */
static int fault_device(struct fault_state *f)
{
	struct pa pa;
	u32 extra = 0;
	int err = f->region->object->ops->frame(f->region->object, object_index(f), &pa, &extra);

	if (err)
		return object_error(err);
	u32 prot = fault_leaf_prot(f->region, f->region->flags & R_WRITE) | P_SHARED | extra;

	scoped_spin(&f->table->lock);
	if (f->slot->raw)
		return -EAGAIN;
	pt_slot_fill(f->table, f->slot, pte_leaf(pa, 0, prot));
	return FAULT_OK;
}

int fault_object(struct fault_state *f)
{
	if (f->region->object->ops->frame)
		return fault_device(f);
	if (f->access != P_W)
		return fault_file_read(f);
	return f->region->flags & R_SHARED ? fault_file_shared_write(f) : fault_file_private_write(f);
}

int fault_shared_upgrade(struct fault_state *f, struct pte e)
{
	struct page *p = nullptr;

	if (!f->region->object->ops->frame) {
		int err = object_page(f->region->object, object_index(f), OP_CREATE | OP_WRITE | OP_TRY, &p);

		if (err)
			return object_error(err);
	}
	spin_lock(&f->table->lock);
	int res = f->slot->raw == e.raw ? FAULT_OK : -EAGAIN;

	if (!res) {
		set_writable(f, e);
		if (p)
			hand_out(f, p);
	}
	spin_unlock(&f->table->lock);
	if (p)
		page_put(p);
	fault_does(f, file_shared);
	return res;
}
