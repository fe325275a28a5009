// SPDX-License-Identifier: MIT
/* Overcommit: see mm/commit.h. */
#include "mm/commit.h"
#include "mm/swap.h"
#include "mm/vm.h"

struct commit_policy commit_policy = { .mode = COMMIT_GUESS, .ratio = 50 };
static u64 shared_pages;		/* (a) */

static u64 swap_pages(void)
{
	struct swap_stats s;

	swap_stats(&s);
	return s.slots;
}

u64 commit_limit(void)
{
	u64 kbytes = load_relaxed(&commit_policy.kbytes);
	u64 ram = kbytes ? kbytes / (PAGE_SIZE / KiB) : page_total() * load_relaxed(&commit_policy.ratio) / 100;

	return ram + swap_pages();
}

u64 commit_total(void) { return vm_committed() + load_relaxed(&shared_pages); }

bool commit_decide(u64 pages)
{
	switch (load_relaxed(&commit_policy.mode)) {
	case COMMIT_ALWAYS:
		return true;
	case COMMIT_GUESS:
		return pages <= page_total() + swap_pages();
	default:
		return commit_total() + pages <= commit_limit();
	}
}

void commit_shared(s64 pages)
{
	__atomic_fetch_add(&shared_pages, (u64)pages, __ATOMIC_RELAXED);
}
