// SPDX-License-Identifier: MIT
/*
 * Faults above the last level: the walk has stopped before a table of pages, because there is none yet, or it is
 * shared, or a block of 2 MiB is there. Makes the path our own; fills, reuses or splits a block where that is the answer.
 *
 * Left out: blocks of the zero page, and blocks of files.
 */
#include "mm/block.h"
#include "mm/fault.h"
#include "mm/pt.h"
#include "mm/pt_internal.h"
#include "mm/stats.h"

/* Our path ends at page tables now: the fault goes on there. */
[[nodiscard]] static int go_on_below(struct fault_state *f)
{
	if (pt_own(f->vm, f->va, 0, &f->table))
		return FAULT_OOM;
	f->slot = &pt_slots(f->table)[pt_index(f->va, 0)];
	return FAULT_BELOW;
}

/* Nothing is there: a new block, where one is wanted and to be had. */
static int fill_block(struct fault_state *f)
{
	struct page *p = f->access == P_W ? block_new() : nullptr;
	unsigned index = pt_index(f->va, 1);

	if (!p) {
		if (f->access == P_W)
			vm_count(block_fallback);
		return go_on_below(f);
	}
	struct pte e = pte_leaf(page_pa(p), 1, fault_leaf_prot(f->region, true));

	spin_lock(&f->table->lock);
	bool empty = !pt_slots(f->table)[index].raw;

	if (empty)
		pt_slot_set(f->table, index, e);
	spin_unlock(&f->table->lock);
	if (!empty)
		page_free(p);
	else
		fault_does(f, block_fill);
	store_relaxed(&f->vm->rss.slack, 0);	/* one fault, many pages */
	/* Who wants one page of it finds the block on the next round. */
	return empty && !f->want_page ? FAULT_OK : -EAGAIN;
}

/* A page of the block for somebody who holds on to it: pages count one by one from now on. */
static int hand_out_part(struct fault_state *f, struct pte *slot, struct pte e)
{
	struct page *first = pa_page(pte_pa(e, 1));

	scoped_spin(&f->table->lock);
	if (slot->raw != e.raw)
		return -EAGAIN;
	block_break(first);
	f->page = first + pt_index(f->va, 0);
	page_get(f->page);
	return FAULT_OK;
}

/* A write to a block that may not be written yet: ours alone again, or pages must be copied one by one. */
static int write_block(struct fault_state *f, struct pte *slot, struct pte e)
{
	spin_lock(&f->table->lock);
	bool same = slot->raw == e.raw, alone = same && block_alone(pa_page(pte_pa(e, 1)));

	if (alone)
		store_release(&slot->raw,
			      pte_leaf(pte_pa(e, 1), 1, pte_prot(e, 1) | P_W | P_DIRTY | P_ACCESSED).raw);
	spin_unlock(&f->table->lock);
	if (!same)
		return -EAGAIN;
	if (!alone)
		return go_on_below(f);	/* splits it */
	fault_does(f, block_reuse);
	return f->want_page ? -EAGAIN : FAULT_OK;
}

/* Somebody has cleared Accessed, and this CPU does not set it by itself. */
static int block_accessed(struct fault_state *f, struct pte *slot, struct pte e)
{
	scoped_spin(&f->table->lock);
	if (slot->raw == e.raw)
		store_release(&slot->raw, pte_leaf(pte_pa(e, 1), 1, pte_prot(e, 1) | P_ACCESSED).raw);
	return -EAGAIN;
}

static int fault_block(struct fault_state *f)
{
	struct pte *slot = &pt_slots(f->table)[pt_index(f->va, 1)];
	struct pte e = pte_load(slot);

	if (!e.raw)
		return fill_block(f);
	if (pte_kind(e, 1) != PTE_LEAF)
		return -EAGAIN;
	f->upgrade = true;
	if (f->access == P_W && !(pte_prot(e, 1) & P_W))
		return write_block(f, slot, e);
	if (unlikely(!(pte_prot(e, 1) & P_ACCESSED)))
		return block_accessed(f, slot, e);
	if (f->want_page)
		return hand_out_part(f, slot, e);
	fault_does(f, spurious);
	return FAULT_OK;
}

int fault_above(struct fault_state *f)
{
	if (f->vm->no_blocks || !block_wanted(f->region, f->va))
		return go_on_below(f);
	if (pt_own_block(f->vm, f->va, true, &f->table))
		return FAULT_OOM;
	if (f->table->level)
		return fault_block(f);
	f->slot = &pt_slots(f->table)[pt_index(f->va, 0)];
	return FAULT_BELOW;
}
