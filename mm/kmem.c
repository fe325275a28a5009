// SPDX-License-Identifier: MIT
/*
 * Small objects: caches and magazines. Each CPU has, for each cache, a magazine of free objects,
 * touched by that CPU only, with interrupts off; half a magazine moves to or from the slabs at a
 * time, under the cache's lock (slab.c).
 *
 * DEBUG (kmem_debug.h): a word behind each object says whether it is allocated, free objects are
 * filled with a pattern.
 *
 * Lock order: a cache's lock, then the page allocator's. Both with interrupts off.
 */
#include "mm/slab.h"
#include "mm/kmem_debug.h"
#include "lib/string.h"
#include "lib/printf.h"

constexpr unsigned CACHES_MAX = 96;
constexpr unsigned OBJECT_MAX = 8192;

/* All CPUs' magazines of a cache fill one page. */
static_assert(sizeof(struct magazine) * MAX_CPUS == PAGE_SIZE);

static struct slab_cache caches[CACHES_MAX];
static unsigned ncaches;		/* (a) */
static struct spinlock create_lock;

/* ---- Magazines ---- */

/* Interrupts off. Leaves `leave` objects in the magazine: the ones freed last, which are warm. */
static void flush_magazine(struct slab_cache *c, struct magazine *m, u64 leave)
{
	u64 n = m->count - leave;

	spin_lock(&c->lock);
	for (u64 i = 0; i < n; i++)
		slabs_put(c, m->objects[i]);
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

	slabs_take(c, m, max(c->limit / 2, 1u));
	bool any = m->count;

	spin_unlock_irq(&c->lock, flags);
	return any;
}

/* Another CPU or an interrupt may take what was just gained: so it loops. */
[[gnu::noinline]] static void *alloc_slow(struct slab_cache *c, u32 pa_flags)
{
	void *obj;

	while (!(obj = magazine_pop(c)))
		if (!refill(c) && !slabs_grow(c, pa_flags))
			return nullptr;
	kmem_debug_alloc(obj, c->size, c->stride, c->name);
	return obj;
}

/* ---- Objects ---- */

static inline void *alloc_from(struct slab_cache *c, u32 pa_flags)
{
	if (DEBUG_BUILD && page_fails_now(pa_flags))
		return nullptr;
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

struct slab_cache *slab_create(const char *name, size_t size, size_t align)
{
	assert(size <= OBJECT_MAX && (align & (align - 1)) == 0 && align <= PAGE_SIZE);
	size = max(size, sizeof(u64));	/* room for the free list's link */
	u32 stride = (u32)align_up(size + KMEM_DEBUG_TAIL, max(align, 16ul));
	struct page *p = page_alloc(0, PAGE_KERNEL, PA_ZERO);

	if (!p)
		panic("no memory for the object cache %s", name);
	scoped_spin(&create_lock);
	assert(ncaches < CACHES_MAX);
	struct slab_cache *c = &caches[ncaches];

	*c = (struct slab_cache){
		.magazines = page_address(p), .name = name, .size = size, .stride = stride,
		.limit = size <= 512 ? MAGAZINE - 1 : size <= 2048 ? 16 : 8,
	};
	slabs_init(c);
	store_release(&ncaches, ncaches + 1);
	return c;
}

/* Gives back empty slabs, after this CPU's magazine. */
static u64 shrink_cache(struct slab_cache *c)
{
	u64 flags = irq_save(), slabs = load_relaxed(&c->slabs), freed;

	flush_magazine(c, &c->magazines[cpu_id()], 0);
	spin_lock(&c->lock);
	slabs_shrink(c);
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

static unsigned audit_cache(struct slab_cache *c, void (*report)(void *, const char *), void *arg)
{
	u64 flags = spin_lock_irq(&c->lock);
	bool sound = slabs_sound(c);
	char line[80];

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
