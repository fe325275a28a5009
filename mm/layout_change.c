// SPDX-License-Identifier: MIT
/*
 * Changes of the layout: insertion and removal. New flags are in mm/layout_update.c.
 *
 * Most changes edit one leaf that is ours and has room, and settle what lies above. Else a change
 * first owns its path, copying what is shared. Two things reach further: an insertion that joins the
 * last region of the leaf before, and a removal of many regions, which drops covered subtrees whole,
 * without copying them.
 *
 * No locks here: the caller holds vm->lock for writing.
 */
#include "mm/layout_tree.h"
#include "mm/object.h"

/* Takes one region out of the tree. Its pages stay counted: they are to join another. */
static void region_erase(struct layout *l, const struct region *r, struct layout_change *c)
{
	struct layout_path *p = &c->path;
	struct layout_node *n = path_own(l, r->start, false, p, c);

	object_put(n->region[p->slot].object);
	leaf_close(n, p->slot, 1);
	l->regions--;
	path_settle(l, p, GAP_UNKNOWN, c);
}

bool absorb_previous(struct layout *l, struct region *r, struct layout_change *c)
{
	struct region prev;

	if (!layout_prev(l, r->start, &prev) || !region_joins(&prev, r))
		return false;
	region_erase(l, &prev, c);
	region_set_start(r, prev.start);
	return true;
}

void leaf_unite(struct layout *l, struct layout_node *n, unsigned i)
{
	struct object *object = n->region[i].object;

	n->region[i - 1].end = n->region[i].end;
	leaf_close(n, i, 1);
	l->regions--;
	object_put(object);
}

/* Puts r into the leaf n before slot i, joining it to equal neighbours. n has a free slot. Returns what r has become, or a
 * part of. */
[[gnu::always_inline]] static inline const struct region *leaf_insert(struct layout *l, struct layout_node *n,
								      unsigned i, const struct region *r)
{
	struct region *at = &n->region[i];
	bool before = i > 0 && region_joins(at - 1, r);
	bool after = i < n->count && region_joins(r, at);

	if (before)
		at--;
	if (before && after) {
		leaf_unite(l, n, i);
	} else if (before) {
		at->end = r->end;
	} else if (after) {
		region_set_start(at, r->start);
	} else {
		leaf_open(n, i, 1);
		*at = *r;
		object_get(r->object);
		l->regions++;
	}
	return at;
}

u64 holes_made(const struct layout_node *n, unsigned i)
{
	u64 hole = i && i < n->count ? n->region[i].start - n->region[i - 1].end : 0;

	return i + 1 < n->count ? max(hole, n->region[i + 1].start - n->region[i].end) : hole;
}

/* In a larger tree, or a shared one. The region before may stand in another leaf. */
[[gnu::noinline]] static void insert_deep(struct layout *l, const struct region *new,
					  struct layout_change *c)
{
	struct layout_path *p = change_seek(l, new->start, c);
	struct region r = *new;

	if (!path_has_room(p))
		path_own(l, r.start, true, p, c);
	while (unlikely(!p->slot && p->depth && absorb_previous(l, &r, c)))
		path_own(l, r.start, true, p, c);
	leaf_insert(l, p->leaf, p->slot, &r);
	path_settle(l, p, holes_made(p->leaf, p->slot), c);
}

void layout_insert(struct layout *l, const struct region *r, struct layout_change *c)
{
	debug_assert(r->start < r->end && is_aligned(r->start | r->end, PAGE_SIZE));
	debug_assert(layout_is_free(l, r->start, r->end));
	layout_tally(l, r->flags, (s64)region_pages(r));
	if (unlikely(!change_is_simple(c, r->start))) {
		layout_changes(l);
		if (l->root)
			insert_deep(l, r, c);
		else
			root_begin(l, r, c);
		return;
	}
	c->va = LAYOUT_NOWHERE;
	/* It is touched next, most often. */
	store_relaxed(&l->found, leaf_insert(l, c->path.leaf, c->path.slot, r));
}

/* Does r reach beyond [start, end) on both sides? */
static bool region_surrounds(const struct region *r, va_t start, va_t end)
{
	return r->start < start && end < r->end;
}

void leaf_punch(struct layout *l, struct layout_node *n, unsigned i, va_t start, va_t end)
{
	leaf_open(n, i + 1, 1);
	n->region[i + 1] = n->region[i];
	object_get(n->region[i].object);
	n->region[i].end = start;
	region_set_start(&n->region[i + 1], end);
	l->regions++;
	layout_untally(l, &n->region[i], start, end);
}

/* Takes [start, end) out of a leaf, which does not split a region; region i is the first that ends above start. Returns
 * the hole that is there now, unless it is at an end of the leaf. */
[[gnu::always_inline]] static inline u64 leaf_cut(struct layout *l, struct layout_node *n,
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
	return i && i < n->count ? n->region[i].start - n->region[i - 1].end : 0;
}

/* Takes out region i of a leaf, r, as a whole. */
static inline void region_drop(struct layout *l, struct layout_node *n, unsigned i, const struct region *r)
{
	struct object *object = r->object;

	layout_untally(l, r, r->start, r->end);
	l->regions--;
	leaf_close(n, i, 1);
	if (unlikely(object))
		object_put(object);
}

/* The same for any range; a region that it splits needs a free slot. */
[[gnu::always_inline]] static inline u64 leaf_remove(struct layout *l, struct layout_node *n,
						     unsigned i, va_t start, va_t end)
{
	if (likely(!region_surrounds(&n->region[i], start, end)))
		return leaf_cut(l, n, i, start, end);
	leaf_punch(l, n, i, start, end);
	return end - start;
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
			struct layout_change *c)
{
	if (!n->level) {
		leaf_cut(l, n, leaf_search(n, start), start, end);
		return;
	}

	unsigned left = inner_search(n, start), first = left, last;
	bool cut_left = left < n->count && n->child[left].start < start;
	u64 hole = GAP_UNKNOWN;

	first += cut_left;
	for (last = first; last < n->count && n->child[last].end <= end; last++)
		subtree_drop(l, n->child[last].node);
	if (last > first)
		inner_close(n, first, last - first);
	if (first < n->count && n->child[first].start < end) {
		node_remove(l, node_own(&n->child[first].node, c), start, end, c);
		node_settle(n, first, &hole, c);
	}
	hole = GAP_UNKNOWN;
	if (cut_left) {
		node_remove(l, node_own(&n->child[left].node, c), start, end, c);
		node_settle(n, left, &hole, c);
	}
}

/* Any removal. Only what reaches over several leaves needs node_remove(). */
[[gnu::noinline]] static void remove_range(struct layout *l, va_t start, va_t end,
					   struct layout_change *c)
{
	struct layout_path *p = change_seek(l, start, c);
	const struct region *r = layout_here(c);

	if (!r || r->start >= end)
		return;
	if (!p->depth || end <= node_end(p->leaf)) {
		if (!path_has_room(p))
			path_own(l, start, region_surrounds(r, start, end), p, c);
		path_settle(l, p, leaf_remove(l, p->leaf, p->slot, start, end), c);
	} else if (start <= node_start(l->root) && node_end(l->root) <= end) {
		layout_destroy(l);
	} else {
		node_remove(l, node_own(&l->root, c), start, end, c);
		root_settle(l, c);
	}
}

void layout_remove(struct layout *l, va_t start, va_t end, struct layout_change *c)
{
	struct layout_node *n = c->path.leaf;
	const struct region *r = layout_here(c);

	layout_changes(l);
	if (unlikely(!change_is_simple(c, start) || !r || r->start != start || r->end != end || n->count == 1)) {
		remove_range(l, start, end, c);
		return;
	}
	c->va = LAYOUT_NOWHERE;
	region_drop(l, n, c->path.slot, r);
}
