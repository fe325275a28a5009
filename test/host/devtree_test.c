// SPDX-License-Identifier: MIT
// uses: boot/devtree.c lib/fdt.c lib/string.c test/host/support.c
/* What memory the kernel takes from a tree: a Raspberry Pi 4 with 8 GiB, as its firmware describes it: VideoCore's part
 * and the registers are left out, and lengths have one cell, so that what is above 4 GiB comes in two pieces. */
#include "host.h"
#include "arch/arch.h"
#include "boot/devtree.h"
#include "dev/device.h"
#include "test/host/fdt_writer.h"

bool device_wanted(const struct device *d) { return false; }

static int make_tree(void **state)
{
	begin("");
	prop_cells("#address-cells", 2);
	prop_cells("#size-cells", 1);
	begin("memory@0");
	prop_string("device_type", "memory");
	prop_cells("reg", 0, 0, 0x3b400000, 0, 0x40000000, 0xbc000000, 1, 0, 0x80000000, 1, 0x80000000, 0x80000000);
	end();
	begin("reserved-memory");
	prop_cells("#address-cells", 2);
	prop_cells("#size-cells", 1);
	prop("ranges", "", 0);
	begin("linux,cma");
	prop_cells("size", 0x4000000);
	end();
	begin("nvram@3eaf0000");
	prop_cells("reg", 0, 0x3b3ff000, 0x1000);
	prop("no-map", "", 0);
	end();
	begin("nvram@1");
	prop_cells("reg", 0, 0, 0x1000);
	prop("no-map", "", 0);
	prop_string("status", "disabled");
	end();
	begin("dump@80000000");
	prop_cells("reg", 0, 0x80000000, 0x100000);
	end();
	end();
	begin("chosen");
	prop_cells("linux,initrd-start", 0x10000000);
	prop_cells("linux,initrd-end", 0x10200000);
	end();
	end();
	finish();
	return 0;
}

static bool has(const struct boot_range *list, unsigned n, u64 start, u64 end)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].start == start && list[i].end == end)
			return true;
	return false;
}

static void memory_around_the_holes_is_found(void **state)
{
	struct boot_info bi = {};
	struct fdt f;

	assert_true(fdt_open(&f, blob, sizeof(blob)));
	devtree_memory(&f, &bi);
	assert_int_equal(bi.nram, 4);
	assert_true(has(bi.ram, bi.nram, 0, 0x3b3ff000));
	assert_true(has(bi.ram, bi.nram, 0x40000000, 0xfc000000));
	assert_true(has(bi.ram, bi.nram, 0x100000000, 0x180000000));
	assert_true(has(bi.ram, bi.nram, 0x180000000, 0x200000000));
}

static void what_is_in_use_is_reserved(void **state)
{
	struct boot_info bi = {};
	struct fdt f;

	assert_true(fdt_open(&f, blob, sizeof(blob)));
	devtree_memory(&f, &bi);
	assert_int_equal(bi.nreserved, 3);
	assert_true(has(bi.reserved, bi.nreserved, 0x10000000, 0x10200000));
	assert_true(has(bi.reserved, bi.nreserved, 0x1000, 0x3000));	/* the writer's own reservation */
	assert_true(has(bi.reserved, bi.nreserved, 0x80000000, 0x80100000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_around_the_holes_is_found),
		cmocka_unit_test(what_is_in_use_is_reserved),
	};

	return cmocka_run_group_tests(tests, make_tree, nullptr);
}
