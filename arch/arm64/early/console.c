// SPDX-License-Identifier: MIT
/*
 * The first words on the serial line, before the MMU is on, so that a board that stops there leaves a trace:
 *
 *     Quire at 0x80000, tree at 0x2eff0000, entered at EL2: EL1, tables, MMU
 *
 * The port is the one the device tree names, as the firmware has set it up. Each stage is said after it is
 * done. With the MMU off the image is at its physical address and all memory is Device memory: the make
 * file links this folder with its own copies of lib/fdt.c and lib/string.c, compiled without unaligned accesses, and
 * here are no pointers in static data. All that is kept is in .bss.early, which no later step clears.
 *
 * Leaves out: setting a port up, and ports of other makes (16550).
 */
#include "arch/arch.h"
#include "early.h"
#include "lib/fdt.h"
#include "lib/string.h"

constexpr u64 TREE_MAX = 2 * MiB;		/* Linux's arm64 boot protocol */
constexpr unsigned SEND_SPINS = 1'000'000;	/* a character takes 90 us: some 100 loads of a device's register */

static const struct port {
	char compatible[24];
	u32 data, status, mask, idle;
} ports[] = {
	{ "arm,pl011", 0x00, 0x18, BIT(3), 0 },				/* FR: not BUSY */
	{ "brcm,bcm2835-aux-uart", 0x00, 0x14, BIT(6), BIT(6) },	/* MU_LSR: transmitter idle */
};

[[gnu::section(".bss.early")]] struct early_console early_console;

static volatile u32 *port_word(u32 offset)
{
	return (volatile u32 *)(early_console.base + offset);
}

/* ---- sending */

static void wait_sent(void)
{
	struct early_console *e = &early_console;

	for (unsigned i = 0; i < SEND_SPINS && e->base; i++)
		if ((*port_word(e->status) & e->mask) == e->idle)
			return;
	e->base = 0;
}

void early_putc(char c)
{
	if (!early_console.base)
		return;
	*port_word(early_console.data) = (u8)c;
	wait_sent();
}

static void put(const char *s)
{
	for (; *s; s++)
		early_putc(*s);
}

static void put_hex(u64 v)
{
	int shift = 60;

	put("0x");
	while (shift > 0 && !(v >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		early_putc("0123456789abcdef"[v >> shift & 15]);
}

void early_say(const char *s)
{
	if (!early_console.quiet)
		put(s);
}

/* ---- finding the port */

static void port_try(u64 base, const struct port *p)
{
	if (!early_probe(base + p->status))
		return;
	early_console.base = base;
	early_console.data = p->data;
	early_console.status = p->status;
	early_console.mask = p->mask;
	early_console.idle = p->idle;
	wait_sent();
}

static void port_find(const struct fdt *f)
{
	int node = fdt_stdout(f);
	u64 base, size;

	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
		if (fdt_compatible(f, node, ports[i].compatible) && fdt_reg(f, node, 0, &base, &size) &&
		    is_aligned(base, 4)) {
			port_try(base, &ports[i]);
			return;
		}
}

/* A word of the kernel's own options, which end at `--`. */
static bool option_given(const char *line, const char *word)
{
	const char *end = strstr(line, " -- "), *at = line;
	size_t n = strlen(word);

	for (; (at = strstr(at, word)) && (!end || at < end); at += n)
		if ((at == line || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

void early_open(u64 tree, u64 image, u64 entry_level)
{
	struct early_console *e = &early_console;
	struct fdt f;

	e->image = image;
	if (!tree || !is_aligned(tree, 8) || !fdt_open(&f, (const void *)tree, TREE_MAX))
		return;
	const char *options = fdt_string(&f, fdt_find(&f, "/chosen"), "bootargs");

	port_find(&f);
	e->quiet = options && option_given(options, "quiet");
	if (e->quiet)
		return;
	put("\r\nQuire at ");
	put_hex(image);
	put(", tree at ");
	put_hex(tree);
	put(", entered at EL");
	early_putc((char)('0' + entry_level));
	put(":");
}

/* ---- exceptions */

static void put_named(const char *name, u64 v)
{
	put(name);
	put_hex(v);
}

void early_fault(u64 esr, u64 elr, u64 far, u64 level)
{
	struct early_console *e = &early_console;

	if (e->failed)
		return;
	e->failed = true;
	put("\r\nException at EL");
	early_putc((char)('0' + level));
	put_named(": ESR ", esr);
	put_named(", PC ", elr);
	put_named(" (image + ", elr - (elr >= KERNEL_BASE ? KERNEL_BASE : e->image));
	put_named("), FAR ", far);
	put("\r\n");
}
