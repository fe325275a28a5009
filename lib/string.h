// SPDX-License-Identifier: MIT
/* The part of <string.h> that the kernel uses, and number parsing. Semantics as in ISO C. */
#pragma once

#include "lib/base.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
/* The first of n bytes that is not c, or nullptr. */
void *mem_other(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);

/* Copies at most size-1 bytes and always terminates (size > 0). Returns strlen(src). */
size_t str_copy(char *dst, const char *src, size_t size);

/* Parses an unsigned number (0x, 0 or decimal) with an optional K, M or G behind it (factors
 * of 1024); *end gets the first byte not used. Returns 0 and *end == s when there is no digit. */
u64 str_number(const char *s, const char **end);

/* The kernel is compiled without built-in functions. These get them back by name: a known
 * small size becomes a few instructions, a literal's length a number. */
#if !defined(QUIRE_HOST) && !defined(QUIRE_STRING_C)
#define memcpy(...) __builtin_memcpy(__VA_ARGS__)
#define memmove(...) __builtin_memmove(__VA_ARGS__)
#define memset(...) __builtin_memset(__VA_ARGS__)
#define memcmp(...) __builtin_memcmp(__VA_ARGS__)
#define strlen(...) __builtin_strlen(__VA_ARGS__)
#endif
