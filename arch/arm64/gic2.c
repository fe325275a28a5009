// SPDX-License-Identifier: MIT
/*
 * GICv2 (Arm IHI 0048B). The distributor routes shared interrupts to CPU 0; each CPU has an interface
 * for its own. In the secure world (entry at EL3), and where there is but one, the same bits drive group 0, which comes as
 * IRQ: all is put into it. In the other world the groups are not ours to see, and writes to them do nothing.
 */
#include "machine.h"

#include "arch/irq.h"
#include "dev/mmio.h"
#include "lib/lock.h"
#include "mm/kmap.h"

enum gicd_register : u32 {
	GICD_CTLR = 0x000, GICD_TYPER = 0x004, GICD_IGROUPR = 0x080, GICD_ISENABLER = 0x100, GICD_ICENABLER = 0x180,
	GICD_ICPENDR = 0x280, GICD_ICACTIVER = 0x380, GICD_IPRIORITYR = 0x400, GICD_ITARGETSR = 0x800,
	GICD_ICFGR = 0xc00, GICD_SGIR = 0xf00,
};

enum gicc_register : u32 { GICC_CTLR = 0x00, GICC_PMR = 0x04, GICC_IAR = 0x0c, GICC_EOIR = 0x10 };

constexpr u32 PRIORITY = 0xa0a0a0a0;	/* the same for all */
constexpr u32 PRIORITY_MASK = 0xf0;
constexpr u32 INTID_SPECIAL = 1020;
constexpr unsigned SGIS = 16, PRIVATE = 32;

static volatile void *gicd, *gicc;	/* (i) */
static u8 cpu_target[MAX_CPUS];		/* (i) interface of each CPU, as a mask */
static struct spinlock config_lock;	/* irq-safe; shared configuration registers */

static void unmask(unsigned irq, bool edge)
{
	u64 config = GICD_ICFGR + irq / 16 * 4;
	u32 bit = 2u << irq % 16 * 2;
	u64 flags = spin_lock_irq(&config_lock);

	if (irq >= SGIS) {
		u32 v = mmio_read32(gicd, config);

		mmio_write32(gicd, config, edge ? v | bit : v & ~bit);
	}
	mmio_write32(gicd, GICD_ISENABLER + irq / 32 * 4, 1u << irq % 32);
	spin_unlock_irq(&config_lock, flags);
}

static void mask(unsigned irq)
{
	mmio_write32(gicd, GICD_ICENABLER + irq / 32 * 4, 1u << irq % 32);
}

static void eoi(unsigned irq)
{
	mmio_write32(gicc, GICC_EOIR, irq);
}

static const struct irq_chip chip = { .name = "GICv2", .unmask = unmask, .mask = mask, .eoi = eoi };

static void ipi(u64 cpus, unsigned sgi)
{
	u32 targets = 0;

	for (; cpus; cpus &= cpus - 1)
		targets |= cpu_target[__builtin_ctzl(cpus)];
	mmio_write32(gicd, GICD_SGIR, targets << 16 | sgi);
}

/* An SGI's acknowledgement says who sent it; its end must say the same. */
static void handle(void)
{
	for (;;) {
		u32 iar = mmio_read32(gicc, GICC_IAR), id = iar & 0x3ff;

		if (id >= INTID_SPECIAL)
			return;
		if (id >= SGIS) {
			irq_dispatch(id);
			continue;
		}
		mmio_write32(gicc, GICC_EOIR, iar);
		if (id < IPI_COUNT)
			ipi_handle((enum ipi)id);
	}
}

static void init_distributor(void)
{
	unsigned lines = 32 * ((mmio_read32(gicd, GICD_TYPER) & 0x1f) + 1);

	mmio_write32(gicd, GICD_CTLR, 0);
	for (unsigned i = PRIVATE; i < lines; i += 32) {
		mmio_write32(gicd, GICD_IGROUPR + i / 8, 0);
		mmio_write32(gicd, GICD_ICENABLER + i / 8, ~0u);
		mmio_write32(gicd, GICD_ICPENDR + i / 8, ~0u);
		mmio_write32(gicd, GICD_ICACTIVER + i / 8, ~0u);
	}
	u32 me = cpu_target[0] * 0x01010101u;

	for (unsigned i = PRIVATE; i < lines; i += 4) {
		mmio_write32(gicd, GICD_IPRIORITYR + i, PRIORITY);
		mmio_write32(gicd, GICD_ITARGETSR + i, me);
	}
	mmio_write32(gicd, GICD_CTLR, 1);
}

/* The private interrupts' target fields read as the reading CPU's own mask (0 on a single CPU). */
static u8 read_own_target(void)
{
	for (unsigned i = 0; i < PRIVATE; i += 4) {
		u32 v = mmio_read32(gicd, GICD_ITARGETSR + i);

		if (v)
			return (u8)(v | v >> 8 | v >> 16 | v >> 24);
	}
	return 1;
}

static void init_cpu(void)
{
	cpu_target[cpu_id()] = read_own_target();
	mmio_write32(gicd, GICD_IGROUPR, 0);
	mmio_write32(gicd, GICD_ICENABLER, ~0u);
	mmio_write32(gicd, GICD_ICACTIVER, ~0u);
	for (unsigned i = 0; i < PRIVATE; i += 4)
		mmio_write32(gicd, GICD_IPRIORITYR + i, PRIORITY);
	mmio_write32(gicd, GICD_ISENABLER, (1u << SGIS) - 1);
	mmio_write32(gicc, GICC_PMR, PRIORITY_MASK);
	mmio_write32(gicc, GICC_CTLR, 1);
}

int gic2_probe(const struct fdt *f, int node, struct gic *out)
{
	u64 d, d_size, c, c_size;

	if (!fdt_reg(f, node, 0, &d, &d_size) || !fdt_reg(f, node, 1, &c, &c_size))
		return -EINVAL;
	gicd = mmio_map((struct pa){ d }, d_size);
	gicc = mmio_map((struct pa){ c }, c_size);
	u32 value;

	if (!gicd || !gicc)
		return -ENOMEM;
	if (!arch_device_read32(gicd, &value) || !arch_device_read32(gicc, &value))
		return -ENODEV;
	init_cpu();
	init_distributor();
	irq_set_chip(&chip);
	*out = (struct gic){ .name = chip.name, .init_cpu = init_cpu, .ipi = ipi, .handle = handle };
	return 0;
}
