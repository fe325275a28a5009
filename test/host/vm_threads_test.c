// SPDX-License-Identifier: MIT
// uses: mm/pt.c mm/pt_share.c mm/pt_range.c mm/pt_protect.c mm/pt_move.c mm/pt_check.c mm/tlb.c mm/asid.c mm/vm.c mm/fault.c mm/map.c
// uses: mm/map_change.c mm/remap.c mm/rss.c mm/accessed.c mm/vm_access.c mm/object.c mm/object_io.c mm/object_swap.c mm/layout.c mm/layout_change.c mm/layout_update.c mm/layout_tree.c
// uses: mm/advise.c mm/block.c mm/collapse.c mm/fault_block.c mm/fault_cow.c mm/fault_file.c mm/grow.c mm/mlock.c
// uses: mm/commit.c mm/swap.c mm/swap_store.c mm/reclaim.c mm/fault_swap.c lib/lz4.c
// uses: mm/page.c mm/page_buddy.c mm/page_boot.c mm/page_audit.c
// uses: lib/radix.c lib/printf.c test/host/support.c test/host/host_lock.c test/host/host_kmem.c test/host/vm_smp.c
// cpus: arm64 x86_64
// sanitize: thread
/*
 * Threads of one address space, and of its children, on CPUs that run at once: they touch, map, unmap, protect, advise, fork,
 * collapse and reclaim. Each thread has bytes of its own in pages that all share, and checks them; the thread sanitizer checks
 * the rest: a page that is copied or freed while some CPU can still write to it is a data race.
 */
#include <pthread.h>
#include <string.h>
#include "vm_smp.h"
#include "mm/block.h"
#include "mm/mman.h"
#include "mm/pt.h"
#include "mm/reclaim.h"
#include "mm/swap.h"

constexpr unsigned CPUS = 4, COMMON = 48, OWN = 24, SHARED = 16, BIG = 16, STEPS = 2500;
constexpr va_t COMMON_AT = 4 * MiB - COMMON / 2 * PAGE_SIZE, OWN_AT = 8 * MiB, SHARED_AT = 16 * MiB, BIG_AT = 64 * MiB;
constexpr u64 BIG_UNIT = 256 * KiB;

/* What a thread knows of a space: the values of its own bytes. */
struct view {
	u8 common[COMMON], own[OWN], shared[SHARED], big[BIG];
	bool mapped[OWN], writable[OWN];
};

struct worker {
	unsigned cpu;
	u64 random;
	struct vm *vm;			/* that the CPU runs */
	struct view view;
	struct object *object;
};

static struct vm *first;

static unsigned below(struct worker *w, unsigned limit)
{
	w->random = w->random * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(w->random >> 33) % limit;
}

static va_t own_va(const struct worker *w, unsigned i) { return OWN_AT + (w->cpu * OWN + i) * PAGE_SIZE; }

/* Reads the thread's byte of the page at va, which must be *value, or writes another. */
static void touch(struct worker *w, va_t va, u8 *value, bool write)
{
	u8 seen = write ? (u8)(1 + below(w, 255)) : 0;

	va += w->cpu * 64;
	while (!smp_access(va, write, &seen)) {
		enum fault_result res = vm_fault(w->vm, va, write ? P_W : P_R);

		if (res != FAULT_OK)
			panic("cpu %u: fault at %lx: %d", w->cpu, va, res);
	}
	if (!write && seen != *value)
		panic("cpu %u: %02x at %lx, not %02x", w->cpu, seen, va, *value);
	*value = seen;
}

static void touch_some(struct worker *w)
{
	struct view *v = &w->view;
	unsigned i;
	bool write = below(w, 2);

	switch (below(w, 5)) {
	case 0:
		i = below(w, OWN);
		if (v->mapped[i])
			touch(w, own_va(w, i), &v->own[i], write && v->writable[i]);
		break;
	case 1:
		i = below(w, SHARED);
		touch(w, SHARED_AT + (w->cpu * SHARED + i) * PAGE_SIZE, &v->shared[i], write && w->vm == first);
		break;
	case 2:
		i = below(w, BIG);
		touch(w, BIG_AT + i * BIG_UNIT, &v->big[i], write);
		break;
	default:
		i = below(w, COMMON);
		touch(w, COMMON_AT + i * PAGE_SIZE, &v->common[i], write);
		break;
	}
}

/* Takes out a part of what is mapped by blocks, and maps it again: nothing of what was there may be seen. */
static void unmap_big(struct worker *w)
{
	unsigned at = below(w, BIG), n = 1 + below(w, BIG - at);
	int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;

	assert(vm_munmap(w->vm, BIG_AT + at * BIG_UNIT, n * BIG_UNIT) == 0);
	assert(vm_mmap(w->vm, BIG_AT + at * BIG_UNIT, n * BIG_UNIT, P_R | P_W, flags, nullptr, 0, 0) > 0);
	memset(w->view.big + at, 0, n);
}

/* Maps, unmaps, protects or empties a part of the thread's own pages. */
static void change_own(struct worker *w)
{
	struct view *v = &w->view;
	unsigned at = below(w, OWN), n = 1 + below(w, OWN - at), what = below(w, 4);
	va_t va = own_va(w, at);
	bool mapped = true;

	for (unsigned i = at; i < at + n; i++)
		mapped = mapped && v->mapped[i];
	if (what == 0 || (what > 1 && !mapped)) {
		long res = vm_mmap(w->vm, va, n * PAGE_SIZE, P_R | P_W, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, nullptr, 0, 0);

		assert(res == (long)va);
	} else if (what == 1) {
		assert(vm_munmap(w->vm, va, n * PAGE_SIZE) == 0);
	} else if (what == 2) {
		assert(vm_mprotect(w->vm, va, n * PAGE_SIZE, P_R | (n % 2 ? P_W : 0)) == 0);
	} else {
		assert(vm_madvise(w->vm, va, n * PAGE_SIZE, MADV_DONTNEED) == 0);
	}
	for (unsigned i = at; i < at + n; i++) {
		v->writable[i] = what == 2 && mapped ? n % 2 : what == 3 && mapped ? v->writable[i] : true;
		v->mapped[i] = what != 1;
		v->own[i] = what == 2 && mapped ? v->own[i] : 0;
	}
}

static void give_back(struct worker *w)
{
	switch (below(w, 4)) {
	case 0:
		(void)vm_madvise(w->vm, OWN_AT, CPUS * OWN * PAGE_SIZE, below(w, 2) ? MADV_PAGEOUT : MADV_COLD);
		break;
	case 1:
		(void)vm_madvise(w->vm, BIG_AT, BIG * BIG_UNIT, MADV_COLLAPSE);
		break;
	case 2:
		(void)reclaim_anonymous_unlocked(1 + below(w, 64));
		break;
	default:
		object_punch(w->object, 0, SHARED / 2 - 1);
		memset(w->view.shared, 0, SHARED / 2);
		break;
	}
}

/* A child, in which the thread goes on for a while; then it is as if nothing had been. */
static void fork_and_go_on(struct worker *w)
{
	struct worker child = *w;

	assert(vm_fork(w->vm, 0, &child.vm) == 0);
	smp_switch(child.vm);
	for (unsigned i = 0; i < 20; i++) {
		touch_some(&child);
		if (below(&child, 8) == 0)
			change_own(&child);
		if (below(&child, 10) == 0)	/* nobody else runs the child */
			unmap_big(&child);
		if (below(&child, 20) == 0 && w->vm == first)
			fork_and_go_on(&child);
	}
	smp_switch(w->vm);
	vm_put(child.vm);
	w->random = child.random;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	smp_begin(w->cpu);
	smp_switch(first);
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned what = below(w, 100);

		if (what < 85)
			touch_some(w);
		else if (what < 92)
			change_own(w);
		else if (what < 96)
			give_back(w);
		else
			fork_and_go_on(w);
	}
	smp_switch(nullptr);
	smp_end();
	return nullptr;
}

static void print_finding(void *arg, const char *line) { fprintf(stderr, "audit: %s\n", line); }

static void map_all(struct worker *workers)
{
	int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;

	assert(vm_mmap(first, COMMON_AT, COMMON * PAGE_SIZE, P_R | P_W, flags, nullptr, 0, 0) > 0);
	assert(vm_mmap(first, BIG_AT, BIG * BIG_UNIT, P_R | P_W, flags, nullptr, 0, 0) > 0);
	/* Written first: what is read first becomes pages of zeros, not blocks. */
	for (unsigned i = 0; i < BIG; i++)
		assert(vm_fault(first, BIG_AT + i * BIG_UNIT, P_W) == FAULT_OK);
	for (unsigned i = 0; i < CPUS; i++) {
		va_t va = SHARED_AT + i * SHARED * PAGE_SIZE;

		workers[i] = (struct worker){ .cpu = i, .random = i + 1, .vm = first };
		workers[i].object = object_new_shared(SHARED * PAGE_SIZE);
		assert(vm_mmap(first, va, SHARED * PAGE_SIZE, P_R | P_W, MAP_FIXED | MAP_SHARED, workers[i].object,
			       R_MAXREAD | R_MAXWRITE, 0) > 0);
	}
}

static void threads_see_their_bytes(void **state)
{
	static struct worker workers[CPUS];
	pthread_t threads[CPUS];
	struct vm_stats stats;
	struct swap_stats swap;

	first = vm_new(false);
	map_all(workers);
	for (unsigned i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&threads[i], nullptr, work, &workers[i]), 0);
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(threads[i], nullptr);
	assert_int_equal(vm_audit(print_finding, nullptr), 0);
	vm_put(first);
	for (unsigned i = 0; i < CPUS; i++)
		object_put(workers[i].object);
	assert_int_equal(vm_audit(print_finding, nullptr), 0);
	assert_int_equal(page_audit(print_finding, nullptr), 0);
	vm_stats(&stats);
	swap_stats(&swap);
	printf("%lu faults, %lu forks, %lu copies, %lu reused, %lu blocks filled, %lu split, %lu collapsed, %lu out, %lu in\n",
	       stats.faults, stats.forks, stats.cow_copy, stats.cow_reuse, stats.block_fill, stats.block_split,
	       stats.block_collapse, swap.out, swap.in);
	assert_true(stats.forks > 100 && stats.cow_copy > 100 && stats.block_fill && stats.block_split && swap.out && swap.in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_see_their_bytes),
	};

	host_pages_init(256 * MiB);
	smp_init(CPUS);
	mm_init();
	swap_init(25);
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
