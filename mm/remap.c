// SPDX-License-Identifier: MIT
/*
 * mremap(2): shrink, grow in place, or move. A move takes the entries along, whole table slots where both
 * places are aligned: its cost does not depend on what is resident. All that can fail comes first.
 */
#include "mm/map.h"
#include "mm/mman.h"
#include "mm/pt.h"
#include "mm/vm.h"

struct remap {
	va_t old;
	u64 old_len, new_len;		/* rounded to pages */
	int flags;
	va_t new_addr;
	struct region region;		/* that holds `old` */
};

[[nodiscard]] static int decode(struct remap *m)
{
	constexpr int known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

	if ((m->flags & ~known) || !is_aligned(m->old, PAGE_SIZE) || !m->new_len)
		return -EINVAL;
	if ((m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(m->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((m->flags & MREMAP_DONTUNMAP) && m->old_len != m->new_len)
		return -EINVAL;
	if (m->old_len > USER_END || m->new_len > USER_END)
		return -EINVAL;
	m->old_len = align_up(m->old_len, PAGE_SIZE);
	m->new_len = align_up(m->new_len, PAGE_SIZE);
	if (!(m->flags & MREMAP_FIXED))
		return 0;
	if (!is_aligned(m->new_addr, PAGE_SIZE) || m->new_addr >= USER_END ||
	    m->new_len > USER_END - m->new_addr)
		return -EINVAL;
	bool apart = m->new_addr + m->new_len <= m->old || m->old + m->old_len <= m->new_addr;

	return apart ? 0 : -EINVAL;
}

/* The region must hold the whole old range. */
[[nodiscard]] static int find_region(struct vm *vm, struct remap *m)
{
	if (!layout_find(&vm->layout, m->old, &m->region))
		return -EFAULT;
	struct region *r = &m->region;

	if (m->old_len > r->end - m->old)
		return -EFAULT;
	if (!m->old_len && !(r->flags & R_SHARED))
		return -EINVAL;
	if (r->flags & R_DEVICE)
		return -EINVAL;
	if ((m->flags & MREMAP_DONTUNMAP) && (r->object || (r->flags & R_SHARED)))
		return -EINVAL;
	if (m->new_len <= m->old_len && !(m->flags & MREMAP_DONTUNMAP))
		return 0;
	u64 more = (m->new_len - (m->flags & MREMAP_DONTUNMAP ? 0 : m->old_len)) >> PAGE_SHIFT;
	int err = map_check_limits(vm, more, r->flags);

	return err || !(r->flags & R_LOCKED) ? err : map_check_locked(vm, more);
}

/* The part of the region at `old`, as it will look at `start`, `len` bytes long. */
static struct region part(const struct remap *m, va_t start, u64 skip, u64 len)
{
	struct region r = m->region;

	if (r.object)
		r.offset += (m->old + skip - r.start) >> PAGE_SHIFT;
	r.start = start;
	r.end = start + len;
	return r;
}

static long grow_in_place(struct vm *vm, const struct remap *m)
{
	va_t end = m->old + m->old_len;
	struct region r = part(m, end, m->old_len, m->new_len - m->old_len);
	int err = map_insert(vm, &r);

	return err ? err : (long)m->old;
}

static bool can_grow_in_place(const struct vm *vm, const struct remap *m)
{
	va_t end = m->old + m->old_len, new_end = m->old + m->new_len;

	return m->region.end == end && new_end > end && new_end <= USER_END &&
	       layout_is_free(&vm->layout, end, new_end);
}

/* Entries and layout go from old to m->new_addr, which is free. */
static long move(struct vm *vm, const struct remap *m)
{
	struct region r = part(m, m->new_addr, 0, m->new_len);
	struct layout_spare spare;
	struct tlb_batch b;
	int err = layout_reserve(&vm->layout, &spare, 3);

	if (err)
		return err;
	tlb_begin(&b, vm);
	err = pt_prepare(vm, m->old, m->old + m->old_len);
	if (!err && m->old_len)
		err = pt_move(&b, m->old, m->new_addr, min(m->old_len, m->new_len));
	if (!err) {
		layout_insert(&vm->layout, &r, &spare);
		map_account(vm, &r);
		if (m->old_len && !(m->flags & MREMAP_DONTUNMAP)) {
			map_unaccount(vm, m->old, m->old + m->old_len);
			layout_remove(&vm->layout, m->old, m->old + m->old_len, &spare);
		}
		/* What is left at the old place: a tail that did not come along, and empty tables. */
		err = pt_unmap(&b, m->old, m->old + m->old_len);
		assert(!err);
	}
	tlb_finish(&b);
	layout_release(&spare);
	return err ? err : (long)m->new_addr;
}

static long remap_locked(struct vm *vm, struct remap *m)
{
	int err = find_region(vm, m);

	if (err)
		return err;
	if (!(m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && m->old_len) {
		if (m->new_len < m->old_len)
			err = map_unmap(vm, m->old + m->new_len, m->old + m->old_len);
		if (m->new_len <= m->old_len)
			return err ? err : (long)m->old;
		if (can_grow_in_place(vm, m))
			return grow_in_place(vm, m);
	}
	if (!(m->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (vm->layout.regions + 3 > REGIONS_MAX)
		return -ENOMEM;
	if (m->flags & MREMAP_FIXED) {
		err = map_unmap(vm, m->new_addr, m->new_addr + m->new_len);
	} else {
		m->new_addr = map_find_gap(vm, m->new_len);
		err = m->new_addr ? 0 : -ENOMEM;
	}
	return err ? err : move(vm, m);
}

long vm_mremap(struct vm *vm, va_t old, u64 old_len, u64 new_len, int flags, va_t new_addr)
{
	struct remap m = {
		.old = old, .old_len = old_len, .new_len = new_len, .flags = flags, .new_addr = new_addr,
	};
	int err = decode(&m);

	if (err)
		return err;
	rwlock_write(&vm->lock);
	long res = remap_locked(vm, &m);
	rwlock_write_done(&vm->lock);
	if (res > 0 && (m.region.flags & R_LOCKED))
		(void)vm_populate(vm, (va_t)res, (va_t)res + m.new_len, P_R);
	return res;
}
