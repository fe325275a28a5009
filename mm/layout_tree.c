// SPDX-License-Identifier: MIT
/*
 * Counted, copy-on-write nodes of the layout's B+ tree: copying, splitting, joining, and what
 * each inner slot must know about its child. What a change means for the regions is the business
 * of mm/layout_change.c.
 *
 * For a full leaf, full nodes are split on the way down, so that an insertion never goes back up. A node that
 * falls to a quarter is joined to a sibling if the two fill three quarters of one node at most:
 * far enough from full that an insertion and a removal in turn do not split and join each time.
 *
 * No locks: the writer holds vm->lock. Counts are atomic; one that is seen to be 1 from an owned
 * parent stays 1.
 */
#include "mm/layout_tree.h"
#include "mm/kmem.h"
#include "mm/object.h"

static struct slab_cache *node_cache;

void layout_init(void)
{
	node_cache = slab_create("layout_node", sizeof(struct layout_node), CACHE_LINE);
}

static void spare_push(struct layout_change *c, struct layout_node *n)
{
	n->next = c->spare;
	c->spare = n;
}

struct layout_node *node_take(struct layout_change *c)
{
	struct layout_node *n = c->spare;

	assert(n);	/* else too little was prepared */
	c->spare = n->next;
	n->refs = 1;
	n->count = 0;
	return n;
}

void layout_release(struct layout_change *c)
{
	while (c->spare)
		slab_free(node_cache, node_take(c));
}

[[nodiscard]] static int spare_fill(struct layout_change *c, unsigned need)
{
	while (need--) {
		struct layout_node *n = slab_alloc(node_cache);

		if (!n) {
			layout_release(c);
			return -ENOMEM;
		}
		spare_push(c, n);
	}
	return 0;
}

void path_seek(const struct layout *l, va_t va, struct layout_path *p)
{
	path_find(l, va, p);
}

/* The nodes on a path that are shared, or lie below one that is: each change copies them. */
static unsigned path_copies(const struct layout_path *p)
{
	unsigned copies = 0;

	for (unsigned d = 0; d <= p->depth; d++)
		copies += copies || node_is_shared(d < p->depth ? p->at[d].node : p->leaf);
	return copies;
}

/*
 * The nodes that ROOM more regions at the end of a path may take, beside copies: one for each node on it that may get
 * full, and a new root. Each level gets ROOM slots more at the most, and the parts of a split have room for them.
 */
static unsigned path_splits(const struct layout_path *p)
{
	unsigned splits = 0;

	if (p->leaf->count + ROOM <= LEAF_MAX)
		return 0;
	for (unsigned d = 0; d < p->depth; d++)
		splits += p->at[d].node->count + ROOM > INNER_MAX;
	return 2 + splits;
}

/* Nodes that the range touches, edges included, and that are shared or lie below one that is. */
static unsigned nodes_shared(const struct layout_node *n, va_t start, va_t end, bool shared)
{
	shared |= node_is_shared(n);
	if (!n->level)
		return shared;

	unsigned found = shared;

	for (unsigned i = 0; i < n->count && n->child[i].start <= end; i++)
		if (n->child[i].end >= start)
			found += nodes_shared(n->child[i].node, start, end, shared);
	return found;
}

/* Is the region before start in the leaf that p leads to? */
static inline bool starts_inside(const struct layout_path *p, va_t start)
{
	return p->leaf->region[0].start < start;
}

/* And that behind end? */
static inline bool ends_inside(const struct layout_path *p, va_t end)
{
	return end < node_end(p->leaf);
}

/* What a range that reaches to an end of its leaf, or beyond, needs beside what the path p to its start does: a region that joins
 * may stand in the leaf before, where also goes what is put behind all others; the other edge in another leaf; and nothing may be
 * left, so that a new tree begins. */
static unsigned edges_need(const struct layout *l, va_t start, va_t end, bool whole, const struct layout_path *p)
{
	const struct layout_path *before = p, *last = p;
	struct layout_path left, right;
	struct region r;

	if (!starts_inside(p, start)) {
		path_seek(l, start ? start - 1 : 0, &left);	/* the region before, if it ends at start; else that one */
		if (left.leaf == p->leaf && layout_prev(l, start, &r))
			path_seek(l, r.start, &left);
		before = &left;
	}
	if (!ends_inside(p, end)) {
		path_seek(l, end, &right);
		last = &right;
	}
	unsigned copies = whole ? nodes_shared(l->root, start, end, false) : path_copies(before) + path_copies(last);
	unsigned first = start <= node_start(l->root) && node_end(l->root) <= end;

	return copies + path_splits(before) + path_splits(last) + first;
}

int layout_reserve_nodes(const struct layout *l, va_t start, va_t end, bool whole, struct layout_change *c)
{
	const struct layout_path *p = &c->path;

	if (!p->leaf)
		return spare_fill(c, 1);
	bool holds = !p->depth || (starts_inside(p, start) && ends_inside(p, end));

	if (likely(p->owned && p->leaf->count + ROOM <= LEAF_MAX && holds))
		return 0;
	return spare_fill(c, path_copies(p) + path_splits(p) + (holds ? 0 : edges_need(l, start, end, whole, p)));
}

void layout_seek(struct layout *l, va_t va, struct layout_change *c)
{
	struct layout_node *n = l->root;

	c->va = va;
	c->spare = nullptr;
	if (unlikely(!n || n->level)) {
		path_seek(l, va, &c->path);
		return;
	}
	l->hint = leaf_search_from(n, min(l->hint, (u32)n->count), va);
	path_end(&c->path, 0, true, n, l->hint);
}

int layout_prepare_also(const struct layout *l, va_t start, va_t end, struct layout_change *c)
{
	path_seek(l, start, &c->path);
	c->va = start;
	return layout_reserve(l, start, end, false, c);
}

static void node_free(struct layout_node *n)
{
	for (unsigned i = 0; i < n->count; i++) {
		if (n->level)
			node_put(n->child[i].node);
		else
			object_put(n->region[i].object);
	}
	slab_free(node_cache, n);
}

void node_put(struct layout_node *n)
{
	/* The only holder needs no atomic operation: nobody else can gain a reference. */
	if (!node_is_shared(n) || __atomic_fetch_sub(&n->refs, 1, __ATOMIC_ACQ_REL) == 1)
		node_free(n);
}

/* What another space's search may be making exact just now. */
static inline struct child child_load(const struct child *c)
{
	return (struct child){ c->start, c->end, load_relaxed(&c->gap), c->node };
}

/* Takes references for k slots that have just been copied from another node. */
static void slots_get(struct layout_node *n, unsigned at, unsigned k)
{
	for (unsigned i = at; i < at + k; i++) {
		if (n->level)
			__atomic_fetch_add(&n->child[i].node->refs, 1, __ATOMIC_RELAXED);
		else
			object_get(n->region[i].object);
	}
}

static void slots_copy(struct layout_node *to, unsigned at, const struct layout_node *from,
		       unsigned first, unsigned k)
{
	for (unsigned i = 0; i < k; i++) {
		if (to->level)
			to->child[at + i] = child_load(&from->child[first + i]);
		else
			to->region[at + i] = from->region[first + i];
	}
}

struct layout_node *node_copy(struct layout_node **link, struct layout_change *c)
{
	struct layout_node *old = *link, *n = node_take(c);

	n->level = old->level;
	n->count = old->count;
	slots_copy(n, 0, old, 0, old->count);
	slots_get(n, 0, n->count);	/* before the old one may let go of them */
	node_put(old);
	*link = n;
	return n;
}

static u64 leaf_gap(const struct layout_node *n)
{
	u64 gap = 0;

	for (unsigned i = 1; i < n->count; i++)
		gap = max(gap, n->region[i].start - n->region[i - 1].end);
	return gap;
}

static u64 inner_gap(const struct layout_node *n)
{
	u64 gap = load_relaxed(&n->child[0].gap);

	for (unsigned i = 1; i < n->count; i++) {
		gap = max(gap, n->child[i].start - n->child[i - 1].end);
		gap = max(gap, load_relaxed(&n->child[i].gap));
	}
	return gap;
}

u64 node_gap(const struct layout_node *n)
{
	return n->level ? inner_gap(n) : leaf_gap(n);
}

struct child node_summary(struct layout_node *n)
{
	return (struct child){ node_start(n), node_end(n), node_gap(n), n };
}

/*
 * Splits the full child i of n, which has a free slot. Where the new entry goes decides how: in a
 * run of insertions in falling or rising order (the usual history of an address space) the part
 * that will not change stays well filled. Both have room for ROOM more.
 */
static void node_split(struct layout_node *n, unsigned i, va_t va, struct layout_change *c)
{
	struct layout_node *left = n->child[i].node, *right = node_take(c);
	unsigned cap = left->count, keep = cap / 2, least = max(cap / 4, ROOM);
	unsigned at = left->level ? inner_search(left, va) : leaf_search(left, va);

	if (at <= cap / 8)
		keep = least;
	else if (at >= cap - cap / 8)
		keep = cap - least;
	right->level = left->level;
	right->count = cap - keep;
	slots_copy(right, 0, left, keep, right->count);
	left->count = keep;
	inner_open(n, i + 1, 1);
	n->child[i] = node_summary(left);
	n->child[i + 1] = node_summary(right);
}

/* Moves all of child j into its neighbour i, which is owned (j need not be). */
static void node_join(struct layout_node *n, unsigned i, unsigned j, struct layout_change *c)
{
	struct layout_node *into = n->child[i].node, *from = n->child[j].node;
	unsigned at = j > i ? into->count : 0, low = min(i, j);

	if (into->level)
		inner_open(into, at, from->count);
	else
		leaf_open(into, at, from->count);
	slots_copy(into, at, from, 0, from->count);
	if (node_is_shared(from)) {
		slots_get(into, at, from->count);
		node_put(from);
	} else {
		spare_push(c, from);	/* its references have moved */
	}
	inner_close(n, low + 1, 1);
	n->child[low] = node_summary(into);
}

static bool node_joins(const struct layout_node *n, unsigned i, unsigned j)
{
	const struct layout_node *a = n->child[i].node;

	return j < n->count && a->count + n->child[j].node->count <= node_capacity(a) * 3 / 4;
}

/* Room that is free on both sides of child i of n, at most. */
static u64 holes_beside(const struct layout_node *n, unsigned i)
{
	const struct child *c = &n->child[i];
	u64 hole = i > 0 ? c->start - c[-1].end : 0;

	return i + 1 < n->count ? max(hole, c[1].start - c->end) : hole;
}

/* Its parent must look at n as a whole. */
static bool settle_all(u64 *hole)
{
	*hole = GAP_UNKNOWN;
	return true;
}

/* Joins child i of n, which has become sparse, to a sibling. false: none has room. */
static bool join_sparse(struct layout_node *n, unsigned i, struct layout_change *c)
{
	unsigned j = node_joins(n, i, i + 1) ? i + 1 : i - 1;	/* 0 - 1: no such slot */

	if (!node_joins(n, i, j))
		return false;
	node_join(n, i, j, c);
	return true;
}

bool node_settle(struct layout_node *n, unsigned i, u64 *hole, struct layout_change *c)
{
	struct child *k = &n->child[i];
	struct layout_node *below = k->node;

	if (unlikely(!below->count)) {
		spare_push(c, below);
		inner_close(n, i, 1);
		return settle_all(hole);
	}
	if (unlikely(below->count <= node_capacity(below) / 4) && join_sparse(n, i, c))
		return settle_all(hole);

	va_t start = node_start(below), end = node_end(below);
	u64 gap = unlikely(*hole == GAP_UNKNOWN) ? node_gap(below) : max(k->gap, *hole);

	if (likely(start == k->start && end == k->end && gap == k->gap))
		return false;
	*k = (struct child){ start, end, gap, below };
	*hole = max(gap, holes_beside(n, i));
	return true;
}

void root_settle(struct layout *l, struct layout_change *c)
{
	struct layout_node *n = l->root;

	while (n && (!n->count || (n->level && n->count == 1))) {
		l->root = n->count ? n->child[0].node : nullptr;
		if (node_is_shared(n)) {	/* the child of an owned root that has just gone */
			slots_get(n, 0, 1);
			node_put(n);
		} else {
			spare_push(c, n);	/* its reference has moved to the layout */
		}
		n = l->root;
	}
}

void root_begin(struct layout *l, const struct region *r, struct layout_change *c)
{
	struct layout_node *n = node_take(c);

	n->level = 0;
	n->count = 1;
	n->region[0] = *r;
	object_get(r->object);
	l->root = n;
	l->regions = 1;
	c->va = LAYOUT_NOWHERE;
}

/* Puts a root above a full one. */
static struct layout_node *root_grow(struct layout *l, struct layout_change *c)
{
	struct layout_node *n = node_take(c);

	n->level = layout_height(l);
	assert(n->level < LAYOUT_HEIGHT_MAX);
	n->count = 1;
	n->child[0] = node_summary(l->root);
	l->root = n;
	return n;
}

/* Copies the shared nodes on the way to va and, if `split`, splits the full ones. */
static void path_open(struct layout *l, va_t va, bool split, struct layout_change *c)
{
	struct layout_node *n = node_own(&l->root, c);

	if (split && n->count == node_capacity(n))
		n = root_grow(l, c);
	while (n->level) {
		unsigned i = inner_search(n, va);

		i -= i == n->count;
		struct layout_node *below = node_own(&n->child[i].node, c);

		if (split && below->count == node_capacity(below)) {
			node_split(n, i, va, c);
			i += va >= n->child[i].end;
		}
		n = n->child[i].node;
	}
}

struct layout_node *path_own(struct layout *l, va_t va, bool room, struct layout_path *p,
			     struct layout_change *c)
{
	path_seek(l, va, p);
	bool split = room && p->leaf->count == LEAF_MAX;

	if (!p->owned || split) {
		path_open(l, va, split, c);
		path_seek(l, va, p);
	}
	return p->leaf;
}

void path_settle(struct layout *l, struct layout_path *p, u64 hole, struct layout_change *c)
{
	for (unsigned d = p->depth; d-- > 0;)
		if (!node_settle(p->at[d].node, p->at[d].slot, &hole, c))
			break;
	root_settle(l, c);
}
