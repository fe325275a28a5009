// SPDX-License-Identifier: MIT
/*
 * Red-black tree. The laws: a red node has no red child; every way from a node down to a missing
 * child passes the same number of black ones. So no way is more than twice as long as another.
 *
 * Insertion and removal are written once, for the left; `side` mirrors them.
 */
#include "lib/rbtree.h"

static struct rb_node **child(struct rb_node *n, bool right)
{
	return right ? &n->right : &n->left;
}

static bool is_red(const struct rb_node *n) { return n && n->red; }

/* Puts `to` (may be nullptr) where `n` is, as far as n's parent is concerned. */
static void replace(struct rb_tree *t, struct rb_node *n, struct rb_node *to)
{
	struct rb_node *parent = n->parent;

	if (!parent)
		t->root = to;
	else
		*child(parent, parent->right == n) = to;
	if (to)
		to->parent = parent;
}

/* Turns n down to the given side; its child of the other side takes its place. */
static void rotate(struct rb_tree *t, struct rb_node *n, bool right)
{
	struct rb_node *up = *child(n, !right), *middle = *child(up, right);

	replace(t, n, up);
	*child(up, right) = n;
	n->parent = up;
	*child(n, !right) = middle;
	if (middle)
		middle->parent = n;
}

void rb_insert(struct rb_tree *t, struct rb_node *n, struct rb_node *parent, struct rb_node **link)
{
	*n = (struct rb_node){ .parent = parent, .red = true };
	*link = n;
	while (is_red(n->parent)) {
		struct rb_node *p = n->parent, *grand = p->parent;
		bool side = grand->right == p;
		struct rb_node *uncle = *child(grand, !side);

		if (is_red(uncle)) {		/* the black of grand moves down */
			p->red = uncle->red = false;
			grand->red = true;
			n = grand;
			continue;
		}
		if (*child(p, !side) == n) {	/* bent: straighten */
			rotate(t, p, side);
			p = n;
		}
		p->red = false;
		grand->red = true;
		rotate(t, grand, !side);
		break;
	}
	t->root->red = false;
}

/* The ways through n, below parent, miss a black node. n may be nullptr. */
static void fix_missing_black(struct rb_tree *t, struct rb_node *n, struct rb_node *parent)
{
	while (parent && !is_red(n)) {
		bool side = parent->right == n;
		struct rb_node *sibling = *child(parent, !side);

		if (sibling->red) {		/* then parent is black: make the sibling black */
			sibling->red = false;
			parent->red = true;
			rotate(t, parent, side);
			sibling = *child(parent, !side);
		}
		if (!is_red(sibling->left) && !is_red(sibling->right)) {
			sibling->red = true;	/* now the ways through parent miss one */
			n = parent;
			parent = n->parent;
			continue;
		}
		if (!is_red(*child(sibling, !side))) {
			(*child(sibling, side))->red = false;
			sibling->red = true;
			rotate(t, sibling, !side);
			sibling = *child(parent, !side);
		}
		sibling->red = parent->red;
		parent->red = false;
		(*child(sibling, !side))->red = false;
		rotate(t, parent, side);
		return;
	}
	if (n)
		n->red = false;
}

/* Puts `next`, which has no left child, into the place, links and colour of n. */
static void take_place(struct rb_tree *t, struct rb_node *n, struct rb_node *next)
{
	replace(t, n, next);
	next->left = n->left;
	next->left->parent = next;
	next->right = n->right;
	if (next->right)
		next->right->parent = next;
	next->red = n->red;
}

void rb_remove(struct rb_tree *t, struct rb_node *n)
{
	struct rb_node *gap, *parent;	/* what moved up, and its new parent */
	bool black;

	if (n->left && n->right) {
		struct rb_node *next = rb_next(n);

		gap = next->right;
		parent = next->parent == n ? next : next->parent;
		black = !next->red;
		replace(t, next, gap);
		take_place(t, n, next);
	} else {
		gap = n->left ? n->left : n->right;
		parent = n->parent;
		black = !n->red;
		replace(t, n, gap);
	}
	if (black)
		fix_missing_black(t, gap, parent);
}

static struct rb_node *extreme(struct rb_node *n, bool right)
{
	while (n && *child(n, right))
		n = *child(n, right);
	return n;
}

static struct rb_node *neighbour(const struct rb_node *node, bool right)
{
	struct rb_node *n = (struct rb_node *)node;

	if (*child(n, right))
		return extreme(*child(n, right), !right);
	while (n->parent && *child(n->parent, right) == n)
		n = n->parent;
	return n->parent;
}

struct rb_node *rb_first(const struct rb_tree *t) { return extreme(t->root, false); }
struct rb_node *rb_last(const struct rb_tree *t) { return extreme(t->root, true); }
struct rb_node *rb_next(const struct rb_node *n) { return neighbour(n, true); }
struct rb_node *rb_prev(const struct rb_node *n) { return neighbour(n, false); }
