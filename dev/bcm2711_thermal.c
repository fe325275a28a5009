// SPDX-License-Identifier: MIT
/*
 * The temperature of the BCM2711: a sensor in the block that watches voltages (AVS; no public data sheet, the layout is that
 * of Linux's binding and the firmware's headers). The line from its number to degrees is the tree's. Where the sensor says
 * nothing valid the firmware is asked, which has the same one. /sys/class/thermal/thermal_zone0.
 */
#include "dev/bcm2835_firmware.h"
#include "dev/device.h"
#include "dev/mmio.h"
#include "fs/sysfs.h"
#include "lib/fdt.h"
#include "mm/kmap.h"

constexpr u32 AVS_TEMPERATURE = 0x200;
constexpr u32 TEMPERATURE_VALID = BIT(16) | BIT(10), TEMPERATURE_MASK = 0x3ff;

static volatile void *avs;		/* (i) */
static s32 slope, offset;		/* (i) thousandths of a degree: a step, and for number 0 */

static int temperature(s32 *milli)
{
	u32 v = mmio_read32(avs, AVS_TEMPERATURE), asked[2] = {};

	if (v & TEMPERATURE_VALID) {
		*milli = slope * (s32)(v & TEMPERATURE_MASK) + offset;
		return 0;
	}
	int err = firmware_property(FW_TEMPERATURE, asked, 2);

	*milli = (s32)asked[1];
	return err;
}

static int show_temp(struct inode *i, struct text *t)
{
	s32 milli = 0;
	int err = temperature(&milli);

	(void)i;
	if (!err)
		text_printf(t, "%d\n", milli);
	return err;
}

static int show_type(struct inode *i, struct text *t)
{
	(void)i;
	text_puts(t, "cpu-thermal\n");
	return 0;
}

static const struct pseudo_entry attributes[] = {
	{ .name = "type", .mode = S_IFREG | 0444, .show = show_type },
	{ .name = "temp", .mode = S_IFREG | 0444, .show = show_temp },
	{},
};

static int thermal_probe(const struct device *d)
{
	int parent = fdt_parent(d->tree, d->node), zone = fdt_find(d->tree, "/thermal-zones/cpu-thermal");
	u64 address, size;

	if (!fdt_reg(d->tree, parent, 0, &address, &size))
		return -EINVAL;
	slope = (s32)fdt_cell(d->tree, zone, "coefficients", 0, (u32)-487);
	offset = (s32)fdt_cell(d->tree, zone, "coefficients", 1, 410040);
	avs = mmio_map((struct pa){ address }, size);
	return avs ? sysfs_class_add("thermal", "thermal_zone0", attributes, 0) : -ENOMEM;
}

static const char *const compatible[] = { "brcm,bcm2711-thermal", nullptr };
static const struct driver driver = { .compatible = compatible, .probe = thermal_probe, .order = 5 };
DRIVER(driver);
