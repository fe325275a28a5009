// SPDX-License-Identifier: MIT
/* Below mm/page.c: free blocks of 2^order pages, and batches of single pages. Only page*.c use
 * it. */
#pragma once

#include "mm/page.h"

constexpr u32 PAGE_BATCH = 64;

/* In `flags` of free pages only. */
enum : u8 {
	PG_BUDDY = 128,		/* first page of a block in a free list; `order` is valid */
	PG_POISONED = 64,	/* DEBUG: filled with POISON */
};

void buddy_init(void);
/* Adds the frames [first, end): zeroed descriptors that are in no list. */
void buddy_add(u64 first, u64 end);
/* Nothing is taken when fewer than `keep` pages would be left; then and without a block:
 * nullptr. Batches are merged into blocks when that is what it takes. */
struct page *buddy_alloc(unsigned order, u64 keep);
void buddy_free(struct page *p, unsigned order);
/* 1 to PAGE_BATCH single pages, linked by `next`; their number in *n. */
struct page *buddy_take_batch(u64 keep, u32 *n);
/* Exactly PAGE_BATCH pages. */
void buddy_give_batch(struct page *first);
/* Any number of pages. */
void buddy_give_pages(struct page *first);
u64 buddy_free_pages(void);
/* Walks every list, blocks and batches apart, in pages; -1 when one is broken. */
s64 buddy_recount(void);

/* page.c: free pages on the lists of all CPUs; the pages that only PA_RESERVE and PA_NOWAIT
 * may take. */
u64 page_cpu_free(void);
void page_set_keep(u64 pages);

/* Sets refs, kind, order; level and flags become 0. One store, for a neighbour may be looking
 * at flags. */
static inline void page_set_head(struct page *p, u32 refs, enum page_kind kind, unsigned order)
{
	store_relaxed(&p->head, refs | (u64)kind << 32 | (u64)order << 40);
}

static_assert(offsetof(struct page, kind) == 4 && offsetof(struct page, order) == 5);

static inline u64 page_frame(const struct page *p) { return (u64)(p - page_array); }
