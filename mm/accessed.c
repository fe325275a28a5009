// SPDX-License-Identifier: MIT
/*
 * Marks of use, as /proc/PID/clear_refs takes them away and Referenced in smaps shows them again: who asks how much memory a
 * program works with clears them, waits, and counts those that came back.
 *
 * The mark is Accessed in the entry. In a frozen table it would be the mark of all who share the table: another process's
 * Referenced would go, and on a CPU that does not set Accessed by itself each of them would take a copy of the table with its
 * next read. Law 1 allows neither. So the tables become ours first, as for mprotect: what a child still shares is copied.
 * The reclaimer, which must not take memory, goes by a mark of the page there instead (mm/reclaim.c).
 *
 * It is flushed, unlike on Linux: a translation that stays cached would keep the next use from being seen.
 */
#include "mm/pt.h"
#include "mm/vm.h"

static bool chosen(const struct region *r, enum accessed_kind kind)
{
	if (r->flags & R_DEVICE)
		return false;
	return kind == ACCESSED_ALL || (kind == ACCESSED_MAPPED) == (r->object != nullptr);
}

/* The region that ends above *va: *va moves to its end. False: there is none. */
static bool clear_next(struct vm *vm, va_t *va, enum accessed_kind kind, int *err)
{
	struct region r;
	struct pte *first;

	scoped_write(&vm->lock);
	if (!layout_next(&vm->layout, *va, &r))
		return false;
	*va = r.end;
	if (!chosen(&r, kind))
		return true;
	*err = pt_prepare_leaves(vm, r.start, r.end, true, &first);
	if (*err)
		return false;
	pt_clear_accessed(vm, first, r.start, r.end);
	return true;
}

/* The lock is held for one region at a time: there may be 65,530. */
int vm_clear_accessed(struct vm *vm, enum accessed_kind kind)
{
	int err = 0;

	for (va_t va = 0; clear_next(vm, &va, kind, &err);)
		;
	return err;
}
