// SPDX-License-Identifier: MIT
/* The console's font: 8 x 16 pixels, a PSF file in the image (see make/kernel.mk). */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

constexpr unsigned FONT_WIDTH = 8, FONT_HEIGHT = 16;

/* Reads the font's Unicode table. 0, -ENOMEM, or -EINVAL for a file that is none. */
[[nodiscard]] int font_init(void);
/* FONT_HEIGHT bytes, the leftmost pixel in bit 7. Never nullptr after font_init(). */
const u8 *font_glyph(u32 c);
