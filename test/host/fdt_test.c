// SPDX-License-Identifier: MIT
// uses: lib/fdt.c lib/string.c test/host/support.c
/* Device trees: a small one that is written here, read back; then the same with bytes changed at random, where
 * nothing outside the blob may be touched (each copy is an object of its own, so the sanitizer sees it). */
#include "host.h"
#include "lib/fdt.h"
#include "lib/string.h"
#include "test/host/fdt_writer.h"

/*
 * A board: 64-bit addresses at the root, a bus that puts its 32-bit 0x7e000000 at 0xfe000000 (as the
 * Raspberry Pi does), a second bus inside it with empty ranges, and one without any.
 */
static int make_board(void **state)
{
	(void)state;
	begin("");
	prop_cells("#address-cells", 2);
	prop_cells("#size-cells", 2);
	begin("aliases");
	prop_string("serial0", "/soc/inner/uart@7e201000");
	end();
	begin("memory@40000000");
	prop_string("device_type", "memory");
	prop_cells("reg", 0, 0x40000000, 0, 0x10000000, 1, 0, 2, 0);
	end();
	begin("soc");
	prop_cells("#address-cells", 1);
	prop_cells("#size-cells", 1);
	prop_cells("ranges", 0x7e000000, 0, 0xfe000000, 0x01800000);
	begin("inner");
	prop_cells("#address-cells", 1);
	prop_cells("#size-cells", 1);
	prop("ranges", "", 0);
	begin("uart@7e201000");
	prop("compatible", "arm,pl011\0arm,primecell", 24);
	prop_cells("reg", 0x7e201000, 0x200);
	prop_cells("phandle", 7);
	prop("raw", "abc", 3);
	prop_string("status", "okay");
	end();
	end();
	begin("far@1000");
	prop_cells("reg", 0x1000, 0x10);	/* no range holds it */
	prop_string("status", "disabled");
	end();
	end();
	begin("closed");
	begin("device@0");
	prop_cells("reg", 0, 0x10);
	end();
	end();
	end();
	finish();
	return 0;
}

/* ---- reading */

static struct fdt open_board(void)
{
	struct fdt f;

	assert_true(fdt_open(&f, blob, sizeof(blob)));
	return f;
}

static void test_nodes_are_found_by_path_alias_and_handle(void **state)
{
	struct fdt f = open_board();
	int uart = fdt_find(&f, "/soc/inner/uart@7e201000");

	assert_true(uart > 0);
	assert_string_equal(fdt_name(&f, uart), "uart@7e201000");
	assert_int_equal(fdt_find(&f, "/soc/inner/uart"), uart);
	assert_int_equal(fdt_find(&f, "serial0:115200n8"), uart);
	assert_int_equal(fdt_by_phandle(&f, 7), uart);
	assert_int_equal(fdt_find(&f, "/soc/inner/uart@7e20"), -1);
	assert_int_equal(fdt_find(&f, "/soc/in"), -1);
	assert_int_equal(fdt_find(&f, "serial1"), -1);
	assert_int_equal(fdt_stdout(&f), uart);		/* no /chosen: the alias serial0 */
	assert_int_equal(fdt_by_phandle(&f, 8), -1);
	assert_int_equal(fdt_find(&f, "/"), fdt_root());
}

static void test_children_siblings_and_parents_agree(void **state)
{
	struct fdt f = open_board();
	int soc = fdt_find(&f, "/soc"), n = 0;

	for (int c = fdt_child(&f, fdt_root()); c >= 0; c = fdt_sibling(&f, c), n++)
		assert_int_equal(fdt_parent(&f, c), fdt_root());
	assert_int_equal(n, 4);
	assert_int_equal(fdt_parent(&f, fdt_find(&f, "/soc/far")), soc);
	assert_int_equal(fdt_sibling(&f, fdt_find(&f, "/soc/far")), -1);
	assert_int_equal(fdt_child(&f, fdt_find(&f, "/aliases")), -1);
	assert_int_equal(fdt_parent(&f, fdt_root()), -1);
}

static void test_properties_are_read_within_their_length(void **state)
{
	struct fdt f = open_board();
	int uart = fdt_find(&f, "serial0");
	u32 len;

	assert_non_null(fdt_prop(&f, uart, "reg", &len));
	assert_int_equal(len, 8);
	assert_int_equal(fdt_cell(&f, uart, "reg", 1, 99), 0x200);
	assert_int_equal(fdt_cell(&f, uart, "reg", 2, 99), 99);
	assert_null(fdt_prop(&f, uart, "reg2", &len));
	assert_string_equal(fdt_string_at(&f, uart, "compatible", 1), "arm,primecell");
	assert_null(fdt_string_at(&f, uart, "compatible", 2));
	assert_true(fdt_compatible(&f, uart, "arm,primecell"));
	assert_false(fdt_compatible(&f, uart, "arm"));
	assert_null(fdt_string(&f, uart, "raw"));	/* not terminated */
	assert_true(fdt_enabled(&f, uart));
	assert_false(fdt_enabled(&f, fdt_find(&f, "/soc/far")));
}

static void test_addresses_go_through_all_ranges(void **state)
{
	struct fdt f = open_board();
	u64 a, n;

	assert_true(fdt_reg(&f, fdt_find(&f, "serial0"), 0, &a, &n));
	assert_int_equal(a, 0xfe201000);
	assert_int_equal(n, 0x200);
	assert_true(fdt_reg(&f, fdt_find(&f, "/memory"), 1, &a, &n));
	assert_int_equal(a, 1ul << 32);
	assert_int_equal(n, 2ul << 32);
	assert_false(fdt_reg(&f, fdt_find(&f, "/memory"), 2, &a, &n));
	assert_false(fdt_reg(&f, fdt_find(&f, "/soc/far"), 0, &a, &n));
	assert_false(fdt_reg(&f, fdt_find(&f, "/closed/device"), 0, &a, &n));
}

static void test_reservations_end_with_zeros(void **state)
{
	struct fdt f = open_board();
	u64 a, n;

	assert_true(fdt_reserved(&f, 0, &a, &n));
	assert_int_equal(a, 0x1000);
	assert_int_equal(n, 0x2000);
	assert_false(fdt_reserved(&f, 1, &a, &n));
}

/* ---- hostile trees */

static void expect_refused(u32 at, u32 value)
{
	u8 copy[sizeof(blob)];
	struct fdt f;

	memcpy(copy, blob, sizeof(copy));
	put32(copy + at, value);
	assert_false(fdt_open(&f, copy, nblob));
}

static void test_bad_headers_are_refused(void **state)
{
	struct fdt f;

	expect_refused(0, 0xd00dfeee);
	expect_refused(4, nblob + 1);
	expect_refused(4, 20);
	expect_refused(8, 0xffff'fffc);
	expect_refused(12, nblob + 4);
	expect_refused(20, 16);
	expect_refused(24, 18);
	expect_refused(32, 0xffff'ffff);
	expect_refused(36, 0x8000'0000);
	assert_false(fdt_open(&f, blob, nblob - 1));
	assert_false(fdt_open(&f, blob, 8));
}

static void test_unbalanced_tokens_are_refused(void **state)
{
	u32 at = (u32)fdt_number(blob + 8, 1);

	expect_refused(at, 2);				/* ends before it begins */
	expect_refused(at, 3);
	expect_refused(at + nstructs - 8, 4);		/* the root never ends */
	expect_refused(at + nstructs - 4, 7);		/* no such token */
	expect_refused(at + 8 + 4, 0x7fff'fff0);	/* the first property's length */
	expect_refused(at + 8 + 8, nstrings);		/* and its name */
}

static void read_all(const struct fdt *f)
{
	int depth = 0;
	u64 a, n;

	for (int node = fdt_root(); node >= 0; node = fdt_next(f, node, &depth)) {
		strlen(fdt_name(f, node));
		fdt_parent(f, node);
		fdt_compatible(f, node, "arm,primecell");
		fdt_enabled(f, node);
		for (unsigned i = 0; i < 4; i++)
			(void)fdt_reg(f, node, i, &a, &n);
	}
	fdt_find(f, "serial0:1");
	fdt_stdout(f);
	fdt_find(f, "/soc/inner/uart");
	fdt_by_phandle(f, 7);
	for (unsigned i = 0; fdt_reserved(f, i, &a, &n); i++)
		;
}

static void test_no_change_of_bytes_leads_outside_the_blob(void **state)
{
	unsigned opened = 0;

	host_seed(1);
	for (unsigned round = 0; round < 20'000; round++) {
		u8 *copy = malloc(nblob);
		struct fdt f;

		memcpy(copy, blob, nblob);
		for (unsigned changes = 1 + host_below(4); changes > 0; changes--)
			copy[host_below(nblob)] = (u8)host_random();
		if (fdt_open(&f, copy, nblob)) {
			opened++;
			read_all(&f);
		}
		free(copy);
	}
	assert_in_range(opened, 1000, 19'999);	/* else nothing was tested */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_are_found_by_path_alias_and_handle),
		cmocka_unit_test(test_children_siblings_and_parents_agree),
		cmocka_unit_test(test_properties_are_read_within_their_length),
		cmocka_unit_test(test_addresses_go_through_all_ranges),
		cmocka_unit_test(test_reservations_end_with_zeros),
		cmocka_unit_test(test_bad_headers_are_refused),
		cmocka_unit_test(test_unbalanced_tokens_are_refused),
		cmocka_unit_test(test_no_change_of_bytes_leads_outside_the_blob),
	};

	return cmocka_run_group_tests(tests, make_board, nullptr);
}
