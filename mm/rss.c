// SPDX-License-Identifier: MIT
/*
 * How many pages of a space have been resident at once, at most: VmHWM, ru_maxrss.
 *
 * Nobody counts pages as they come and go. Resident pages only get more until something is unmapped, and each takes a
 * fault: so before something is unmapped the tables are asked, if there were enough faults since that was done last to
 * make a difference. That costs a visit of each table, not of each page, and a 64th of the pages may be missed.
 *
 * What tables count are entries: a page that was only read, and is the page of zeros, counts here.
 */
#include "mm/pt_internal.h"
#include "mm/vm.h"

constexpr u64 SLACK_MIN = 64;		/* faults */

static u64 pages_below(const struct page *t)
{
	u64 sum = 0;

	if (t->level == 0)
		return t->used - t->swapped;
	for (u64 groups = t->groups; groups; groups &= groups - 1) {
		unsigned i = 8 * (unsigned)__builtin_ctzl(groups);

		for (unsigned end = i + 8; i < end; i++) {
			struct pte e = pte_load(&pt_slots(t)[i]);
			enum pte_kind kind = pte_kind(e, t->level);

			if (kind == PTE_TABLE)
				sum += pages_below(pa_page(pte_table_pa(e)));
			else if (kind == PTE_LEAF)
				sum += pt_slot_size(t->level) >> PAGE_SHIFT;
		}
	}
	return sum;
}

void vm_rss_look(struct vm *vm)
{
	struct vm_rss *r = &vm->rss;

	r->last = pages_below(vm->root);
	r->peak = max(r->peak, r->last);
	r->faults = load_relaxed(&vm->min_faults);
	store_relaxed(&r->slack, max(SLACK_MIN, r->last / 64));
}

/* What was there at the last look, and a page for each fault since. */
static u64 most_now(const struct vm *vm)
{
	return vm->rss.last + load_relaxed(&vm->min_faults) - vm->rss.faults;
}

/* The child has as much as the parent has now. */
void vm_rss_inherit(struct vm *child, struct vm *vm)
{
	vm_rss_note(vm);
	u64 pages = most_now(vm);

	child->rss = (struct vm_rss){ .last = pages, .peak = pages, .slack = max(SLACK_MIN, pages / 64) };
}

u64 vm_rss_peak(struct vm *vm, bool exact)
{
	scoped_write(&vm->lock);
	if (exact)
		vm_rss_look(vm);
	else
		vm_rss_note(vm);
	return max(vm->rss.peak, most_now(vm));
}

void vm_rss_peak_reset(struct vm *vm)
{
	scoped_write(&vm->lock);
	vm->rss.peak = 0;
	vm_rss_look(vm);
}
