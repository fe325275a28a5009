// SPDX-License-Identifier: MIT
/*
 * Reclaim of private memory: pages that have not been used for a while become swap entries.
 *
 * A hand goes round all address spaces and their tables, as in the clock algorithm: a page that was used since it came by
 * last gets a second chance. A leaf in a table that is shared is replaced as well, for all who share it: that changes
 * nothing of what they see. What needs care is who may still have the old translation (law 13).
 *
 * Locks: vm->lock < reclaim_lock (mutex, over all of it). Under reclaim_lock address spaces are only ever tried, so its
 * holder waits for nobody, and anybody who may sleep may wait for it, whatever else he holds.
 */
#pragma once

#include "lib/base.h"

struct vm;

/* Registers the shrinker; after swap_init(). */
void reclaim_init(void);
/* Swaps out about `want` pages; how many came free. *busy: some address space could not be looked at. */
u64 reclaim_anonymous(u64 want, bool *busy);
/* The same for who holds no lock: waits for the spaces that are busy. */
u64 reclaim_anonymous_unlocked(u64 want);
/* madvise(MADV_COLD, MADV_PAGEOUT) for private memory in [start, end): it becomes the next to go, or goes now as far as nobody
 * else has it. Under vm->lock for writing. */
void reclaim_range(struct vm *vm, va_t start, va_t end, bool now);

struct reclaim_stats {
	u64 scanned, stolen;		/* entries looked at and pages freed, ever */
};
void reclaim_stats(struct reclaim_stats *out);
