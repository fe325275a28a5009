// SPDX-License-Identifier: MIT
/*
 * The console on a framebuffer: a vt whose cells become pixels. `shown` holds what the screen has; drawing compares, and
 * writes of each row the span that differs, scan line by scan line, so that stores to the (write-combining) memory are
 * long and in order. It is never read.
 *
 * What programs write is drawn by a work item, so that a burst of lines costs one drawing; the kernel's log is drawn
 * at once, for it may be the last that happens.
 *
 * Lock: screen_lock, irq-safe, for vt, shown and pixels. A drawing lets go of it between rows. Nothing is taken inside.
 */
#include "arch/arch.h"
#include "dev/font.h"
#include "dev/framebuffer.h"
#include "dev/vt.h"
#include "fs/tty.h"
#include "lib/lock.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmap.h"
#include "mm/kmem.h"
#include "mm/page.h"
#include "proc/work.h"

constexpr unsigned COLS_MAX = 480, ROWS_MAX = 270;	/* 3840 x 4320 pixels: more stays black */
constexpr unsigned LOCK_SPINS = 1'000'000;
constexpr u32 NOT_SHOWN = ~0u;
constexpr unsigned ANSWERS = 64;

static struct framebuffer fb;		/* (i) */
static volatile char *pixels;		/* (i) */
static struct vt vt;
static u32 *shown;
static u32 palette[16];			/* (i) as pixels */
static struct spinlock screen_lock;
static char answers[ANSWERS];		/* (screen_lock) what the terminal is to get as input */
static unsigned nanswers;

/* ---- pixels */

/* A glyph's byte, two bits at a time, is an index of two pixels. */
static void pairs_of(u32 cell, u64 pairs[4])
{
	u64 fg = palette[cell >> VT_FG_SHIFT & 15], bg = palette[cell >> VT_BG_SHIFT & 15];

	pairs[0] = bg << 32 | bg;
	pairs[1] = fg << 32 | bg;	/* the right pixel is the higher half */
	pairs[2] = bg << 32 | fg;
	pairs[3] = fg << 32 | fg;
}

/* Cells [from, to) of row y, as `shown` has them. */
static void draw_span(unsigned y, unsigned from, unsigned to)
{
	static const u8 *glyph[COLS_MAX];	/* (screen_lock) */
	const u32 *cells = shown + y * vt.cols;
	u64 pairs[4];
	u32 colours = NOT_SHOWN;

	for (unsigned x = from; x < to; x++)
		glyph[x] = font_glyph(cells[x] & VT_CHAR);
	for (unsigned line = 0; line < FONT_HEIGHT; line++) {
		volatile u64 *at = (volatile u64 *)(pixels + (u64)(y * FONT_HEIGHT + line) * fb.pitch) +
				   from * (FONT_WIDTH / 2);

		for (unsigned x = from; x < to; x++, at += FONT_WIDTH / 2) {
			u8 bits = glyph[x][line];

			if ((cells[x] & VT_COLOUR) != colours) {
				colours = cells[x] & VT_COLOUR;
				pairs_of(cells[x], pairs);
			}
			if (line == FONT_HEIGHT - 2 && (cells[x] & VT_UNDERLINE))
				bits = 0xff;
			at[0] = pairs[bits >> 6];
			at[1] = pairs[bits >> 4 & 3];
			at[2] = pairs[bits >> 2 & 3];
			at[3] = pairs[bits & 3];
		}
	}
}

static void draw_row(unsigned y)
{
	u32 *have = shown + y * vt.cols;
	unsigned from = vt.cols, to = 0;

	for (unsigned x = 0; x < vt.cols; x++) {
		u32 want = vt_cell(&vt, x, y);

		if (want == have[x])
			continue;
		have[x] = want;
		from = min(from, x);
		to = x + 1;
	}
	if (from < to)
		draw_span(y, from, to);
}

/* In a panic the lock's holder may be stopped: then it is done without, after a while. */
static bool screen_begin(u64 *flags)
{
	*flags = irq_save();
	for (unsigned i = 0; i < LOCK_SPINS; i++) {
		if (spin_try(&screen_lock))
			return true;
		cpu_relax();
	}
	return false;
}

static void screen_end(bool locked, u64 flags)
{
	if (locked)
		spin_unlock(&screen_lock);
	irq_restore(flags);
}

static struct tty_driver tty;

static void draw_work(struct work *w)
{
	char typed[ANSWERS];
	u64 flags;

	(void)w;
	for (unsigned y = 0; y < vt.rows; y++) {
		bool locked = screen_begin(&flags);

		draw_row(y);
		screen_end(locked, flags);
	}
	bool locked = screen_begin(&flags);
	unsigned n = nanswers;

	memcpy(typed, answers, n);
	nanswers = 0;
	screen_end(locked, flags);
	if (n)
		tty_input(&tty, (const u8 *)typed, n);
}

static struct work draw = { .fn = draw_work };

/* ---- console and terminal */

static void fbcon_log(struct console *c, const char *s, size_t n)
{
	u64 flags;
	bool locked = screen_begin(&flags);

	(void)c;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			vt_write(&vt, (const u8 *)"\r", 1);
		vt_write(&vt, (const u8 *)&s[i], 1);
	}
	for (unsigned y = 0; y < vt.rows; y++)
		draw_row(y);
	screen_end(locked, flags);
}

static size_t fbcon_write(struct tty_driver *d, const u8 *bytes, size_t n)
{
	u64 flags;
	bool locked = screen_begin(&flags);

	(void)d;
	vt_write(&vt, bytes, n);
	screen_end(locked, flags);
	work_queue(&draw);
	return n;
}

/* Nobody types here; what came from a serial line is not kept. */
static void fbcon_unthrottle(struct tty_driver *d)
{
	(void)d;
}

/* Called from vt_write(), perhaps under the terminal's lock: the work item hands it over. */
static void keep_answer(struct vt *v, const char *s, size_t n)
{
	(void)v;
	n = min(n, sizeof(answers) - nanswers);
	memcpy(answers + nanswers, s, n);
	nanswers += (unsigned)n;
}

static const struct tty_driver_ops tty_ops = { .write = fbcon_write, .unthrottle = fbcon_unthrottle };
static struct tty_driver tty = { .ops = &tty_ops, .name = "tty1", .is_screen = true };
static struct console console = { .name = "tty1", .write = fbcon_log };

/* ---- set-up */

/* The PC's sixteen colours in the order of SGR's numbers. */
static void palette_init(void)
{
	static const u32 rgb[16] = {
		0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
		0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rgb); i++)
		palette[i] = (rgb[i] >> 16) << fb.red | (rgb[i] >> 8 & 255) << fb.green | (rgb[i] & 255) << fb.blue;
}

static int cells_init(u16 cols, u16 rows)
{
	size_t n = (size_t)cols * rows;
	u32 *cells = kmalloc(2 * n * sizeof(u32));

	if (!cells)
		return -ENOMEM;
	vt_init(&vt, cells, cols, rows);
	vt.answer = keep_answer;
	shown = cells + n;
	for (size_t i = 0; i < n; i++)
		shown[i] = NOT_SHOWN;
	return 0;
}

int fbcon_register(const struct framebuffer *f)
{
	unsigned cols = min(f->width / FONT_WIDTH, COLS_MAX), rows = min(f->height / FONT_HEIGHT, ROWS_MAX);

	if (pixels)
		return -EBUSY;
	if (cols < 40 || rows < 10 || f->pitch % 8 || f->pitch < f->width * 4 || f->base.v % 8)
		return -EINVAL;
	int err = font_init();

	if (!err)
		err = cells_init((u16)cols, (u16)rows);
	if (err)
		return err;
	fb = *f;
	pixels = mmio_map_uncached(f->base, (u64)f->pitch * f->height);
	if (!pixels)
		return -ENOMEM;
	palette_init();
	console_register(&console);
	err = tty_register(&tty);
	if (!err)
		tty.tty->size = (struct winsize){ vt.rows, vt.cols, (u16)f->width, (u16)f->height };
	return err ?: fbdev_register(f, (void *)pixels);
}
