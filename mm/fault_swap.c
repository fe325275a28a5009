// SPDX-License-Identifier: MIT
/*
 * Faults on what the reclaimer has changed: entries whose page is swapped out, and entries that were not accessed for a
 * while. The entry is made as it was, and the fault starts over.
 */
#include "mm/fault.h"
#include "mm/stats.h"
#include "mm/swap.h"

/* The entry gets its page back; writable at once if the page is ours alone. Under the table's lock. */
static bool fill_swapped(struct fault_state *f, struct pte e, struct page *p)
{
	bool write = page_refs(p) == 1 && (f->region->flags & R_WRITE);
	struct pte n = region_leaf(f->region, p, write);

	scoped_spin(&f->table->lock);
	if (f->slot->raw != e.raw)
		return false;
	store_release(&f->slot->raw, n.raw);
	store_relaxed(&f->table->swapped, (u16)(f->table->swapped - 1));	/* vm_rss_look() reads it */
	return true;
}

int fault_swap(struct fault_state *f, struct pte e)
{
	u32 slot = (u32)pte_payload(e);

	spin_lock(&f->table->lock);
	bool same = f->slot->raw == e.raw;

	if (same)
		swap_get(slot);
	spin_unlock(&f->table->lock);
	if (!same)
		return -EAGAIN;
	struct page *p = swap_in(slot, PA_TRY);

	if (p && fill_swapped(f, e, p))
		swap_put(slot);		/* the entry's */
	else if (p)
		page_put(p);
	swap_put(slot);
	if (!p)
		return FAULT_OOM;
	store_relaxed(&f->vm->maj_faults, load_relaxed(&f->vm->maj_faults) + 1);
	vm_count(major);
	return -EAGAIN;
}

int fault_accessed(struct fault_state *f, struct pte e)
{
	scoped_spin(&f->table->lock);
	if (f->slot->raw == e.raw)
		store_release(&f->slot->raw, pte_leaf(pte_pa(e, 0), 0, pte_prot(e, 0) | P_ACCESSED).raw);
	return -EAGAIN;
}
