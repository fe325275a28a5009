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
	m->old_len = align_up(m->old_len, PAGE_SIZE);	/* what wraps is no length: as on Linux */
	if (m->new_len > USER_END)
		return -EINVAL;
	m->new_len = align_up(m->new_len, PAGE_SIZE);
	if ((m->flags & MREMAP_DONTUNMAP) && m->old_len != m->new_len)
		return -EINVAL;
	if (!(m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return 0;
	if (!is_aligned(m->new_addr, PAGE_SIZE) || m->new_addr > USER_END ||
	    m->new_len > USER_END - m->new_addr)
		return -EINVAL;
	if (m->old + m->old_len > m->new_addr && m->new_addr + m->new_len > m->old)
		return -EINVAL;
	return (m->flags & MREMAP_FIXED) && m->new_addr < MMAP_MIN ? -EPERM : 0;
}

/* Nothing moves and nothing is added. */
static bool only_shrinks(const struct remap *m)
{
	return !(m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && m->new_len <= m->old_len;
}

/* The region must hold all that stays or moves; what is cut off may lie in others, or in none. */
[[nodiscard]] static int find_region(struct vm *vm, struct remap *m)
{
	if (!layout_find(&vm->layout, m->old, &m->region))
		return -EFAULT;
	struct region *r = &m->region;

	if (r->flags & R_SEALED)
		return -EPERM;
	if (m->new_len < m->old_len && m->old_len > USER_END - m->old)
		return -EINVAL;		/* no range to unmap */
	if (only_shrinks(m))
		return 0;
	if (min(m->old_len, m->new_len) > r->end - m->old)
		return -EFAULT;
	if (!m->old_len && !(r->flags & R_SHARED))
		return -EINVAL;
	if (r->flags & R_DEVICE)
		return -EINVAL;
	if (m->new_len <= m->old_len && !(m->flags & MREMAP_DONTUNMAP))
		return 0;
	u64 more = (m->new_len - (m->flags & MREMAP_DONTUNMAP ? 0 : m->old_len)) >> PAGE_SHIFT;
	bool locks_more = (r->flags & R_LOCKED) && m->new_len > m->old_len;
	int err = locks_more ? map_check_locked(vm, more) : 0;

	return err ? err : map_check_limits(vm, more, r->flags);
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
	struct layout_change c;
	struct tlb_batch b;
	struct page *low = nullptr;
	bool stays = m->flags & MREMAP_DONTUNMAP;
	int err = layout_prepare(&vm->layout, r.start, r.end, false, &c);

	if (!err)
		err = layout_prepare_also(&vm->layout, m->old, m->old + m->old_len, &c);
	if (err)
		return err;
	tlb_begin(&b, vm);
	if (m->old_len)		/* else it stays, and is mapped a second time */
		err = pt_prepare(vm, m->old, m->old + m->old_len, &low);
	if (!err && low)
		err = pt_move(&b, m->old, m->new_addr, min(m->old_len, m->new_len));
	if (!err) {
		layout_insert(&vm->layout, &r, &c);
		map_inserted(vm, &r);
		if (m->old_len && !stays)
			layout_remove(&vm->layout, m->old, m->old + m->old_len, &c);
		/* What is left at the old place: a tail that did not come along, and empty tables. */
		if (low)
			err = pt_unmap(&b, m->old, m->old + m->old_len);
		assert(!err);
	}
	tlb_finish(&b);
	layout_done(&c);
	return err ? err : (long)m->new_addr;
}

/* MREMAP_DONTUNMAP: the region that stays, empty, is no longer locked. Without memory to say so it stays locked, and counted. */
static void unlock_old(struct vm *vm, const struct remap *m)
{
	va_t end = m->old + m->old_len;

	if (!(m->flags & MREMAP_DONTUNMAP) || !(m->region.flags & R_LOCKED))
		return;
	(void)map_update(vm, m->old, end, R_LOCKED | R_LOCKONFAULT, 0);
}

static long remap_locked(struct vm *vm, struct remap *m)
{
	int err = find_region(vm, m);

	if (err)
		return err;
	if (only_shrinks(m)) {
		if (m->new_len < m->old_len)
			err = map_unmap(vm, m->old + m->new_len, m->old + m->old_len);
		return err ? err : (long)m->old;
	}
	if (!(m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && m->old_len && can_grow_in_place(vm, m))
		return grow_in_place(vm, m);
	if (!(m->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (vm->layout.regions + 3 > REGIONS_MAX)
		return -ENOMEM;
	if (m->flags & MREMAP_FIXED) {
		err = map_unmap(vm, m->new_addr, m->new_addr + m->new_len);
		if (!err && !m->old_len)	/* that may have been the region itself, and the end of its object */
			err = find_region(vm, m);
	} else {
		/* With MREMAP_DONTUNMAP the address is a hint. */
		m->new_addr = map_find_gap(vm, m->flags & MREMAP_DONTUNMAP ? m->new_addr : 0, m->new_len);
		err = m->new_addr ? 0 : -ENOMEM;
	}
	if (err)
		return err;
	long res = move(vm, m);

	if (res > 0)
		unlock_old(vm, m);
	return res;
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
	if (res > 0 && (m.region.flags & R_LOCKED) && m.new_len > m.old_len)
		(void)map_populate(vm, (va_t)res + m.old_len, (va_t)res + m.new_len, false);
	return res;
}

/* remap_file_pages(2): other pages of the same object appear in a part of a shared mapping. What Linux emulates too: a
 * new mapping in that place. */
long vm_remap_file_pages(struct vm *vm, va_t addr, u64 len, int prot, u64 page, int flags)
{
	va_t start = addr & PAGE_MASK, end = start + (len & PAGE_MASK);
	struct region r;

	if (prot || end <= start || page + ((end - start) >> PAGE_SHIFT) < page || page >> (64 - PAGE_SHIFT))
		return -EINVAL;
	rwlock_read(&vm->lock);
	bool ok = layout_find(&vm->layout, start, &r) && (r.flags & R_SHARED) && end <= r.end &&
		  !(r.flags & R_DEVICE);
	if (ok)
		object_get(r.object);
	rwlock_read_done(&vm->lock);
	if (!ok)
		return -EINVAL;
	int how = MAP_SHARED | MAP_FIXED | MAP_POPULATE | (flags & MAP_NONBLOCK) |
		  (r.flags & R_LOCKED ? MAP_LOCKED : 0);
	u32 max = r.flags & (R_MAXREAD | R_MAXWRITE | R_MAXEXEC);
	long res = vm_mmap(vm, start, end - start, r.flags & R_PROT, how, r.object, max, page << PAGE_SHIFT);

	object_put(r.object);
	return res < 0 ? res : 0;
}
