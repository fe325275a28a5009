// SPDX-License-Identifier: MIT
/*
 * Cases for the model's machine (see vm_model_cases.c): single laws, made to matter. Random histories meet them too, but late; and what
 * needs another CPU at one certain moment gets it here at each moment there is, one after the other.
 */
#include "vm_jobs.h"
#include "mm/block.h"
#include "mm/fault.h"
#include "mm/mman.h"
#include "mm/pt.h"
#include "mm/reclaim.h"
#include "mm/tlb.h"

static u8 byte_at(struct vm *vm, va_t va)
{
	u8 seen = 0xff;

	assert_int_equal(vm_read(vm, va, &seen, 1), 1);
	return seen;
}

static void put_byte(struct vm *vm, va_t va, u8 value)
{
	assert_int_equal(vm_write(vm, va, &value, 1), 1);
}

static void check_laws(struct vm *vm)
{
	rwlock_write(&vm->lock);
	const char *wrong = pt_check(vm);
	rwlock_write_done(&vm->lock);

	assert_null(wrong);
	assert_null(machine_check());
}

/* One block at BASE or above; after a failure some are not to be had. */
static va_t one_block(struct vm *vm)
{
	va_t va = BASE;

	block_mode = BLOCK_ALWAYS;
	case_map(vm, BASE, 20 * BLOCK_SIZE);
	while (assert_int_equal(vm_fault(vm, va, P_W), FAULT_OK), !block_count())
		va += BLOCK_SIZE;
	return va;
}

/* ---- what a child shares */

/* Law 3, of blocks: a child writes to a block that its parent has too, whole or broken. */
void a_shared_block_is_not_written_to(void **state)
{
	for (unsigned broken = 0; broken < 2; broken++) {
		struct vm *vm = case_begin(30), *child;
		va_t va = one_block(vm);

		if (broken)
			put_byte(vm, va, 7);	/* who holds a page of it breaks it */
		assert_int_equal(vm_fork(vm, 0, &child), 0);
		assert_int_equal(vm_fault(child, va, P_W), FAULT_OK);
		check_laws(child);
		check_laws(vm);
		put_byte(child, va, 9);
		assert_int_equal(byte_at(vm, va), broken ? 7 : 0);
		vm_put(child);
		case_end();
	}
}

/* Fork copies one page at once: it is the child's own. */
void a_page_copied_by_fork_is_the_childs(void **state)
{
	struct vm *vm = case_begin(31), *child;

	case_map(vm, BASE, 4 * PAGE_SIZE);
	case_write(vm, BASE, 4);
	put_byte(vm, BASE, 7);
	assert_int_equal(vm_fork(vm, BASE, &child), 0);
	check_laws(child);
	put_byte(child, BASE, 9);
	assert_int_equal(byte_at(vm, BASE), 7);
	check_laws(vm);
	vm_put(child);
	case_end();
}

/* A debugger writes where the program may not, to a page that a child has too. */
void a_forced_write_is_not_shared(void **state)
{
	struct vm *vm = case_begin(32), *child;
	u8 value = 9;

	case_map(vm, BASE, PAGE_SIZE);
	put_byte(vm, BASE, 7);
	assert_int_equal(vm_mprotect(vm, BASE, PAGE_SIZE, P_R), 0);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	assert_int_equal(vm_force_write(vm, BASE, &value, 1), 1);
	assert_int_equal(byte_at(child, BASE), 7);
	assert_int_equal(byte_at(vm, BASE), 9);
	vm_put(child);
	case_end();
}

/* Law 12: such a page is no program's to write to, so its entry is clean; it is not when mprotect gives the right. */
void a_right_to_write_comes_with_dirty(void **state)
{
	struct vm *vm = case_begin(41);
	u8 value = 9;

	case_map(vm, BASE, 2 * PAGE_SIZE);
	assert_int_equal(vm_mprotect(vm, BASE, PAGE_SIZE, P_R), 0);
	assert_int_equal(vm_force_write(vm, BASE, &value, 1), 1);
	assert_int_equal(vm_mprotect(vm, BASE, PAGE_SIZE, P_R | P_W), 0);
	check_laws(vm);
	case_end();
}

/* One page loses rights, and gets them back, and each CPU that had it hears of it. */
void every_cpu_hears_of_one_page(void **state)
{
	struct vm *vm = case_begin(42);
	u8 *memory;

	case_map(vm, BASE, 3 * PAGE_SIZE);
	case_write(vm, BASE, 3);
	for (unsigned cpu = 0; cpu < 3; cpu++)
		machine_run(cpu, vm);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned cpu = 0; cpu < 3; cpu++)
			assert_true(machine_access(cpu, BASE + PAGE_SIZE, P_W, &memory));
		assert_int_equal(vm_mprotect(vm, BASE + PAGE_SIZE, PAGE_SIZE, i ? 0 : P_R), 0);
		assert_null(machine_check());
		for (unsigned cpu = 0; cpu < 3; cpu++)
			assert_false(machine_access(cpu, BASE + PAGE_SIZE, P_W, &memory));
		assert_int_equal(vm_mprotect(vm, BASE + PAGE_SIZE, PAGE_SIZE, P_R | P_W), 0);
		for (unsigned cpu = 0; cpu < 3; cpu++) {		/* a right that is added, by a fault if need be (law 10) */
			host_cpu_set(cpu);
			assert_int_equal(vm_fault(vm, BASE + PAGE_SIZE, P_W), FAULT_OK);
		}
		host_cpu_set(0);
	}
	case_end();
}

/* The first tables of a range are missing; those behind are shared, and are restricted all the same. */
void shared_tables_behind_a_hole_are_restricted(void **state)
{
	struct vm *vm = case_begin(33), *child;
	u8 *memory;

	case_map(vm, BASE, 6 * MiB);
	case_write(vm, BASE + 2 * MiB, 1);
	case_write(vm, BASE + 4 * MiB, 1);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	assert_int_equal(vm_mprotect(vm, BASE, 6 * MiB, 0), 0);
	machine_run(1, vm);
	assert_false(machine_access(1, BASE + 2 * MiB, P_R, &memory));
	assert_false(machine_access(1, BASE + 4 * MiB, P_R, &memory));
	vm_put(child);
	case_end();
}

/* ---- advice, locks and seals */

void a_child_has_what_it_was_promised(void **state)
{
	struct vm *vm = case_begin(34), *child;
	u8 seen;

	case_map(vm, BASE, 3 * PAGE_SIZE);
	for (unsigned i = 0; i < 3; i++)
		put_byte(vm, BASE + i * PAGE_SIZE, 7);
	assert_int_equal(vm_madvise(vm, BASE, PAGE_SIZE, MADV_DONTFORK), 0);
	assert_int_equal(vm_madvise(vm, BASE + PAGE_SIZE, PAGE_SIZE, MADV_WIPEONFORK), 0);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	assert_int_equal(vm_read(child, BASE, &seen, 1), 0);
	assert_int_equal(byte_at(child, BASE + PAGE_SIZE), 0);
	assert_int_equal(byte_at(child, BASE + 2 * PAGE_SIZE), 7);
	vm_put(child);
	case_end();
}

void a_guard_takes_what_was_there(void **state)
{
	struct vm *vm = case_begin(35);
	u8 *memory;

	case_map(vm, BASE, 2 * PAGE_SIZE);
	put_byte(vm, BASE, 7);
	machine_run(1, vm);
	assert_true(machine_access(1, BASE, P_R, &memory));
	assert_int_equal(vm_madvise(vm, BASE, PAGE_SIZE, MADV_GUARD_INSTALL), 0);
	assert_false(machine_access(1, BASE, P_R, &memory));
	assert_int_equal(vm_madvise(vm, BASE, PAGE_SIZE, MADV_GUARD_REMOVE), 0);
	assert_int_equal(byte_at(vm, BASE), 0);
	case_end();
}

void locked_memory_stays(void **state)
{
	struct vm *vm = case_begin(36);

	case_map(vm, BASE, 8 * PAGE_SIZE);
	case_write(vm, BASE, 8);
	assert_int_equal(vm_mlock(vm, BASE, 8 * PAGE_SIZE, R_LOCKED), 0);
	for (unsigned i = 0; i < 4; i++)		/* what was used gets a second chance */
		reclaim_anonymous_unlocked(64);
	for (unsigned i = 0; i < 8; i++) {
		int level;

		rwlock_write(&vm->lock);
		assert_int_equal(pte_kind(pt_lookup(vm, BASE + i * PAGE_SIZE, &level), 0), PTE_LEAF);
		rwlock_write_done(&vm->lock);
	}
	case_end();
}

void what_is_sealed_does_not_move(void **state)
{
	struct vm *vm = case_begin(37);

	case_map(vm, BASE, 4 * PAGE_SIZE);
	case_map(vm, OTHER, 4 * PAGE_SIZE);
	assert_int_equal(vm_mseal(vm, BASE, 4 * PAGE_SIZE), 0);
	assert_int_equal(vm_mremap(vm, BASE, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), -EPERM);
	assert_int_equal(vm_mremap(vm, BASE, 4 * PAGE_SIZE, 8 * PAGE_SIZE, 0, 0), -EPERM);
	assert_int_equal(vm_mremap(vm, OTHER, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE), -EPERM);
	case_end();
}

/* ---- another CPU, at each moment in turn */

static struct vm *parent, *leaving;
static unsigned moments_before;
static void (*deed)(void);

/* Around flushes and allocations. */
static void moment(unsigned weight)
{
	unsigned cpu = cpu_id();

	if (weight < 4 || moments_before-- != 0)
		return;
	machine_on_point(nullptr);
	host_cpu_set(2);
	deed();
	host_cpu_set(cpu);
	deed = nullptr;
}

/* The n-th moment from now on. */
static void at_moment(unsigned n, void (*fn)(void))
{
	moments_before = n;
	deed = fn;
	machine_on_point(moment);
}

/* Was there such a moment? */
static bool moment_came(void)
{
	machine_on_point(nullptr);
	assert_null(machine_violation());
	return !deed;
}

static void child_leaves(void)
{
	vm_put(leaving);
	leaving = nullptr;
}

static void share_pages(unsigned pages)
{
	u8 *memory;

	parent = case_begin(38);
	case_map(parent, BASE, 2 * MiB);
	case_write(parent, BASE, pages);
	assert_int_equal(vm_fork(parent, 0, &leaving), 0);
	/* The path is the parent's own before it matters. */
	assert_int_equal(vm_fault(parent, BASE + pages * PAGE_SIZE, P_W), FAULT_OK);
	machine_run(0, parent);
	machine_run(1, parent);
	for (unsigned i = 0; i < pages; i++)
		assert_true(machine_access(1, BASE + i * PAGE_SIZE, P_R, &memory));
}

/* Law 8: a child has the pages too, so that nobody frees them when they are let go of; but it may leave before the flush. */
void pages_stay_until_the_flush(void **state)
{
	for (unsigned copy = 0; copy < 2; copy++) {
		unsigned pages = copy ? 1 : TLB_BATCH_PAGES;

		for (unsigned n = 0, came = 1; came; n++) {
			share_pages(pages);
			at_moment(n, child_leaves);
			if (copy)
				assert_int_equal(vm_fault(parent, BASE, P_W), FAULT_OK);
			else
				assert_int_equal(vm_munmap(parent, BASE, pages * PAGE_SIZE), 0);
			came = moment_came();
			if (leaving)
				child_leaves();
			case_end();
			if (n == 0)
				assert_true(came);
		}
	}
}

static u8 stored;

static void store_a_byte(void)
{
	u8 *memory;

	if (machine_access(1, BASE, P_W, &memory))
		*memory = stored = 9;
}

/* What a CPU writes while pages become a block is in the block, as long as it can write at all. */
void a_collapse_loses_no_write(void **state)
{
	for (unsigned n = 0, came = 1; came; n++) {
		u8 *memory;

		parent = case_begin(39);
		case_map(parent, BASE, BLOCK_SIZE);
		case_write(parent, BASE, BLOCK_PAGES);
		put_byte(parent, BASE, 7);
		machine_run(0, parent);
		machine_run(1, parent);
		assert_true(machine_access(1, BASE, P_W, &memory));
		stored = 7;
		at_moment(n, store_a_byte);
		(void)vm_madvise(parent, BASE, BLOCK_SIZE, MADV_COLLAPSE);
		came = moment_came();
		assert_int_equal(byte_at(parent, BASE), stored);
		case_end();
	}
}

static void fault_nearby(void)
{
	assert_int_equal(vm_fault(parent, BASE + PAGE_SIZE, P_W), FAULT_OK);
	put_byte(parent, BASE + PAGE_SIZE, stored = 9);
}

/* Two CPUs touch the same new block: the first to fill it wins. */
void two_fill_one_block(void **state)
{
	for (unsigned n = 0, came = 1; came; n++) {
		parent = case_begin(40);
		one_block(parent);
		assert_int_equal(vm_munmap(parent, BASE, 20 * BLOCK_SIZE), 0);
		case_map(parent, BASE, BLOCK_SIZE);
		stored = 0;
		at_moment(n, fault_nearby);
		assert_int_equal(vm_fault(parent, BASE, P_W), FAULT_OK);
		came = moment_came();
		assert_int_equal(byte_at(parent, BASE + PAGE_SIZE), stored);
		check_laws(parent);
		case_end();
	}
}

/* The page behind what has just been joined was touched last. Its region stands elsewhere now, and then loses all rights. */
static void last_region_loses_rights(struct vm *vm)
{
	assert_int_equal(vm_mprotect(vm, BASE + 3 * PAGE_SIZE, PAGE_SIZE, 0), 0);
	assert_int_equal(vm_fault(vm, BASE + 3 * PAGE_SIZE, P_R), FAULT_ACCERR);
}

/* A region that faults guess to be the one they want is no longer where it was when others have been joined. */
void a_guess_ends_when_regions_are_joined(void **state)
{
	struct vm *vm = case_begin(41);

	case_map(vm, BASE, 4 * PAGE_SIZE);
	assert_int_equal(vm_mprotect(vm, BASE + PAGE_SIZE, PAGE_SIZE, 0), 0);
	assert_int_equal(vm_mprotect(vm, BASE + 3 * PAGE_SIZE, PAGE_SIZE, P_R), 0);
	assert_int_equal(vm_fault(vm, BASE + 3 * PAGE_SIZE, P_R), FAULT_OK);
	assert_int_equal(vm_mprotect(vm, BASE + PAGE_SIZE, PAGE_SIZE, P_R | P_W), 0);
	last_region_loses_rights(vm);

	assert_int_equal(vm_munmap(vm, BASE + PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(vm_mprotect(vm, BASE + 3 * PAGE_SIZE, PAGE_SIZE, P_R), 0);
	assert_int_equal(vm_fault(vm, BASE + 3 * PAGE_SIZE, P_R), FAULT_OK);
	case_map(vm, BASE + PAGE_SIZE, PAGE_SIZE);
	last_region_loses_rights(vm);
	case_end();
}
