// SPDX-License-Identifier: MIT
/*
 * From the firmware's memory map to free pages.
 *
 * The array of descriptors lies at the start of the first usable range that holds it; it covers
 * the frames from the lowest to the highest RAM address only. Clearing it a page at a time makes
 * every descriptor PAGE_FREE; then what may not be used is marked: holes, image, firmware, the
 * array itself. Frame 0 is never handed out, so that a frame number of 0 can mean none.
 */
#include "mm/page_buddy.h"
#include "arch/arch.h"

constexpr u64 BLOCK = 1ul << PAGE_ORDER_MAX;

struct page *page_array;
u64 page_array_frames;
struct page_ram page_ram;

/* (i) The map, in whole frames, and one more reserved range for the array. */
static struct boot_range ram[ARRAY_SIZE(((struct boot_info *)nullptr)->ram)];
static struct boot_range reserved[ARRAY_SIZE(((struct boot_info *)nullptr)->reserved) + 2];
static unsigned nram, nreserved;

bool pa_is_ram(struct pa pa)
{
	u64 frame = pa.v >> PAGE_SHIFT;

	for (unsigned i = 0; i < nram; i++)
		if (frame >= ram[i].start && frame < ram[i].end)
			return true;
	return false;
}

static void reserve(u64 first, u64 end)
{
	if (first < end)
		reserved[nreserved++] = (struct boot_range){ first, end };
}

/* Only whole frames are RAM; a frame touched by a reserved byte is reserved. */
static void read_map(const struct boot_info *bi)
{
	nram = nreserved = 0;
	for (unsigned i = 0; i < bi->nram; i++) {
		u64 first = align_up(bi->ram[i].start, PAGE_SIZE) >> PAGE_SHIFT;
		u64 end = bi->ram[i].end >> PAGE_SHIFT;

		if (first < end)
			ram[nram++] = (struct boot_range){ first, end };
	}
	for (unsigned i = 0; i < bi->nreserved; i++)
		reserve(bi->reserved[i].start >> PAGE_SHIFT,
			align_up(bi->reserved[i].end, PAGE_SIZE) >> PAGE_SHIFT);
	reserve(0, 1);
}

/* The lowest frame of RAM at or above `from`; its range's end in *end. ~0 without any. */
static u64 ram_next(u64 from, u64 *end)
{
	u64 best = ~0ul;

	for (unsigned i = 0; i < nram; i++) {
		u64 first = max(ram[i].start, from);

		if (first < ram[i].end && first < best) {
			best = first;
			*end = ram[i].end;
		}
	}
	return best;
}

/* The next usable frames at or above `from`: RAM, and not reserved. False at the end. */
static bool usable_next(u64 from, u64 *first, u64 *end)
{
again:
	*first = ram_next(from, end);
	if (*first == ~0ul)
		return false;
	for (unsigned i = 0; i < nreserved; i++) {
		if (*first >= reserved[i].start && *first < reserved[i].end) {
			from = reserved[i].end;
			goto again;
		}
		if (reserved[i].start > *first)
			*end = min(*end, reserved[i].start);
	}
	return true;
}

/* The array begins and ends on a block's edge: the buddy allocator looks at neighbours
 * unchecked. */
static void find_bounds(void)
{
	page_ram = (struct page_ram){ .first = ~0ul };
	for (unsigned i = 0; i < nram; i++) {
		page_ram.first = min(page_ram.first, align_down(ram[i].start, BLOCK));
		page_ram.end = max(page_ram.end, align_up(ram[i].end, BLOCK));
		page_ram.ram += ram[i].end - ram[i].start;
	}
	if (page_ram.ram == 0)
		panic("the machine reports no memory");
}

static void place_array(void)
{
	u64 bytes = (page_ram.end - page_ram.first) * sizeof(struct page);
	u64 pages = align_up(bytes, PAGE_SIZE) >> PAGE_SHIFT, first, end = 0;

	do {
		if (!usable_next(end, &first, &end))
			panic("no room for %lu KiB of page descriptors", bytes / KiB);
	} while (end - first < pages);
	reserve(first, first + pages);

	char *at = direct_map((struct pa){ first << PAGE_SHIFT });

	for (u64 i = 0; i < pages; i++)
		arch_page_clear(at + i * PAGE_SIZE);
	page_array = (struct page *)at - page_ram.first;
	page_array_frames = page_ram.end;
}

static void mark_reserved(u64 first, u64 end)
{
	for (struct page *p = page_array + first; p < page_array + end; p++)
		p->kind = PAGE_RESERVED;
}

static void add_usable(void)
{
	u64 done = page_ram.first, first, end;

	while (usable_next(done, &first, &end)) {
		mark_reserved(done, first);
		buddy_add(first, end);
		page_ram.managed += end - first;
		done = end;
	}
	mark_reserved(done, page_ram.end);
}

void page_init(const struct boot_info *bi)
{
	read_map(bi);
	find_bounds();
	place_array();
	buddy_init();
	add_usable();
	page_set_keep(min(page_ram.managed / 128, 256ul));
}

void page_release_reserved(struct pa start, struct pa end)
{
	u64 first = align_up(start.v, PAGE_SIZE) >> PAGE_SHIFT, last = end.v >> PAGE_SHIFT;

	if (first >= last)
		return;
	for (u64 frame = first; frame < last; frame++) {
		assert(page_array[frame].kind == PAGE_RESERVED);
		page_set_head(page_array + frame, 0, PAGE_FREE, 0);
	}
	buddy_add(first, last);
	__atomic_fetch_add(&page_ram.managed, last - first, __ATOMIC_RELAXED);
}
