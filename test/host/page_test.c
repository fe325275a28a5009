// SPDX-License-Identifier: MIT
// uses: mm/page.c mm/page_buddy.c mm/page_boot.c mm/page_audit.c test/host/support.c
/* The page allocator over 32 MiB: contents, counts, merging, exhaustion, reclaim, mistakes of
 * callers. */
#include <string.h>
#include "host.h"
#include "mm/page.h"
#include "arch/arch.h"

constexpr u64 RAM = 32 * MiB;
constexpr unsigned CPUS = 4;
constexpr unsigned HELD_MAX = RAM / PAGE_SIZE;

static struct page *held[HELD_MAX];
static unsigned nheld;

static u64 free_pages(void)
{
	struct page_stats s;

	page_stats(&s);
	return s.free;
}

static void print_finding(void *arg, const char *line)
{
	fprintf(stderr, "audit: %s\n", line);
}

static void assert_sound(void)
{
	assert_int_equal(page_audit(print_finding, nullptr), 0);
}

static void hold(struct page *p) { held[nheld++] = p; }

static void release_all(void)
{
	while (nheld)
		page_free(held[--nheld]);
}

/* From every CPU, since each keeps some pages to itself. */
static void hold_all(unsigned order, u32 flags)
{
	for (unsigned cpu = CPUS; cpu-- > 0;) {
		host_cpu_set(cpu);
		for (struct page *p; (p = page_alloc(order, PAGE_KERNEL, flags));)
			hold(p);
	}
}

static bool can_alloc(unsigned order, u32 flags)
{
	struct page *p = page_alloc(order, PAGE_KERNEL, flags);

	if (p)
		page_free(p);
	return p;
}

static void boot_accounts_for_every_frame(void **state)
{
	struct page_stats s;

	page_stats(&s);
	assert_int_equal(s.total + s.kind[PAGE_RESERVED], RAM / PAGE_SIZE);
	assert_int_equal(s.free, s.total);
	/* The descriptors, and nothing else. */
	assert_int_equal(s.kind[PAGE_RESERVED], RAM / PAGE_SIZE * sizeof(struct page) / PAGE_SIZE);
	assert_true(pa_is_ram((struct pa){ HOST_PA_BASE }));
	assert_true(pa_is_ram((struct pa){ HOST_PA_BASE + RAM - 1 }));
	assert_false(pa_is_ram((struct pa){ HOST_PA_BASE + RAM }));
	assert_false(pa_is_ram((struct pa){ HOST_PA_BASE - 1 }));
	assert_sound();
}

static void a_block_is_aligned_and_described(void **state)
{
	for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) {
		struct page *p = page_alloc(order, PAGE_ANON, PA_ZERO);
		const char *bytes = page_address(p);

		assert_non_null(p);
		assert_int_equal(page_pa(p).v % (PAGE_SIZE << order), 0);
		assert_true(p->refs == 1 && p->kind == PAGE_ANON && p->order == order);
		assert_true(p->flags == 0 && p->aux == 0 && p->index == 0);
		for (u64 i = 0; i < PAGE_SIZE << order; i++)
			assert_true(bytes[i] == 0);
		memset(page_address(p), 0x11, PAGE_SIZE << order);
		page_put(p);
	}
	assert_sound();
}

/* No byte belongs to two blocks: each is filled with its own number, checked when it goes. */
static void random_blocks_do_not_overlap(void **state)
{
	static struct { struct page *p; u64 tag; unsigned order; } all[400];
	u64 before = free_pages();

	for (u64 step = 1; step < 20000; step++) {
		unsigned i = host_below(ARRAY_SIZE(all));

		host_cpu_set(host_below(CPUS));
		if (all[i].p) {
			u64 *word = page_address(all[i].p);

			for (u64 n = 0; n < 1ul << all[i].order; n++)
				assert_true(word[n * PAGE_SIZE / 8 + n] == all[i].tag);
			page_free(all[i].p);
			all[i].p = nullptr;
			continue;
		}
		all[i].order = host_below(4) ? 0 : host_below(8);
		all[i].tag = step;
		all[i].p = page_alloc(all[i].order, PAGE_KERNEL, 0);
		for (u64 n = 0; all[i].p && n < 1ul << all[i].order; n++)
			((u64 *)page_address(all[i].p))[n * PAGE_SIZE / 8 + n] = step;
		if (step % 1000 == 0)
			assert_sound();
	}
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].p)
			page_free(all[i].p);
	host_cpu_set(0);
	assert_int_equal(free_pages(), before);
	assert_sound();
}

static void single_pages_merge_when_a_block_is_wanted(void **state)
{
	u64 before = free_pages();

	hold_all(0, PA_RESERVE);
	assert_int_equal(free_pages(), 0);
	assert_null(page_alloc(0, PAGE_KERNEL, PA_RESERVE));
	release_all();
	assert_int_equal(free_pages(), before);

	/* All blocks of the largest size that memory can hold: the first one is cut by the
	 * descriptors. */
	hold_all(PAGE_ORDER_MAX, PA_RESERVE);
	assert_int_equal(nheld, RAM / PAGE_SIZE / (1ul << PAGE_ORDER_MAX) - 1);
	assert_sound();
	release_all();
	assert_int_equal(free_pages(), before);
	assert_sound();
}

static void the_reserve_is_kept_from_ordinary_requests(void **state)
{
	hold_all(0, 0);
	u64 left = free_pages();

	assert_true(left > 0);
	assert_false(can_alloc(0, 0));
	assert_true(can_alloc(0, PA_NOWAIT));
	hold_all(0, PA_NOWAIT);
	assert_true(free_pages() < left && free_pages() > 0);
	assert_false(can_alloc(0, PA_NOWAIT));
	assert_true(can_alloc(0, PA_RESERVE));
	release_all();
}

static unsigned asked_first, asked_last;

static u64 give_nothing(u64 want)
{
	asked_first++;
	return 0;
}

static u64 give_one(u64 want)
{
	asked_last++;
	if (nheld == 0)
		return 0;
	page_free(held[--nheld]);
	return 1;
}

static void reclaim_asks_in_order_and_gives_up(void **state)
{
	static struct shrinker last = { .shrink = give_one, .order = 9 },
			       first = { .shrink = give_nothing, .order = 0 };

	hold_all(0, 0);
	shrinker_register(&last);
	shrinker_register(&first);
	assert_ptr_equal(first.next, &last);
	hold_all(0, PA_NOWAIT);
	assert_int_equal(asked_first, 0);
	assert_true(can_alloc(0, 0));
	assert_true(asked_first >= 1 && asked_last >= 1);

	struct page *kept[HELD_MAX];
	unsigned n = nheld;

	memcpy(kept, held, sizeof(kept));
	nheld = 0;			/* nothing to be had: it ends */
	assert_false(can_alloc(1, 0));
	memcpy(held, kept, sizeof(kept));
	nheld = n;
	release_all();
}

static void the_nth_allocation_fails_once(void **state)
{
	for (u64 n = 1; n < 5; n++) {
		page_fail_at(n);
		for (u64 i = 1; i < 8; i++) {
			struct page *p = page_alloc(i % 2, PAGE_KERNEL, 0);

			assert_true(i == n ? p == nullptr : p != nullptr);
			if (p)
				page_free(p);
		}
	}
}

static void split_pages_live_alone(void **state)
{
	struct page *p = page_alloc(5, PAGE_ANON, 0);

	page_split(p);
	assert_sound();
	for (unsigned i = 0; i < 32; i++) {
		assert_true(p[i].refs == 1 && p[i].kind == PAGE_ANON && p[i].order == 0);
		page_put(p + i);
	}
	assert_sound();
}

static void a_chain_of_pages_is_freed(void **state)
{
	for (unsigned n = 0; n < 300; n += 7) {
		u64 before = free_pages();
		struct page *chain = nullptr;

		for (unsigned i = 0; i < n; i++) {
			enum page_kind kind = i % 50 < 40 ? PAGE_ANON : PAGE_KERNEL;
			struct page *p = page_alloc(i % 90 == 60 ? 3 : 0, kind, 0);

			p->next = chain;
			chain = p;
		}
		page_free_chain(chain);
		assert_int_equal(free_pages(), before);
		assert_sound();
	}
}

static void free_page(void *p) { page_free(p); }

static void freeing_twice_panics(void **state)
{
	struct page *p = page_alloc(0, PAGE_KERNEL, 0), *block = page_alloc(3, PAGE_KERNEL, 0);

	page_free(p);
	assert_non_null(strstr(host_panic_of(free_page, p), "it is free"));
	assert_non_null(strstr(host_panic_of(free_page, block + 1), "it is free"));
	page_free(block);
	assert_non_null(strstr(host_panic_of(free_page, block), "it is free"));
	/* The first frame holds descriptors. */
	assert_non_null(strstr(host_panic_of(free_page, pa_page((struct pa){ HOST_PA_BASE })),
			       "not ours"));
	p = page_alloc(0, PAGE_KERNEL, 0);
	p->refs = 2;
	assert_non_null(strstr(host_panic_of(free_page, p), "refs 2"));
	p->refs = 1;
	page_free(p);
}

static void alloc_one(void *arg) { (void)!page_alloc(0, PAGE_KERNEL, 0); }

static void a_write_to_a_free_page_is_noticed(void **state)
{
	struct page *p = page_alloc(0, PAGE_KERNEL, 0);

	page_free(p);
	((char *)page_address(p))[100] = 1;
	assert_non_null(strstr(host_panic_of(alloc_one, nullptr), "offset 0x64"));
}

static void audit_finds_a_lost_page(void **state)
{
	struct page *p = page_alloc(0, PAGE_KERNEL, 0);

	p->kind = PAGE_ANON;
	assert_int_equal(page_audit(nullptr, nullptr), 2);
	p->kind = PAGE_KERNEL;
	page_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_accounts_for_every_frame),
		cmocka_unit_test(a_block_is_aligned_and_described),
		cmocka_unit_test(random_blocks_do_not_overlap),
		cmocka_unit_test(single_pages_merge_when_a_block_is_wanted),
		cmocka_unit_test(the_reserve_is_kept_from_ordinary_requests),
		cmocka_unit_test(reclaim_asks_in_order_and_gives_up),
		cmocka_unit_test(the_nth_allocation_fails_once),
		cmocka_unit_test(split_pages_live_alone),
		cmocka_unit_test(a_chain_of_pages_is_freed),
		cmocka_unit_test(audit_finds_a_lost_page),
		cmocka_unit_test(freeing_twice_panics),
		cmocka_unit_test(a_write_to_a_free_page_is_noticed),
	};

	host_pages_init(RAM);
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
