// SPDX-License-Identifier: MIT
/* What differs in Linux's system call interface from CPU to CPU. */
#pragma once

#include "lib/base.h"

/* Are system call numbers, struct stat and struct epoll_event asm-generic's, without legacy calls? */
constexpr bool ABI_GENERIC = true;

enum : unsigned { O_DIRECTORY = 040000, O_NOFOLLOW = 0100000, O_DIRECT = 0200000, O_LARGEFILE = 0400000 };

/* The address in a user's pointer, whose top byte may be a tag: the MMU ignores it (TBI0). */
static inline va_t abi_untag(va_t p) { return p & BIT(55) ? p : p & (BIT(56) - 1); }
