// SPDX-License-Identifier: MIT
/* What arch/NAME/words.h is to the kernel. */
#pragma once

#include "lib/base.h"

static inline bool words_pay(size_t bytes) { return bytes >= 160; }	/* so that the loops are tested too */

static inline void words_copy(void *to, const void *from, size_t n)
{
	__builtin_memcpy(to, from, 8 * n);
}

static inline void words_fill(void *to, u64 word, size_t n)
{
	for (u8 *at = to; n; n--, at += sizeof(word))
		__builtin_memcpy(at, &word, sizeof(word));
}
