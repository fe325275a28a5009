// SPDX-License-Identifier: MIT
/*
 * Inside kmem: a cache and its slabs. kmem.c has the caches and the CPUs' magazines, slab.c the
 * slabs.
 */
#pragma once

#include "mm/kmem.h"
#include "mm/page.h"

constexpr unsigned MAGAZINE = 31;

struct magazine {		/* (c) its CPU only, interrupts off */
	u64 count;
	void *objects[MAGAZINE];
};

/* (i) fixed after init  (l) under lock */
struct slab_cache {
	struct magazine *magazines;	/* (i) by CPU */
	u32 limit;			/* (i) objects a magazine holds at most */
	u32 stride;			/* (i) bytes from object to object */
	struct spinlock lock;		/* with interrupts off */
	u32 partial;			/* (l) frame of the first slab with free objects */
	u32 empty;			/* (l) slabs without allocated objects */
	u16 per_slab;			/* (i) objects in a slab */
	u16 order;			/* (i) of a slab */
	u64 slabs, objects_out;		/* (l) slabs; objects that are not in them */
	size_t size;			/* (i) as asked for */
	const char *name;		/* (i) */
};

/* Chooses order and per_slab for the stride. */
void slabs_init(struct slab_cache *c);
/* Fills the magazine up to `want` objects, as far as there are free ones. Under the lock. */
void slabs_take(struct slab_cache *c, struct magazine *m, u64 want);
/* An object comes back; a second empty slab is released. Under the lock. */
void slabs_put(struct slab_cache *c, void *obj);
/* One more slab. No lock held. False without memory. */
[[nodiscard]] bool slabs_grow(struct slab_cache *c, u32 pa_flags);
/* Releases all empty slabs; returns their pages. Under the lock. */
u64 slabs_shrink(struct slab_cache *c);
/* Do lists and counts agree? Under the lock. */
bool slabs_sound(const struct slab_cache *c);
