// SPDX-License-Identifier: MIT
/*
 * Rights of entries in a range, for mprotect, and the mark that they were accessed. Under vm->lock for writing, after
 * pt_prepare_leaves() has made the tables our own; cannot fail. Ranges are otherwise edited in pt_range.c.
 */
#include "mm/pt.h"
#include "mm/pt_internal.h"
#include "mm/vm.h"

/*
 * What happens to the leaves of an owned range. Neighbours are usually alike but for their address, so the change is
 * worked out once for each kind of entry: as bits to flip, which are the same whatever the address.
 */
struct leaf_change {
	struct tlb_batch *batch;
	u32 prot;
	bool forget;		/* that they were accessed, and nothing else */
	u64 attributes, flip;	/* the last kind of entry seen, and its change */
};

static u64 leaf_flip(struct pte e, int level, const struct leaf_change *c)
{
	if (pte_kind(e, level) != PTE_LEAF)
		return 0;
	if (c->forget)
		return e.raw ^ pte_leaf(pte_pa(e, level), level, pte_prot(e, level) & ~(u32)P_ACCESSED).raw;
	u32 allowed = c->prot & (P_R | P_X | (pte_writable(e, level) ? P_W : 0));

	return e.raw ^ pte_with_rights(e, level, allowed).raw;
}

/* The pages of a run of slots are about to be run as code. */
static void sync_pages(const struct pte *slot, const struct pte *last)
{
	for (; slot < last; slot++) {
		if (pte_kind(*slot, 0) == PTE_LEAF && pte_has_page(*slot))
			page_sync_code(pa_page(pte_pa(*slot, 0)), P_X);
	}
}

/* Slots of a level-0 table. True: some entry changed. */
static bool change_slots(struct pte *slot, struct pte *last, struct leaf_change *c)
{
	u64 changed = 0, attributes = c->attributes, flip = c->flip;

	if (unlikely(c->prot & P_X))
		sync_pages(slot, last);
	for (; slot < last; slot++) {
		u64 raw = slot->raw;

		if (!raw)
			continue;
		if (unlikely((raw & ~PTE_ADDRESS) != attributes)) {
			attributes = raw & ~PTE_ADDRESS;
			flip = leaf_flip((struct pte){ raw }, 0, c);
		}
		changed |= flip;
		store_release(&slot->raw, raw ^ flip);
	}
	c->attributes = attributes;
	c->flip = flip;
	return changed;
}

static void change_pages(struct pte *slot, va_t va, va_t end, struct leaf_change *c)
{
	if (change_slots(slot, slot + ((end - va) >> PAGE_SHIFT), c))
		/* Also when a right is added: a CPU may keep a translation that denies (law 10). */
		tlb_add_range(c->batch, va, end);
}

static void change_block(struct pte *slot, va_t va, struct leaf_change *c)
{
	u64 flip = leaf_flip(*slot, 1, c);

	if (flip) {
		store_release(&slot->raw, slot->raw ^ flip);
		tlb_add_block_range(c->batch, va);
	}
}

/* The entries from va to the end of their table, or of the range. Returns where to go on. */
static va_t change_piece(struct vm *vm, va_t va, va_t limit, struct leaf_change *c)
{
	int stopped;
	struct pte *slot = pt_walk(vm->root, va, 0, &stopped);
	va_t end = pt_slot_end(va, stopped ? stopped : 1, limit);

	if (stopped == 1)
		change_block(slot, va, c);
	if (stopped == 0)
		change_pages(slot, va, end, c);
	return end;
}

static void change_leaves(struct vm *vm, struct pte *first, va_t start, va_t end, struct leaf_change *c)
{
	struct tlb_batch b;

	tlb_begin(&b, vm);
	c->batch = &b;
	if (first)
		change_pages(first, start, end, c);
	for (va_t va = first ? end : start; va < end;)
		va = change_piece(vm, va, end, c);
	tlb_flush(&b);
}

/* Is the page of this entry, in a table of ours, private and nobody else's (law 3)? */
static inline bool leaf_is_alone(struct pte e)
{
	return !(pte_prot(e, 0) & P_SHARED) && page_is_alone(pa_page(pte_pa(e, 0)));
}

[[gnu::noinline]] static void flush_page(struct vm *vm, va_t va)
{
	struct tlb_batch b;

	tlb_begin(&b, vm);
	tlb_add_range(&b, va, va + PAGE_SIZE);
	tlb_flush(&b);
}

/*
 * One page that is no code. Here the right to write comes at once if the page is ours alone: else the first write would find
 * that out, with a fault. Larger ranges leave it to such faults, which look at as many pages as are written to. Where rights are
 * only added no other CPU needs to hear of it: at worst it denies once more (law 10).
 */
static inline void protect_page(struct vm *vm, struct pte *slot, va_t va, u32 prot)
{
	struct pte e = *slot;

	if (unlikely(pte_kind(e, 0) != PTE_LEAF))
		return;
	if ((prot & P_W) && !pte_writable(e, 0) && !leaf_is_alone(e))
		prot &= ~(u32)P_W;
	struct pte n = pte_with_rights(e, 0, prot);

	if (n.raw == e.raw)
		return;
	store_release(&slot->raw, n.raw);
	if (pte_prot(e, 0) & ~prot & (P_R | P_W | P_X))
		flush_page(vm, va);
	else
		arch_tlb_local_page(load_relaxed(&vm->asid.value), va);
}

/* Of several pages, or none; and of code. */
[[gnu::noinline]] static void protect_pages(struct vm *vm, struct pte *first, va_t start, va_t end, u32 prot)
{
	struct leaf_change c = { .prot = prot };

	change_leaves(vm, first, start, end, &c);
}

void pt_protect(struct vm *vm, struct pte *first, va_t start, va_t end, u32 prot)
{
	if (likely(first && end - start == PAGE_SIZE && !(prot & P_X)))
		protect_page(vm, first, start, prot);
	else
		protect_pages(vm, first, start, end, prot);
}

/* Plain stores do: where Accessed is set the CPU has no reason to write (law 12). */
[[gnu::cold]] void pt_clear_accessed(struct vm *vm, struct pte *first, va_t start, va_t end)
{
	struct leaf_change c = { .forget = true };

	change_leaves(vm, first, start, end, &c);
}
