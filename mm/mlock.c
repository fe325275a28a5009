// SPDX-License-Identifier: MIT
/*
 * mlock(2) and its family. A locked region is brought in at once, for writing where it is private (the shared page of zeros
 * is not locked memory), or with MLOCK_ONFAULT as it is touched. What a device maps needs no locking and is passed
 * over.
 */
#include "mm/map.h"
#include "mm/mman.h"
#include "mm/vm.h"

constexpr u32 LOCKS = R_LOCKED | R_LOCKONFAULT;

int map_check_locked(const struct vm *vm, u64 pages)
{
	bool within = vm->limits.memlock == ~0ul || vm->layout.locked_pages + pages <= vm->limits.memlock >> PAGE_SHIFT;

	return within || vm_lock_unlimited() ? 0 : -EAGAIN;
}

bool map_may_lock(const struct vm *vm)
{
	return vm->limits.memlock || vm_lock_unlimited();
}

int map_populate(struct vm *vm, va_t start, va_t end, bool strict)
{
	struct region r;
	int res = 0;

	for (va_t va = start; va < end; va = r.end) {
		rwlock_read(&vm->lock);
		bool found = layout_next(&vm->layout, va, &r);
		rwlock_read_done(&vm->lock);

		if (!found || r.start >= end)
			break;
		if (r.flags & (R_LOCKONFAULT | R_DEVICE))
			continue;
		bool write = (r.flags & (R_WRITE | R_SHARED)) == R_WRITE;
		int err = vm_populate(vm, max(va, r.start), min(r.end, end), write ? P_W : P_R);

		if (err && strict)
			return err;
	}
	return res;
}

void map_populate_locked(struct vm *vm, va_t start, va_t end)
{
	constexpr u32 mask = R_LOCKED | R_WRITE | R_SHARED;
	struct region r;

	for (va_t va = start; va < end; va = r.end) {
		rwlock_read(&vm->lock);
		bool found = layout_next(&vm->layout, va, &r);
		rwlock_read_done(&vm->lock);

		if (!found || r.start >= end)
			return;
		if ((r.flags & mask) == (R_LOCKED | R_WRITE))
			(void)map_populate(vm, max(va, r.start), min(r.end, end), false);
	}
}

/* Locks or unlocks [start, end) of one region. Under the write lock. */
[[nodiscard]] static int lock_region(struct vm *vm, const struct region *r, va_t start, va_t end, u32 lock)
{
	return r->flags & (R_DEVICE | R_VDSO) ? 0 : map_update(vm, start, end, LOCKS, lock);
}

/* Up to the first hole. */
[[nodiscard]] static int lock_range(struct vm *vm, va_t start, va_t end, u32 lock)
{
	struct region r;
	int err = 0;

	for (va_t va = start; !err && va < end; va = r.end) {
		if (!layout_find(&vm->layout, va, &r))
			return -ENOMEM;
		err = lock_region(vm, &r, va, min(r.end, end), lock);
	}
	return err;
}

long vm_mlock(struct vm *vm, va_t addr, u64 len, u32 lock)
{
	va_t start = addr & PAGE_MASK, end;
	u64 rounded = align_up(len + (addr - start), PAGE_SIZE);	/* a length that wraps is none: as on Linux */
	int err = map_range(start, rounded, -EINVAL, &end);

	if (lock && !map_may_lock(vm))
		return -EPERM;
	if (err && lock && map_check_locked(vm, rounded >> PAGE_SHIFT))
		return -ENOMEM;
	if (err || start == end)
		return err;
	rwlock_write(&vm->lock);
	u64 pages = (end - start) >> PAGE_SHIFT, now = layout_count(&vm->layout, start, end, R_LOCKED);

	err = lock && map_check_locked(vm, pages - now) ? -ENOMEM : lock_range(vm, start, end, lock);
	rwlock_write_done(&vm->lock);
	if (err || !lock)
		return err;
	err = map_populate(vm, start, end, true);
	return err == -EFAULT ? -ENOMEM : err == -ENOMEM ? -EAGAIN : err;	/* as POSIX has them */
}

/* Locks or unlocks all there is. */
[[nodiscard]] static int lock_all(struct vm *vm, u32 lock)
{
	struct region r;
	int err = 0;

	for (va_t va = 0; !err && layout_next(&vm->layout, va, &r); va = r.end)
		err = lock_region(vm, &r, r.start, r.end, lock);
	return err;
}

long vm_munlockall(struct vm *vm)
{
	scoped_write(&vm->lock);
	vm->def_flags &= ~LOCKS;
	return lock_all(vm, 0);
}

long vm_mlockall(struct vm *vm, int flags)
{
	u32 lock = R_LOCKED | (flags & MCL_ONFAULT ? R_LOCKONFAULT : 0);
	int err = 0;

	if (!flags || flags == MCL_ONFAULT || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
		return -EINVAL;
	if (!map_may_lock(vm))
		return -EPERM;
	rwlock_write(&vm->lock);
	bool over = vm->limits.memlock != ~0ul && vm->layout.pages > vm->limits.memlock >> PAGE_SHIFT;

	if ((flags & MCL_CURRENT) && over && !vm_lock_unlimited()) {
		err = -ENOMEM;
	} else {
		vm->def_flags = (vm->def_flags & ~LOCKS) | (flags & MCL_FUTURE ? lock : 0);
		err = flags & MCL_CURRENT ? lock_all(vm, lock) : 0;
	}
	rwlock_write_done(&vm->lock);
	if (!err && (flags & MCL_CURRENT))
		(void)map_populate(vm, 0, USER_END, false);
	return err;
}
