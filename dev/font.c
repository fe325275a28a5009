// SPDX-License-Identifier: MIT
/*
 * PSF version 1: 256 or 512 glyphs, and for each the characters it stands for, in 16 bits, up to 0xffff. Sequences of
 * characters (behind 0xfffe) are left out. A character finds its glyph through a table of pages of 256.
 */
#include "dev/font.h"

#include "mm/kmem.h"

extern const u8 font_psf[], font_psf_end[];

constexpr u8 MAGIC0 = 0x36, MAGIC1 = 0x04, MODE_512 = 1, MODE_TABLE = 6;
constexpr unsigned HEADER = 4;
constexpr u16 END = 0xffff, SEQUENCE = 0xfffe;
constexpr u32 REPLACEMENT = 0xfffd;

static u16 *pages[256];			/* (i) 1 + the glyph of a character, 0: none */

static u16 lookup(u32 c)
{
	return c > 0xffff || !pages[c >> 8] ? 0 : pages[c >> 8][c & 255];
}

static int enter(u16 c, unsigned glyph)
{
	u16 **page = &pages[c >> 8];

	if (!*page)
		*page = kzalloc(256 * sizeof(u16));
	if (!*page)
		return -ENOMEM;
	(*page)[c & 255] = (u16)(glyph + 1);
	return 0;
}

static int read_table(const u8 *p, unsigned glyphs)
{
	bool sequence = false;

	for (unsigned glyph = 0; glyph < glyphs && p + 2 <= font_psf_end; p += 2) {
		u16 c = (u16)(p[0] | p[1] << 8);

		if (c == END) {
			glyph++;
			sequence = false;
		} else if (c == SEQUENCE) {
			sequence = true;
		} else if (!sequence && enter(c, glyph)) {
			return -ENOMEM;
		}
	}
	return 0;
}

int font_init(void)
{
	size_t size = (size_t)(font_psf_end - font_psf);

	if (size < HEADER || font_psf[0] != MAGIC0 || font_psf[1] != MAGIC1 || font_psf[3] != FONT_HEIGHT ||
	    !(font_psf[2] & MODE_TABLE))
		return -EINVAL;
	unsigned glyphs = font_psf[2] & MODE_512 ? 512 : 256;

	if (size < HEADER + glyphs * FONT_HEIGHT)
		return -EINVAL;
	return read_table(font_psf + HEADER + glyphs * FONT_HEIGHT, glyphs);
}

const u8 *font_glyph(u32 c)
{
	u16 found = lookup(c);

	if (!found)
		found = lookup(REPLACEMENT);
	if (!found)
		found = lookup('?');
	return font_psf + HEADER + (found ? found - 1u : 0) * FONT_HEIGHT;
}
