// SPDX-License-Identifier: MIT
// uses: lib/rbtree.c test/host/support.c
/* Random insertions and removals; after each the laws of the tree hold and it lists what it
 * should. */
#include "host.h"
#include "lib/rbtree.h"

constexpr unsigned KEYS = 96;

struct item {
	struct rb_node node;
	unsigned key;
	bool in;
};

static struct item items[KEYS];
static struct rb_tree tree;

static struct item *item_of(struct rb_node *n) { return container_of(n, struct item, node); }

static void insert(struct item *it)
{
	struct rb_node **link = &tree.root, *parent = nullptr;

	while (*link) {
		parent = *link;
		link = it->key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	rb_insert(&tree, &it->node, parent, link);
	it->in = true;
}

static void take_out(struct item *it)
{
	rb_remove(&tree, &it->node);
	it->in = false;
}

/* Black nodes on every way down; fails when two ways differ or red follows red. */
static int black_height(const struct rb_node *n)
{
	if (!n)
		return 1;
	assert_true(!n->left || n->left->parent == n);
	assert_true(!n->right || n->right->parent == n);
	assert_false(n->red && n->left && n->left->red);
	assert_false(n->red && n->right && n->right->red);

	int left = black_height(n->left);

	assert_int_equal(left, black_height(n->right));
	return left + !n->red;
}

static void assert_sound(void)
{
	struct rb_node *n = rb_first(&tree), *before = nullptr;

	assert_true(!tree.root || (!tree.root->red && !tree.root->parent));
	black_height(tree.root);
	for (unsigned k = 0; k < KEYS; k++) {
		if (!items[k].in)
			continue;
		assert_ptr_equal(n, &items[k].node);
		assert_ptr_equal(rb_prev(n), before);
		before = n;
		n = rb_next(n);
	}
	assert_null(n);
	assert_ptr_equal(rb_last(&tree), before);
}

static void histories_keep_the_laws(void **state)
{
	for (unsigned k = 0; k < KEYS; k++)
		items[k].key = k;
	for (int step = 0; step < 60000; step++) {
		/* Grows and shrinks in turns, to empty and full. */
		bool more = (step / 300) % 2 ? host_below(10) < 3 : host_below(10) < 7;
		struct item *it = &items[host_below(KEYS)];

		if (it->in && !more)
			take_out(it);
		else if (!it->in && more)
			insert(it);
		assert_sound();
	}
}

static void rising_and_falling_runs(void **state)
{
	for (unsigned k = 0; k < KEYS; k++)
		if (items[k].in)
			take_out(&items[k]);
	assert_null(tree.root);
	for (unsigned k = 0; k < KEYS; k++)
		insert(&items[k]), assert_sound();
	for (unsigned k = 0; k < KEYS; k++)
		take_out(&items[k]), assert_sound();
	for (unsigned k = KEYS; k-- > 0;)
		insert(&items[k]), assert_sound();
	for (unsigned k = KEYS; k-- > 0;)
		take_out(&items[k]), assert_sound();
	assert_null(rb_first(&tree));
	assert_null(rb_last(&tree));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_keep_the_laws),
		cmocka_unit_test(rising_and_falling_runs),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
