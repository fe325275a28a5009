// SPDX-License-Identifier: MIT
/*
 * Copies to and from user memory: the range is checked here, the machine copies and stops at the
 * first byte whose fault cannot be resolved.
 */
#include "mm/user.h"
#include "arch/arch.h"
#include "lib/string.h"

/* Bytes of the range below USER_END: what a partial copy may try. */
static size_t user_part(va_t addr, size_t n)
{
	return addr >= USER_END ? 0 : min(n, (size_t)(USER_END - addr));
}

int copy_from_user(void *dst, va_t src, size_t n)
{
	if (unlikely(!user_range_ok(src, n)))
		return -EFAULT;
	return n && arch_copy_from_user(dst, src, n) ? -EFAULT : 0;
}

int copy_to_user(va_t dst, const void *src, size_t n)
{
	if (unlikely(!user_range_ok(dst, n)))
		return -EFAULT;
	return n && arch_copy_to_user(dst, src, n) ? -EFAULT : 0;
}

int get_user_word(void *dst, va_t src)
{
	return user_range_ok(src, sizeof(u64)) ? arch_user_load64(src, dst) : -EFAULT;
}

int put_user_word(va_t dst, const void *src)
{
	u64 word;

	memcpy(&word, src, sizeof(word));
	return user_range_ok(dst, sizeof(word)) ? arch_user_store64(dst, word) : -EFAULT;
}

size_t copy_from_user_partial(void *dst, va_t src, size_t n)
{
	n = user_part(src, n);
	return n ? n - arch_copy_from_user(dst, src, n) : 0;
}

size_t copy_to_user_partial(va_t dst, const void *src, size_t n)
{
	n = user_part(dst, n);
	return n ? n - arch_copy_to_user(dst, src, n) : 0;
}

int clear_user(va_t dst, size_t n)
{
	if (unlikely(!user_range_ok(dst, n)))
		return -EFAULT;
	return n && arch_clear_user(dst, n) ? -EFAULT : 0;
}

long copy_string_from_user(char *dst, va_t src, size_t size)
{
	size_t room = user_part(src, size);
	long n = room ? arch_strncpy_from_user(dst, src, room) : -EFAULT;

	if (n < 0)
		return -EFAULT;
	if ((size_t)n < room)
		return n;
	/* No end in what could be read: cut off by the buffer, or by the end of user memory. */
	return room == size ? -ENAMETOOLONG : -EFAULT;
}
