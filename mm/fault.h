// SPDX-License-Identifier: MIT
/* Inside of the fault path: what its cases share. */
#pragma once

#include "mm/map.h"
#include "mm/pt_internal.h"
#include "mm/vm.h"

constexpr unsigned FAULT_AROUND = 16;		/* pages of a file mapped around a read fault */
constexpr unsigned REUSE_AROUND = 64;		/* pages looked at when one turns out to be ours alone */
constexpr u64 RECLAIM_PAGES = 64;		/* wanted by a fault that found no memory */
constexpr u64 STACK_GUARD = 256 * PAGE_SIZE;	/* kept free below a stack */

struct fault_state {
	struct vm *vm;
	va_t va;			/* of the page */
	u32 access;
	enum want : u8 { WANT_NOTHING, WANT_PAGE, WANT_FORCED } want_page;	/* forced: whatever the region allows */
	bool upgrade;			/* an entry was there: a translation that denies may be cached (law 10) */
	enum fault_deed deed;
	const struct region *region;	/* in the layout: as long as vm->lock is held */
	struct page *table;		/* ours; level 0, or 1 for a block */
	struct pte *slot;
	struct page *page;		/* result, with a reference, where want_page */
};

/* Rights of a leaf that maps a page of this region; write only if asked for. */
static inline u32 fault_leaf_prot(const struct region *r, bool write)
{
	u32 prot = P_USER | P_ACCESSED | (r->flags & R_SHARED ? P_SHARED : 0);

	if (write)
		return prot | P_R | P_W | P_DIRTY | (r->flags & P_X);	/* map_rights() of what may be written */
	return prot | (map_rights(r->flags) & ~(u32)P_W);
}

/* This fault does, or has done, what the name says: counted at its end. */
#define fault_does(f, name) ((f)->deed = DEED_##name)

/* Not a FAULT_*: slot and table are set, of level 0; go on there. */
constexpr int FAULT_BELOW = -ENOENT;
/* The walk stopped above the last level. A FAULT_*, FAULT_BELOW, or -EAGAIN: start over. Under vm->lock for reading. */
int fault_above(struct fault_state *f);

/* The shared page of zeros. */
extern struct page *zero_page;
void fault_init(void);

/* A swap entry: its page comes back. The CPU does not set Accessed by itself, and the reclaimer has cleared it. Both under
 * vm->lock for reading; -EAGAIN (look again), or FAULT_OOM. mm/fault_swap.c. */
int fault_swap(struct fault_state *f, struct pte e);
int fault_accessed(struct fault_state *f, struct pte e);

/* The entry for p in this region. Inline: what all of a user's entries have in common is known when this is compiled. */
[[gnu::always_inline]] static inline struct pte region_leaf(const struct region *r, struct page *p, bool write)
{
	page_sync_code(p, r->flags & P_X);
	return pte_leaf(page_pa(p), 0, fault_leaf_prot(r, write));
}

/* Who asked for the page gets a reference while the entry that holds it cannot go. */
static inline void hand_out(struct fault_state *f, struct page *p)
{
	if (f->want_page) {
		page_get(p);
		f->page = p;
	}
}

/* Under the table's lock, which it lets go of, with p: somebody else has filled the entry. mm/fault.c. */
int filled_before(struct fault_state *f, struct page *p);
/* Fills the empty entry with one that maps p as the region wants it; the reference on p goes to it. -EAGAIN: somebody else filled
 * it; p is let go of. */
[[gnu::always_inline]] static inline int fill_or_put(struct fault_state *f, struct page *p, bool write)
{
	struct pte e = region_leaf(f->region, p, write), *slot = f->slot;
	struct page *table = f->table;

	spin_lock(&table->lock);
	if (unlikely(slot->raw))
		return filled_before(f, p);
	pt_slot_fill(table, slot, e);
	hand_out(f, p);
	spin_unlock(&table->lock);
	return FAULT_OK;
}

/* Under the table's lock: the entry keeps its page and gains write permission. */
static inline void set_writable(struct fault_state *f, struct pte e)
{
	u32 prot = pte_prot(e, 0) | P_W | P_DIRTY | P_ACCESSED;

	store_release(&f->slot->raw, pte_leaf(pte_pa(e, 0), 0, prot).raw);
}

/* An empty entry of a region with an object. mm/fault_file.c. */
int fault_object(struct fault_state *f);
/* A present entry of a shared mapping that is to become writable. mm/fault_file.c. */
int fault_shared_upgrade(struct fault_state *f, struct pte e);
/* An entry in place: copied, reused, or found to allow the access already. mm/fault_cow.c. */
int fault_leaf(struct fault_state *f, struct pte e);
/* An empty entry, of any region. mm/fault.c. */
int fault_empty(struct fault_state *f);
/* What the region's rights forbid: a debugger (WANT_FORCED) may all the same. FAULT_ACCERR if not. mm/fault_cow.c. */
int fault_forced(struct fault_state *f);

/* Grows the stack region above va down to it. -EAGAIN: there is a region now, try again; FAULT_MAPERR: there is no
 * stack, or its limit or the gap below forbid it; FAULT_OOM: no memory. */
int stack_grow(struct vm *vm, va_t va);
