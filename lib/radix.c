// SPDX-License-Identifier: MIT
/*
 * Radix tree. A tree of height h holds indices below 64^h; it grows at the top, and a tree with
 * index 0 only has no node at all (most files are small). Each node has a bit for each slot in
 * use, so that runs of empty slots cost nothing.
 */
#include "lib/radix.h"

constexpr u32 HEIGHT_MAX = (64 + RADIX_BITS - 1) / RADIX_BITS;

static unsigned slot_of(u64 index, u32 level)
{
	return (index >> (RADIX_BITS * level)) & (RADIX_SLOTS - 1);
}

/* Levels of nodes that an index needs. */
static u32 height_for(u64 index)
{
	u32 h = 0;

	for (; index; index >>= RADIX_BITS)
		h++;
	return h;
}

/* It needs more levels than there are. */
static bool is_beyond(const struct radix *r, u64 index)
{
	return r->height < HEIGHT_MAX && index >> (RADIX_BITS * r->height);
}

/* The node of the last level that holds index; nullptr if there is none. */
static struct radix_node *find_leaf(const struct radix *r, u64 index)
{
	struct radix_node *n = r->root;

	if (r->height == 0 || is_beyond(r, index))
		return nullptr;
	for (u32 shift = RADIX_BITS * (r->height - 1); n && shift; shift -= RADIX_BITS)
		n = n->slots[(index >> shift) & (RADIX_SLOTS - 1)];
	return n;
}

void *radix_find(const struct radix *r, u64 index)
{
	if (r->height == 0)
		return index ? nullptr : r->root;
	const struct radix_node *n = find_leaf(r, index);

	return n ? n->slots[slot_of(index, 0)] : nullptr;
}

void *const *radix_run(const struct radix *r, u64 index, unsigned *n)
{
	unsigned slot = slot_of(index, 0);

	if (unlikely(r->height == 0 && index == 0)) {
		*n = 1;
		return r->root ? &r->root : nullptr;
	}
	const struct radix_node *leaf = find_leaf(r, index);

	*n = min(*n, RADIX_SLOTS - slot);
	return leaf ? &leaf->slots[slot] : nullptr;
}

static void slot_set(struct radix_node *n, unsigned i, void *p)
{
	n->slots[i] = p;
	if (p)
		n->used |= BIT(i);
	else
		n->used &= ~BIT(i);
}

/* Frees the empty nodes along the path to index, then those at the top that hold slot 0 only. */
static void prune(struct radix *r, u64 index)
{
	struct radix_node *path[HEIGHT_MAX], *n = r->root;
	u32 level = r->height;

	while (level > 0 && n) {
		path[--level] = n;
		n = level ? n->slots[slot_of(index, level)] : nullptr;
	}
	for (; level < r->height && path[level]->used == 0; level++) {
		radix_node_free(path[level]);
		if (level + 1 < r->height)
			slot_set(path[level + 1], slot_of(index, level + 1), nullptr);
		else
			r->root = nullptr;
	}
	if (!r->root)
		r->height = 0;
	while (r->height && (n = r->root)->used == 1) {
		r->root = n->slots[0];
		r->height--;
		radix_node_free(n);
	}
}

/* Makes the tree high enough. 0 or -ENOMEM. */
static int grow(struct radix *r, u64 index)
{
	u32 height = height_for(index);

	if (!r->root)
		r->height = max(r->height, height);
	while (r->height < height) {
		struct radix_node *n = radix_node_alloc();

		if (!n)
			return -ENOMEM;
		slot_set(n, 0, r->root);
		r->root = n;
		r->height++;
	}
	return 0;
}

/* Makes the nodes on the way; *leaf is the last one. 0 or -ENOMEM. */
static int make_path(struct radix *r, u64 index, struct radix_node **leaf)
{
	struct radix_node *above = nullptr, *n = r->root;

	for (u32 level = r->height; level-- > 0;) {
		if (!n) {
			n = radix_node_alloc();
			if (!n)
				return -ENOMEM;
			if (above)
				slot_set(above, slot_of(index, level + 1), n);
			else
				r->root = n;
		}
		above = n;
		n = level ? n->slots[slot_of(index, level)] : nullptr;
	}
	*leaf = above;
	return 0;
}

int radix_insert(struct radix *r, u64 index, void *item)
{
	struct radix_node *leaf = nullptr;

	if (grow(r, index) < 0 || make_path(r, index, &leaf) < 0) {
		prune(r, index);
		return -ENOMEM;
	}
	if (!leaf) {			/* height 0 */
		if (r->root)
			return -EEXIST;
		r->root = item;
		return 0;
	}
	if (leaf->slots[slot_of(index, 0)])
		return -EEXIST;
	slot_set(leaf, slot_of(index, 0), item);
	return 0;
}

void *radix_replace(struct radix *r, u64 index, void *item)
{
	struct radix_node *leaf = find_leaf(r, index);
	void **at = leaf ? &leaf->slots[slot_of(index, 0)] : &r->root;
	void *old = *at;

	assert(old && item && (leaf || (r->height == 0 && index == 0)));
	*at = item;
	return old;
}

void *radix_remove(struct radix *r, u64 index)
{
	void *item = radix_find(r, index);

	if (!item)
		return nullptr;
	if (r->height == 0) {
		r->root = nullptr;
		return item;
	}
	struct radix_node *leaf = find_leaf(r, index);

	slot_set(leaf, slot_of(index, 0), nullptr);
	if (leaf->used <= 1)
		prune(r, index);
	return item;
}

/* One step of radix_next: the item at or behind *index, or the first index of the next subtree
 * worth a look in *index; *end when there is none. */
static void *next_step(const struct radix *r, u64 *index, bool *end)
{
	const struct radix_node *n = r->root;
	u32 level = r->height;

	while (level-- > 0) {
		unsigned slot = slot_of(*index, level), shift = RADIX_BITS * level;
		u64 behind = n->used >> slot << slot;

		if (!behind) {		/* go on behind this node */
			shift += RADIX_BITS;
			if (level + 1 < r->height)
				*index = ((*index >> shift) + 1) << shift;
			*end = level + 1 == r->height || *index == 0;
			return nullptr;
		}
		if (!(behind & BIT(slot))) {
			slot = (unsigned)__builtin_ctzl(behind);
			*index = (*index >> shift >> RADIX_BITS << RADIX_BITS | slot) << shift;
		}
		if (level == 0)
			return n->slots[slot];
		n = n->slots[slot];
	}
	unreachable();
}

void *radix_next(const struct radix *r, u64 *index)
{
	bool end = false;
	void *item = nullptr;

	if (r->height == 0)
		return *index ? nullptr : r->root;
	while (!item && !end && height_for(*index) <= r->height)
		item = next_step(r, index, &end);
	return item;
}
