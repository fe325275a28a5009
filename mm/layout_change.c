// SPDX-License-Identifier: MIT
/*
 * Changes of the layout: insertion, removal, new flags.
 *
 * A change owns its path (copying what is shared), edits one leaf and settles what lies above.
 * Three things reach further: an insertion that joins the last region of the leaf before, a
 * removal of many regions (which drops covered subtrees whole, without copying them), and an
 * update of many.
 *
 * No locks here: the caller holds vm->lock for writing.
 */
#include "mm/layout_tree.h"
#include "mm/object.h"

/* Takes one region out of the tree. Its pages stay counted: they are to join another. */
static void region_erase(struct layout *l, const struct region *r, struct layout_spare *spare)
{
	struct path p;
	struct layout_node *n = path_own(l, r->start, false, &p, spare);
	unsigned i = leaf_search(n, r->start);

	object_put(n->region[i].object);
	leaf_close(n, i, 1);
	l->regions--;
	path_settle(l, &p, spare);
}

/* The region that r, at the front of its leaf, would continue stands in the leaf before: takes it
 * from there and adds it to r. false: there is none. */
static bool absorb_previous(struct layout *l, struct region *r, struct layout_spare *spare)
{
	struct region prev;

	if (!layout_prev(l, r->start, &prev) || !region_joins(&prev, r))
		return false;
	region_erase(l, &prev, spare);
	region_set_start(r, prev.start);
	return true;
}

/* Regions i - 1 and i of the leaf, and what may lie between them, become one. */
static void leaf_unite(struct layout *l, struct layout_node *n, unsigned i)
{
	n->region[i - 1].end = n->region[i].end;
	object_put(n->region[i].object);
	leaf_close(n, i, 1);
	l->regions--;
}

/* Puts r into the leaf n before slot i, joining it to equal neighbours. n has a free slot. */
[[gnu::always_inline]] static inline void leaf_insert(struct layout *l, struct layout_node *n,
						      unsigned i, const struct region *r)
{
	bool before = i > 0 && region_joins(&n->region[i - 1], r);
	bool after = i < n->count && region_joins(r, &n->region[i]);

	if (before && after) {
		leaf_unite(l, n, i);
	} else if (before) {
		n->region[i - 1].end = r->end;
	} else if (after) {
		region_set_start(&n->region[i], r->start);
	} else {
		leaf_open(n, i, 1);
		n->region[i] = *r;
		object_get(r->object);
		l->regions++;
	}
}

/* Out of line, so that a path on the stack is no burden for small layouts. */
[[gnu::noinline]] static void insert_deep(struct layout *l, struct region r,
					  struct layout_spare *spare)
{
	struct layout_node *n;
	struct path p;
	unsigned i;

	do {
		n = path_own(l, r.start, true, &p, spare);
		i = leaf_search(n, r.start);
	} while (!i && p.depth && absorb_previous(l, &r, spare));
	leaf_insert(l, n, i, &r);
	path_settle(l, &p, spare);
}

void layout_insert(struct layout *l, const struct region *r, struct layout_spare *spare)
{
	struct layout_node *n = lone_leaf(l);

	debug_assert(r->start < r->end && is_aligned(r->start | r->end, PAGE_SIZE));
	debug_assert(layout_is_free(l, r->start, r->end));
	layout_tally(l, r->flags, (s64)region_pages(r));
	if (likely(n))
		leaf_insert(l, n, leaf_search(n, r->start), r);
	else
		insert_deep(l, *r, spare);
}

/* Does r reach beyond [start, end) on both sides? */
static bool region_surrounds(const struct region *r, va_t start, va_t end)
{
	return r->start < start && end < r->end;
}

/* Takes [start, end) out of region i of a leaf, which reaches beyond both; an empty range just
 * cuts it in two. The leaf has a free slot. */
static void leaf_punch(struct layout *l, struct layout_node *n, unsigned i, va_t start, va_t end)
{
	leaf_open(n, i + 1, 1);
	n->region[i + 1] = n->region[i];
	object_get(n->region[i].object);
	n->region[i].end = start;
	region_set_start(&n->region[i + 1], end);
	l->regions++;
	layout_untally(l, &n->region[i], start, end);
}

/* Takes [start, end) out of a leaf; region i is the first that ends above start. */
[[gnu::always_inline]] static inline void leaf_remove(struct layout *l, struct layout_node *n,
						      unsigned i, va_t start, va_t end)
{
	unsigned last;

	if (i < n->count && n->region[i].start < start) {
		layout_untally(l, &n->region[i], start, n->region[i].end);
		n->region[i++].end = start;
	}
	for (last = i; last < n->count && n->region[last].end <= end; last++) {
		layout_untally(l, &n->region[last], n->region[last].start, n->region[last].end);
		object_put(n->region[last].object);
	}
	if (last < n->count && n->region[last].start < end) {
		layout_untally(l, &n->region[last], n->region[last].start, end);
		region_set_start(&n->region[last], end);
	}
	if (last > i) {
		l->regions -= last - i;
		leaf_close(n, i, last - i);
	}
}

/* Drops a subtree that is wholly removed; the others who share it keep it. */
static void subtree_drop(struct layout *l, struct layout_node *n)
{
	struct layout whole = { .root = n };
	va_t va = 0;
	unsigned i;

	for (const struct layout_node *leaf; (leaf = leaf_seek(&whole, va, &i));
	     va = leaf->region[leaf->count - 1].end) {
		l->regions -= leaf->count;
		for (i = 0; i < leaf->count; i++)
			layout_untally(l, &leaf->region[i], leaf->region[i].start, leaf->region[i].end);
	}
	node_put(n);
}

/*
 * Takes [start, end) out of the subtree n, which is owned and keeps something. Children inside
 * the range are dropped unseen; at most two, at the edges, are owned and searched further, and
 * neither of them becomes empty. The right one goes first: settling it may join it to the left
 * one, but never moves what stands further left.
 */
static void node_remove(struct layout *l, struct layout_node *n, va_t start, va_t end,
			struct layout_spare *spare)
{
	if (!n->level) {
		leaf_remove(l, n, leaf_search(n, start), start, end);
		return;
	}

	unsigned left = inner_search(n, start), first = left, last;
	bool cut_left = left < n->count && n->child[left].start < start;

	first += cut_left;
	for (last = first; last < n->count && n->child[last].end <= end; last++)
		subtree_drop(l, n->child[last].node);
	if (last > first)
		inner_close(n, first, last - first);
	if (first < n->count && n->child[first].start < end) {
		node_remove(l, node_own(&n->child[first].node, spare), start, end, spare);
		node_settle(n, first, spare);
	}
	if (cut_left) {
		node_remove(l, node_own(&n->child[left].node, spare), start, end, spare);
		node_settle(n, left, spare);
	}
}

/* A removal in a tree, from slot i of leaf n on. Only what reaches over several leaves needs
 * node_remove(). */
static void remove_deep(struct layout *l, struct layout_node *n, unsigned i, va_t start, va_t end,
			struct layout_spare *spare)
{
	struct path p;

	if (!l->root->level || end <= node_end(n)) {
		bool punch = region_surrounds(&n->region[i], start, end);

		n = path_own(l, start, punch, &p, spare);
		i = leaf_search(n, start);
		if (punch)
			leaf_punch(l, n, i, start, end);
		else
			leaf_remove(l, n, i, start, end);
		path_settle(l, &p, spare);
	} else if (start <= node_start(l->root) && node_end(l->root) <= end) {
		layout_destroy(l);
	} else {
		node_remove(l, node_own(&l->root, spare), start, end, spare);
		root_settle(l, spare);
	}
}

void layout_remove(struct layout *l, va_t start, va_t end, struct layout_spare *spare)
{
	unsigned i;
	struct layout_node *n = leaf_seek(l, start, &i);

	if (!n || n->region[i].start >= end)
		return;
	if (unlikely(n != lone_leaf(l))) {
		remove_deep(l, n, i, start, end, spare);
		return;
	}
	if (unlikely(region_surrounds(&n->region[i], start, end)))
		leaf_punch(l, n, i, start, end);
	else
		leaf_remove(l, n, i, start, end);
	if (unlikely(!n->count))
		root_settle(l, spare);
}

/* Cuts the region that va lies in, unless it starts there. */
static void region_cut(struct layout *l, va_t va, struct layout_spare *spare)
{
	unsigned i;
	struct layout_node *n = leaf_seek(l, va, &i);
	struct path p;

	if (!n || n->region[i].start >= va)
		return;
	n = path_own(l, va, true, &p, spare);
	leaf_punch(l, n, leaf_search(n, va), va, va);
	path_settle(l, &p, spare);
}

/* Narrows the range to what really changes; false: nothing does. */
static bool update_narrow(const struct layout *l, va_t *start, va_t *end, u32 clear, u32 set)
{
	va_t va = *start, first = *end, last = 0;

	while (va < *end) {
		unsigned i;
		const struct layout_node *n = leaf_seek(l, va, &i);

		if (!n)
			break;
		for (; i < n->count && n->region[i].start < *end; i++) {
			const struct region *r = &n->region[i];

			if (((r->flags & ~clear) | set) == r->flags)
				continue;
			first = min(first, max(r->start, *start));
			last = min(r->end, *end);
		}
		va = i < n->count ? *end : n->region[i - 1].end;
	}
	*start = first;
	*end = last;
	return first < last;
}

static void region_update(struct layout *l, struct region *r, u32 clear, u32 set)
{
	layout_untally(l, r, r->start, r->end);
	r->flags = (r->flags & ~clear) | set;
	layout_tally(l, r->flags, (s64)region_pages(r));
}

/* Changes the regions of the owned subtree n in the range, which has been cut at its edges. */
static void node_update(struct layout *l, struct layout_node *n, va_t start, va_t end, u32 clear,
			u32 set, struct layout_spare *spare)
{
	unsigned i;

	if (n->level) {
		for (i = inner_search(n, start); i < n->count && n->child[i].start < end; i++)
			node_update(l, node_own(&n->child[i].node, spare), start, end, clear, set,
				    spare);
		return;
	}
	for (i = leaf_search(n, start); i < n->count && n->region[i].start < end; i++)
		region_update(l, &n->region[i], clear, set);
}

/* Do two neighbours in the leaf join, from slot `first` (> 0) on and up to `end`? */
static bool leaf_joins(const struct layout_node *n, unsigned first, va_t end)
{
	for (unsigned i = first; i < n->count && n->region[i].start <= end; i++)
		if (region_joins(&n->region[i - 1], &n->region[i]))
			return true;
	return false;
}

/* Joins all equal neighbours in the leaf that holds va. */
static void leaf_join(struct layout *l, va_t va, struct layout_spare *spare)
{
	struct path p;
	struct layout_node *n = path_own(l, va, false, &p, spare);
	unsigned to = 0;

	for (unsigned from = 1; from < n->count; from++) {
		if (region_joins(&n->region[to], &n->region[from])) {
			n->region[to].end = n->region[from].end;
			object_put(n->region[from].object);
		} else {
			n->region[++to] = n->region[from];
		}
	}
	l->regions -= n->count - (to + 1);
	n->count = to + 1;
	path_settle(l, &p, spare);
}

/* Joins r, the first of its leaf, to the last region of the leaf before, if they are equal. */
static bool seam_join(struct layout *l, struct region r, struct layout_spare *spare)
{
	struct path p;

	if (!absorb_previous(l, &r, spare))
		return false;

	struct layout_node *n = path_own(l, r.end - 1, false, &p, spare);

	n->region[leaf_search(n, r.end - 1)] = r;
	path_settle(l, &p, spare);
	return true;
}

/* Joins equal neighbours in the range, edges included. Leaves may move together meanwhile: a leaf
 * is left behind only when nothing in it was found to join. */
static void update_join(struct layout *l, va_t start, va_t end, struct layout_spare *spare)
{
	struct layout_node *n;
	va_t va = start;
	unsigned i;

	while ((n = leaf_seek(l, va, &i)) && n->region[i].start <= end) {
		if (leaf_joins(n, max(i, 1u), end))
			leaf_join(l, va, spare);
		else if (i || !l->root->level || !seam_join(l, n->region[0], spare))
			va = n->region[n->count - 1].end;
	}
}

/* The whole update, for a range that lies in region i of a leaf with two free slots. */
static void leaf_update(struct layout *l, struct layout_node *n, unsigned i, va_t start, va_t end,
			u32 clear, u32 set)
{
	u32 flags = n->region[i].flags;

	if (((flags & ~clear) | set) == flags)
		return;
	if (n->region[i].start < start)
		leaf_punch(l, n, i++, start, start);
	if (end < n->region[i].end)
		leaf_punch(l, n, i, end, end);
	region_update(l, &n->region[i], clear, set);
	if (i + 1 < n->count && region_joins(&n->region[i], &n->region[i + 1]))
		leaf_unite(l, n, i + 1);
	if (i && region_joins(&n->region[i - 1], &n->region[i]))
		leaf_unite(l, n, i);
}

void layout_update(struct layout *l, va_t start, va_t end, u32 clear, u32 set,
		   struct layout_spare *spare)
{
	struct layout_node *n = lone_leaf(l);
	unsigned i = n ? leaf_search(n, start) : 0;

	if (likely(n && i < n->count && n->count + 2u <= LEAF_MAX) && n->region[i].start <= start &&
	    end <= n->region[i].end) {
		leaf_update(l, n, i, start, end, clear, set);
		return;
	}
	if (!update_narrow(l, &start, &end, clear, set))
		return;
	region_cut(l, start, spare);
	region_cut(l, end, spare);
	node_update(l, node_own(&l->root, spare), start, end, clear, set, spare);
	update_join(l, start, end, spare);
}
