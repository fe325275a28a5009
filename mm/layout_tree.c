// SPDX-License-Identifier: MIT
/*
 * Counted, copy-on-write nodes of the layout's B+ tree: copying, splitting, joining, and what
 * each inner slot must know about its child. What a change means for the regions is the business
 * of mm/layout_change.c.
 *
 * Full nodes are split on the way down, so that an insertion never goes back up. A node that
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

static void spare_push(struct layout_spare *spare, struct layout_node *n)
{
	n->next = spare->nodes;
	spare->nodes = n;
	spare->count++;
}

struct layout_node *node_take(struct layout_spare *spare)
{
	struct layout_node *n = spare->nodes;

	assert(n);	/* else the reservation was too small */
	spare->nodes = n->next;
	spare->count--;
	n->refs = 1;
	n->count = 0;
	return n;
}

void layout_release(struct layout_spare *spare)
{
	while (spare->nodes)
		slab_free(node_cache, node_take(spare));
}

/* So few that a leaf which has room for them, or which they split or join, splits no more. */
constexpr unsigned FEW_CHANGES = LEAF_MAX / 4 + 1;

/* The bound for two levels and few changes, by looking at each leaf: 0 for most address spaces. */
static unsigned nodes_needed_low(const struct layout_node *root, unsigned changes)
{
	bool shared = node_is_shared(root);
	unsigned copies = 0, splits = 0;

	for (unsigned i = 0; i < root->count; i++) {
		copies += shared || node_is_shared(root->child[i].node);
		splits += root->child[i].node->count + changes > LEAF_MAX;
	}
	splits = min(splits, changes);
	return shared + min(copies, 2 * changes) + splits +
	       (root->count + splits >= INNER_MAX ? 2 : 0);	/* the root, too */
}

/*
 * An upper bound for the nodes that `changes` changes take. One change goes down at most two
 * paths (an insertion that joins a region in the leaf before; the two edges of a removal) and
 * splits along one of them. With h levels: below the root, 2 (h - 1) copies; h splits; and once
 * for all the copy of the root and a new root. The one more per change pays for the splits in
 * levels that appear meanwhile, which are fewer than one in seven changes.
 */
static unsigned nodes_needed(const struct layout *l, unsigned changes)
{
	unsigned h = layout_height(l);

	if (h <= 1 && (h ? l->root->count : 0) + changes <= LEAF_MAX)
		return !h || node_is_shared(l->root);
	if (h == 2 && changes <= FEW_CHANGES)
		return nodes_needed_low(l->root, changes);
	return changes * (h ? 3 * h - 1 : 2) + 2;
}

static int spare_fill(struct layout_spare *spare, unsigned need)
{
	while (need--) {
		struct layout_node *n = slab_alloc(node_cache);

		if (!n) {
			layout_release(spare);
			return -ENOMEM;
		}
		spare_push(spare, n);
	}
	return 0;
}

int layout_reserve(const struct layout *l, struct layout_spare *spare, unsigned changes)
{
	unsigned need = nodes_needed(l, changes);

	*spare = (struct layout_spare){};
	return likely(!need) ? 0 : spare_fill(spare, need);
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

/* Two cuts, and a copy of each shared node in the range: in units of what nodes_needed() grants
 * for one change. */
unsigned layout_update_cost(const struct layout *l, va_t start, va_t end)
{
	unsigned h = layout_height(l);

	if (h <= 1)
		return 2;

	unsigned per_change = h == 2 ? 2 : 3 * h - 1;

	return 2 + (nodes_shared(l->root, start, end, false) + per_change - 1) / per_change;
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
			to->child[at + i] = from->child[first + i];
		else
			to->region[at + i] = from->region[first + i];
	}
}

struct layout_node *node_copy(struct layout_node **link, struct layout_spare *spare)
{
	struct layout_node *old = *link, *n = node_take(spare);

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
	u64 gap = n->child[0].gap;

	for (unsigned i = 1; i < n->count; i++) {
		gap = max(gap, n->child[i].start - n->child[i - 1].end);
		gap = max(gap, n->child[i].gap);
	}
	return gap;
}

struct child node_summary(struct layout_node *n)
{
	u64 gap = n->level ? inner_gap(n) : leaf_gap(n);

	return (struct child){ node_start(n), node_end(n), gap, n };
}

/*
 * Splits the full child i of n, which has a free slot. Where the new entry goes decides how: in a
 * run of insertions in falling or rising order (the usual history of an address space) the part
 * that will not change stays well filled.
 */
static void node_split(struct layout_node *n, unsigned i, va_t va, struct layout_spare *spare)
{
	struct layout_node *left = n->child[i].node, *right = node_take(spare);
	unsigned cap = left->count, keep = cap / 2;
	unsigned at = left->level ? inner_search(left, va) : leaf_search(left, va);

	if (at <= cap / 8)
		keep = cap / 4;
	else if (at >= cap - cap / 8)
		keep = cap - cap / 4;
	right->level = left->level;
	right->count = cap - keep;
	slots_copy(right, 0, left, keep, right->count);
	left->count = keep;
	inner_open(n, i + 1, 1);
	n->child[i] = node_summary(left);
	n->child[i + 1] = node_summary(right);
}

/* Moves all of child j into its neighbour i, which is owned (j need not be). */
static void node_join(struct layout_node *n, unsigned i, unsigned j, struct layout_spare *spare)
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
		spare_push(spare, from);	/* its references have moved */
	}
	inner_close(n, low + 1, 1);
	n->child[low] = node_summary(into);
}

static bool node_joins(const struct layout_node *n, unsigned i, unsigned j)
{
	const struct layout_node *a = n->child[i].node;

	return j < n->count && a->count + n->child[j].node->count <= node_capacity(a) * 3 / 4;
}

bool node_settle(struct layout_node *n, unsigned i, struct layout_spare *spare)
{
	struct layout_node *c = n->child[i].node;
	struct child old = n->child[i];

	if (unlikely(!c->count)) {
		spare_push(spare, c);
		inner_close(n, i, 1);
		return true;
	}
	n->child[i] = node_summary(c);
	if (unlikely(c->count <= node_capacity(c) / 4)) {
		unsigned j = node_joins(n, i, i + 1) ? i + 1 : i - 1;	/* 0 - 1: no such slot */

		if (node_joins(n, i, j)) {
			node_join(n, i, j, spare);
			return true;
		}
	}
	return old.start != n->child[i].start || old.end != n->child[i].end ||
	       old.gap != n->child[i].gap;
}

void root_settle(struct layout *l, struct layout_spare *spare)
{
	struct layout_node *n = l->root;

	while (n && (!n->count || (n->level && n->count == 1))) {
		l->root = n->count ? n->child[0].node : nullptr;
		if (node_is_shared(n)) {	/* the child of an owned root that has just gone */
			slots_get(n, 0, 1);
			node_put(n);
		} else {
			spare_push(spare, n);	/* its reference has moved to the layout */
		}
		n = l->root;
	}
}

/* Puts an empty leaf below an empty layout, or a root above a full one. */
static struct layout_node *root_grow(struct layout *l, struct layout_spare *spare)
{
	struct layout_node *n = node_take(spare);

	n->level = layout_height(l);
	assert(n->level < HEIGHT_MAX);
	if (l->root) {
		n->count = 1;
		n->child[0] = node_summary(l->root);
	}
	l->root = n;
	return n;
}

struct layout_node *path_own(struct layout *l, va_t va, bool room, struct path *p,
			     struct layout_spare *spare)
{
	struct layout_node *n = l->root ? node_own(&l->root, spare) : root_grow(l, spare);

	p->depth = 0;
	if (unlikely(room && n->count == node_capacity(n)))
		n = root_grow(l, spare);
	while (n->level) {
		unsigned i = inner_search(n, va);

		i -= i == n->count;
		struct layout_node *c = node_own(&n->child[i].node, spare);

		if (unlikely(room && c->count == node_capacity(c))) {
			node_split(n, i, va, spare);
			i += va >= n->child[i].end;
		}
		p->at[p->depth].node = n;
		p->at[p->depth++].slot = i;
		n = n->child[i].node;
	}
	return n;
}

void path_settle(struct layout *l, struct path *p, struct layout_spare *spare)
{
	for (unsigned d = p->depth; d-- > 0;)
		if (!node_settle(p->at[d].node, p->at[d].slot, spare))
			break;
	root_settle(l, spare);
}
