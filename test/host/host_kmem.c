// SPDX-License-Identifier: MIT
/* Slabs and kmalloc on the host's malloc, which the address sanitizer watches: see host.h. */
#include <string.h>
#include "host.h"
#include "mm/kmem.h"

struct slab_cache {
	size_t size, align;
};

unsigned host_objects;
unsigned host_kmem_fail_after = ~0u;

static void *allocate(size_t size, size_t align)
{
	u32 left = load_relaxed(&host_kmem_fail_after);

	if (left != ~0u) {
		store_relaxed(&host_kmem_fail_after, left ? left - 1 : ~0u);
		if (left == 0)
			return nullptr;
	}
	void *p = aligned_alloc(align, align_up(size, align));

	memset(p, 0xa5, size);
	__atomic_fetch_add(&host_objects, 1, __ATOMIC_RELAXED);
	return p;
}

static void release(void *p)
{
	if (!p)
		return;
	__atomic_fetch_sub(&host_objects, 1, __ATOMIC_RELAXED);
	free(p);
}

struct slab_cache *slab_create(const char *name, size_t size, size_t align)
{
	static struct slab_cache caches[64];
	static unsigned n;

	assert(n < ARRAY_SIZE(caches));
	caches[n] = (struct slab_cache){ size, max(align, 16ul) };
	return &caches[n++];
}

void *slab_alloc(struct slab_cache *c) { return allocate(c->size, c->align); }
void *slab_alloc_nowait(struct slab_cache *c) { return slab_alloc(c); }

void *slab_zalloc(struct slab_cache *c)
{
	void *p = slab_alloc(c);

	return p ? memset(p, 0, c->size) : nullptr;
}

void slab_free(struct slab_cache *c, void *obj) { release(obj); }

void *kmalloc(size_t size) { return allocate(size, 16); }
void *kmalloc_nowait(size_t size) { return kmalloc(size); }

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	return p ? memset(p, 0, size) : nullptr;
}

void kfree(void *p) { release(p); }

void *krealloc(void *p, size_t size)
{
	void *q = kmalloc(0);

	release(q);
	return q ? realloc(p, size) : nullptr;
}

void *kmemdup(const void *p, size_t n)
{
	void *q = kmalloc(n);

	return q ? memcpy(q, p, n) : nullptr;
}

char *kstrdup(const char *s) { return kmemdup(s, strlen(s) + 1); }
