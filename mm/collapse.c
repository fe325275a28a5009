// SPDX-License-Identifier: MIT
/*
 * Collapse: 512 pages of one table become one block, when nearly all of them are there. For madvise(MADV_COLLAPSE) at once;
 * in the background for what faults filled page by page, because memory was short or in pieces, or what was split since.
 *
 * It is the address space's writer who does it: the table is taken out and flushed, so that nobody reads or writes its
 * pages while they are copied; a fault meanwhile waits for vm->lock.
 */
#include "mm/block.h"
#include "mm/fault.h"
#include "mm/map.h"
#include "mm/pt.h"
#include "mm/pt_internal.h"
#include "mm/stats.h"

constexpr unsigned MISSING_MAX = BLOCK_PAGES / 8;	/* in the background: more would waste too much */
constexpr unsigned NOT_OURS = ~0u;

/* How many slots have no page of their own yet. NOT_OURS: some page is shared, held or swapped out. */
static unsigned count_missing(const struct page *t)
{
	unsigned n = 0;

	for (const struct pte *slot = pt_slots(t); slot < pt_slots(t) + PT_SLOTS; slot++) {
		enum pte_kind kind = pte_kind(*slot, 0);
		const struct page *p = kind == PTE_LEAF ? pa_page(pte_pa(*slot, 0)) : nullptr;

		if (kind == PTE_EMPTY || (p && p->kind == PAGE_ZERO))
			n++;
		else if (!p || p->kind != PAGE_ANON || page_refs(p) != 1)
			return NOT_OURS;
	}
	return n;
}

/* The block is still cleared where no page is. */
static void copy_pages(struct page *block, const struct page *t)
{
	const struct pte *slots = pt_slots(t);

	for (unsigned i = 0; i < PT_SLOTS; i++) {
		const struct page *p = slots[i].raw ? pa_page(pte_pa(slots[i], 0)) : nullptr;

		if (p && p->kind != PAGE_ZERO)
			arch_page_copy(page_address(block + i), page_address(p));
	}
}

/* upper's slot for va leads to t: from now on to the block with the same bytes, and the region's rights. */
static void replace_table(struct vm *vm, struct page *upper, struct page *t, struct page *block,
			  const struct region *r, va_t va)
{
	unsigned index = pt_index(va, 1);
	struct tlb_batch b;

	tlb_begin(&b, vm);
	pt_slot_clear(upper, index);
	tlb_add_range(&b, va, va + BLOCK_SIZE);
	b.tables = true;
	tlb_flush(&b);
	copy_pages(block, t);
	pt_slot_set(upper, index, pte_leaf(page_pa(block), 1, fault_leaf_prot(r, r->flags & R_WRITE)));
	pt_put(t);	/* what was below it went with the same flush */
	vm_count(block_collapse);
}

/* 0: a block is there now; *used: it is the new one. */
[[nodiscard]] static int collapse_locked(struct vm *vm, va_t va, unsigned missing_max, struct page *block, bool *used)
{
	struct region r;
	struct page *t;

	if (!layout_find(&vm->layout, va, &r) || !block_fits(&r, va))
		return -EINVAL;
	int err = pt_own_block(vm, va, false, &t);

	if (err)
		return err;
	if (t->level)
		return t->level == 1 && pt_slots(t)[pt_index(va, 1)].raw ? 0 : -EINVAL;
	if (count_missing(t) > missing_max)
		return -EAGAIN;
	replace_table(vm, pt_owned(vm, va, 1), t, block, &r, va);
	*used = true;
	return 0;
}

/* alloc: PA_* for the block. 0, -ENOMEM, -EAGAIN: does not pay, -EINVAL: nothing to collapse. */
[[nodiscard]] static int collapse_one(struct vm *vm, va_t va, unsigned missing_max, u32 alloc)
{
	struct page *block = page_alloc(BLOCK_ORDER, PAGE_ANON, alloc | PA_ZERO);
	bool used = false;

	if (!block)
		return -ENOMEM;
	rwlock_write(&vm->lock);
	int err = collapse_locked(vm, va, missing_max, block, &used);
	rwlock_write_done(&vm->lock);
	if (!used)
		page_free(block);
	return err;
}

/* The first 2 MiB from va on with a table or a block; `end`: none. Holes and what nobody has touched may be terabytes. */
static va_t next_mapped(struct vm *vm, va_t va, va_t end)
{
	struct region r;

	scoped_write(&vm->lock);
	while (va < end && layout_next(&vm->layout, va, &r) && r.start < end) {
		int stopped = 0;

		if (r.start <= va) {
			const struct pte *slot = pt_walk(vm->root, va, 0, &stopped);

			if (!stopped || slot->raw)
				return va;
		}
		va = align_up(r.start > va ? r.start : pt_slot_end(va, stopped, r.end), BLOCK_SIZE);
	}
	return end;
}

/* What of [start, end) lies in region r. Not all of it: the last reason; no memory ends it at once. */
[[nodiscard]] static int collapse_region(struct vm *vm, const struct region *r, va_t start, va_t end)
{
	va_t va = align_up(max(start, r->start), BLOCK_SIZE), next;
	int err = 0;

	end = align_down(min(end, r->end), BLOCK_SIZE);
	if (va > end || !block_fits(r, align_up(r->start, BLOCK_SIZE)))
		return -EINVAL;
	for (; va < end && err != -ENOMEM; va = next + BLOCK_SIZE) {
		next = next_mapped(vm, va, end);
		if (next > va)
			err = -EINVAL;
		if (next < end)
			err = collapse_one(vm, next, BLOCK_PAGES - 1, 0) ?: err;
	}
	return err;
}

long vm_collapse(struct vm *vm, va_t start, va_t end)
{
	struct region r;
	int holes = 0;		/* are told at the end only */

	for (va_t va = start; va < end; va = r.end) {
		rwlock_read(&vm->lock);
		bool found = layout_next(&vm->layout, va, &r) && r.start < end;
		rwlock_read_done(&vm->lock);

		if (!found)
			return -ENOMEM;
		holes = r.start > va ? -ENOMEM : holes;
		int err = collapse_region(vm, &r, va, end);

		if (err)
			return err;
	}
	return holes;
}

/* ---- in the background */

struct search {
	struct region region;
	va_t va;		/* go on from here; a find */
	unsigned left;		/* collapses that may still be done */
};

/* The next 2 MiB from s->va on whose table is nearly full and ours. Holds vm->lock for one region at a time. */
static bool find_in_region(struct vm *vm, struct search *s)
{
	const struct region *r = &s->region;

	while (s->va < r->end) {
		int stopped;
		struct pte *slot = pt_walk(vm->root, s->va, 0, &stopped);

		if (!stopped && block_wanted(r, s->va) && count_missing(pt_table_of(slot)) <= MISSING_MAX)
			return true;
		s->va = pt_slot_end(s->va, stopped ? stopped : 1, r->end);
	}
	return false;
}

static bool find_next(struct vm *vm, struct search *s)
{
	scoped_write(&vm->lock);
	if (!layout_next(&vm->layout, s->va, &s->region)) {
		s->va = USER_END;
		return false;
	}
	s->va = max(s->va, align_up(s->region.start, BLOCK_SIZE));
	if (s->va < s->region.end && find_in_region(vm, s))
		return true;
	s->va = max(s->va, s->region.end);
	return false;
}

static void collapse_vm(struct vm *vm, void *arg)
{
	struct search *s = arg;

	for (s->va = 0; s->left && s->va < USER_END && !vm->no_blocks;) {
		if (!find_next(vm, s))
			continue;
		if (collapse_one(vm, s->va, MISSING_MAX, PA_PLENTY))
			s->left = 0;	/* memory is not plenty, or things have changed: another time */
		else
			s->left--;
		s->va += BLOCK_SIZE;
	}
}

void vm_collapse_some(unsigned most)
{
	struct search s = { .left = most };

	if (load_relaxed(&block_mode) != BLOCK_NEVER)
		vm_for_each(collapse_vm, &s);
}
