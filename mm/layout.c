// SPDX-License-Identifier: MIT
/*
 * The layout: searching an ordered set of regions, sharing it, checking it. Changes are in
 * mm/layout_change.c and mm/layout_update.c, the nodes of the tree below both in mm/layout_tree.c.
 *
 * A search follows one path. What looks at many regions goes leaf by leaf, with one search for
 * each: no pointers between leaves, which shared nodes could not have.
 *
 * No locks here: the caller holds vm->lock, for reading at least.
 */
#include "mm/layout_tree.h"

void layout_clone(struct layout *to, const struct layout *from)
{
	*to = *from;
	to->found = nullptr;
	if (to->root)
		__atomic_fetch_add(&to->root->refs, 1, __ATOMIC_RELAXED);
}

void layout_destroy(struct layout *l)
{
	if (l->root)
		node_put(l->root);
	*l = (struct layout){};
}

static inline const struct region *region_at(const struct layout *l, va_t va)
{
	unsigned i;
	const struct layout_node *n = leaf_seek(l, va, &i);

	return likely(n && n->region[i].start <= va) ? &n->region[i] : nullptr;
}

const struct region *layout_search(struct layout *l, va_t va)
{
	const struct region *r = region_at(l, va);

	store_relaxed(&l->found, r);
	return r;
}

bool layout_find(const struct layout *l, va_t va, struct region *r)
{
	const struct region *found = region_at(l, va);

	if (unlikely(!found))
		return false;
	*r = *found;
	return true;
}

bool layout_next(const struct layout *l, va_t va, struct region *r)
{
	unsigned i;
	const struct layout_node *n = leaf_seek(l, va, &i);

	if (!n)
		return false;
	*r = n->region[i];
	return true;
}

bool layout_prev(const struct layout *l, va_t va, struct region *r)
{
	const struct layout_node *n = l->root;
	unsigned i;

	if (!n || !va)
		return false;
	while (n->level) {
		i = keys_below(&n->child[0].start, sizeof(struct child), n->count, va - 1);
		if (!i)		/* in the root only */
			return false;
		n = n->child[i - 1].node;
	}
	i = keys_below(&n->region[0].start, sizeof(struct region), n->count, va - 1);
	if (!i)
		return false;
	*r = n->region[i - 1];
	return true;
}

bool layout_covers(const struct layout *l, va_t start, va_t end)
{
	while (start < end) {
		unsigned i;
		const struct layout_node *n = leaf_seek(l, start, &i);

		if (!n)
			return false;
		for (; i < n->count && start < end; i++) {
			if (n->region[i].start > start)
				return false;
			start = n->region[i].end;
		}
	}
	return true;
}

bool layout_is_free(const struct layout *l, va_t start, va_t end)
{
	unsigned i;
	const struct layout_node *n = leaf_seek(l, start, &i);

	return !n || n->region[i].start >= end;
}

u64 layout_count(const struct layout *l, va_t start, va_t end, u32 flags)
{
	u64 pages = 0;

	while (start < end) {
		unsigned i;
		const struct layout_node *n = leaf_seek(l, start, &i);

		if (!n)
			break;
		for (; i < n->count && start < end; i++) {
			const struct region *r = &n->region[i];
			va_t low = max(r->start, start), high = min(r->end, end);

			if (low < high && (r->flags & flags) == flags)
				pages += (high - low) >> PAGE_SHIFT;
			start = r->end;
		}
	}
	return pages;
}

/* The place for what is looked for in the hole [start, end); 0: it does not fit. */
[[gnu::always_inline]] static inline va_t hole_fit(const struct layout_hole *h, va_t start, va_t end)
{
	start = max(start, h->low);
	end = min(end, h->high);
	if (start >= end || end - start < h->size)
		return 0;

	va_t va = align_down(end - h->size, h->align);

	return start <= va ? va : 0;
}

/* The same for the hole between `below` and r. */
[[gnu::always_inline]] static inline va_t region_fit(const struct layout_hole *h, va_t below, const struct region *r)
{
	u64 gap = r->start - below;

	if (likely(gap < h->size || below >= h->high))
		return 0;
	return hole_fit(h, below, r->start - (r->flags & R_GROWSDOWN ? min(gap, h->guard) : 0));
}

/* Searches the holes below the regions of a leaf; `below` is the end of the region before them. *slot: that above the hole. */
[[gnu::always_inline]] static inline va_t leaf_fit(const struct layout_hole *h, const struct layout_node *n, va_t below,
						   unsigned *slot)
{
	unsigned i = n->count - 1u;
	const struct region *r = n->region + i;
	u64 size = h->size;

	for (; i; i--, r--) {
		if (likely(r->start - r[-1].end < size))
			continue;
		va_t va = region_fit(h, r[-1].end, r);

		if (likely(va)) {
			*slot = i;
			return va;
		}
	}
	*slot = 0;
	return region_fit(h, below, r);
}

/* The bound that has sent us down to a child in vain becomes as sharp as it can be. */
static void child_sharpen(struct child *c)
{
	u64 gap = node_gap(c->node);

	if (gap < load_relaxed(&c->gap))
		store_relaxed(&c->gap, gap);
}

/* The same for the subtree n. Only two paths, at the edges of [low, high), are gone down in vain again and again;
 * and those to holes that would do but for alignment or guard. */
static va_t node_fit(const struct layout_hole *h, struct layout_node *n, va_t below, struct layout_path *p)
{
	if (!n->level) {
		p->leaf = n;
		return leaf_fit(h, n, below, &p->slot);
	}
	for (unsigned i = n->count; i-- > 0;) {
		struct child *c = &n->child[i];
		va_t prev = i ? c[-1].end : below;

		if ((load_relaxed(&c->gap) < h->size && c->start - prev < h->size) || prev >= h->high ||
		    c->end <= h->low)
			continue;
		path_step(p, p->depth - n->level, n, i);
		va_t va = node_fit(h, c->node, prev, p);

		if (va)
			return va;
		child_sharpen(c);
	}
	return 0;
}

/* In a tree of more than a leaf. */
[[gnu::noinline]] static va_t gap_deep(const struct layout_hole *h, struct layout_node *root, struct layout_path *p)
{
	bool owned = true;

	p->depth = root->level;
	va_t va = node_fit(h, root, 0, p);

	if (!va)
		return 0;
	for (unsigned d = 0; d < p->depth; d++)
		owned &= !node_is_shared(p->at[d].node);
	path_end(p, p->depth, owned, p->leaf, p->slot);
	return va;
}

/* Below the last region. */
[[gnu::always_inline]] static inline va_t gap_below(const struct layout_hole *h, struct layout_node *n, struct layout_change *c)
{
	unsigned slot;

	c->spare = nullptr;
	if (unlikely(n->level))
		return c->va = gap_deep(h, n, &c->path);
	c->va = leaf_fit(h, n, 0, &slot);
	path_end(&c->path, 0, true, n, slot);
	return c->va;
}

/* Where the hole above all regions may do. */
[[gnu::noinline]] static va_t gap_anywhere(struct layout *l, const struct layout_hole *h, struct layout_change *c)
{
	va_t va = hole_fit(h, l->root ? node_end(l->root) : 0, h->high);

	if (va)
		layout_seek(l, va, c);
	else if (l->root)
		va = gap_below(h, l->root, c);
	return va;
}

va_t layout_gap(struct layout *l, const struct layout_hole *h, struct layout_change *c)
{
	struct layout_node *n = l->root;

	debug_assert(h->size && h->align >= PAGE_SIZE);
	return likely(n && node_end(n) >= h->high) ? gap_below(h, n, c) : gap_anywhere(l, h, c);
}

/* Counts the nodes of the subtree n; all below a shared one are shared. */
static void node_census(const struct layout_node *n, bool shared, unsigned *own, unsigned *others)
{
	shared |= node_is_shared(n);
	++*(shared ? others : own);
	for (unsigned i = 0; n->level && i < n->count; i++)
		node_census(n->child[i].node, shared, own, others);
}

void layout_nodes(const struct layout *l, unsigned *own, unsigned *shared)
{
	*own = *shared = 0;
	if (l->root)
		node_census(l->root, false, own, shared);
}

/* Walks along with layout_check(): what has been seen so far. */
struct census {
	struct region last;
	struct layout sums;
};

static const char *leaf_check(const struct layout_node *n, struct census *c)
{
	for (unsigned i = 0; i < n->count; i++) {
		const struct region *r = &n->region[i];

		if (r->start >= r->end || !is_aligned(r->start | r->end, PAGE_SIZE))
			return "a region is whole pages and not empty";
		if (c->sums.regions && r->start < c->last.end)
			return "regions stand in order and do not overlap";
		if (c->sums.regions && region_joins(&c->last, r))
			return "equal neighbours are one region";
		c->last = *r;
		c->sums.regions++;
		layout_tally(&c->sums, r->flags, (s64)region_pages(r));
	}
	return nullptr;
}

static const char *node_check(struct layout_node *n, struct census *c)
{
	if (!n->count || n->count > node_capacity(n))
		return "a node is neither empty nor overfull";
	if (!load_relaxed(&n->refs))
		return "a node in a tree is counted";
	if (!n->level)
		return leaf_check(n, c);
	for (unsigned i = 0; i < n->count; i++) {
		struct layout_node *below = n->child[i].node;
		const char *broken = below->level + 1 != n->level ?
			"all leaves are equally deep" : node_check(below, c);

		if (broken)
			return broken;

		struct child want = node_summary(below);

		if (want.start != n->child[i].start || want.end != n->child[i].end)
			return "a slot knows the span of its child";
		if (want.gap > n->child[i].gap)
			return "a slot bounds the gaps below it";
	}
	return nullptr;
}

const char *layout_check(const struct layout *l)
{
	struct census c = {};

	if (l->root) {
		const char *broken = l->root->level && l->root->count < 2 ?
			"an inner root has two children" : node_check(l->root, &c);

		if (broken)
			return broken;
	}
	if (c.sums.regions != l->regions)
		return "the number of regions is kept";
	if (c.sums.pages != l->pages)
		return "the number of pages is kept";
	if (c.sums.data_pages != l->data_pages || c.sums.commit_pages != l->commit_pages ||
	    c.sums.locked_pages != l->locked_pages)
		return "the numbers of data, promised and locked pages are kept";
	return nullptr;
}
