// SPDX-License-Identifier: MIT
/*
 * What of a space is resident: counted exactly for whoever asks, by kind; and how many pages there were at once, at most (VmHWM,
 * ru_maxrss).
 *
 * Nobody counts pages as they go, and as they come only roughly: each takes a fault, or comes along with one (or is exec's), though
 * a fault may bring none. Resident pages only get more until something is unmapped: so before that the tables are asked, if there
 * were enough faults since that was done last to make a difference. That costs a visit of each table, not of each page, and what
 * comes and goes between two looks may count as if it had stayed: what a 64th as many faults bring, up to 16 pages each.
 * Others may be about to do the same (pt_drop): a table is looked at under its parent's lock, for a frozen one may be
 * replaced, and what was found is kept under the root's.
 *
 * What tables count are entries: a page that was only read, and is the page of zeros, counts in the peak.
 */
#include "mm/pt_internal.h"
#include "mm/vm.h"

/* ---- by kind */

/* Of an object that has no other store than memory, as our region, which holds the object, maps it. */
static bool is_shmem(const struct page *p)
{
	const struct object *o = load_relaxed(&p->object);

	return o && !o->ops->fill && !o->ops->writeback && !o->ops->frame;
}

static int count_leaf(void *arg, va_t va, struct pte e, int level)
{
	struct pt_counts *c = arg;

	if (pte_kind(e, level) == PTE_SWAP)
		return 0;	/* counted by the table */
	u64 pages = pt_slot_size(level) >> PAGE_SHIFT;

	switch (pa_page(pte_pa(e, level))->kind) {
	case PAGE_ANON:
		c->anon += pages;
		break;
	case PAGE_ZERO:
		c->zero += pages;
		break;
	case PAGE_RESERVED:
		break;		/* a device's */
	default:
		c->cache += pages;
		c->shmem += is_shmem(pa_page(pte_pa(e, level))) ? pages : 0;
		break;
	}
	return 0;
}

static void count_tables(struct page *t, bool shared, struct pt_counts *c)
{
	c->tables++;
	c->shared_tables += shared;
	c->swap += load_relaxed(&t->swapped);
	if (t->level == 0)
		return;
	for (unsigned i = 0; (i = next_used(t, i)) < PT_SLOTS; i++) {
		struct pte e = pte_load(&pt_slots(t)[i]);

		if (pte_kind(e, t->level) != PTE_TABLE)
			continue;
		struct page *child = pa_page(pte_table_pa(e));

		count_tables(child, shared || page_refs(child) > 1, c);
	}
}

void pt_count(struct vm *vm, va_t start, va_t end, struct pt_counts *out)
{
	*out = (struct pt_counts){};
	pt_for_each(vm, start, end, count_leaf, out);
	count_tables(vm->root, false, out);
}

/* ---- at most */

static u64 pages_of(struct page *t);

[[gnu::noinline]] static u64 pages_behind(struct pte e, int level)
{
	return pte_kind(e, level) == PTE_TABLE ? pages_of(pa_page(pte_table_pa(e))) : pt_slot_size(level) >> PAGE_SHIFT;
}

/* Under t's lock, which is not of level 0. */
static u64 pages_below(const struct page *t)
{
	u64 sum = 0;

	for (u64 groups = t->groups; groups; groups &= groups - 1) {
		const struct pte *slot = pt_slots(t) + 8 * (unsigned)__builtin_ctzl(groups);

#pragma clang loop unroll(full)
		for (unsigned i = 0; i < 8; i++) {
			struct pte e = { load_dependent(&slot[i].raw) };

			if (unlikely(e.raw))
				sum += pages_behind(e, t->level);
		}
	}
	return sum;
}

/* Under the lock of the table that leads to t, so that it stays. */
static u64 pages_of(struct page *t)
{
	if (t->level == 0) {
		u64 used = load_relaxed(&t->used), swapped = load_relaxed(&t->swapped);

		return used > swapped ? used - swapped : 0;	/* each may be about to change */
	}
	scoped_spin(&t->lock);
	return pages_below(t);
}

void vm_rss_look(struct vm *vm)
{
	struct vm_rss *r = &vm->rss;

	scoped_spin(&vm->root->lock);
	r->last = pages_below(vm->root);
	store_relaxed(&r->peak, max(r->peak, r->last));
	store_relaxed(&r->faults, load_relaxed(&vm->min_faults));
	r->along_then = load_relaxed(&r->along);
	store_relaxed(&r->slack, max(RSS_SLACK_MIN, r->last / 64));
}

/* What was there at the last look, a page for each fault since, and what came along; a thread that is late may have put their numbers
 * back. */
static u64 most_now(const struct vm *vm)
{
	const struct vm_rss *r = &vm->rss;
	s64 since = (s64)(load_relaxed(&vm->min_faults) - r->faults), along = (s64)(load_relaxed(&r->along) - r->along_then);

	return r->last + (u64)max(since, 0l) + (u64)max(along, 0l);
}

/* The child has as much as the parent has now. */
void vm_rss_inherit(struct vm *child, struct vm *vm)
{
	vm_rss_note(vm);
	u64 pages = most_now(vm);

	child->rss = (struct vm_rss){ .last = pages, .peak = pages, .slack = max(RSS_SLACK_MIN, pages / 64) };
}

u64 vm_rss_peak(struct vm *vm, bool exact)
{
	if (exact)
		rwlock_write(&vm->lock);
	else if (!rwlock_write_try(&vm->lock))
		return load_relaxed(&vm->rss.peak);
	if (exact)
		vm_rss_look(vm);
	else
		vm_rss_note(vm);
	u64 peak = max(vm->rss.peak, most_now(vm));

	rwlock_write_done(&vm->lock);
	return peak;
}

void vm_rss_peak_reset(struct vm *vm)
{
	scoped_write(&vm->lock);
	vm->rss.peak = 0;
	vm_rss_look(vm);
}
