// SPDX-License-Identifier: MIT
/* Between object.c and object_io.c. */
#pragma once

#include "mm/object.h"
#include "mm/swap.h"

static inline u64 pages_in(u64 size)
{
	return (size >> PAGE_SHIFT) + !is_aligned(size, PAGE_SIZE);
}

void object_io_init(void);

/* Around a fill of pages [index, index + n): see struct object_fill. */
void object_fill_begin(struct object *o, struct object_fill *f, u64 index, unsigned n);
void object_fill_end(struct object *o, struct object_fill *f);

/* Enters p, with a reference for the index; *out = p. -EEXIST: *out is another page, with a reference for the caller. -EAGAIN: what
 * p holds is stale. -EFAULT beyond size, -ENOMEM. fill: nullptr for bytes that come from nowhere. */
[[nodiscard]] int object_enter_filled(struct object *o, u64 index, struct page *p, u32 flags,
				      const struct object_fill *fill, struct page **out);

/* Takes what is at the index out of it, a page or a slot, whose reference becomes the caller's. Under o->lock. */
void object_take_locked(struct object *o, u64 index, void *item);

/* ---- swapped pages (object_swap.c): an item of the index is a page, or a slot's number with the lowest bit set. */
static inline bool item_is_slot(const void *item) { return (va_t)item & 1; }
static inline u32 item_slot(const void *item) { return (u32)((va_t)item >> 1); }
static inline void *item_of_slot(u32 slot) { return (void *)((va_t)slot << 1 | 1); }

/* The object gets its first page / goes. */
void object_list(struct object *o);
void object_unlist(struct object *o);
/* Brings the page of that index back: *out has a reference for the caller. -ENOMEM; -EAGAIN: look again. May sleep. */
[[nodiscard]] int object_swap_in(struct object *o, u64 index, u32 pa_flags, struct page **out);
/* Tells the audit of each slot that an index holds. */
void object_swap_audit(void);
