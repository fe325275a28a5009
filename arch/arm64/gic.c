// SPDX-License-Identifier: MIT
/* The interrupt controller: which version this machine has, and what both have in common. */
#include "machine.h"

#include "boot/devtree.h"

static struct gic gic;		/* (i) */

struct gic_version {
	const char *const *compatible;
	int (*probe)(const struct fdt *f, int node, struct gic *out);
};

static const char *const v2[] = {
	"arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic", "arm,cortex-a7-gic", nullptr,
};
static const char *const v3[] = { "arm,gic-v3", nullptr };
static const struct gic_version versions[] = { { v3, gic3_probe }, { v2, gic2_probe } };

void gic_init(const struct fdt *f)
{
	for (unsigned i = 0; i < ARRAY_SIZE(versions); i++) {
		int node = devtree_find(f, versions[i].compatible);

		if (node < 0)
			continue;
		int r = versions[i].probe(f, node, &gic);

		if (r == 0)
			return;
		panic("interrupt controller %s: error %d", fdt_name(f, node), r);
	}
	panic("the device tree names no interrupt controller that we know");
}

void gic_init_cpu(void)
{
	gic.init_cpu();
}

void gic_handle(void)
{
	gic.handle();
}

const char *gic_name(void)
{
	return gic.name;
}

/* What was written before must be seen by who takes the interrupt. A panic at boot may come before there is
 * a controller, and then there are no other CPUs either. */
void arch_ipi(u64 cpus, enum ipi kind)
{
	if (!gic.ipi)
		return;
	__asm__ volatile("dsb ishst" : : : "memory");
	gic.ipi(cpus, kind);
}
