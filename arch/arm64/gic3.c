// SPDX-License-Identifier: MIT
/*
 * GICv3 (Arm IHI 0069). The distributor routes shared interrupts to CPU 0 by affinity; a redistributor
 * per CPU has the private ones; the CPU interface is in system registers. All our interrupts are
 * in group 1 of the world we run in: the non-secure one, or the secure one after entry at EL3.
 *
 * Leaves out: LPIs and the ITS, so no message-signalled interrupts.
 */
#include "machine.h"

#include "arch/irq.h"
#include "dev/mmio.h"
#include "lib/lock.h"
#include "mm/kmap.h"

enum gicd_register : u32 {
	GICD_CTLR = 0x0000, GICD_TYPER = 0x0004, GICD_IGROUPR = 0x0080, GICD_ISENABLER = 0x0100,
	GICD_ICENABLER = 0x0180, GICD_ICPENDR = 0x0280, GICD_ICACTIVER = 0x0380,
	GICD_IPRIORITYR = 0x0400, GICD_ICFGR = 0x0c00, GICD_IGRPMODR = 0x0d00, GICD_IROUTER = 0x6000,
};

enum gicr_register : u32 {
	GICR_TYPER = 0x0008, GICR_WAKER = 0x0014,
	GICR_SGI = 0x10000,		/* from here on the same offsets as in the distributor */
	GICR_STRIDE = 0x20000,
};

enum gicd_ctlr : u32 {
	CTLR_GROUP1 = BIT(1), CTLR_ARE = BIT(4), CTLR_RWP = BIT(31),
	CTLR_GROUP1_SECURE = BIT(2),	/* as the secure world sees it */
};

enum gicr_bits : u32 {
	TYPER_VLPIS = BIT(1), TYPER_LAST = BIT(4), WAKER_SLEEP = BIT(1), WAKER_ASLEEP = BIT(2),
};

#define ICC_PMR_EL1 s3_0_c4_c6_0
#define ICC_IAR1_EL1 s3_0_c12_c12_0
#define ICC_EOIR1_EL1 s3_0_c12_c12_1
#define ICC_CTLR_EL1 s3_0_c12_c12_4
#define ICC_SRE_EL1 s3_0_c12_c12_5
#define ICC_IGRPEN1_EL1 s3_0_c12_c12_7
#define ICC_SGI1R_EL1 s3_0_c12_c11_5
#define icc_read(reg) icc_read_(reg)
#define icc_read_(reg) sysreg_read(reg)
#define icc_write(reg, v) icc_write_(reg, v)
#define icc_write_(reg, v) sysreg_write(reg, v)

constexpr u32 PRIORITY = 0xa0a0a0a0;
constexpr u32 PRIORITY_MASK = 0xf0;
constexpr u32 INTID_SPECIAL = 1020;
constexpr unsigned SGIS = 16, PRIVATE = 32;
constexpr u64 REGION_MAX = MAX_CPUS * 2ul * GICR_STRIDE;
constexpr unsigned REGIONS = 4;

static volatile void *gicd;				/* (i) */
static struct { volatile char *base; u64 size; } regions[REGIONS];	/* (i) redistributors */
static volatile char *redistributor[MAX_CPUS];		/* (i) once the CPU has started */
static struct spinlock config_lock;			/* irq-safe; shared configuration registers */

/* Where an interrupt's enable, configuration and priority registers are. */
static volatile void *block_of(unsigned irq)
{
	return irq < PRIVATE ? redistributor[cpu_id()] + GICR_SGI : gicd;
}

static void unmask(unsigned irq, bool edge)
{
	volatile void *block = block_of(irq);
	u64 config = GICD_ICFGR + irq / 16 * 4;
	u32 bit = 2u << irq % 16 * 2;
	u64 flags = spin_lock_irq(&config_lock);

	if (irq >= SGIS) {
		u32 v = mmio_read32(block, config);

		mmio_write32(block, config, edge ? v | bit : v & ~bit);
	}
	mmio_write32(block, GICD_ISENABLER + irq / 32 * 4, 1u << irq % 32);
	spin_unlock_irq(&config_lock, flags);
}

static void mask(unsigned irq)
{
	mmio_write32(block_of(irq), GICD_ICENABLER + irq / 32 * 4, 1u << irq % 32);
}

static void eoi(unsigned irq)
{
	icc_write(ICC_EOIR1_EL1, irq);
}

static const struct irq_chip chip = { .name = "GICv3", .unmask = unmask, .mask = mask, .eoi = eoi };

/* One register write per CPU: the list of targets covers CPUs that differ in affinity 0 only, which
 * saves little on machines of our size. */
static void ipi(u64 cpus, unsigned sgi)
{
	for (; cpus; cpus &= cpus - 1) {
		u64 a = smp_mpidr((unsigned)__builtin_ctzl(cpus));
		u64 aff0 = a & 0xff, aff1 = a >> 8 & 0xff, aff2 = a >> 16 & 0xff, aff3 = a >> 32 & 0xff;

		icc_write(ICC_SGI1R_EL1, aff3 << 48 | aff0 / 16 << 44 | aff2 << 32 |
			  (u64)sgi << 24 | aff1 << 16 | BIT(aff0 % 16));
	}
	__asm__ volatile("isb" : : : "memory");
}

static void handle(void)
{
	for (;;) {
		u32 id = (u32)icc_read(ICC_IAR1_EL1) & 0xffffff;

		__asm__ volatile("dsb sy" : : : "memory");
		if (id >= INTID_SPECIAL)
			return;
		if (id >= SGIS) {
			irq_dispatch(id);
			continue;
		}
		icc_write(ICC_EOIR1_EL1, id);
		if (id < IPI_COUNT)
			ipi_handle((enum ipi)id);
	}
}

static bool is_secure(void)
{
	return arm64_entry_level == 3;
}

/* Group 1 of our world. Where security is not ours to set, the writes are ignored. */
static void set_group(volatile void *block, unsigned i)
{
	mmio_write32(block, GICD_IGROUPR + i / 8, is_secure() ? 0 : ~0u);
	if (is_secure())
		mmio_write32(block, GICD_IGRPMODR + i / 8, ~0u);
}

static void wait_distributor(void)
{
	while (mmio_read32(gicd, GICD_CTLR) & CTLR_RWP)
		cpu_relax();
}

static void init_distributor(void)
{
	unsigned lines = min(32 * ((mmio_read32(gicd, GICD_TYPER) & 0x1f) + 1), INTID_SPECIAL);
	u64 me = smp_mpidr(0);

	mmio_write32(gicd, GICD_CTLR, 0);
	wait_distributor();
	for (unsigned i = PRIVATE; i < lines; i += 32) {
		set_group(gicd, i);
		mmio_write32(gicd, GICD_ICENABLER + i / 8, ~0u);
		mmio_write32(gicd, GICD_ICPENDR + i / 8, ~0u);
		mmio_write32(gicd, GICD_ICACTIVER + i / 8, ~0u);
	}
	for (unsigned i = PRIVATE; i < lines; i += 4)
		mmio_write32(gicd, GICD_IPRIORITYR + i, PRIORITY);
	mmio_write32(gicd, GICD_CTLR, CTLR_ARE | CTLR_GROUP1 | (is_secure() ? CTLR_GROUP1_SECURE : 0));
	wait_distributor();
	for (unsigned i = PRIVATE; i < lines; i++) {
		mmio_write32(gicd, GICD_IROUTER + i * 8ul, (u32)me);
		mmio_write32(gicd, GICD_IROUTER + i * 8ul + 4, (u32)(me >> 32));
	}
}

/* GICR_TYPER's upper half is the affinity, one byte each level. */
static volatile char *find_redistributor(u64 mpidr)
{
	u32 affinity = (u32)(mpidr & 0xffffff) | (u32)(mpidr >> 32 & 0xff) << 24;

	for (unsigned i = 0; i < REGIONS && regions[i].base; i++) {
		for (u64 at = 0; at + GICR_STRIDE <= regions[i].size;) {
			volatile char *r = regions[i].base + at;
			u32 typer = mmio_read32(r, GICR_TYPER);

			if (mmio_read32(r, GICR_TYPER + 4) == affinity)
				return r;
			if (typer & TYPER_LAST)
				break;
			at += typer & TYPER_VLPIS ? 2 * GICR_STRIDE : GICR_STRIDE;
		}
	}
	return nullptr;
}

static void wake(volatile char *r)
{
	mmio_write32(r, GICR_WAKER, mmio_read32(r, GICR_WAKER) & ~(u32)WAKER_SLEEP);
	while (mmio_read32(r, GICR_WAKER) & WAKER_ASLEEP)
		cpu_relax();
}

static void init_cpu(void)
{
	volatile char *r = find_redistributor(smp_mpidr(cpu_id()));

	if (!r)
		panic("CPU %u has no redistributor", cpu_id());
	redistributor[cpu_id()] = r;
	wake(r);
	r += GICR_SGI;
	set_group(r, 0);
	mmio_write32(r, GICD_ICENABLER, ~0u);
	mmio_write32(r, GICD_ICACTIVER, ~0u);
	for (unsigned i = 0; i < PRIVATE; i += 4)
		mmio_write32(r, GICD_IPRIORITYR + i, PRIORITY);
	mmio_write32(r, GICD_ISENABLER, (1u << SGIS) - 1);

	icc_write(ICC_SRE_EL1, icc_read(ICC_SRE_EL1) | 1);
	__asm__ volatile("isb" : : : "memory");
	icc_write(ICC_PMR_EL1, PRIORITY_MASK);
	icc_write(ICC_CTLR_EL1, 0);
	icc_write(ICC_IGRPEN1_EL1, 1);
	__asm__ volatile("isb" : : : "memory");
}

static int map_redistributors(const struct fdt *f, int node)
{
	u32 n = fdt_cell(f, node, "#redistributor-regions", 0, 1);
	u64 address, size;

	for (unsigned i = 0; i < min(n, REGIONS) && fdt_reg(f, node, 1 + i, &address, &size); i++) {
		regions[i].size = min(size, REGION_MAX);
		regions[i].base = mmio_map((struct pa){ address }, regions[i].size);
		if (!regions[i].base)
			return -ENOMEM;
	}
	return regions[0].base ? 0 : -EINVAL;
}

int gic3_probe(const struct fdt *f, int node, struct gic *out)
{
	u64 address, size;

	if (!fdt_reg(f, node, 0, &address, &size))
		return -EINVAL;
	gicd = mmio_map((struct pa){ address }, size);
	if (!gicd)
		return -ENOMEM;
	int r = map_redistributors(f, node);

	if (r < 0)
		return r;
	init_distributor();
	init_cpu();
	irq_set_chip(&chip);
	*out = (struct gic){ .name = chip.name, .init_cpu = init_cpu, .ipi = ipi, .handle = handle };
	return 0;
}
