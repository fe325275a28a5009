// SPDX-License-Identifier: MIT
/*
 * The layout with nodes of six slots: a hundred regions make a tree of four levels, so splits,
 * joins, seams and copies at every level happen all the time. The sources are compiled here, with
 * that size.
 */
#define LAYOUT_TINY_NODES
#include "layout_history.h"

#include "mm/layout.c"
#include "mm/layout_change.c"
#include "mm/layout_update.c"
#include "mm/layout_tree.c"

static void small_layouts(void **state)
{
	histories(100, FAR + 64, 4000);
}

static void deep_layouts(void **state)
{
	histories(40, 512, 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_layouts),
		cmocka_unit_test(deep_layouts),
	};

	layout_init();
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
