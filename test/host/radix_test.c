// SPDX-License-Identifier: MIT
// uses: lib/radix.c test/host/support.c
/* The radix tree against a flat array, with indices near 0, at node edges and at the end of
 * the space. */
#include "host.h"
#include "lib/radix.h"

constexpr unsigned SLOTS = 600;

static struct radix tree;
static void *model[SLOTS];
static int nodes, fail_after = -1;

struct radix_node *radix_node_alloc(void)
{
	if (fail_after >= 0 && fail_after-- == 0)
		return nullptr;
	nodes++;
	return calloc(1, sizeof(struct radix_node));
}

void radix_node_free(struct radix_node *n)
{
	nodes--;
	free(n);
}

/* Model slot -> index: small ones, then runs across the edge of each level, then the very last
 * indices. */
static u64 index_of(unsigned slot)
{
	if (slot < 200)
		return slot;
	if (slot < 500)
		return (64ul << (6 * ((slot - 200) / 30))) - 15 + (slot - 200) % 30;
	return ~0ul - (SLOTS - 1 - slot);
}

static void *item(unsigned slot) { return (void *)(0x1000ul + 16 * slot); }

static int by_index(const void *a, const void *b)
{
	u64 x = index_of(*(const unsigned *)a), y = index_of(*(const unsigned *)b);

	return x < y ? -1 : x > y;
}

static unsigned order[SLOTS], distinct;		/* slots by rising index, each index once */

static void sort_slots(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		order[i] = i;
	qsort(order, SLOTS, sizeof(order[0]), by_index);
	for (unsigned i = 0; i < SLOTS; i++)
		if (i == 0 || index_of(order[i]) != index_of(order[n - 1]))
			order[n++] = order[i];
	distinct = n;
}

static void assert_same(void)
{
	u64 index = 0;

	for (unsigned i = 0; i < distinct; i++) {
		unsigned s = order[i];

		assert_ptr_equal(radix_find(&tree, index_of(s)), model[s]);
		if (!model[s])
			continue;
		assert_ptr_equal(radix_next(&tree, &index), model[s]);
		assert_true(index == index_of(s));
		index++;
	}
	if (index)
		assert_null(radix_next(&tree, &index));
}

static void assert_runs(unsigned start, unsigned n)
{
	u64 index = index_of(start);

	for (unsigned done = 0, part; done < n; done += part) {
		part = n - done;
		void *const *run = radix_run(&tree, index + done, &part);

		assert_in_range(part, 1, n - done);
		for (unsigned i = 0; i < part; i++)
			assert_ptr_equal(run ? run[i] : nullptr, radix_find(&tree, index + done + i));
	}
}

static void put(unsigned s)
{
	struct radix before = tree;
	int had = nodes, error;

	fail_after = host_below(4) ? -1 : (int)host_below(6);
	error = radix_insert(&tree, index_of(s), item(s));
	if (fail_after < 0 && error == -ENOMEM) {
		assert_int_equal(nodes, had);
		assert_true(before.root == tree.root && before.height == tree.height);
		return;
	}
	fail_after = -1;
	assert_int_equal(error, model[s] ? -EEXIST : 0);
	if (!error)
		model[s] = item(s);
}

static void take(unsigned s)
{
	assert_ptr_equal(radix_remove(&tree, index_of(s)), model[s]);
	model[s] = nullptr;
}

static void histories_match_the_model(void **state)
{
	sort_slots();
	for (int step = 0; step < 40000; step++) {
		bool more = (step / 1500) % 2 == 0;
		unsigned s = order[host_below(distinct)];

		if (host_below(10) < (more ? 7 : 3))
			put(s);
		else
			take(s);
		if (step % 16 == 0)
			assert_same();
		assert_runs(s, 1 + host_below(16));
	}
	for (unsigned i = 0; i < distinct; i++)
		take(order[i]);
	assert_int_equal(nodes, 0);
	assert_null(tree.root);
	assert_int_equal(tree.height, 0);
}

static void one_page_at_index_0_needs_no_node(void **state)
{
	u64 index = 0;

	assert_int_equal(radix_insert(&tree, 0, item(1)), 0);
	assert_int_equal(radix_insert(&tree, 0, item(2)), -EEXIST);
	assert_int_equal(nodes, 0);
	assert_ptr_equal(radix_next(&tree, &index), item(1));
	assert_ptr_equal(radix_replace(&tree, 0, item(3)), item(1));
	assert_ptr_equal(radix_remove(&tree, 0), item(3));
}

static void for_each_may_remove(void **state)
{
	void *p;
	unsigned n = 0;

	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(radix_insert(&tree, i * 3, item(i)), 0);
	radix_for_each(p, i, &tree, 30, 600) {
		assert_ptr_equal(p, item((unsigned)i / 3));
		assert_ptr_equal(radix_remove(&tree, i), p);
		n++;
	}
	assert_int_equal(n, 191);
	radix_for_each(p, i, &tree, 0, ~0ul) {
		assert_true(i < 30 || i > 600);
		radix_remove(&tree, i);
		n++;
	}
	assert_int_equal(n, 300);
	assert_int_equal(nodes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_match_the_model),
		cmocka_unit_test(one_page_at_index_0_needs_no_node),
		cmocka_unit_test(for_each_may_remove),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
