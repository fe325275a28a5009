// SPDX-License-Identifier: MIT
/*
 * Changes of the layout: new flags. Most give one region of a leaf that is ours other flags, or a part of one, which becomes a region
 * of its own. Else regions are cut at the edges of the range, changed, and joined where they are equal now, leaf by leaf.
 *
 * No locks here: the caller holds vm->lock for writing.
 */
#include "mm/layout_tree.h"
#include "mm/object.h"

/* Cuts the region that va lies in, unless it starts there. */
static void region_cut(struct layout *l, va_t va, struct layout_change *c)
{
	unsigned i;
	struct layout_node *n = leaf_seek(l, va, &i);

	if (!n || n->region[i].start >= va)
		return;
	n = path_own(l, va, true, &c->path, c);
	leaf_punch(l, n, c->path.slot, va, va);
	path_settle(l, &c->path, 0, c);
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

/* Changes the regions of the owned subtree n in the range, which has been cut at its edges. */
static void node_update(struct layout *l, struct layout_node *n, va_t start, va_t end, u32 clear,
			u32 set, struct layout_change *c)
{
	unsigned i;

	if (n->level) {
		for (i = inner_search(n, start); i < n->count && n->child[i].start < end; i++)
			node_update(l, node_own(&n->child[i].node, c), start, end, clear, set, c);
		return;
	}
	for (i = leaf_search(n, start); i < n->count && n->region[i].start < end; i++)
		region_set_flags(l, &n->region[i], (n->region[i].flags & ~clear) | set);
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
static void leaf_join(struct layout *l, va_t va, struct layout_change *c)
{
	struct layout_node *n = path_own(l, va, false, &c->path, c);
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
	path_settle(l, &c->path, 0, c);
}

/* Joins r, the first of its leaf, to the last region of the leaf before, if they are equal. */
static bool seam_join(struct layout *l, struct region r, struct layout_change *c)
{
	if (!absorb_previous(l, &r, c))
		return false;

	struct layout_node *n = path_own(l, r.end - 1, false, &c->path, c);

	n->region[c->path.slot] = r;
	path_settle(l, &c->path, holes_made(n, c->path.slot), c);
	return true;
}

/* Joins equal neighbours in the range, edges included. Leaves may move together meanwhile: a leaf
 * is left behind only when nothing in it was found to join. */
static void update_join(struct layout *l, va_t start, va_t end, struct layout_change *c)
{
	struct layout_node *n;
	va_t va = start;
	unsigned i;

	while ((n = leaf_seek(l, va, &i)) && n->region[i].start <= end) {
		if (leaf_joins(n, max(i, 1u), end))
			leaf_join(l, va, c);
		else if (i || !l->root->level || !seam_join(l, n->region[0], c))
			va = n->region[n->count - 1].end;
	}
}

/* Do these two, by their places? As a rule neighbours do not. */
static inline bool regions_meet(const struct region *a, const struct region *b)
{
	return a->end == b->start && a->flags == b->flags;
}

/* May region r of the leaf join a neighbour there? */
[[gnu::always_inline]] static inline bool leaf_may_join(const struct layout_node *n, const struct region *r)
{
	return (r > n->region && regions_meet(r - 1, r)) ||
	       (r + 1 < n->region + n->count && regions_meet(r, r + 1));
}

/* Joins the region that p leads to with its neighbours in the leaf. Holes and ends stay as they are. */
[[gnu::noinline]] static void join_around(struct layout *l, struct layout_path *p, struct layout_change *c)
{
	struct layout_node *n = p->leaf;
	unsigned i = p->slot;

	layout_changes(l);
	if (i + 1 < n->count && region_joins(&n->region[i], &n->region[i + 1]))
		leaf_unite(l, n, i + 1);
	if (i && region_joins(&n->region[i - 1], &n->region[i]))
		leaf_unite(l, n, i);
	path_settle(l, p, 0, c);
}

/* Changes the region r that c leads to. */
[[gnu::always_inline]] static inline void update_here(struct layout *l, struct region *r, u32 flags, struct layout_change *c)
{
	c->va = LAYOUT_NOWHERE;
	region_set_flags(l, r, flags);
	if (unlikely(leaf_may_join(c->path.leaf, r)))
		join_around(l, &c->path, c);
}

/* The same of its part [start, end), which becomes a region of its own; the leaf has room for both cuts. */
[[gnu::noinline]] static void update_part(struct layout *l, va_t start, va_t end, u32 clear, u32 set,
					  struct layout_change *c)
{
	struct layout_path *p = &c->path;
	struct layout_node *n = p->leaf;

	if (n->region[p->slot].start < start)
		leaf_punch(l, n, p->slot++, start, start);
	struct region *r = &n->region[p->slot];

	if (end < r->end)
		leaf_punch(l, n, p->slot, end, end);
	update_here(l, r, (r->flags & ~clear) | set, c);
}

/* Can it be done in one leaf? Not where a neighbour that may join stands in another one. */
static inline bool leaf_suffices(const struct layout_path *p, va_t start, va_t end)
{
	const struct layout_node *n = p->leaf;

	return p->simple || (p->owned && n->count + ROOM <= LEAF_MAX && n->region[0].start < start &&
			     end < n->region[n->count - 1].end);
}

[[gnu::noinline]] static void update_range(struct layout *l, va_t start, va_t end, u32 clear, u32 set,
					   struct layout_change *c)
{
	if (!update_narrow(l, &start, &end, clear, set))
		return;
	region_cut(l, start, c);
	region_cut(l, end, c);
	node_update(l, node_own(&l->root, c), start, end, clear, set, c);
	update_join(l, start, end, c);
}

/* Where it is not just one whole region in the only leaf. */
[[gnu::noinline]] static void update_any(struct layout *l, va_t start, va_t end, u32 clear, u32 set,
					 struct layout_change *c)
{
	struct region *r = c->va == start ? c->path.here : nullptr;

	layout_changes(l);
	c->va = LAYOUT_NOWHERE;
	if (unlikely(!r || start < r->start || r->end < end || !leaf_suffices(&c->path, start, end)))
		update_range(l, start, end, clear, set, c);
	else if (((r->flags & ~clear) | set) == r->flags)
		return;
	else if (r->start == start && r->end == end)
		update_here(l, r, (r->flags & ~clear) | set, c);
	else
		update_part(l, start, end, clear, set, c);
}

void layout_update(struct layout *l, va_t start, va_t end, u32 clear, u32 set,
		   struct layout_change *c)
{
	struct region *r = c->path.here;

	if (unlikely(!change_is_simple(c, start) || !r || r->start != start || r->end != end)) {
		update_any(l, start, end, clear, set, c);
		return;
	}
	u32 flags = (r->flags & ~clear) | set;

	if (flags != r->flags)
		update_here(l, r, flags, c);
}
