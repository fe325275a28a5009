// SPDX-License-Identifier: MIT
/* Blocks of 2 MiB: counting and breaking them, and who gets one. See mm/block.h. */
#include "mm/block.h"
#include "arch/arch.h"
#include "mm/layout.h"

enum block_mode block_mode = BLOCK_ALWAYS;

/* After a failure the next attempts are skipped: merging free pages costs more than faults save. */
constexpr u32 BACKOFF = 16;
static u32 skip;			/* (a) attempts left to skip; roughly */

static_assert(BLOCK_SIZE == 2 * MiB && BLOCK_ORDER <= PAGE_ORDER_MAX);

struct page *block_new(void)
{
	u32 left = load_relaxed(&skip);

	if (unlikely(left)) {
		store_relaxed(&skip, left - 1);
		return nullptr;
	}
	struct page *p = page_alloc(BLOCK_ORDER, PAGE_ANON, PA_PLENTY | PA_ZERO);

	if (unlikely(!p))
		store_relaxed(&skip, BACKOFF);
	return p;
}

void block_get(struct page *first)
{
	scoped_spin(&first->block_lock);
	if (likely(block_whole(first))) {
		store_relaxed(&first->refs, first->refs + 1);
		return;
	}
	for (struct page *p = first; p < first + BLOCK_PAGES; p++)
		page_get(p);
}

void block_put(struct page *first)
{
	spin_lock(&first->block_lock);
	bool whole = block_whole(first), last = whole && first->refs == 1;

	if (likely(whole)) {
		/* Who sees itself alone then, without the lock, frees it: what we read of it was before (tlb_add_block). */
		store_release(&first->refs, first->refs - 1);
	} else {
		for (struct page *p = first + 1; p < first + BLOCK_PAGES; p++)
			page_put(p);
	}
	spin_unlock(&first->block_lock);
	/* The first page goes last: the lock is in it. */
	if (!whole)
		page_put(first);
	else if (last)
		page_free(first);
}

bool block_alone(struct page *first)
{
	scoped_spin(&first->block_lock);
	if (likely(block_whole(first)))
		return first->refs == 1;
	for (const struct page *p = first; p < first + BLOCK_PAGES; p++) {
		if (page_refs(p) != 1)
			return false;
	}
	return true;
}

void block_break(struct page *first)
{
	scoped_spin(&first->block_lock);
	if (block_whole(first))
		page_split(first);
}

bool block_fits(const struct region *r, va_t va)
{
	constexpr u32 never = R_NOHUGE | R_SHARED | R_EXEC | R_GROWSDOWN | R_GUARD;
	va_t start = va & ~(BLOCK_SIZE - 1);

	return !r->object && !(r->flags & never) && start >= r->start && r->end >= BLOCK_SIZE &&
	       start <= r->end - BLOCK_SIZE;
}

bool block_wanted(const struct region *r, va_t va)
{
	enum block_mode mode = load_relaxed(&block_mode);

	return mode != BLOCK_NEVER && (mode == BLOCK_ALWAYS || (r->flags & R_HUGE)) && block_fits(r, va);
}

u64 block_count(void)
{
	u64 first, end, n = 0;

	page_frames(&first, &end);
	for (u64 i = align_up(first, BLOCK_PAGES); i < end; i += BLOCK_PAGES)
		n += page_array[i].kind == PAGE_ANON && block_whole(page_array + i);
	return n;
}
