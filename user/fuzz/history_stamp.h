// SPDX-License-Identifier: MIT
// Which pages surely lie in one region on every kernel. Linux does not always merge neighbours that look the same, and
// mremap takes one region only (since 6.17, sometimes more): so it is asked for pages that were mapped
// together, and to which the same has happened since. Each page has a stamp of that; 0: not known.
#pragma once

#include "user/fuzz/history.h"

constexpr uint64_t STAMP_PAGES = 4 * 512 + 64;

static uint64_t stamps[WINDOWS][STAMP_PAGES];

static uint64_t *stamp_of(uint64_t va)
{
	for (unsigned w = 0; w < WINDOWS; w++) {
		uint64_t page = (va - windows[w].start) / PAGE;

		if (va >= windows[w].start && page < windows[w].pages + 48)
			return &stamps[w][page];
	}
	return nullptr;
}

// The pages begin to be one region.
static void stamp_new(uint64_t va, uint64_t len, uint64_t stamp)
{
	for (uint64_t i = 0; len <= 64 * MIB && i < len; i += PAGE)
		if (stamp_of(va + i))
			*stamp_of(va + i) = stamp;
}

// Something has happened to these and not to others.
static void stamp_mix(uint64_t va, uint64_t len, uint64_t step)
{
	for (uint64_t i = 0; len <= 64 * MIB && i < len; i += PAGE) {
		uint64_t *s = stamp_of(va + i);

		if (s && *s)
			*s = (*s ^ (step + 1)) * 0x100000001b3;
	}
}

// How much from there on is one region.
static uint64_t stamp_run(uint64_t va, uint64_t len)
{
	uint64_t *first = stamp_of(va), run = PAGE;

	while (first && *first && run < len && stamp_of(va + run) && *stamp_of(va + run) == *first)
		run += PAGE;
	return run < len ? run : len;
}
