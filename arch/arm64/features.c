// SPDX-License-Identifier: MIT
/*
 * What this CPU can do, as programs are told: AT_HWCAP, AT_HWCAP2 and /proc/cpuinfo with Linux's bits
 * and names. Only what needs nothing from us is there: SVE, SME and pointer keys are left out.
 */
#include "machine.h"

#include "lib/printf.h"

bool cpu_has_pan;			/* (i) uaccess.S */

static u64 midr[MAX_CPUS];		/* (i) once the CPU has started */

struct arch_abi arch_abi = {
	.elf_machine = 183,
	.machine = "aarch64",
	.min_sigstack = 4720,		/* signal frame, frame record, alignment */
};

enum id_register : u8 { ISAR0, ISAR1, PFR0, MMFR2, ID_REGISTERS };

/* A feature is there when the unsigned 4-bit field is at least `min` (fields that may be 0xf for "none" stand
 * in fp_features). Bits from 64 on are AT_HWCAP2's. */
static const struct feature {
	enum id_register reg;
	u8 shift, min, bit;
	const char *name;
} features[] = {
	{ ISAR0, 4, 1, 3, "aes" }, { ISAR0, 4, 2, 4, "pmull" }, { ISAR0, 8, 1, 5, "sha1" },
	{ ISAR0, 12, 1, 6, "sha2" }, { ISAR0, 16, 1, 7, "crc32" }, { ISAR0, 20, 2, 8, "atomics" },
	{ ISAR0, 28, 1, 12, "asimdrdm" }, { ISAR1, 12, 1, 13, "jscvt" }, { ISAR1, 16, 1, 14, "fcma" },
	{ ISAR1, 20, 1, 15, "lrcpc" }, { ISAR1, 0, 1, 16, "dcpop" }, { ISAR0, 32, 1, 17, "sha3" },
	{ ISAR0, 36, 1, 18, "sm3" }, { ISAR0, 40, 1, 19, "sm4" }, { ISAR0, 44, 1, 20, "asimddp" },
	{ ISAR0, 12, 2, 21, "sha512" }, { ISAR0, 48, 1, 23, "asimdfhm" }, { PFR0, 48, 1, 24, "dit" },
	{ MMFR2, 32, 1, 25, "uscat" }, { ISAR1, 20, 2, 26, "ilrcpc" }, { ISAR0, 52, 1, 27, "flagm" },
	{ ISAR1, 36, 1, 29, "sb" }, { ISAR1, 0, 2, 64, "dcpodp" }, { ISAR0, 52, 2, 71, "flagm2" },
	{ ISAR1, 32, 1, 72, "frint" }, { ISAR1, 52, 1, 77, "i8mm" }, { ISAR1, 44, 1, 78, "bf16" },
};

static const struct feature fp_features[] = {
	{ PFR0, 16, 0, 0, "fp" }, { PFR0, 20, 0, 1, "asimd" },
	{ PFR0, 16, 1, 9, "fphp" }, { PFR0, 20, 1, 10, "asimdhp" },
};

constexpr u64 FIELD_NONE = 0xf;

static u64 id_register(enum id_register reg)
{
	switch (reg) {
	case ISAR0: return sysreg_read(id_aa64isar0_el1);
	case ISAR1: return sysreg_read(id_aa64isar1_el1);
	case PFR0: return sysreg_read(id_aa64pfr0_el1);
	default: return sysreg_read(s3_0_c0_c7_2);	/* ID_AA64MMFR2_EL1, 0 on old CPUs */
	}
}

static void report(const struct feature *f)
{
	if (f->bit < 64)
		arch_abi.hwcap |= BIT(f->bit);
	else
		arch_abi.hwcap2 |= BIT(f->bit - 64);
}

void features_init_cpu(void)
{
	midr[cpu_id()] = sysreg_read(midr_el1);
}

void features_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(features); i++)
		if ((id_register(features[i].reg) >> features[i].shift & 0xf) >= features[i].min)
			report(&features[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(fp_features); i++) {
		u64 field = id_register(fp_features[i].reg) >> fp_features[i].shift & 0xf;

		if (field != FIELD_NONE && field >= fp_features[i].min)
			report(&fp_features[i]);
	}
	cpu_has_pan = (sysreg_read(id_aa64mmfr1_el1) >> 20 & 0xf) != 0;
	features_init_cpu();
}

static bool reported(const struct feature *f)
{
	return f->bit < 64 ? arch_abi.hwcap & BIT(f->bit) : arch_abi.hwcap2 & BIT(f->bit - 64);
}

/* Text that grows in a buffer; what does not fit is cut off. */
struct text {
	char *buf;
	size_t size, len;
};

[[gnu::format(printf, 2, 3)]] static void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->len += (size_t)vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	t->len = min(t->len, t->size - 1);
}

static void text_add_names(struct text *t, const struct feature *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (reported(&list[i]))
			text_add(t, " %s", list[i].name);
}

int arch_cpuinfo(unsigned cpu, char *buf, size_t size)
{
	struct text t = { buf, size, 0 };
	u64 id = midr[cpu], hz = sysreg_read(cntfrq_el0);

	text_add(&t, "processor\t: %u\nBogoMIPS\t: %lu.%02lu\nFeatures\t:", cpu, hz / 500'000,
		 hz / 5'000 % 100);
	text_add_names(&t, fp_features, ARRAY_SIZE(fp_features));
	text_add_names(&t, features, ARRAY_SIZE(features));
	text_add(&t, "\nCPU implementer\t: 0x%02lx\nCPU architecture: 8\nCPU variant\t: 0x%lx\n",
		 id >> 24 & 0xff, id >> 20 & 0xf);
	text_add(&t, "CPU part\t: 0x%03lx\nCPU revision\t: %lu\n\n", id >> 4 & 0xfff, id & 0xf);
	return (int)t.len;
}
