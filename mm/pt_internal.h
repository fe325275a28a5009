// SPDX-License-Identifier: MIT
/* What the files of the page-table module share. */
#pragma once

#include "mm/pt.h"

/* A fresh table's descriptor. */
void pt_table_init(struct page *t, int level);
/* Up to so many new tables, of level 0, of those that wait on this CPU for reuse; how many. */
unsigned pt_take_cached(struct page **tables, unsigned want);
/* Tables that wait, empty, for reuse; for audits. */
unsigned pt_cached_tables(void);
/* Like pt_own, but creates nothing: *out is the owned table of the lowest level >= `level` that exists. */
[[nodiscard]] int pt_own_existing(struct vm *vm, va_t va, int level, struct page **out);
/* dst (fresh, empty, same level) shares all that src has; both sides are write-protected. Under src's lock, or the
 * write lock of the only address space that has src. skip: a slot of src whose table the caller copies for dst, or nullptr. */
void pt_clone(struct page *dst, struct page *src, const struct pte *skip);

/* Has the page of an entry (level 0) a descriptor? A device's frame, which has none, is mapped shared and uncached, as memory
 * never is. Private pages pay one test for it. */
static inline bool pte_has_page(struct pte e)
{
	if (likely(!(pte_prot(e, 0) & P_SHARED)))
		return true;
	return !(pte_prot(e, 0) & (P_UNCACHED | P_DEVICE));
}

/* Fills an empty slot of table t, which is ours, under its lock: keeps used and groups right. */
static inline void pt_slot_fill(struct page *t, struct pte *slot, struct pte e)
{
	debug_assert(slot->raw == 0 && e.raw != 0);
	store_relaxed(&t->used, (u16)(t->used + 1));	/* vm_rss_look() reads it */
	t->groups |= 1ul << ((va_t)slot / (8 * sizeof(*slot)) % 64);
	store_release(&slot->raw, e.raw);
}

/* So many of n slots of an owned table, from `first` on, have been filled under its lock. A group may be marked too many. */
static inline void pt_slots_filled(struct page *t, unsigned first, unsigned n, unsigned filled)
{
	if (!filled)
		return;
	store_relaxed(&t->used, (u16)(t->used + filled));
	t->groups |= (2ul << (first + n - 1) / 8) - (1ul << first / 8);
}

/* The first slot from i on in a group that may have used ones; PT_SLOTS or more: there is none, or i was no slot. */
static inline unsigned next_used(const struct page *t, unsigned i)
{
	u64 used = t->groups >> (i / 8 % 64);

	if (likely(used & 1))
		return i;
	return used ? (i & ~7u) + 8 * (unsigned)__builtin_ctzl(used) : PT_SLOTS;
}

void page_make_fetchable(struct page *p);
/* Code must be fetchable before an entry that allows it is seen. */
static inline void page_sync_code(struct page *p, u32 prot)
{
	if (unlikely(prot & P_X) && !(load_acquire(&p->flags) & PG_CODE_SYNCED))
		page_make_fetchable(p);
}

/*
 * Walks down from t, an owned table of level l, through slots that are ours, to the slot of `level` for va; stops above it
 * at a slot that is shared, empty or a leaf. *stopped: the level of the slot that is returned. The relaxed loads are
 * ordered by the dependency of each on the one before.
 */
static inline struct pte *pt_walk_from(struct page *t, int l, va_t va, int level, int *stopped)
{
	struct pte *slots = pt_slots(t);

	for (; l > level; l--) {
		struct pte *slot = &slots[pt_index(va, l)];
		struct pte e = { load_dependent(&slot->raw) };

		if (unlikely(!pte_table_open(e))) {
			*stopped = l;
			return slot;
		}
		slots = direct_map(pte_table_pa(e));
	}
	*stopped = level;
	return &slots[pt_index(va, level)];
}

static inline struct pte *pt_walk(struct page *root, va_t va, int level, int *stopped)
{
	return pt_walk_from(root, PT_LEVELS - 1, va, level, stopped);
}

/* The table that a slot lies in. */
static inline struct page *pt_table_of(const struct pte *slot)
{
	return page_of((const void *)((va_t)slot & PAGE_MASK));
}

/* First slot of level `level` behind va, but not behind `end`. */
static inline va_t pt_slot_end(va_t va, int level, va_t end)
{
	u64 size = pt_slot_size(level);
	va_t next = (va & ~(size - 1)) + size;

	return next - 1 < end - 1 ? next : end;
}
