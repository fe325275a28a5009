// SPDX-License-Identifier: MIT
// Arguments: mostly what programs pass, often enough what none would. Never what would hit memory outside of the arena.
#pragma once

#include <sys/mman.h>

#include "user/fuzz/history.h"

static uint64_t pick(const uint64_t *list, size_t n)
{
	return list[below(n)];
}

#define PICK(...)                                                                                \
	({                                                                                       \
		const uint64_t list_[] = { __VA_ARGS__ };                                        \
		pick(list_, sizeof(list_) / sizeof(*list_));                                     \
	})

static unsigned some_window(void)
{
	static const uint8_t often[] = { W_START, W_START, W_START, W_START, W_TABLE, W_TABLE, W_TABLE,
					 W_UPPER, W_UPPER, W_STACK, W_HEAP, W_START, W_TABLE, W_UPPER };

	return one_in(40) ? W_BLOCKS : often[below(sizeof(often))];
}

static uint64_t page_in(unsigned w)
{
	uint64_t page = below(windows[w].pages);

	if (w == W_BLOCKS && !one_in(3))
		page &= ~511ul;
	return windows[w].start + page * PAGE;
}

static uint64_t some_page(void)
{
	return page_in(some_window());
}

// Now and then no address at all, or one that no program has.
static uint64_t some_address(void)
{
	switch (below(60)) {
	case 0:
		return some_page() + PICK(1, 8, 0x800, PAGE - 1);
	case 1:
		return PICK(0, 1, ~0ul, ~0ul & ~(PAGE - 1), USER_TOP, USER_TOP - PAGE, USER_TOP + PAGE, 1ul << 47,
			    1ul << 63, 0xffff800000000000, 0xffff000000000000);
	default:
		return some_page();
	}
}

static uint64_t some_length(uint64_t addr)
{
	uint64_t heap = windows[W_HEAP].start;

	if (addr >= heap && addr < heap + 64 * PAGE) // differs from run to run
		addr = ARENA;
	switch (below(48)) {
	case 0:
		return PICK(0, ~0ul, ~0ul & ~(PAGE - 1), -addr, -addr - PAGE, -addr - 1, USER_TOP - addr,
			    USER_TOP - addr + 1, USER_TOP, 1ul << 62);
	case 1:
		return PICK(1, 8, PAGE - 1, PAGE + 1, 3 * PAGE - 8);
	case 2:
		return below(40) * PAGE;
	}
	if (addr >= windows[W_BLOCKS].start && addr < ARENA_END && !one_in(3))
		return PICK(2 * MIB, 2 * MIB, 4 * MIB, 2 * MIB + PAGE, MIB);
	return (1 + below(one_in(4) ? 16 : 5)) * PAGE;
}

struct range {
	uint64_t addr, len;
};

static bool inside(uint64_t addr, uint64_t end)
{
	return (addr >= ARENA && end <= ARENA_END) ||
	       (addr >= windows[W_HEAP].start && end <= windows[W_HEAP].start + 64 * PAGE);
}

// A range that is wrong or within the arena. `stops`: the call looks at its range only as far as it is mapped.
static struct range some_range(bool stops)
{
	struct range r = { .addr = some_address() };
	uint64_t end;

	r.len = some_length(r.addr);
	// What ends beyond all programs is wrong for some calls, but not for madvise. The heap's surroundings are not ours.
	if (r.addr + r.len < r.addr || (r.addr > USER_TOP && stops))
		return r;
	end = (r.addr + r.len + PAGE - 1) & ~(PAGE - 1);
	if (end < r.addr || inside(r.addr, end) || (stops && end > USER_TOP && inside(r.addr, r.addr)) ||
	    (stops && end <= 16 * PAGE))
		return r;
	r.len = PAGE;
	if (!inside(r.addr & ~(PAGE - 1), (r.addr & ~(PAGE - 1)) + 2 * PAGE))
		r.addr = windows[W_START].start;
	return r;
}

static int some_prot(void)
{
	if (one_in(60))
		return (int)PICK(0x40000000, 0x100000, ~0ul, 0x18000, PROT_GROWSUP, 8, 8 | PROT_READ);
	return (int)PICK(PROT_NONE, PROT_READ, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
			 PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_WRITE, PROT_EXEC, PROT_READ | PROT_EXEC,
			 PROT_READ | PROT_WRITE | PROT_EXEC);
}
