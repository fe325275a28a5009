// SPDX-License-Identifier: MIT
/*
 * Inside kmem: what DEBUG builds add to objects, and what kmalloc.c needs of kmem.c.
 *
 * An object is followed by at least 8 guard bytes, up to the next object: GUARD_LIVE or
 * GUARD_FREE in the last 8, so that freeing twice and writing past the end are noticed. Free
 * objects are filled with 0x6b behind their first word (the free list's link), new ones with
 * 0xa5.
 */
#pragma once

#include "lib/base.h"
#include "lib/string.h"

void kmalloc_init(void);
size_t slab_size(const void *obj);	/* of an object, as asked for at slab_create */

constexpr u64 GUARD_LIVE = 0x51ab1e5551ab1e55, GUARD_FREE = 0xf4eedf4eedf4eed0;
constexpr u8 FILL_FREE = 0x6b, FILL_NEW = 0xa5;
constexpr size_t KMEM_DEBUG_TAIL = DEBUG_BUILD ? 16 : 0;

static inline u64 *kmem_debug_guard(void *obj, u32 stride)
{
	return (u64 *)((char *)obj + stride) - 1;
}

static inline void kmem_debug_init(void *obj, u32 stride)
{
	if (!DEBUG_BUILD)
		return;
	memset(obj, FILL_FREE, stride - 8);
	*kmem_debug_guard(obj, stride) = GUARD_FREE;
}

static inline void kmem_debug_alloc(void *obj, size_t size, u32 stride, const char *name)
{
	if (!DEBUG_BUILD)
		return;
	char *bad = size > 8 ? mem_other((char *)obj + 8, FILL_FREE, size - 8) : nullptr;

	if (*kmem_debug_guard(obj, stride) != GUARD_FREE)
		panic("object cache %s: free object %p has a broken guard", name, obj);
	if (bad)
		panic("object cache %s: free object %p was written at offset %zu", name, obj,
		      (size_t)(bad - (char *)obj));
	memset(obj, FILL_NEW, size);
	*kmem_debug_guard(obj, stride) = GUARD_LIVE;
}

static inline void kmem_debug_free(void *obj, size_t size, u32 stride, const char *name)
{
	if (!DEBUG_BUILD)
		return;
	u64 guard = *kmem_debug_guard(obj, stride);

	if (guard == GUARD_FREE)
		panic("object cache %s: %p is freed twice", name, obj);
	if (guard != GUARD_LIVE || mem_other((char *)obj + size, FILL_FREE, stride - 8 - size))
		panic("object cache %s: %p was written past its end of %zu bytes", name, obj, size);
	memset(obj, FILL_FREE, size);
	*kmem_debug_guard(obj, stride) = GUARD_FREE;
}
