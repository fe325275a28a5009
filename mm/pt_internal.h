// SPDX-License-Identifier: MIT
/* What the files of the page-table module share. */
#pragma once

#include "mm/pt.h"

/* A fresh table's descriptor. */
void pt_table_init(struct page *t, int level);
/* Tables that wait, empty, for reuse; for audits. */
unsigned pt_cached_tables(void);
/* Like pt_own, but creates nothing: *out is the owned table of the lowest level >= `level` that exists. */
[[nodiscard]] int pt_own_existing(struct vm *vm, va_t va, int level, struct page **out);
/* dst (fresh, empty, same level) shares all that src has; both sides are write-protected. Under src's lock, or the
 * write lock of the only address space that has src. */
void pt_clone(struct page *dst, struct page *src);

/* First slot of level `level` behind va, but not behind `end`. */
static inline va_t pt_slot_end(va_t va, int level, va_t end)
{
	u64 size = pt_slot_size(level);
	va_t next = (va & ~(size - 1)) + size;

	return next - 1 < end - 1 ? next : end;
}
