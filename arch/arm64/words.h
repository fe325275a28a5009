// SPDX-License-Identifier: MIT
/* Many words at once, for lib/string.c: nothing does better than its own loops. */
#pragma once

#include "lib/base.h"

static inline bool words_pay(size_t) { return false; }

static inline void words_copy(void *, const void *, size_t) { }
static inline void words_fill(void *, u64, size_t) { }
