// SPDX-License-Identifier: MIT
/*
 * Blocks: 2 MiB of private memory under one entry of level 1.
 *
 * A block is 512 frames in a row, aligned. It is whole while its first descriptor counts for all of it: `refs` are then the
 * entries that map it. It is broken once somebody needed one of its pages apart: from then on each page has a descriptor of
 * its own, and an entry that still maps the block counts one in each. Breaking changes no entry, and after it all that is
 * said of pages (laws 3 and 8) holds for these pages one by one; so who splits his entry does not disturb the others who
 * share the block, and copies nothing. A broken block is never whole again; it is freed page by page.
 *
 * Locks: the first page's block_lock orders counting against breaking; taken inside table locks. Whoever counts has
 * an entry (or is making one from an entry) that keeps the first page.
 */
#pragma once

#include "mm/page.h"

struct region;
struct vm;

constexpr unsigned BLOCK_ORDER = 9;
constexpr u64 BLOCK_SIZE = PAGE_SIZE << BLOCK_ORDER;
constexpr unsigned BLOCK_PAGES = 1u << BLOCK_ORDER;

enum block_mode : u8 { BLOCK_NEVER, BLOCK_MADVISE, BLOCK_ALWAYS };
[[maybe_unused]] static const char *const block_mode_names[] = { "never", "madvise", "always" };
extern enum block_mode block_mode;	/* (a) policy: boot option, sysfs */

/* A cleared block with one reference, or nullptr at once when memory is not plenty or in pieces. Never reclaims. */
[[nodiscard]] struct page *block_new(void);
/* One entry more, or less, maps all of the block. */
void block_get(struct page *first);
void block_put(struct page *first);
/* Has every page of it one reference? Then, seen from an owned path, the block is ours alone. */
bool block_alone(struct page *first);
/* From now on its pages count one by one. */
void block_break(struct page *first);
static inline bool block_whole(const struct page *first)
{
	return load_relaxed(&first->order) == BLOCK_ORDER;
}
/* block_alone() of a whole block without its lock, for who has an entry: nobody else can count or break it then. Who has just let go
 * of it may still be about to unlock: not before that may the descriptor be freed. */
static inline bool block_is_ours(const struct page *first)
{
	return block_whole(first) && page_refs(first) == 1 && !load_acquire(&first->block_lock.held);
}

/* Can va's 2 MiB of this region be a block at all? And does the policy want one? */
bool block_fits(const struct region *r, va_t va);
bool block_wanted(const struct region *r, va_t va);
/* Whole blocks that there are. Looks at one descriptor in 512: for those who ask. */
u64 block_count(void);

/* madvise(MADV_COLLAPSE): each aligned 2 MiB in [start, end) becomes a block. 0, or for some of it -EAGAIN (pages are shared or
 * held), -EINVAL (not private anonymous memory, or nothing there; the regions behind are left), -ENOMEM (no memory, or all is well
 * but for holes). vm->lock not held; sleeps. */
long vm_collapse(struct vm *vm, va_t start, va_t end);
/* Up to `most` collapses wherever they pay, in any address space. */
void vm_collapse_some(unsigned most);
