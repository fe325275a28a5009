// SPDX-License-Identifier: MIT
/*
 * The words every file uses: integer types, limits, alignment, containers, assertions.
 * Pure: compiles in the kernel and on the host.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <limits.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef u64 va_t;		/* a user or kernel virtual address */

/* A physical address: a type of its own, so that it cannot be dereferenced or mixed up. */
struct pa {
	u64 v;
};

constexpr unsigned MAX_CPUS = 16;

#define PAGE_SHIFT 12
#define PAGE_SIZE (1ul << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define CACHE_LINE 64

#define KiB (1ul << 10)
#define MiB (1ul << 20)
#define GiB (1ul << 30)

#define BIT(n) (1ul << (n))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define min(a, b) ({ auto a_ = (a); auto b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) ({ auto a_ = (a); auto b_ = (b); a_ > b_ ? a_ : b_; })
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)

/* Rounds to a power of two `to`. align_up wraps to 0 past the end: check first. */
#define align_down(x, to) ((x) & ~((typeof(x))(to) - 1))
#define align_up(x, to) (((x) + ((typeof(x))(to) - 1)) & ~((typeof(x))(to) - 1))
#define is_aligned(x, to) (((x) & ((typeof(x))(to) - 1)) == 0)

/* One access, whole, not merged or repeated by the compiler; no ordering. */
#define load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
/* What is read next depends on the address that is loaded: CPUs keep such loads in order; a thread sanitizer must be told. */
#ifdef QUIRE_HOST
#define load_dependent(p) load_acquire(p)
#else
#define load_dependent(p) load_relaxed(p)
#endif
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

/* Stops the machine with a message, registers and a backtrace. Only for a bug of the kernel. */
[[noreturn, gnu::format(printf, 1, 2), gnu::cold]] void panic(const char *fmt, ...);

[[noreturn, gnu::cold]] void assert_failed(const char *expr, const char *file, int line);

/* assert: always on, for cheap and vital conditions. debug_assert: DEBUG builds and host tests. */
#undef assert
#define assert(e) \
	(likely(e) ? (void)0 : assert_failed(#e, __FILE__, __LINE__))
#if defined(DEBUG) || defined(QUIRE_HOST)
#define debug_assert(e) assert(e)
constexpr bool DEBUG_BUILD = true;
#else
#define debug_assert(e) ((void)sizeof((e) ? 1 : 0))
constexpr bool DEBUG_BUILD = false;
#endif
