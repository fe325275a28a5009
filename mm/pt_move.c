// SPDX-License-Identifier: MIT
/*
 * Moving the entries of a range to another address (mremap), a table at a time where both places allow it. Under vm->lock for
 * writing, as in pt_range.c: both paths are made our own first, which may fail; then slots are moved.
 */
#include "mm/pt.h"
#include "mm/pt_internal.h"
#include "mm/vm.h"

/* One step of a move: slots of level 1 (tables of 512 pages) where both places are aligned, else pages; up to the end of
 * a table on either side. Returns its length in bytes. */
static u64 move_step(va_t from, va_t to, u64 len, int *level)
{
	u64 slot = pt_slot_size(1);

	*level = is_aligned(from, slot) && is_aligned(to, slot) && len >= slot;
	if (*level)
		len = align_down(len, slot);
	u64 table = pt_slot_size(*level + 1);

	return min(len, min(table - (from & (table - 1)), table - (to & (table - 1))));
}

/* A move that found no memory may have left an empty table where nothing is mapped. */
static void drop_leftover(struct tlb_batch *b, struct page *t, va_t va)
{
	unsigned i = pt_index(va, t->level);
	struct pte e = pte_load(&pt_slots(t)[i]);

	if (likely(!e.raw))
		return;
	struct page *child = pa_page(pte_table_pa(e));

	debug_assert(pte_kind(e, t->level) == PTE_TABLE && child->used == 0);
	pt_slot_clear(t, i);
	b->tables = true;
	tlb_add_range(b, va, va + pt_slot_size(t->level));
	tlb_add_page(b, child);
	tlb_finish(b);		/* before another entry takes the place: law 11 */
}

static void move_slot(struct tlb_batch *b, struct page *from, struct page *to, va_t va, va_t dest)
{
	unsigned i = pt_index(va, from->level);
	struct pte e = pte_load(&pt_slots(from)[i]);

	if (!e.raw)
		return;
	drop_leftover(b, to, dest);
	pt_slot_clear(from, i);
	pt_slot_set(to, pt_index(dest, to->level), e);
	if (pte_kind(e, from->level) == PTE_SWAP) {
		from->swapped--;
		to->swapped++;
	}
	tlb_add_range(b, va, va + pt_slot_size(from->level));
	if (from->level)
		b->tables = true;
}

/* Owns both sides' paths for the steps of a move; what is missing at the source is nothing to move. */
[[nodiscard]] static int move_prepare(struct vm *vm, va_t from, va_t to, u64 len)
{
	struct page *src, *dst;
	int level;

	for (u64 done = 0; done < len; done += move_step(from + done, to + done, len - done, &level)) {
		(void)move_step(from + done, to + done, len - done, &level);
		int err = pt_own_existing(vm, from + done, level, &src);

		if (!err && src->level == level)
			err = pt_own(vm, to + done, level, &dst);
		if (err)
			return err;
	}
	return 0;
}

int pt_move(struct tlb_batch *b, va_t from, va_t to, u64 len)
{
	int err = move_prepare(b->vm, from, to, len);
	u64 step;
	int level;

	for (u64 done = 0; !err && done < len; done += step) {
		step = move_step(from + done, to + done, len - done, &level);
		struct page *src = pt_owned(b->vm, from + done, level);
		struct page *dst = pt_owned(b->vm, to + done, level);
		u64 slot = pt_slot_size(level);

		if (!src || !dst)
			continue;
		for (u64 at = done; at < done + step; at += slot)
			move_slot(b, src, dst, from + at, to + at);
	}
	return err;
}
