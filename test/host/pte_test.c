// SPDX-License-Identifier: MIT
// cpus: arm64 x86_64
// uses: test/host/support.c
/* The laws of page-table entries (arch/arch.h, part A), over all legal protections, levels and a few addresses. */
#include "host.h"
#include "arch/arch.h"

static const u64 addresses[] = { 0, 1 * GiB, 0x0000'00ff'c000'0000, 3 * GiB };

/* A leaf of the kernel can be read; it is not the user's, so nothing of it is shared or copied. A page is of one
 * memory type. What cannot be written is not dirty by itself, but may have been. */
static bool legal(u32 prot)
{
	if (!(prot & P_USER) && !(prot & P_R))
		return false;
	if ((prot & P_USER) && (prot & P_GLOBAL))
		return false;
	return !(prot & P_DEVICE) || !(prot & P_UNCACHED);
}

static void for_each_leaf(void (*check)(u32 prot, int level, struct pa pa))
{
	for (u32 prot = 0; prot < 2 * P_GLOBAL; prot++)
		for (int level = 0; level <= PT_LEAF_MAX && legal(prot); level++)
			for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++)
				check(prot, level, (struct pa){ addresses[i] });
}

static void check_leaf(u32 prot, int level, struct pa pa)
{
	struct pte e = pte_leaf(pa, level, prot);

	assert_int_equal(pte_kind(e, level), PTE_LEAF);
	assert_int_equal(pte_pa(e, level).v, pa.v);
	assert_int_equal(pte_prot(e, level), prot);
	assert_int_equal(pte_writable(e, level), (prot & P_W) != 0);
}

static void test_leaf_gives_back_what_it_was_made_of(void **state)
{
	for_each_leaf(check_leaf);
}

static void check_rights(u32 prot, int level, struct pa pa)
{
	constexpr u32 rwx = P_R | P_W | P_X;

	for (u32 rights = 0; rights <= rwx; rights++) {
		if (rights & ~rwx || !legal((prot & ~rwx) | rights))
			continue;
		struct pte e = pte_with_rights(pte_leaf(pa, level, prot), level, rights);

		/* What may be written is dirty from the start (law 12). */
		assert_int_equal(e.raw, pte_leaf(pa, level, (prot & ~rwx) | rights | (rights & P_W ? P_DIRTY : 0)).raw);
	}
}

static void test_new_rights_change_nothing_else(void **state)
{
	for_each_leaf(check_rights);
}

static void check_wprotect(u32 prot, int level, struct pa pa)
{
	struct pte e = pte_wprotect(pte_leaf(pa, level, prot), level);

	assert_false(pte_writable(e, level));
	assert_int_equal(pte_kind(e, level), PTE_LEAF);
	assert_int_equal(pte_pa(e, level).v, pa.v);
	assert_int_equal(pte_prot(e, level), prot & ~(u32)P_W);
}

static void test_write_protection_takes_only_write_away(void **state)
{
	for_each_leaf(check_wprotect);
}

static void test_table_slot_forbids_and_allows_writes_below(void **state)
{
	if (!PT_HIER_WP)
		skip();
	for (int level = 1; level < PT_LEVELS; level++) {
		struct pa pa = { 0x1234'5000 };
		struct pte e = pte_table(pa), frozen = pte_wprotect(e, level);

		assert_int_equal(pte_kind(e, level), PTE_TABLE);
		assert_true(pte_writable(e, level));
		assert_int_equal(pte_kind(frozen, level), PTE_TABLE);
		assert_false(pte_writable(frozen, level));
		assert_int_equal(pte_table_pa(frozen).v, pa.v);
		assert_int_equal(pte_wunprotect(frozen, level).raw, e.raw);
	}
}

static void test_zero_is_empty_and_nothing_else_is(void **state)
{
	for (int level = 0; level < PT_LEVELS; level++)
		assert_int_equal(pte_kind((struct pte){}, level), PTE_EMPTY);
	assert_int_not_equal(pte_swap(0).raw, 0);
	assert_int_not_equal(pte_leaf((struct pa){}, 0, P_USER).raw, 0);
}

static void check_swap(u64 payload)
{
	struct pte e = pte_swap(payload);

	for (int level = 0; level < PT_LEVELS; level++)
		assert_int_equal(pte_kind(e, level), PTE_SWAP);
	assert_int_equal(pte_payload(e), payload);
}

static void test_swap_entry_keeps_50_bits(void **state)
{
	check_swap(0);
	check_swap(BIT(50) - 1);
	for (unsigned bit = 0; bit < 50; bit++)
		check_swap(BIT(bit));
}

/* The kernel's layout: canonical, apart, in order of what arch.h promises. */
static void test_layout_of_the_address_space(void **state)
{
	assert_true(USER_END <= BIT(48) && is_aligned(USER_END, PAGE_SIZE));
	assert_true(USER_ROOT_SLOTS * pt_slot_size(PT_LEVELS - 1) >= USER_END);
	assert_true(KMAP_END - KMAP_BASE >= 64 * GiB);
	assert_true(KERNEL_BASE >= KMAP_END || KERNEL_BASE < KMAP_BASE);
	assert_true(DIRECT_BASE < KMAP_BASE || DIRECT_BASE >= KMAP_END);
	assert_int_equal(pt_index(KERNEL_BASE, PT_LEVELS - 1), 511);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaf_gives_back_what_it_was_made_of),
		cmocka_unit_test(test_new_rights_change_nothing_else),
		cmocka_unit_test(test_write_protection_takes_only_write_away),
		cmocka_unit_test(test_table_slot_forbids_and_allows_writes_below),
		cmocka_unit_test(test_zero_is_empty_and_nothing_else_is),
		cmocka_unit_test(test_swap_entry_keeps_50_bits),
		cmocka_unit_test(test_layout_of_the_address_space),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
