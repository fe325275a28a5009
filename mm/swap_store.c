// SPDX-License-Identifier: MIT
/*
 * Where compressed pages are: single pages cut into equal chunks, a class for each size. Only single pages, because
 * larger blocks are what is missing first when memory is short. What is longer than half a page takes a chunk of
 * half a page and a second one for its rest.
 *
 * A page's descriptor has a bit for each chunk in use (aux) and its class (aux2); pages with free chunks are in
 * their class's list.
 *
 * Locks: store_lock (spin), a leaf.
 */
#include "lib/string.h"
#include "mm/page.h"
#include "mm/swap.h"

constexpr unsigned CHUNK_BITS = 5;		/* of a chunk's number: which one in its page */
constexpr size_t HALF = PAGE_SIZE / 2;

static const u16 chunk_size[] = { 128, 160, 256, 336, 400, 512, 576, 672, 816, 1024, 1360, 2048 };
constexpr unsigned CLASSES = ARRAY_SIZE(chunk_size);

static struct spinlock store_lock;
static struct list partial[CLASSES];	/* (store_lock) */
static u64 pages, pages_max, chunks;	/* (store_lock to write) */
static u64 first_frame;			/* (i) */

bool blob_limit(u64 max)
{
	u64 end;

	for (unsigned i = 0; i < CLASSES; i++)
		list_init(&partial[i]);
	page_frames(&first_frame, &end);
	pages_max = max;
	/* A chunk's number, frame and place in it, has 32 bits. */
	return end - first_frame < 1ul << (32 - CHUNK_BITS);
}

u64 blob_pages(void) { return load_relaxed(&pages); }
u64 blob_chunks(void) { return load_relaxed(&chunks); }

static u32 number_of(const struct page *p, unsigned chunk)
{
	return (u32)((u64)(p - page_array) - first_frame + 1) << CHUNK_BITS | chunk;
}

static struct page *page_of_chunk(u32 number)
{
	return page_array + first_frame + (number >> CHUNK_BITS) - 1;
}

static void *address_of(u32 number)
{
	struct page *p = page_of_chunk(number);

	return (char *)page_address(p) + (number & (BIT(CHUNK_BITS) - 1)) * chunk_size[p->aux2];
}

static u32 all_chunks(unsigned class)
{
	return (u32)(BIT(PAGE_SIZE / chunk_size[class]) - 1);
}

static unsigned class_for(size_t n)
{
	unsigned class = 0;

	while (chunk_size[class] < n)
		class++;
	return class;
}

/* A page for the class, in its list. */
static bool grow(unsigned class)
{
	if (load_relaxed(&pages) >= pages_max)
		return false;
	struct page *p = page_alloc(0, PAGE_SWAP, PA_RESERVE);

	if (!p)
		return false;
	p->aux2 = class;
	scoped_spin(&store_lock);
	list_push_front(&partial[class], &p->node);
	pages++;
	return true;
}

static u32 take_chunk(unsigned class)
{
	scoped_spin(&store_lock);
	if (list_empty(&partial[class]))
		return 0;
	struct page *p = list_first(&partial[class], struct page, node);
	unsigned i = (unsigned)__builtin_ctz(~p->aux);

	p->aux |= 1u << i;
	chunks++;
	if (p->aux == all_chunks(class))
		list_remove(&p->node);
	return number_of(p, i);
}

static u32 chunk_alloc(size_t n)
{
	unsigned class = class_for(n);
	u32 number;

	while (!(number = take_chunk(class)) && grow(class))
		;
	return number;
}

static void chunk_free(u32 number)
{
	struct page *p = page_of_chunk(number);

	spin_lock(&store_lock);
	if (p->aux == all_chunks(p->aux2))
		list_push_front(&partial[p->aux2], &p->node);
	p->aux &= ~(1u << (number & (BIT(CHUNK_BITS) - 1)));
	chunks--;
	bool empty = !p->aux;

	if (empty) {
		list_remove(&p->node);
		pages--;
	}
	spin_unlock(&store_lock);
	if (empty)
		page_free(p);
}

bool blob_put(struct blob *b, const void *data, size_t n)
{
	size_t first = min(n, HALF), rest = n - first;

	assert(n && n <= BLOB_MAX);
	*b = (struct blob){ .size = (u16)n };
	b->part[0] = chunk_alloc(first);
	b->part[1] = b->part[0] && rest ? chunk_alloc(rest) : 0;
	if (!b->part[0] || (rest && !b->part[1])) {
		blob_free(b);
		return false;
	}
	memcpy(address_of(b->part[0]), data, first);
	if (rest)
		memcpy(address_of(b->part[1]), (const char *)data + first, rest);
	return true;
}

const void *blob_read(const struct blob *b, void *out)
{
	if (!b->part[1])
		return address_of(b->part[0]);
	memcpy(out, address_of(b->part[0]), HALF);
	memcpy((char *)out + HALF, address_of(b->part[1]), b->size - HALF);
	return out;
}

void blob_free(struct blob *b)
{
	for (unsigned i = 0; i < 2; i++) {
		if (b->part[i])
			chunk_free(b->part[i]);
		b->part[i] = 0;
	}
}
