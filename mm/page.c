// SPDX-License-Identifier: MIT
/*
 * Page frames: the fast paths, reclaim, counters.
 *
 * Each CPU has two batches of single pages, as in Bonwick's magazines (2001): `loaded`, from
 * which it allocates and to which it frees, and `spare`, empty or full. A CPU that goes back and
 * forth over the edge of a batch swaps the two, and only a run of more than a batch in one
 * direction takes the allocator's lock, to push or pop a whole batch.
 *
 * A CPU's lists are touched by that CPU only, with interrupts off: interrupt handlers allocate
 * too.
 */
#include "mm/page_buddy.h"
#include "lib/string.h"
#include "arch/arch.h"

constexpr int RECLAIM_ROUNDS = 64;	/* each has freed something, which may have gone to the reserve */
constexpr u8 POISON = 0x6b;

/* (c) this CPU only, interrupts off; others read the counters. */
static struct page_cpu {
	alignas(2 * CACHE_LINE)
	struct page *loaded;		/* (c) */
	u64 count;			/* (c) pages in loaded, at most PAGE_BATCH */
	struct page *spare;		/* (c) a full batch, or nullptr */
	u64 allocs[PAGE_KINDS];		/* (c) pages ever allocated, by kind */
	u64 frees[PAGE_KINDS];		/* (c) pages ever freed; may exceed this CPU's allocs */
} page_cpus[MAX_CPUS];

static u64 keep_pages;			/* (i) below: PA_NOWAIT and PA_RESERVE only */
static u64 low_pages, high_pages;	/* (i) background reclaim begins, ends */
static u64 fail_in;			/* (a) allocations until one fails; 0: never */
static u64 failed;			/* (a) how many have failed so */
static bool failed_on_purpose;		/* (a) one that nobody does without has; page_reclaim() takes note */
static struct shrinker *shrinkers;	/* (a) pushed at boot, in rising order */
void (*page_low_hook)(void);

constexpr int ORDER_KILL = 9;		/* shrinkers from here on kill */

void page_set_keep(u64 pages)
{
	u64 step = min(page_ram.managed / 64, 4096ul);

	keep_pages = pages;
	low_pages = pages + step;
	high_pages = low_pages + step;
}

/* ---- Poison: DEBUG builds only ---- */

static void poison(struct page *p, unsigned order)
{
	if (!DEBUG_BUILD)
		return;
	memset(page_address(p), POISON, PAGE_SIZE << order);
	for (struct page *end = p + (1ul << order); p < end; p++)
		store_relaxed(&p->flags, PG_POISONED);
}

static void check_poison(struct page *p, unsigned order)
{
	if (!DEBUG_BUILD)
		return;
	for (struct page *end = p + (1ul << order); p < end; p++) {
		char *page = page_address(p), *bad = nullptr;

		if (p->flags & PG_POISONED)
			bad = mem_other(page, POISON, PAGE_SIZE);
		if (bad)
			panic("free page %#lx was written at offset %#zx: %#x", page_pa(p).v,
			      (size_t)(bad - page), (u8)*bad);
		store_relaxed(&p->flags, 0);
	}
}

/* ---- This CPU's lists; interrupts off ---- */

/* True when `loaded` has a page now. */
static bool refill(struct page_cpu *c, u64 keep)
{
	u32 n = PAGE_BATCH;

	c->loaded = c->spare;
	c->spare = nullptr;
	if (!c->loaded)
		c->loaded = buddy_take_batch(keep, &n);
	c->count = c->loaded ? n : 0;
	return c->loaded;
}

static void rotate(struct page_cpu *c)
{
	if (c->spare)
		buddy_give_batch(c->spare);
	c->spare = c->loaded;
	c->loaded = nullptr;
	c->count = 0;
}

static inline struct page *take_loaded(struct page_cpu *c, enum page_kind kind)
{
	struct page *p = c->loaded;

	if (likely(p)) {
		c->loaded = p->next;
		c->count--;
		c->allocs[kind]++;
	}
	return p;
}

/* Gives this CPU's lists to the buddy allocator, so that they can be merged. */
static void drain_local(void)
{
	u64 flags = irq_save();
	struct page_cpu *c = &page_cpus[cpu_id()];

	buddy_give_pages(c->loaded);
	buddy_give_pages(c->spare);
	c->loaded = c->spare = nullptr;
	c->count = 0;
	irq_restore(flags);
}

/* ---- Allocation ---- */

static u64 pages_to_keep(u32 flags)
{
	if (flags & PA_PLENTY)
		return keep_pages + page_ram.managed / 16;
	if (flags & (PA_RESERVE | PA_NOWAIT))
		return flags & PA_RESERVE ? 0 : keep_pages / 2;
	/* Who may hold locks that the reclaimer needs goes a little further than a fault, which lets go. */
	return flags & PA_TRY ? keep_pages : keep_pages - keep_pages / 4;
}

static struct page *take_single(enum page_kind kind)
{
	u64 irq = irq_save();
	struct page_cpu *c = &page_cpus[cpu_id()];
	struct page *p = nullptr;

	if (c->loaded || refill(c, keep_pages))
		p = take_loaded(c, kind);
	irq_restore(irq);
	return p;
}

static struct page *take_block(unsigned order, enum page_kind kind, u32 flags)
{
	struct page *p = buddy_alloc(order, pages_to_keep(flags));

	if (!p) {
		drain_local();
		p = buddy_alloc(order, pages_to_keep(flags));
	}
	if (p) {
		u64 irq = irq_save();

		page_cpus[cpu_id()].allocs[kind] += 1ul << order;
		irq_restore(irq);
	}
	return p;
}

/* unlocked: the caller holds no lock. */
static u64 reclaim(u64 want, int below, bool unlocked)
{
	u64 freed = 0;

	for (struct shrinker *s = load_acquire(&shrinkers); s && freed < want && s->order < below;
	     s = s->next) {
		/* Nobody is killed while anything else comes free, or somebody's end has just
		 * freed enough. */
		if (s->order >= ORDER_KILL && !freed && page_has_room(want))
			freed = want;
		else if (s->order < ORDER_KILL || !freed)
			freed += (unlocked && s->shrink_unlocked ? s->shrink_unlocked : s->shrink)(want - freed);
	}
	drain_local();		/* what came free makes up for what was taken of the reserve */
	return freed;
}

bool page_is_low(void) { return buddy_free_pages() < low_pages; }
bool page_has_room(u64 want) { return buddy_free_pages() > keep_pages + want; }
bool page_reserve_is_low(void) { return buddy_free_pages() < keep_pages / 2; }

bool page_reclaim(u64 want)
{
	/* What was made to fail must be seen to. */
	if (unlikely(load_relaxed(&failed_on_purpose)) &&
	    __atomic_exchange_n(&failed_on_purpose, false, __ATOMIC_RELAXED))
		return false;
	return page_has_room(want) || reclaim(want, ORDER_KILL + 1, true);
}

bool page_reclaim_background(void)
{
	u64 free = buddy_free_pages();

	return free < high_pages && reclaim(min(high_pages - free, 4ul * PAGE_BATCH), ORDER_KILL, true);
}

void page_watermarks(struct page_watermarks *out)
{
	*out = (struct page_watermarks){ keep_pages, low_pages, high_pages };
}

bool page_fails_now(u32 flags)
{
	u64 n = load_relaxed(&fail_in);

	while (unlikely(n) && !__atomic_compare_exchange_n(&fail_in, &n, n - 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	if (likely(n != 1))
		return false;
	__atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
	if (!(flags & (PA_NOWAIT | PA_RESERVE | PA_PLENTY)))
		store_relaxed(&failed_on_purpose, true);
	return true;
}

/* Not seen to return what it is given: so that page_alloc jumps here and needs no stack frame. */
[[gnu::noinline]] static struct page *cleared(struct page *p)
{
	arch_page_clear(page_address(p));
	__asm__("" : "+r"(p));
	return p;
}

static void clear_block(struct page *p, unsigned order)
{
	for (struct page *end = p + (1ul << order); p < end; p++)
		arch_page_clear(page_address(p));
}

/* A page that was taken off the lists becomes the caller's. */
static inline void begin_life(struct page *p, unsigned order, enum page_kind kind)
{
	check_poison(p, order);
	page_set_head(p, 1, kind, order);
	p->object = nullptr;
	p->index = 0;
	p->aux = p->aux2 = 0;
}

/* Everything but a single page from a list that has one. */
[[gnu::noinline]] static struct page *alloc_slow(unsigned order, enum page_kind kind, u32 flags)
{
	struct page *p = nullptr;

	assert(order <= PAGE_ORDER_MAX && kind > PAGE_RESERVED && kind < PAGE_KINDS);
	if (page_fails_now(flags))
		return nullptr;
	for (int round = 0; round < RECLAIM_ROUNDS; round++) {
		p = order ? nullptr : take_single(kind);
		/* Of the reserve one page at a time: what is in a CPU's list is anybody's. */
		if (!p && (order || !(flags & PA_TRY)))
			p = take_block(order, kind, flags);
		if (p || flags & (PA_NOWAIT | PA_RESERVE | PA_PLENTY | PA_TRY))
			break;
		if (!reclaim(max(1ul << order, (u64)PAGE_BATCH), ORDER_KILL + 1, false))
			break;
	}
	if (unlikely(page_is_low()) && !(flags & (PA_NOWAIT | PA_RESERVE)) && page_low_hook)
		page_low_hook();
	if (p) {
		begin_life(p, order, kind);
		if (flags & PA_ZERO)
			clear_block(p, order);
	}
	return p;
}

struct page *page_alloc(unsigned order, enum page_kind kind, u32 flags)
{
	if (likely(order == 0 && load_relaxed(&fail_in) == 0)) {
		u64 irq = irq_save();
		struct page *p = take_loaded(&page_cpus[cpu_id()], kind);

		irq_restore(irq);
		if (likely(p)) {
			begin_life(p, 0, kind);
			return flags & PA_ZERO ? cleared(p) : p;
		}
	}
	return alloc_slow(order, kind, flags);
}

/* ---- Freeing ---- */

/* Not marked noreturn: so that page_free jumps here and needs no stack frame. */
[[gnu::cold, gnu::noinline]] static void bad_free(const struct page *p)
{
	panic("page %#lx is freed, but it is %s (kind %u, refs %u)", page_pa(p).v,
	      p->kind == PAGE_FREE ? "free" : "not ours to free", p->kind, p->refs);
}

[[gnu::noinline]] static void free_block(struct page *p, enum page_kind kind)
{
	unsigned order = p->order;
	u64 irq = irq_save();

	page_cpus[cpu_id()].frees[kind] += 1ul << order;
	irq_restore(irq);
	page_set_head(p, 0, PAGE_FREE, 0);
	poison(p, order);
	buddy_free(p, order);
}

static inline void put_loaded(struct page_cpu *c, struct page *p, enum page_kind kind)
{
	p->next = c->loaded;
	c->loaded = p;
	c->count++;
	c->frees[kind]++;
}

[[gnu::noinline]] static void free_rotating(struct page *p, enum page_kind kind)
{
	u64 irq = irq_save();
	struct page_cpu *c = &page_cpus[cpu_id()];

	if (c->count == PAGE_BATCH)
		rotate(c);
	put_loaded(c, p, kind);
	irq_restore(irq);
}

void page_free(struct page *p)
{
	enum page_kind kind = p->kind;

	if (unlikely(kind <= PAGE_RESERVED || (DEBUG_BUILD && p->refs > 1)))
		return bad_free(p);
	if (unlikely(p->order))
		return free_block(p, kind);
	page_set_head(p, 0, PAGE_FREE, 0);
	poison(p, 0);
	u64 irq = irq_save();
	struct page_cpu *c = &page_cpus[cpu_id()];

	if (unlikely(c->count == PAGE_BATCH)) {
		irq_restore(irq);
		return free_rotating(p, kind);
	}
	put_loaded(c, p, kind);
	irq_restore(irq);
}

/* Interrupts off. Frees single pages of the first one's kind until the batch is full; returns
 * the rest. */
static struct page *free_run(struct page_cpu *c, struct page *p)
{
	u32 type = (u16)(p->head >> 32);	/* kind, and order 0 */
	struct page *loaded = c->loaded;
	u64 n = c->count;

	while (n < PAGE_BATCH && p && (u16)(p->head >> 32) == type) {
		struct page *next = p->next;

		debug_assert(p->refs <= 1);
		page_set_head(p, 0, PAGE_FREE, 0);
		poison(p, 0);
		p->next = loaded;
		loaded = p;
		p = next;
		n++;
	}
	c->frees[type] += n - c->count;
	c->loaded = loaded;
	c->count = n;
	return p;
}

void page_free_chain(struct page *p)
{
	while (p) {
		if (unlikely(p->kind <= PAGE_RESERVED || p->order)) {
			struct page *next = p->next;

			page_free(p);
			p = next;
			continue;
		}
		u64 irq = irq_save();
		struct page_cpu *c = &page_cpus[cpu_id()];

		if (c->count == PAGE_BATCH)
			rotate(c);
		p = free_run(c, p);
		irq_restore(irq);
	}
}

void page_split(struct page *p)
{
	struct page *end = p + (1ul << p->order);

	p->order = 0;
	for (struct page *q = p + 1; q < end; q++) {
		store_relaxed(&q->head, p->head);
		q->object = nullptr;
		q->index = 0;
		q->aux = q->aux2 = 0;
	}
}

/* ---- Reclaim, counters ---- */

void shrinker_register(struct shrinker *s)
{
	struct shrinker **at = &shrinkers;

	while (*at && (*at)->order <= s->order)
		at = &(*at)->next;
	s->next = *at;
	store_release(at, s);
}

u64 page_cpu_free(void)
{
	u64 n = 0;

	for (const struct page_cpu *c = page_cpus; c < page_cpus + MAX_CPUS; c++)
		n += load_relaxed(&c->count) + (load_relaxed(&c->spare) ? PAGE_BATCH : 0);
	return n;
}

void page_frames(u64 *first, u64 *end)
{
	*first = page_ram.first;
	*end = page_ram.end;
}

void page_stats(struct page_stats *out)
{
	*out = (struct page_stats){ .total = page_ram.managed };
	for (const struct page_cpu *c = page_cpus; c < page_cpus + MAX_CPUS; c++)
		for (unsigned k = 0; k < PAGE_KINDS; k++) {
			u64 allocs = load_relaxed(&c->allocs[k]);
			u64 frees = load_relaxed(&c->frees[k]);

			out->kind[k] += allocs - frees;
			out->allocs += allocs;
			out->frees += frees;
		}
	out->free = buddy_free_pages() + page_cpu_free();
	out->kind[PAGE_FREE] = out->free;
	out->kind[PAGE_RESERVED] = page_ram.ram - page_ram.managed;
}

void page_fail_at(u64 n)
{
	store_relaxed(&failed_on_purpose, false);
	store_relaxed(&fail_in, n);
}

u64 page_failed(void) { return load_relaxed(&failed); }
