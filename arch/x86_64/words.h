// SPDX-License-Identifier: MIT
/* Many words at once, for lib/string.c: by string instructions, which move whole cache lines. */
#pragma once

#include "lib/base.h"

/* They start slowly, some 35 cycles, and then move 16 bytes a cycle instead of 8. */
static inline bool words_pay(size_t bytes) { return bytes >= 512; }

static inline void words_copy(void *to, const void *from, size_t n)
{
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static inline void words_fill(void *to, u64 word, size_t n)
{
	__asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(word) : "memory");
}
