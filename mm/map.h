// SPDX-License-Identifier: MIT
/* What map.c, map_change.c, advise.c, mlock.c and remap.c share. Under vm->lock. */
#pragma once

#include "arch/arch.h"
#include "mm/vm.h"

/* Nothing is mapped below, not by a program's headers either: a null pointer with a small offset must fault. */
constexpr va_t MMAP_MIN = 64 * KiB;
constexpr u32 REGIONS_MAX = 65530;	/* Linux's vm.max_map_count */

/* Rights of entries in a region with these flags: whatever can be written or run can be read, as on Linux. */
static inline u32 map_rights(u32 flags)
{
	return flags & R_PROT ? (flags & R_PROT) | P_R : 0;
}

/* May so many pages with these flags be added? 0 or -ENOMEM. */
[[nodiscard]] int map_check_limits(const struct vm *vm, u64 pages, u32 flags);
/* May so many more be locked? 0 or -EAGAIN. May any be locked at all (else -EPERM)? */
[[nodiscard]] int map_check_locked(const struct vm *vm, u64 pages);
bool map_may_lock(const struct vm *vm);
/* Brings in what [start, end) maps, as mlock(2) wants it: private memory for writing. strict: stops at the first page that
 * cannot be had, with -EFAULT or -ENOMEM; else goes on with the next region. vm->lock not held. */
int map_populate(struct vm *vm, va_t start, va_t end, bool strict);
/* The same for what is locked and may be written, as far as it can be had. vm->lock not held. */
void map_populate_locked(struct vm *vm, va_t start, va_t end);
/* Checks and rounds a range as most calls want it: addr aligned (-EINVAL), length rounded up; `wraps` is the errno where it
 * wraps. *end may lie beyond USER_END, where nothing is mapped. */
[[nodiscard]] int map_range(va_t addr, u64 len, int wraps, va_t *end);
/* layout_update() with its reservation. Write lock. 0 or -ENOMEM. */
[[nodiscard]] int map_update(struct vm *vm, va_t start, va_t end, u32 clear, u32 set);
/* Takes [start, end) out of layout and tables / puts a region into a free place. Write lock. 0 or -ENOMEM. */
[[nodiscard]] int map_unmap(struct vm *vm, va_t start, va_t end);
/* The same for what c has been prepared for. */
[[nodiscard]] int map_take_out(struct vm *vm, va_t start, va_t end, struct layout_change *c);
[[nodiscard]] int map_insert(struct vm *vm, const struct region *r);
/* What goes with an insertion: who truncates the object must look for us; the peak. */
void map_inserted(struct vm *vm, const struct region *r);
/* A hole for `len` bytes, at `hint` if that is free; 0: none. */
va_t map_find_gap(struct vm *vm, va_t hint, u64 len);
