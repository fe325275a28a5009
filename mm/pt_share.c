// SPDX-License-Identifier: MIT
/*
 * Sharing tables and undoing it: pt_clone() shares one level, pt_own() makes a path our own again.
 *
 * A slot that points to a shared table is write-protected; by induction a path without such a slot is
 * ours alone: its tables have one reference, no other address space can reach them, and a thread that holds
 * vm->lock for reading may walk it without table locks (only fork and unmap, which write-lock, can take
 * it away).
 *
 * pt_own() of a shared table T below P copies the whole rest of the path, unpublished, and links it with one
 * clear, flush, set under P's lock (break-before-make: P's slot changes its address, and a stale walk cache
 * must not lead to T any more when the first entry below changes). T is let go of only after the flush.
 */
#include "mm/pt.h"
#include "mm/block.h"
#include "mm/pt_internal.h"
#include "mm/stats.h"
#include "mm/swap.h"
#include "mm/vm.h"

/* Two functions count one reference more for what an entry refers to, and return the entry that both sides keep. */
static inline struct pte upper_share(struct pte e, int level)
{
	if (likely(pte_kind(e, level) == PTE_TABLE))
		__atomic_fetch_add(&pa_page(pte_table_pa(e))->refs, 1, __ATOMIC_RELAXED);
	else
		block_get(pa_page(pte_pa(e, level)));
	return pte_wprotect(e, level);
}

/* Of level 0: a swap entry, or a page that nobody may use. */
[[gnu::noinline]] static struct pte absent_entry_share(struct pte e)
{
	if (pte_kind(e, 0) == PTE_SWAP)
		swap_get((u32)pte_payload(e));
	else if (pte_has_page(e))
		page_get(pa_page(pte_pa(e, 0)));
	return e;
}

/* Law 7. */
[[gnu::noinline]] static struct pte shared_entry_share(struct pte e)
{
	if (pte_has_page(e))
		page_get(pa_page(pte_pa(e, 0)));
	return e;
}

/* Level 0. frames: of address 0, which each entry would look up again. */
static inline struct pte page_entry_share(struct pte e, struct page *frames)
{
	if (unlikely(pte_absent(e)))
		return absent_entry_share(e);
	if (unlikely(pte_prot(e, 0) & P_SHARED))
		return shared_entry_share(e);
	page_get(frames + (pte_pa(e, 0).v >> PAGE_SHIFT));
	return pte_wprotect(e, 0);
}

/*
 * Eight slots but for `skip`. The source's entries are restricted by plain stores: a frozen table has no writable translation, and
 * entries are filled with Accessed and Dirty preset, so that no CPU has a reason to write to them meanwhile.
 */
[[gnu::always_inline]] static inline void group_share(struct pte *from, struct pte *to, int level, const struct pte *skip,
						      struct page *frames)
{
#pragma clang loop unroll(full)
	for (unsigned i = 0; i < 8; i++) {
		struct pte e = from[i];

		/* Two branches, and in this order: most slots of upper levels are empty. */
		if (level ? likely(!e.raw) : !e.raw)
			continue;
		if (level && unlikely(from + i == skip))
			continue;
		struct pte shared = level ? upper_share(e, level) : page_entry_share(e, frames);

		if (shared.raw != e.raw)
			store_release(&from[i].raw, shared.raw);
		to[i] = shared;
	}
}

[[gnu::noinline]] static void slots_share(struct page *dst, struct page *src, const struct pte *skip)
{
	struct pte *from = pt_slots(src), *to = pt_slots(dst);
	struct page *frames = pa_page((struct pa){ 0 });
	int level = src->level;

	for (u64 groups = src->groups; groups; groups &= groups - 1) {
		unsigned first = 8 * (unsigned)__builtin_ctzl(groups);

		if (level)
			group_share(from + first, to + first, level, skip, frames);
		else
			group_share(from + first, to + first, 0, nullptr, frames);
	}
}

void pt_clone(struct page *dst, struct page *src, const struct pte *skip)
{
	/* A table on the way to the stack often has nothing but the skipped slot. */
	if (src->used > (skip ? 1 : 0))
		slots_share(dst, src, skip);
	dst->groups = src->groups;
	dst->used = src->used;
	dst->swapped = src->swapped;
	vm_count(clones);
}

/* Tables for the rest of a path, allocated before locks are taken. */
struct spare_tables {
	unsigned count;
	struct page *tables[PT_LEVELS];
};

static void spare_free(struct spare_tables *s)
{
	while (s->count)
		pt_put(s->tables[--s->count]);
}

[[nodiscard]] static int spare_fill(struct spare_tables *s, unsigned want, u32 flags)
{
	/* Of a debug build each can be made to fail: pt_new(). */
	s->count = DEBUG_BUILD ? 0 : pt_take_cached(s->tables, want);
	while (s->count < want) {
		struct page *t = pt_new(0, flags);

		if (!t) {
			spare_free(s);
			return -ENOMEM;
		}
		s->tables[s->count++] = t;
	}
	return 0;
}

/* One table of a path that is copied: `copy` shares all that src has, but gets a new table of its own, which is returned, in the place of
 * what src's slot `next` leads to. */
static struct page *copy_upper(struct page *copy, struct page *src, const struct pte *next, struct spare_tables *spare)
{
	struct page *below = spare->tables[--spare->count];

	below->level = src->level - 1;
	pt_clone(copy, src, next);
	pt_slots(copy)[next - pt_slots(src)] = pte_table(page_pa(below));
	return below;
}

/*
 * A copy of `src` that nobody sees yet, with the path to va below it copied too, down to `level`. The slots of that path stay as they
 * are in the originals: what they lead to gains no sharer, and stays as long as the caller's reference on `src` does.
 */
static struct page *copy_path(struct page *src, va_t va, int level, struct spare_tables *spare)
{
	struct page *top = spare->tables[--spare->count], *copy = top;

	copy->level = src->level;
	for (;;) {
		struct pte *next = &pt_slots(src)[pt_index(va, src->level)];

		spin_lock(&src->lock);
		struct pte e = *next;
		bool last = src->level == level || pte_kind(e, src->level) != PTE_TABLE;

		if (last)
			pt_clone(copy, src, nullptr);
		else
			copy = copy_upper(copy, src, next, spare);
		spin_unlock(&src->lock);
		if (last)
			return top;
		src = pa_page(pte_table_pa(e));
	}
}

/* Is there a private page that is ours alone, path and all, and may be written? */
static bool writable_alone(struct vm *vm, va_t va)
{
	int stopped;
	struct pte e = pte_load(pt_walk(vm->root, va, 0, &stopped));

	if (stopped || pte_kind(e, 0) != PTE_LEAF || !pte_writable(e, 0) || pte_prot(e, 0) & (P_SHARED | P_X))
		return false;
	return page_is_alone(pa_page(pte_pa(e, 0)));
}

/* The roots share all but the path to va, which is copied, with the page at its end. That path is the parent's alone, and so are
 * its tables while the parent is locked for writing. */
static void clone_root_but(struct page *copy, struct page *src, va_t va, struct spare_tables *spare, struct page *page)
{
	while (src->level) {
		struct pte *next = &pt_slots(src)[pt_index(va, src->level)];

		copy = copy_upper(copy, src, next, spare);
		src = pa_page(pte_table_pa(*next));
	}
	unsigned index = pt_index(va, 0);
	struct pte *leaf = &pt_slots(src)[index], was = *leaf;
	struct page *old = pa_page(pte_pa(was, 0));

	pt_clone(copy, src, nullptr);
	/* The page has been shared with all of its table: take that back. */
	arch_page_copy(page_address(page), page_address(old));
	pt_slots(copy)[index] = (struct pte){ (was.raw & ~PTE_ADDRESS) | page_pa(page).v };
	store_release(&leaf->raw, was.raw);
	store_relaxed(&old->refs, 1);
}

void pt_clone_root(struct vm *child, struct vm *parent, va_t split)
{
	struct spare_tables spare;
	struct page *page = nullptr;

	debug_assert(rwlock_is_write_locked(&parent->lock));
	spare.count = 0;
	if (split && writable_alone(parent, split) && !spare_fill(&spare, PT_LEVELS - 1, PA_PLENTY))
		page = page_alloc(0, PAGE_ANON, PA_PLENTY);
	if (page)
		clone_root_but(child->root, parent->root, split, &spare, page);
	else
		pt_clone(child->root, parent->root, nullptr);
	spare_free(&spare);
}

/* P's slot (locked) leads to the shared table T: replace T by a copy of our own. */
static void replace_shared(struct vm *vm, struct page *p, struct page *t, va_t va, int level,
			   struct spare_tables *spare)
{
	struct pte *slot = &pt_slots(p)[pt_index(va, p->level)];
	va_t start = va & ~(pt_slot_size(p->level) - 1);
	struct page *copy = copy_path(t, va, level, spare);
	struct tlb_batch batch;

	store_release(&slot->raw, 0);
	tlb_begin(&batch, vm);
	tlb_add_range(&batch, start, start + pt_slot_size(p->level));
	batch.tables = true;
	tlb_flush(&batch);
	store_release(&slot->raw, pte_table(page_pa(copy)).raw);
	vm_count(owns);
}

/* P's slot (locked) maps a block: from now on a table with a page in each slot, and the same rights. The pages keep their
 * counts. Break-before-make, for the size changes (law 11). */
static void split_block(struct vm *vm, struct page *p, va_t va, struct spare_tables *spare, bool everywhere)
{
	struct pte *slot = &pt_slots(p)[pt_index(va, 1)], e = pte_load(slot);
	struct page *t = spare->tables[--spare->count];
	struct pa pa = pte_pa(e, 1);
	u32 prot = pte_prot(e, 1);
	struct tlb_batch batch;

	block_break(pa_page(pa));
	for (struct pte *s = pt_slots(t); s < pt_slots(t) + PT_SLOTS; s++, pa.v += PAGE_SIZE)
		*s = pte_leaf(pa, 0, prot);
	t->level = 0;
	t->used = PT_SLOTS;
	t->groups = ~0ul;
	store_release(&slot->raw, 0);
	tlb_begin(&batch, vm);
	tlb_add_block_range(&batch, va);
	if (everywhere)
		vm_flush_everywhere(batch.start, batch.end);
	else
		tlb_flush(&batch);
	store_release(&slot->raw, pte_table(page_pa(t)).raw);
	vm_count(block_split);
}

static inline bool table_alone(struct pte e, int level)
{
	return pte_kind(e, level) == PTE_TABLE && page_refs(pa_page(pte_table_pa(e))) == 1;
}

/*
 * P's slot, seen write-protected, leads to a table that is ours alone: the slot may write again. Tables are counted up
 * only from where they are reached, so one reference, looked at under P's lock, is this slot, and stays one: the
 * other sharers have copied what they wanted, and their last act was to let go. Returns the table; nullptr: it is another now.
 */
static struct page *thaw_slot(struct page *p, struct pte *slot)
{
	scoped_spin(&p->lock);
	struct pte e = pte_load(slot);

	if (!table_alone(e, p->level))
		return nullptr;
	store_release(&slot->raw, pte_wunprotect(e, p->level).raw);
	return pa_page(pte_table_pa(e));
}

/* A walk has stopped at `slot`: goes on as long as it only was write-protected and leads to what is ours alone. */
static struct pte *thaw_path(struct pte *slot, va_t va, int level, int *stopped)
{
	while (*stopped > level && table_alone(pte_load(slot), *stopped)) {
		struct page *t = thaw_slot(pt_table_of(slot), slot);

		if (unlikely(!t))
			break;
		slot = pt_walk_from(t, *stopped - 1, va, level, stopped);
	}
	return slot;
}

/* New tables for an empty slot of level `above`, down to `bottom`: what the slot is to hold. */
static struct pte new_path(int above, va_t va, int bottom, struct spare_tables *spare)
{
	struct pte link = {};

	for (int level = bottom; level < above; level++) {
		struct page *t = spare->tables[--spare->count];

		t->level = (u8)level;
		if (level > bottom)
			pt_slot_set(t, pt_index(va, level), link);
		link = pte_table(page_pa(t));
	}
	return link;
}

/*
 * One step on the way down: P's slot for va was seen empty, a block, or write-protected and shared. Returns the table to let go
 * of once P is unlocked, or nullptr. The caller walks again from P.
 */
static struct page *own_slot(struct vm *vm, struct page *p, va_t va, int level, int bottom, struct spare_tables *spare)
{
	unsigned index = pt_index(va, p->level);
	struct pte *slot = &pt_slots(p)[index];

	scoped_spin(&p->lock);
	struct pte e = pte_load(slot);

	if (!e.raw) {
		pt_slot_set(p, index, new_path(p->level, va, bottom, spare));
		return nullptr;
	}
	if (pte_kind(e, p->level) == PTE_LEAF) {
		split_block(vm, p, va, spare, false);
		return nullptr;
	}
	if (pte_writable(e, p->level))
		return nullptr;		/* somebody else was here first */
	/* Another sharer may let go meanwhile; a copy is right all the same. */
	struct page *t = pa_page(pte_table_pa(e));

	replace_shared(vm, p, t, va, level, spare);
	return t;
}

/* Another space may hold a frozen table's path meanwhile: who copies the table needs its lock, and who asks whether a slot is empty
 * takes it (range_empty), so the gap is not seen. */
bool pt_split_block(struct vm *vm, struct page *p, va_t va, bool everywhere)
{
	struct spare_tables spare;

	if (spare_fill(&spare, 1, PA_RESERVE))
		return false;
	spin_lock(&p->lock);
	if (pte_kind(pte_load(&pt_slots(p)[pt_index(va, 1)]), 1) == PTE_LEAF)
		split_block(vm, p, va, &spare, everywhere);
	spin_unlock(&p->lock);
	spare_free(&spare);
	return true;
}

enum own_how : u8 {
	OWN_CREATE = 1,			/* make the tables that are missing */
	OWN_BLOCK = 2,			/* stop at level 1, at a block or where nothing is */
};

/* Is the walk, which has stopped above `level` at e, over all the same? */
static inline bool ends_here(struct pte e, int stopped, u8 how)
{
	if ((how & OWN_BLOCK) && stopped == 1 && pte_kind(e, 1) != PTE_TABLE)
		return true;
	return !e.raw && !(how & OWN_CREATE);
}

/* The walk has stopped at `slot` of level `stopped`, above `level`: makes what is there ours; where nothing is, new tables down to
 * `bottom`. */
[[nodiscard, gnu::noinline]] static int own_step(struct vm *vm, struct pte *slot, int stopped, va_t va, int level, int bottom)
{
	struct spare_tables spare;
	/* A reader is a fault: it lets go of vm->lock, which the reclaimer needs, and comes again. */
	u32 flags = !rwlock_is_write_locked(&vm->lock) ? PA_TRY : vm->unmaps_object ? PA_RESERVE : 0;

	int err = spare_fill(&spare, (unsigned)(stopped - (pte_load(slot).raw ? level : bottom)), flags);

	if (err)
		return err;
	struct page *shared = own_slot(vm, pt_table_of(slot), va, level, bottom, &spare);

	if (shared)
		pt_put(shared);
	spare_free(&spare);
	return 0;
}

/* The walk has stopped above `level`: goes on from there, step by step. */
[[nodiscard]] static int own_path(struct vm *vm, va_t va, int level, u8 how, struct page **out)
{
	int err = 0, stopped;
	struct pte *slot = pt_walk(vm->root, va, level, &stopped);

	for (;; slot = pt_walk_from(pt_table_of(slot), stopped, va, level, &stopped)) {
		slot = thaw_path(slot, va, level, &stopped);
		if (stopped == level || ends_here(pte_load(slot), stopped, how))
			break;
		err = own_step(vm, slot, stopped, va, level, how & OWN_BLOCK ? 1 : level);
		if (err)
			break;
	}
	arch_publish();
	*out = pt_table_of(slot);
	return err;
}

int pt_own(struct vm *vm, va_t va, int level, struct page **out)
{
	int stopped;
	struct pte *slot = pt_walk(vm->root, va, level, &stopped);

	if (unlikely(stopped != level))
		return own_path(vm, va, level, OWN_CREATE, out);
	*out = pt_table_of(slot);
	return 0;
}

int pt_own_existing(struct vm *vm, va_t va, int level, struct page **out)
{
	int stopped;
	struct pte *slot = pt_walk(vm->root, va, level, &stopped);

	if (unlikely(stopped != level && pte_load(slot).raw))
		return own_path(vm, va, level, 0, out);
	*out = pt_table_of(slot);
	return 0;
}

int pt_own_block(struct vm *vm, va_t va, bool create, struct page **out)
{
	return own_path(vm, va, 0, OWN_BLOCK | (create ? OWN_CREATE : 0), out);
}
