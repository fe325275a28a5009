// SPDX-License-Identifier: MIT
// uses: arch/x86_64/acpi.c lib/string.c test/host/support.c
// cpus: x86_64
/* ACPI tables as PC firmware has them, written here, read back; then the same with bytes changed at random: each
 * table that is mapped is an object of its own, so the sanitizer sees a read outside it. */
#include "host.h"
#include "arch/x86_64/acpi.h"
#include "lib/string.h"
#include "mm/kmap.h"

/* ---- memory as the firmware leaves it */

constexpr u64 BASE = 0x1000;
static u8 memory[8192];
static u32 used;
static void *mapped[256];
static unsigned nmapped;
u8 x86_rsdp[RSDP_SIZE];

/* The copy ends where the mapping ends. Behind memory there is nothing. */
void *mmio_map(struct pa pa, u64 size)
{
	assert_true(nmapped < ARRAY_SIZE(mapped));
	u8 *copy = malloc(size);	/* not test_malloc, which has room behind */

	memset(copy, 0xff, size);
	for (u64 i = 0; i < size && pa.v + i < BASE + sizeof(memory); i++)
		if (pa.v + i >= BASE)
			copy[i] = memory[pa.v + i - BASE];
	return mapped[nmapped++] = copy;
}

static void unmap_all(void)
{
	while (nmapped)
		free(mapped[--nmapped]);
}

/* ---- a writer */

static void put(u8 *at, u64 v, unsigned bytes)
{
	memcpy(at, &v, bytes);
}

static void seal(u8 *t)
{
	u8 sum = 0;
	u32 length;

	memcpy(&length, t + 4, 4);
	t[9] = 0;
	for (u32 i = 0; i < length && t + i < memory + sizeof(memory); i++)
		sum += t[i];
	t[9] = (u8)-sum;
}

static u8 *table(const char *signature, u32 length)
{
	u8 *t = memory + used;

	memset(t, 0, length);
	memcpy(t, signature, 4);
	put(t + 4, length, 4);
	used += align_up(length, 16u);
	return t;
}

static u64 where(const u8 *t) { return BASE + (u64)(t - memory); }

static u8 *write_madt(void)
{
	static const u8 entries[] = {
		0, 8, 0, 0, 1, 0, 0, 0,				/* CPU 0 */
		0, 8, 1, 1, 0, 0, 0, 0,				/* CPU 1: not usable */
		0, 8, 2, 4, 1, 0, 0, 0,				/* CPU 2, APIC id 4 */
		1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,	/* I/O APIC */
		2, 10, 0, 9, 20, 0, 0, 0, 15, 0,		/* interrupt 9 is GSI 20: level, active low */
		9, 16, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0,	/* CPU 3, x2APIC id 512 */
	};
	u8 *t = table("APIC", 44 + sizeof(entries));

	put(t + 36, 0xfee00000, 4);
	memcpy(t + 44, entries, sizeof(entries));
	seal(t);
	return t;
}

static u8 *write_dsdt(void)
{
	static const u8 s5[] = { 0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a, 6, 0, 0 };
	u8 *t = table("DSDT", 100);

	memcpy(t + 60, s5, sizeof(s5));
	seal(t);
	return t;
}

static u8 *write_fadt(u8 *dsdt)
{
	u8 *t = table("FACP", 244);

	put(t + 40, where(dsdt), 4);
	put(t + 64, 0x604, 4);
	put(t + 112, BIT(10), 4);
	t[116] = 1;
	put(t + 120, 0xcf9, 8);
	t[128] = 15;
	seal(t);
	return t;
}

static u8 *write_mcfg(void)
{
	u8 *t = table("MCFG", 60);

	put(t + 44, 0xb0000000, 8);
	t[55] = 255;
	seal(t);
	return t;
}

static void write_all(bool xsdt)
{
	used = 0;
	memset(memory, 0, sizeof(memory));
	u8 *tables[] = { write_madt(), write_fadt(write_dsdt()), write_mcfg() };
	unsigned size = xsdt ? 8 : 4;
	u8 *root = table(xsdt ? "XSDT" : "RSDT", 36 + 3 * size);

	for (unsigned i = 0; i < 3; i++)
		put(root + 36 + i * size, where(tables[i]), size);
	seal(root);
	memset(x86_rsdp, 0, sizeof(x86_rsdp));
	x86_rsdp[15] = xsdt ? 2 : 0;
	put(x86_rsdp + (xsdt ? 24 : 16), where(root), size);
}

static void read_all(void)
{
	x86_acpi = (struct acpi_facts){};
	acpi_init();
	unmap_all();
}

/* ---- tests */

static void check_facts(void)
{
	const struct acpi_facts *f = &x86_acpi;

	assert_int_equal(f->apic_pa, 0xfee00000);
	assert_int_equal(f->ncpus, 3);
	assert_int_equal(f->apic_id[1], 4);
	assert_int_equal(f->apic_id[2], 512);
	assert_int_equal(f->nioapics, 1);
	assert_int_equal(f->ioapic[0].pa, 0xfec00000);
	assert_int_equal(f->noverrides, 1);
	assert_int_equal(f->override[0].irq, 9);
	assert_int_equal(f->override[0].gsi, 20);
	assert_int_equal(f->override[0].flags, 15);
	assert_int_equal(f->pm1a, 0x604);
	assert_true(f->s5_valid);
	assert_int_equal(f->s5_a, 5);
	assert_int_equal(f->s5_b, 6);
	assert_true(f->reset_valid);
	assert_int_equal(f->reset_address, 0xcf9);
	assert_int_equal(f->ecam_pa, 0xb0000000);
	assert_int_equal(f->ecam_bus_end, 255);
}

static void test_reads_both_roots(void **state)
{
	for (int xsdt = 0; xsdt < 2; xsdt++) {
		write_all(xsdt);
		read_all();
		check_facts();
	}
}

static void test_without_tables(void **state)
{
	memset(x86_rsdp, 0, sizeof(x86_rsdp));
	read_all();
	assert_int_equal(x86_acpi.ncpus, 0);
	assert_int_equal(x86_acpi.apic_pa, 0xfee00000);
	assert_int_equal(x86_acpi.nioapics, 1);
}

static void test_wrong_checksum_is_no_table(void **state)
{
	write_all(true);
	memory[44]++;			/* in the MADT, which comes first */
	read_all();
	assert_int_equal(x86_acpi.ncpus, 0);
	assert_true(x86_acpi.s5_valid);
}

/* Each table in turn ends early, at every byte: what is cut is not read. */
static void test_truncated_tables(void **state)
{
	static const char *const names[] = { "APIC", "DSDT", "FACP", "MCFG", "XSDT" };

	for (unsigned n = 0; n < ARRAY_SIZE(names); n++)
		for (u32 length = 1, full = 2; length < full; length++) {
			write_all(true);
			u8 *t = memory;

			while (memcmp(t, names[n], 4) != 0)
				t += 16;
			full = t[4];
			t[4] = (u8)length;
			seal(t);
			read_all();
			assert_true(x86_acpi.ncpus <= 3);
		}
}

/* Changed bytes with a right checksum, so that they get past it. */
static void test_damaged_tables(void **state)
{
	u64 seed = 1;

	for (int round = 0; round < 20000; round++) {
		write_all(round & 1);
		for (int i = 0; i < 4; i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			memory[(seed >> 33) % used] = (u8)(seed >> 56);
		}
		for (u32 at = 0; at < used; at += 16)
			if (memory[at] >= 'A' && memory[at + 3] <= 'Z' && memory[at + 6] == 0)
				seal(memory + at);
		read_all();
		assert_true(x86_acpi.ncpus <= MAX_CPUS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_both_roots),
		cmocka_unit_test(test_without_tables),
		cmocka_unit_test(test_wrong_checksum_is_no_table),
		cmocka_unit_test(test_truncated_tables),
		cmocka_unit_test(test_damaged_tables),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
