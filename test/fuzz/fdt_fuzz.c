// SPDX-License-Identifier: MIT
// uses: boot/devtree.c lib/fdt.c lib/string.c test/host/support.c
// sanitize: fuzzer,address,undefined
/* A device tree, read in all the ways that the kernel reads one: node by node, and for what boot and drivers want. */
#include "test/fuzz/fuzz.h"
#include "arch/arch.h"
#include "boot/devtree.h"
#include "dev/device.h"
#include "lib/string.h"

bool device_wanted(const struct device *d) { return d->compatible[0]; }

/* A string that the tree gives lies in the blob, with its end. */
static void check_string(const struct fdt *f, const char *s)
{
	assert(!s || ((const u8 *)s >= f->blob && (const u8 *)s + strlen(s) < f->blob + f->size));
}

static void read_node(const struct fdt *f, int node)
{
	static const char *const names[] = { "reg", "ranges", "compatible", "status", "interrupts" };
	u64 a, b, c;
	bool edge;
	unsigned irq;
	u32 len;

	check_string(f, fdt_name(f, node));
	assert(fdt_parent(f, node) < node);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		const u8 *p = fdt_prop(f, node, names[i], &len);

		assert(!p || (p >= f->blob && len <= (size_t)(f->blob + f->size - p)));
		check_string(f, fdt_string(f, node, names[i]));
		check_string(f, fdt_string_at(f, node, names[i], 1));
		(void)fdt_cell(f, node, names[i], 1, 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		(void)fdt_reg(f, node, i, &a, &b);
		(void)devtree_irq(f, node, i, &irq, &edge);
	}
	(void)fdt_dma(f, node, &a, &b, &c);
	(void)fdt_enabled(f, node);
}

static void walk(const struct fdt *f)
{
	int depth = 0, last = -1;

	for (int node = fdt_root(); node >= 0; node = fdt_next(f, node, &depth)) {
		assert(node > last && depth >= 0);
		read_node(f, node);
		last = node;
	}
}

static void check_ranges(const struct boot_range *r, unsigned n)
{
	assert(n <= ARRAY_SIZE(((struct boot_info *)nullptr)->ram));
	for (unsigned i = 0; i < n; i++) {
		assert(r[i].start < r[i].end);
		for (unsigned k = 0; k < i; k++)
			assert(r[i].end <= r[k].start || r[k].end <= r[i].start);
	}
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n)
{
	static struct device devices[64];
	struct devtree_cpu cpus[8];
	struct boot_info bi = {};
	struct fdt f;

	if (n < 8 || fdt_blob_size(bytes) > n || !fdt_open(&f, bytes, n))
		return 0;
	walk(&f);
	devtree_memory(&f, &bi);
	check_ranges(bi.ram, bi.nram);
	assert(devtree_cpus(&f, cpus, ARRAY_SIZE(cpus)) <= ARRAY_SIZE(cpus));
	assert(devtree_devices(&f, devices, ARRAY_SIZE(devices)) <= ARRAY_SIZE(devices));
	(void)devtree_find(&f, (const char *const[]){ "arm,gic-400", nullptr });
	for (u64 i = 0, a, b; fdt_reserved(&f, (unsigned)i, &a, &b); i++)
		assert(i <= n / 16);
	return 0;
}
