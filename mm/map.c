// SPDX-License-Identifier: MIT
/*
 * Mapping and unmapping: mmap, munmap, brk, stacks, and what exec uses. Each operation checks its arguments,
 * reserves what the layout and the tables will need (all that can fail), then edits the layout first and
 * the tables after it, in one batch.
 *
 * map_change.c has the operations that change what is mapped: mprotect, mremap, madvise, mlock, msync.
 */
#include "mm/map.h"
#include "mm/fault.h"
#include "mm/mman.h"
#include "mm/pt.h"
#include "mm/stats.h"
#include "mm/vm.h"

/* Nothing is mapped below, not by a program's headers either: a null pointer with a small offset must fault. */
constexpr va_t MMAP_MIN = 64 * KiB;

/* Would taking [start, end) out leave two pieces of a region, of which there are as many as there may be? */
static bool one_too_many(const struct vm *vm, va_t start, va_t end)
{
	struct region r;

	return vm->layout.regions >= REGIONS_MAX && layout_find(&vm->layout, start, &r) && r.start < start &&
	       r.end > end;
}

int map_unmap(struct vm *vm, va_t start, va_t end)
{
	struct layout_spare spare;
	struct tlb_batch b;

	if (one_too_many(vm, start, end))
		return -ENOMEM;
	int err = layout_reserve(&vm->layout, &spare, 2);

	if (err)
		return err;
	err = pt_prepare(vm, start, end);
	if (!err) {
		map_unaccount(vm, start, end);
		layout_remove(&vm->layout, start, end, &spare);
		tlb_begin(&b, vm);
		err = pt_unmap(&b, start, end);
		tlb_finish(&b);
	}
	layout_release(&spare);
	return err;
}

static u64 data_pages(const struct layout *l, va_t start, va_t end)
{
	u64 pages = 0;
	struct region r;

	for (va_t va = start; va < end && layout_next(l, va, &r) && r.start < end; va = r.end) {
		if (map_is_data(r.flags))
			pages += (min(r.end, end) - max(r.start, start)) >> PAGE_SHIFT;
	}
	return pages;
}

int map_check_limits(const struct vm *vm, u64 pages, u32 flags)
{
	const struct vm_limits *l = &vm->limits;

	if (pages > (l->as >> PAGE_SHIFT) || vm->layout.pages > (l->as >> PAGE_SHIFT) - pages)
		return -ENOMEM;
	if (map_is_data(flags) && l->data != ~0ul && vm->data_pages + pages > l->data >> PAGE_SHIFT)
		return -ENOMEM;
	/* Heuristic overcommit, as Linux's mode 0: only what can never be had is refused. */
	if (map_is_data(flags) && !(flags & R_NORESERVE) && pages > page_total())
		return -ENOMEM;
	return 0;
}

int map_check_locked(const struct vm *vm, u64 pages)
{
	return vm->limits.memlock != ~0ul &&
	       vm->locked_pages + pages > vm->limits.memlock >> PAGE_SHIFT ? -EAGAIN : 0;
}

void map_account(struct vm *vm, const struct region *r)
{
	u64 pages = (r->end - r->start) >> PAGE_SHIFT;

	if (map_is_data(r->flags))
		vm->data_pages += pages;
	if (r->flags & R_LOCKED)
		vm->locked_pages += pages;
	if (r->object && !load_relaxed(&r->object->mapped)) {
		store_relaxed(&r->object->mapped, 1);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* before a fault looks at the size: object_punch() */
	}
	vm->peak_pages = max(vm->peak_pages, vm->layout.pages);
}

void map_unaccount(struct vm *vm, va_t start, va_t end)
{
	vm->data_pages -= data_pages(&vm->layout, start, end);
	if (vm->locked_pages)
		vm->locked_pages -= layout_count(&vm->layout, start, end, R_LOCKED);
}

int map_insert(struct vm *vm, const struct region *r)
{
	struct layout_spare spare;
	int err = layout_reserve(&vm->layout, &spare, 1);

	if (err)
		return err;
	layout_insert(&vm->layout, r, &spare);
	layout_release(&spare);
	map_account(vm, r);
	return 0;
}

static bool range_ok(va_t start, u64 len)
{
	return len && start < USER_END && len <= USER_END - start;
}

/* Where a new mapping goes: `addr` if it is free (a hint) or must be (fixed), else the highest hole. 0: nowhere. */
static va_t find_place(const struct vm *vm, va_t addr, u64 len)
{
	if (addr >= MMAP_MIN && range_ok(addr, len) && layout_is_free(&vm->layout, addr, addr + len))
		return addr;
	/* Whole tables: what is aligned to them can later be moved, shared and freed by the slot. */
	u64 align = is_aligned(len, pt_slot_size(1)) ? pt_slot_size(1) : PAGE_SIZE;
	va_t found = layout_gap(&vm->layout, len, align, MMAP_MIN, vm->mmap_top, true, STACK_GUARD);

	return found ? found :
		layout_gap(&vm->layout, len, PAGE_SIZE, MMAP_MIN, USER_END, true, STACK_GUARD);
}

va_t map_find_gap(const struct vm *vm, u64 len)
{
	return find_place(vm, 0, len);
}

/* Checks a fixed address and makes room there. */
[[nodiscard]] static int take_place(struct vm *vm, va_t addr, u64 len, int flags)
{
	if (!is_aligned(addr, PAGE_SIZE))
		return -EINVAL;
	if (!range_ok(addr, len))
		return -ENOMEM;
	if (addr < MMAP_MIN)
		return -EPERM;
	if (layout_is_free(&vm->layout, addr, addr + len))
		return 0;
	return flags & MAP_FIXED_NOREPLACE ? -EEXIST : map_unmap(vm, addr, addr + len);
}

/* MAP_* and PROT_* as region flags; -errno for what makes no sense. */
static int decode_flags(int prot, int flags, const struct object *object, u32 max_prot, u32 *out)
{
	u32 r = (u32)prot & R_PROT;
	int type = flags & MAP_TYPE;

	if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (type == MAP_SHARED_VALIDATE && (flags & MAP_SYNC))
		return -EOPNOTSUPP;
	if (flags & MAP_HUGETLB)
		return -ENOMEM;		/* no pool of huge pages is set aside */
	if (type != MAP_PRIVATE)
		r |= R_SHARED;
	r |= object ? max_prot : R_MAXREAD | R_MAXWRITE | R_MAXEXEC;
	if (object && type == MAP_PRIVATE)
		r |= R_MAXWRITE;	/* writes go to a copy */
	if ((r & R_PROT) & ~(r >> 3))
		return -EACCES;
	if (flags & MAP_GROWSDOWN) {
		if (object || type != MAP_PRIVATE)
			return -EINVAL;
		r |= R_GROWSDOWN;
	}
	if (flags & MAP_NORESERVE)
		r |= R_NORESERVE;
	if (flags & MAP_LOCKED)
		r |= R_LOCKED;
	*out = r;
	return 0;
}

/* The locked part of mmap: the start address or -errno. */
static long mmap_locked(struct vm *vm, va_t addr, u64 len, int flags, struct region *r)
{
	u64 pages = len >> PAGE_SHIFT;
	int err = map_check_limits(vm, pages, r->flags);

	r->flags |= vm->def_flags;
	if (!err && (r->flags & R_LOCKED))
		err = map_check_locked(vm, pages);
	if (err)
		return err;
	if (vm->layout.regions >= REGIONS_MAX)
		return -ENOMEM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		err = take_place(vm, addr, len, flags);
		r->start = addr;
	} else {
		r->start = find_place(vm, align_up(addr, PAGE_SIZE), len);
		err = r->start ? 0 : -ENOMEM;
	}
	if (err)
		return err;
	r->end = r->start + len;
	err = map_insert(vm, r);
	return err ? err : (long)r->start;
}

long vm_mmap(struct vm *vm, va_t addr, u64 len, int prot, int flags, struct object *object,
	     u32 max_prot, u64 offset)
{
	struct region r = { .object = object, .offset = object ? offset >> PAGE_SHIFT : 0 };

	if (!len || !is_aligned(offset, PAGE_SIZE))
		return -EINVAL;
	if (len > USER_END)
		return -ENOMEM;
	len = align_up(len, PAGE_SIZE);
	if (object && offset + len < offset)
		return -EOVERFLOW;
	int err = decode_flags(prot, flags, object, max_prot, &r.flags);

	if (err)
		return err;
	struct object *shared = nullptr;

	if (!object && (r.flags & R_SHARED)) {
		shared = object_new_shared(len);
		if (!shared)
			return -ENOMEM;
		r.object = shared;
	}
	rwlock_write(&vm->lock);
	long res = mmap_locked(vm, addr, len, flags, &r);
	rwlock_write_done(&vm->lock);

	object_put(shared);	/* the region has its own reference */
	if (res > 0 && ((r.flags & R_LOCKED) || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE))
		(void)vm_populate(vm, r.start, r.end, r.flags & R_WRITE ? P_W : P_R);
	return res;
}

long vm_munmap(struct vm *vm, va_t addr, u64 len)
{
	if (!is_aligned(addr, PAGE_SIZE) || !len || addr > USER_END || len > USER_END - addr)
		return -EINVAL;
	scoped_write(&vm->lock);
	return map_unmap(vm, addr, addr + align_up(len, PAGE_SIZE));
}

int vm_map_fixed(struct vm *vm, const struct region *r)
{
	if (!range_ok(r->start, r->end - r->start))
		return -ENOMEM;
	if (r->start < MMAP_MIN)
		return -EPERM;
	scoped_write(&vm->lock);
	int err = map_check_limits(vm, (r->end - r->start) >> PAGE_SHIFT, r->flags);

	if (!err && !layout_is_free(&vm->layout, r->start, r->end))
		err = map_unmap(vm, r->start, r->end);
	return err ? err : map_insert(vm, r);
}

/* The heap grows by a region [old, new). */
[[nodiscard]] static int brk_grow(struct vm *vm, va_t old, va_t new_end)
{
	struct region r = {
		.start = old, .end = new_end,
		.flags = R_READ | R_WRITE | R_MAXREAD | R_MAXWRITE | R_MAXEXEC | R_HEAP | vm->def_flags,
	};

	if (!layout_is_free(&vm->layout, old, new_end + PAGE_SIZE))
		return -ENOMEM;
	int err = map_check_limits(vm, (new_end - old) >> PAGE_SHIFT, r.flags);

	return err ? err : map_insert(vm, &r);
}

long vm_brk(struct vm *vm, va_t brk)
{
	scoped_write(&vm->lock);
	va_t old = align_up(vm->brk, PAGE_SIZE), new_end = align_up(brk, PAGE_SIZE);

	/* brk(2): on failure the old break, which is also how one asks for it. */
	if (brk < vm->brk_start || brk >= USER_END || new_end < brk)
		return (long)vm->brk;
	int err = 0;

	if (vm->limits.data != ~0ul && brk - vm->brk_start > vm->limits.data)
		err = -ENOMEM;
	else if (new_end > old)
		err = brk_grow(vm, old, new_end);
	else if (new_end < old)
		err = map_unmap(vm, new_end, old);
	if (!err)
		vm->brk = brk;
	return (long)vm->brk;
}

static bool stack_may_grow(const struct vm *vm, const struct region *r, va_t start)
{
	struct region below;

	if (!(r->flags & R_GROWSDOWN) || r->end - start > vm->limits.stack)
		return false;
	if (start < MMAP_MIN || map_check_limits(vm, (r->start - start) >> PAGE_SHIFT, r->flags))
		return false;
	/* What ends close below must be another stack, or not accessible at all. */
	return !layout_prev(&vm->layout, start, &below) || below.end + STACK_GUARD <= start ||
	       !(below.flags & R_PROT) || ((below.flags & R_GROWSDOWN) && below.end <= start);
}

bool stack_grow(struct vm *vm, va_t va)
{
	struct region r;

	scoped_write(&vm->lock);
	if (!layout_next(&vm->layout, va, &r))
		return false;
	if (r.start <= va)
		return true;		/* another thread has grown it */
	if (!stack_may_grow(vm, &r, va))
		return false;
	r.end = r.start;
	r.start = va;
	vm_count(stack_growth);
	return map_insert(vm, &r) == 0;
}

int vm_populate(struct vm *vm, va_t start, va_t end, u32 access)
{
	for (va_t va = start; va < end; va += PAGE_SIZE) {
		switch (vm_fault(vm, va, access)) {
		case FAULT_OK:
			break;
		case FAULT_OOM:
			return -ENOMEM;
		default:
			return -EFAULT;
		}
	}
	return 0;
}
