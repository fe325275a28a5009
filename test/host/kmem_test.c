// SPDX-License-Identifier: MIT
// uses: mm/kmem.c mm/slab.c mm/kmalloc.c mm/page.c mm/page_buddy.c mm/page_boot.c mm/page_audit.c
// uses: lib/printf.c test/host/support.c
/* Slabs and kmalloc on the real page allocator, with the debug checks on. */
#include <string.h>
#include "host.h"
#include "mm/kmem.h"
#include "mm/page.h"

static void print_finding(void *arg, const char *line)
{
	fprintf(stderr, "audit: %s\n", line);
}

static void assert_sound(void)
{
	assert_int_equal(kmem_audit(print_finding, nullptr), 0);
	assert_int_equal(page_audit(print_finding, nullptr), 0);
}

static struct slab_info info_of(const char *name)
{
	struct slab_info info;

	for (unsigned i = 0; slab_info(i, &info); i++)
		if (strcmp(info.name, name) == 0)
			return info;
	fail_msg("no cache %s", name);
	return info;
}

static u64 free_pages(void)
{
	struct page_stats s;

	page_stats(&s);
	return s.free;
}

/* Random sizes: aligned, apart from each other, contents kept until freed. */
static void random_objects_do_not_overlap(void **state)
{
	static struct { u8 *p; size_t size; u8 tag; } all[1500];

	for (unsigned step = 0; step < 60000; step++) {
		unsigned i = host_below(ARRAY_SIZE(all));

		host_cpu_set(host_below(4));
		if (all[i].p) {
			for (size_t n = 0; n < all[i].size; n++)
				assert_true(all[i].p[n] == all[i].tag);
			kfree(all[i].p);
			all[i].p = nullptr;
			continue;
		}
		all[i].size = host_below(64) ? host_below(1u << host_below(14)) : host_below(70000);
		all[i].tag = (u8)step;
		all[i].p = kmalloc(all[i].size);
		assert_non_null(all[i].p);
		assert_int_equal((u64)all[i].p % 16, 0);
		memset(all[i].p, all[i].tag, all[i].size);
		if (step % 5000 == 0)
			assert_sound();
	}
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		kfree(all[i].p);
	host_cpu_set(0);
	for (unsigned size = 16; size <= 8192; size *= 2) {
		char name[20];

		snprintf(name, sizeof(name), "kmalloc-%u", size);
		assert_int_equal(info_of(name).in_use, 0);
	}
	assert_sound();
}

static void objects_are_aligned_and_counted(void **state)
{
	struct slab_cache *c = slab_create("test-aligned", 100, 64);
	void *objects[200];

	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
		objects[i] = slab_alloc(c);
		assert_int_equal((u64)objects[i] % 64, 0);
	}
	assert_int_equal(info_of("test-aligned").in_use, 200);
	assert_int_equal(info_of("test-aligned").size, 100);
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
		slab_free(c, objects[i]);
	assert_int_equal(info_of("test-aligned").in_use, 0);
	/* Magazine and one empty slab: the rest went back. */
	assert_true(info_of("test-aligned").pages <= 16);
}

static void zeroed_and_duplicated(void **state)
{
	for (size_t size = 1; size < 20000; size = size * 3 + 1) {
		u8 *p = kzalloc(size), *q;

		for (size_t i = 0; i < size; i++)
			assert_true(p[i] == 0);
		memset(p, 0x77, size);
		q = kmemdup(p, size);
		assert_memory_equal(p, q, size);
		kfree(p);
		kfree(q);
	}
	char *s = kstrdup("seventeen letters");

	assert_string_equal(s, "seventeen letters");
	kfree(s);
	kfree(nullptr);
}

static void krealloc_keeps_what_fits(void **state)
{
	u8 *p = krealloc(nullptr, 10);
	size_t size = 10;

	memset(p, 0x42, size);
	for (unsigned i = 0; i < 200; i++) {
		size_t next = 1 + host_below(30000);
		u8 *q = krealloc(p, next);

		assert_non_null(q);
		for (size_t n = 0; n < min(size, next); n++)
			assert_true(q[n] == 0x42);
		memset(q, 0x42, next);
		p = q;
		size = next;
	}
	kfree(p);
	assert_null(kmalloc(5 * MiB));
}

static void memory_runs_out_and_comes_back(void **state)
{
	static void *all[20000];
	unsigned n = 0;

	for (; n < ARRAY_SIZE(all) && (all[n] = kmalloc(4000)); n++)
		;
	assert_true(n > 1000 && n < ARRAY_SIZE(all));
	u64 low = free_pages();

	while (n)
		kfree(all[--n]);
	assert_true(free_pages() > low + 4000);
	assert_sound();

	/* What was a slab is now pages like others. */
	struct page *chain = nullptr, *p;

	for (; n < 3000 && (p = page_alloc(0, PAGE_ANON, 0)); n++) {
		p->next = chain;
		chain = p;
	}
	assert_sound();
	page_free_chain(chain);
	assert_sound();
}

static void free_object(void *p) { kfree(p); }

static void mistakes_panic_with_the_name(void **state)
{
	char *p = kmalloc(40);

	p[48] = 1;
	assert_non_null(strstr(host_panic_of(free_object, p), "kmalloc-48: "));
	p = kmalloc(60);
	kfree(p);
	assert_non_null(strstr(host_panic_of(free_object, p), "kmalloc-64: "));
	assert_non_null(strstr(host_panic_of(free_object, p), "twice"));

	struct page *page = page_alloc(0, PAGE_ANON, 0);

	assert_non_null(strstr(host_panic_of(free_object, page_address(page)), "kfree of"));
	page_free(page);
}

static void alloc_64(void *arg) { (void)!kmalloc(64); }

static void a_write_to_a_free_object_is_noticed(void **state)
{
	char *p = kmalloc(64);

	kfree(p);
	p[20] = 1;
	assert_non_null(strstr(host_panic_of(alloc_64, nullptr), "offset 20"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_objects_do_not_overlap),
		cmocka_unit_test(objects_are_aligned_and_counted),
		cmocka_unit_test(zeroed_and_duplicated),
		cmocka_unit_test(krealloc_keeps_what_fits),
		cmocka_unit_test(memory_runs_out_and_comes_back),
		cmocka_unit_test(mistakes_panic_with_the_name),
		cmocka_unit_test(a_write_to_a_free_object_is_noticed),
	};

	host_pages_init(64 * MiB);
	kmem_init();
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
