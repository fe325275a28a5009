// SPDX-License-Identifier: MIT
/* What the kinds of futexes share: how a word of user memory is known, and what its bits mean where it names an owner. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

constexpr u32 FUTEX_TID = 0x3fffffff, FUTEX_OWNER_DIED = 0x40000000, FUTEX_WAITERS = 0x80000000;

struct futex_key {
	u64 space, place;
};

static inline bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->space == b->space && a->place == b->place;
}

/* The key of a word; shared: look whether it is in shared memory. 0, -EINVAL, -EFAULT. Takes vm->lock. */
[[nodiscard]] int futex_key_make(va_t uaddr, bool shared, struct futex_key *key);
/* Makes the word writable by a change that changes nothing. 0 or -EFAULT. */
[[nodiscard]] int futex_fault_in_write(va_t uaddr);
