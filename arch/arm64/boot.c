// SPDX-License-Identifier: MIT
/*
 * From head.S to kmain(): reads the device tree, maps memory, finds the early console. On the boot
 * stack, interrupts off, no allocator, no log.
 */
#include "machine.h"

#include "boot/devtree.h"
#include "lib/string.h"

extern const char _image[], _end[];

constexpr u64 FDT_SIZE_MAX = 2 * MiB;	/* Linux's arm64 boot protocol */

struct fdt arm64_fdt;
u64 arm64_entry_level;

static struct boot_info boot_info;

/* ---- early console: a port that the firmware has set up, for panics before there are drivers */

struct early_port {
	const char *compatible;
	unsigned data, status;		/* words */
	u32 mask, ready;		/* of status when there is room for a character */
};

static const struct early_port early_ports[] = {
	{ "arm,pl011", 0x00 / 4, 0x18 / 4, BIT(5), 0 },
	{ "brcm,bcm2835-aux-uart", 0x00 / 4, 0x14 / 4, BIT(5), BIT(5) },
};
constexpr unsigned SEND_SPINS = 1'000'000;	/* one that nobody has turned on is never ready */

static volatile u32 *early_uart;
static const struct early_port *early_port;

void arch_early_putc(char c)
{
	if (!early_uart)
		return;
	for (unsigned i = 0; i < SEND_SPINS; i++)
		if ((early_uart[early_port->status] & early_port->mask) == early_port->ready)
			break;
	early_uart[early_port->data] = (u8)c;
}

static void early_console_init(const struct fdt *f)
{
	int node = devtree_stdout(f);
	u64 address, size;

	for (unsigned i = 0; i < ARRAY_SIZE(early_ports); i++) {
		early_port = &early_ports[i];
		if (fdt_compatible(f, node, early_port->compatible) && fdt_reg(f, node, 0, &address, &size)) {
			early_uart = mmu_map_early_device(address);
			return;
		}
	}
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
	mmu_drop_identity();
	open_tree(fdt);
	early_console_init(&arm64_fdt);
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
