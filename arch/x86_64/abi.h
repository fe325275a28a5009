// SPDX-License-Identifier: MIT
/* What differs in Linux's system call interface from CPU to CPU. */
#pragma once

#include "lib/base.h"

/* Are system call numbers, struct stat and struct epoll_event asm-generic's, without legacy
 * calls? */
constexpr bool ABI_GENERIC = false;

enum : unsigned {
	O_DIRECT = 040000,
	O_LARGEFILE = 0100000,
	O_DIRECTORY = 0200000,
	O_NOFOLLOW = 0400000
};

/* The address in a user's pointer: these have no tags. */
static inline va_t abi_untag(va_t p) { return p; }
