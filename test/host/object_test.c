// SPDX-License-Identifier: MIT
// uses: mm/object.c mm/object_io.c mm/object_swap.c mm/page.c mm/page_buddy.c mm/page_boot.c mm/page_audit.c lib/radix.c
// uses: mm/swap.c mm/swap_store.c lib/lz4.c lib/printf.c test/host/support.c test/host/host_lock.c test/host/host_kmem.c
/* Objects with a backing store: random reads, writes, write-backs and drops against a flat model; pages that become stale
 * while they are being filled; a store that fails. */
#include <string.h>
#include "host.h"
#include "mm/object.h"
#include "mm/swap.h"

constexpr unsigned STORE_PAGES = 200;

static unsigned waits;

void vm_wait_for_memory(void)
{
	if (++waits > 10)
		fail_msg("waits for memory for ever");
}

static u8 store[STORE_PAGES][PAGE_SIZE];
static unsigned fills, writes, dirtied, unmaps;
static int store_error;
static void (*in_fill)(struct object *o);	/* once, when the store has been read */

static int disk_fill(struct object *o, struct page **pages, unsigned n, u64 index)
{
	void (*hook)(struct object *) = in_fill;

	assert_in_range(n, 1, OBJECT_RUN);
	assert_true(index + n <= STORE_PAGES);
	for (unsigned i = 0; i < n; i++)
		memcpy(page_address(pages[i]), store[index + i], PAGE_SIZE);
	fills++;
	in_fill = nullptr;
	if (hook)
		hook(o);
	return store_error;
}

static int disk_writeback(struct object *o, struct page **pages, unsigned n, u64 index)
{
	assert_true(n >= 1 && n <= OBJECT_RUN && index + n <= STORE_PAGES);
	for (unsigned i = 0; i < n && !store_error; i++)
		memcpy(store[index + i], page_address(pages[i]), PAGE_SIZE);
	writes++;
	return store_error;
}

static void disk_dirtied(struct object *o) { dirtied++; }
static void disk_release(struct object *o) { }

static const struct object_ops ops = {
	.fill = disk_fill, .writeback = disk_writeback, .dirtied = disk_dirtied, .release = disk_release,
};

void commit_shared(s64 pages) {}
void vm_unmap_object(struct object *o, u64 first, u64 last, bool copies) { unmaps++; }

static struct object o;

static u8 byte_at(u64 index)
{
	struct page *p;

	assert_int_equal(object_page(&o, index, OP_CREATE, &p), 0);
	u8 v = *(u8 *)page_address(p);

	assert_int_equal(((u8 *)page_address(p))[PAGE_SIZE - 1], v);
	page_put(p);
	return v;
}

static void write_at(u64 index, u8 v)
{
	struct page *p;

	assert_int_equal(object_page(&o, index, OP_CREATE | OP_WRITE, &p), 0);
	memset(page_address(p), v, PAGE_SIZE);
	object_page_written(p);
	page_put(p);
}

static int setup(void **state)
{
	memset(store, 0, sizeof(store));
	fills = writes = dirtied = unmaps = 0;
	store_error = 0;
	object_init(&o, &ops, nullptr);
	o.size = STORE_PAGES * PAGE_SIZE;
	return 0;
}

static int teardown(void **state)
{
	struct page_stats s;

	object_put(&o);
	page_stats(&s);
	assert_int_equal(s.kind[PAGE_CACHE], 0);
	return 0;
}

static void random_history(void **state)
{
	u8 model[STORE_PAGES] = {};

	host_seed(7);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned at = host_below(STORE_PAGES), n = 1 + host_below(STORE_PAGES - at);

		switch (host_below(6)) {
		case 0: object_read_ahead(&o, at, n); break;
		case 1: write_at(at, model[at] = (u8)step); break;
		case 2: assert_int_equal(object_writeback(&o, at, at + n - 1), 0); break;
		case 3: object_drop_clean(&o, at, at + n - 1, n); break;
		default: assert_int_equal(byte_at(at), model[at]); break;
		}
	}
	assert_int_equal(object_writeback(&o, 0, ~0ul), 0);
	assert_int_equal(o.ndirty, 0);
	for (unsigned i = 0; i < STORE_PAGES; i++)
		assert_int_equal(store[i][PAGE_SIZE / 2], model[i]);
	object_drop_clean(&o, 0, ~0ul, ~0ul);
	assert_int_equal(o.npages, 0);
}

static void runs_are_moved_at_once(void **state)
{
	object_read_ahead(&o, 0, 16);
	object_read_ahead(&o, 0, 16);
	assert_int_equal(fills, 1);
	for (unsigned i = 3; i < 13; i++)
		write_at(i, 1);
	write_at(20, 1);
	assert_int_equal(dirtied, 1);
	assert_int_equal(object_writeback(&o, 0, ~0ul), 0);
	assert_int_equal(writes, 2);
	assert_int_equal(object_writeback(&o, 0, ~0ul), 0);
	assert_int_equal(writes, 2);
}

/* Somebody else reads the page, changes it, writes it back and drops it, all while we have read the old bytes. */
static void change_behind_the_back(struct object *object)
{
	write_at(5, 99);
	assert_int_equal(object_writeback(&o, 0, ~0ul), 0);
	assert_int_equal(object_drop_clean(&o, 5, 5, 1), 1);
}

static void stale_pages_are_not_entered(void **state)
{
	in_fill = change_behind_the_back;
	assert_int_equal(byte_at(5), 99);
	object_drop_clean(&o, 0, ~0ul, ~0ul);
	store[5][0] = store[5][PAGE_SIZE - 1] = 7;
	in_fill = change_behind_the_back;
	object_read_ahead(&o, 0, 10);
	assert_int_equal(byte_at(5), 99);
}

static void dirty_and_held_pages_stay(void **state)
{
	struct page *p;

	write_at(1, 1);
	assert_int_equal(object_page(&o, 2, OP_CREATE, &p), 0);
	assert_int_equal(object_drop_clean(&o, 0, ~0ul, ~0ul), 0);
	page_put(p);
	assert_int_equal(object_drop_clean(&o, 0, ~0ul, ~0ul), 1);
	assert_int_equal(o.npages, 1);
}

static void errors_come_back(void **state)
{
	struct page *p;

	write_at(1, 1);
	store_error = -EIO;
	assert_int_equal(object_writeback(&o, 0, ~0ul), -EIO);
	assert_int_equal(object_page(&o, 9, OP_CREATE, &p), -EIO);
	object_read_ahead(&o, 9, 4);
	assert_int_equal(o.npages, 1);
	assert_null(o.fills);
}

static void whole_pages_enter_unfilled(void **state)
{
	struct page *p = page_alloc(0, PAGE_CACHE, PA_ZERO), *q = page_alloc(0, PAGE_CACHE, 0);

	assert_int_equal(object_enter(&o, 3, p, true), 0);
	assert_int_equal(object_enter(&o, 3, q, true), -EEXIST);
	assert_int_equal(object_enter(&o, STORE_PAGES, q, true), -EFAULT);
	assert_int_equal(fills, 0);
	assert_int_equal(o.ndirty, 1);
	page_put(p);
	page_put(q);
}

static void mappings_go_before_the_bytes(void **state)
{
	o.mapped = 1;
	write_at(3, 1);
	assert_int_equal(object_writeback(&o, 0, ~0ul), 0);
	assert_int_equal(unmaps, 1);
	o.mapped = 0;
}

/* Only memory is its store, and its last page is in swap: what is behind the new end must be zeros all the same. */
static void truncation_needs_no_memory(void **state)
{
	static const struct object_ops memory_ops = { .release = disk_release };
	struct page *p, *held = nullptr;
	struct object m;

	object_init(&m, &memory_ops, nullptr);
	m.size = 2 * PAGE_SIZE;
	for (u64 i = 0; i < 2; i++) {
		assert_int_equal(object_page(&m, i, OP_CREATE, &p), 0);
		memset(page_address(p), 0xaa, PAGE_SIZE);
		page_put(p);
	}
	assert_int_equal(object_swap_out(2), 2);
	while ((p = page_alloc(0, PAGE_ANON, 0))) {
		p->next = held;
		held = p;
	}
	store_relaxed(&m.size, 100);
	object_truncate(&m, 100);
	assert_int_equal(waits, 0);
	for (struct page *next; held; held = next) {
		next = held->next;
		page_put(held);
	}
	store_relaxed(&m.size, 2 * PAGE_SIZE);
	assert_int_equal(object_page(&m, 0, OP_CREATE, &p), 0);
	const u8 *bytes = page_address(p);

	assert_true(bytes[99] == 0xaa && bytes[100] == 0 && bytes[PAGE_SIZE - 1] == 0);
	page_put(p);
	object_put(&m);
}

/* What is in swap comes back before anybody touches it: of that range only, and only while memory is plenty. */
static void swapped_pages_come_ahead(void **state)
{
	static const struct object_ops memory_ops = { .release = disk_release };
	struct object m;
	struct page *p;

	object_init(&m, &memory_ops, nullptr);
	m.size = 8 * PAGE_SIZE;
	for (u64 i = 0; i < 8; i += 2) {
		assert_int_equal(object_page(&m, i, OP_CREATE, &p), 0);
		memset(page_address(p), 0xa0 + (int)i, PAGE_SIZE);
		page_put(p);
	}
	assert_int_equal(object_swap_out(4), 4);
	assert_int_equal(object_swap_ahead(&m, 1, 6, 1), 4);
	assert_int_equal(object_swap_ahead(&m, 4, 6, 1), 6);
	for (u64 i = 0; i < 8; i++) {
		bool there = object_pages_cached(&m, i, 1, &p);

		assert_int_equal(there, i == 2 || i == 4);
		if (!there)
			continue;
		assert_int_equal(*(u8 *)page_address(p), 0xa0 + i);
		page_put(p);
	}
	assert_int_equal(m.nswapped, 2);
	assert_int_equal(object_swap_ahead(&m, 0, ~0ul, 100), ~0ul);
	assert_int_equal(m.nswapped, 0);
	object_put(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_history, setup, teardown),
		cmocka_unit_test_setup_teardown(runs_are_moved_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(stale_pages_are_not_entered, setup, teardown),
		cmocka_unit_test_setup_teardown(dirty_and_held_pages_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(whole_pages_enter_unfilled, setup, teardown),
		cmocka_unit_test_setup_teardown(mappings_go_before_the_bytes, setup, teardown),
		cmocka_unit_test(truncation_needs_no_memory),
		cmocka_unit_test(swapped_pages_come_ahead),
	};

	host_pages_init(16 * MiB);
	object_cache_init();
	swap_init(50);
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
