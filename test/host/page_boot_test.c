// SPDX-License-Identifier: MIT
// uses: mm/page.c mm/page_buddy.c mm/page_boot.c mm/page_audit.c test/host/support.c
/* Memory maps: holes, ranges that are not whole frames, reserved ranges that overlap, lie
 * outside or at random. */
#include <string.h>
#include "host.h"
#include "mm/page.h"
#include "arch/arch.h"

constexpr u64 RAM = 24 * MiB;

static struct boot_info bi;

static void print_finding(void *arg, const char *line)
{
	fprintf(stderr, "audit: %s\n", line);
}

/* Offsets from the start of memory. */
static void add_ram(u64 start, u64 end)
{
	bi.ram[bi.nram++] = (struct boot_range){ HOST_PA_BASE + start, HOST_PA_BASE + end };
}

static void reserve(u64 start, u64 end)
{
	bi.reserved[bi.nreserved++] =
		(struct boot_range){ HOST_PA_BASE + start, HOST_PA_BASE + end };
}

static int new_map(void **state)
{
	host_ram_init(RAM, &bi);
	bi.nram = 0;
	return 0;
}

static bool touches(const struct boot_range *r, u64 pa)
{
	return r->start < pa + PAGE_SIZE && r->end > pa;
}

/* Exactly the frames wholly in RAM and not touched by a reserved byte are free, but for the
 * descriptors. */
static void assert_map(void)
{
	struct page_stats s;
	u64 usable = 0;

	page_init(&bi);
	for (u64 pa = HOST_PA_BASE; pa < HOST_PA_BASE + RAM; pa += PAGE_SIZE) {
		bool ram = false, reserved = false;

		for (unsigned i = 0; i < bi.nram; i++)
			ram |= pa >= bi.ram[i].start && pa + PAGE_SIZE <= bi.ram[i].end;
		for (unsigned i = 0; i < bi.nreserved; i++)
			reserved |= touches(&bi.reserved[i], pa);
		assert_int_equal(pa_is_ram((struct pa){ pa }), ram);
		usable += ram && !reserved;
		if (pa < page_array_frames << PAGE_SHIFT && (!ram || reserved))
			assert_int_equal(pa_page((struct pa){ pa })->kind, PAGE_RESERVED);
	}
	page_stats(&s);
	assert_true(s.free <= usable && s.free + RAM / PAGE_SIZE * 32 / PAGE_SIZE + 8 >= usable);
	assert_int_equal(page_audit(print_finding, nullptr), 0);
}

static void one_range(void **state)
{
	add_ram(0, RAM);
	assert_map();
}

static void a_hole_and_ragged_edges(void **state)
{
	add_ram(9 * MiB + 100, RAM - 1);
	add_ram(PAGE_SIZE - 1, 5 * MiB + 17);
	assert_map();
}

static void reserved_ranges_overlap_and_stick_out(void **state)
{
	add_ram(0, 16 * MiB);
	reserve(1 * MiB, 3 * MiB + 1);
	reserve(2 * MiB + 5, 4 * MiB);
	reserve(2 * MiB, 2 * MiB + 10);
	reserve(15 * MiB, 40 * MiB);
	reserve(100, 101);
	assert_map();
}

static void the_start_is_too_small_for_the_descriptors(void **state)
{
	add_ram(0, RAM);
	reserve(16 * KiB, 6 * MiB);
	assert_map();
}

static void random_maps(void **state)
{
	for (int i = 0; i < 300; i++) {
		new_map(state);
		for (u64 at = host_below(1 << 20); at < RAM - 3 * MiB;) {
			u64 end = at + 64 * KiB + host_below(1 << 22);

			add_ram(at, min(end, RAM));
			at = end + 1 + host_below(1 << 20);
		}
		for (unsigned n = host_below(20); n > 0; n--) {
			u64 at = host_below(RAM);

			reserve(at, at + 1 + host_below(1 << 17));
		}
		assert_map();
	}
}

static void a_reserved_range_can_be_released(void **state)
{
	struct page_stats before, after;

	add_ram(0, RAM);
	reserve(8 * MiB + 1, 12 * MiB + 1);
	assert_map();
	page_stats(&before);
	page_release_reserved((struct pa){ bi.reserved[0].start },
			      (struct pa){ bi.reserved[0].end });
	page_stats(&after);
	/* Its first and last frame hold other bytes too. */
	assert_int_equal(after.free - before.free, 4 * MiB / PAGE_SIZE - 1);
	assert_int_equal(after.total - before.total, 4 * MiB / PAGE_SIZE - 1);
	assert_int_equal(page_audit(print_finding, nullptr), 0);
}

static void boot(void *arg) { page_init(&bi); }

static void no_memory_panics(void **state)
{
	assert_non_null(strstr(host_panic_of(boot, nullptr), "no memory"));
	add_ram(0, RAM);
	reserve(0, RAM);
	assert_non_null(strstr(host_panic_of(boot, nullptr), "no room"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_range, new_map),
		cmocka_unit_test_setup(a_hole_and_ragged_edges, new_map),
		cmocka_unit_test_setup(reserved_ranges_overlap_and_stick_out, new_map),
		cmocka_unit_test_setup(the_start_is_too_small_for_the_descriptors, new_map),
		cmocka_unit_test_setup(random_maps, new_map),
		cmocka_unit_test_setup(a_reserved_range_can_be_released, new_map),
		cmocka_unit_test_setup(no_memory_panics, new_map),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
