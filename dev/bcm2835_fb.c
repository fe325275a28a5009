// SPDX-License-Identifier: MIT
/*
 * The Raspberry Pi's framebuffer: the firmware allocates it in its own memory, on request. The size is that of the
 * display it has found, or what config.txt says.
 */
#include "arch/arch.h"
#include "dev/bcm2835_firmware.h"
#include "dev/device.h"
#include "dev/framebuffer.h"
#include "lib/printf.h"

constexpr u32 ALIGNMENT = 4096, DEPTH = 32, ORDER_RGB = 1;	/* red in the lowest byte */

/* Without a display the firmware says 0 or very little. */
static int display_size(u32 size[2])
{
	int err = firmware_property(FW_FB_GET_SIZE, size, 2);

	if (!err && (size[0] < 320 || size[1] < 200))
		err = -ENODEV;
	return err;
}

static int fb_probe(const struct device *d)
{
	u32 size[2] = {};
	int err = display_size(size);

	if (err)
		return err == -ENODEV ? 0 : err;
	struct firmware_property p[] = {
		{ .tag = FW_FB_SET_SIZE, .words = 2, .value = { size[0], size[1] } },
		{ .tag = FW_FB_SET_VIRTUAL_SIZE, .words = 2, .value = { size[0], size[1] } },
		{ .tag = FW_FB_SET_OFFSET, .words = 2 },
		{ .tag = FW_FB_SET_DEPTH, .words = 1, .value = { DEPTH } },
		{ .tag = FW_FB_SET_PIXEL_ORDER, .words = 1, .value = { ORDER_RGB } },
		{ .tag = FW_FB_ALLOCATE, .words = 2, .value = { ALIGNMENT } },
		{ .tag = FW_FB_PITCH, .words = 1 },
	};

	(void)d;
	err = firmware_properties(p, ARRAY_SIZE(p));
	if (err)
		return err;
	if (p[3].value[0] != DEPTH || !p[5].value[0])
		return -EIO;
	bool rgb = p[4].value[0] == ORDER_RGB;
	struct framebuffer f = {
		.base = firmware_address(p[5].value[0]),
		.width = p[0].value[0], .height = p[0].value[1], .pitch = p[6].value[0],
		.red = rgb ? 0 : 16, .green = 8, .blue = rgb ? 16 : 0,
	};

	log_info("framebuffer: %u x %u at %#lx", f.width, f.height, f.base.v);
	return fbcon_register(&f);
}

static const char *const compatible[] = { "raspberrypi,bcm2835-firmware", nullptr };
static const struct driver driver = { .compatible = compatible, .probe = fb_probe, .order = 3 };
DRIVER(driver);
