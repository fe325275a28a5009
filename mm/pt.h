// SPDX-License-Identifier: MIT
/*
 * Page tables: what is at this address now? A cache of the layout that may always be dropped and
 * refaulted; shared between address spaces from the root down, copy-on-write. The laws are in doc/vm.md.
 *
 * A table is a page of kind PAGE_TABLE; page->refs counts the slots (and roots of address spaces) that point to it. A path is owned
 * when no slot on it is write-protected; then all its tables have one reference and belong to this address space alone.
 *
 * Locks: vm->lock for reading: pt_own, pt_drop. For writing: the rest. Each table's spinlock for its slots, taken
 * downwards; held only for a few slots.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "arch/arch.h"
#include "mm/page.h"
#include "mm/tlb.h"

struct vm;

static inline struct pte *pt_slots(const struct page *table)
{
	return (struct pte *)page_address(table);
}

static inline struct pte pte_load(const struct pte *slot)
{
	return (struct pte){ load_acquire(&slot->raw) };
}

/* A new empty table, refs 1, or nullptr. */
[[nodiscard]] struct page *pt_new(int level, u32 flags);
/* Lets go of a table: at the last reference everything below it too. The caller has flushed. */
void pt_put(struct page *table);

/*
 * Makes the path to va our own down to a table of `level`, creating what is missing: *out is that table. Shared tables on
 * the way are replaced by copies that share what is below them; a block on the way is split. One flush for the whole
 * path. 0, -ENOMEM.
 * Under vm->lock (reading or writing); sleeps for memory.
 */
[[nodiscard]] int pt_own(struct vm *vm, va_t va, int level, struct page **out);
/* The same down to level 0, but stops at level 1 at a block, or where nothing is: *out->level tells. create: makes the tables
 * above that are missing. */
[[nodiscard]] int pt_own_block(struct vm *vm, va_t va, bool create, struct page **out);
/* The owned table of `level` on the path to va if path is there and owned already, else nullptr. Cheap. */
struct page *pt_owned(struct vm *vm, va_t va, int level);
/* The entry that maps va, whatever the sharing, and its level; an empty entry with the level where the walk ended. With
 * vm->lock held for writing, so that a frozen table on the way stays. */
struct pte pt_lookup(struct vm *vm, va_t va, int *level);

/* For the reclaimer: the block under table p's slot for va becomes pages, also where p is frozen (then the flush is to reach
 * `everywhere`). Memory from the reserve; false: none. vm->lock for writing. */
bool pt_split_block(struct vm *vm, struct page *p, va_t va, bool everywhere);

/* Slot changes, under the table's lock, in an owned table. set: from empty. They keep used and groups right. */
void pt_slot_set(struct page *table, unsigned index, struct pte e);
void pt_slot_clear(struct page *table, unsigned index);

/* Fork: child's root (empty) shares all that parent's root has; both are write-protected. The caller holds both for
 * writing and flushes the parent's ASID before either runs. Cannot fail. split: not 0 if the parent runs nowhere else; the page there,
 * if it is the parent's alone and there is memory, is copied now, with the tables above it, so that both may write at once. */
void pt_clone_root(struct vm *child, struct vm *parent, va_t split);

/* Takes out [start, end): whole slots go whole, shared ones by dropping a reference. Pages and tables go to the batch.
 * -ENOMEM only when a partly covered shared table could not be copied: then nothing of that table has changed, and
 * the caller may retry or widen (dropping is always legal for clean mappings, never for private pages). */
[[nodiscard]] int pt_unmap(struct tlb_batch *b, va_t start, va_t end);
/* The same under vm->lock for reading, within 2 MiB: others fault there meanwhile. False, and nothing done: more is there than pages
 * in a table of ours. The table stays, also if nothing is left in it: others may have walked to it. It goes with the next unmapping there. */
[[nodiscard]] bool pt_drop(struct vm *vm, va_t start, va_t end);
/* Owns the partly covered paths at both edges of [start, end), so that pt_unmap and pt_move cannot fail. *low: the table that
 * holds all that is mapped there, for pt_unmap_prepared(); nullptr: nothing is. */
[[nodiscard]] int pt_prepare(struct vm *vm, va_t start, va_t end, struct page **low);
/* pt_unmap() after pt_prepare(), which gave `low`, with no change of the tables in between: cannot fail. */
void pt_unmap_prepared(struct tlb_batch *b, struct page *low, va_t start, va_t end);
/* Owns every lowest-level table in [start, end) that exists, and splits the blocks at its edges, or all if not `blocks`: what
 * pt_protect needs. *first: the slot of start, if its table holds all of the range; nullptr: there may be several, or none. */
[[nodiscard]] int pt_prepare_leaves(struct vm *vm, va_t start, va_t end, bool blocks, struct pte **first);
/* Gives rights, and takes away: every leaf in [start, end) gets exactly `prot`, except that P_W is kept only where it was; or, where
 * the range is one page, and no code, given if that page is ours alone. For mprotect. After pt_prepare_leaves(); cannot fail. */
void pt_protect(struct vm *vm, struct pte *first, va_t start, va_t end, u32 prot);
/* Takes Accessed from every leaf in [start, end), blocks too. After pt_prepare_leaves(); cannot fail. */
void pt_clear_accessed(struct vm *vm, struct pte *first, va_t start, va_t end);
/* Moves the entries of [from, from+len) to `to` (empty there); whole table slots where both are aligned. */
[[nodiscard]] int pt_move(struct tlb_batch *b, va_t from, va_t to, u64 len);

/* Calls fn for each leaf and swap entry in [start, end) in order, as seen by this address space. fn returns 0 to go on. */
int pt_for_each(struct vm *vm, va_t start, va_t end,
		int (*fn)(void *arg, va_t va, struct pte e, int level), void *arg);

struct pt_counts {
	u64 anon, cache, zero;		/* 4 KiB pages mapped */
	u64 shmem;			/* of cache: memory is their only store */
	u64 swap;			/* entries of pages that are swapped out; of the whole space */
	u64 tables, shared_tables;	/* root included; shared: reached through a frozen slot */
};
void pt_count(struct vm *vm, va_t start, va_t end, struct pt_counts *out);

/* Checks all laws that one address space can show; nullptr or the law that is broken. */
const char *pt_check(struct vm *vm);
