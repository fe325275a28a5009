// SPDX-License-Identifier: MIT
/*
 * Objects: the page cache that read, write, mmap and exec share.
 *
 * Locks: object->lock (spin) for the index; never held while sleeping. A page is filled before it enters the
 * index; when two fill the same one, the later finds the earlier in the index and lets go of its own. When the earlier one
 * has gone again meanwhile, the later one is stale (struct object_fill).
 */
#include "mm/object.h"
#include "lib/string.h"
#include "mm/object_internal.h"
#include "mm/commit.h"
#include "mm/kmem.h"
#include "mm/vm.h"

void object_init(struct object *o, const struct object_ops *ops, void *host)
{
	*o = (struct object){ .ops = ops, .refs = 1, .host = host };
}

/* The page with a reference, a slot of swap, or nullptr. */
static inline struct page *look_up(struct object *o, u64 index)
{
	scoped_spin(&o->lock);
	struct page *p = radix_find(&o->pages, index);

	if (p && likely(!item_is_slot(p))) {
		page_get(p);
		if (unlikely(!(load_relaxed(&p->flags) & PG_REFERENCED)))
			__atomic_fetch_or(&p->flags, PG_REFERENCED, __ATOMIC_RELAXED);
	}
	return p;
}

/* 0 and the page with a reference; -ENOENT; -ENOMEM: it is swapped out. May sleep then. */
[[nodiscard]] static int cached(struct object *o, u64 index, u32 pa_flags, struct page **out)
{
	struct page *p = look_up(o, index);

	*out = p;
	if (unlikely(item_is_slot(p)))
		return object_swap_in(o, index, pa_flags, out);
	return p ? 0 : -ENOENT;
}

/* Enters p, with a reference for the index; *out = p. Or *out is the one that is there already, with a reference for the caller. */
static int enter_locked(struct object *o, u64 index, struct page *p, u32 flags, struct page **out)
{
	struct page *other = radix_find(&o->pages, index);

	if (unlikely(item_is_slot(other)))
		return -EAGAIN;
	if (other) {
		page_get(other);
		*out = other;
		return -EEXIST;
	}
	if (!(flags & OP_BEYOND) && index >= pages_in(load_relaxed(&o->size)))
		return -EFAULT;		/* truncated meanwhile */
	int err = radix_insert(&o->pages, index, p);

	if (err)
		return err;
	p->object = o;
	p->index = index;
	if (!o->npages++)
		object_list(o);
	page_get(p);
	*out = p;
	return 0;
}

int object_enter_filled(struct object *o, u64 index, struct page *p, u32 flags, const struct object_fill *fill,
			struct page **out)
{
	scoped_spin(&o->lock);
	return fill && fill->stale ? -EAGAIN : enter_locked(o, index, p, flags, out);
}

static int fill_and_enter(struct object *o, u64 index, struct page *p, u32 flags, struct page **out)
{
	struct object_fill fill;

	object_fill_begin(o, &fill, index, 1);
	int err = o->ops->fill(o, &p, 1, index);

	if (!err)
		err = object_enter_filled(o, index, p, flags, &fill, out);
	object_fill_end(o, &fill);
	return err;
}

/* How a page is allocated for OP_*. */
static u32 alloc_flags(u32 flags)
{
	return flags & OP_NOWAIT ? PA_NOWAIT : flags & OP_TRY ? PA_TRY : 0;
}

static int create(struct object *o, u64 index, u32 flags, struct page **out)
{
	u32 how = alloc_flags(flags) | (flags & OP_NOFILL ? 0 : PA_ZERO);
	/* Where memory is the only store, a page that is just looked at takes room as well. */
	int err = !(flags & OP_WRITE) && !o->ops->fill && o->ops->prepare_write ? o->ops->prepare_write(o, index) : 0;
	struct page *p = err ? nullptr : page_alloc(0, PAGE_CACHE, how);

	if (!p)
		return err ?: -ENOMEM;

	do {
		if (o->ops->fill && !(flags & OP_NOFILL))
			err = fill_and_enter(o, index, p, flags, out);
		else
			err = object_enter_filled(o, index, p, flags, nullptr, out);
	} while (err == -EAGAIN && o->ops->fill);
	if (err)
		page_put(p);
	return err == -EEXIST ? 0 : err;
}

/* Counts where it matters: of an object that is written back. */
static void first_dirty(struct page *p)
{
	struct object *o = load_relaxed(&p->object);

	if (!o || likely(!o->ops->writeback))
		return;
	if (__atomic_fetch_add(&o->ndirty, 1, __ATOMIC_RELAXED) == 0 && o->ops->dirtied)
		o->ops->dirtied(o);
}

void object_page_written(struct page *p)
{
	u8 flags = load_relaxed(&p->flags);

	/* New bytes may be code: they must be made fetchable again before they are mapped for execution. */
	if ((flags & (PG_DIRTY | PG_CODE_SYNCED)) == PG_DIRTY)
		return;
	flags = __atomic_fetch_or(&p->flags, PG_DIRTY, __ATOMIC_RELAXED);
	__atomic_fetch_and(&p->flags, (u8)~PG_CODE_SYNCED, __ATOMIC_RELAXED);
	if (!(flags & PG_DIRTY))
		first_dirty(p);
}

/* It was not there, or what was found is a slot of swap. */
[[gnu::noinline]] static int bring_page(struct object *o, u64 index, u32 flags, struct page *found, struct page **out)
{
	int err = found ? object_swap_in(o, index, alloc_flags(flags), out) : -ENOENT;

	for (;; err = cached(o, index, alloc_flags(flags), out)) {
		if (err == -ENOENT && (flags & OP_CREATE)) {
			if ((flags & OP_NOWAIT) && o->ops->fill)
				return -EAGAIN;
			err = create(o, index, flags, out);
		}
		if (err != -EAGAIN)
			return err;
	}
}

int object_page(struct object *o, u64 index, u32 flags, struct page **out)
{
	if (!(flags & OP_BEYOND) && index >= pages_in(load_relaxed(&o->size)))
		return -EFAULT;
	if ((flags & OP_WRITE) && o->ops->prepare_write) {
		int err = o->ops->prepare_write(o, index);

		if (err)
			return err;
	}
	struct page *p = look_up(o, index);
	int err = 0;

	*out = p;
	if (unlikely(!p || item_is_slot(p)))
		err = bring_page(o, index, flags, p, out);
	if (!err && (flags & OP_WRITE))
		object_page_written(*out);
	return err;
}

/* The pages among n items, each with a reference; how many. */
static unsigned get_pages(void *const *items, unsigned n, struct page **pages)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++) {
		struct page *p = items[i];

		if (likely(p && !item_is_slot(p))) {
			page_get_counted(p);
			found++;
		} else {
			p = nullptr;
		}
		pages[i] = p;
	}
	return found;
}

unsigned object_pages_cached(struct object *o, u64 index, unsigned n, struct page **pages)
{
	u64 end = pages_in(load_relaxed(&o->size));
	unsigned limit = index >= end ? 0 : (unsigned)min((u64)n, end - index), found = 0;

	scoped_spin(&o->lock);
	for (unsigned i = 0, part; i < n; i += part) {
		part = limit > i ? limit - i : n - i;
		void *const *items = i < limit ? radix_run(&o->pages, index + i, &part) : nullptr;

		if (items)
			found += get_pages(items, part, pages + i);
		else
			memset(pages + i, 0, part * sizeof(*pages));
	}
	return found;
}

void object_take_locked(struct object *o, u64 index, void *item)
{
	struct page *p = item;

	radix_remove(&o->pages, index);
	if (unlikely(item_is_slot(item))) {
		o->nswapped--;
		o->npages--;
		return;
	}
	if (o->ops->writeback && (load_relaxed(&p->flags) & PG_DIRTY))
		__atomic_fetch_sub(&o->ndirty, 1, __ATOMIC_RELAXED);
	p->object = nullptr;
	o->npages--;
	for (struct object_fill *f = o->fills; unlikely(f); f = f->next)
		f->stale |= index >= f->first && index <= f->last;
}

/* Takes up to `n` pages of [first, last] out of the index; they come back with the index's references. */
static unsigned take_out(struct object *o, u64 *first, u64 last, void **items, unsigned n)
{
	unsigned count = 0;

	scoped_spin(&o->lock);
	while (count < n) {
		u64 index = *first;
		void *item = radix_next(&o->pages, &index);

		if (!item || index > last)
			break;
		object_take_locked(o, index, item);
		items[count++] = item;
		*first = index + 1;
		if (index == last)
			break;
	}
	return count;
}

static void remove_pages(struct object *o, u64 first, u64 last)
{
	void *items[32];
	unsigned n;

	if (first > last)
		return;
	do {
		n = take_out(o, &first, last, items, ARRAY_SIZE(items));
		for (unsigned i = 0; i < n; i++) {
			if (item_is_slot(items[i]))
				swap_put(item_slot(items[i]));
			else
				page_put(items[i]);
		}
	} while (n == ARRAY_SIZE(items) && first && first <= last);
}

void object_punch(struct object *o, u64 first, u64 last)
{
	/* The new size before the look at `mapped`: whoever maps it just now is seen, or sees that size. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load_relaxed(&o->mapped))
		vm_unmap_object(o, first, last, last == ~0ul);	/* a hole leaves private copies, the end does not */
	remove_pages(o, first, last);
}

void object_truncate(struct object *o, u64 from)
{
	u64 last = from >> PAGE_SHIFT;
	struct page *p;
	int err = -ENOENT;

	/* First, for it gives memory back. */
	object_punch(o, pages_in(from), ~0ul);
	/* What is beyond the end must be zeros: so a page that is swapped out has to come back. From the reserve: nobody can end
	 * a thread that waits here, and it may be the one whose end is to free memory. */
	while (!is_aligned(from, PAGE_SIZE) &&
	       ((err = cached(o, last, PA_RESERVE, &p)) == -ENOMEM || err == -EAGAIN))
		vm_wait_for_memory();
	if (!err) {
		size_t keep = from & ~PAGE_MASK;

		memset((char *)page_address(p) + keep, 0, PAGE_SIZE - keep);
		page_put(p);
	}
}

void object_put(struct object *o)
{
	if (!o || __atomic_fetch_sub(&o->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	remove_pages(o, 0, ~0ul);
	object_unlist(o);
	o->ops->release(o);
}

long object_read(struct object *o, u64 offset, void *dst, size_t n)
{
	u64 size = load_relaxed(&o->size);
	size_t done = 0;

	if (offset >= size)
		return 0;
	n = min(n, size - offset);
	while (done < n) {
		u64 at = offset + done;
		size_t skip = at & ~PAGE_MASK, part = min(n - done, PAGE_SIZE - skip);
		struct page *p;
		int err = object_page(o, at >> PAGE_SHIFT, OP_CREATE, &p);

		if (err)
			return done ? (long)done : err;
		memcpy((char *)dst + done, (char *)page_address(p) + skip, part);
		page_put(p);
		done += part;
	}
	return (long)done;
}

/* ---- shared anonymous memory: an object and nothing else */

static struct slab_cache *shared_cache;

static void shared_release(struct object *o)
{
	commit_shared(-(s64)pages_in(o->size));
	slab_free(shared_cache, o);
}

static const struct object_ops shared_ops = { .release = shared_release };

void object_cache_init(void)
{
	object_io_init();
	shared_cache = slab_create("object", sizeof(struct object), CACHE_LINE);
}

struct object *object_new_shared(u64 size)
{
	struct object *o = slab_alloc(shared_cache);

	if (!o)
		return nullptr;
	object_init(o, &shared_ops, nullptr);
	o->size = size;
	commit_shared((s64)pages_in(size));
	return o;
}
