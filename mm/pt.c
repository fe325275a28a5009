// SPDX-License-Identifier: MIT
/*
 * Tables: making them, letting go of them, their slots.
 *
 * A table's descriptor counts its used slots and keeps one bit for each group of eight that may hold some, so
 * that copying or freeing a sparse table looks at few cache lines. A table is let go of with all its slots
 * cleared, and some such tables wait on a per-CPU list: a new table then costs no clearing.
 *
 * pt_share.c shares and unshares tables, pt_range.c edits ranges, pt_move.c moves them, pt_check.c checks the laws.
 */
#include "mm/pt.h"
#include "lib/string.h"
#include "mm/block.h"
#include "mm/pt_internal.h"
#include "mm/swap.h"
#include "mm/vm.h"

constexpr unsigned TABLE_CACHE = 16;

static struct table_cache {
	unsigned count;
	struct page *tables[TABLE_CACHE];	/* all slots empty, refs 0 */
} table_caches[MAX_CPUS];

/* False: no room. */
static bool table_cache_give(struct page *t)
{
	bool taken = false;

	preempt_disable();
	struct table_cache *c = &table_caches[cpu_id()];
	if (c->count < TABLE_CACHE) {
		store_relaxed(&t->refs, 0);	/* others may still look whether it is theirs alone */
		c->tables[c->count++] = t;
		taken = true;
	}
	preempt_enable();
	return taken;
}

unsigned pt_cached_tables(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_CPUS; i++)
		n += load_relaxed(&table_caches[i].count);
	return n;
}

void pt_table_init(struct page *t, int level)
{
	t->level = (u8)level;
	t->groups = 0;
	t->lock = (struct spinlock){};
	t->used = 0;
	t->swapped = 0;
}

unsigned pt_take_cached(struct page **tables, unsigned want)
{
	preempt_disable();
	struct table_cache *c = &table_caches[cpu_id()];
	unsigned n = min(want, c->count);

	for (unsigned i = 0; i < n; i++) {
		struct page *t = c->tables[--c->count];

		store_relaxed(&t->refs, 1);
		pt_table_init(t, 0);
		tables[i] = t;
	}
	preempt_enable();
	return n;
}

struct page *pt_new(int level, u32 flags)
{
	struct page *t;

	if (DEBUG_BUILD && page_fails_now(flags))
		return nullptr;

	if (!pt_take_cached(&t, 1)) {
		t = page_alloc(0, PAGE_TABLE, flags | PA_ZERO);
		if (!t)
			return nullptr;
		pt_table_init(t, 0);
	}
	t->level = (u8)level;
	return t;
}

/* Two functions let go of what a slot held, its flush being over. */
static inline void upper_put(struct pte e, int level)
{
	if (likely(pte_kind(e, level) == PTE_TABLE))
		pt_put(pa_page(pte_table_pa(e)));
	else
		block_put(pa_page(pte_pa(e, level)));
}

/* A page nobody else has goes to the chain, whose new start is returned. frames: of address 0, which each entry would look up
 * again. */
static inline struct page *leaf_put(struct pte e, struct page *chain, struct page *frames)
{
	if (unlikely(!pte_has_page(e)))
		return chain;
	struct page *p = frames + (pte_pa(e, 0).v >> PAGE_SHIFT);

	if (!page_is_counted(p))
		return chain;
	if (load_acquire(&p->refs) != 1 && __atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return chain;
	p->next = chain;
	return p;
}

/* Of level 0: a swap entry, or a page that nobody may use. */
[[gnu::noinline]] static struct page *absent_entry_put(struct pte e, struct page *chain, struct page *frames)
{
	if (pte_kind(e, 0) != PTE_SWAP)
		return leaf_put(e, chain, frames);
	swap_put((u32)pte_payload(e));
	return chain;
}

/* Level 0. */
static inline struct page *page_entry_put(struct pte e, struct page *chain, struct page *frames)
{
	return unlikely(pte_absent(e)) ? absent_entry_put(e, chain, frames) : leaf_put(e, chain, frames);
}

/* Eight slots. Returns the chain. */
[[gnu::always_inline]] static inline struct page *group_clear(struct pte *slots, int level, struct page *chain,
								       struct page *frames)
{
#pragma clang loop unroll(full)
	for (unsigned i = 0; i < 8; i++) {
		struct pte e = slots[i];

		if (!e.raw)
			continue;
		slots[i].raw = 0;
		if (level)
			upper_put(e, level);
		else
			chain = page_entry_put(e, chain, frames);
	}
	return chain;
}

static void table_clear(struct page *t)
{
	struct page *chain = nullptr, *frames = pa_page((struct pa){ 0 });
	struct pte *slots = pt_slots(t);
	int level = t->level;

	for (u64 groups = t->groups; groups; groups &= groups - 1) {
		unsigned first = 8 * (unsigned)__builtin_ctzl(groups);

		if (level)
			group_clear(slots + first, level, nullptr, frames);
		else
			chain = group_clear(slots + first, 0, chain, frames);
	}
	if (chain)
		page_free_chain(chain);
}

/* The last reference is gone. */
[[gnu::noinline]] static void table_free(struct page *t)
{
	table_clear(t);
	if (t->level == PT_LEVELS - 1)
		arch_root_clear(pt_slots(t));
	if (!table_cache_give(t)) {
		store_relaxed(&t->refs, 1);
		page_free(t);
	}
}

void pt_put(struct page *t)
{
	debug_assert(t->kind == PAGE_TABLE && page_refs(t) > 0);
	if (load_acquire(&t->refs) == 1 || __atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) == 1)
		table_free(t);
}

void pt_slot_set(struct page *t, unsigned index, struct pte e)
{
	pt_slot_fill(t, &pt_slots(t)[index], e);
}

void pt_slot_clear(struct page *t, unsigned index)
{
	struct pte *slot = &pt_slots(t)[index];

	debug_assert(slot->raw != 0 && t->used > 0);
	store_release(&slot->raw, 0);
	store_relaxed(&t->used, (u16)(t->used - 1));
	if (t->used == 0)
		t->groups = 0;
}

void page_make_fetchable(struct page *p)
{
	arch_sync_code(page_address(p), PAGE_SIZE);
	__atomic_fetch_or(&p->flags, PG_CODE_SYNCED, __ATOMIC_RELEASE);
}

struct page *pt_owned(struct vm *vm, va_t va, int level)
{
	int stopped;
	struct pte *slot = pt_walk(vm->root, va, level, &stopped);

	return stopped == level ? pt_table_of(slot) : nullptr;
}

struct pte pt_lookup(struct vm *vm, va_t va, int *level)
{
	struct page *t = vm->root;

	debug_assert(rwlock_is_write_locked(&vm->lock));
	for (;;) {
		struct pte e = pte_load(&pt_slots(t)[pt_index(va, t->level)]);
		enum pte_kind kind = pte_kind(e, t->level);

		if (kind == PTE_TABLE) {
			t = pa_page(pte_table_pa(e));
			continue;
		}
		*level = t->level;
		return e;
	}
}
