// SPDX-License-Identifier: MIT
// uses: mm/kmap.c mm/page.c mm/page_buddy.c mm/page_boot.c mm/page_audit.c test/host/support.c
// cpus: arm64 x86_64
/* Kernel mappings, read back by a walk of the tables. */
#include <string.h>
#include "host.h"
#include "mm/kmap.h"
#include "mm/page.h"
#include "arch/arch.h"

constexpr u32 RIGHTS = P_R | P_W | P_X | P_USER;

static struct pte root[PT_SLOTS];
static unsigned flushes;

struct pte *arch_kernel_root(void) { return root; }
void arch_tlb_kernel(va_t start, va_t end) { flushes++; }
void tlb_flush_kernel(va_t start, va_t end) {}

/* The leaf that maps va; empty if there is none. */
static struct pte leaf_of(const void *p)
{
	va_t va = (va_t)p;
	struct pte *table = root;

	for (int level = PT_LEVELS - 1; level > 0; level--) {
		struct pte e = table[pt_index(va, level)];

		if (pte_kind(e, level) != PTE_TABLE)
			return (struct pte){};
		table = direct_map(pte_table_pa(e));
	}
	return table[pt_index(va, 0)];
}

static u64 free_pages(void)
{
	struct page_stats s;

	page_stats(&s);
	return s.free;
}

static void registers_are_mapped_at_any_alignment(void **state)
{
	for (u64 offset = 0; offset < 2 * PAGE_SIZE; offset += 1020)
		for (u64 size = 4; size < 5 * PAGE_SIZE; size = size * 3 + 1) {
			u64 pa = 0x3f000000 + offset;
			char *p = mmio_map((struct pa){ pa }, size);

			assert_non_null(p);
			assert_int_equal((u64)p % PAGE_SIZE, pa % PAGE_SIZE);
			for (u64 i = 0; i < size; i++) {
				struct pte e = leaf_of(p + i);

				assert_int_equal(pte_kind(e, 0), PTE_LEAF);
				assert_int_equal(pte_pa(e, 0).v, align_down(pa + i, PAGE_SIZE));
				assert_int_equal(pte_prot(e, 0) & (RIGHTS | P_DEVICE),
						 P_R | P_W | P_DEVICE);
			}
			/* What runs over faults. */
			assert_int_equal(leaf_of(p + size + PAGE_SIZE - 1).raw, 0);
		}
}

static void a_framebuffer_is_not_a_device(void **state)
{
	u32 prot = pte_prot(leaf_of(mmio_map_uncached((struct pa){ 0x3c000000 }, 8 * MiB)), 0);

	assert_int_equal(prot & (P_DEVICE | P_UNCACHED), P_UNCACHED);
}

static void a_stack_has_a_guard_below(void **state)
{
	for (unsigned i = 0; i < 200; i++) {
		char *top = kstack_alloc();

		assert_non_null(top);
		assert_int_equal((u64)top % 16, 0);
		for (char *p = top - KSTACK_SIZE; p < top; p += PAGE_SIZE) {
			assert_int_equal(pte_prot(leaf_of(p), 0) & RIGHTS, P_R | P_W);
			assert_int_equal(pa_page(pte_pa(leaf_of(p), 0))->kind, PAGE_KERNEL);
			assert_false(kstack_is_guard((va_t)p));
		}
		assert_int_equal(leaf_of(top - KSTACK_SIZE - 1).raw, 0);
		assert_true(kstack_is_guard((va_t)top - KSTACK_SIZE - 1));
		assert_int_equal(leaf_of(top).raw, 0);
	}
	assert_int_equal(kstack_pages(), 200 * KSTACK_SIZE / PAGE_SIZE);
	assert_false(kstack_is_guard(KMAP_BASE));
	assert_false(kstack_is_guard(KMAP_END - 1));
}

static void no_memory_leaves_nothing_behind(void **state)
{
	unsigned failed = 0;

	for (u64 n = 1; n < 100; n++) {
		u64 before = free_pages(), stacks = kstack_pages();

		page_fail_at(n);
		if (!kstack_alloc()) {
			/* The slot may be lost, its pages not. */
			assert_int_equal(free_pages(), before);
			assert_true(kstack_pages() - stacks <= KSTACK_SIZE / PAGE_SIZE);
			failed++;
		}
		page_fail_at(0);
	}
	assert_true(failed >= 4);
}

/* On the host a stack's addresses are not mapped: freeing one would write its link there. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_mapped_at_any_alignment),
		cmocka_unit_test(a_framebuffer_is_not_a_device),
		cmocka_unit_test(a_stack_has_a_guard_below),
		cmocka_unit_test(no_memory_leaves_nothing_behind),
	};

	host_pages_init(64 * MiB);
	kmap_init();
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
