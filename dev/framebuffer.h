// SPDX-License-Identifier: MIT
/* A screen of pixels that the firmware or a driver has set up. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

/* 32 bits a pixel. */
struct framebuffer {
	struct pa base;
	u32 width, height, pitch;		/* pixels, pixels, bytes a line */
	u8 red, green, blue;			/* lowest bit of each, 8 bits wide */
};

/* Makes a console and a terminal (tty1) of it; only the first. 0, -EBUSY, -EINVAL (too small), -ENOMEM. May sleep. */
[[nodiscard]] int fbcon_register(const struct framebuffer *f);
/* Makes /dev/fb0 of it; `mapped` is where the kernel has its pixels. Once. 0, -ENOMEM. */
[[nodiscard]] int fbdev_register(const struct framebuffer *f, void *mapped);
