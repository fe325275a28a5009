// SPDX-License-Identifier: MIT
/*
 * madvise(2). Each region of the range is asked in order; the first that refuses ends the walk, and what lies before it is
 * advised all the same. Holes are passed over and reported at the end. What may fail for lack of memory fails before
 * anything has changed.
 *
 * A guard (MADV_GUARD_INSTALL) is a flag of the layout: nothing is mapped there and every fault is refused, whatever
 * the region's rights say. So a guarded range is a region of its own in /proc/PID/maps and in the count of regions, unlike on
 * Linux, which marks the page tables.
 */
#include "mm/block.h"
#include "mm/map.h"
#include "mm/mman.h"
#include "mm/pt.h"
#include "mm/reclaim.h"
#include "mm/vm.h"

struct advice {
	int advice;
	u32 clear, set;
};

/* Advice that only changes a region's flags. */
static const struct advice flag_advice[] = {
	{ MADV_NORMAL, R_RANDREAD | R_SEQREAD, 0 },
	{ MADV_RANDOM, R_SEQREAD, R_RANDREAD },
	{ MADV_SEQUENTIAL, R_RANDREAD, R_SEQREAD },
	{ MADV_DONTFORK, 0, R_DONTFORK },
	{ MADV_DOFORK, R_DONTFORK, 0 },
	{ MADV_HUGEPAGE, R_NOHUGE, R_HUGE },
	{ MADV_NOHUGEPAGE, R_HUGE, R_NOHUGE },
	{ MADV_DONTDUMP, 0, R_DONTDUMP },
	{ MADV_DODUMP, R_DONTDUMP, 0 },
	{ MADV_WIPEONFORK, 0, R_WIPEONFORK },
	{ MADV_KEEPONFORK, R_WIPEONFORK, 0 },
	{ MADV_GUARD_REMOVE, R_GUARD, 0 },
};

static const struct advice *find_flags(int advice)
{
	for (unsigned i = 0; i < ARRAY_SIZE(flag_advice); i++) {
		if (flag_advice[i].advice == advice)
			return &flag_advice[i];
	}
	return nullptr;
}

static bool known(int advice)
{
	switch (advice) {
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_REMOVE:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_GUARD_INSTALL:
	case MADV_COLLAPSE:
		return true;
	default:
		return find_flags(advice);
	}
}

/* Does the advice take private memory away, now or in a child? What is sealed and may not be written must not be cleared so; but
 * copies of a file's pages may be, as on Linux (mm/madvise.c there). */
static bool discards(int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_DONTFORK:
	case MADV_WIPEONFORK:
	case MADV_GUARD_INSTALL:
		return true;
	default:
		return false;
	}
}

/* May this region be advised so? 0, -EINVAL or -EPERM. */
static int region_allows(const struct region *r, int advice)
{
	u32 bad = 0;

	if (unlikely((r->flags & (R_SEALED | R_WRITE)) == R_SEALED) && !r->object && discards(advice))
		return -EPERM;
	switch (advice) {
	case MADV_FREE:
		if (r->object)
			return -EINVAL;
		[[fallthrough]];
	case MADV_DONTNEED:
	case MADV_COLD:
	case MADV_PAGEOUT:
		bad = R_LOCKED | R_DEVICE;
		break;
	case MADV_GUARD_INSTALL:
		bad = R_LOCKED | R_DEVICE | R_VDSO;
		break;
	case MADV_GUARD_REMOVE:
		bad = R_DEVICE | R_VDSO;
		break;
	case MADV_WIPEONFORK:
		if (r->object)
			return -EINVAL;
		break;
	case MADV_DONTNEED_LOCKED:
	case MADV_DOFORK:
	case MADV_DODUMP:
		bad = R_DEVICE;
		break;
	default:
		break;
	}
	return r->flags & bad ? -EINVAL : 0;
}

/* How far the advice reaches: *end comes down to the first region that refuses, whose errno is the result; -ENOMEM
 * if only holes are in the way. */
static int advice_reach(const struct vm *vm, va_t start, va_t *end, int advice)
{
	struct region r;
	va_t va = start;
	int err = 0;

	for (; va < *end && layout_next(&vm->layout, va, &r) && r.start < *end; va = r.end) {
		int refused = region_allows(&r, advice);

		if (refused) {
			*end = max(r.start, start);
			return refused;
		}
		err = r.start > va ? -ENOMEM : err;
	}
	if (va < *end) {
		*end = va;	/* nothing is mapped behind */
		err = -ENOMEM;
	}
	return err;
}

/* Drops what is mapped; the next touch finds zeros, or the file again. In one piece: all or nothing. */
[[nodiscard]] static int dont_need(struct vm *vm, va_t start, va_t end)
{
	struct tlb_batch b;

	tlb_begin(&b, vm);
	int err = pt_unmap(&b, start, end);

	tlb_finish(&b);
	return err;
}

/*
 * The same for one who shares the lock with faults: private anonymous memory within 2 MiB, as allocators give it back. False: it
 * is not of that kind. Not files: there the same page may come back into an entry that a fault has seen (fault_cow_copy()). Not where
 * a block of 2 MiB should come back, for the empty table would be in its place.
 */
static bool dont_need_sharing(struct vm *vm, va_t start, va_t end, int advice)
{
	struct region r;

	if ((advice != MADV_DONTNEED && advice != MADV_FREE) || align_down(start, BLOCK_SIZE) != align_down(end - 1, BLOCK_SIZE))
		return false;
	scoped_read(&vm->lock);
	if (!layout_find(&vm->layout, start, &r) || r.end < end || r.object || region_allows(&r, advice))
		return false;
	if (end - start == BLOCK_SIZE && !vm->no_blocks && block_wanted(&r, start))
		return false;
	return pt_drop(vm, start, end);
}

[[nodiscard]] static int guard_install(struct vm *vm, va_t start, va_t end)
{
	struct tlb_batch b;
	struct page *low;
	int err = pt_prepare(vm, start, end, &low);

	if (!err)
		err = map_update(vm, start, end, 0, R_GUARD);
	if (err)
		return err;
	tlb_begin(&b, vm);
	pt_unmap_prepared(&b, low, start, end);
	tlb_finish(&b);
	return 0;
}

[[nodiscard]] static int advise_flags(struct vm *vm, va_t start, va_t end, const struct advice *a)
{
	if (a->set & (R_DONTFORK | R_WIPEONFORK))
		vm->special_regions = true;
	return map_update(vm, start, end, a->clear, a->set);
}

static int advise_locked(struct vm *vm, va_t start, va_t end, int advice)
{
	const struct advice *flags = find_flags(advice);

	if (flags)
		return advise_flags(vm, start, end, flags);
	switch (advice) {
	case MADV_FREE:			/* free now instead of later: allowed, and simpler */
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return dont_need(vm, start, end);
	case MADV_GUARD_INSTALL:
		return guard_install(vm, start, end);
	case MADV_COLD:
	case MADV_PAGEOUT:
		reclaim_range(vm, start, end, advice == MADV_PAGEOUT);
		return 0;
	default:
		return 0;
	}
}

/* MADV_POPULATE_*: as if each page were touched, but told by errno. */
static long populate_advised(struct vm *vm, va_t start, va_t end, bool write)
{
	u32 need = write ? R_WRITE : R_READ;
	struct region r;

	for (va_t va = start; va < end; va = r.end) {
		rwlock_read(&vm->lock);
		bool found = layout_find(&vm->layout, va, &r);
		rwlock_read_done(&vm->lock);

		if (!found)
			return -ENOMEM;
		if (!(r.flags & need) || (r.flags & R_DEVICE))
			return -EINVAL;
		int err = vm_populate(vm, va, min(r.end, end), write ? P_W : P_R);

		if (err)
			return err;
	}
	return 0;
}

/* The first region in [*va, end), unless it is refused, with a reference on its object; *va comes to lie in it. Holes before it are
 * remembered, to be told at the end. */
[[nodiscard]] static int next_region(struct vm *vm, va_t *va, va_t end, int (*refuse)(const struct region *r), struct region *r,
				     int *holes)
{
	scoped_read(&vm->lock);
	if (!layout_next(&vm->layout, *va, r) || r->start >= end)
		return -ENOMEM;
	int err = refuse ? refuse(r) : 0;

	if (err)
		return err;
	object_get(r->object);
	*holes = r->start > *va ? -ENOMEM : *holes;
	*va = max(*va, r->start);
	return 0;
}

/* May its pages be taken out? */
static int refuse_remove(const struct region *r)
{
	constexpr u32 writable = R_SHARED | R_MAXWRITE;

	if ((r->flags & (R_LOCKED | R_DEVICE)) || !r->object)
		return -EINVAL;
	if ((r->flags & writable) != writable)
		return -EACCES;
	/* Else the pages are not all there is of it. */
	return r->object->ops->fill || r->object->ops->writeback ? -EOPNOTSUPP : 0;
}

/* MADV_REMOVE: a hole in the object itself, for everybody. */
static long remove_pages(struct vm *vm, va_t start, va_t end)
{
	struct region r;
	int holes = 0;

	for (va_t va = start; va < end; va = r.end) {
		int err = next_region(vm, &va, end, refuse_remove, &r, &holes);

		if (err)
			return err;
		u64 first = r.offset + ((va - r.start) >> PAGE_SHIFT);

		object_punch(r.object, first, first + ((min(r.end, end) - va) >> PAGE_SHIFT) - 1);
		object_put(r.object);
	}
	return holes;
}

/* ---- MADV_WILLNEED: pages are brought in, not mapped; what fails will be told to who touches them. */

constexpr u64 READ_AHEAD_MAX = 512;	/* pages for one call: it may be about a whole disk */

static void read_object(struct object *o, u64 first, u64 n)
{
	u64 end = min(first + min(n, READ_AHEAD_MAX), align_up(load_acquire(&o->size), PAGE_SIZE) >> PAGE_SHIFT);

	for (u64 at = first; at < first + n && !vm_work_vain();)
		at = object_swap_ahead(o, at, first + n, OBJECT_RUN);
	for (u64 at = first; o->ops->fill && at < end; at += OBJECT_RUN)
		object_read_ahead(o, at, (unsigned)min(end - at, (u64)OBJECT_RUN));
}

static int find_swapped(void *arg, va_t va, struct pte e, int level)
{
	*(va_t *)arg = va;
	return pte_kind(e, level) == PTE_SWAP;
}

static void swap_in(struct vm *vm, va_t start, va_t end)
{
	for (va_t va = start; va < end && !vm_work_vain(); va += PAGE_SIZE) {
		rwlock_write(&vm->lock);
		bool found = pt_for_each(vm, va, end, find_swapped, &va);
		rwlock_write_done(&vm->lock);

		if (!found)
			break;
		(void)vm_fault(vm, va, P_R);
	}
}

static long will_need(struct vm *vm, va_t start, va_t end)
{
	struct region r;
	int holes = 0;

	for (va_t va = start; va < end; va = r.end) {
		int err = next_region(vm, &va, end, nullptr, &r, &holes);

		if (err)
			return err;
		va_t stop = min(r.end, end);

		if (r.object)
			read_object(r.object, r.offset + ((va - r.start) >> PAGE_SHIFT), (stop - va) >> PAGE_SHIFT);
		swap_in(vm, va, stop);
		object_put(r.object);
	}
	return holes;
}

long vm_madvise(struct vm *vm, va_t addr, u64 len, int advice)
{
	va_t end;

	if (!known(advice))
		return -EINVAL;
	int err = map_range(addr, len, -EINVAL, &end);

	if (err || addr == end)
		return err;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return populate_advised(vm, addr, end, advice == MADV_POPULATE_WRITE);
	if (advice == MADV_COLLAPSE)
		return vm_collapse(vm, addr, end);
	if (advice == MADV_WILLNEED)
		return will_need(vm, addr, end);
	if (advice == MADV_REMOVE)
		return remove_pages(vm, addr, end);
	if (dont_need_sharing(vm, addr, end, advice))
		return 0;
	scoped_write(&vm->lock);
	int stop = advice_reach(vm, addr, &end, advice);

	err = addr < end ? advise_locked(vm, addr, end, advice) : 0;
	return err ? err : stop;
}
