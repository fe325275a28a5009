// SPDX-License-Identifier: MIT
// uses: mm/kmem.c mm/slab.c mm/kmalloc.c mm/page.c mm/page_buddy.c mm/page_boot.c mm/page_audit.c
// uses: lib/printf.c test/host/support.c
// sanitize: thread
/* Four CPUs allocate and free at once, objects handed from one to another. */
#include <pthread.h>
#include <string.h>
#include "host.h"
#include "mm/kmem.h"
#include "mm/page.h"

constexpr unsigned CPUS = 4, STEPS = 20000, SHARED = 64;

static void *mailbox[SHARED];		/* objects on their way to another CPU */

static void print_finding(void *arg, const char *line)
{
	fprintf(stderr, "audit: %s\n", line);
}

static unsigned next_random(u64 *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(*state >> 33);
}

/* Puts p into a random slot of the mailbox, takes what was there. */
static void *exchange(void *p, u64 *random)
{
	return __atomic_exchange_n(&mailbox[next_random(random) % SHARED], p, __ATOMIC_ACQ_REL);
}

/* More than this CPU's lists hold: batches go to and come from the allocator of all. */
static void alloc_and_free_many(void)
{
	struct page *chain = nullptr;

	for (unsigned i = 0; i < 300; i++) {
		struct page *p = page_alloc(0, PAGE_ANON, 0);

		if (!p)
			break;
		p->next = chain;
		chain = p;
	}
	page_free_chain(chain);
}

static void *worker(void *arg)
{
	unsigned cpu = (unsigned)(u64)arg;
	u64 random = cpu + 1;

	host_cpu_set(cpu);
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned what = next_random(&random);

		if (i % 256 == 0)
			alloc_and_free_many();
		if (what % 3 == 0) {
			struct page *p = page_alloc(what / 8 % 8 ? 0 : what / 64 % 6, PAGE_ANON, 0);

			if (p)
				page_free(p);
			continue;
		}
		size_t size = 1 + what % (what & 64 ? 300 : 9000);
		char *p = kmalloc(size);

		assert_non_null(p);
		memset(p, (int)cpu, size);
		kfree(exchange(p, &random));
	}
	return nullptr;
}

static void nothing_is_lost_or_given_twice(void **state)
{
	pthread_t threads[CPUS];
	struct slab_info info;

	for (unsigned i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&threads[i], nullptr, worker, (void *)(u64)i), 0);
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(threads[i], nullptr);
	for (unsigned i = 0; i < SHARED; i++)
		kfree(mailbox[i]);
	for (unsigned i = 0; slab_info(i, &info); i++)
		assert_int_equal(info.in_use, 0);
	assert_int_equal(kmem_audit(print_finding, nullptr), 0);
	assert_int_equal(page_audit(print_finding, nullptr), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_or_given_twice),
	};

	host_pages_init(64 * MiB);
	kmem_init();
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
