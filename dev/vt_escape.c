// SPDX-License-Identifier: MIT
/* Escape sequences (ECMA-48, console_codes(4)): a parser of five states, and what the sequences do. */
#include "dev/vt.h"

#include "lib/printf.h"
#include "lib/string.h"

enum : u8 { GROUND, ESCAPE, CHARSET, CSI, STRING };	/* vt->state; vt.c knows that 0 is the ground */
constexpr u8 BEL = 7;
constexpr u16 PARAM_MAX = 9999;

void vt_escape_begin(struct vt *v)
{
	v->state = ESCAPE;
	v->utf8_left = 0;
}

/* A parameter that counts: missing or 0 is 1. */
static int count(const struct vt *v, unsigned i)
{
	return i < v->nparams && v->param[i] ? v->param[i] : 1;
}

/* ---- SGR */

/* The nearest of the 16 colours: a bit for each primary that is at least half of the strongest. */
static u8 nearest(unsigned r, unsigned g, unsigned b)
{
	unsigned strongest = max(r, max(g, b));

	if (strongest < 48)
		return 0;
	u8 hue = (u8)((2 * r > strongest) | (2 * g > strongest) << 1 | (2 * b > strongest) << 2);

	if (hue == 7)
		return strongest < 128 ? 8 : strongest < 220 ? 7 : 15;
	return hue | (strongest > 212 ? 8 : 0);
}

static u8 indexed(unsigned n)
{
	if (n < 16)
		return (u8)n;
	if (n >= 232)
		return nearest(8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10);
	n = (n - 16) % 216;
	return nearest(n / 36 * 51, n / 6 % 6 * 51, n % 6 * 51);
}

/* 38 and 48: 5;n or 2;r;g;b follow. Returns the index of the last parameter used. */
static unsigned extended(const struct vt *v, unsigned i, u8 *colour)
{
	if (i + 2 < v->nparams && v->param[i + 1] == 5) {
		*colour = indexed(v->param[i + 2] & 255);
		return i + 2;
	}
	if (i + 4 < v->nparams && v->param[i + 1] == 2) {
		*colour = nearest(v->param[i + 2] & 255, v->param[i + 3] & 255, v->param[i + 4] & 255);
		return i + 4;
	}
	return v->nparams;
}

static void sgr_flag(struct vt *v, unsigned p)
{
	struct vt_pen *pen = &v->pen;

	switch (p) {
	case 0: *pen = (struct vt_pen){ .fg = 7 }; break;
	case 1: pen->bold = true; break;
	case 2: case 22: pen->bold = false; break;
	case 4: case 21: pen->underline = true; break;
	case 7: pen->reverse = true; break;
	case 24: pen->underline = false; break;
	case 27: pen->reverse = false; break;
	case 39: pen->fg = 7; break;
	case 49: pen->bg = 0; break;
	default: break;
	}
}

static void sgr(struct vt *v)
{
	for (unsigned i = 0; i < (v->nparams ? v->nparams : 1u); i++) {
		unsigned p = i < v->nparams ? v->param[i] : 0;

		if (p >= 30 && p < 38)
			v->pen.fg = (u8)(p - 30);
		else if (p >= 40 && p < 48)
			v->pen.bg = (u8)(p - 40);
		else if (p >= 90 && p < 98)
			v->pen.fg = (u8)(p - 90 + 8);
		else if (p >= 100 && p < 108)
			v->pen.bg = (u8)(p - 100 + 8);
		else if (p == 38)
			i = extended(v, i, &v->pen.fg);
		else if (p == 48)
			i = extended(v, i, &v->pen.bg);
		else
			sgr_flag(v, p);
	}
}

/* ---- the rest */

static void erase(struct vt *v, unsigned start, unsigned end, unsigned here)
{
	switch (v->nparams ? v->param[0] : 0) {
	case 0: vt_clear(v, here, end); break;
	case 1: vt_clear(v, start, here + 1); break;
	default: vt_clear(v, start, end); break;
	}
	v->wrap = false;
}

static void mode(struct vt *v, bool on)
{
	for (unsigned i = 0; i < v->nparams; i++) {
		if (!v->private && v->param[i] == 4)
			v->insert = on;
		if (v->private && v->param[i] == 6) {
			v->origin = on;
			vt_goto(v, 0, 0);
		}
		if (v->private && v->param[i] == 7)
			v->autowrap = on;
		if (v->private && v->param[i] == 25)
			v->cursor = on;
	}
}

static void region(struct vt *v)
{
	int top = count(v, 0), bottom = v->nparams > 1 && v->param[1] ? v->param[1] : v->rows;

	bottom = min(bottom, (int)v->rows);
	if (top >= bottom)
		return;
	v->top = (u16)(top - 1);
	v->bottom = (u16)bottom;
	vt_goto(v, 0, 0);
}

static void save(struct vt *v)
{
	v->saved.x = v->x;
	v->saved.y = v->y;
	v->saved.pen = v->pen;
	v->saved.graphics = v->graphics;
}

static void restore(struct vt *v)
{
	v->x = v->saved.x;
	v->y = v->saved.y;
	v->pen = v->saved.pen;
	v->graphics = v->saved.graphics;
	v->wrap = false;
}

static void answer(struct vt *v, u8 c)
{
	char text[24];
	int n = 0;

	if (c == 'c' && !v->private)
		n = snprintf(text, sizeof(text), "\33[?6c");
	else if (c == 'n' && v->nparams && v->param[0] == 5)
		n = snprintf(text, sizeof(text), "\33[0n");
	else if (c == 'n' && v->nparams && v->param[0] == 6)
		n = snprintf(text, sizeof(text), "\33[%d;%dR", v->y + 1 - (v->origin ? v->top : 0), v->x + 1);
	if (n && v->answer)
		v->answer(v, text, (size_t)n);
}

/* Rows go in or out at the cursor, inside the region. */
static void lines(struct vt *v, int n)
{
	if (v->y >= v->top && v->y < v->bottom)
		vt_scroll(v, v->y, n);
	v->x = 0;
	v->wrap = false;
}

static bool move(struct vt *v, u8 c)
{
	int n = count(v, 0), y = v->y - (v->origin ? v->top : 0);

	switch (c) {
	case 'A': vt_goto(v, v->x, y - n); return true;
	case 'B': case 'e': vt_goto(v, v->x, y + n); return true;
	case 'C': case 'a': vt_goto(v, v->x + n, y); return true;
	case 'D': vt_goto(v, v->x - n, y); return true;
	case 'E': vt_goto(v, 0, y + n); return true;
	case 'F': vt_goto(v, 0, y - n); return true;
	case 'G': case '`': vt_goto(v, n - 1, y); return true;
	case 'd': vt_goto(v, v->x, n - 1); return true;
	case 'H': case 'f': vt_goto(v, count(v, 1) - 1, n - 1); return true;
	default: return false;
	}
}

static void csi_end(struct vt *v, u8 c)
{
	unsigned row = v->y * v->cols, here = row + v->x;

	if (move(v, c))
		return;
	switch (c) {
	case '@': vt_shift(v, count(v, 0)); break;
	case 'P': vt_shift(v, -count(v, 0)); break;
	case 'X': vt_clear(v, here, min(here + (unsigned)count(v, 0), row + v->cols)); break;
	case 'J': erase(v, 0, (unsigned)v->cols * v->rows, here); break;
	case 'K': erase(v, row, row + v->cols, here); break;
	case 'L': lines(v, -count(v, 0)); break;
	case 'M': lines(v, count(v, 0)); break;
	case 'S': vt_scroll(v, v->top, count(v, 0)); break;
	case 'T': vt_scroll(v, v->top, -count(v, 0)); break;
	case 'm': sgr(v); break;
	case 'h': case 'l': mode(v, c == 'h'); break;
	case 'r': region(v); break;
	case 's': save(v); break;
	case 'u': restore(v); break;
	case 'c': case 'n': answer(v, c); break;
	default: break;
	}
}

/* Parameters are numbers apart by ';' (':' inside SGR is taken the same way); too many are dropped. */
static void csi(struct vt *v, u8 c)
{
	if (c >= '0' && c <= '9') {
		v->nparams = max(v->nparams, (u8)1);
		u16 *p = &v->param[v->nparams - 1];

		*p = (u16)min(*p * 10 + c - '0', (int)PARAM_MAX);
	} else if (c == ';' || c == ':') {
		v->nparams = max(v->nparams, (u8)1);
		if (v->nparams < VT_PARAMS)
			v->param[v->nparams++] = 0;
	} else if (c == '?') {
		v->private = true;
	} else if (c < 0x40) {
		v->intermediate = c;		/* a sequence that we do not know */
	} else {
		v->state = GROUND;
		if (!v->intermediate && c < 0x7f)
			csi_end(v, c);
	}
}

static void escape(struct vt *v, u8 c)
{
	v->state = GROUND;
	switch (c) {
	case '[':
		memset(v->param, 0, sizeof(v->param));
		v->nparams = v->intermediate = 0;
		v->private = false;
		v->state = CSI;
		break;
	case ']': case 'P': case '_': case '^': case 'X': v->state = STRING; break;
	case '(': case ')': case '%': case '#':
		v->intermediate = c;
		v->state = CHARSET;
		break;
	case '7': save(v); break;
	case '8': restore(v); break;
	case 'D': vt_line_feed(v); break;
	case 'E': vt_line_feed(v); v->x = 0; break;
	case 'M': vt_reverse_line_feed(v); break;
	case 'c': vt_reset(v); break;
	default: break;
	}
}

void vt_escape(struct vt *v, u8 c)
{
	switch (v->state) {
	case ESCAPE:
		escape(v, c);
		break;
	case CSI:
		csi(v, c);
		break;
	case CHARSET:
		if (v->intermediate == '(')
			v->graphics = c == '0';
		v->state = GROUND;
		break;
	default:		/* a title or the like: up to BEL or ESC \ */
		if (c == BEL)
			v->state = GROUND;
	}
}
