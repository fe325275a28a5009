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

constexpr unsigned BLOCK_ORDER = 9;
constexpr u64 BLOCK_SIZE = PAGE_SIZE << BLOCK_ORDER;
constexpr unsigned BLOCK_PAGES = 1u << BLOCK_ORDER;

enum block_mode : u8 { BLOCK_NEVER, BLOCK_MADVISE, BLOCK_ALWAYS };
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

/* Does the policy want a block at va's 2 MiB of this region, and does it fit? */
bool block_wanted(const struct region *r, va_t va);
