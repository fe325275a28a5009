// SPDX-License-Identifier: MIT
/*
 * Small objects: slabs (Bonwick 1994) of equal objects with per-CPU caches of free ones, and
 * kmalloc on top of them. DEBUG: poison, guard words, double-free detection, with the cache's
 * name in the message.
 */
#pragma once

#include "lib/base.h"

struct slab_cache;

/* Caches live for ever; name is kept. Alignment is at least 16; size <= 8192. Panics only
 * without memory at boot. */
struct slab_cache *slab_create(const char *name, size_t size, size_t align);
/* Not cleared (see slab_zalloc); nullptr without memory. May sleep (reclaim); the _nowait form
 * never. */
[[nodiscard]] void *slab_alloc(struct slab_cache *c);
[[nodiscard]] void *slab_alloc_nowait(struct slab_cache *c);
[[nodiscard]] void *slab_zalloc(struct slab_cache *c);
void slab_free(struct slab_cache *c, void *obj);	/* obj may be nullptr */

/* Any size up to 4 MiB; 16-byte aligned; nullptr without memory. Pages above 8 KiB. */
[[nodiscard]] void *kmalloc(size_t size);
[[nodiscard]] void *kzalloc(size_t size);
[[nodiscard]] void *kmalloc_nowait(size_t size);
/* New size, contents kept; on failure nullptr and the old one stays. */
[[nodiscard]] void *krealloc(void *p, size_t size);
void kfree(void *p);					/* p may be nullptr */
[[nodiscard]] char *kstrdup(const char *s);
[[nodiscard]] void *kmemdup(const void *p, size_t n);

void kmem_init(void);
/* One line per cache for /proc/slabinfo; index from 0; returns false behind the last. */
struct slab_info { const char *name; size_t size; u64 in_use, total, pages; };
bool slab_info(unsigned index, struct slab_info *out);
unsigned kmem_audit(void (*report)(void *arg, const char *line), void *arg);

static inline void kfree_scope_end(void *p) { kfree(*(void **)p); }
/* char *p scoped_kfree = kmalloc(n): freed at the end of the block. */
#define scoped_kfree [[gnu::cleanup(kfree_scope_end)]]
