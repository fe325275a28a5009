// SPDX-License-Identifier: MIT
/*
 * Mapping and unmapping: mmap, munmap, and what exec uses. Each operation checks its arguments,
 * reserves what the layout and the tables will need (all that can fail), then edits the layout first and
 * the tables after it, in one batch.
 *
 * grow.c has brk and stacks; map_change.c, advise.c, mlock.c and remap.c change what is mapped.
 */
#include "mm/map.h"
#include "mm/commit.h"
#include "mm/fault.h"
#include "mm/mman.h"
#include "mm/pt.h"
#include "mm/stats.h"
#include "mm/vm.h"

/* [start, end) cannot be taken out where something is sealed, or where it would leave two pieces of a region, and there are as many as
 * there may be. Where either may be. */
[[nodiscard, gnu::cold, gnu::noinline]] static int check_take_out(const struct vm *vm, va_t start, va_t end)
{
	struct region r;

	if (vm->sealed && layout_count(&vm->layout, start, end, R_SEALED))
		return -EPERM;
	bool splits = layout_find(&vm->layout, start, &r) && r.start < start && r.end > end;

	return splits && vm->layout.regions >= REGIONS_MAX ? -ENOMEM : 0;
}

[[gnu::noinline]] static void unmap_pages(struct vm *vm, struct page *low, va_t start, va_t end)
{
	struct tlb_batch b;

	tlb_begin(&b, vm);
	pt_unmap_prepared(&b, low, start, end);
	tlb_finish(&b);
}

[[gnu::always_inline]] static inline int take_out(struct vm *vm, va_t start, va_t end, struct layout_change *c)
{
	struct page *low;

	int err = unlikely(vm->sealed || vm->layout.regions >= REGIONS_MAX) ? check_take_out(vm, start, end) : 0;

	if (likely(!err))
		err = pt_prepare(vm, start, end, &low);
	if (unlikely(err))
		return err;
	layout_remove(&vm->layout, start, end, c);
	if (low)		/* else nothing is mapped there */
		unmap_pages(vm, low, start, end);
	return 0;
}

int map_take_out(struct vm *vm, va_t start, va_t end, struct layout_change *c)
{
	return take_out(vm, start, end, c);
}

[[nodiscard, gnu::always_inline]] static inline int unmap(struct vm *vm, va_t start, va_t end)
{
	struct layout_change c;
	int err = layout_prepare(&vm->layout, start, end, false, &c);

	if (unlikely(err))
		return err;
	err = take_out(vm, start, end, &c);
	layout_done(&c);
	return err;
}

int map_unmap(struct vm *vm, va_t start, va_t end)
{
	return unmap(vm, start, end);
}

/* r takes the place, where c leads, of whatever is there. If it fails, nothing has changed. */
[[nodiscard]] static int map_replace(struct vm *vm, const struct region *r, struct layout_change *c)
{
	int err = layout_reserve(&vm->layout, r->start, r->end, false, c);

	if (err)
		return err;
	err = take_out(vm, r->start, r->end, c);
	if (!err) {
		layout_insert(&vm->layout, r, c);
		map_inserted(vm, r);
	}
	layout_done(c);
	return err;
}

[[nodiscard]] static inline int check_limits(const struct vm *vm, u64 pages, u32 flags)
{
	const struct vm_limits *l = &vm->limits;

	if (vm->layout.pages + pages > l->as >> PAGE_SHIFT)
		return -ENOMEM;
	if (region_is_data(flags) && l->data != ~0ul && vm->layout.data_pages + pages > l->data >> PAGE_SHIFT)
		return -ENOMEM;
	return commit_counts(flags) && !commit_allows(pages) ? -ENOMEM : 0;
}

int map_check_limits(const struct vm *vm, u64 pages, u32 flags)
{
	return check_limits(vm, pages, flags);
}

void map_inserted(struct vm *vm, const struct region *r)
{
	if (r->object && !load_relaxed(&r->object->mapped)) {
		store_relaxed(&r->object->mapped, true);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* before a fault looks at the size: object_punch() */
	}
	vm->peak_pages = max(vm->peak_pages, vm->layout.pages);
}

/* The place, where c leads, is free. */
[[nodiscard]] static inline int insert_here(struct vm *vm, const struct region *r, struct layout_change *c)
{
	int err = layout_reserve(&vm->layout, r->start, r->end, false, c);

	if (unlikely(err))
		return err;
	layout_insert(&vm->layout, r, c);
	layout_done(c);
	map_inserted(vm, r);
	return 0;
}

int map_insert(struct vm *vm, const struct region *r)
{
	struct layout_change c;

	layout_seek(&vm->layout, r->start, &c);
	return insert_here(vm, r, &c);
}

static bool range_ok(va_t start, u64 len)
{
	return len && start < USER_END && len <= USER_END - start;
}

/* Free, and not in the gap below a stack. Then c leads there. */
static bool hint_is_good(struct vm *vm, va_t start, va_t end, struct layout_change *c)
{
	layout_seek(&vm->layout, start, c);
	const struct region *next = layout_here(c);

	if (!next)
		return true;
	return end <= next->start && (!(next->flags & R_GROWSDOWN) || next->start - end >= STACK_GUARD);
}

/* No hole below mmap_top will do. */
[[gnu::cold, gnu::noinline]] static va_t find_hole_above(struct vm *vm, u64 len, struct layout_change *c)
{
	struct layout_hole h = {
		.size = len, .align = PAGE_SIZE, .low = MMAP_MIN, .high = USER_END, .guard = STACK_GUARD,
	};

	return layout_gap(&vm->layout, &h, c);
}

/* The highest hole, and c leads there. 0: none. */
static inline va_t find_hole(struct vm *vm, u64 len, struct layout_change *c)
{
	struct layout_hole h = {
		/* Whole tables: what is aligned to them can later be moved, shared and freed by the slot. */
		.size = len, .align = is_aligned(len, pt_slot_size(1)) ? pt_slot_size(1) : PAGE_SIZE,
		.low = MMAP_MIN, .high = vm->mmap_top, .guard = STACK_GUARD,
	};
	va_t found = layout_gap(&vm->layout, &h, c);

	return likely(found) ? found : find_hole_above(vm, len, c);
}

/* The same, but `addr` if that is free. */
[[gnu::noinline]] static va_t find_place(struct vm *vm, va_t addr, u64 len, struct layout_change *c)
{
	if (addr >= MMAP_MIN && range_ok(addr, len) && hint_is_good(vm, addr, addr + len, c))
		return addr;
	return find_hole(vm, len, c);
}

va_t map_find_gap(struct vm *vm, va_t hint, u64 len)
{
	struct layout_change c;

	return find_place(vm, hint, len, &c);
}

/* May a mapping be put at this address? Asked in Linux's order. */
[[nodiscard]] static int check_place(const struct vm *vm, va_t addr, u64 len, int flags)
{
	if (!range_ok(addr, len))
		return -ENOMEM;
	if (!is_aligned(addr, PAGE_SIZE))
		return -EINVAL;
	if (addr < MMAP_MIN)
		return -EPERM;
	return (flags & MAP_FIXED_NOREPLACE) && !layout_is_free(&vm->layout, addr, addr + len) ? -EEXIST : 0;
}

/* MAP_HUGETLB: no pool of huge pages is set aside, and no file is made of them. */
static int refuse_hugetlb(int flags, const struct object *object)
{
	unsigned shift = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	return object || (shift && shift != PAGE_SHIFT + 9 && shift != PAGE_SHIFT + 18) ? -EINVAL : -ENOMEM;
}

/* MAP_SHARED_VALIDATE is for files, and for flags that are known. */
static int check_validate(int flags)
{
	constexpr int legacy = MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE |
		MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |
		MAP_HUGETLB | ARCH_MAP_32BIT | (int)((u32)MAP_HUGE_MASK << MAP_HUGE_SHIFT);

	return flags & MAP_ANONYMOUS ? -EINVAL : flags & ~legacy ? -EOPNOTSUPP : 0;
}

/* MAP_* and PROT_* as region flags; -errno for what makes no sense. */
static int decode_flags(int prot, int flags, const struct object *object, u32 max_prot, u32 *out)
{
	u32 r = (u32)prot & R_PROT;
	int type = flags & MAP_TYPE;

	if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	int err = type == MAP_SHARED_VALIDATE ? check_validate(flags) : 0;

	if (err)
		return err;
	if (type != MAP_PRIVATE)
		r |= R_SHARED;
	r |= object ? max_prot : R_MAXALL;
	if (object && type == MAP_PRIVATE)
		r |= R_MAXWRITE;	/* writes go to a copy */
	if ((r & R_PROT) & ~(r >> 3))
		return -EACCES;
	if (flags & MAP_GROWSDOWN) {
		if (!(flags & MAP_ANONYMOUS) || type != MAP_PRIVATE)
			return -EINVAL;
		r |= R_GROWSDOWN;
	}
	if (object && object->ops->frame) {
		if (type == MAP_PRIVATE)
			return -EINVAL;		/* nobody's pages: there is nothing to copy into */
		r |= R_DEVICE;
	}
	if (flags & MAP_NORESERVE)
		r |= load_relaxed(&commit_policy.mode) == COMMIT_NEVER ? 0 : R_NORESERVE;
	if (flags & MAP_LOCKED)
		r |= R_LOCKED;
	*out = r;
	return 0;
}

/* Where it shall be, if that is not just anywhere: r->start, and c leads there. */
[[nodiscard, gnu::noinline]] static int choose_place(struct vm *vm, va_t addr, u64 len, int flags, struct region *r,
						     struct layout_change *c)
{
	constexpr struct layout_hole low = {
		.align = PAGE_SIZE, .low = 1 * GiB, .high = 2 * GiB, .guard = STACK_GUARD,
	};
	struct layout_hole h = low;

	r->start = addr;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		layout_seek(&vm->layout, addr, c);
		return check_place(vm, addr, len, flags);
	}
	h.size = len;
	r->start = flags & ARCH_MAP_32BIT ? layout_gap(&vm->layout, &h, c) :
					    find_place(vm, addr & PAGE_MASK, len, c);
	return r->start ? 0 : -ENOMEM;
}

/* Asked under the lock: so who has sealed the object, and then looks for mappings that may write, misses none. */
[[nodiscard, gnu::noinline]] static int check_sealed(struct region *r)
{
	constexpr u32 MAY = R_SHARED | R_MAXWRITE;

	if ((r->flags & MAY) != MAY || !load_relaxed(&r->object->sealed))
		return 0;
	r->flags &= ~(u32)R_MAXWRITE;
	return r->flags & R_WRITE ? -EPERM : 0;
}

/* r takes the place, where c leads, of what is there, if anything is. */
[[nodiscard, gnu::noinline]] static int map_over(struct vm *vm, const struct region *r, struct layout_change *c)
{
	bool free = layout_free_here(c, r->end);
	u64 there = free ? 0 : layout_count(&vm->layout, r->start, r->end, 0);
	int err = map_check_limits(vm, ((r->end - r->start) >> PAGE_SHIFT) - there, r->flags);

	if (err)
		return err;
	return free ? insert_here(vm, r, c) : map_replace(vm, r, c);
}

/* The locked part of mmap: 0 or -errno. */
static inline int mmap_locked(struct vm *vm, va_t addr, u64 len, int flags, struct region *r)
{
	constexpr int PLACE = MAP_FIXED | MAP_FIXED_NOREPLACE | ARCH_MAP_32BIT;
	struct layout_change c;
	int err = 0;

	if (unlikely(vm->layout.regions > REGIONS_MAX))	/* so mmap may make one more than others, as on Linux */
		return -ENOMEM;
	if (likely(!addr && !(flags & PLACE))) {
		r->start = find_hole(vm, len, &c);
		err = r->start ? 0 : -ENOMEM;
	} else {
		err = choose_place(vm, addr, len, flags, r, &c);
	}
	if (unlikely(r->object) && !err)
		err = check_sealed(r);
	if (unlikely(err))
		return err;
	r->end = r->start + len;
	r->flags |= vm->def_flags;
	if (unlikely(r->flags & R_LOCKED) && map_check_locked(vm, len >> PAGE_SHIFT))
		return -EAGAIN;
	if (unlikely(flags & MAP_FIXED))
		return map_over(vm, r, &c);
	err = check_limits(vm, len >> PAGE_SHIFT, r->flags);
	return likely(!err) ? insert_here(vm, r, &c) : err;
}

/* r's flags and object have been decided. The start address or -errno. */
static inline long mmap_region(struct vm *vm, va_t addr, u64 len, int flags, struct region *r)
{
	rwlock_write(&vm->lock);
	int err = mmap_locked(vm, addr, len, flags, r);
	rwlock_write_done(&vm->lock);

	if (unlikely(err))
		return err;
	if (unlikely((r->flags & R_LOCKED) || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE))
		(void)map_populate(vm, r->start, r->end, false);
	return (long)r->start;
}

long vm_mmap_refused(struct vm *vm, va_t addr, u64 len, int flags, u64 offset, int err)
{
	int first = 0, type = flags & MAP_TYPE;

	if (!len)
		return -EINVAL;
	if (len > USER_END)
		return -ENOMEM;
	scoped_read(&vm->lock);
	bool locked = (flags & MAP_LOCKED) || (vm->def_flags & R_LOCKED);

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		first = check_place(vm, addr, align_up(len, PAGE_SIZE), flags);
	if (!first && (flags & MAP_LOCKED) && !map_may_lock(vm))
		first = -EPERM;
	if (!first && locked)
		first = map_check_locked(vm, align_up(len, PAGE_SIZE) >> PAGE_SHIFT);
	if (!first && !(flags & MAP_ANONYMOUS) && offset + align_up(len, PAGE_SIZE) < offset)
		first = -EOVERFLOW;
	if (!first && type != MAP_PRIVATE && type != MAP_SHARED)
		first = type == MAP_SHARED_VALIDATE ? check_validate(flags) : -EINVAL;
	return first ? first : err;
}

[[gnu::cold, gnu::noinline]] static int refuse_early(u64 len, u64 offset, int flags, const struct object *object)
{
	if (!len || !is_aligned(offset, PAGE_SIZE))
		return -EINVAL;
	return flags & MAP_HUGETLB ? refuse_hugetlb(flags, object) : -ENOMEM;
}

/* The region's flags, object and offset, where it is not plain private memory. */
[[nodiscard, gnu::noinline]] static int decode_region(struct vm *vm, u64 len, int prot, int flags, u32 max_prot, u64 offset,
						      struct region *r)
{
	if (!(flags & MAP_ANONYMOUS) && offset + len < offset)
		return -EOVERFLOW;
	int err = decode_flags(prot, flags, r->object, max_prot, &r->flags);

	if (err)
		return err;
	if ((flags & MAP_LOCKED) && !map_may_lock(vm))
		return -EPERM;
	if (r->object || (r->flags & R_SHARED))
		r->offset = offset >> PAGE_SHIFT;	/* also of /dev/zero, where it is beyond the end, as on Linux */
	return 0;
}

/* Shared memory without a name gets an object of its own. */
[[nodiscard, gnu::noinline]] static struct object *make_shared(u64 len, u32 flags)
{
	return (flags & R_NORESERVE) || commit_allows(len >> PAGE_SHIFT) ? object_new_shared(len) : nullptr;
}

long vm_mmap(struct vm *vm, va_t addr, u64 len, int prot, int flags, struct object *object,
	     u32 max_prot, u64 offset)
{
	constexpr int PLAIN = MAP_PRIVATE | MAP_ANONYMOUS;
	constexpr int ANY = MAP_TYPE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE | MAP_LOCKED;
	struct region r = { .flags = ((u32)prot & R_PROT) | R_MAXALL, .object = object };

	if (unlikely(len - 1 >= USER_END || !is_aligned(offset, PAGE_SIZE) || (flags & MAP_HUGETLB)))
		return refuse_early(len, offset, flags, object);
	len = align_up(len, PAGE_SIZE);
	if (unlikely(object || (flags & ANY) != PLAIN)) {
		int err = decode_region(vm, len, prot, flags, max_prot, offset, &r);

		if (err)
			return vm_mmap_refused(vm, addr, len, flags, offset, err);
		if (!object && (r.flags & R_SHARED)) {
			r.object = make_shared(len, r.flags);
			if (!r.object)
				return -ENOMEM;
		}
	}
	long res = mmap_region(vm, addr, len, flags, &r);

	if (unlikely(r.object != object))
		object_put(r.object);	/* the region has its own reference */
	return res;
}

long vm_munmap(struct vm *vm, va_t addr, u64 len)
{
	if (!is_aligned(addr, PAGE_SIZE) || !len || addr > USER_END || len > USER_END - addr)
		return -EINVAL;
	scoped_write(&vm->lock);
	return unmap(vm, addr, addr + align_up(len, PAGE_SIZE));
}

int vm_map_fixed(struct vm *vm, const struct region *r)
{
	if (!range_ok(r->start, r->end - r->start))
		return -ENOMEM;
	if (r->start < MMAP_MIN)
		return -EPERM;
	scoped_write(&vm->lock);
	int err = map_check_limits(vm, (r->end - r->start) >> PAGE_SHIFT, r->flags);

	if (err)
		return err;
	struct layout_change c;

	layout_seek(&vm->layout, r->start, &c);
	return layout_free_here(&c, r->end) ? insert_here(vm, r, &c) : map_replace(vm, r, &c);
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
