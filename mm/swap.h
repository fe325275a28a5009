// SPDX-License-Identifier: MIT
/*
 * Swap: private pages that have not been used for a while, compressed in memory.
 *
 * A slot is what a page became. Its number stands in page-table entries (pte_swap); its count is the number of leaf
 * positions that hold it, and of those who are just looking at it. What a slot holds never changes.
 *
 * A page that several tables map goes table by table: until the last entry is gone, slot and page know each other (the
 * swap cache), so that all entries get one slot, and coming back they get one page again. The slot then holds a
 * reference on the page; so the page is nobody's alone, and nobody can write to it (law 3).
 *
 * Locks: swap_lock (spin, a leaf but for the allocator's). swap_out() and swap_shrink_cache() under the reclaimer's mutex.
 */
#pragma once

#include "lib/base.h"
#include "mm/page.h"

/* `percent` of memory is what compressed pages may take at most; 0: no swap. After page_init(). */
void swap_init(unsigned percent);
bool swap_enabled(void);

/* Compresses a page that nobody can write to. The slot, with one reference for the caller's entry; 0: no room, or it does not
 * compress (then it is PG_STUBBORN). Takes memory from the reserve; never sleeps. */
[[nodiscard]] u32 swap_out(struct page *p);
/* Lets go of the reference that an entry had on a page, now that it has a slot instead. */
void swap_drop_page(struct page *p);
/* The page of a slot on which the caller has a reference, with a reference: read back, or the one that others have. Private to
 * the caller if page_refs() is 1 and nobody else has the slot. nullptr: no memory. */
[[nodiscard]] struct page *swap_in(u32 slot, u32 pa_flags);
/* The bytes of a slot on which the caller has a reference, to a page of his. */
void swap_read(u32 slot, void *page);
/* References on slots; under the lock of a table whose entry holds one, or holding one. */
void swap_get(u32 slot);
void swap_put(u32 slot);
/* Frees pages that only the swap cache still has. Returns how many. */
u64 swap_shrink_cache(u64 want);

struct swap_stats {
	u64 slots, used;		/* as pages: SwapTotal, SwapTotal - SwapFree */
	u64 cached;			/* pages that are in memory too */
	u64 pool, pool_max;		/* pages that hold what is compressed */
	u64 bytes;			/* of compressed data */
	u64 same;			/* slots whose page is one word over and over */
	u64 refused;			/* pages that did not compress, ever */
	u64 in, out;			/* pages, ever */
};
void swap_stats(struct swap_stats *out);

/* For the audit: forget what was counted; one entry was found; compare and report. Returns findings. */
void swap_audit_begin(void);
void swap_audit_found(u32 slot);
unsigned swap_audit_end(void (*report)(void *arg, const char *line), void *arg);
/* Entries (and passing holders) of a slot that one entry is known to have; at least 1. */
u32 swap_slot_refs(u32 slot);
/* Is there such a slot? For checks of tables. */
bool swap_slot_valid(u32 slot);

/* ---- mm/swap_store.c: compressed bytes in chunks of a few sizes. */
constexpr size_t BLOB_MAX = 3072;	/* what is longer is not worth it */

struct blob {
	u32 part[2];			/* chunks; 0: none */
	u16 size;
};
/* False: no memory, or the store may take no more. Never sleeps. */
[[nodiscard]] bool blob_put(struct blob *b, const void *data, size_t n);
/* Copies it to `out` (BLOB_MAX bytes) where it is in two parts; returns where it can be read. */
const void *blob_read(const struct blob *b, void *out);
void blob_free(struct blob *b);
/* The most pages it may take; false: more memory than chunks can be numbered in (512 GiB). */
[[nodiscard]] bool blob_limit(u64 pages);
u64 blob_pages(void);
/* Chunks that are in use, for audits. */
u64 blob_chunks(void);
