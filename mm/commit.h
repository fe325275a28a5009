// SPDX-License-Identifier: MIT
/*
 * Overcommit (vm.overcommit_memory): how much memory programs may be promised.
 *
 * Promised is what may become pages of their own: private writable regions (without MAP_NORESERVE) and shared anonymous
 * memory. Each address space counts its regions; the sum is made when somebody asks, so mmap and munmap pay nothing
 * for it, and in mode 2 two who ask at once may together get a little more than the limit.
 *
 *   0  only what could never be had is refused: more than memory and swap in one piece
 *   1  nothing is refused
 *   2  never more than CommitLimit: a share of memory (or so many KiB) and swap
 */
#pragma once

#include "lib/base.h"
#include "mm/layout.h"
#include "mm/page.h"

enum commit_mode : u32 { COMMIT_GUESS, COMMIT_ALWAYS, COMMIT_NEVER };

struct commit_policy {			/* (a) sysctl */
	u32 mode, ratio;		/* enum commit_mode; percent of memory */
	u64 kbytes;			/* instead of ratio, unless 0 */
};
extern struct commit_policy commit_policy;

/* Is it promised memory? */
static inline bool commit_counts(u32 flags)
{
	return (flags & (R_WRITE | R_SHARED | R_NORESERVE)) == R_WRITE;
}

/* Pages. */
u64 commit_limit(void);
u64 commit_total(void);
/* May so many pages more be promised? Any lock but vm_list_lock may be held. */
bool commit_decide(u64 pages);
static inline bool commit_allows(u64 pages)
{
	return likely(load_relaxed(&commit_policy.mode) == COMMIT_GUESS && pages <= page_total()) ||
	       commit_decide(pages);
}
/* Shared anonymous memory comes and goes. */
void commit_shared(s64 pages);
