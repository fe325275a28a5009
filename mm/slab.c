// SPDX-License-Identifier: MIT
/*
 * Slabs (Bonwick 1994): blocks of 1 to 8 pages cut into equal objects.
 *
 * Every page of a slab says which cache it is of, so that any object's address leads to its
 * cache; the block is aligned to its size, so it leads to the slab's first page too, which counts
 * its objects and starts the list of the free ones. Slabs with free objects are in a list of the
 * cache, linked by frame numbers in the descriptors (frame 0 is never allocated). One empty slab
 * is kept for each cache; others go back at once, and that one when memory is short.
 */
#include "mm/slab.h"
#include "mm/kmem_debug.h"

constexpr unsigned SLAB_ORDER_MAX = 3;

/* The smallest slab that wastes at most an eighth and holds 8 objects, or else the largest. */
void slabs_init(struct slab_cache *c)
{
	u64 bytes = PAGE_SIZE;

	for (c->order = 0; c->order < SLAB_ORDER_MAX; c->order++, bytes *= 2)
		if (bytes % c->stride <= bytes / 8 && bytes / c->stride >= 8)
			break;
	c->per_slab = (u16)(bytes / c->stride);
}

static struct page *frame_page(u32 frame) { return page_array + frame; }
static u32 frame_of(const struct page *p) { return (u32)(p - page_array); }

static void slab_link(struct slab_cache *c, struct page *s)
{
	s->aux = 0;
	s->aux2 = c->partial;
	if (c->partial)
		frame_page(c->partial)->aux = frame_of(s);
	c->partial = frame_of(s);
}

static void slab_unlink(struct slab_cache *c, struct page *s)
{
	if (s->aux2)
		frame_page(s->aux2)->aux = s->aux;
	if (s->aux)
		frame_page(s->aux)->aux2 = s->aux2;
	else
		c->partial = s->aux2;
}

static struct page *slab_of(const struct slab_cache *c, const void *obj)
{
	struct page *p = page_of(obj);

	return p - ((p - page_array) & ((1l << c->order) - 1));
}

/* A free object's first word is the next one's `free` value. */
static void *object_at(const struct page *s, u32 free)
{
	return (char *)page_address(s) + (free - 1) * 16ul;
}

static void slab_push(struct page *s, void *obj)
{
	*(u64 *)obj = s->free;
	s->free = (u16)(((char *)obj - (char *)page_address(s)) / 16 + 1);
}

static void *slab_pop(struct page *s)
{
	void *obj = object_at(s, s->free);

	s->free = (u16)*(u64 *)obj;
	return obj;
}

/* Makes a block of pages a slab of c with all objects free. No lock needed. */
static void slab_format(struct slab_cache *c, struct page *s)
{
	for (struct page *p = s; p < s + (1ul << c->order); p++) {
		p->kind = PAGE_SLAB;
		p->cache = c;
		p->free = p->in_use = 0;
	}
	for (u32 i = c->per_slab; i-- > 0;) {
		void *obj = (char *)page_address(s) + (u64)i * c->stride;

		kmem_debug_init(obj, c->stride);
		slab_push(s, obj);
	}
}

/* Under the lock. */
static void slab_release(struct slab_cache *c, struct page *s)
{
	slab_unlink(c, s);
	c->slabs--;
	for (struct page *p = s + 1; p < s + (1ul << c->order); p++)
		p->kind = PAGE_FREE;
	page_free(s);
}

bool slabs_grow(struct slab_cache *c, u32 pa_flags)
{
	struct page *s = page_alloc(c->order, PAGE_SLAB, pa_flags);

	if (!s)
		return false;
	slab_format(c, s);
	u64 flags = spin_lock_irq(&c->lock);

	slab_link(c, s);
	c->slabs++;
	c->empty++;
	spin_unlock_irq(&c->lock, flags);
	return true;
}

void slabs_take(struct slab_cache *c, struct magazine *m, u64 want)
{
	while (m->count < want && c->partial) {
		struct page *s = frame_page(c->partial);

		if (s->in_use == 0)
			c->empty--;
		while (s->free && m->count < want) {
			m->objects[m->count++] = slab_pop(s);
			s->in_use++;
			c->objects_out++;
		}
		if (!s->free)
			slab_unlink(c, s);
	}
}

void slabs_put(struct slab_cache *c, void *obj)
{
	struct page *s = slab_of(c, obj);

	if (!s->free)
		slab_link(c, s);
	slab_push(s, obj);
	c->objects_out--;
	if (--s->in_use)
		return;
	if (c->empty == 0)
		c->empty++;
	else
		slab_release(c, s);
}

u64 slabs_shrink(struct slab_cache *c)
{
	u64 freed = 0;

	for (u32 frame = c->partial; c->empty && frame;) {
		struct page *s = frame_page(frame);

		frame = s->aux2;
		if (s->in_use)
			continue;
		slab_release(c, s);
		c->empty--;
		freed += 1ul << c->order;
	}
	return freed;
}

/* Walks one slab's free list; true if it fits the counts. */
static bool slab_sound(const struct slab_cache *c, const struct page *s)
{
	u32 n = 0;

	for (u32 free = s->free; free && n <= c->per_slab; n++)
		free = (u16)*(const u64 *)object_at(s, free);
	return s->kind == PAGE_SLAB && s->cache == c && n && n + s->in_use == c->per_slab;
}

bool slabs_sound(const struct slab_cache *c)
{
	u64 empty = 0;

	for (u32 frame = c->partial; frame; frame = frame_page(frame)->aux2) {
		if (!slab_sound(c, frame_page(frame)))
			return false;
		empty += frame_page(frame)->in_use == 0;
	}
	return empty == c->empty && c->objects_out <= c->slabs * c->per_slab;
}
