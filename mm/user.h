// SPDX-License-Identifier: MIT
/*
 * Copies between kernel and user memory: the only way in and out. A bad address gives -EFAULT at
 * any byte; addresses are not checked first and used later, they are used, and the fault is
 * handled. All may sleep (a fault may read a file): no spinlocks held. Ranges that reach USER_END
 * or wrap are -EFAULT.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "arch/arch.h"

/* Whole or -EFAULT; bytes before the bad one may have been copied. n == 0 is 0. */
[[nodiscard]] int copy_from_user(void *dst, va_t src, size_t n);
[[nodiscard]] int copy_to_user(va_t dst, const void *src, size_t n);
/* The number of bytes copied before the first bad one (for read and write: partial results). */
size_t copy_from_user_partial(void *dst, va_t src, size_t n);
size_t copy_to_user_partial(va_t dst, const void *src, size_t n);
[[nodiscard]] int clear_user(va_t dst, size_t n);
/* A string of less than size bytes with its terminator: its length; -ENAMETOOLONG when longer,
 * -EFAULT. */
[[nodiscard]] long copy_string_from_user(char *dst, va_t src, size_t size);

/* One object by value; one of eight bytes in one access. */
#define get_user(var, uaddr)                                                 \
	(sizeof(var) == sizeof(u64) ? get_user_word(&(var), (uaddr)) :       \
				      copy_from_user(&(var), (uaddr), sizeof(var)))
#define put_user(uaddr, var)                                                 \
	(sizeof(var) == sizeof(u64) ? put_user_word((uaddr), &(var)) :       \
				      copy_to_user((uaddr), &(var), sizeof(var)))
[[nodiscard]] int get_user_word(void *dst, va_t src);
[[nodiscard]] int put_user_word(va_t dst, const void *src);

/* Is [addr, addr+n) wholly below USER_END? Says nothing about mappings. */
static inline bool user_range_ok(va_t addr, u64 n)
{
	return n <= USER_END && addr <= USER_END - n;
}
