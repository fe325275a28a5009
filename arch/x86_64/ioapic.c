// SPDX-License-Identifier: MIT
/*
 * The I/O APICs (82093AA data sheet): global system interrupts to vectors, one to one, to CPU 0.
 * An interrupt's number in arch/irq.h is its GSI.
 */
#include "lib/lock.h"
#include "lib/printf.h"
#include "mm/kmap.h"
#include "arch/irq.h"
#include "x86.h"

enum { IOREGSEL = 0, IOWIN = 4, IOAPIC_VERSION = 1, IOAPIC_REDIRECT = 0x10 };
constexpr u32 REDIRECT_MASKED = BIT(16), REDIRECT_LEVEL = BIT(15), REDIRECT_LOW = BIT(13);

struct ioapic {
	volatile u32 *regs;
	u32 gsi_base, lines;
};

static struct ioapic ioapics[ARRAY_SIZE(((struct acpi_facts *)nullptr)->ioapic)];
static unsigned nioapics;
static struct spinlock lock;	/* irq-safe: the pair of index and window registers */

static u32 ioapic_read(struct ioapic *io, u32 reg)
{
	io->regs[IOREGSEL] = reg;
	return io->regs[IOWIN];
}

static void ioapic_write(struct ioapic *io, u32 reg, u32 v)
{
	io->regs[IOREGSEL] = reg;
	io->regs[IOWIN] = v;
}

static struct ioapic *ioapic_of(unsigned gsi)
{
	for (unsigned i = 0; i < nioapics; i++)
		if (gsi - ioapics[i].gsi_base < ioapics[i].lines && gsi < GSI_MAX)
			return &ioapics[i];
	return nullptr;
}

/* MADT's flags of an override: bits 0-1 polarity, 3 = active low. ISA interrupts are active high
 * unless told, PCI's (level) active low. */
static bool active_low(unsigned gsi, bool edge)
{
	for (unsigned i = 0; i < x86_acpi.noverrides; i++)
		if (x86_acpi.override[i].gsi == gsi && (x86_acpi.override[i].flags & 3))
			return (x86_acpi.override[i].flags & 3) == 3;
	return !edge;
}

static void redirect(unsigned gsi, u32 low)
{
	struct ioapic *io = ioapic_of(gsi);

	if (!io)
		return;
	u64 flags = spin_lock_irq(&lock);
	u32 reg = IOAPIC_REDIRECT + 2 * (gsi - io->gsi_base);

	ioapic_write(io, reg, REDIRECT_MASKED);
	ioapic_write(io, reg + 1, x86_cpus[0].apic_id << 24);
	ioapic_write(io, reg, low);
	spin_unlock_irq(&lock, flags);
}

static void chip_unmask(unsigned gsi, bool edge)
{
	redirect(gsi, (VEC_GSI + gsi) | (edge ? 0 : REDIRECT_LEVEL) |
			      (active_low(gsi, edge) ? REDIRECT_LOW : 0));
}

static void chip_mask(unsigned gsi)
{
	redirect(gsi, REDIRECT_MASKED);
}

static void chip_eoi(unsigned gsi)
{
	apic_eoi();
}

static const struct irq_chip chip = {
	.name = "IO-APIC", .unmask = chip_unmask, .mask = chip_mask, .eoi = chip_eoi,
};

void ioapic_init(void)
{
	for (unsigned i = 0; i < x86_acpi.nioapics; i++) {
		struct ioapic *io = &ioapics[nioapics];

		io->regs = mmio_map((struct pa){ x86_acpi.ioapic[i].pa }, PAGE_SIZE);
		if (!io->regs)
			continue;
		io->gsi_base = x86_acpi.ioapic[i].gsi_base;
		io->lines = (ioapic_read(io, IOAPIC_VERSION) >> 16 & 0xff) + 1;
		for (u32 line = 0; line < io->lines; line++)
			ioapic_write(io, IOAPIC_REDIRECT + 2 * line, REDIRECT_MASKED);
		nioapics++;
	}
	irq_set_chip(&chip);
}
