// SPDX-License-Identifier: MIT
/*
 * Faults: the only place that fills tables. Read from the bottom: vm_fault() looks the address up in the layout,
 * checks the rights, makes the path to its entry our own (fault_block.c where it ends early), and calls one function per
 * case: here zero pages, in fault_file.c objects, in fault_cow.c entries in place, in fault_swap.c what was swapped out.
 * Each allocates first, then takes the table's lock, looks again whether the entry is as it was, and fills it; if not, the
 * fault starts over.
 *
 * Locks: vm->lock for reading throughout (for writing to grow a stack, and where a debugger writes), then one table lock.
 */
#include "mm/fault.h"
#include "arch/arch.h"
#include "mm/map.h"
#include "mm/pt.h"
#include "mm/pt_internal.h"
#include "mm/stats.h"
#include "mm/vm.h"

struct page *zero_page;

void fault_init(void)
{
	zero_page = page_alloc(0, PAGE_ZERO, PA_ZERO);
	assert(zero_page);
}

int filled_before(struct fault_state *f, struct page *p)
{
	spin_unlock(&f->table->lock);
	page_put(p);
	return -EAGAIN;
}

/* Cleared here: it is where most pages are. */
[[gnu::noinline]] static int fault_zero_write(struct fault_state *f)
{
	struct page *p = page_alloc(0, PAGE_ANON, PA_TRY);

	if (unlikely(!p))
		return FAULT_OOM;
	arch_page_clear(page_address(p));
	fault_does(f, zero_write);
	return fill_or_put(f, p, true);
}

[[gnu::noinline]] static int fault_zero_read(struct fault_state *f)
{
	fault_does(f, zero_read);
	return fill_or_put(f, zero_page, false);	/* not counted: may be put */
}

int fault_empty(struct fault_state *f)
{
	if (f->region->object)
		return fault_object(f);
	return f->access == P_W ? fault_zero_write(f) : fault_zero_read(f);
}

static bool access_allowed(const struct region *r, u32 access)
{
	if (access != P_R)
		return (r->flags & (access | R_GUARD)) == access;
	/* No CPU here has pages that can be written but not read. */
	return (r->flags & R_PROT) && !(r->flags & R_GUARD);
}

/* One try, under vm->lock for reading. A FAULT_* result, or -EAGAIN: start over. */
static int fault_once(struct fault_state *f)
{
	f->region = layout_at(&f->vm->layout, f->va);
	if (unlikely(!f->region))
		return FAULT_MAPERR;
	if (unlikely(!access_allowed(f->region, f->access))) {
		if (f->region->flags & R_GUARD)
			return FAULT_MAPERR;
		return f->want_page == WANT_FORCED ? fault_forced(f) : FAULT_ACCERR;
	}
	int stopped;

	f->slot = pt_walk(f->vm->root, f->va, 0, &stopped);
	if (unlikely(stopped)) {
		int res = fault_above(f);

		if (res != FAULT_BELOW)
			return res;
	} else {
		f->table = pt_table_of(f->slot);
	}
	struct pte e = pte_load(f->slot);

	if (likely(!e.raw))
		return fault_empty(f);
	f->upgrade = true;
	return fault_leaf(f, e);
}

/* vm->lock is held no more. Is there a reason to start over? Then -EAGAIN. */
static int failed_once(struct fault_state *f, int res)
{
	if (res == FAULT_MAPERR)
		res = stack_grow(f->vm, f->va);
	/* Nothing is held now that the reclaimer may want. */
	if (res == FAULT_OOM && page_reclaim(RECLAIM_PAGES))
		res = -EAGAIN;
	return res;
}

/* The other tries, while there is a reason for one more. */
[[gnu::noinline]] static int try_again(struct fault_state *f, int res)
{
	while (res != FAULT_OK && (res = failed_once(f, res)) == -EAGAIN) {
		scoped_read(&f->vm->lock);
		res = fault_once(f);
	}
	return res;
}

[[gnu::always_inline]] static inline void fault_begin(struct fault_state *f, struct vm *vm, va_t address, u32 access)
{
	f->vm = vm;
	f->va = address & PAGE_MASK;
	f->access = access;
	f->want_page = WANT_NOTHING;
	f->upgrade = false;
	f->deed = DEED_nothing;
	store_relaxed(&vm->min_faults, load_relaxed(&vm->min_faults) + 1);	/* may miss one: others fault too */
}

static inline void fault_end(struct fault_state *f)
{
	arch_publish();
	/* An empty entry is never cached; one that denies may be (law 10). */
	if (f->upgrade)
		arch_tlb_local_page(load_relaxed(&f->vm->asid.value), f->va);
	vm_count(deeds[f->deed]);
}

enum fault_result vm_fault(struct vm *vm, va_t address, u32 access)
{
	struct fault_state f;
	int res;

	if (unlikely(address >= USER_END))
		return FAULT_MAPERR;
	fault_begin(&f, vm, address, access);
	rwlock_read(&vm->lock);
	[[clang::always_inline]] res = fault_once(&f);	/* the only try of nearly all */
	rwlock_read_done(&vm->lock);
	if (unlikely(res != FAULT_OK) && res != FAULT_ACCERR)
		res = try_again(&f, res);
	fault_end(&f);
	return (enum fault_result)res;
}

enum fault_result vm_fault_deed(struct vm *vm, va_t address, u32 access, enum fault_deed *deed)
{
	struct fault_state f;

	*deed = DEED_nothing;
	if (address >= USER_END)
		return FAULT_MAPERR;
	fault_begin(&f, vm, address, access);
	int res = try_again(&f, -EAGAIN);

	fault_end(&f);
	*deed = f.deed;
	return (enum fault_result)res;
}

enum fault_result vm_fault_page(struct vm *vm, va_t address, u32 access, bool force, struct page **page)
{
	struct fault_state f = {
		.vm = vm, .va = address & PAGE_MASK, .access = access,
		.want_page = force ? WANT_FORCED : WANT_PAGE,
	};
	bool exclusive = force && access == P_W;
	int res;

	if (address >= USER_END)
		return FAULT_MAPERR;
	do {
		(exclusive ? rwlock_write : rwlock_read)(&vm->lock);
		res = fault_once(&f);
		if (res != FAULT_OK) {
			(exclusive ? rwlock_write_done : rwlock_read_done)(&vm->lock);
			res = failed_once(&f, res);
		}
	} while (res == -EAGAIN);
	fault_end(&f);
	*page = f.page;
	if (res != FAULT_OK || f.page)
		return (enum fault_result)res;
	vm_page_done(vm, nullptr);
	return FAULT_BUS;	/* a device's frame has no page */
}

void vm_page_done(struct vm *vm, struct page *p)
{
	if (p)
		page_put(p);
	/* If it is not ours for writing we have it for reading, and nobody has it for writing. */
	(rwlock_is_write_locked(&vm->lock) ? rwlock_write_done : rwlock_read_done)(&vm->lock);
}

int vm_place_page(struct vm *vm, va_t va, struct page *p)
{
	struct page *table;

	scoped_write(&vm->lock);
	const struct region *r = layout_at(&vm->layout, va);
	int err = pt_own(vm, va, 0, &table);

	debug_assert(r);
	if (err) {
		page_put(p);
		return err;
	}
	scoped_spin(&table->lock);
	pt_slot_set(table, pt_index(va, 0), region_leaf(r, p, true));
	vm_rss_came_along(vm, 1);
	arch_publish();
	return 0;
}
