// SPDX-License-Identifier: MIT
/*
 * From head.S to kmain(): reads the device tree, maps memory, finds the early console. On the boot
 * stack, interrupts off, no allocator, no log.
 */
#include "early.h"
#include "machine.h"

#include "boot/devtree.h"
#include "lib/string.h"

extern const char _image[], _end[];

constexpr u64 FDT_SIZE_MAX = 2 * MiB;	/* Linux's arm64 boot protocol */

struct fdt arm64_fdt;
u64 arm64_entry_level;

static struct boot_info boot_info;

void arch_early_putc(char c)
{
	early_putc(c);
}

bool arch_early_works(void)
{
	return early_console.base;
}

/* head.S has found it. */
static void early_console_init(void)
{
	struct early_console *e = &early_console;

	if (e->base)
		e->base = (u64)mmu_map_early_device(e->base);
	early_say(", MMU\r\n");
}

/* Without a console nobody can be told: a machine that gives us no tree cannot be used. */
static void open_tree(u64 pa)
{
	const void *blob = pa && is_aligned(pa, 8) ? mmu_map_fdt(pa) : nullptr;

	if (!blob || !fdt_open(&arm64_fdt, blob, FDT_SIZE_MAX))
		arch_halt();
}

static void reserve(u64 start, u64 end)
{
	struct boot_info *bi = &boot_info;

	assert(bi->nreserved < ARRAY_SIZE(bi->reserved));
	bi->reserved[bi->nreserved++] = (struct boot_range){ start, end };
}

void arm64_start(u64 fdt, u64 entry_ticks, u64 entry_level, u64 image)
{
	struct boot_info *bi = &boot_info;

	arm64_entry_level = entry_level;
	mmu_map_image(image);
	early_console_init();
	mmu_drop_identity();
	open_tree(fdt);
	time_init(&arm64_fdt);

	reserve(image, image + (u64)(_end - _image));
	reserve(fdt, fdt + arm64_fdt.size);
	devtree_memory(&arm64_fdt, bi);
	bi->fdt = arm64_fdt.blob;
	bi->entry_ns = time_from_ticks(entry_ticks);
	mmu_map_ram(bi);
	psci_init(&arm64_fdt);
	smp_init(&arm64_fdt);
	features_init();
	kmain(bi);
}
