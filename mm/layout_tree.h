// SPDX-License-Identifier: MIT
/*
 * The nodes of a layout (private to mm/layout*.c): a B+ tree whose leaves hold the regions and
 * whose inner nodes hold, for each child, the span it covers and a bound for the holes inside that
 * span.
 *
 * A node is counted by the slots and roots that point to it. It may be changed only by a holder
 * who "owns" it: its count is 1 and so is that of every node above it. node_own() makes that so,
 * top-down. All nodes that a change needs come from its spare list; those it frees go back to it,
 * so a change neither fails nor calls the allocator.
 *
 * The bound of the holes is never too small. A change that makes holes smaller leaves it as it is; a
 * search that it sends down in vain makes it exact, also in a frozen node: what it says is the same
 * for all who share it. So each insertion costs at most one such search, and no change looks through
 * a whole node.
 */
#pragma once

#include "lib/base.h"
#include "mm/commit.h"
#include "mm/layout.h"

#ifndef LAYOUT_TINY_NODES
constexpr unsigned LEAF_MAX = 25;	/* regions in a leaf */
constexpr unsigned INNER_MAX = 31;	/* children of an inner node */
#else
constexpr unsigned LEAF_MAX = 6, INNER_MAX = 6;	/* a host test: deep trees of few regions */
#endif
constexpr unsigned ROOM = 2;		/* more regions: all that a change can need in a leaf */

/* What an inner node knows about one child, and node_summary() recomputes. */
struct child {
	va_t start, end;		/* from its first region to the end of its last */
	u64 gap;			/* (a) no hole between two of its regions is larger */
	struct layout_node *node;
};

struct layout_node {
	u32 refs;			/* (a) slots and layouts that point here */
	u16 level;			/* (i) 0: leaf */
	u16 count;			/* slots in use */
	union {				/* all: changed only while refs == 1 */
		struct region region[LEAF_MAX];	/* each holds a reference on its object */
		struct child child[INNER_MAX];	/* each holds a reference on its node */
		struct layout_node *next;	/* in a change's spare list */
	};
};

static_assert(sizeof(struct layout_node) <= 1024);

static inline unsigned node_capacity(const struct layout_node *n)
{
	return n->level ? INNER_MAX : LEAF_MAX;
}

/* The span of slot i, and of the node. */
static inline va_t slot_start(const struct layout_node *n, unsigned i)
{
	return n->level ? n->child[i].start : n->region[i].start;
}

static inline va_t slot_end(const struct layout_node *n, unsigned i)
{
	return n->level ? n->child[i].end : n->region[i].end;
}

static inline va_t node_start(const struct layout_node *n) { return slot_start(n, 0); }
static inline va_t node_end(const struct layout_node *n) { return slot_end(n, n->count - 1u); }

static inline unsigned layout_height(const struct layout *l)
{
	return l->root ? l->root->level + 1 : 0;
}

/* How many of n sorted keys, `stride` bytes apart, are <= va. Four at a time, then one by one:
 * fewer instructions than a binary search for as few as 31, and the same way each time for a
 * program that stays in one place. */
[[gnu::always_inline]] static inline unsigned keys_below(const va_t *keys, size_t stride,
							  unsigned n, va_t va)
{
	const char *first = (const char *)keys, *fours = first + (n & ~3u) * stride, *end = first + n * stride, *k = first;

	while (k < fours && *(const va_t *)(k + 3 * stride) <= va)
		k += 4 * stride;
	while (k < end && *(const va_t *)k <= va)
		k += stride;
	return (unsigned)((size_t)(k - first) / stride);
}

/* The first slot that ends above va; count: none does. */
static inline unsigned leaf_search(const struct layout_node *n, va_t va)
{
	return keys_below(&n->region[0].end, sizeof(struct region), n->count, va);
}

/* The same, from slot i on: programs change their regions in the same few places again and again. */
static inline unsigned leaf_search_from(const struct layout_node *n, unsigned i, va_t va)
{
	const struct region *r = n->region + i;

	for (; i && r[-1].end > va; i--)
		r--;
	for (; i < n->count && r->end <= va; i++)
		r++;
	return i;
}

static inline unsigned inner_search(const struct layout_node *n, va_t va)
{
	return keys_below(&n->child[0].end, sizeof(struct child), n->count, va);
}

/* The first region that ends above va: its leaf, and its slot; nullptr when there is none. */
static inline struct layout_node *leaf_seek(const struct layout *l, va_t va, unsigned *slot)
{
	struct layout_node *n = l->root;

	if (!n)
		return nullptr;
	while (n->level) {
		unsigned i = inner_search(n, va);

		if (i == n->count)	/* in the root only: spans below it reach above va */
			return nullptr;
		n = n->child[i].node;
	}
	*slot = leaf_search(n, va);
	return *slot < n->count ? n : nullptr;
}

static inline bool node_is_shared(const struct layout_node *n)
{
	return load_acquire(&n->refs) > 1;
}

/* On a path the slot i of n is taken. */
static inline void path_step(struct layout_path *p, unsigned depth, struct layout_node *n, unsigned i)
{
	p->at[depth].node = n;
	p->at[depth].slot = i;
}

/* A path of `depth` nodes, which are `owned`, ends at slot i of the leaf n. */
[[gnu::always_inline]] static inline void path_end(struct layout_path *p, unsigned depth, bool owned, struct layout_node *n,
						   unsigned i)
{
	owned &= !node_is_shared(n);
	p->leaf = n;
	p->slot = i;
	p->depth = depth;
	p->here = i < n->count ? &n->region[i] : nullptr;
	p->owned = owned;
	p->simple = owned && !depth && n->count + ROOM <= LEAF_MAX;
}

/* The place for va: the leaf of the first region that ends above it; beyond all, the last leaf. */
[[gnu::always_inline]] static inline void path_find(const struct layout *l, va_t va,
						    struct layout_path *p)
{
	struct layout_node *n = l->root;
	unsigned depth = 0;
	bool owned = true;

	for (; n && n->level; depth++) {
		unsigned i = inner_search(n, va);

		i -= i == n->count;
		owned &= !node_is_shared(n);
		path_step(p, depth, n, i);
		n = n->child[i].node;
	}
	if (likely(n))
		path_end(p, depth, owned, n, leaf_search(n, va));
	else
		*p = (struct layout_path){};
}

/* The same, called. */
void path_seek(const struct layout *l, va_t va, struct layout_path *p);

/* A change's place, also when it was prepared for another one, or another change came before. */
static inline struct layout_path *change_seek(const struct layout *l, va_t va,
					      struct layout_change *c)
{
	if (unlikely(c->va != va))
		path_seek(l, va, &c->path);
	c->va = LAYOUT_NOWHERE;		/* as soon as the caller has changed something */
	return &c->path;
}

/* Can the leaf take one more region, as it is? */
static inline bool path_has_room(const struct layout_path *p)
{
	return p->owned && p->leaf->count < LEAF_MAX;
}

/* Is all that the change needs in one leaf, which is all there is, as in most programs, and does it lead there still? */
static inline bool change_is_simple(const struct layout_change *c, va_t va)
{
	return c->va == va && c->path.simple;
}

/* The number of pages a region spans. */
static inline u64 region_pages(const struct region *r)
{
	return (r->end - r->start) >> PAGE_SHIFT;
}

/* So many pages with these flags come (or go, when negative): the layout's sums. */
static inline void layout_tally(struct layout *l, u32 flags, s64 pages)
{
	l->pages += (u64)pages;
	if (region_is_data(flags))
		l->data_pages += (u64)pages;
	if (commit_counts(flags))
		store_relaxed(&l->commit_pages, l->commit_pages + (u64)pages);
	if (unlikely(flags & R_LOCKED))
		l->locked_pages += (u64)pages;
}

/* r gets other flags; its pages stay. */
static inline void region_set_flags(struct layout *l, struct region *r, u32 flags)
{
	u64 pages = region_pages(r);
	u32 was = r->flags;

	r->flags = flags;
	l->data_pages += ((u64)region_is_data(flags) - region_is_data(was)) * pages;
	store_relaxed(&l->commit_pages, l->commit_pages + ((u64)commit_counts(flags) - commit_counts(was)) * pages);
	if (unlikely((flags ^ was) & R_LOCKED))
		l->locked_pages += flags & R_LOCKED ? pages : -pages;
}

/* [start, end) of r goes. */
static inline void layout_untally(struct layout *l, const struct region *r, va_t start, va_t end)
{
	layout_tally(l, r->flags, -(s64)((end - start) >> PAGE_SHIFT));
}

/* Are a and b, in this order, one region cut in two? */
static inline bool region_joins(const struct region *a, const struct region *b)
{
	return a->end == b->start && a->flags == b->flags && a->object == b->object &&
	       (!a->object || a->offset + region_pages(a) == b->offset);
}

/* Moves the start of r to va, which lies in or below it; its bytes stay where they were. */
static inline void region_set_start(struct region *r, va_t va)
{
	if (r->object)
		r->offset += (s64)(va - r->start) >> PAGE_SHIFT;
	r->start = va;
}

/* Lets go of one reference; the last one frees the node and lets go of what it holds. May sleep. */
void node_put(struct layout_node *n);
struct layout_node *node_take(struct layout_change *c);
/* Replaces the node at *link by a copy of its own, which is returned. */
struct layout_node *node_copy(struct layout_node **link, struct layout_change *c);

/* Makes the node at *link ours alone; the node that holds the link must be. */
static inline struct layout_node *node_own(struct layout_node **link, struct layout_change *c)
{
	return unlikely(node_is_shared(*link)) ? node_copy(link, c) : *link;
}

/* Moves the slots [first, end) up or down by k. With pointers only: these loops are half of what
 * a change costs. */
#define slots_up(first, end, k)                                                      \
	for (auto from_ = (end), to_ = from_ + (k), stop_ = (first); from_ > stop_;) \
		*--to_ = *--from_
#define slots_down(first, end, k)                                                    \
	for (auto from_ = (first), to_ = from_ - (k), stop_ = (end); from_ < stop_;) \
		*to_++ = *from_++

/* Makes room for k slots at `at`, contents undefined; takes k slots out (their references are the
 * caller's). */
static inline void leaf_open(struct layout_node *n, unsigned at, unsigned k)
{
	debug_assert(n->count + k <= LEAF_MAX);
	slots_up(n->region + at, n->region + n->count, k);
	n->count += k;
}

static inline void leaf_close(struct layout_node *n, unsigned at, unsigned k)
{
	slots_down(n->region + at + k, n->region + n->count, k);
	n->count -= k;
}

static inline void inner_open(struct layout_node *n, unsigned at, unsigned k)
{
	debug_assert(n->count + k <= INNER_MAX);
	slots_up(n->child + at, n->child + n->count, k);
	n->count += k;
}

static inline void inner_close(struct layout_node *n, unsigned at, unsigned k)
{
	slots_down(n->child + at + k, n->child + n->count, k);
	n->count -= k;
}

/* What the parent must know about n; the bound as sharp as those of n's own children allow. */
u64 node_gap(const struct layout_node *n);
struct child node_summary(struct layout_node *n);

/*
 * Child i of n has changed, and may have got a hole of *hole bytes (GAP_UNKNOWN: look): renews what n knows
 * of it; takes it out if it is empty; joins it to a sibling if it has become sparse. true: what n's own
 * parent knows of n is to be renewed too, and *hole is the same for n. n and the child are owned.
 */
constexpr u64 GAP_UNKNOWN = ~0ul;
bool node_settle(struct layout_node *n, unsigned i, u64 *hole, struct layout_change *c);
/* Into an empty layout: a leaf with the one region r. */
void root_begin(struct layout *l, const struct region *r, struct layout_change *c);
/* As node_settle() for the root: an inner root with one child gives way to it. */
void root_settle(struct layout *l, struct layout_change *c);

/* Owns the way to the place for va and returns the leaf. With `room` it can take one more: if it is full, it and all full
 * nodes on the way are split. */
struct layout_node *path_own(struct layout *l, va_t va, bool room, struct layout_path *p,
			     struct layout_change *c);
/* The leaf at the end of p has changed, as node_settle() has it: settles all that is above it. */
void path_settle(struct layout *l, struct layout_path *p, u64 hole, struct layout_change *c);

/* ---- what layout_change.c and layout_update.c share */

/* Regions are about to move, or to end: what layout_at() has found may be none any more. */
static inline void layout_changes(struct layout *l)
{
	store_relaxed(&l->found, nullptr);
}

/* Takes [start, end) out of region i of a leaf, which reaches beyond both; an empty range just
 * cuts it in two. The leaf has a free slot. */
void leaf_punch(struct layout *l, struct layout_node *n, unsigned i, va_t start, va_t end);
/* Regions i - 1 and i of the leaf, and what may lie between them, become one. */
void leaf_unite(struct layout *l, struct layout_node *n, unsigned i);
/* An insertion before slot i makes holes of these sizes, at an end of the leaf, and none elsewhere that is not part of a
 * larger one. */
u64 holes_made(const struct layout_node *n, unsigned i);
/* The region that r, at the front of its leaf, would continue stands in the leaf before: takes it
 * from there and adds it to r. false: there is none. */
bool absorb_previous(struct layout *l, struct region *r, struct layout_change *c);
