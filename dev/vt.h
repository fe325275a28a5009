// SPDX-License-Identifier: MIT
/*
 * A character screen that understands the control sequences of the Linux console (console_codes(4)): pure, it knows
 * neither pixels nor locks. Left out: fonts and palettes by sequence, tab stops other than every 8 columns, characters of
 * double width, what lies behind U+FFFF.
 */
#pragma once

#include "lib/base.h"

/* A cell: the character in bits 0 to 15, then 4 bits each of foreground and background, then flags. */
enum vt_cell : u32 {
	VT_CHAR = 0xffff, VT_COLOUR = 0xff0000, VT_FG_SHIFT = 16, VT_BG_SHIFT = 20, VT_UNDERLINE = 1u << 24,
};

constexpr unsigned VT_PARAMS = 16;

/* What SGR sets, before it becomes a cell's colours. */
struct vt_pen {
	u8 fg, bg;
	bool bold, underline, reverse;
};

struct vt {
	u16 cols, rows;			/* (i) */
	u32 *cells;			/* row by row */
	u16 x, y;
	bool wrap;			/* the last column was written: the next character goes to the next row */
	u16 top, bottom;		/* scroll region: rows top .. bottom - 1 */
	struct vt_pen pen;
	struct { u16 x, y; struct vt_pen pen; bool graphics; } saved;
	bool cursor, autowrap, origin, insert, graphics;	/* modes */

	/* Parser (vt_escape.c). */
	u8 state, intermediate;
	bool private;			/* CSI ? */
	u16 param[VT_PARAMS];
	u8 nparams;
	u32 utf8;			/* bits so far */
	u8 utf8_left, utf8_size;

	/* Answers to questions (cursor position, identity): bytes as if typed. May be nullptr. */
	void (*answer)(struct vt *v, const char *s, size_t n);
};

/* cells: cols * rows words, the caller's. Both at least 2. */
void vt_init(struct vt *v, u32 *cells, u16 cols, u16 rows);
void vt_write(struct vt *v, const u8 *bytes, size_t n);
/* The cell as it is to be seen, cursor included. */
static inline u32 vt_cell(const struct vt *v, unsigned x, unsigned y)
{
	u32 c = v->cells[y * v->cols + x];

	if (!v->cursor || x != v->x || y != v->y)
		return c;
	return (c & ~VT_COLOUR) | (c >> 4 & 0xf0000) | (c << 4 & 0xf00000);
}

/* ---- vt.c for vt_escape.c: all arguments are made to fit. */
void vt_reset(struct vt *v);
void vt_put(struct vt *v, u32 c);		/* a character at the cursor, which moves on */
void vt_goto(struct vt *v, int x, int y);	/* absolute, or in the region if origin is set */
void vt_clear(struct vt *v, unsigned from, unsigned to);	/* cells [from, to) */
void vt_scroll(struct vt *v, unsigned top, int n);	/* rows top .. bottom - 1 up by n, down if negative */
void vt_line_feed(struct vt *v);
void vt_reverse_line_feed(struct vt *v);
void vt_shift(struct vt *v, int n);		/* opens n cells at the cursor, or takes them out if negative */
/* ---- vt_escape.c for vt.c */
void vt_escape(struct vt *v, u8 c);		/* one byte, not in the ground state */
void vt_escape_begin(struct vt *v);
