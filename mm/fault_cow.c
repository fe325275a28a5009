// SPDX-License-Identifier: MIT
/*
 * Faults on entries in place: a private page is copied, or reused where nobody else has it any more (law 3); what is there
 * already is handed out. What a debugger forces comes last.
 */
#include "mm/fault.h"
#include "arch/arch.h"
#include "mm/pt.h"
#include "mm/stats.h"

/* Of the slots up to `last`, those that are like `e` and ours alone become like `n`. If not `all`, ends at the first that cannot.
 * Where it ended. Nothing new is published, and each store depends on the entry it changes: it needs no barrier. */
static struct pte *reuse_run(struct pte *slot, struct pte *last, struct pte e, struct pte n, bool all)
{
	const struct page *frames = pa_page((struct pa){ 0 });

	for (u64 flip = e.raw ^ n.raw; slot < last; slot++) {
		u64 raw = slot->raw;

		if (!((raw ^ e.raw) & ~PTE_ADDRESS) && page_is_alone(frames + ((raw & PTE_ADDRESS) >> PAGE_SHIFT)))
			store_relaxed(&slot->raw, raw ^ flip);
		else if (!all)
			break;
	}
	return slot;
}

/* Neighbours that are alike and ours alone become writable too: after a child has gone, one fault does for many; for a whole
 * table where the last run ended here, as if somebody writes to one page after the other. Their stale translations only deny, so
 * no flush is needed. Under the table's lock; e was here. */
static void reuse_around(struct fault_state *f, struct pte e)
{
	va_t first = max(f->va & ~(REUSE_AROUND * PAGE_SIZE - 1), f->region->start);
	va_t end = min((f->va & ~(REUSE_AROUND * PAGE_SIZE - 1)) + REUSE_AROUND * PAGE_SIZE, f->region->end);
	struct pte *slot = f->slot - ((f->va - first) >> PAGE_SHIFT), *last = slot + ((end - first) >> PAGE_SHIFT);
	struct pte n = *f->slot;

	last = reuse_run(slot, last, e, n, true);
	if (f->va == load_relaxed(&f->vm->reuse_next))
		last = reuse_run(last, last + ((pt_slot_end(end - 1, 1, f->region->end) - end) >> PAGE_SHIFT), e, n, false);
	store_relaxed(&f->vm->reuse_next, f->va + (va_t)(last - f->slot) * PAGE_SIZE);
}

/* The only user of a private page writes to it again. */
[[gnu::noinline]] static int fault_cow_reuse(struct fault_state *f, struct pte e, struct page *p)
{
	scoped_spin(&f->table->lock);
	if (f->slot->raw != e.raw || page_refs(p) != 1)
		return -EAGAIN;
	set_writable(f, e);
	reuse_around(f, e);
	hand_out(f, p);
	fault_does(f, cow_reuse);
	return FAULT_OK;
}

/* Replaces the entry, under the table's lock, with a gap (law 11): arm64 asks for it, and anywhere else two threads
 * could see two pages at one address meanwhile. A thread that faults in the gap waits for the lock. */
static void replace_entry(struct fault_state *f, struct pte n)
{
	struct tlb_batch b;

	tlb_begin(&b, f->vm);
	tlb_add_range(&b, f->va, f->va + PAGE_SIZE);
	store_release(&f->slot->raw, 0);
	tlb_flush(&b);
	store_release(&f->slot->raw, n.raw);
}

[[gnu::noinline]] static int fault_cow_copy(struct fault_state *f, struct pte e, struct page *old)
{
	/* The zero page needs no copy, only a zeroed page. */
	struct page *p = page_alloc(0, PAGE_ANON, PA_TRY | (old->kind == PAGE_ZERO ? PA_ZERO : 0));

	if (!p)
		return FAULT_OOM;
	/* Another thread may write to `old` while we read it, or take it from the entry, and it may even be another's then. What we
	 * have read is not used then, for the entry has changed: while vm->lock is held for reading, one that may be written
	 * stays so, and becomes no swap entry; or it goes (pt_drop()), and what comes then may be written, too, or is zeros. The copy
	 * that a debugger forces may not be written either, but its writer has the lock for writing. */
	if (old->kind != PAGE_ZERO)
		page_copy_early(p, old);

	struct pte n = region_leaf(f->region, p, f->region->flags & R_WRITE);

	spin_lock(&f->table->lock);
	bool same = f->slot->raw == e.raw;

	if (same) {
		if (old->kind != PAGE_ZERO)
			page_copy_used(p, old);
		replace_entry(f, n);
		hand_out(f, p);
	}
	spin_unlock(&f->table->lock);
	page_put(same ? old : p);	/* the entry's reference, after the flush; or the copy nobody wants */
	fault_does(f, cow_copy);
	return same ? FAULT_OK : -EAGAIN;
}

/* The access is allowed as it is, and somebody wants the page. */
[[gnu::noinline]] static int fault_page_here(struct fault_state *f, struct pte e, struct page *p)
{
	if (f->region->object && f->region->object->ops->frame)
		return FAULT_BUS;	/* a device's frame has no page to hand out */
	scoped_spin(&f->table->lock);
	if (f->slot->raw != e.raw)
		return -EAGAIN;
	hand_out(f, p);
	return FAULT_OK;
}

/* Only tells which case it is. */
int fault_leaf(struct fault_state *f, struct pte e)
{
	if (unlikely(pte_kind(e, 0) == PTE_SWAP))
		return fault_swap(f, e);
	u32 prot = pte_prot(e, 0);
	struct page *p = pa_page(pte_pa(e, 0));

	if (f->access != P_W || (prot & P_W)) {
		if (unlikely(!(prot & P_ACCESSED)))
			return fault_accessed(f, e);
		/* Another thread has filled it, or the CPU kept an old translation. */
		if (!f->want_page) {
			fault_does(f, spurious);
			return FAULT_OK;
		}
		return fault_page_here(f, e, p);
	}
	if (prot & P_SHARED)
		return fault_shared_upgrade(f, e);
	if (page_is_alone(p))
		return fault_cow_reuse(f, e, p);
	return fault_cow_copy(f, e, p);
}

/* A debugger's access to what the program itself may not: private memory, if mprotect could allow it. A write goes to a page of
 * the program's own, which stays mapped with the region's rights (law 6). An empty entry first gets what a read would find. */
[[gnu::cold]] int fault_forced(struct fault_state *f)
{
	u32 flags = f->region->flags, access = f->access;

	if ((flags & (R_SHARED | R_DEVICE)) || !(flags & (access == P_W ? R_MAXWRITE : R_MAXREAD)))
		return FAULT_ACCERR;
	if (pt_own(f->vm, f->va, 0, &f->table))
		return FAULT_OOM;
	f->slot = &pt_slots(f->table)[pt_index(f->va, 0)];
	struct pte e = pte_load(f->slot);

	if (!e.raw || pte_kind(e, 0) == PTE_SWAP) {
		f->access = P_R;
		f->want_page = WANT_NOTHING;
		int res = e.raw ? fault_swap(f, e) : fault_empty(f);

		f->access = access;
		f->want_page = WANT_FORCED;
		return res ?: -EAGAIN;
	}
	struct page *p = pa_page(pte_pa(e, 0));
	bool copy = access == P_W && !page_is_alone(p);

	f->upgrade = true;
	return copy ? fault_cow_copy(f, e, p) : fault_page_here(f, e, p);
}
