// SPDX-License-Identifier: MIT
/* Between object.c and object_io.c. */
#pragma once

#include "mm/object.h"

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

/* Takes p out of the index, whose reference becomes the caller's. Under o->lock. */
void object_take_locked(struct object *o, u64 index, struct page *p);
