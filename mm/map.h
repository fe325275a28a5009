// SPDX-License-Identifier: MIT
/* What map.c and map_change.c share. Under vm->lock. */
#pragma once

#include "arch/arch.h"
#include "mm/vm.h"

constexpr u32 REGIONS_MAX = 65530;	/* Linux's vm.max_map_count */

/* Rights of entries in a region with these flags: whatever can be written or run can be read, as on Linux. */
static inline u32 map_rights(u32 flags)
{
	return flags & R_PROT ? (flags & R_PROT) | P_R : 0;
}

/* Private and writable: what RLIMIT_DATA counts. */
static inline bool map_is_data(u32 flags)
{
	return (flags & (R_WRITE | R_SHARED | R_GROWSDOWN)) == R_WRITE;
}

/* May so many pages with these flags be added? 0 or -ENOMEM. */
[[nodiscard]] int map_check_limits(const struct vm *vm, u64 pages, u32 flags);
/* May so many more be locked? 0 or -EAGAIN. */
[[nodiscard]] int map_check_locked(const struct vm *vm, u64 pages);
/* Takes [start, end) out of layout and tables / puts a region into a free place, counted. Write lock. 0 or -ENOMEM. */
[[nodiscard]] int map_unmap(struct vm *vm, va_t start, va_t end);
[[nodiscard]] int map_insert(struct vm *vm, const struct region *r);
/* The counts that go with it: after an insertion, before a removal. */
void map_account(struct vm *vm, const struct region *r);
void map_unaccount(struct vm *vm, va_t start, va_t end);
/* A hole for `len` bytes; 0: none. */
va_t map_find_gap(const struct vm *vm, u64 len);
