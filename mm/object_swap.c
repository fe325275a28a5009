// SPDX-License-Identifier: MIT
/*
 * Swap for objects whose only store is memory: tmpfs, memfd, shared anonymous and System V memory.
 *
 * What is swapped out stands in the object's index as a slot's number instead of a page. Only a page goes that has no reference but
 * the index's: nobody maps or holds it, and while object->lock is held nobody can begin to. So it is compressed under
 * that lock. Pages that are mapped lose their entries first, when the hand of mm/reclaim.c finds them unused.
 *
 * Locks: list_lock (spin, a leaf) for the list of such objects; object->lock; then swap's own.
 */
#include "mm/object_internal.h"
#include "mm/swap.h"

constexpr unsigned LOOK_MAX = 64;	/* pages under one hold of an object's lock */

static struct spinlock list_lock;
static struct list objects = LIST_INIT(objects);	/* (list_lock) that have or had pages; the hand is at its front */

static bool memory_only(const struct object *o)
{
	return !o->ops->fill && !o->ops->writeback && !o->ops->frame;
}

void object_list(struct object *o)
{
	if (!memory_only(o) || o->all.next)
		return;
	scoped_spin(&list_lock);
	list_push_back(&objects, &o->all);
}

void object_unlist(struct object *o)
{
	if (!o->all.next)
		return;
	scoped_spin(&list_lock);
	list_remove(&o->all);
}

/* ---- out */

/* The page at *index or behind it goes, if nobody needs it: false, it stays. Under o->lock. */
static bool swap_page(struct object *o, u64 index, void *item, bool *full)
{
	struct page *p = item;

	if (item_is_slot(item) || page_refs(p) != 1)
		return false;
	if (__atomic_fetch_and(&p->flags, (u8)~PG_REFERENCED, __ATOMIC_RELAXED) & (PG_REFERENCED | PG_STUBBORN))
		return false;
	u32 id = swap_out(p);

	if (!id) {
		*full = !(load_relaxed(&p->flags) & PG_STUBBORN);
		return false;
	}
	radix_replace(&o->pages, index, item_of_slot(id));
	o->nswapped++;
	p->object = nullptr;
	return true;
}

/* Some pages of one object, from where the hand stood. False: it is through. */
static bool swap_some(struct object *o, u64 want, u64 *freed, bool *full)
{
	struct page *gone[LOOK_MAX];
	unsigned n = 0;
	bool more = true;

	spin_lock(&o->lock);
	for (unsigned looked = 0; looked < LOOK_MAX && *freed + n < want && !*full; looked++) {
		void *item = radix_next(&o->pages, &o->hand);

		if (!item) {
			o->hand = 0;
			more = false;
			break;
		}
		if (swap_page(o, o->hand, item, full))
			gone[n++] = item;
		o->hand++;
	}
	spin_unlock(&o->lock);
	for (unsigned i = 0; i < n; i++)
		page_put(gone[i]);
	*freed += n;
	return more;
}

/* The object at the front, with a reference, which goes to the end of the list; nullptr: none. */
static struct object *next_object(void)
{
	scoped_spin(&list_lock);
	list_for_each(o, &objects, struct object, all) {
		if (!object_try_get(o))
			continue;		/* its last user is just taking it out of the list */
		list_remove(&o->all);
		list_push_back(&objects, &o->all);
		return o;
	}
	return nullptr;
}

static unsigned count_objects(void)
{
	unsigned n = 0;

	scoped_spin(&list_lock);
	list_for_each(o, &objects, struct object, all)
		n++;
	return n;
}

u64 object_swap_out(u64 want)
{
	u64 freed = 0;
	bool full = false;

	/* Two rounds: the first takes the marks of use away. */
	for (unsigned left = 2 * count_objects(); left && freed < want && !full; left--) {
		struct object *o = next_object();

		if (!o)
			break;
		while (freed < want && !full && swap_some(o, want, &freed, &full))
			;
		object_put(o);
	}
	return freed;
}

/* ---- in */

/* What is at the index now: a slot, with a reference on it, or a page, with one for the caller, or nothing. */
static void *get_item(struct object *o, u64 index)
{
	scoped_spin(&o->lock);
	void *item = radix_find(&o->pages, index);

	if (item_is_slot(item))
		swap_get(item_slot(item));
	else if (item)
		page_get(item);
	return item;
}

/* p has the slot's bytes: it takes the slot's place, unless that has changed. */
static bool replace_slot(struct object *o, u64 index, void *item, struct page *p)
{
	scoped_spin(&o->lock);
	if (radix_find(&o->pages, index) != item)
		return false;
	radix_replace(&o->pages, index, p);
	o->nswapped--;
	p->object = o;
	p->index = index;
	page_get(p);
	return true;
}

int object_swap_in(struct object *o, u64 index, u32 pa_flags, struct page **out)
{
	void *item = get_item(o, index);

	if (!item_is_slot(item)) {
		*out = item;
		return item ? 0 : -EAGAIN;
	}
	u32 id = item_slot(item);
	struct page *p = page_alloc(0, PAGE_CACHE, pa_flags);
	bool replaced = false;

	if (p) {
		swap_read(id, page_address(p));
		__atomic_fetch_or(&p->flags, PG_DIRTY | PG_REFERENCED, __ATOMIC_RELAXED);
		replaced = replace_slot(o, index, item, p);
	}
	swap_put(id);
	if (replaced)
		swap_put(id);		/* the index's */
	else if (p)
		page_put(p);
	*out = p;
	return replaced ? 0 : p ? -EAGAIN : -ENOMEM;
}

/* The first slot in [*index, end): *index moves there. Some items at a time under the lock. */
static bool next_slot(struct object *o, u64 *index, u64 end)
{
	while (*index < end) {
		scoped_spin(&o->lock);
		for (unsigned looked = 0; looked < LOOK_MAX && *index < end; looked++, ++*index) {
			void *item = radix_next(&o->pages, index);

			if (!item || *index >= end)
				return false;
			if (item_is_slot(item))
				return true;
		}
	}
	return false;
}

u64 object_swap_ahead(struct object *o, u64 first, u64 end, unsigned most)
{
	for (; load_relaxed(&o->nswapped) && next_slot(o, &first, end); first++) {
		struct page *p;

		if (!most--)
			return first;
		int err = object_swap_in(o, first, PA_PLENTY, &p);

		if (err == -ENOMEM)
			break;
		if (!err)
			page_put(p);
	}
	return end;
}

/* ---- audit */

void object_swap_audit(void)
{
	scoped_spin(&list_lock);
	list_for_each(o, &objects, struct object, all) {
		void *item;

		scoped_spin(&o->lock);
		radix_for_each(item, index, &o->pages, 0, ~0ul - 1) {
			if (item_is_slot(item))
				swap_audit_found(item_slot(item));
		}
	}
}
