// SPDX-License-Identifier: MIT
/*
 * What the device tree says, in the kernel's own words: memory, CPUs, devices. Nothing here keeps
 * state; strings point into the tree, which stays mapped for ever.
 */
#pragma once

#include "lib/base.h"
#include "lib/fdt.h"

struct boot_info;
struct device;

/* Fills ram (sorted out: no overlaps, without no-map ranges), reserved (firmware's and the initrd; not
 * the image, not the tree), initrd and cmdline. What does not fit the arrays is left out of ram. */
void devtree_memory(const struct fdt *f, struct boot_info *bi);

enum devtree_cpu_method : u8 { CPU_START_NONE, CPU_START_PSCI, CPU_START_SPIN_TABLE };

struct devtree_cpu {
	u64 id;				/* reg: MPIDR's affinity fields */
	u64 release;			/* spin table: physical address to write the entry to */
	enum devtree_cpu_method method;
};

/* CPUs that are not disabled, in the tree's order. Returns their number, at most max. */
unsigned devtree_cpus(const struct fdt *f, struct devtree_cpu *out, unsigned max);

/* The enabled devices that a driver wants, parents first; only the first max. Interrupts are those
 * that go to a GIC, as INTIDs. */
unsigned devtree_devices(const struct fdt *f, struct device *out, unsigned max);
/* A node's i-th interrupt as INTID; false if there is none or it does not go to a GIC. */
[[nodiscard]] bool devtree_irq(const struct fdt *f, int node, unsigned i, unsigned *irq, bool *edge);
/* The first enabled node that is compatible with one of the nullptr-terminated list, -1: none. */
int devtree_find(const struct fdt *f, const char *const *compatible);
