// SPDX-License-Identifier: MIT
/*
 * The pins of BCM2835 and BCM2711 (BCM2711 ARM Peripherals, chapter 5): functions, pulls, levels. And the few
 * lines behind the firmware's own expander, which the mailbox sets.
 *
 * Lock: pins_lock, irq-safe, for registers that several pins share.
 */
#include "arch/arch.h"
#include "dev/bcm2835_firmware.h"
#include "dev/device.h"
#include "dev/mmio.h"
#include "dev/pins.h"
#include "lib/fdt.h"
#include "lib/lock.h"
#include "mm/kmap.h"

enum gpio_register : u32 { GPFSEL = 0x00, GPSET = 0x1c, GPCLR = 0x28, GPLEV = 0x34, GPIO_PULL = 0xe4 };

enum { FUNCTION_OUTPUT = 1, FUNCTION_MASK = 7, PULL_MASK = 3 };
constexpr u32 KEEP = ~0u;

static volatile void *gpio;		/* (i) */
static unsigned lines;			/* (i) */
static bool has_pulls;			/* (i) BCM2711's own registers for pulls */
static struct spinlock pins_lock;

/* A field of `width` bits for each pin, `per` pins in a word. */
static void field_set(u32 base, unsigned pin, unsigned per, unsigned width, u32 mask, u32 value)
{
	u32 at = base + pin / per * 4, shift = pin % per * width;
	u64 flags = spin_lock_irq(&pins_lock);
	u32 v = mmio_read32(gpio, at);

	mmio_write32(gpio, at, (v & ~(mask << shift)) | value << shift);
	spin_unlock_irq(&pins_lock, flags);
}

static void function_set(unsigned pin, u32 function)
{
	field_set(GPFSEL, pin, 10, 3, FUNCTION_MASK, function & FUNCTION_MASK);
}

static void pull_set(unsigned pin, u32 pull)
{
	static const u8 bits[] = { 0, 2, 1 };		/* the tree's none, down, up */

	if (has_pulls && pull < ARRAY_SIZE(bits))
		field_set(GPIO_PULL, pin, 16, 2, PULL_MASK, bits[pull]);
}

/* brcm,pins, and for each of them or all together brcm,function and brcm,pull. */
static u32 cell_for(const struct fdt *tree, int node, const char *name, unsigned i)
{
	return fdt_cell(tree, node, name, i, fdt_cell(tree, node, name, 0, KEEP));
}

static void apply(const struct fdt *tree, int node)
{
	u32 pin;

	for (unsigned i = 0; (pin = fdt_cell(tree, node, "brcm,pins", i, KEEP)) != KEEP; i++) {
		u32 function = cell_for(tree, node, "brcm,function", i);
		u32 pull = cell_for(tree, node, "brcm,pull", i);

		if (pin >= lines)
			continue;
		if (function != KEEP)
			function_set(pin, function);
		if (pull != KEEP)
			pull_set(pin, pull);
	}
}

static int line_get(unsigned line)
{
	if (line >= lines)
		return -EINVAL;
	return mmio_read32(gpio, GPLEV + line / 32 * 4) >> line % 32 & 1;
}

static int line_set(unsigned line, bool high)
{
	if (line >= lines)
		return -EINVAL;
	mmio_write32(gpio, (high ? GPSET : GPCLR) + line / 32 * 4, 1u << line % 32);
	function_set(line, FUNCTION_OUTPUT);
	return 0;
}

static const struct gpio_ops chip_ops = { .get = line_get, .set = line_set };

static int gpio_probe(const struct device *d)
{
	has_pulls = fdt_compatible(d->tree, d->node, "brcm,bcm2711-gpio");
	gpio = mmio_map(d->reg[0], d->reg_size[0]);
	if (!gpio)
		return -ENOMEM;
	lines = has_pulls ? 58 : 54;
	pins_register(d->tree, d->node, &chip_ops, apply);
	return 0;
}

/* ---- the firmware's lines */

constexpr u32 EXPANDER_BASE = 128;

static int expander_get(unsigned line)
{
	u32 value[2] = { EXPANDER_BASE + line };
	int err = firmware_property(FW_GET_GPIO_STATE, value, 2);

	return err ? err : value[1] & 1;
}

static int expander_set(unsigned line, bool high)
{
	u32 value[2] = { EXPANDER_BASE + line, high };

	return firmware_property(FW_SET_GPIO_STATE, value, 2);
}

static const struct gpio_ops expander_ops = { .get = expander_get, .set = expander_set };

static int expander_probe(const struct device *d)
{
	pins_register(d->tree, d->node, &expander_ops, nullptr);
	return 0;
}

static const char *const chip_compatible[] = { "brcm,bcm2711-gpio", "brcm,bcm2835-gpio", nullptr };
static const struct driver chip = { .compatible = chip_compatible, .probe = gpio_probe, .order = 1 };
DRIVER(chip);
static const char *const expander_compatible[] = { "raspberrypi,firmware-gpio", nullptr };
static const struct driver expander = { .compatible = expander_compatible, .probe = expander_probe, .order = 1 };
DRIVER(expander);
