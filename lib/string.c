// SPDX-License-Identifier: MIT
/*
 * Memory and strings, in C that a compiler turns into a few wide loads and stores.
 *
 * Copies go in words of 8 bytes at any alignment (both CPUs allow it on memory), 64 bytes at a time. What is left, 1 to 64 bytes,
 * goes as two pieces that overlap, or one that reaches back, instead of in a loop.
 *
 * A move of 16 bytes or more reads its last (or first) 16 bytes before it writes anything, so that its loop
 * need not care about the rest.
 *
 * The functions are compiled without knowledge of the library, or the compiler would recognise
 * the loops as calls of themselves.
 */
#define QUIRE_STRING_C
#include "lib/string.h"
#include <words.h>

#define plain [[clang::no_builtin]]

typedef u64 word __attribute__((aligned(1), may_alias));
typedef u32 half __attribute__((aligned(1), may_alias));

/* n < 16: all is read before anything is written. */
plain static inline void copy_small(u8 *d, const u8 *s, size_t n)
{
	if (n >= 8) {
		u64 first = *(const word *)s, last = *(const word *)(s + n - 8);

		*(word *)d = first;
		*(word *)(d + n - 8) = last;
	} else if (n >= 4) {
		u32 first = *(const half *)s, last = *(const half *)(s + n - 4);

		*(half *)d = first;
		*(half *)(d + n - 4) = last;
	} else if (n) {
		u8 first = s[0], middle = s[n / 2], last = s[n - 1];

		d[0] = first;
		d[n / 2] = middle;
		d[n - 1] = last;
	}
}

/* All is read before anything is written. */
plain static inline void copy_16(u8 *d, const u8 *s)
{
	u64 a = ((const word *)s)[0], b = ((const word *)s)[1];

	((word *)d)[0] = a;
	((word *)d)[1] = b;
}

plain static inline void copy_64(u8 *d, const u8 *s)
{
	const word *from = (const word *)s;
	word *to = (word *)d;
	u64 a = from[0], b = from[1], c = from[2], e = from[3];
	u64 f = from[4], g = from[5], h = from[6], i = from[7];

	to[0] = a, to[1] = b, to[2] = c, to[3] = e;
	to[4] = f, to[5] = g, to[6] = h, to[7] = i;
}

/* n >= 16, d apart from s. */
plain static inline void copy_apart(u8 *d, const u8 *s, size_t n)
{
	u8 *end = d + n;
	const u8 *source_end = s + n;

#pragma clang loop unroll(disable)
	for (; d < end - 64; d += 64, s += 64)
		copy_64(d, s);
	if (d < end - 32) {
		copy_16(d, s);
		copy_16(d + 16, s + 16);
		copy_16(end - 32, source_end - 32);
	} else if (d < end - 16) {
		copy_16(d, s);
	}
	copy_16(end - 16, source_end - 16);
}

/* n >= 16, d below s or apart from it. */
plain static inline void copy_up(u8 *d, const u8 *s, size_t n)
{
	u64 last0 = *(const word *)(s + n - 16), last1 = *(const word *)(s + n - 8);
	u8 *end = d + n - 16;

#pragma clang loop unroll(disable)
	for (const u8 *last = end - 48; d <= last; d += 64, s += 64)
		copy_64(d, s);
	for (; d < end; d += 16, s += 16)
		copy_16(d, s);
	((word *)end)[0] = last0;
	((word *)end)[1] = last1;
}

/* n >= 16, d above s. */
plain static void copy_down(u8 *d, const u8 *s, size_t n)
{
	u64 first0 = ((const word *)s)[0], first1 = ((const word *)s)[1];

	for (; n > 16; n -= min(n - 16, 16ul)) {
		u64 a = *(const word *)(s + n - 16), b = *(const word *)(s + n - 8);

		*(word *)(d + n - 16) = a;
		*(word *)(d + n - 8) = b;
	}
	((word *)d)[0] = first0;
	((word *)d)[1] = first1;
}

plain void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	if (n < 16) {
		copy_small(dst, src, n);
	} else if (!words_pay(n)) {
		copy_apart(dst, src, n);
	} else {
		words_copy(dst, src, n / 8);
		*(word *)((u8 *)dst + n - 8) = *(const word *)((const u8 *)src + n - 8);
	}
	return dst;
}

plain void *memmove(void *dst, const void *src, size_t n)
{
	if (n < 16)
		copy_small(dst, src, n);
	else if ((u64)dst - (u64)src >= n)
		copy_up(dst, src, n);
	else
		copy_down(dst, src, n);
	return dst;
}

plain static inline void fill_16(u8 *d, u64 fill)
{
	((word *)d)[0] = ((word *)d)[1] = fill;
}

plain void *memset(void *dst, int c, size_t n)
{
	u64 fill = 0x0101010101010101ul * (u8)c;
	u8 *d = dst, *end = d + n;

	if (n < 16) {
		u8 source[16];

		fill_16(source, fill);
		copy_small(d, source, n);
		return dst;
	}
	if (words_pay(n)) {
		words_fill(dst, fill, n / 8);
		*(word *)(end - 8) = fill;
		return dst;
	}
#pragma clang loop unroll(disable)
	for (; d < end - 64; d += 64) {
		word *to = (word *)d;

		to[0] = fill, to[1] = fill, to[2] = fill, to[3] = fill;
		to[4] = fill, to[5] = fill, to[6] = fill, to[7] = fill;
	}
	if (d < end - 32) {
		fill_16(d, fill);
		fill_16(d + 16, fill);
		fill_16(end - 32, fill);
	} else if (d < end - 16) {
		fill_16(d, fill);
	}
	fill_16(end - 16, fill);
	return dst;
}

plain int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (; n >= 8 && *(const word *)p == *(const word *)q; n -= 8)
		p += 8, q += 8;
	if (n >= 4 && *(const half *)p == *(const half *)q)
		n -= 4, p += 4, q += 4;
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

plain void *memchr(const void *s, int c, size_t n)
{
	for (const u8 *p = s; n; n--, p++)
		if (*p == (u8)c)
			return (void *)p;
	return nullptr;
}

plain void *mem_other(const void *s, int c, size_t n)
{
	u64 all = 0x0101010101010101ul * (u8)c;
	const u8 *p = s;

	for (; n >= 8 && *(const word *)p == all; n -= 8)
		p += 8;
	for (; n; n--, p++)
		if (*p != (u8)c)
			return (void *)p;
	return nullptr;
}

plain size_t strlen(const char *s)
{
	const char *p = s;

#pragma clang loop unroll_count(4)
	while (*p)
		p++;
	return (size_t)(p - s);
}

plain size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

plain int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (u8)*a - (u8)*b;
}

plain int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

plain char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return nullptr;
	return (char *)s;
}

plain char *strrchr(const char *s, int c)
{
	const char *found = nullptr;

#pragma clang loop unroll_count(4)
	do {
		if (*s == (char)c)
			found = s;
	} while (*s++);
	return (char *)found;
}

plain char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (;; s++) {
		if (strncmp(s, what, n) == 0)
			return (char *)s;
		if (!*s)
			return nullptr;
	}
}

size_t str_copy(char *dst, const char *src, size_t size)
{
	size_t n = strlen(src), fits = min(n, size - 1);

	memcpy(dst, src, fits);
	dst[fits] = 0;
	return n;
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (unsigned)((c | 32) - 'a' + 10);
	return 99;
}

u64 str_number(const char *s, const char **end)
{
	unsigned base = 10;
	u64 n = 0;

	*end = s;
	if (s[0] == '0' && (s[1] | 32) == 'x' && digit_value(s[2]) < 16) {
		base = 16;
		s += 2;
	} else if (s[0] == '0') {
		base = 8;
	}
	if (digit_value(*s) >= base)
		return 0;
	for (; digit_value(*s) < base; s++)
		n = n * base + digit_value(*s);
	switch (*s) {
	case 'G': case 'g':
		n *= KiB;
		[[fallthrough]];
	case 'M': case 'm':
		n *= KiB;
		[[fallthrough]];
	case 'K': case 'k':
		n *= KiB;
		s++;
	}
	*end = s;
	return n;
}
