// SPDX-License-Identifier: MIT
/*
 * Edits of ranges: taking out, and looking through one. All but pt_drop() under vm->lock for
 * writing, so that nobody else walks this address space's owned tables, and no table locks are needed: a
 * frozen table is never edited, only let go of or, where a range covers it partly, copied first. Rights
 * are in pt_protect.c, moves in pt_move.c.
 *
 * Every edit is decoded first: pt_prepare() and pt_prepare_leaves() make the paths that will be edited our own, and may fail;
 * what follows cannot.
 */
#include "mm/pt.h"
#include "mm/block.h"
#include "mm/pt_internal.h"
#include "mm/swap.h"
#include "mm/vm.h"

/* The level down to which the path to an edge must be ours: tables that the edge cuts. */
static int edge_level(va_t edge)
{
	int level = 0;

	while (level < PT_LEVELS - 1 && is_aligned(edge, pt_slot_size(level + 1)))
		level++;
	return level;
}

/* Level of the lowest table that holds all of [start, end). */
static int common_level(va_t start, va_t end)
{
	u64 differ = start ^ (end - 1);

	return differ < pt_slot_size(1) ? 0 : (63 - __builtin_clzl(differ) - PAGE_SHIFT) / 9;
}

static inline bool covers(va_t va, va_t end, int level)
{
	return is_aligned(va, pt_slot_size(level)) && end - va >= pt_slot_size(level);
}

/* Are these eight slots empty? */
static inline bool group_empty(const struct pte *slots)
{
	u64 any = 0;

	for (unsigned i = 0; i < 8; i++)
		any |= slots[i].raw;
	return !any;
}

/* Of the range [va, end) in one table: where in it slot i begins, and the next one. */
static inline va_t slot_begin(va_t va, int level, unsigned i)
{
	return max(va, (va & ~(pt_slot_size(level + 1) - 1)) + i * pt_slot_size(level));
}

static inline va_t slot_next(va_t va, int level, unsigned i, va_t end)
{
	return min(end, slot_begin(va, level, i + 1));
}

/* From an empty slot i on. Where the groups say more than there is they are put right, so nobody looks there in vain again. */
[[gnu::noinline]] static unsigned skip_empty(struct page *t, const struct pte *slots, unsigned i, unsigned last)
{
	while ((i = next_used(t, i)) <= last) {
		if (group_empty(slots + (i & ~7u))) {
			t->groups &= ~BIT(i / 8);
			continue;
		}
		do {
			if (slots[i].raw)
				return i;
		} while (++i % 8 && i <= last);
	}
	return i;
}

/* The first used slot in [i, last] of a table that is ours alone; above last: there is none. */
static inline unsigned find_used(struct page *t, const struct pte *slots, unsigned i, unsigned last)
{
	i = next_used(t, i);
	return likely(i > last || slots[i].raw) ? i : skip_empty(t, slots, i, last);
}

/* The same in a frozen table. A slot of level 1 is empty for a moment while another space that shares the table splits a block,
 * under the table's lock. */
[[gnu::noinline]] static unsigned find_used_frozen(struct page *t, const struct pte *slots, unsigned i, unsigned last)
{
	scoped_spin(&t->lock);
	while ((i = next_used(t, i)) <= last && !slots[i].raw)
		i++;
	return i;
}

/* Is nothing mapped in the range? Below t, which may be frozen, unless it is `ours`: what is empty there stays so. */
static bool range_empty(struct page *t, bool ours, va_t va, va_t end)
{
	int level = t->level;
	const struct pte *slots = pt_slots(t);
	unsigned i = pt_index(va, level), last = pt_index(end - 1, level);

	if (!level && !t->used)
		return false;		/* the table itself: pt_drop() */
	for (; (i = ours ? find_used(t, slots, i, last) : find_used_frozen(t, slots, i, last)) <= last; i++) {
		struct pte e = pte_load(&slots[i]);

		if (!level || pte_kind(e, level) != PTE_TABLE)
			return false;
		va_t from = slot_begin(va, level, i), to = slot_next(va, level, i, end);

		if (to - from == pt_slot_size(level) ||
		    !range_empty(pa_page(pte_table_pa(e)), ours && pte_writable(e, level), from, to))
			return false;
	}
	return true;
}

/* Is nothing mapped in a range of this table, by its groups? A table that pt_drop() has left empty is something: it goes now. */
static inline bool table_part_empty(const struct page *t, const struct pte *slot, va_t start, va_t end)
{
	if (unlikely(!t->used))
		return false;
	return (end - start == PAGE_SIZE && !slot->raw) ||
	       next_used(t, pt_index(start, t->level)) > pt_index(end - 1, t->level);
}

/* Is the range ready to be edited: from the table *low down, or (nullptr) because nothing is mapped there? */
[[gnu::always_inline]] static inline bool range_ready(struct page *root, va_t start, va_t end, int level, struct page **low)
{
	int stopped;
	struct pte *slot = pt_walk(root, start, level, &stopped);

	*low = nullptr;
	if (stopped != level)
		return !slot->raw;
	struct page *t = pt_table_of(slot);

	if (table_part_empty(t, slot, start, end))
		return true;
	*low = t;
	return !level;		/* else an edge may cut a table further down, or its groups say more than there is */
}

[[nodiscard]] static int own_edges(struct vm *vm, va_t start, va_t end)
{
	struct page *t;
	int first = edge_level(start), last = edge_level(end), err = 0;

	if (first < PT_LEVELS - 1)
		err = pt_own_existing(vm, start, first, &t);
	/* A range within one table has both edges in it. */
	if (err || last == PT_LEVELS - 1 || (first == 0 && common_level(start, end) == 0))
		return err;
	return pt_own_existing(vm, end, last, &t);
}

/* For a range of several tables, or below a shared one. */
[[gnu::noinline]] static int prepare_edges(struct vm *vm, va_t start, va_t end, struct page **low)
{
	if (range_empty(*low ? *low : vm->root, true, start, end)) {
		*low = nullptr;
		return 0;
	}
	if (*low && is_aligned(start | end, pt_slot_size((*low)->level)))
		return 0;
	int err = own_edges(vm, start, end);

	/* What is covered wholly may still be shared, also all of it: then it goes from the root. */
	if (!err && !range_ready(vm->root, start, end, common_level(start, end), low) && !*low)
		*low = vm->root;
	return err;
}

/* The same where, as a rule, only neighbours in the same groups of slots are in use. */
[[gnu::noinline]] static int prepare_groups(struct vm *vm, va_t start, va_t end, struct page **low)
{
	struct page *t = *low ? *low : vm->root;
	unsigned last = pt_index(end - 1, t->level);

	if (find_used(t, pt_slots(t), pt_index(start, t->level), last) <= last)
		return prepare_edges(vm, start, end, low);
	*low = nullptr;
	return 0;
}

/* For a range that no table of pages holds. */
[[gnu::noinline]] static int prepare_wide(struct vm *vm, va_t start, va_t end, struct page **low)
{
	bool ready = range_ready(vm->root, start, end, common_level(start, end), low);

	return ready ? 0 : prepare_groups(vm, start, end, low);
}

int pt_prepare(struct vm *vm, va_t start, va_t end, struct page **low)
{
	if (unlikely(common_level(start, end)))
		return prepare_wide(vm, start, end, low);
	return likely(range_ready(vm->root, start, end, 0, low)) ? 0 : prepare_groups(vm, start, end, low);
}

static void unmap_table(struct tlb_batch *b, struct page *t, va_t va, va_t end);

static void unmap_page(struct tlb_batch *b, struct page *t, unsigned index, struct pte e, va_t va)
{
	pt_slot_clear(t, index);
	if (likely(pte_kind(e, 0) == PTE_LEAF)) {
		tlb_add_range(b, va, va + PAGE_SIZE);
		if (likely(pte_has_page(e)))
			tlb_add_page(b, pa_page(pte_pa(e, 0)));
	} else if (pte_kind(e, 0) == PTE_SWAP) {
		store_relaxed(&t->swapped, (u16)(t->swapped - 1));
		swap_put((u32)pte_payload(e));	/* no CPU has it cached: nothing to wait for */
	}
}

/* What of slot `index`, above level 0, lies in [va, end). */
static void unmap_slot(struct tlb_batch *b, struct page *t, unsigned index, struct pte e, va_t va, va_t end)
{
	int level = t->level;

	if (pte_kind(e, level) != PTE_TABLE) {
		pt_slot_clear(t, index);
		tlb_add_block_range(b, va);
		tlb_add_block(b, pa_page(pte_pa(e, level)));
		return;
	}
	struct page *child = pa_page(pte_table_pa(e));

	if (!covers(va, end, level)) {
		assert(pte_writable(e, level));	/* pt_prepare owned it */
		unmap_table(b, child, va, end);
		if (child->used)
			return;
	}
	pt_slot_clear(t, index);
	b->tables = true;
	tlb_add_range(b, align_down(va, pt_slot_size(level)), end);
	tlb_add_page(b, child);
}

static void unmap_pages(struct tlb_batch *b, struct page *t, va_t va, va_t end)
{
	const struct pte *slots = pt_slots(t);
	unsigned first = pt_index(va, 0), last = pt_index(end - 1, 0);

	for (unsigned i = first; t->used && (i = find_used(t, slots, i, last)) <= last; i++)
		unmap_page(b, t, i, pte_load(&slots[i]), va + ((va_t)(i - first) << PAGE_SHIFT));
}

static void unmap_table(struct tlb_batch *b, struct page *t, va_t va, va_t end)
{
	int level = t->level;
	const struct pte *slots = pt_slots(t);
	unsigned i = pt_index(va, level), last = pt_index(end - 1, level);

	if (!level) {
		unmap_pages(b, t, va, end);
		return;
	}
	for (; t->used && (i = find_used(t, slots, i, last)) <= last; i++)
		unmap_slot(b, t, i, pte_load(&slots[i]), slot_begin(va, level, i), slot_next(va, level, i, end));
}

void pt_unmap_prepared(struct tlb_batch *b, struct page *low, va_t start, va_t end)
{
	if (!low)
		return;
	vm_rss_note(b->vm);
	unmap_table(b, low, start, end);
	if (!low->used)		/* it must go, too */
		unmap_table(b, b->vm->root, start, end);
}

/* Flushed and let go of before others may fill the slots again: law 11. */
bool pt_drop(struct vm *vm, va_t start, va_t end)
{
	struct tlb_batch b;
	int stopped;
	struct pte *slot = pt_walk(vm->root, start, 0, &stopped);

	struct page *t = pt_table_of(slot);

	if (stopped) {
		scoped_spin(&t->lock);		/* what a fault replaces is empty for a moment (law 11) */
		return !slot->raw;
	}
	vm_rss_note(vm);
	tlb_begin(&b, vm);
	scoped_spin(&t->lock);
	unmap_table(&b, t, start, end);
	tlb_finish(&b);
	return true;
}

int pt_unmap(struct tlb_batch *b, va_t start, va_t end)
{
	struct page *low;
	int err = pt_prepare(b->vm, start, end, &low);

	if (!err)
		pt_unmap_prepared(b, low, start, end);
	return err;
}

[[gnu::noinline]] static int prepare_tables(struct vm *vm, va_t start, va_t end, bool blocks)
{
	for (va_t va = start; va < end;) {
		struct page *t;
		int level, err = 0;

		if (pt_walk(vm->root, va, 0, &level)->raw && level) {
			err = blocks && covers(va, end, 1) ? pt_own_block(vm, va, false, &t) :
							     pt_own_existing(vm, va, 0, &t);
			level = t->level;
		}
		if (err)
			return err;
		/* Where a path ends early, all that its empty slot covers is done. */
		va = pt_slot_end(va, level ? level : 1, end);
	}
	return 0;
}

int pt_prepare_leaves(struct vm *vm, va_t start, va_t end, bool blocks, struct pte **first)
{
	int level;
	struct pte *slot = pt_walk(vm->root, start, 0, &level);

	*first = level || common_level(start, end) ? nullptr : slot;
	return likely(*first) ? 0 : prepare_tables(vm, start, end, blocks);
}

static int visit_table(struct page *t, va_t va, va_t end,
		       int (*fn)(void *arg, va_t va, struct pte e, int level), void *arg)
{
	int level = t->level, stop = 0;
	unsigned i = pt_index(va, level), last = pt_index(end - 1, level);

	for (; !stop && (i = next_used(t, i)) <= last; i++) {
		struct pte e = pte_load(&pt_slots(t)[i]);
		enum pte_kind kind = pte_kind(e, level);
		va_t from = slot_begin(va, level, i);

		if (kind == PTE_TABLE)
			stop = visit_table(pa_page(pte_table_pa(e)), from, slot_next(va, level, i, end), fn, arg);
		else if (kind != PTE_EMPTY)
			stop = fn(arg, from, e, level);
	}
	return stop;
}

int pt_for_each(struct vm *vm, va_t start, va_t end,
		int (*fn)(void *arg, va_t va, struct pte e, int level), void *arg)
{
	debug_assert(rwlock_is_write_locked(&vm->lock));
	return visit_table(vm->root, start, end, fn, arg);
}
