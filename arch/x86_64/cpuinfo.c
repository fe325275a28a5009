// SPDX-License-Identifier: MIT
/* /proc/cpuinfo, with Linux's keys: programs look for `flags`, people for `model name`. */
#include "lib/printf.h"
#include "lib/string.h"
#include "x86.h"

/* Names of the bits of a CPUID register from bit 0 on; "-" where Linux shows none. */
struct feature_word {
	u32 leaf;
	u8 reg;			/* 0 EAX … 3 EDX */
	const char *names;
};

static const struct feature_word words[] = {
	{ 1, 3, "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn "
		"clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe" },
	{ 0x80000001, 3, "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - "
			 "fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow" },
	{ 1, 2, "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr "
		"pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - "
		"avx f16c rdrand hypervisor" },
	{ 0x80000001, 2, "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse "
			 "3dnowprefetch osvw" },
	{ 7, 1, "fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx - - - "
		"rdseed adx smap - - clflushopt clwb - - - - sha_ni - -" },
	{ 7, 2, "- - umip pku ospke waitpkg - - gfni vaes vpclmulqdq - - - - - la57 - - - - - "
		"rdpid" },
};

struct text {
	char *at, *end;
};

[[gnu::format(printf, 2, 3)]] static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->at, (size_t)(t->end - t->at), fmt, ap);
	va_end(ap);
	t->at += min((long)n, t->end - t->at - 1);
}

/* AVX-512 and its like are not listed: XCR0 does not let programs use them. AVX only when it
 * does. */
static bool usable(const struct feature_word *w, unsigned bit)
{
	bool vector = w->leaf == 1 && w->reg == 2 && (bit == 12 || bit == 28 || bit == 29);

	vector |= w->leaf == 7 && (w->reg == 1 ? bit == 5 : bit == 9 || bit == 10);

	if (w->leaf == 7 && w->reg == 1 && bit == 0)
		return x86_features.fsgsbase;
	return !vector || x86_features.avx;
}

static void add_flags(struct text *t, const struct feature_word *w)
{
	if (cpuid(w->leaf & 0x80000000, 0).a < w->leaf)
		return;
	struct cpuid r = cpuid(w->leaf, 0);
	u32 bits = (u32[]){ r.a, r.b, r.c, r.d }[w->reg];
	const char *s = w->names;

	for (unsigned bit = 0; *s; bit++) {
		size_t n = 0;

		while (s[n] && s[n] != ' ')
			n++;
		if ((bits & BIT(bit)) && *s != '-' && usable(w, bit))
			add(t, " %.*s", (int)n, s);
		s += n + (s[n] == ' ');
	}
}

static void model_name(char name[49])
{
	memset(name, 0, 49);
	if (cpuid(0x80000000, 0).a < 0x80000004)
		return;
	for (u32 i = 0; i < 3; i++) {
		struct cpuid r = cpuid(0x80000002 + i, 0);

		memcpy(name + 16 * i, &r, 16);
	}
}

/* SDM 2A, CPUID leaf 1: extended parts count for some families only. */
static u32 cpu_family(u32 sig)
{
	u32 family = sig >> 8 & 15;

	return family == 15 ? family + (sig >> 20 & 0xff) : family;
}

static u32 cpu_model(u32 sig)
{
	return (sig >> 4 & 15) | (cpu_family(sig) >= 6 ? sig >> 12 & 0xf0 : 0);
}

int arch_cpuinfo(unsigned cpu, char *buf, size_t size)
{
	struct text t = { buf, buf + size };
	struct cpuid id = cpuid(0, 0), l1 = cpuid(1, 0);
	u32 vendor[3] = { id.b, id.d, id.c };
	u32 sizes = cpuid(0x80000000, 0).a >= 0x80000008 ? cpuid(0x80000008, 0).a : 0x3024;
	char name[49];

	model_name(name);
	add(&t, "processor\t: %u\nvendor_id\t: %.12s\n", cpu, (const char *)vendor);
	add(&t, "cpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n",
	    cpu_family(l1.a), cpu_model(l1.a), name, l1.a & 15);
	add(&t, "cpu MHz\t\t: %lu.%03lu\nphysical id\t: 0\nsiblings\t: %u\n",
	    x86_tsc_hz / 1000000, x86_tsc_hz / 1000 % 1000, arch_cpu_count());
	add(&t, "core id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\n", cpu, arch_cpu_count(),
	    x86_cpus[cpu].apic_id);
	add(&t, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t:",
	    id.a);
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		add_flags(&t, &words[i]);
	add(&t, "\nbogomips\t: %lu.%02lu\n", x86_tsc_hz / 500000, x86_tsc_hz / 5000 % 100);
	add(&t, "clflush size\t: %u\ncache_alignment\t: 64\n", (l1.b >> 8 & 0xff) * 8);
	add(&t, "address sizes\t: %u bits physical, %u bits virtual\n\n", sizes & 0xff,
	    sizes >> 8 & 0xff);
	return (int)(t.at - buf);
}
