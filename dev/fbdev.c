// SPDX-License-Identifier: MIT
/*
 * /dev/fb0: the screen's pixels for programs, as Linux's drivers of a fixed mode have it (its fb(4) structures): one mode,
 * which a request to set another gets back, no panning, no blanking, no palette. The console goes on drawing on the same pixels.
 *
 * A mapping has the memory's frames themselves, uncached as the kernel's own (Arm ARM, "Mismatched memory attributes": one memory, one type), and shared:
 * a private one would have to copy pixels nobody owns, and is refused.
 */
#include "arch/arch.h"
#include "dev/framebuffer.h"
#include "fs/chardev.h"
#include "fs/io.h"
#include "fs/sysfs.h"
#include "fs/text.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/object.h"
#include "mm/user.h"

constexpr u32 FB_MAJOR = 29;
constexpr u32 TRUE_COLOUR = 2;		/* FB_VISUAL_TRUECOLOR */
constexpr size_t CHUNK = 1024;

enum fb_ioctl : unsigned {
	FBIOGET_VSCREENINFO = 0x4600,
	FBIOPUT_VSCREENINFO = 0x4601,
	FBIOGET_FSCREENINFO = 0x4602,
	FBIOPAN_DISPLAY = 0x4606,
	FBIOBLANK = 0x4611,
};

struct fb_bitfield {
	u32 offset, length, msb_right;
};

struct fb_var_screeninfo {
	u32 xres, yres, xres_virtual, yres_virtual, xoffset, yoffset, bits_per_pixel, grayscale;
	struct fb_bitfield red, green, blue, transp;
	u32 nonstd, activate, height, width, accel_flags;
	u32 pixclock, left_margin, right_margin, upper_margin, lower_margin, hsync_len, vsync_len, sync, vmode;
	u32 rotate, colorspace, reserved[4];
};
static_assert(sizeof(struct fb_var_screeninfo) == 160);

struct fb_fix_screeninfo {
	char id[16];
	u64 smem_start;
	u32 smem_len, type, type_aux, visual;
	u16 xpanstep, ypanstep, ywrapstep;
	u32 line_length;
	u64 mmio_start;
	u32 mmio_len, accel;
	u16 capabilities, reserved[2];
};
static_assert(sizeof(struct fb_fix_screeninfo) == 80);

static struct framebuffer fb;		/* (i) */
static char *pixels;			/* (i) */
static struct object frames;		/* (i) never goes */

static u64 fb_bytes(void) { return (u64)fb.pitch * fb.height; }

/* ---- read, write, mmap */

/* How many of n bytes at pos lie in the screen. */
static size_t clip(u64 pos, size_t n)
{
	return pos < fb_bytes() ? min(n, fb_bytes() - pos) : 0;
}

static long fb_read(struct file *f, struct io *io, u64 *pos)
{
	size_t n = clip(*pos, io->left), done = 0;
	char chunk[CHUNK];

	while (done < n) {
		size_t part = min(n - done, sizeof(chunk));

		memcpy(chunk, pixels + *pos, part);
		size_t put = io_put(io, chunk, part);

		done += put;
		*pos += put;
		if (put < part)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static long fb_write(struct file *f, struct io *io, u64 *pos)
{
	size_t n = clip(*pos, io->left), done = 0;
	char chunk[CHUNK];

	if (!n)
		return *pos > fb_bytes() ? -EFBIG : -ENOSPC;
	while (done < n) {
		size_t got = io_take(io, chunk, min(n - done, sizeof(chunk)));

		if (!got)
			return done ? (long)done : -EFAULT;
		memcpy(pixels + *pos, chunk, got);
		done += got;
		*pos += got;
	}
	return (long)done;
}

static s64 fb_seek(struct file *f, s64 offset, int whence)
{
	return file_seek_size(f, offset, whence, fb_bytes());
}

static int fb_frame(struct object *o, u64 index, struct pa *pa, u32 *prot_flags)
{
	if (index >= align_up(fb_bytes(), PAGE_SIZE) >> PAGE_SHIFT)
		return -EFAULT;
	*pa = (struct pa){ fb.base.v + (index << PAGE_SHIFT) };
	*prot_flags = P_UNCACHED;
	return 0;
}

static void fb_describe(const struct object *o, char *buf, size_t size, u64 *ino)
{
	snprintf(buf, size, "/dev/fb0");
	*ino = 0;
}

/* Who maps more than is there gets SIGBUS behind it. A screen that begins within a page cannot be mapped as it is. */
static int fb_map(struct file *f, struct object **object)
{
	if (!is_aligned(fb.base.v, PAGE_SIZE))
		return -ENODEV;
	*object = &frames;
	return 0;
}

/* ---- ioctl */

static struct fb_bitfield field(u8 offset) { return (struct fb_bitfield){ .offset = offset, .length = 8 }; }

static struct fb_var_screeninfo var_info(void)
{
	return (struct fb_var_screeninfo){
		.xres = fb.width, .yres = fb.height, .xres_virtual = fb.width, .yres_virtual = fb.height,
		.bits_per_pixel = 32, .red = field(fb.red), .green = field(fb.green), .blue = field(fb.blue),
		.height = ~0u, .width = ~0u,	/* of the picture in mm: not known */
	};
}

static long get_var(u64 to)
{
	struct fb_var_screeninfo v = var_info();

	return copy_to_user(to, &v, sizeof(v));
}

static long get_fix(u64 to)
{
	struct fb_fix_screeninfo x = {
		.id = "quire", .smem_start = fb.base.v, .smem_len = (u32)fb_bytes(), .visual = TRUE_COLOUR,
		.line_length = fb.pitch,
	};

	return copy_to_user(to, &x, sizeof(x));
}

static long put_var(u64 at)
{
	struct fb_var_screeninfo v;

	return copy_from_user(&v, at, sizeof(v)) ?: get_var(at);
}

static long fb_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	switch (cmd) {
	case FBIOGET_VSCREENINFO: return get_var(arg);
	case FBIOPUT_VSCREENINFO: return put_var(arg);
	case FBIOGET_FSCREENINFO: return get_fix(arg);
	case FBIOPAN_DISPLAY:
	case FBIOBLANK: return -EINVAL;
	default: return -ENOTTY;
	}
}

static const struct file_ops fb_ops = {
	.read = fb_read, .write = fb_write, .seek = fb_seek, .map = fb_map, .ioctl = fb_ioctl,
};
static const struct object_ops frame_ops = { .frame = fb_frame, .describe = fb_describe };

/* ---- /sys/class/graphics/fb0 */

static int show_size(struct inode *i, struct text *t)
{
	text_printf(t, "%u,%u\n", fb.width, fb.height);
	return 0;
}

static int show_depth(struct inode *i, struct text *t)
{
	text_puts(t, "32\n");
	return 0;
}

static int show_stride(struct inode *i, struct text *t)
{
	text_printf(t, "%u\n", fb.pitch);
	return 0;
}

static int show_name(struct inode *i, struct text *t)
{
	text_puts(t, "quire\n");
	return 0;
}

static const struct pseudo_entry attributes[] = {
	{ .name = "virtual_size", .mode = S_IFREG | 0444, .show = show_size },
	{ .name = "bits_per_pixel", .mode = S_IFREG | 0444, .show = show_depth },
	{ .name = "stride", .mode = S_IFREG | 0444, .show = show_stride },
	{ .name = "name", .mode = S_IFREG | 0444, .show = show_name },
	{},
};

int fbdev_register(const struct framebuffer *f, void *mapped)
{
	static struct chardev device = { .dev = FB_MAJOR << 20, .name = "fb0", .driver = "fb", .mode = 0660, .ops = &fb_ops };

	fb = *f;
	pixels = mapped;
	object_init(&frames, &frame_ops, nullptr);
	frames.size = align_up(fb_bytes(), PAGE_SIZE);
	return chardev_register(&device) ?: sysfs_class_add("graphics", "fb0", attributes, 0);
}
