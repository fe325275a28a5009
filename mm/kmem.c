// SPDX-License-Identifier: MIT
/*
 * Small objects. A cache cuts blocks of 1 to 8 pages (slabs) into equal objects. Each CPU has a
 * magazine of free objects, touched by that CPU only, with interrupts off; half a magazine moves
 * to or from the slabs at a time, under the cache's lock.
 *
 * Every page of a slab says which cache it is of, so that any object's address leads to its cache; the
 * block is aligned to its size, so it leads to the slab's first page too, which counts its
 * objects and starts the list of the free ones. Slabs with free objects are in a list of the
 * cache, linked by frame numbers in the descriptors (frame 0 is never allocated). One empty slab
 * is kept for each cache; others go back at once, and that one when memory is short.
 *
 * DEBUG (kmem_debug.h): a word behind each object says whether it is allocated, free objects are
 * filled with a pattern.
 *
 * Lock order: a cache's lock, then the page allocator's. Both with interrupts off.
 */
#include "mm/kmem.h"
#include "mm/kmem_debug.h"
#include "mm/page.h"
#include "lib/string.h"
#include "lib/printf.h"

constexpr unsigned CACHES_MAX = 96;
constexpr unsigned SLAB_ORDER_MAX = 3;
constexpr unsigned OBJECT_MAX = 8192;
constexpr unsigned MAGAZINE = 31;

struct magazine {		/* (c) its CPU only, interrupts off */
	u64 count;
	void *objects[MAGAZINE];
};

/* All CPUs' magazines of a cache fill one page. */
static_assert(sizeof(struct magazine) * MAX_CPUS == PAGE_SIZE);

/* (i) fixed after init  (l) under lock */
struct slab_cache {
	struct magazine *magazines;	/* (i) by CPU */
	u32 limit;			/* (i) objects a magazine holds at most */
	u32 stride;			/* (i) bytes from object to object */
	struct spinlock lock;		/* with interrupts off */
	u32 partial;			/* (l) frame of the first slab with free objects */
	u32 empty;			/* (l) slabs without allocated objects */
	u16 per_slab;			/* (i) objects in a slab */
	u16 order;			/* (i) of a slab */
	u64 slabs, objects_out;		/* (l) slabs; objects that are not in them */
	size_t size;			/* (i) as asked for */
	const char *name;		/* (i) */
};

static struct slab_cache caches[CACHES_MAX];
static unsigned ncaches;		/* (a) */
static struct spinlock create_lock;

/* ---- Slabs: under the cache's lock ---- */

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

static void slab_release(struct slab_cache *c, struct page *s)
{
	for (struct page *p = s + 1; p < s + (1ul << c->order); p++)
		p->kind = PAGE_FREE;
	page_free(s);
}

/* ---- Between slabs and magazines ---- */

static void take_objects(struct slab_cache *c, struct magazine *m, u64 want)
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

/* Returns a slab that is to be released, or nullptr. */
static struct page *put_object(struct slab_cache *c, void *obj)
{
	struct page *s = slab_of(c, obj);

	if (!s->free)
		slab_link(c, s);
	slab_push(s, obj);
	c->objects_out--;
	if (--s->in_use)
		return nullptr;
	if (c->empty == 0) {
		c->empty++;
		return nullptr;
	}
	slab_unlink(c, s);
	c->slabs--;
	return s;
}

/* Interrupts off. Leaves `leave` objects in the magazine: the ones freed last, which are warm. */
static void flush_magazine(struct slab_cache *c, struct magazine *m, u64 leave)
{
	u64 n = m->count - leave;

	spin_lock(&c->lock);
	for (u64 i = 0; i < n; i++) {
		struct page *unused = put_object(c, m->objects[i]);

		if (unused)
			slab_release(c, unused);
	}
	spin_unlock(&c->lock);
	for (u64 i = 0; i < leave; i++)
		m->objects[i] = m->objects[n + i];
	m->count = leave;
}

static void *magazine_pop(struct slab_cache *c)
{
	u64 flags = irq_save();
	struct magazine *m = &c->magazines[cpu_id()];
	void *obj = likely(m->count) ? m->objects[--m->count] : nullptr;

	irq_restore(flags);
	return obj;
}

static bool refill(struct slab_cache *c)
{
	u64 flags = spin_lock_irq(&c->lock);
	struct magazine *m = &c->magazines[cpu_id()];

	take_objects(c, m, max(c->limit / 2, 1u));
	bool any = m->count;

	spin_unlock_irq(&c->lock, flags);
	return any;
}

static bool grow(struct slab_cache *c, u32 pa_flags)
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

/* Another CPU or an interrupt may take what was just gained: so it loops. */
[[gnu::noinline]] static void *alloc_slow(struct slab_cache *c, u32 pa_flags)
{
	void *obj;

	while (!(obj = magazine_pop(c)))
		if (!refill(c) && !grow(c, pa_flags))
			return nullptr;
	kmem_debug_alloc(obj, c->size, c->stride, c->name);
	return obj;
}

/* ---- Objects ---- */

static inline void *alloc_from(struct slab_cache *c, u32 pa_flags)
{
	void *obj = magazine_pop(c);

	if (unlikely(!obj))
		return alloc_slow(c, pa_flags);
	kmem_debug_alloc(obj, c->size, c->stride, c->name);
	return obj;
}

void *slab_alloc(struct slab_cache *c) { return alloc_from(c, 0); }
void *slab_alloc_nowait(struct slab_cache *c) { return alloc_from(c, PA_NOWAIT); }

void *slab_zalloc(struct slab_cache *c)
{
	void *obj = alloc_from(c, 0);

	if (likely(obj))
		memset(obj, 0, c->size);
	return obj;
}

[[gnu::noinline]] static void free_slow(struct slab_cache *c, void *obj)
{
	u64 flags = irq_save();
	struct magazine *m = &c->magazines[cpu_id()];

	if (m->count >= c->limit)
		flush_magazine(c, m, c->limit / 2);
	m->objects[m->count++] = obj;
	irq_restore(flags);
}

void slab_free(struct slab_cache *c, void *obj)
{
	if (unlikely(!obj))
		return;
	kmem_debug_free(obj, c->size, c->stride, c->name);
	debug_assert(page_of(obj)->kind == PAGE_SLAB && page_of(obj)->cache == c);
	u64 flags = irq_save();
	struct magazine *m = &c->magazines[cpu_id()];
	u64 n = m->count;

	if (likely(n < c->limit)) {
		m->objects[n] = obj;
		m->count = n + 1;
	}
	irq_restore(flags);
	if (unlikely(n >= c->limit))
		free_slow(c, obj);
}

/* ---- Caches ---- */

/* The smallest slab that wastes at most an eighth and holds 8 objects, or else the largest. */
static u16 best_order(u32 stride)
{
	u16 order = 0;

	for (; order < SLAB_ORDER_MAX; order++) {
		u64 bytes = PAGE_SIZE << order;

		if (bytes % stride <= bytes / 8 && bytes / stride >= 8)
			break;
	}
	return order;
}

struct slab_cache *slab_create(const char *name, size_t size, size_t align)
{
	assert(size <= OBJECT_MAX && (align & (align - 1)) == 0 && align <= PAGE_SIZE);
	size = max(size, sizeof(u64));	/* room for the free list's link */
	u32 stride = (u32)align_up(size + KMEM_DEBUG_TAIL, max(align, 16ul));
	u16 order = best_order(stride);
	struct page *p = page_alloc(0, PAGE_KERNEL, PA_ZERO);

	if (!p)
		panic("no memory for the object cache %s", name);
	scoped_spin(&create_lock);
	assert(ncaches < CACHES_MAX);
	struct slab_cache *c = &caches[ncaches];

	*c = (struct slab_cache){
		.magazines = page_address(p), .name = name, .size = size, .stride = stride,
		.limit = size <= 512 ? MAGAZINE - 1 : size <= 2048 ? 16 : 8,
		.order = order, .per_slab = (u16)((PAGE_SIZE << order) / stride),
	};
	store_release(&ncaches, ncaches + 1);
	return c;
}

/* Gives back empty slabs, after this CPU's magazines. */
static u64 shrink_cache(struct slab_cache *c)
{
	u64 flags = irq_save(), freed = 0;
	struct magazine *m = &c->magazines[cpu_id()];
	u64 slabs = load_relaxed(&c->slabs);

	flush_magazine(c, m, 0);
	spin_lock(&c->lock);
	for (u32 frame = c->partial; c->empty && frame;) {
		struct page *s = frame_page(frame);

		frame = s->aux2;
		if (s->in_use)
			continue;
		slab_unlink(c, s);
		c->slabs--;
		c->empty--;
		slab_release(c, s);
	}
	freed = slabs > c->slabs ? (slabs - c->slabs) << c->order : 0;
	spin_unlock(&c->lock);
	irq_restore(flags);
	return freed;
}

static u64 shrink_caches(u64 want)
{
	unsigned n = load_acquire(&ncaches);
	u64 freed = 0;

	for (unsigned i = 0; i < n && freed < want; i++)
		freed += shrink_cache(&caches[i]);
	return freed;
}

void kmem_init(void)
{
	static struct shrinker shrinker = { .shrink = shrink_caches, .order = 1 };

	kmalloc_init();
	shrinker_register(&shrinker);
}

/* ---- Reports ---- */

static u64 in_magazines(const struct slab_cache *c)
{
	u64 n = 0;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		n += load_relaxed(&c->magazines[cpu].count);
	return n;
}

bool slab_info(unsigned index, struct slab_info *out)
{
	if (index >= load_acquire(&ncaches))
		return false;
	const struct slab_cache *c = &caches[index];
	u64 slabs = load_relaxed(&c->slabs);

	*out = (struct slab_info){
		.name = c->name, .size = c->size, .total = slabs * c->per_slab,
		.in_use = load_relaxed(&c->objects_out) - in_magazines(c),
		.pages = slabs << c->order,
	};
	return true;
}

size_t slab_size(const void *obj) { return page_of(obj)->cache->size; }

/* Walks one slab's free list; true if it fits the counts. Under the cache's lock. */
static bool slab_sound(const struct slab_cache *c, const struct page *s)
{
	u32 n = 0;

	for (u32 free = s->free; free && n <= c->per_slab; n++)
		free = (u16)*(const u64 *)object_at(s, free);
	return s->kind == PAGE_SLAB && s->cache == c && n && n + s->in_use == c->per_slab;
}

static unsigned audit_cache(struct slab_cache *c, void (*report)(void *, const char *), void *arg)
{
	u64 flags = spin_lock_irq(&c->lock), empty = 0;
	bool sound = true;
	char line[80];

	for (u32 frame = c->partial; frame && sound; frame = frame_page(frame)->aux2) {
		sound = slab_sound(c, frame_page(frame));
		empty += frame_page(frame)->in_use == 0;
	}
	sound = sound && empty == c->empty && c->objects_out <= c->slabs * c->per_slab;
	spin_unlock_irq(&c->lock, flags);
	if (sound)
		return 0;
	snprintf(line, sizeof(line), "object cache %s is broken", c->name);
	report(arg, line);
	return 1;
}

unsigned kmem_audit(void (*report)(void *arg, const char *line), void *arg)
{
	unsigned n = load_acquire(&ncaches), found = 0;

	for (unsigned i = 0; i < n; i++)
		found += audit_cache(&caches[i], report, arg);
	return found;
}
