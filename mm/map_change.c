// SPDX-License-Identifier: MIT
/*
 * Changing what is mapped: mprotect, madvise, mlock, mincore, msync. The layout is edited first, then the
 * tables lose what they must; rights that are gained come with the next fault or, where entries exist, at once.
 */
#include "mm/map.h"
#include "mm/mman.h"
#include "mm/pt.h"
#include "mm/user.h"
#include "mm/vm.h"

/* Checks and rounds a range as most of these calls want it: addr aligned, length rounded up. len 0 is fine. */
[[nodiscard]] static int decode_range(va_t addr, u64 len, va_t *end)
{
	if (!is_aligned(addr, PAGE_SIZE))
		return -EINVAL;
	u64 rounded = align_up(len, PAGE_SIZE);

	if (rounded < len || addr + rounded < addr)
		return -EINVAL;
	if (addr + rounded > USER_END)
		return -ENOMEM;
	*end = addr + rounded;
	return 0;
}

/* layout_update with its reservation. Under the write lock. */
[[nodiscard]] static int update_flags(struct vm *vm, va_t start, va_t end, u32 clear, u32 set)
{
	struct layout_spare spare;
	int err = layout_reserve(&vm->layout, &spare, layout_update_cost(&vm->layout, start, end));

	if (err)
		return err;
	if (vm->layout.regions + 2 > REGIONS_MAX) {
		err = -ENOMEM;
	} else {
		layout_update(&vm->layout, start, end, clear, set, &spare);
	}
	layout_release(&spare);
	return err;
}

/* May every region of the range have these rights? *data: by how many pages what RLIMIT_DATA counts would grow. */
[[nodiscard]] static int check_protect(const struct vm *vm, va_t start, va_t end, u32 prot, u64 *data)
{
	struct region r;

	*data = 0;
	for (va_t va = start; va < end; va = r.end) {
		if (!layout_find(&vm->layout, va, &r))
			return -ENOMEM;
		if (prot & ~(r.flags >> 3))
			return -EACCES;
		int change = map_is_data((r.flags & ~(u32)R_PROT) | prot) - map_is_data(r.flags);

		*data += (u64)change * ((min(r.end, end) - va) >> PAGE_SHIFT);
	}
	return 0;
}

/* A stack's mprotect with PROT_GROWSDOWN starts where the region does. */
static va_t grows_down_start(const struct vm *vm, va_t start)
{
	struct region r;

	return layout_find(&vm->layout, start, &r) && (r.flags & R_GROWSDOWN) ? r.start : 0;
}

static long protect_locked(struct vm *vm, va_t start, va_t end, u32 prot)
{
	struct tlb_batch b;
	u64 data;
	int err = check_protect(vm, start, end, prot, &data);

	if (err)
		return err;

	/* Tables first made our own (it may fail), then layout and entries. */
	tlb_begin(&b, vm);
	err = pt_prepare_leaves(vm, start, end);
	if (!err)
		err = update_flags(vm, start, end, R_PROT, prot);
	if (!err)
		pt_protect(&b, start, end, map_rights(prot));
	tlb_finish(&b);
	vm->data_pages += err ? 0 : data;
	return err;
}

long vm_mprotect(struct vm *vm, va_t addr, u64 len, int prot)
{
	bool down = prot & PROT_GROWSDOWN;
	va_t end;

	prot &= ~(PROT_GROWSDOWN | PROT_SEM);
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
		return -EINVAL;
	int err = decode_range(addr, len, &end);

	if (err || addr == end)
		return err;
	scoped_write(&vm->lock);
	if (down) {
		addr = grows_down_start(vm, addr);
		if (!addr)
			return -EINVAL;
	}
	return protect_locked(vm, addr, end, (u32)prot);
}

/* Drops what is mapped; the next touch finds zeros, or the file again. */
[[nodiscard]] static int dont_need(struct vm *vm, va_t start, va_t end)
{
	struct tlb_batch b;
	struct region r;
	int err = 0;

	tlb_begin(&b, vm);
	for (va_t va = start; !err && va < end && layout_next(&vm->layout, va, &r); va = r.end) {
		if (r.start >= end)
			break;
		if (r.flags & (R_LOCKED | R_DEVICE))
			err = -EINVAL;
		else
			err = pt_unmap(&b, max(r.start, va), min(r.end, end));
	}
	tlb_finish(&b);
	return err;
}

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
};

static bool only_private_anonymous(const struct vm *vm, va_t start, va_t end)
{
	struct region r;

	for (va_t va = start; va < end && layout_next(&vm->layout, va, &r) && r.start < end; va = r.end) {
		if (r.object || (r.flags & R_SHARED))
			return false;
	}
	return true;
}

static long advise_flags(struct vm *vm, va_t start, va_t end, const struct advice *a)
{
	if (a->set == R_WIPEONFORK && !only_private_anonymous(vm, start, end))
		return -EINVAL;
	if (a->set & (R_DONTFORK | R_WIPEONFORK))
		vm->special_regions = true;
	return update_flags(vm, start, end, a->clear, a->set);
}

static long advise_locked(struct vm *vm, va_t start, va_t end, int advice)
{
	for (unsigned i = 0; i < ARRAY_SIZE(flag_advice); i++) {
		if (flag_advice[i].advice == advice)
			return advise_flags(vm, start, end, &flag_advice[i]);
	}
	switch (advice) {
	case MADV_FREE:
		if (!only_private_anonymous(vm, start, end))
			return -EINVAL;
		[[fallthrough]];	/* free now instead of later: allowed, and simpler */
	case MADV_DONTNEED:
		return dont_need(vm, start, end);
	case MADV_WILLNEED:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return 0;		/* nothing is on a disk or compressed */
	default:
		return -EINVAL;
	}
}

long vm_madvise(struct vm *vm, va_t addr, u64 len, int advice)
{
	va_t end;
	int err = decode_range(addr, len, &end);

	if (err)
		return err == -ENOMEM ? -EINVAL : err;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE) {
		rwlock_read(&vm->lock);
		bool mapped = layout_covers(&vm->layout, addr, end);
		rwlock_read_done(&vm->lock);
		return mapped ? vm_populate(vm, addr, end, advice == MADV_POPULATE_WRITE ? P_W : P_R) :
				-ENOMEM;
	}
	scoped_write(&vm->lock);
	/* Holes: what is mapped is advised, and then -ENOMEM (madvise(2)). */
	bool holes = !layout_covers(&vm->layout, addr, end);
	long res = addr == end ? 0 : advise_locked(vm, addr, end, advice);

	return res ? res : holes && addr != end ? -ENOMEM : 0;
}

long vm_mlock(struct vm *vm, va_t addr, u64 len, bool lock)
{
	va_t start = addr & PAGE_MASK, end;
	int err = decode_range(start, len + (addr - start), &end);

	if (err || start == end)
		return err;
	rwlock_write(&vm->lock);
	u64 pages = (end - start) >> PAGE_SHIFT, now = layout_count(&vm->layout, start, end, R_LOCKED);

	if (!layout_covers(&vm->layout, start, end))
		err = -ENOMEM;
	else if (lock && map_check_locked(vm, pages - now))
		err = -ENOMEM;
	else
		err = update_flags(vm, start, end, lock ? 0 : R_LOCKED, lock ? R_LOCKED : 0);
	if (!err)
		vm->locked_pages += (lock ? pages : 0) - now;
	rwlock_write_done(&vm->lock);
	return !err && lock ? vm_populate(vm, start, end, P_R) : err;
}

/* Nothing is ever swapped out so far: locking all is bookkeeping. What is not there yet still comes with a fault. */
long vm_mlockall(struct vm *vm, int flags)
{
	if (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return -EINVAL;
	scoped_write(&vm->lock);
	bool lock = flags & MCL_CURRENT;

	if (lock && vm->limits.memlock != ~0ul && vm->layout.pages > vm->limits.memlock >> PAGE_SHIFT)
		return -ENOMEM;
	vm->def_flags = flags & MCL_FUTURE ? R_LOCKED : 0;
	if (flags && !lock)
		return 0;
	struct region r;

	for (va_t va = 0; layout_next(&vm->layout, va, &r); va = r.end) {
		int err = update_flags(vm, r.start, r.end, lock ? 0 : R_LOCKED, lock ? R_LOCKED : 0);

		if (err)
			return err;
	}
	vm->locked_pages = lock ? vm->layout.pages : 0;
	return 0;
}

/* Is the page in memory: mapped here, or cached in its object? */
static bool resident(struct vm *vm, va_t va)
{
	struct region r;
	struct page *p = nullptr;
	int level;
	enum pte_kind kind = pte_kind(pt_lookup(vm, va, &level, nullptr), level);

	if (kind == PTE_LEAF)
		return true;
	if (!layout_find(&vm->layout, va, &r) || !r.object || r.object->ops->frame)
		return false;
	if (!object_pages_cached(r.object, r.offset + ((va - r.start) >> PAGE_SHIFT), 1, &p))
		return false;
	page_put(p);
	return true;
}

long vm_mincore(struct vm *vm, va_t addr, u64 len, va_t vec)
{
	va_t end;
	u8 chunk[256];

	if (!is_aligned(addr, PAGE_SIZE))
		return -EINVAL;
	if (decode_range(addr, len, &end))
		return -ENOMEM;
	for (va_t va = addr; va < end;) {
		unsigned n = (unsigned)min((end - va) >> PAGE_SHIFT, sizeof(chunk));

		rwlock_write(&vm->lock);
		bool mapped = layout_covers(&vm->layout, va, va + n * PAGE_SIZE);

		for (unsigned i = 0; mapped && i < n; i++)
			chunk[i] = resident(vm, va + i * PAGE_SIZE);
		rwlock_write_done(&vm->lock);
		if (!mapped)
			return -ENOMEM;
		if (copy_to_user(vec + ((va - addr) >> PAGE_SHIFT), chunk, n))
			return -EFAULT;
		va += n * PAGE_SIZE;
	}
	return 0;
}

long vm_msync(struct vm *vm, va_t addr, u64 len, int flags)
{
	va_t end;
	int err = decode_range(addr, len, &end);

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (err || addr == end)
		return err;
	/* Shared pages are the page cache itself; the file's own fsync writes them back. */
	scoped_read(&vm->lock);
	if (!layout_covers(&vm->layout, addr, end))
		return -ENOMEM;
	return (flags & MS_INVALIDATE) && layout_count(&vm->layout, addr, end, R_LOCKED) ? -EBUSY : 0;
}
