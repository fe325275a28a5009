// SPDX-License-Identifier: MIT
/*
 * Device tree to boot_info, CPUs and devices (Devicetree Specification 0.4, chapters 2 and 3;
 * Linux's bindings for reserved-memory, cpus and arm,gic). Runs before there is an allocator, so
 * it works in arrays its callers own.
 */
#include "boot/devtree.h"

#include "arch/arch.h"
#include "dev/device.h"
#include "lib/string.h"

/* ---- memory */

static void range_add(struct boot_range *list, unsigned *n, u64 start, u64 end)
{
	if (start < end && *n < ARRAY_SIZE(((struct boot_info *)nullptr)->ram))
		list[(*n)++] = (struct boot_range){ start, end };
}

/* Takes [start, end) out of all ranges. One that holds it whole becomes two; only one can, as
 * ranges do not overlap. */
static void range_remove(struct boot_range *list, unsigned *n, u64 start, u64 end)
{
	unsigned count = *n, kept = 0;
	struct boot_range tail = {};

	for (unsigned i = 0; i < count; i++) {
		struct boot_range r = list[i];

		if (r.end <= start || end <= r.start)
			list[kept++] = r;
		else if (start <= r.start && end < r.end)
			list[kept++] = (struct boot_range){ end, r.end };
		else if (r.start < start)
			list[kept++] = (struct boot_range){ r.start, start };
		if (r.start < start && end < r.end)
			tail = (struct boot_range){ end, r.end };
	}
	*n = kept;
	range_add(list, n, tail.start, tail.end);
}

static void memory_nodes(const struct fdt *f, struct boot_info *bi)
{
	int root = fdt_root();
	u64 start, size;

	for (int n = fdt_child(f, root); n >= 0; n = fdt_sibling(f, n)) {
		const char *type = fdt_string(f, n, "device_type");

		if (!type || strcmp(type, "memory") != 0 || !fdt_enabled(f, n))
			continue;
		for (unsigned i = 0; fdt_reg(f, n, i, &start, &size); i++) {
			range_remove(bi->ram, &bi->nram, start, start + size);
			range_add(bi->ram, &bi->nram, start, start + size);
		}
	}
}

static void reserved_nodes(const struct fdt *f, struct boot_info *bi)
{
	int parent = fdt_find(f, "/reserved-memory");
	u64 start, size;
	u32 len;

	for (unsigned i = 0; fdt_reserved(f, i, &start, &size); i++)
		if (start + size > start)
			range_add(bi->reserved, &bi->nreserved, start, start + size);
	for (int n = fdt_child(f, parent); n >= 0; n = fdt_sibling(f, n)) {
		bool no_map = fdt_prop(f, n, "no-map", &len);

		for (unsigned i = 0; fdt_enabled(f, n) && fdt_reg(f, n, i, &start, &size); i++) {
			if (no_map)
				range_remove(bi->ram, &bi->nram, start, start + size);
			else
				range_add(bi->reserved, &bi->nreserved, start, start + size);
		}
	}
}

/* A property that is one number of 4 or 8 bytes. */
static u64 chosen_number(const struct fdt *f, int chosen, const char *name)
{
	u32 len;
	const void *p = fdt_prop(f, chosen, name, &len);

	return p && (len == 4 || len == 8) ? fdt_number(p, len / 4) : 0;
}

void devtree_memory(const struct fdt *f, struct boot_info *bi)
{
	int chosen = fdt_find(f, "/chosen");
	const char *cmdline = fdt_string(f, chosen, "bootargs");

	bi->cmdline = cmdline ? cmdline : "";
	bi->initrd.start = chosen_number(f, chosen, "linux,initrd-start");
	bi->initrd.end = chosen_number(f, chosen, "linux,initrd-end");
	if (bi->initrd.end <= bi->initrd.start)
		bi->initrd = (struct boot_range){};
	range_add(bi->reserved, &bi->nreserved, bi->initrd.start, bi->initrd.end);
	memory_nodes(f, bi);
	reserved_nodes(f, bi);
}

/* ---- CPUs */

static enum devtree_cpu_method cpu_method(const struct fdt *f, int node)
{
	const char *method = fdt_string(f, node, "enable-method");

	if (!method)
		method = fdt_string(f, fdt_parent(f, node), "enable-method");
	if (method && strcmp(method, "psci") == 0)
		return CPU_START_PSCI;
	if (method && strcmp(method, "spin-table") == 0)
		return CPU_START_SPIN_TABLE;
	return CPU_START_NONE;
}

unsigned devtree_cpus(const struct fdt *f, struct devtree_cpu *out, unsigned max)
{
	int cpus = fdt_find(f, "/cpus");
	u32 cells = fdt_cell(f, cpus, "#address-cells", 0, 1);
	unsigned n = 0;

	for (int c = fdt_child(f, cpus); c >= 0 && n < max; c = fdt_sibling(f, c)) {
		const char *type = fdt_string(f, c, "device_type");
		u32 len;
		const void *reg = fdt_prop(f, c, "reg", &len);

		if (!type || strcmp(type, "cpu") != 0 || !fdt_enabled(f, c))
			continue;
		if (!reg || cells < 1 || cells > 2 || len < 4 * cells)
			continue;
		out[n++] = (struct devtree_cpu){
			.id = fdt_number(reg, cells),
			.release = chosen_number(f, c, "cpu-release-addr"),
			.method = cpu_method(f, c),
		};
	}
	return n;
}

/* ---- devices */

/* A GIC's interrupt specifier: type (0 shared, 1 private), number, trigger (bits 0, 1: edge). */
static bool gic_decode(const u8 *spec, unsigned *irq, bool *edge)
{
	u64 type = fdt_number(spec, 1), number = fdt_number(spec + 4, 1);

	*edge = fdt_number(spec + 8, 1) & 3;
	if (type > 1 || number >= (type == 0 ? 988u : 16u))
		return false;
	*irq = (unsigned)number + (type == 0 ? 32 : 16);
	return true;
}

/* Words of an interrupt at that controller; 0: more than make sense, or it is none. */
static u32 interrupt_cells(const struct fdt *f, int node)
{
	u32 n = fdt_cell(f, node, "#interrupt-cells", 0, 0);

	return n < 16 ? n : 0;
}

static bool is_gic(const struct fdt *f, int node)
{
	static const char *const gics[] = {
		"arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic", "arm,cortex-a7-gic", "arm,gic-v3",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(gics); i++)
		if (fdt_compatible(f, node, gics[i]))
			return interrupt_cells(f, node) >= 3;
	return false;
}

static int interrupt_parent(const struct fdt *f, int node)
{
	for (; node >= 0; node = fdt_parent(f, node)) {
		u32 phandle = fdt_cell(f, node, "interrupt-parent", 0, 0);

		if (phandle)
			return fdt_by_phandle(f, phandle);
	}
	return -1;
}

/* interrupts-extended: each specifier has its own controller before it. */
static bool extended_irq(const struct fdt *f, int node, unsigned i, unsigned *irq, bool *edge)
{
	u32 len;
	const u8 *p = fdt_prop(f, node, "interrupts-extended", &len);

	while (p && len >= 4) {
		int parent = fdt_by_phandle(f, (u32)fdt_number(p, 1));
		u32 step = 4 + 4 * interrupt_cells(f, parent);

		if (parent < 0 || step > len)
			return false;
		if (i-- == 0)
			return is_gic(f, parent) && gic_decode(p + 4, irq, edge);
		p += step;
		len -= step;
	}
	return false;
}

bool devtree_irq(const struct fdt *f, int node, unsigned i, unsigned *irq, bool *edge)
{
	u32 len;
	const u8 *p = fdt_prop(f, node, "interrupts", &len);

	if (!p)
		return extended_irq(f, node, i, irq, edge);
	int parent = interrupt_parent(f, node);

	if (!is_gic(f, parent))
		return false;
	u32 step = 4 * interrupt_cells(f, parent);

	return len / step > i && gic_decode(p + i * step, irq, edge);
}

int devtree_find(const struct fdt *f, const char *const *compatible)
{
	int depth = 0;

	for (int n = fdt_root(); n >= 0; n = fdt_next(f, n, &depth))
		for (unsigned i = 0; compatible[i]; i++)
			if (fdt_compatible(f, n, compatible[i]) && fdt_enabled(f, n))
				return n;
	return -1;
}

static bool device_begin(const struct fdt *f, int node, struct device *d)
{
	*d = (struct device){ .tree = f, .node = node };
	for (unsigned i = 0; i < ARRAY_SIZE(d->compatible); i++)
		d->compatible[i] = fdt_string_at(f, node, "compatible", i);
	return device_wanted(d) && fdt_enabled(f, node);
}

static void device_fill(const struct fdt *f, int node, struct device *d)
{
	u32 len;

	for (unsigned i = 0; i < ARRAY_SIZE(d->reg); i++)
		if (!fdt_reg(f, node, i, &d->reg[i].v, &d->reg_size[i]))
			break;
	for (unsigned i = 0; i < ARRAY_SIZE(d->irq); i++)
		if (!devtree_irq(f, node, i, &d->irq[i], &d->irq_edge[i]))
			d->irq[i] = 0;
	d->dma = (struct device_dma){ .size = ~0ul };
	(void)fdt_dma(f, node, &d->dma.bus, &d->dma.cpu, &d->dma.size);
	d->dma_coherent = fdt_prop(f, node, "dma-coherent", &len);
	/* An input clock of fixed frequency is all that we look for. */
	int clock = fdt_by_phandle(f, fdt_cell(f, node, "clocks", 0, 0));

	d->clock_hz = fdt_cell(f, clock, "clock-frequency", 0, 0);
}

unsigned devtree_devices(const struct fdt *f, struct device *out, unsigned max)
{
	int console = fdt_stdout(f), depth = 0;
	unsigned n = 0;

	for (int node = fdt_root(); node >= 0 && n < max; node = fdt_next(f, node, &depth)) {
		if (!device_begin(f, node, &out[n]))
			continue;
		device_fill(f, node, &out[n]);
		out[n++].stdout_path = console < 0 || node == console;
	}
	return n;
}
