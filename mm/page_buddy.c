// SPDX-License-Identifier: MIT
/*
 * Buddy allocator (Knowlton 1965) with lazy merging of single pages.
 *
 * A free block of 2^order pages is aligned to its size; its first descriptor carries PG_BUDDY and
 * the order, the others are not touched: setting up 16 GiB costs a few thousand list operations.
 * Two free buddies of one order are merged at once; but single pages come and go in batches of 64,
 * linked through their first pages, and such a batch is a push or a pop. They are merged
 * into blocks when a larger block is wanted and none is there.
 *
 * The array of descriptors begins and ends on a boundary of the largest block, and what is not RAM
 * in it is PAGE_RESERVED: a buddy's descriptor always exists.
 *
 * One lock, taken with interrupts off: for a few dozen instructions, or to merge one batch.
 */
#include "mm/page_buddy.h"

static_assert(sizeof(struct page) == 32);

/* All under the lock. */
static struct buddy {
	struct spinlock lock;
	u32 filled;				/* bit n: blocks[n] is not empty */
	u64 free;				/* pages, batches included */
	struct page *batches;
	struct list blocks[PAGE_ORDER_MAX + 1];
} buddy;

void buddy_init(void)
{
	buddy = (struct buddy){};
	for (unsigned o = 0; o <= PAGE_ORDER_MAX; o++)
		list_init(&buddy.blocks[o]);
}

static void block_link(struct page *p, unsigned order)
{
	p->order = (u8)order;
	store_relaxed(&p->flags, p->flags | PG_BUDDY);
	list_push_front(&buddy.blocks[order], &p->node);
	buddy.filled |= 1u << order;
}

static void block_unlink(struct page *p)
{
	unsigned order = p->order;

	p->node.prev->next = p->node.next;
	p->node.next->prev = p->node.prev;
	store_relaxed(&p->flags, p->flags & ~PG_BUDDY);
	if (list_empty(&buddy.blocks[order]))
		buddy.filled &= ~(1u << order);
}

/* Puts a block of kind PAGE_FREE in, merged with its free buddies. */
static void block_insert(struct page *p, unsigned order)
{
	u64 frame = page_frame(p);

	for (; order < PAGE_ORDER_MAX; order++) {
		struct page *other = page_array + (frame ^ (1ul << order));

		/* Somebody else's page, unless it is in a list; only then does the rest stand
		 * still. */
		if (!(load_relaxed(&other->flags) & PG_BUDDY) || other->order != order)
			break;
		block_unlink(other);
		frame &= ~(1ul << order);
	}
	block_link(page_array + frame, order);
}

/* Takes a block of at least `order`, gives back what is too much; nullptr without one. */
static struct page *block_take(unsigned order)
{
	u32 fits = buddy.filled & ~((1u << order) - 1);

	if (!fits)
		return nullptr;
	unsigned o = (unsigned)__builtin_ctz(fits);
	struct page *p = list_first(&buddy.blocks[o], struct page, node);

	block_unlink(p);
	while (o-- > order)
		block_link(p + (1ul << o), o);
	return p;
}

/* Merges one batch; false without any. */
static bool merge_batch(void)
{
	struct page *p = buddy.batches;

	if (!p)
		return false;
	buddy.batches = p->batch;
	for (struct page *next; p; p = next) {
		next = p->next;
		block_insert(p, 0);
	}
	return true;
}

void buddy_add(u64 first, u64 end)
{
	u64 flags = spin_lock_irq(&buddy.lock);

	buddy.free += end - first;
	while (first < end) {
		unsigned order = PAGE_ORDER_MAX;

		while (!is_aligned(first, 1ul << order) || first + (1ul << order) > end)
			order--;
		block_insert(page_array + first, order);
		first += 1ul << order;
	}
	spin_unlock_irq(&buddy.lock, flags);
}

/* One try. *again: there was something to merge, and it has been. */
static struct page *alloc_once(unsigned order, u64 keep, bool *again)
{
	u64 flags = spin_lock_irq(&buddy.lock);
	struct page *p = nullptr;

	*again = false;
	if (buddy.free >= keep + (1ul << order)) {
		p = block_take(order);
		if (p)
			store_relaxed(&buddy.free, buddy.free - (1ul << order));
		else
			*again = merge_batch();
	}
	spin_unlock_irq(&buddy.lock, flags);
	return p;
}

struct page *buddy_alloc(unsigned order, u64 keep)
{
	struct page *p;
	bool again;

	do {
		p = alloc_once(order, keep, &again);
	} while (again);
	return p;
}

void buddy_free(struct page *p, unsigned order)
{
	u64 flags = spin_lock_irq(&buddy.lock);

	block_insert(p, order);
	store_relaxed(&buddy.free, buddy.free + (1ul << order));
	spin_unlock_irq(&buddy.lock, flags);
}

/* Small blocks first, so that what is in pieces is used up and large blocks stay whole. */
static u32 batch_from_blocks(struct page **first, u64 want)
{
	struct page **end = first;
	u32 n = 0;

	while (n < want && buddy.filled) {
		unsigned o = (unsigned)__builtin_ctz(buddy.filled);

		while ((1ul << o) > want - n)
			o--;
		struct page *p = block_take(o);

		for (struct page *stop = p + (1ul << o); p < stop; p++) {
			*end = p;
			end = &p->next;
		}
		n += 1u << o;
	}
	*end = nullptr;
	return n;
}

struct page *buddy_take_batch(u64 keep, u32 *n)
{
	struct page *first = nullptr;
	u64 flags = spin_lock_irq(&buddy.lock);
	u64 spare = buddy.free > keep ? buddy.free - keep : 0;

	*n = PAGE_BATCH;
	if (buddy.batches && spare >= PAGE_BATCH) {
		first = buddy.batches;
		buddy.batches = first->batch;
	} else if (spare) {
		if (!buddy.filled)
			merge_batch();
		*n = batch_from_blocks(&first, min(spare, (u64)PAGE_BATCH));
	}
	if (first)
		store_relaxed(&buddy.free, buddy.free - *n);
	spin_unlock_irq(&buddy.lock, flags);
	return first;
}

void buddy_give_batch(struct page *first)
{
	u64 flags = spin_lock_irq(&buddy.lock);

	first->batch = buddy.batches;
	buddy.batches = first;
	store_relaxed(&buddy.free, buddy.free + PAGE_BATCH);
	spin_unlock_irq(&buddy.lock, flags);
}

void buddy_give_pages(struct page *first)
{
	for (struct page *next; first; first = next) {
		next = first->next;
		buddy_free(first, 0);
	}
}

u64 buddy_free_pages(void) { return load_relaxed(&buddy.free); }

static s64 recount_blocks(unsigned order)
{
	s64 n = 0;

	list_for_each(p, &buddy.blocks[order], struct page, node) {
		if (p->kind != PAGE_FREE || !(p->flags & PG_BUDDY) || p->order != order)
			return -1;
		n += 1l << order;
	}
	return n;
}

static s64 recount_batches(void)
{
	s64 n = 0;

	for (struct page *b = buddy.batches; b; b = b->batch) {
		u32 pages = 0;

		for (struct page *p = b; p && p->kind == PAGE_FREE; p = p->next)
			pages++;
		if (pages != PAGE_BATCH)
			return -1;
		n += pages;
	}
	return n;
}

s64 buddy_recount(void)
{
	u64 flags = spin_lock_irq(&buddy.lock);
	s64 n = recount_batches();

	for (unsigned o = 0; o <= PAGE_ORDER_MAX && n >= 0; o++) {
		s64 more = recount_blocks(o);

		n = more < 0 ? -1 : n + more;
	}
	if (n >= 0 && (u64)n != buddy.free)
		n = -1;
	spin_unlock_irq(&buddy.lock, flags);
	return n;
}
