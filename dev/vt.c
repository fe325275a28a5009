// SPDX-License-Identifier: MIT
/* The screen's cells: writing, moving, scrolling, erasing; characters from UTF-8. */
#include "dev/vt.h"

#include "lib/string.h"

enum : u8 { BEL = 7, BS, HT, LF, VT, FF, CR, SO, SI, CAN = 0x18, SUB = 0x1a, ESC = 0x1b, DEL = 0x7f };
constexpr u32 REPLACEMENT = 0xfffd;
constexpr u8 WHITE = 7;

static u32 attributes(const struct vt *v)
{
	u32 fg = v->pen.fg | (v->pen.bold ? 8 : 0), bg = v->pen.bg;
	u32 underline = v->pen.underline ? VT_UNDERLINE : 0;

	if (v->pen.reverse)
		return underline | bg << VT_FG_SHIFT | (fg & 15) << VT_BG_SHIFT;
	return underline | (fg & 15) << VT_FG_SHIFT | bg << VT_BG_SHIFT;
}

/* What is erased keeps the background. */
void vt_clear(struct vt *v, unsigned from, unsigned to)
{
	u32 blank = ' ' | (u32)WHITE << VT_FG_SHIFT | (u32)v->pen.bg << VT_BG_SHIFT;

	for (unsigned i = from; i < min(to, (unsigned)v->cols * v->rows); i++)
		v->cells[i] = blank;
}

void vt_scroll(struct vt *v, unsigned top, int n)
{
	unsigned rows = v->bottom - top, cols = v->cols;
	unsigned by = min((unsigned)(n < 0 ? -n : n), rows);
	u32 *first = v->cells + top * cols;
	size_t kept = (size_t)(rows - by) * cols;

	if (n > 0) {
		memmove(first, first + by * cols, kept * sizeof(u32));
		vt_clear(v, (v->bottom - by) * cols, v->bottom * cols);
	} else {
		memmove(first + by * cols, first, kept * sizeof(u32));
		vt_clear(v, top * cols, (top + by) * cols);
	}
}

void vt_line_feed(struct vt *v)
{
	v->wrap = false;
	if (v->y + 1 == v->bottom)
		vt_scroll(v, v->top, 1);
	else if (v->y + 1 < v->rows)
		v->y++;
}

void vt_reverse_line_feed(struct vt *v)
{
	v->wrap = false;
	if (v->y == v->top)
		vt_scroll(v, v->top, -1);
	else if (v->y > 0)
		v->y--;
}

void vt_shift(struct vt *v, int n)
{
	unsigned room = v->cols - v->x, by = min((unsigned)(n < 0 ? -n : n), room);
	unsigned at = v->y * v->cols + v->x;
	u32 *here = v->cells + at;

	v->wrap = false;
	if (n > 0) {
		memmove(here + by, here, (room - by) * sizeof(u32));
		vt_clear(v, at, at + by);
	} else {
		memmove(here, here + by, (room - by) * sizeof(u32));
		vt_clear(v, at + room - by, at + room);
	}
}

void vt_goto(struct vt *v, int x, int y)
{
	int low = v->origin ? v->top : 0, high = v->origin ? v->bottom : v->rows;

	y += low;
	v->x = (u16)max(0, min(x, v->cols - 1));
	v->y = (u16)max(low, min(y, high - 1));
	v->wrap = false;
}

/* DEC's line drawing set, from 0x60 on (ESC ( 0). */
static u32 graphic(u32 c)
{
	static const u16 set[] = {
		0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b, 0x2518, 0x2510,
		0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c,
		0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
	};

	return c >= 0x60 && c < 0x60 + ARRAY_SIZE(set) ? set[c - 0x60] : c;
}

void vt_put(struct vt *v, u32 c)
{
	if (v->wrap && v->autowrap) {
		v->x = 0;
		vt_line_feed(v);
	}
	if (v->insert)
		vt_shift(v, 1);
	if (v->graphics)
		c = graphic(c);
	v->cells[v->y * v->cols + v->x] = (c > VT_CHAR ? REPLACEMENT : c) | attributes(v);
	v->wrap = v->x + 1 == v->cols;
	if (!v->wrap)
		v->x++;
}

static void control(struct vt *v, u8 c)
{
	switch (c) {
	case BS:
		v->x -= v->x > 0;
		v->wrap = false;
		break;
	case HT:
		v->x = (u16)min((unsigned)(v->x | 7) + 1, v->cols - 1u);
		break;
	case LF: case VT: case FF:
		vt_line_feed(v);
		break;
	case CR:
		v->x = 0;
		v->wrap = false;
		break;
	case SO: case SI:
		v->graphics = c == SO;
		break;
	case ESC:
		vt_escape_begin(v);
		break;
	default:		/* BEL: there is nothing to ring */
		break;
	}
}

/* Bytes of UTF-8 from 0x80 on. What is cut off or too long becomes one replacement character. */
static void utf8_byte(struct vt *v, u8 c)
{
	if (c >= 0xc2 && c < 0xf5) {
		if (v->utf8_left)
			vt_put(v, REPLACEMENT);
		v->utf8_left = v->utf8_size = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		v->utf8 = c & (0x3f >> v->utf8_left);
		return;
	}
	if (!v->utf8_left || c >= 0xc0) {
		v->utf8_left = 0;
		vt_put(v, REPLACEMENT);
		return;
	}
	v->utf8 = v->utf8 << 6 | (c & 0x3f);
	if (--v->utf8_left)
		return;
	static const u32 least[] = { 0, 0x80, 0x800, 0x10000 };
	bool bad = v->utf8 < least[v->utf8_size] || (v->utf8 >= 0xd800 && v->utf8 < 0xe000);

	vt_put(v, bad ? REPLACEMENT : v->utf8);
}

static void ground(struct vt *v, u8 c)
{
	if (c >= 0x80) {
		utf8_byte(v, c);
		return;
	}
	if (v->utf8_left) {
		v->utf8_left = 0;
		vt_put(v, REPLACEMENT);
	}
	if (c >= 0x20 && c != DEL)
		vt_put(v, c);
	else
		control(v, c);
}

/* Controls work in the middle of a sequence, too; two of them, and a new ESC, end it. */
void vt_write(struct vt *v, const u8 *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		u8 c = bytes[i];

		if (v->state == 0)
			ground(v, c);
		else if (c == CAN || c == SUB)
			v->state = 0;
		else if (c < 0x20 && c != BEL)
			control(v, c);
		else
			vt_escape(v, c);
	}
}

void vt_reset(struct vt *v)
{
	v->pen = (struct vt_pen){ .fg = WHITE };
	v->top = v->x = v->y = 0;
	v->bottom = v->rows;
	v->wrap = v->origin = v->insert = v->graphics = false;
	v->cursor = v->autowrap = true;
	v->state = v->utf8_left = 0;
	v->saved.x = v->saved.y = 0;
	v->saved.pen = v->pen;
	v->saved.graphics = false;
	vt_clear(v, 0, (unsigned)v->cols * v->rows);
}

void vt_init(struct vt *v, u32 *cells, u16 cols, u16 rows)
{
	*v = (struct vt){ .cols = cols, .rows = rows, .cells = cells };
	vt_reset(v);
}
