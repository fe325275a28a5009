// SPDX-License-Identifier: MIT
/*
 * Objects with a backing store: reading ahead, writing back, dropping what is clean.
 *
 * Writing back: PG_DIRTY goes first, then every mapping, then the bytes go to the store. Whoever writes later has to fault
 * first, or says object_page_written() afterwards; either makes the page dirty again. The writer holds references, so that
 * nobody drops a page before the store has it.
 *
 * Locks: one of `writers` (by object) around a whole write-back, so that two never race with the same page, and
 * who waits for a write-back waits for those under way too; below it vm locks and object->lock.
 */
#include "mm/kmem.h"
#include "mm/object_internal.h"
#include "mm/vm.h"

constexpr unsigned WRITERS = 16;
constexpr unsigned LOOK_MAX = 1024;		/* pages under one hold of the lock */
constexpr u64 FILE_PAGES = 1ul << 52;		/* no file has more */

static struct mutex writers[WRITERS];

void object_io_init(void)
{
	for (unsigned i = 0; i < WRITERS; i++)
		mutex_init(&writers[i]);
}

static struct mutex *writer_lock(const struct object *o)
{
	return &writers[((va_t)o >> 6 ^ (va_t)o >> 12) % WRITERS];
}

/* ---- fills */

void object_fill_begin(struct object *o, struct object_fill *f, u64 index, unsigned n)
{
	scoped_spin(&o->lock);
	*f = (struct object_fill){ .next = o->fills, .first = index, .last = index + n - 1 };
	o->fills = f;
}

void object_fill_end(struct object *o, struct object_fill *f)
{
	scoped_spin(&o->lock);
	struct object_fill **link = &o->fills;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
}

int object_enter(struct object *o, u64 index, struct page *p, bool dirty)
{
	struct page *entered;
	int err = object_enter_filled(o, index, p, 0, nullptr, &entered);

	if (err == -EEXIST)
		page_put(entered);
	if (!err && dirty)
		object_page_written(p);
	return err;
}

/* ---- reading ahead */

static unsigned missing_run(struct object *o, u64 index, unsigned n)
{
	u64 end = pages_in(load_relaxed(&o->size)), next = index;

	if (index >= end)
		return 0;
	n = (unsigned)min((u64)min(n, OBJECT_RUN), end - index);
	scoped_spin(&o->lock);
	if (radix_next(&o->pages, &next) && next - index < n)
		n = (unsigned)(next - index);
	return n;
}

static void fill_run(struct object *o, u64 index, struct page **pages, unsigned n)
{
	struct object_fill fill;

	object_fill_begin(o, &fill, index, n);
	int err = o->ops->fill(o, pages, n, index);

	for (unsigned i = 0; !err && i < n; i++) {
		struct page *entered;

		err = object_enter_filled(o, index + i, pages[i], 0, &fill, &entered);
		if (err == -EEXIST) {
			page_put(entered);
			err = 0;
		}
	}
	object_fill_end(o, &fill);
}

void object_read_ahead(struct object *o, u64 index, unsigned n)
{
	struct page *pages[OBJECT_RUN];
	unsigned have = 0;

	if (!o->ops->fill)
		return;
	n = missing_run(o, index, n);
	while (have < n && (pages[have] = page_alloc(0, PAGE_CACHE, PA_ZERO)))
		have++;
	if (have)
		fill_run(o, index, pages, have);
	for (unsigned i = 0; i < have; i++)
		page_put(pages[i]);
}

/* ---- writing back */

/* A walk over an index, a bounded number of pages under the lock at a time. */
struct cursor {
	u64 next, last;
};

static struct cursor cursor_over(u64 first, u64 last)
{
	return (struct cursor){ first, min(last, FILE_PAGES) };
}

/* The page at the cursor, which moves behind it; nullptr: no more. Under o->lock. */
static struct page *cursor_step(struct object *o, struct cursor *c, u64 *index)
{
	*index = c->next;
	struct page *p = c->next <= c->last ? radix_next(&o->pages, index) : nullptr;

	if (p && *index > c->last)
		p = nullptr;
	c->next = p ? *index + 1 : c->last + 1;
	return p;
}

/* The next run of dirty pages, with references; they are clean from now on. May be empty before the walk's end. */
static unsigned dirty_run(struct object *o, struct cursor *c, struct page **pages, u64 *first)
{
	struct page *p;
	unsigned n = 0;
	u64 index;

	scoped_spin(&o->lock);
	for (unsigned looked = 0; looked < LOOK_MAX && n < OBJECT_RUN; looked++) {
		if (!(p = cursor_step(o, c, &index)))
			break;
		if (n && index != *first + n) {
			c->next = index;
			break;
		}
		if (!(__atomic_fetch_and(&p->flags, (u8)~PG_DIRTY, __ATOMIC_ACQ_REL) & PG_DIRTY)) {
			if (n)
				break;
			continue;
		}
		if (!n)
			*first = index;
		page_get(p);
		pages[n++] = p;
	}
	__atomic_fetch_sub(&o->ndirty, n, __ATOMIC_RELAXED);
	return n;
}

static int write_run(struct object *o, struct page **pages, unsigned n, u64 index)
{
	/* The clean mark before the look at `mapped`: whoever maps it just now makes it dirty again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load_relaxed(&o->mapped))
		vm_unmap_object(o, index, index + n - 1, false);
	int err = o->ops->writeback(o, pages, n, index);

	for (unsigned i = 0; i < n; i++)
		page_put(pages[i]);
	return err;
}

static int write_all_locked(struct object *o, u64 first, u64 last)
{
	struct cursor c = cursor_over(first, last);
	struct page *pages[OBJECT_RUN];
	int res = 0;

	while (c.next <= c.last && load_relaxed(&o->ndirty)) {
		unsigned n = dirty_run(o, &c, pages, &first);
		int err = n ? write_run(o, pages, n, first) : 0;

		res = res ? res : err;
	}
	return res;
}

int object_writeback(struct object *o, u64 first, u64 last)
{
	if (!o->ops->writeback)
		return 0;
	scoped_mutex(writer_lock(o));
	return write_all_locked(o, first, last);
}

int object_try_writeback(struct object *o, u64 first, u64 last)
{
	if (!o->ops->writeback)
		return 0;
	struct mutex *lock = writer_lock(o);

	if (!mutex_try(lock))
		return -EAGAIN;
	int err = write_all_locked(o, first, last);

	mutex_unlock(lock);
	return err;
}

/* ---- dropping */

static unsigned drop_some(struct object *o, struct cursor *c, struct page **pages, u64 want)
{
	struct page *p;
	unsigned n = 0;
	u64 index;

	scoped_spin(&o->lock);
	for (unsigned looked = 0; looked < LOOK_MAX && n < min(want, (u64)OBJECT_RUN); looked++) {
		if (!(p = cursor_step(o, c, &index)))
			break;
		if (page_refs(p) == 1 && !(load_relaxed(&p->flags) & PG_DIRTY)) {
			object_take_locked(o, index, p);
			pages[n++] = p;
		}
	}
	return n;
}

u64 object_drop_clean(struct object *o, u64 first, u64 last, u64 want)
{
	struct cursor c = cursor_over(first, last);
	struct page *pages[OBJECT_RUN];
	u64 dropped = 0;

	if (!o->ops->writeback)
		return 0;
	while (dropped < want && c.next <= c.last) {
		unsigned n = drop_some(o, &c, pages, want - dropped);

		for (unsigned i = 0; i < n; i++)
			page_put(pages[i]);
		dropped += n;
	}
	return dropped;
}
