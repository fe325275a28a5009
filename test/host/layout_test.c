// SPDX-License-Identifier: MIT
// uses: mm/layout.c mm/layout_change.c mm/layout_update.c mm/layout_tree.c
/*
 * The layout at its real size: random histories, sharing, reservations, 65,530 regions.
 */
#include "layout_history.h"

constexpr unsigned MANY = 65530;	/* Linux's limit */

static void insert_at(struct layout *l, va_t start, u64 pages, u32 flags)
{
	struct region r = { .start = start, .end = start + pages * PAGE_SIZE, .flags = flags };
	struct layout_change c;

	assert_int_equal(layout_prepare(l, r.start, r.end, false, &c), 0);
	layout_insert(l, &r, &c);
	layout_done(&c);
}

static void remove_at(struct layout *l, va_t start, va_t end)
{
	struct layout_change c;

	assert_int_equal(layout_prepare(l, start, end, false, &c), 0);
	layout_remove(l, start, end, &c);
	layout_done(&c);
}

static void update_at(struct layout *l, va_t start, va_t end, u32 clear, u32 set)
{
	struct layout_change c;

	assert_int_equal(layout_prepare(l, start, end, true, &c), 0);
	layout_update(l, start, end, clear, set, &c);
	layout_done(&c);
}

/* The i-th of MANY places for one page, with one free page behind each. */
static va_t place(u64 i)
{
	return (1 + 2 * i) * PAGE_SIZE;
}

/* step: 1 in rising order, MANY - 1 in falling order, else a number that leaves none out. */
static void fill(struct layout *l, u64 step)
{
	for (u64 i = 0; i < MANY; i++)
		insert_at(l, place(i * step % MANY), 1, R_READ);
}

static unsigned nodes_of(const struct layout *l)
{
	unsigned own, shared;

	layout_nodes(l, &own, &shared);
	return own + shared;
}

static void small_histories(void **state)
{
	histories(120, FAR + 128, 4000);
}

static void large_histories(void **state)
{
	histories(3, PAGES, 10000);
}

/* Every order of insertion leaves a low and dense tree, and every region is found. */
static void many_regions_in_any_order(void **state)
{
	static const u64 steps[] = { 1, MANY - 1, 24571 };

	for (unsigned k = 0; k < ARRAY_SIZE(steps); k++) {
		struct layout l = {};
		struct region r;

		fill(&l, steps[k]);
		assert_lawful(&l);
		assert_int_equal(l.regions, MANY);
		assert_true(layout_height(&l) <= 5);
		assert_true(nodes_of(&l) <= MANY / 10);
		for (u64 i = 0; i < MANY; i++) {
			assert_true(layout_find(&l, place(i) + 5, &r));
			assert_int_equal(r.start, place(i));
			assert_false(layout_find(&l, r.end, &r));
		}
		for (u64 i = 0; i < MANY; i++)
			remove_at(&l, place(i * 13 % MANY), place(i * 13 % MANY) + PAGE_SIZE);
		assert_int_equal(nodes_live, 0);
	}
}

/* Thinned to one region in sixteen, the tree gives its nodes back. */
static void thin_trees_shrink(void **state)
{
	struct layout l = {};

	fill(&l, 24571);
	for (u64 i = 0; i < MANY; i++)
		if (i % 16)
			remove_at(&l, place(i), place(i) + PAGE_SIZE);
	assert_lawful(&l);
	assert_true(nodes_of(&l) <= l.regions / 5);
	assert_int_equal(nodes_of(&l), nodes_live);
	layout_destroy(&l);
	assert_int_equal(nodes_live, 0);
}

/* A hole between 65,530 regions is found wherever it is. */
static void gaps_among_many(void **state)
{
	struct layout l = {};
	u64 page = PAGE_SIZE;
	va_t top = place(MANY);

	fill(&l, 24571);
	assert_int_equal(gap_of(&l, page, page, page, top, 0), top - page);
	assert_int_equal(gap_of(&l, 2 * page, page, page, top, 0), 0);
	for (u64 i = 1; i < MANY - 1; i += 997) {
		va_t hole = place(i) - page;

		remove_at(&l, place(i), place(i) + page);
		assert_int_equal(gap_of(&l, 3 * page, page, page, top, 0), hole);
		insert_at(&l, place(i), 1, R_READ);
	}
	layout_destroy(&l);
}

/* Above a hole stands a stack: what is found keeps the guard's distance, until a hole below another
 * region is better. */
static void guard_below_a_stack(void **state)
{
	struct layout l = {};
	u64 page = PAGE_SIZE;

	insert_at(&l, 100 * page, 10, R_READ | R_GROWSDOWN);
	insert_at(&l, 50 * page, 10, R_READ);
	for (u64 guard = 0; guard <= 200; guard++) {
		va_t want = guard < 40 ? 99 - guard : 49;

		assert_int_equal(gap_of(&l, page, page, page, 110 * page, guard * page),
				 want * page);
	}
	layout_destroy(&l);
}

/* fork: no allocation; the first change afterwards copies one path, the second in the same place
 * nothing. */
static void clone_copies_one_path(void **state)
{
	struct layout parent = {}, child;
	unsigned own, shared, live, all;

	fill(&parent, 24571);
	live = nodes_live;
	all = nodes_of(&parent);
	layout_clone(&child, &parent);
	assert_int_equal(nodes_live, live);
	layout_nodes(&child, &own, &shared);
	assert_int_equal(own, 0);
	assert_int_equal(shared, all);

	remove_at(&child, place(777), place(777) + PAGE_SIZE);
	layout_nodes(&child, &own, &shared);
	assert_int_equal(own, layout_height(&child));
	assert_int_equal(nodes_live, live + own);
	remove_at(&child, place(779), place(779) + PAGE_SIZE);
	assert_true(nodes_live <= live + own + 1);
	assert_lawful(&child);
	assert_lawful(&parent);
	assert_int_equal(parent.regions, MANY);

	layout_destroy(&child);
	layout_nodes(&parent, &own, &shared);
	assert_int_equal(own, live);
	assert_int_equal(nodes_live, live);
	layout_destroy(&parent);
	assert_int_equal(nodes_live, 0);
}

/* A child that unmaps nearly all of what it shares with its parent drops it unseen: two edges are
 * copied. */
static void removal_of_shared_subtrees(void **state)
{
	struct layout parent = {}, child;
	unsigned live;

	fill(&parent, 1);
	live = nodes_live;
	layout_clone(&child, &parent);
	remove_at(&child, place(3), place(MANY - 3));
	assert_int_equal(child.regions, 6);
	assert_int_equal(child.pages, 6);
	assert_true(nodes_live <= live + 2 * layout_height(&parent));
	assert_lawful(&child);
	layout_destroy(&child);
	layout_destroy(&parent);
	assert_int_equal(nodes_live, 0);
}

/* 65,530 regions that become equal are one, and the tree one leaf; in a shared tree the other one
 * keeps its own. */
static void update_joins_all(void **state)
{
	struct layout l = {}, clone;

	for (u64 i = 0; i < MANY; i++)
		insert_at(&l, (MANY - i) * PAGE_SIZE, 1, R_READ | (i & 1 ? R_WRITE : 0));
	assert_int_equal(l.regions, MANY);
	layout_clone(&clone, &l);
	update_at(&l, 0, USER_TOP, R_WRITE, 0);
	assert_lawful(&l);
	assert_lawful(&clone);
	assert_int_equal(l.regions, 1);
	assert_int_equal(l.pages, MANY);
	assert_int_equal(nodes_of(&l), 1);
	layout_destroy(&clone);
	layout_destroy(&l);
	assert_int_equal(nodes_live, 0);
}

/* The nodes that a change in place of one page takes with it. */
static unsigned spare_count(const struct layout_change *c)
{
	unsigned n = 0;

	for (const struct layout_node *s = c->spare; s; s = s->next)
		n++;
	return n;
}

static unsigned nodes_prepared(struct layout *l, va_t at)
{
	struct layout_change c;

	assert_int_equal(layout_prepare(l, at, at + PAGE_SIZE, true, &c), 0);
	unsigned n = spare_count(&c);

	layout_done(&c);
	return n;
}

/* A small address space of its own prepares no nodes, unless the leaf that may grow is full. */
static void small_changes_need_no_nodes(void **state)
{
	struct layout l = {}, clone;

	for (u64 i = 0; i < 60; i++) {
		insert_at(&l, place(i), 1, R_READ);
		if (l.regions <= LEAF_MAX - ROOM)
			assert_int_equal(nodes_prepared(&l, place(i)), 0);
	}
	assert_int_equal(layout_height(&l), 2);
	assert_int_equal(nodes_prepared(&l, place(1)), 0);
	layout_clone(&clone, &l);
	assert_int_equal(nodes_prepared(&l, place(1)), 2);
	layout_destroy(&l);
	layout_destroy(&clone);
}

/* Nor does a large one, in nearly all places; and where nodes are needed, few. */
static void most_changes_need_no_nodes(void **state)
{
	struct layout l = {}, clone;
	unsigned none = 0, most = 0;

	fill(&l, 24571);
	for (u64 i = 0; i < MANY; i++) {
		unsigned n = nodes_prepared(&l, place(i));

		none += n == 0;
		most = max(most, n);
	}
	assert_true(none > MANY * 4 / 5);
	assert_true(most <= 4 * layout_height(&l));
	layout_clone(&clone, &l);
	for (u64 i = 0; i < MANY; i += 97)
		assert_true(nodes_prepared(&l, place(i)) <= 7 * layout_height(&l));
	layout_destroy(&l);
	layout_destroy(&clone);
	assert_int_equal(nodes_live, 0);
}

/* The bounds below n that are larger than need be and would send a search for `size` bytes down in vain. */
static unsigned blunt_bounds(struct layout_node *n, u64 size)
{
	unsigned found = 0;

	for (unsigned i = 0; n->level && i < n->count; i++) {
		found += blunt_bounds(n->child[i].node, size);
		found += n->child[i].gap >= size && n->child[i].gap > node_gap(n->child[i].node);
	}
	return found;
}

/* Filling holes leaves bounds that are too large; the first search that they mislead makes them exact, also in a
 * tree that is shared. */
static void vain_searches_sharpen_bounds(void **state)
{
	for (unsigned shared = 0; shared < 2; shared++) {
		struct layout l = {}, clone = {};

		fill(&l, 1);
		for (u64 i = 1; i < MANY - 1; i += 50) {
			remove_at(&l, place(i), place(i) + PAGE_SIZE);
			insert_at(&l, place(i), 1, R_READ);
		}
		assert_true(blunt_bounds(l.root, 3 * PAGE_SIZE) > 1000);
		assert_lawful(&l);
		if (shared)
			layout_clone(&clone, &l);
		assert_int_equal(gap_of(&l, 3 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, place(MANY), 0), 0);
		assert_int_equal(blunt_bounds(l.root, 3 * PAGE_SIZE), 0);
		assert_lawful(&l);
		layout_destroy(&clone);
		layout_destroy(&l);
	}
	assert_int_equal(nodes_live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_histories),
		cmocka_unit_test(large_histories),
		cmocka_unit_test(many_regions_in_any_order),
		cmocka_unit_test(thin_trees_shrink),
		cmocka_unit_test(gaps_among_many),
		cmocka_unit_test(guard_below_a_stack),
		cmocka_unit_test(clone_copies_one_path),
		cmocka_unit_test(removal_of_shared_subtrees),
		cmocka_unit_test(update_joins_all),
		cmocka_unit_test(small_changes_need_no_nodes),
		cmocka_unit_test(most_changes_need_no_nodes),
		cmocka_unit_test(vain_searches_sharpen_bounds),
	};

	layout_init();
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
