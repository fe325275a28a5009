// SPDX-License-Identifier: MIT
/* What grows where it lies: the heap, by brk(2), and stacks, by faults below them. */
#include "mm/fault.h"
#include "mm/map.h"
#include "mm/stats.h"
#include "mm/vm.h"

/* The heap grows by a region [old, new). */
[[nodiscard]] static int brk_grow(struct vm *vm, va_t old, va_t new_end)
{
	struct region r = {
		.start = old, .end = new_end,
		.flags = R_READ | R_WRITE | R_MAXREAD | R_MAXWRITE | R_MAXEXEC | vm->def_flags,
	};

	struct layout_change c;
	u64 pages = (new_end - old) >> PAGE_SHIFT;
	int err = map_check_limits(vm, pages, r.flags);

	if (!err && (r.flags & R_LOCKED))
		err = map_check_locked(vm, pages);
	if (!err)
		err = layout_prepare(&vm->layout, old, new_end, false, &c);
	if (unlikely(err))
		return err;
	if (layout_free_here(&c, new_end + PAGE_SIZE)) {
		layout_insert(&vm->layout, &r, &c);
		map_inserted(vm, &r);
	} else {
		err = -ENOMEM;
	}
	layout_done(&c);
	return err;
}

/* A heap that is gone does not shrink: as on Linux. */
[[nodiscard]] static int brk_shrink(struct vm *vm, va_t new_end, va_t old)
{
	struct layout_change c;
	int err = layout_prepare(&vm->layout, new_end, old, false, &c);

	if (unlikely(err))
		return err;
	err = layout_free_here(&c, old) ? -EINVAL : map_take_out(vm, new_end, old, &c);
	layout_done(&c);
	return err;
}

/* The new break, or on failure the old one, which is also how one asks for it (brk(2)). */
static long brk_locked(struct vm *vm, va_t brk)
{
	va_t old = align_up(vm->brk, PAGE_SIZE), new_end = align_up(brk, PAGE_SIZE);
	int err = 0;

	if (brk < vm->brk_start || brk >= USER_END || new_end < brk)
		return (long)vm->brk;
	if (vm->limits.data != ~0ul && brk - vm->brk_start > vm->limits.data)
		err = -ENOMEM;
	else if (new_end > old)
		err = brk_grow(vm, old, new_end);
	else if (new_end < old)
		err = brk_shrink(vm, new_end, old);
	if (!err)
		vm->brk = brk;
	return (long)vm->brk;
}

long vm_brk(struct vm *vm, va_t brk)
{
	rwlock_write(&vm->lock);
	va_t old = vm->brk;
	long res = brk_locked(vm, brk);
	bool populate = vm->def_flags & R_LOCKED;
	rwlock_write_done(&vm->lock);

	if (unlikely(populate) && (va_t)res > old)
		(void)map_populate(vm, align_up(old, PAGE_SIZE), align_up((va_t)res, PAGE_SIZE), false);
	return res;
}

static bool stack_may_grow(const struct vm *vm, const struct region *r, va_t start)
{
	u64 pages = (r->start - start) >> PAGE_SHIFT;
	struct region below;

	if (!(r->flags & R_GROWSDOWN) || r->end - start > vm->limits.stack)
		return false;
	if (start < MMAP_MIN || map_check_limits(vm, pages, r->flags))
		return false;
	if ((r->flags & R_LOCKED) && map_check_locked(vm, pages))
		return false;
	/* What ends close below must be another stack, or not accessible at all. */
	return !layout_prev(&vm->layout, start, &below) || below.end + STACK_GUARD <= start ||
	       !(below.flags & R_PROT) || ((below.flags & R_GROWSDOWN) && below.end <= start);
}

int stack_grow(struct vm *vm, va_t va)
{
	struct region r;

	scoped_write(&vm->lock);
	if (!layout_next(&vm->layout, va, &r))
		return FAULT_MAPERR;
	if (r.start <= va)		/* a guard; or another thread has grown it */
		return r.flags & R_GUARD ? FAULT_MAPERR : -EAGAIN;
	if (!stack_may_grow(vm, &r, va))
		return FAULT_MAPERR;
	r.end = r.start;
	r.start = va;
	r.flags &= ~(u32)R_GUARD;
	vm_count(stack_growth);
	return map_insert(vm, &r) ? FAULT_OOM : -EAGAIN;
}
