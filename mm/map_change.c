// SPDX-License-Identifier: MIT
/*
 * Changing what is mapped, and asking: mprotect, mincore, msync. The layout is edited first, then the tables lose what
 * they must; rights that are gained come with the next fault or, where entries exist, at once.
 */
#include "mm/map.h"
#include "mm/commit.h"
#include "mm/mman.h"
#include "mm/pt.h"
#include "mm/user.h"
#include "mm/vm.h"

int map_range(va_t addr, u64 len, int wraps, va_t *end)
{
	if (!is_aligned(addr, PAGE_SIZE))
		return -EINVAL;
	u64 rounded = align_up(len, PAGE_SIZE);

	if (rounded < len || addr + rounded < addr)
		return wraps;
	*end = addr + rounded;
	return 0;
}

/* Would there be too many regions once those that reach over the edges of [start, end) are cut there? */
static bool too_many_cuts(const struct vm *vm, va_t start, va_t end)
{
	struct region r;
	unsigned cuts = layout_find(&vm->layout, start, &r) && r.start < start;

	cuts += layout_find(&vm->layout, end, &r) && r.start < end;
	return cuts && vm->layout.regions + cuts > REGIONS_MAX;
}

int map_update(struct vm *vm, va_t start, va_t end, u32 clear, u32 set)
{
	struct layout_change c;

	if (unlikely(vm->layout.regions + 2 > REGIONS_MAX) && too_many_cuts(vm, start, end))
		return -ENOMEM;
	int err = layout_prepare(&vm->layout, start, end, true, &c);

	if (unlikely(err))
		return err;
	layout_update(&vm->layout, start, end, clear, set, &c);
	layout_done(&c);
	return 0;
}

/* By how much a change of rights makes these grow. */
struct growth {
	u64 data, promised;		/* pages */
};

/* So many pages of r gain the right to write. */
[[nodiscard]] static int check_growth(const struct vm *vm, const struct region *r, u64 pages, struct growth *g)
{
	u32 flags = r->flags | R_WRITE;

	if (region_is_data(flags)) {
		g->data += pages;
		if (vm->limits.data != ~0ul && vm->layout.data_pages + g->data > vm->limits.data >> PAGE_SHIFT)
			return -ENOMEM;
	}
	if (!commit_counts(flags))
		return 0;
	g->promised += pages;
	return commit_allows(g->promised) ? 0 : -ENOMEM;
}

/* May the part [va, end) of r, or of nothing, have these rights? */
[[nodiscard]] static inline int check_region(const struct vm *vm, const struct region *r, va_t va, va_t end, u32 prot,
					     struct growth *g)
{
	if (!r || r->start > va)
		return -ENOMEM;
	if (unlikely(r->flags & R_SEALED))
		return -EPERM;
	if (prot & ~(r->flags >> 3))
		return -EACCES;
	if (!(prot & ~r->flags & R_WRITE))
		return 0;		/* all else needs no memory */
	return check_growth(vm, r, (min(r->end, end) - va) >> PAGE_SHIFT, g);
}

/* How far may the regions from start on, of which r is the first, have these rights? *end comes down to the first that may not, or
 * the first hole, and the reason is the result. */
[[nodiscard]] static int check_regions(const struct vm *vm, const struct region *r, va_t start, va_t *end, u32 prot)
{
	struct growth g = {};
	struct region next;

	for (va_t va = start;;) {
		int err = check_region(vm, r, va, *end, prot, &g);

		if (unlikely(err)) {
			*end = va;
			return err;
		}
		if (r->end >= *end)
			return 0;
		va = r->end;
		r = layout_find(&vm->layout, va, &next) ? &next : nullptr;
	}
}

/* PROT_GROWSUP: no stack of these CPUs does. */
[[nodiscard]] static int refuse_grows_up(struct vm *vm, va_t start)
{
	struct region r;

	scoped_read(&vm->lock);
	return layout_find(&vm->layout, start, &r) ? -EINVAL : -ENOMEM;
}

/* A stack's mprotect with PROT_GROWSDOWN starts where its region does, which may lie above start. */
[[nodiscard]] static int grows_down_start(const struct vm *vm, va_t *start, va_t end)
{
	struct region r;

	if (!layout_next(&vm->layout, *start, &r) || r.start >= end)
		return -ENOMEM;
	*start = r.start;
	return r.flags & R_GROWSDOWN ? 0 : -EINVAL;
}

/* Will locked private memory gain the right to write? Then it gets its own copies at once: as on Linux. */
static bool locked_gains_write(const struct vm *vm, va_t start, va_t end, u32 prot)
{
	struct region r;

	if (likely(!vm->layout.locked_pages) || !(prot & R_WRITE))
		return false;
	for (va_t va = start; va < end && layout_next(&vm->layout, va, &r) && r.start < end; va = r.end) {
		if ((r.flags & (R_WRITE | R_SHARED | R_LOCKED)) == R_LOCKED)
			return true;
	}
	return false;
}

/* The layout's change is prepared. Tables are made our own first, which may fail; then layout and entries. */
[[nodiscard, gnu::always_inline]] static inline int protect_range(struct vm *vm, struct layout_change *c, va_t start, va_t end,
								  u32 prot)
{
	struct pte *first;
	int err = pt_prepare_leaves(vm, start, end, !(prot & R_EXEC), &first);

	if (unlikely(err))
		return err;
	layout_update(&vm->layout, start, end, R_PROT, prot, c);
	pt_protect(vm, first, start, end, map_rights(prot));
	return 0;
}

/* What may change does, up to what may not, where *stop_at comes to lie: as on Linux. */
[[nodiscard, gnu::noinline]] static int protect_regions(struct vm *vm, struct layout_change *c, va_t start, va_t *stop_at, u32 prot,
							bool *populate)
{
	int stop = check_regions(vm, layout_here(c), start, stop_at, prot);

	if (start == *stop_at)
		return stop;
	if (vm->layout.regions > REGIONS_MAX - 2 && too_many_cuts(vm, start, *stop_at))
		return -ENOMEM;
	bool gains = locked_gains_write(vm, start, *stop_at, prot);
	int err = protect_range(vm, c, start, *stop_at, prot);

	*populate = gains && !err;
	return err ?: stop;
}

/* As a rule it is one region, or a part of one, of which nothing is locked. */
[[nodiscard]] static inline int protect_locked(struct vm *vm, va_t start, va_t *end, u32 prot, bool *populate)
{
	struct layout_change c;
	struct growth g = {};
	int err = layout_prepare(&vm->layout, start, *end, true, &c);

	if (unlikely(err))
		return err;
	const struct region *r = layout_here(&c);

	if (unlikely(!r || r->end < *end || vm->layout.locked_pages || vm->layout.regions > REGIONS_MAX - 2))
		err = protect_regions(vm, &c, start, end, prot, populate);
	else
		err = check_region(vm, r, start, *end, prot, &g) ?: protect_range(vm, &c, start, *end, prot);
	layout_done(&c);
	return err;
}

/* [start, end) is not empty. down: it begins where its stack does. */
[[gnu::noinline]] static long protect(struct vm *vm, va_t start, va_t end, u32 prot, bool down)
{
	bool populate = false;
	int err = 0;

	rwlock_write(&vm->lock);
	if (unlikely(down))
		err = grows_down_start(vm, &start, end);
	if (likely(!err))
		err = protect_locked(vm, start, &end, prot, &populate);
	rwlock_write_done(&vm->lock);
	if (unlikely(populate))
		map_populate_locked(vm, start, end);
	return err;
}

constexpr int PROT_ANY = PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM;

/* Of stacks, and what makes no sense. */
[[gnu::cold, gnu::noinline]] static long protect_odd(struct vm *vm, va_t addr, u64 len, int prot)
{
	constexpr int BOTH = PROT_GROWSDOWN | PROT_GROWSUP;
	va_t end;

	if ((prot & BOTH) == BOTH)
		return -EINVAL;		/* whatever the range is, as on Linux */
	int err = map_range(addr, len, -ENOMEM, &end);

	if (err || addr == end)
		return err;
	if (!(prot & ~(PROT_ANY | PROT_GROWSDOWN)))
		return protect(vm, addr, end, (u32)prot & R_PROT, prot & PROT_GROWSDOWN);
	return prot & ~(PROT_ANY | BOTH) ? -EINVAL : refuse_grows_up(vm, addr);
}

long vm_mprotect(struct vm *vm, va_t addr, u64 len, int prot)
{
	if (unlikely(!is_aligned(addr, PAGE_SIZE) || addr >= USER_END || len - 1 >= USER_END || (prot & ~PROT_ANY)))
		return protect_odd(vm, addr, len, prot);
	return protect(vm, addr, addr + align_up(len, PAGE_SIZE), (u32)prot & R_PROT, false);
}

/* From now on nothing is unmapped there, moved, replaced or protected otherwise, and read-only private memory is not thrown away
 * (Linux's mseal.rst). It ends with the address space. */
long vm_mseal(struct vm *vm, va_t addr, u64 len)
{
	va_t end;
	int err = map_range(addr, len, -EINVAL, &end);

	if (err || addr == end)
		return err;
	scoped_write(&vm->lock);
	if (!layout_covers(&vm->layout, addr, end))
		return -ENOMEM;
	vm->sealed = true;
	return map_update(vm, addr, end, 0, R_SEALED);
}

/* Is the page in memory: mapped here, or cached in its object? */
static bool resident(struct vm *vm, va_t va)
{
	struct region r;
	struct page *p = nullptr;
	int level;
	enum pte_kind kind = pte_kind(pt_lookup(vm, va, &level), level);

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
	if (map_range(addr, len, -ENOMEM, &end) || end > USER_END)
		return -ENOMEM;
	if (!user_range_ok(vec, (end - addr) >> PAGE_SHIFT))
		return -EFAULT;
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

/* What a part of [*addr, end) shares with a store, which *addr moves behind: the object with a reference and its pages. False: no
 * more. */
static bool next_stored(struct vm *vm, va_t *addr, va_t end, struct object **o, u64 *first, u64 *last)
{
	struct region r;

	scoped_read(&vm->lock);
	while (*addr < end && layout_find(&vm->layout, *addr, &r)) {
		va_t from = *addr;

		*addr = min(r.end, end);
		if (!(r.flags & R_SHARED) || !r.object || !r.object->ops->writeback)
			continue;
		*first = r.offset + ((from - r.start) >> PAGE_SHIFT);
		*last = *first + ((*addr - from) >> PAGE_SHIFT) - 1;
		object_get(r.object);
		*o = r.object;
		return true;
	}
	return false;
}

static int sync_stored(struct vm *vm, va_t addr, va_t end)
{
	struct object *o;
	u64 first, last;
	int res = 0;

	while (next_stored(vm, &addr, end, &o, &first, &last)) {
		int err = object_writeback(o, first, last);

		object_put(o);
		res = res ? res : err;
	}
	return res;
}

static int check_msync(struct vm *vm, va_t addr, va_t end, int flags)
{
	scoped_read(&vm->lock);
	if ((flags & MS_INVALIDATE) && layout_count(&vm->layout, addr, end, R_LOCKED))
		return -EBUSY;
	return layout_covers(&vm->layout, addr, end) ? 0 : -ENOMEM;
}

long vm_msync(struct vm *vm, va_t addr, u64 len, int flags)
{
	va_t end;
	/* A length that wraps is none: as on Linux. */
	int err = map_range(addr, align_up(len, PAGE_SIZE), -ENOMEM, &end);

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (err || addr == end)
		return err;
	/* Shared pages are the page cache itself: what they have to go to is its store, if it has one. */
	err = check_msync(vm, addr, end, flags);
	return err || !(flags & MS_SYNC) ? err : sync_stored(vm, addr, end);
}
