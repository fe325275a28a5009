// SPDX-License-Identifier: MIT
/*
 * The hand of the clock: see mm/reclaim.h. It works on one table at a time, with its space's lock held for writing, and
 * collects up to BATCH victims, so that one flush does for all.
 *
 * A table that only this space reaches (every table on the path has one reference) is ours: the entries are emptied, then
 * flushed, so that no store can come any more, then the pages are compressed and the entries made swap entries. Nobody
 * sees the gap: a fault of this space waits for its lock.
 *
 * A table that others reach is frozen: nobody can write to its pages, so they are compressed as they are. Then the
 * entries are replaced under the table's lock (others may be copying it), every space is flushed, all of it, for mremap may
 * have taken the table to another address there, and only then do the pages go. What remembers use here is a flag of the page: Accessed would not come back without a copy of the table.
 *
 * A page that more than one table maps costs the store's memory at once and comes free only when the hand has been
 * everywhere. So none is begun when little of the reserve is left; those that have been begun go on.
 *
 * Pages of the page cache are not this file's: unused entries of theirs are dropped, in tables of ours alone, and then the
 * cache sees that nobody maps them (mm/object_swap.c, the block devices' shrinker).
 *
 * Left alone: what is locked or a device's. Who writes to a page through the direct map holds its space's lock (mm/vm_access.c).
 */
#include "mm/reclaim.h"
#include "mm/object.h"
#include "mm/page.h"
#include "mm/pt.h"
#include "mm/pt_internal.h"
#include "mm/swap.h"
#include "mm/vm.h"

constexpr unsigned BATCH = 64;
constexpr u64 LOOK_MAX = 2048;		/* entries looked at before the space's lock is let go of */
constexpr unsigned ROUNDS = 3;		/* of the hand: to its start, to take Accessed away, to find it still away */
constexpr unsigned STUBBORN_TURN = 16;	/* how rarely a page that did not compress is tried again */

enum sweep_kind : u8 { SWEEP_RECLAIM, SWEEP_COLD, SWEEP_PAGEOUT };

struct victim {
	struct pte *slot;
	struct pte old;
	struct page *page;
	u32 swap;
};

/* One go at one space. */
struct sweep {
	struct vm *vm;
	enum sweep_kind kind;
	bool shared;			/* the table can be reached by others */
	bool full;			/* the store takes no more */
	struct page *table;
	struct region region;		/* the last one looked up */
	struct tlb_batch flush;
	u64 want, freed, looked;
	unsigned count;
	struct victim victims[BATCH];
};

static struct mutex reclaim_lock = MUTEX_INIT(reclaim_lock);
static struct sweep sweep;		/* (reclaim_lock) */
static struct vm *hand;			/* (reclaim_lock) held; nullptr: before the first */
static va_t hand_va;			/* (reclaim_lock) */
static struct reclaim_stats stats;	/* (reclaim_lock) */
static unsigned stubborn_turn;		/* (reclaim_lock) */

/* ---- who goes? */

static bool region_allows(struct sweep *s, va_t va)
{
	struct region *r = &s->region;

	if (va < r->start || va >= r->end) {
		if (!layout_find(&s->vm->layout, va, r))
			return false;
	}
	return !(r->flags & (R_LOCKED | R_DEVICE));
}

/* Has it been used since the hand came by last? Forgets that it was. */
static bool was_used(struct sweep *s, struct pte *slot, struct pte e, struct page *p, va_t va)
{
	u32 prot = pte_prot(e, 0);

	if (s->shared) {
		u8 flags = s->kind == SWEEP_RECLAIM ? __atomic_fetch_and(&p->flags, (u8)~PG_REFERENCED,
									 __ATOMIC_RELAXED) : 0;
		return flags & PG_REFERENCED;
	}
	if (!(prot & P_ACCESSED))
		return false;
	store_release(&slot->raw, pte_leaf(pte_pa(e, 0), 0, prot & ~(u32)P_ACCESSED).raw);
	tlb_add_range(&s->flush, va, va + PAGE_SIZE);
	return true;
}

static bool is_victim(struct sweep *s, struct pte *slot, va_t va)
{
	struct pte e = pte_load(slot);

	if (pte_kind(e, 0) != PTE_LEAF)
		return false;
	s->looked++;
	u32 prot = pte_prot(e, 0);

	if (!region_allows(s, va))
		return false;
	struct page *p = pa_page(pte_pa(e, 0));

	if (p->kind == PAGE_CACHE)
		return !s->shared && (s->kind == SWEEP_PAGEOUT || !was_used(s, slot, e, p, va)) && s->kind != SWEEP_COLD;
	if (p->kind != PAGE_ANON || (prot & P_SHARED))
		return false;
	if (s->kind == SWEEP_PAGEOUT)
		return !s->shared && page_refs(p) == 1;
	if (was_used(s, slot, e, p, va) || s->kind == SWEEP_COLD)
		return false;
	if (page_refs(p) > 1 && !load_relaxed(&p->aux) && page_reserve_is_low())
		return false;
	return !(load_relaxed(&p->flags) & PG_STUBBORN) || ++stubborn_turn % STUBBORN_TURN == 0;
}

/* ---- out they go */

static void drop_pages(struct sweep *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		struct page *p = s->victims[i].page;

		if (!s->victims[i].swap)
			continue;
		s->freed += page_refs(p) == 1 + (load_relaxed(&p->aux) != 0);
		swap_drop_page(p);
	}
}

static void note_full(struct sweep *s, const struct page *p)
{
	s->full |= !(load_relaxed(&p->flags) & PG_STUBBORN);
}

/* Its entry is empty already, and flushed. */
static void drop_entry(struct page *table, struct victim *v)
{
	if (--table->used == 0)
		table->groups = 0;
	page_put(v->page);
	v->swap = 0;
}

static void evict_owned(struct sweep *s)
{
	for (unsigned i = 0; i < s->count; i++)
		store_release(&s->victims[i].slot->raw, 0);
	tlb_flush(&s->flush);
	for (unsigned i = 0; i < s->count; i++) {
		struct victim *v = &s->victims[i];

		if (v->page->kind == PAGE_CACHE) {
			drop_entry(s->table, v);
			continue;
		}
		v->swap = s->full ? 0 : swap_out(v->page);
		if (v->swap)
			s->table->swapped++;
		else
			note_full(s, v->page);
		store_release(&v->slot->raw, v->swap ? pte_swap(v->swap).raw : v->old.raw);
	}
	drop_pages(s);
}

static void evict_shared(struct sweep *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		struct victim *v = &s->victims[i];

		v->swap = s->full ? 0 : swap_out(v->page);
		if (!v->swap)
			note_full(s, v->page);
	}
	spin_lock(&s->table->lock);
	for (unsigned i = 0; i < s->count; i++) {
		struct victim *v = &s->victims[i];

		if (!v->swap)
			continue;
		/* Its rights may have been restricted meanwhile, nothing else. */
		assert(pte_pa(pte_load(v->slot), 0).v == page_pa(v->page).v);
		store_release(&v->slot->raw, pte_swap(v->swap).raw);
		store_relaxed(&s->table->swapped, (u16)(s->table->swapped + 1));	/* others may be counting */
	}
	spin_unlock(&s->table->lock);
	vm_flush_everywhere(0, USER_END);
	drop_pages(s);
}

static void evict(struct sweep *s)
{
	if (s->count && s->shared)
		evict_shared(s);
	else if (s->count)
		evict_owned(s);
	else
		tlb_flush(&s->flush);
	arch_publish();
	s->count = 0;
}

/* ---- the walk */

/* A block's pages are looked at one by one, so it must go. */
static bool split(struct sweep *s, struct page *table, struct pte e, va_t va)
{
	bool shared = s->shared && (s->vm->shares_locked || s->kind != SWEEP_RECLAIM);

	return !shared && s->kind != SWEEP_COLD && !(pte_prot(e, 1) & P_SHARED) && region_allows(s, va) &&
	       pt_split_block(s->vm, table, va, s->shared);
}

/* The table of pages on the path to *va or behind it, below `end`; *va moves there. */
static struct page *next_table(struct sweep *s, va_t *va, va_t end)
{
	while (*va < end) {
		struct page *t = s->vm->root;

		s->shared = false;
		while (t->level > 0) {
			struct pte e = pte_load(&pt_slots(t)[pt_index(*va, t->level)]);

			if (t->level == 1 && pte_kind(e, 1) == PTE_LEAF && split(s, t, e, *va))
				continue;
			if (pte_kind(e, t->level) != PTE_TABLE)
				break;
			t = pa_page(pte_table_pa(e));
			s->shared |= page_refs(t) > 1;
		}
		if (t->level == 0)
			return t;
		*va = pt_slot_end(*va, t->level, end);
	}
	return nullptr;
}

/* Entries of the table from va on, until enough has been done. Where to go on. */
static va_t sweep_table(struct sweep *s, va_t va, va_t end)
{
	struct page *t = s->table;
	struct pte *slots = pt_slots(t);

	end = pt_slot_end(va, 1, end);
	/* What an ancestor has locked cannot be told here. */
	if ((s->shared && (s->vm->shares_locked || s->kind != SWEEP_RECLAIM)) || t->used == t->swapped)
		return end;
	tlb_begin(&s->flush, s->vm);
	for (; va < end && s->count < BATCH; va += PAGE_SIZE) {
		struct pte *slot = &slots[pt_index(va, 0)];

		if (!is_victim(s, slot, va))
			continue;
		s->victims[s->count++] = (struct victim){
			.slot = slot, .old = pte_load(slot), .page = pa_page(pte_pa(pte_load(slot), 0)),
		};
		tlb_add_range(&s->flush, va, va + PAGE_SIZE);
	}
	evict(s);
	return va;
}

/* One go at a space, under its lock, from va on. Where to go on; `end`: it is through. */
static va_t sweep_space(struct sweep *s, va_t va, va_t end)
{
	s->looked = s->freed = 0;
	s->full = false;
	s->region = (struct region){};
	while (va < end && s->freed < s->want && s->looked < LOOK_MAX && !s->full) {
		s->table = next_table(s, &va, end);
		if (s->table)
			va = sweep_table(s, va, end);
	}
	stats.scanned += s->looked;
	stats.stolen += s->freed;
	return va;
}

/* ---- the hand */

/* The hand moves on by one go. False: it stood at the end of the list. */
static bool move_hand(u64 want, u64 *freed, bool *busy)
{
	if (!hand)
		hand_va = 0;
	hand = hand ? hand : vm_next_held(nullptr);
	if (!hand)
		return false;
	int may = vm_try_reclaim(hand);

	if (may > 0) {
		sweep.vm = hand;
		sweep.kind = SWEEP_RECLAIM;
		sweep.want = want;
		hand_va = sweep_space(&sweep, hand_va, USER_END);
		rwlock_write_done(&hand->lock);
		*freed += sweep.freed;
	}
	*busy |= may == 0;
	if (may > 0 && hand_va < USER_END)
		return !sweep.full;
	hand = vm_next_held(hand);
	hand_va = 0;
	return hand;
}

static u64 sweep_all(u64 want, bool *busy)
{
	u64 freed = 0;

	for (unsigned rounds = 0; rounds < ROUNDS && freed < want && !sweep.full;)
		rounds += !move_hand(want - freed, &freed, busy);
	sweep.full = false;
	return freed;
}

u64 reclaim_anonymous(u64 want, bool *busy)
{
	*busy = false;
	if (!swap_enabled())
		return 0;
	scoped_mutex(&reclaim_lock);
	u64 freed = swap_shrink_cache(want);

	/* A part from either side, and all from one if the other has nothing to give. */
	freed += object_swap_out((want - min(freed, want)) / 2);
	if (freed < want)
		freed += sweep_all(want - freed, busy);
	return freed < want ? freed + object_swap_out(want - freed) : freed;
}

/* All of one space, as the hand would do it. */
static u64 sweep_one(struct vm *vm, u64 want)
{
	u64 freed = 0;

	scoped_mutex(&reclaim_lock);
	for (unsigned rounds = 1; rounds < ROUNDS && freed < want && !sweep.full; rounds++) {
		for (va_t va = 0; va < USER_END && freed < want && !sweep.full;) {
			sweep.vm = vm;
			sweep.kind = SWEEP_RECLAIM;
			sweep.want = want - freed;
			va = sweep_space(&sweep, va, USER_END);
			freed += sweep.freed;
		}
	}
	sweep.full = false;
	return freed;
}

u64 reclaim_anonymous_unlocked(u64 want)
{
	bool busy;
	u64 freed = reclaim_anonymous(want, &busy);

	if (freed || !busy)
		return freed;
	for (struct vm *vm = vm_next_held(nullptr); vm; vm = vm_next_held(vm)) {
		if (freed >= want || page_has_room(want))
			continue;
		rwlock_write(&vm->lock);
		if (load_acquire(&vm->users) && vm->root)
			freed += sweep_one(vm, want - freed);
		rwlock_write_done(&vm->lock);
	}
	return page_has_room(want) ? max(freed, want) : freed;
}

void reclaim_range(struct vm *vm, va_t start, va_t end, bool now)
{
	if (!swap_enabled())
		return;
	for (va_t va = start; va < end;) {
		scoped_mutex(&reclaim_lock);
		sweep.vm = vm;
		sweep.kind = now ? SWEEP_PAGEOUT : SWEEP_COLD;
		sweep.want = ~0ul;
		va = sweep_space(&sweep, va, end);
		bool full = sweep.full;

		sweep.full = false;
		if (full)
			break;
	}
}

void reclaim_stats(struct reclaim_stats *out)
{
	scoped_mutex(&reclaim_lock);
	*out = stats;
}

/* ---- as a shrinker */

/* Who is busy may be the caller himself; so others (the background) get some time to do it, and then it is over. */
static u64 shrink(u64 want)
{
	constexpr int TRIES = 20;
	u64 freed = 0;
	bool busy = true;

	for (int i = 0; i < TRIES && busy && !freed; i++) {
		if (i)
			vm_wait_for_memory();
		freed = i && page_has_room(want) ? want : reclaim_anonymous(want, &busy);
	}
	return freed;
}

void reclaim_init(void)
{
	static struct shrinker shrinker = { .shrink = shrink, .shrink_unlocked = reclaim_anonymous_unlocked, .order = 5 };

	shrinker_register(&shrinker);
}
