// SPDX-License-Identifier: MIT
/*
 * ACPI's static tables (ACPI 6.5 chapter 5): CPUs and interrupt routing from the MADT, power
 * from the FADT, PCI from the MCFG. There is no AML interpreter: of the DSDT only the constant
 * package _S5 is looked for, in the one shape that compilers give it. Firmware is not trusted:
 * every read is inside its table.
 */
#include "acpi.h"

#include "lib/string.h"
#include "mm/kmap.h"

constexpr u32 SDT_HEADER = 36;	/* signature, length at 4, revision, checksum, names */
constexpr u32 SDT_MAX = 1 * MiB;

struct acpi_facts x86_acpi;

static u64 le(const u8 *p, unsigned bytes)
{
	u64 v = 0;

	memcpy(&v, p, bytes);
	return v;
}

/* The table at pa, mapped whole; nullptr if its length or checksum is wrong. */
static const u8 *sdt_map(u64 pa, u32 *length)
{
	const u8 *t = pa ? mmio_map((struct pa){ pa }, SDT_HEADER) : nullptr;
	u8 sum = 0;

	if (!t)
		return nullptr;
	*length = (u32)le(t + 4, 4);
	if (*length < SDT_HEADER || *length > SDT_MAX)
		return nullptr;
	t = mmio_map((struct pa){ pa }, *length);
	for (u32 i = 0; t && i < *length; i++)
		sum += t[i];
	return sum == 0 ? t : nullptr;
}

/* ------------------------------------------------------------------ MADT: 5.2.12 */

static void madt_cpu(u32 apic_id, u32 flags)
{
	if (!(flags & 1) || x86_acpi.ncpus == MAX_CPUS)
		return;
	x86_acpi.apic_id[x86_acpi.ncpus++] = apic_id;
}

static void madt_entry(const u8 *e, u8 length)
{
	struct acpi_facts *f = &x86_acpi;

	switch (e[0]) {
	case 0:			/* local APIC */
		if (length >= 8)
			madt_cpu(e[3], (u32)le(e + 4, 4));
		break;
	case 9:			/* local x2APIC; those below 255 are listed as type 0 */
		if (length >= 16 && le(e + 4, 4) >= 255)
			madt_cpu((u32)le(e + 4, 4), (u32)le(e + 8, 4));
		break;
	case 1:			/* I/O APIC */
		if (length >= 12 && f->nioapics < ARRAY_SIZE(f->ioapic))
			f->ioapic[f->nioapics++] =
				(struct acpi_ioapic){ le(e + 4, 4), (u32)le(e + 8, 4) };
		break;
	case 2:			/* interrupt source override */
		if (length >= 10 && f->noverrides < ARRAY_SIZE(f->override))
			f->override[f->noverrides++] = (struct acpi_override){
				.irq = e[3], .gsi = (u32)le(e + 4, 4), .flags = (u16)le(e + 8, 2) };
		break;
	case 5:			/* local APIC address */
		if (length >= 12)
			f->apic_pa = le(e + 4, 8);
		break;
	}
}

static void madt_parse(const u8 *t, u32 length)
{
	if (length < 44)
		return;
	x86_acpi.apic_pa = le(t + 36, 4);
	for (u32 at = 44; at + 2 <= length && t[at + 1] >= 2 && at + t[at + 1] <= length;
	     at += t[at + 1])
		madt_entry(t + at, t[at + 1]);
}

/* ------------------------------------------------------------------ FADT and DSDT: power */

/* A small integer of AML (20.2.3): ZeroOp, OneOp or BytePrefix. Returns the bytes it takes, 0:
 * something else. */
static u32 aml_small(const u8 *p, const u8 *end, u8 *value)
{
	if (p < end && p[0] <= 1) {
		*value = p[0];
		return 1;
	}
	if (p + 1 < end && p[0] == 0x0a) {
		*value = p[1];
		return 2;
	}
	return 0;
}

/* Name (_S5, Package (n) { a, b, …}) is 08 '_S5_' 12 length n a b. */
static void s5_find(const u8 *t, u32 length)
{
	const u8 *end = t + length;

	for (const u8 *p = t + SDT_HEADER; p + 8 < end; p++) {
		if (memcmp(p, "_S5_", 4) != 0 || p[4] != 0x12 || (p[-1] != 0x08 && p[-1] != '\\'))
			continue;
		/* The package's length takes 1 to 4 bytes; then the count. */
		p += 5 + 1 + (p[5] >> 6) + 1;
		u32 n = aml_small(p, end, &x86_acpi.s5_a);

		x86_acpi.s5_valid = n && aml_small(p + n, end, &x86_acpi.s5_b);
		return;
	}
}

static void fadt_parse(const u8 *t, u32 length)
{
	struct acpi_facts *f = &x86_acpi;
	u32 dsdt_length;

	if (length < 116)
		return;
	f->pm1a = (u32)le(t + 64, 4);
	f->pm1b = (u32)le(t + 68, 4);
	if (length >= 129 && (le(t + 112, 4) & BIT(10))) {	/* RESET_REG_SUP */
		f->reset_valid = true;
		f->reset_space = t[116];
		f->reset_address = le(t + 120, 8);
		f->reset_value = t[128];
	}
	u64 dsdt = length >= 148 && le(t + 140, 8) ? le(t + 140, 8) : le(t + 40, 4);
	const u8 *aml = sdt_map(dsdt, &dsdt_length);

	if (aml)
		s5_find(aml, dsdt_length);
}

/* PCI Firmware Specification 3.2, 4.1.2: the first segment. */
static void mcfg_parse(const u8 *t, u32 length)
{
	if (length < 60)
		return;
	x86_acpi.ecam_pa = le(t + 44, 8);
	x86_acpi.ecam_bus_start = t[54];
	x86_acpi.ecam_bus_end = t[55];
}

/* ------------------------------------------------------------------ the root */

static void table_parse(u64 pa)
{
	u32 length;
	const u8 *t = sdt_map(pa, &length);

	if (!t)
		return;
	if (memcmp(t, "APIC", 4) == 0)
		madt_parse(t, length);
	else if (memcmp(t, "FACP", 4) == 0)
		fadt_parse(t, length);
	else if (memcmp(t, "MCFG", 4) == 0)
		mcfg_parse(t, length);
}

/* Without tables: one CPU and the I/O APIC where PCs have always had it. */
static void facts_default(void)
{
	x86_acpi.apic_pa = 0xfee00000;
	if (x86_acpi.nioapics == 0)
		x86_acpi.ioapic[x86_acpi.nioapics++] = (struct acpi_ioapic){ 0xfec00000, 0 };
}

void acpi_init(void)
{
	bool xsdt = x86_rsdp[15] >= 2 && le(x86_rsdp + 24, 8);
	unsigned size = xsdt ? 8 : 4;
	u32 length = 0;
	const u8 *t = sdt_map(xsdt ? le(x86_rsdp + 24, 8) : le(x86_rsdp + 16, 4), &length);

	for (u32 at = SDT_HEADER; t && at + size <= length; at += size)
		table_parse(le(t + at, size));
	if (x86_acpi.apic_pa == 0)
		facts_default();
}
