// SPDX-License-Identifier: MIT
/* The machine as a whole: initialisation in order, devices from the tree, randomness, code in memory. */
#include "machine.h"

#include "boot/devtree.h"
#include "dev/device.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"

constexpr unsigned DEVICES_MAX = 256;
constexpr size_t SEED_MAX = 64;

static u8 seed[SEED_MAX];	/* what the tree gave; used once */
static size_t seed_size;

/* The boot loader's randomness: the seed for generators, and the one that was meant for a random image base. */
static void seed_collect(const struct fdt *f)
{
	static const char *const names[] = { "rng-seed", "kaslr-seed" };
	int chosen = fdt_find(f, "/chosen");

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		u32 len;
		const void *p = fdt_prop(f, chosen, names[i], &len);
		size_t n = p ? min((size_t)len, SEED_MAX - seed_size) : 0;

		memcpy(seed + seed_size, p ? p : "", n);
		seed_size += n;
	}
}

static bool rndr(u64 *v)
{
	bool ok;

	if ((sysreg_read(id_aa64isar0_el1) >> 60) == 0)
		return false;
	/* RNDR sets Z when it has nothing to give. */
	__asm__ volatile("mrs %0, s3_3_c2_c4_0; cset %w1, ne" : "=r"(*v), "=r"(ok) : : "cc");
	return ok;
}

size_t arch_random(void *buf, size_t n)
{
	u8 *out = buf;
	size_t done = min(n, seed_size);
	u64 v;

	memcpy(out, seed + seed_size - done, done);
	memset(seed + seed_size - done, 0, done);
	seed_size -= done;
	while (done < n && rndr(&v))
		for (unsigned i = 0; i < 8 && done < n; i++, v >>= 8)
			out[done++] = (u8)v;
	return done;
}

void arch_init(struct boot_info *bi)
{
	(void)bi;
	seed_collect(&arm64_fdt);
	gic_init(&arm64_fdt);
	time_init_timer(&arm64_fdt);
	log_info("arm64: %s, %u CPU%s, entered at EL%lu, %s, %d-bit ASIDs%s",
		 fdt_string(&arm64_fdt, fdt_root(), "model") ?: "board without a name", arch_cpu_count(),
		 arch_cpu_count() == 1 ? "" : "s", arm64_entry_level, gic_name(), arch_asid_bits(), cpu_has_pan ? ", PAN" : "");
}

void arch_init_devices(void)
{
	struct device *devices = kzalloc(DEVICES_MAX * sizeof(*devices));

	if (!devices)
		panic("no memory for the list of devices");
	device_probe(devices, devtree_devices(&arm64_fdt, devices, DEVICES_MAX));
	kfree(devices);
}

/* Clean and invalidate to the point of coherency (Arm ARM, "Cache maintenance instructions"). After the device's writes the lines are clean, at most
 * read ahead: then this only throws them away. */
void arch_dma_sync(const void *p, size_t n)
{
	u64 line = 4ul << (sysreg_read(ctr_el0) >> 16 & 0xf);

	__asm__ volatile("dsb sy" : : : "memory");
	for (va_t va = align_down((va_t)p, line); va < (va_t)p + n; va += line)
		__asm__ volatile("dc civac, %0" : : "r"(va) : "memory");
	__asm__ volatile("dsb sy" : : : "memory");
}

struct pa arch_image_pa(const void *p)
{
	return image_pa(p);
}

/* CTR_EL0 has the smallest lines of both caches. Data goes out to where instructions are fetched from,
 * then stale instructions go, on all CPUs. */
void arch_sync_code(const void *p, size_t n)
{
	u64 ctr = sysreg_read(ctr_el0);
	u64 dline = 4ul << (ctr >> 16 & 0xf), iline = 4ul << (ctr & 0xf);
	va_t start = (va_t)p, end = start + n;

	for (va_t va = align_down(start, dline); va < end; va += dline)
		__asm__ volatile("dc cvau, %0" : : "r"(va) : "memory");
	__asm__ volatile("dsb ish" : : : "memory");
	/* A virtually indexed instruction cache may have the page under other addresses: all goes. */
	if ((ctr >> 14 & 3) != 3)
		__asm__ volatile("ic ialluis" : : : "memory");
	else
		for (va_t va = align_down(start, iline); va < end; va += iline)
			__asm__ volatile("ic ivau, %0" : : "r"(va) : "memory");
	__asm__ volatile("dsb ish; isb" : : : "memory");
}
