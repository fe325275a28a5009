// SPDX-License-Identifier: MIT
/* Sets of CPUs as Linux writes them in /proc and /sys: "0-3,5". */
#pragma once

#include "fs/text.h"

static inline void text_cpu_list(struct text *t, u64 mask)
{
	const char *comma = "";

	while (mask) {
		unsigned first = (unsigned)__builtin_ctzl(mask);
		u64 run = ~(mask >> first);
		unsigned n = run ? (unsigned)__builtin_ctzl(run) : 64 - first;

		text_printf(t, n > 1 ? "%s%u-%u" : "%s%u", comma, first, first + n - 1);
		mask = first + n < 64 ? mask & ~0ul << (first + n) : 0;
		comma = ",";
	}
}
