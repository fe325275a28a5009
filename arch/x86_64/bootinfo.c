// SPDX-License-Identifier: MIT
/*
 * What the loader says: memory, screen, initrd, command line, ACPI's root pointer; from PVH's start
 * info (Xen, public/arch-x86/hvm/start_info.h) or Multiboot2's tags (specification 2.0, 3.4).
 * Runs on the first tables, which map 4 GiB where they are. Copies all it needs: the loader's
 * memory is free afterwards.
 */
#include "dev/framebuffer.h"
#include "lib/string.h"
#include "x86.h"

struct pvh_start_info {
	u32 magic, version, flags, nr_modules;
	u64 modules, cmdline, rsdp, memmap;
	u32 memmap_entries, reserved;
};

struct pvh_module {
	u64 start, size, cmdline, reserved;
};

struct e820 {			/* the same in PVH and Multiboot2 */
	u64 start, size;
	u32 type, reserved;
};

struct mb2_tag {
	u32 type, size;
	union {
		char string[1];
		struct { u32 start, end; } module;
		struct { u32 entry_size, version; u8 entries[]; } mmap;
		u8 rsdp[1];
		struct mb2_framebuffer {
			u32 base_low, base_high;	/* the tag is aligned to 8, this is, too */
			u32 pitch, width, height;
			u8 bits, type, reserved[2];
			u8 red, red_bits, green, green_bits, blue, blue_bits;
		} framebuffer;
	};
};

enum { MB2_END, MB2_CMDLINE, MB2_MODULE = 3, MB2_MMAP = 6, MB2_FRAMEBUFFER = 8, MB2_RSDP1 = 14, MB2_RSDP2 };
constexpr u8 FRAMEBUFFER_RGB = 1;

constexpr u32 E820_RAM = 1;
constexpr u32 PVH_MAGIC = 0x336ec578;
constexpr unsigned MAP_MAX = 128;

u8 x86_rsdp[RSDP_SIZE];
u64 x86_trampoline_pa;
static char cmdline[2048];
struct framebuffer x86_framebuffer;
static struct e820 map[MAP_MAX];
static unsigned nmap;

static void map_add(const struct e820 *e)
{
	if (nmap < MAP_MAX && e->size && e->start + e->size > e->start)
		map[nmap++] = *e;
}

static void ram_remove_at(struct boot_info *bi, unsigned i)
{
	bi->ram[i] = bi->ram[--bi->nram];
}

/* Takes [start, end) out of all RAM ranges. A range that is cut in two needs a new slot; without
 * one its upper part is lost. */
static void ram_subtract(struct boot_info *bi, u64 start, u64 end)
{
	for (unsigned i = bi->nram; i-- > 0;) {
		struct boot_range r = bi->ram[i];

		if (r.end <= start || end <= r.start)
			continue;
		ram_remove_at(bi, i);
		if (r.start < start)
			bi->ram[bi->nram++] = (struct boot_range){ r.start, start };
		if (end < r.end && bi->nram < ARRAY_SIZE(bi->ram))
			bi->ram[bi->nram++] = (struct boot_range){ end, r.end };
	}
}

static void ram_sort(struct boot_info *bi)
{
	for (unsigned i = 1; i < bi->nram; i++) {
		struct boot_range r = bi->ram[i];
		unsigned k = i;

		for (; k > 0 && bi->ram[k - 1].start > r.start; k--)
			bi->ram[k] = bi->ram[k - 1];
		bi->ram[k] = r;
	}
	for (unsigned i = 1; i < bi->nram;) {
		if (bi->ram[i].start != bi->ram[i - 1].end) {
			i++;
			continue;
		}
		bi->ram[i - 1].end = bi->ram[i].end;
		memmove(&bi->ram[i], &bi->ram[i + 1], (bi->nram - i - 1) * sizeof(bi->ram[0]));
		bi->nram--;
	}
}

/* RAM is what the map calls RAM and nothing else in it contradicts; firmware maps do overlap. */
static void ram_from_map(struct boot_info *bi)
{
	for (unsigned i = 0; i < nmap; i++) {
		u64 end = min(map[i].start + map[i].size, DIRECT_SIZE);

		if (map[i].type != E820_RAM || map[i].start >= end ||
		    bi->nram == ARRAY_SIZE(bi->ram))
			continue;
		ram_subtract(bi, map[i].start, end);
		if (bi->nram < ARRAY_SIZE(bi->ram))
			bi->ram[bi->nram++] = (struct boot_range){ map[i].start, end };
	}
	for (unsigned i = 0; i < nmap; i++)
		if (map[i].type != E820_RAM)
			ram_subtract(bi, map[i].start, map[i].start + map[i].size);
	ram_sort(bi);
}

static void reserve(struct boot_info *bi, u64 start, u64 end)
{
	bi->reserved[bi->nreserved++] = (struct boot_range){ start, end };
}

/* A page for starting CPUs: they begin in real mode. Page 0 stays the BIOS's. */
static void trampoline_find(struct boot_info *bi)
{
	for (unsigned i = 0; i < bi->nram; i++) {
		u64 page = max(align_up(bi->ram[i].start, PAGE_SIZE), PAGE_SIZE);

		if (page + PAGE_SIZE <= min(bi->ram[i].end, 640 * KiB)) {
			x86_trampoline_pa = page;
			reserve(bi, page, page + PAGE_SIZE);
			return;
		}
	}
}

static bool rsdp_take(const u8 *p)
{
	u8 sum = 0;

	if (memcmp(p, "RSD PTR ", 8) != 0)
		return false;
	for (unsigned i = 0; i < 20; i++)
		sum += p[i];
	if (sum != 0)
		return false;
	memcpy(x86_rsdp, p, p[15] >= 2 ? RSDP_SIZE : 20);
	return true;
}

/* ACPI 6.5, 5.2.5.1: the first KiB of the EBDA, then the BIOS area, on 16-byte boundaries. The
 * segment comes from the BIOS's data area; the asm hides from the compiler that this is near
 * address 0. */
static void rsdp_scan(void)
{
	u64 bda = 0x40e;

	__asm__("" : "+r"(bda));
	u64 ebda = (u64)*(const u16 *)bda << 4;

	for (u64 p = ebda; ebda >= 0x400 && p < ebda + KiB; p += 16)
		if (rsdp_take((const u8 *)p))
			return;
	for (u64 p = 0xe0000; p < 0x100000; p += 16)
		if (rsdp_take((const u8 *)p))
			return;
}

static void pvh_read(const struct pvh_start_info *si, struct boot_info *bi)
{
	const struct e820 *e = (const struct e820 *)si->memmap;

	if (si->magic != PVH_MAGIC)
		return;
	for (u32 i = 0; si->version >= 1 && i < si->memmap_entries; i++)
		map_add(&e[i]);
	if (si->nr_modules) {
		const struct pvh_module *m = (const struct pvh_module *)si->modules;

		bi->initrd = (struct boot_range){ m->start, m->start + m->size };
	}
	if (si->cmdline)
		str_copy(cmdline, (const char *)si->cmdline, sizeof(cmdline));
	if (si->rsdp)
		rsdp_take((const u8 *)si->rsdp);
}

/* Text mode and other depths are left alone. */
static void framebuffer_take(const struct mb2_framebuffer *f)
{
	if (f->type != FRAMEBUFFER_RGB || f->bits != 32 || f->red_bits != 8 || f->green_bits != 8 || f->blue_bits != 8)
		return;
	x86_framebuffer = (struct framebuffer){
		.base = { (u64)f->base_high << 32 | f->base_low },
		.width = f->width, .height = f->height, .pitch = f->pitch,
		.red = f->red, .green = f->green, .blue = f->blue,
	};
}

static void mb2_read(u64 info, struct boot_info *bi)
{
	u64 end = info + *(const u32 *)info;

	for (u64 p = info + 8; p + 8 <= end;) {
		const struct mb2_tag *t = (const struct mb2_tag *)p;

		if (t->type == MB2_END || t->size < 8)
			return;
		if (t->type == MB2_CMDLINE)
			str_copy(cmdline, t->string, sizeof(cmdline));
		if (t->type == MB2_MODULE && bi->initrd.end == 0)
			bi->initrd = (struct boot_range){ t->module.start, t->module.end };
		if (t->type == MB2_RSDP1 || t->type == MB2_RSDP2)
			rsdp_take(t->rsdp);
		if (t->type == MB2_FRAMEBUFFER && t->size > offsetof(struct mb2_tag, framebuffer.blue_bits))
			framebuffer_take(&t->framebuffer);
		for (u32 at = 16; t->type == MB2_MMAP && at + sizeof(struct e820) <= t->size;
		     at += t->mmap.entry_size)
			map_add((const struct e820 *)(p + at));
		p += align_up(t->size, 8u);
	}
}

void x86_boot_info(u32 kind, u64 info, struct boot_info *bi)
{
	if (kind == BOOT_PVH)
		pvh_read((const struct pvh_start_info *)info, bi);
	else
		mb2_read(info, bi);
	if (x86_rsdp[0] == 0)
		rsdp_scan();
	bi->cmdline = cmdline;
	ram_from_map(bi);
	reserve(bi, 0, PAGE_SIZE);
	reserve(bi, image_pa(_text), image_pa(_end));
	if (bi->initrd.end > bi->initrd.start)
		reserve(bi, bi->initrd.start, bi->initrd.end);
	trampoline_find(bi);
}
