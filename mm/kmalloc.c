// SPDX-License-Identifier: MIT
/* Memory of any size: a cache of objects for each size class, whole pages above 8 KiB. */
#include "mm/kmem.h"
#include "mm/kmem_debug.h"
#include "mm/page.h"
#include "lib/radix.h"

/* A power of two and one and a half of it, so that a quarter at most is wasted on average. */
static const struct {
	u16 size;
	const char *name;
} classes[] = {
	{ 16, "kmalloc-16" }, { 32, "kmalloc-32" }, { 48, "kmalloc-48" }, { 64, "kmalloc-64" },
	{ 96, "kmalloc-96" }, { 128, "kmalloc-128" }, { 192, "kmalloc-192" },
	{ 256, "kmalloc-256" }, { 384, "kmalloc-384" }, { 512, "kmalloc-512" },
	{ 768, "kmalloc-768" },
	{ 1024, "kmalloc-1024" }, { 1536, "kmalloc-1536" }, { 2048, "kmalloc-2048" },
	{ 3072, "kmalloc-3072" }, { 4096, "kmalloc-4096" }, { 6144, "kmalloc-6144" },
	{ 8192, "kmalloc-8192" },
};

constexpr size_t SMALL_MAX = 1024, CLASS_MAX = 8192;
constexpr size_t SIZE_MAX_PAGES = PAGE_SIZE << PAGE_ORDER_MAX;

/* (i) The cache for a size: by 16 bytes up to SMALL_MAX, then by 512. */
static struct slab_cache *small[SMALL_MAX / 16 + 1], *medium[CLASS_MAX / 512 + 1];

static struct slab_cache *radix_nodes;

void kmalloc_init(void)
{
	size_t from = 0;

	radix_nodes = slab_create("radix_node", sizeof(struct radix_node), 16);
	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
		struct slab_cache *c = slab_create(classes[i].name, classes[i].size, 16);

		for (; from <= classes[i].size; from += 16) {
			if (from <= SMALL_MAX)
				small[from / 16] = c;
			else if (is_aligned(from, 512))
				medium[from / 512] = c;
		}
	}
}

static unsigned order_for(size_t size)
{
	size_t pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;

	return pages <= 1 ? 0 : 64 - (unsigned)__builtin_clzl(pages - 1);
}

static void *alloc_pages(size_t size, u32 flags)
{
	if (size > SIZE_MAX_PAGES)
		return nullptr;
	struct page *p = page_alloc(order_for(size), PAGE_KERNEL, flags);

	return p ? page_address(p) : nullptr;
}

/* nullptr: by pages. */
static inline struct slab_cache *cache_for(size_t size)
{
	if (likely(size <= SMALL_MAX))
		return small[(size + 15) / 16];
	return size <= CLASS_MAX ? medium[(size + 511) / 512] : nullptr;
}

void *kmalloc(size_t size)
{
	struct slab_cache *c = cache_for(size);

	return c ? slab_alloc(c) : alloc_pages(size, 0);
}

void *kmalloc_nowait(size_t size)
{
	struct slab_cache *c = cache_for(size);

	return c ? slab_alloc_nowait(c) : alloc_pages(size, PA_NOWAIT);
}

void *kzalloc(size_t size)
{
	struct slab_cache *c = cache_for(size);
	void *p = c ? slab_alloc(c) : alloc_pages(size, PA_ZERO);

	if (p && c)
		memset(p, 0, size);
	return p;
}

void kfree(void *p)
{
	if (!p)
		return;
	struct page *page = page_of(p);

	if (likely(page->kind == PAGE_SLAB))
		slab_free(page->cache, p);
	else if (page->kind == PAGE_KERNEL && p == page_address(page))
		page_free(page);
	else
		panic("kfree of %p, which is not from kmalloc (page kind %u)", p, page->kind);
}

void *krealloc(void *p, size_t size)
{
	if (!p)
		return kmalloc(size);
	struct page *page = page_of(p);
	size_t room = page->kind == PAGE_SLAB ? slab_size(p) : PAGE_SIZE << page->order;

	if (size <= room && size > room / 4)
		return p;
	void *q = kmalloc(size);

	if (!q)
		return nullptr;
	memcpy(q, p, min(size, room));
	kfree(p);
	return q;
}

char *kstrdup(const char *s) { return kmemdup(s, strlen(s) + 1); }

void *kmemdup(const void *p, size_t n)
{
	void *q = kmalloc(n);

	if (q)
		memcpy(q, p, n);
	return q;
}

/* lib/radix.c's memory: it is inserted into under spinlocks. */
struct radix_node *radix_node_alloc(void)
{
	struct radix_node *n = slab_alloc_nowait(radix_nodes);

	if (n)
		*n = (struct radix_node){};
	return n;
}

void radix_node_free(struct radix_node *n) { slab_free(radix_nodes, n); }
