// SPDX-License-Identifier: MIT
/* What random histories meet too rarely, made on purpose: on the model's machine, each case in a space of its own. */
#include <string.h>
#include "vm_jobs.h"
#include "mm/block.h"
#include "mm/fault.h"
#include "mm/mman.h"
#include "mm/object.h"
#include "mm/pt.h"
#include "mm/reclaim.h"
#include "mm/swap.h"
#include "mm/tlb.h"

constexpr int PRIVATE = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;

/* Nobody else does anything; pages, not blocks. */
struct vm *case_begin(unsigned long with_seed)
{
	seed = with_seed;
	model_begin();
	jobs_begin(nullptr);
	machine_on_gap(nullptr);
	block_mode = BLOCK_NEVER;
	return spaces[0].vm;
}

void case_end(void)
{
	assert_null(machine_check());
	for (unsigned cpu = 0; cpu < MACHINE_CPUS; cpu++)
		machine_run(cpu, nullptr);
	block_mode = BLOCK_ALWAYS;
	model_finish();
}

static const char *tables_wrong(struct vm *vm)
{
	rwlock_write(&vm->lock);
	const char *wrong = pt_check(vm);

	rwlock_write_done(&vm->lock);
	return wrong;
}

void case_map(struct vm *vm, va_t va, u64 len)
{
	assert_int_equal(vm_mmap(vm, va, len, P_R | P_W, PRIVATE, nullptr, 0, 0), va);
}

void case_write(struct vm *vm, va_t va, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(vm_fault(vm, va + i * PAGE_SIZE, P_W), FAULT_OK);
}

static bool may_write(struct vm *vm, va_t va)
{
	int level;

	rwlock_write(&vm->lock);
	struct pte e = pt_lookup(vm, va, &level);

	rwlock_write_done(&vm->lock);
	return pte_kind(e, level) == PTE_LEAF && pte_writable(e, level);
}

/* What mprotect allows again needs no fault where the page is ours alone; not so while a child has it too. */
void a_page_of_ours_may_be_written_again(void **state)
{
	struct vm *vm = case_begin(12), *child;

	case_map(vm, GiB, PAGE_SIZE);
	case_write(vm, GiB, 1);
	assert_int_equal(vm_mprotect(vm, GiB, PAGE_SIZE, P_R), 0);
	assert_false(may_write(vm, GiB));
	assert_int_equal(vm_mprotect(vm, GiB, PAGE_SIZE, P_R | P_W), 0);
	assert_true(may_write(vm, GiB));
	assert_int_equal(vm_mprotect(vm, GiB, PAGE_SIZE, 0), 0);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	assert_int_equal(vm_mprotect(vm, GiB, PAGE_SIZE, P_R | P_W), 0);
	assert_false(may_write(vm, GiB));
	vm_put(child);
	assert_int_equal(vm_mprotect(vm, GiB, PAGE_SIZE, P_R), 0);
	assert_int_equal(vm_mprotect(vm, GiB, PAGE_SIZE, P_R | P_W), 0);
	assert_true(may_write(vm, GiB));
	case_end();
}

/* Rare in random histories: a child has copied the table of a block and gone; the block is its parent's alone again. */
void a_block_is_reused_when_the_child_has_gone(void **state)
{
	struct vm *vm = case_begin(3), *child;
	struct vm_stats before, after;

	/* After a failure some attempts are skipped. */
	for (struct page *p = nullptr; !p;) {
		p = block_new();
		if (p)
			block_put(p);
	}
	block_mode = BLOCK_ALWAYS;
	case_map(vm, BASE, 2 * BLOCK_SIZE);
	assert_int_equal(vm_fault(vm, BASE, P_W), FAULT_OK);
	assert_int_equal(vm_fault(vm, BASE + BLOCK_SIZE, P_W), FAULT_OK);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	assert_int_equal(vm_fault(child, BASE + BLOCK_SIZE, P_W), FAULT_OK);
	vm_put(child);
	vm_stats(&before);
	assert_int_equal(vm_fault(vm, BASE + 5 * PAGE_SIZE, P_W), FAULT_OK);
	vm_stats(&after);
	assert_int_equal(after.block_reuse, before.block_reuse + 1);
	assert_int_equal(after.block_split, before.block_split);
	case_end();
}

/* A child has moved a table that it shares with its parent, and a CPU reads there; then the reclaimer finds the table in the parent. */
void pages_go_from_every_address(void **state)
{
	struct vm *vm = case_begin(4), *child;
	struct swap_stats before, after;
	u8 *memory;

	case_map(vm, BASE, 2 * MiB);
	case_write(vm, BASE, 8);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	assert_int_equal(vm_mremap(child, BASE, 2 * MiB, 2 * MiB, MREMAP_MAYMOVE | MREMAP_FIXED, OTHER), OTHER);
	machine_run(1, child);
	for (unsigned i = 0; i < 8; i++)
		assert_true(machine_access(1, OTHER + i * PAGE_SIZE, P_R, &memory));
	swap_stats(&before);
	reclaim_anonymous_unlocked(64);
	swap_stats(&after);
	assert_int_equal(after.out, before.out + 8);
	assert_null(machine_check());
	machine_run(1, nullptr);
	vm_put(child);
	case_end();
}

/* One fault makes many pages writable again when a child has gone: none of a region behind that may only be read. */
void reuse_ends_with_the_region(void **state)
{
	/* Within one group of neighbours, and behind one that has been reused wholly. */
	for (unsigned n = 4; n <= 100; n += 96) {
		struct vm *vm = case_begin(5), *child;

		case_map(vm, BASE, (n + 4) * PAGE_SIZE);
		case_write(vm, BASE, n + 4);
		assert_int_equal(vm_mprotect(vm, BASE + n * PAGE_SIZE, 4 * PAGE_SIZE, P_R), 0);
		assert_int_equal(vm_fork(vm, 0, &child), 0);
		assert_int_equal(vm_fault(child, BASE, P_W), FAULT_OK);
		vm_put(child);
		case_write(vm, BASE, n);
		assert_null(tables_wrong(vm));
		case_end();
	}
}

/* Pages that may only be read become a block that may only be read. */
void a_collapse_gives_no_rights(void **state)
{
	struct vm *vm = case_begin(19);

	case_map(vm, BASE, BLOCK_SIZE);
	case_write(vm, BASE, BLOCK_PAGES);
	assert_int_equal(vm_mprotect(vm, BASE, BLOCK_SIZE, P_R), 0);
	block_mode = BLOCK_ALWAYS;
	for (int i = 0; i < 40 && vm_madvise(vm, BASE, BLOCK_SIZE, MADV_COLLAPSE); i++)
		;		/* after a failure some attempts are skipped */
	assert_int_equal(block_count(), 1);
	assert_null(tables_wrong(vm));
	case_end();
}

/* A move that found no memory leaves an empty table where nothing is mapped, and a CPU keeps it in its walk cache. The next move puts
 * another table in its place. */
void a_leftover_table_is_flushed(void **state)
{
	constexpr int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	unsigned failed = 0;

	for (unsigned n = 1; n < 12; n++) {
		struct vm *vm = case_begin(6);
		u64 len = 4 * MiB - PAGE_SIZE;
		u8 *memory;

		case_map(vm, BASE, 4 * MiB);
		case_write(vm, BASE, 3);
		case_write(vm, BASE + 2 * MiB, 3);
		machine_run(1, vm);
		machine_fail_at(n);
		long res = vm_mremap(vm, BASE + PAGE_SIZE, len, len, flags, OTHER);

		machine_fail_at(0);
		if (res == -ENOMEM) {
			failed++;
			assert_false(machine_access(1, OTHER + PAGE_SIZE, P_R, &memory));
			/* With MREMAP_FIXED the place would be cleared first. */
			assert_int_equal(vm_mremap(vm, BASE, 4 * MiB, 4 * MiB, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, OTHER), OTHER);
		}
		case_end();
	}
	assert_true(failed > 2);
}

/* A batch takes so many references. One more, and it begins anew; none is let go of without a flush. */
void a_full_batch_is_flushed(void **state)
{
	for (unsigned n = TLB_BATCH_PAGES - 1; n < TLB_BATCH_PAGES + 3; n++) {
		struct vm *vm = case_begin(7), *child;
		u8 *memory;

		case_map(vm, BASE, 2 * MiB);
		case_write(vm, BASE, 100);
		assert_int_equal(vm_fork(vm, 0, &child), 0);
		assert_int_equal(vm_fault(child, BASE + 99 * PAGE_SIZE, P_W), FAULT_OK);
		machine_run(1, child);
		for (unsigned i = 0; i < n; i++)
			assert_true(machine_access(1, BASE + i * PAGE_SIZE, P_R, &memory));
		assert_int_equal(vm_munmap(child, BASE, n * PAGE_SIZE), 0);
		assert_null(machine_check());
		machine_run(1, nullptr);
		vm_put(child);
		case_end();
	}
}

/* An old length of 0 maps the same memory once more; but not over itself, where nothing would be left of it. */
void a_doubled_mapping_stays(void **state)
{
	constexpr int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	struct vm *vm = case_begin(8);
	u8 value = 7, seen = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct object *o = object_new_shared(4 * PAGE_SIZE);

		assert_int_equal(vm_mmap(vm, BASE, 4 * PAGE_SIZE, P_R | P_W, MAP_FIXED | MAP_SHARED, o, R_MAXREAD | R_MAXWRITE, 0),
				 BASE);
		object_put(o);
		if (i == 0)
			assert_int_equal(vm_mremap(vm, BASE, 0, 4 * PAGE_SIZE, flags, BASE), -EFAULT);
	}
	assert_int_equal(vm_write(vm, BASE, &value, 1), 1);
	assert_int_equal(vm_mremap(vm, BASE, 0, PAGE_SIZE, flags, 0), -EPERM);
	assert_int_equal(vm_mremap(vm, BASE, 0, 2 * PAGE_SIZE, flags, OTHER), OTHER);
	assert_int_equal(vm_read(vm, OTHER, &seen, 1), 1);
	assert_int_equal(seen, value);
	seen = 0;
	assert_int_equal(vm_read(vm, BASE, &seen, 1), 1);
	assert_int_equal(seen, value);
	assert_null(tables_wrong(vm));
	case_end();
}

static void reclaim_job(void)
{
	reclaiming++;
	(void)reclaim_anonymous_unlocked(64);
	reclaiming--;
}

/* The kernel writes to a page through the direct map, with no lock: the reclaimer must not take it meanwhile, and lose the write. */
void what_is_written_to_is_not_reclaimed(void **state)
{
	struct vm *vm = case_begin(9);

	case_map(vm, BASE, 16 * PAGE_SIZE);
	case_write(vm, BASE, 16);
	jobs_begin(reclaim_job);
	jobs_go_on();
	for (unsigned i = 0; i < 1500; i++) {
		va_t va = BASE + i % 16 * PAGE_SIZE;
		u8 value = (u8)(1 + i % 255), seen = 0;

		assert_int_equal(vm_write(vm, va, &value, 1), 1);
		jobs_finish();
		assert_int_equal(vm_read(vm, va, &seen, 1), 1);
		assert_int_equal(seen, value);
	}
	jobs_finish();
	(void)jobs_hold();
	case_end();
}

static struct vm *debugged;
static u8 written[MACHINE_CPUS];	/* by each CPU, at a byte of its own */

static void force_job(void)
{
	unsigned cpu = cpu_id();
	u8 value = (u8)(written[cpu] + 1);

	assert_int_equal(vm_force_write(debugged, BASE + cpu, &value, 1), 1);
	written[cpu] = value;
}

/* Debuggers write to one page that its program may not write to: no write is lost. */
void forced_writes_are_not_lost(void **state)
{
	debugged = case_begin(10);
	case_map(debugged, BASE, PAGE_SIZE);
	case_write(debugged, BASE, 1);
	assert_int_equal(vm_mprotect(debugged, BASE, PAGE_SIZE, P_R), 0);
	memset(written, 0, sizeof(written));
	jobs_begin(force_job);
	jobs_go_on();
	for (unsigned i = 0; i < 1500; i++) {
		u8 seen[MACHINE_CPUS];

		force_job();
		jobs_finish();
		(void)jobs_hold();
		assert_int_equal(vm_read(debugged, BASE, seen, sizeof(seen)), sizeof(seen));
		assert_memory_equal(seen, written, sizeof(seen));
		jobs_go_on();
	}
	(void)jobs_hold();
	case_end();
}

/* ---- MADV_DONTNEED while others fault at the same place (pt_drop) */

constexpr unsigned DROPPED = 8;
static struct vm *dropping;
static unsigned faults_meanwhile;

/* CPU 1 touches all of the pages, unless it would have to wait for the table. No translation of what was there before is left on it
 * once it has something new. */
static void touch_meanwhile(unsigned weight)
{
	const struct page *t = pt_owned(dropping, BASE, 0);
	unsigned cpu = cpu_id();
	u8 *memory;

	if (cpu == 1 || spin_is_locked(&t->lock))
		return;
	host_cpu_set(1);
	case_write(dropping, BASE, DROPPED);
	assert_null(machine_check_cpu(1));
	for (unsigned i = 0; i < DROPPED; i++)
		assert_true(machine_access(1, BASE + i * PAGE_SIZE, P_W, &memory));
	host_cpu_set(cpu);
	faults_meanwhile++;
}

void pages_are_dropped_while_others_fault(void **state)
{
	dropping = case_begin(11);
	case_map(dropping, BASE, DROPPED * PAGE_SIZE);
	case_write(dropping, BASE, DROPPED);
	machine_run(0, dropping);
	machine_run(1, dropping);
	host_cpu_set(0);
	faults_meanwhile = 0;
	machine_on_point(touch_meanwhile);
	assert_int_equal(vm_madvise(dropping, BASE, DROPPED * PAGE_SIZE, MADV_DONTNEED), 0);
	machine_on_point(nullptr);
	assert_true(faults_meanwhile);
	assert_null(machine_violation());
	case_end();
}

/* The table stays, for others may have walked to it; it goes when what is around it does. */
void tables_left_empty_go_with_their_regions(void **state)
{
	struct vm *vm = case_begin(12);

	for (unsigned more = 0; more < 2; more++) {
		/* By itself, and with what is mapped in no table. */
		va_t start = BASE - more * 4 * MiB;

		case_map(vm, BASE, DROPPED * PAGE_SIZE);
		case_write(vm, BASE, DROPPED);
		assert_int_equal(vm_madvise(vm, BASE, DROPPED * PAGE_SIZE, MADV_DONTNEED), 0);
		assert_non_null(pt_owned(vm, BASE, 0));
		assert_int_equal(vm_munmap(vm, start, BASE - start + DROPPED * PAGE_SIZE), 0);
		assert_null(pt_owned(vm, BASE, 0));
	}
	case_end();
}

static unsigned points_before;		/* the drop */

/* CPU 0 drops the pages, once, at one of the points where it need not wait for the table. */
static void drop_meanwhile(unsigned weight)
{
	const struct page *t = pt_owned(dropping, BASE, 0);
	unsigned cpu = cpu_id();

	if (cpu == 0 || !t || spin_is_locked(&t->lock) || points_before-- != 0)
		return;
	host_cpu_set(0);
	assert_int_equal(vm_madvise(dropping, BASE, DROPPED * PAGE_SIZE, MADV_DONTNEED), 0);
	host_cpu_set(cpu);
	faults_meanwhile++;
}

static void write_again_and_drop(void)
{
	struct vm *child;

	case_map(dropping, BASE, DROPPED * PAGE_SIZE);
	case_write(dropping, BASE, DROPPED);
	assert_int_equal(vm_fork(dropping, 0, &child), 0);
	assert_int_equal(vm_fault(child, BASE, P_W), FAULT_OK);
	vm_put(child);
	machine_run(1, dropping);
	host_cpu_set(1);
	machine_on_point(drop_meanwhile);
	assert_int_equal(vm_fault(dropping, BASE + PAGE_SIZE, P_W), FAULT_OK);
	machine_on_point(nullptr);
	host_cpu_set(0);
	assert_null(tables_wrong(dropping));
}

/* A fault has found a page that is its space's alone, to be written again; before it has the table's lock the page is dropped. Tried at
 * each of the fault's points. */
void what_is_dropped_does_not_come_back(void **state)
{
	for (unsigned n = 0; n == 0 || faults_meanwhile; n++) {
		dropping = case_begin(13);
		faults_meanwhile = 0;
		points_before = n;
		write_again_and_drop();
		case_end();
	}
}

static void drop_job(void)
{
	va_t va = BASE + (DROPPED - 1) * PAGE_SIZE;
	u8 seen = 1;

	assert_int_equal(vm_madvise(dropping, va, PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(vm_read(dropping, va, &seen, 1), 1);
	assert_int_equal(seen, 0);
}

/* A fault that copies a table empties the slot above for a moment: who drops a page below must not take it for nothing. */
void a_gap_is_not_taken_for_nothing(void **state)
{
	struct vm *child;

	dropping = case_begin(14);
	case_map(dropping, BASE, DROPPED * PAGE_SIZE);
	jobs_begin(drop_job);
	for (unsigned i = 0; i < 300; i++) {
		u8 value = 1;

		case_write(dropping, BASE, DROPPED);
		assert_int_equal(vm_write(dropping, BASE + (DROPPED - 1) * PAGE_SIZE, &value, 1), 1);
		assert_int_equal(vm_fork(dropping, 0, &child), 0);
		jobs_go_on();
		case_write(dropping, BASE, 1);
		jobs_finish();
		(void)jobs_hold();
		vm_put(child);
	}
	case_end();
}

/* CPU 0 unmaps the block's last page, once, at one of the points where it need not wait. */
static void unmap_meanwhile(unsigned weight)
{
	unsigned cpu = cpu_id();

	if (rwlock_is_locked(&dropping->lock) || points_before-- != 0)
		return;
	host_cpu_set(0);
	machine_on_point(nullptr);
	assert_int_equal(vm_munmap(dropping, BASE + BLOCK_SIZE - PAGE_SIZE, PAGE_SIZE), 0);
	host_cpu_set(cpu);
	faults_meanwhile++;
}

/* What was to become a block is not all mapped any more when its turn comes. Tried at each point of the call. */
void a_collapse_looks_at_the_region_again(void **state)
{
	unsigned blocks = 0;

	for (unsigned n = 0; n == 0 || faults_meanwhile; n++) {
		dropping = case_begin(21);
		case_map(dropping, BASE, BLOCK_SIZE);
		case_write(dropping, BASE, BLOCK_PAGES);
		faults_meanwhile = 0;
		points_before = n;
		host_cpu_set(1);
		machine_on_point(unmap_meanwhile);
		blocks += vm_madvise(dropping, BASE, BLOCK_SIZE, MADV_COLLAPSE) == 0;
		machine_on_point(nullptr);
		host_cpu_set(0);
		assert_null(tables_wrong(dropping));
		case_end();
	}
	assert_true(blocks);		/* the last time, and where it came too late */
}
