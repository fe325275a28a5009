// SPDX-License-Identifier: MIT
/* Cases for the model's machine (see vm_model_cases.c): of blocks, of objects that several spaces map, of address-space numbers. */
#include <string.h>
#include "vm_jobs.h"
#include "mm/block.h"
#include "mm/fault.h"
#include "mm/mman.h"
#include "mm/object.h"

/* A CPU that has a block cached: it is taken its right to write, and then the block. */
void blocks_are_flushed(void **state)
{
	struct vm *vm = case_begin(11);
	u8 *memory;

	block_mode = BLOCK_ALWAYS;
	case_map(vm, BASE, 20 * BLOCK_SIZE);
	machine_run(1, vm);
	for (unsigned i = 0; i < 20; i++)		/* after a failure some are not to be had */
		assert_int_equal(vm_fault(vm, BASE + i * BLOCK_SIZE, P_W), FAULT_OK);
	for (unsigned i = 0; i < 20; i++) {
		va_t va = BASE + i * BLOCK_SIZE;

		assert_true(machine_access(1, va, P_W, &memory));
		if (i % 2)
			assert_int_equal(vm_mprotect(vm, va, BLOCK_SIZE, P_R), 0);
		assert_null(machine_check());
		assert_int_equal(vm_munmap(vm, va, BLOCK_SIZE), 0);
		assert_null(machine_check());
	}
	machine_run(1, nullptr);
	case_end();
}

/* A block is broken, and a space that still maps all of it gives it to a child. */
void a_broken_block_is_counted(void **state)
{
	struct vm *vm = case_begin(12), *child, *other;
	u8 value = 7, seen = 0;

	block_mode = BLOCK_ALWAYS;
	case_map(vm, BASE, 20 * BLOCK_SIZE);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(vm_fault(vm, BASE + i * BLOCK_SIZE, P_W), FAULT_OK);
	va_t last = BASE + 19 * BLOCK_SIZE;

	assert_int_equal(vm_write(vm, last, &value, 1), 1);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	assert_int_equal(vm_mprotect(child, last + 5 * PAGE_SIZE, PAGE_SIZE, P_R), 0);
	assert_int_equal(vm_fork(vm, 0, &other), 0);
	assert_int_equal(vm_fault(other, BASE, P_W), FAULT_OK);
	vm_put(other);
	vm_put(child);
	assert_int_equal(vm_read(vm, last, &seen, 1), 1);
	assert_int_equal(seen, value);
	case_end();
}

/* Somebody holds one page of a block that is unmapped: it stays, with its byte, until he lets go. */
void a_held_page_outlives_its_block(void **state)
{
	struct vm *vm = case_begin(22);
	va_t va = BASE + 5 * PAGE_SIZE;
	struct page *p;

	block_mode = BLOCK_ALWAYS;
	case_map(vm, BASE, 20 * BLOCK_SIZE);
	/* After a failure some are not to be had. */
	while (assert_int_equal(vm_fault(vm, va, P_W), FAULT_OK), !block_count())
		va += BLOCK_SIZE;
	assert_int_equal(vm_fault_page(vm, va, P_W, false, &p), FAULT_OK);
	*(u8 *)page_address(p) = 7;
	page_get(p);
	vm_page_done(vm, p);
	assert_int_equal(vm_munmap(vm, BASE, 20 * BLOCK_SIZE), 0);
	assert_int_equal(p->kind, PAGE_ANON);
	assert_int_equal(page_refs(p), 1);
	assert_int_equal(*(u8 *)page_address(p), 7);
	page_put(p);
	case_end();
}

static void map_object(struct vm *vm, va_t va, struct object *o, int how)
{
	assert_int_equal(vm_mmap(vm, va, 8 * PAGE_SIZE, P_R | P_W, MAP_FIXED | how, o, R_MAXREAD | R_MAXWRITE, 0), va);
}

static u8 byte_at(struct vm *vm, va_t va)
{
	u8 seen = 0xff;

	assert_int_equal(vm_read(vm, va, &seen, 1), 1);
	return seen;
}

/* Two spaces map an object twice each, and have copies of some of its pages. A hole is zeros in each mapping, but for the copies; behind
 * the end nothing is left, not even copies. */
void objects_change_for_everybody(void **state)
{
	struct vm *vms[2] = { case_begin(13) };
	struct object *o = object_new_shared(8 * PAGE_SIZE);
	u8 value = 7, copy = 9;

	for (unsigned i = 0; i < 8; i++) {
		if (i < 2) {
			vms[1] = i ? new_vm() : nullptr;
			map_object(vms[i], BASE, o, MAP_SHARED);
			map_object(vms[i], BASE + 64 * PAGE_SIZE, o, MAP_SHARED);
			map_object(vms[i], OTHER, o, MAP_PRIVATE);
		}
		assert_int_equal(vm_write(vms[0], BASE + i * PAGE_SIZE, &value, 1), 1);
	}
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; i < 8; i++) {
			assert_int_equal(byte_at(vms[k], BASE + i * PAGE_SIZE), value);
			assert_int_equal(byte_at(vms[k], BASE + (64 + i) * PAGE_SIZE), value);
			assert_int_equal(vm_write(vms[k], OTHER + i * PAGE_SIZE, &copy, 1), 1);
		}
	}
	object_punch(o, 2, 4);
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; i < 8; i++) {
			assert_int_equal(byte_at(vms[k], BASE + i * PAGE_SIZE), i >= 2 && i <= 4 ? 0 : value);
			assert_int_equal(byte_at(vms[k], BASE + (64 + i) * PAGE_SIZE), i >= 2 && i <= 4 ? 0 : value);
			assert_int_equal(byte_at(vms[k], OTHER + i * PAGE_SIZE), copy);
		}
	}
	o->size = 6 * PAGE_SIZE;
	object_truncate(o, o->size);
	for (unsigned k = 0; k < 2; k++) {
		assert_int_equal(vm_fault(vms[k], BASE + 6 * PAGE_SIZE, P_R), FAULT_BUS);
		assert_int_equal(vm_fault(vms[k], BASE + 71 * PAGE_SIZE, P_R), FAULT_BUS);
		assert_int_equal(vm_fault(vms[k], OTHER + 7 * PAGE_SIZE, P_R), FAULT_BUS);
		assert_int_equal(byte_at(vms[k], OTHER + 5 * PAGE_SIZE), copy);
	}
	object_put(o);
	vm_put(vms[1]);
	case_end();
}

/* A mapping may go on behind the end of its object; reading ahead does not. */
void read_ahead_ends_with_the_object(void **state)
{
	struct vm *vm = case_begin(15);

	assert_int_equal(vm_mmap(vm, BASE, 40 * PAGE_SIZE, P_R, MAP_FIXED | MAP_PRIVATE, objects[STORED], R_MAXREAD | R_MAXWRITE,
				 (OBJECT_PAGES - 4) * PAGE_SIZE), BASE);
	assert_int_equal(vm_madvise(vm, BASE, 40 * PAGE_SIZE, MADV_WILLNEED), 0);
	case_end();
}

/* Locked private memory that may be written from now on is copied at once. */
void locked_memory_is_copied(void **state)
{
	struct vm *vm = case_begin(16);
	struct object *o = object_new_shared(8 * PAGE_SIZE);
	u8 before = 7, after = 9;

	map_object(vm, BASE, o, MAP_SHARED);
	map_object(vm, OTHER, o, MAP_PRIVATE);
	assert_int_equal(vm_write(vm, BASE, &before, 1), 1);
	assert_int_equal(vm_mprotect(vm, OTHER, 8 * PAGE_SIZE, P_R), 0);
	assert_int_equal(vm_mlock(vm, OTHER, 8 * PAGE_SIZE, R_LOCKED), 0);
	assert_int_equal(vm_mprotect(vm, OTHER, 8 * PAGE_SIZE, P_R | P_W), 0);
	assert_int_equal(vm_write(vm, BASE, &after, 1), 1);
	assert_int_equal(byte_at(vm, OTHER), before);
	object_put(o);
	case_end();
}

/* Sealed memory that nobody may write to is not cleared, now or in a child; but a file's pages are, copies or not, and what may be
 * written. */
void sealed_memory_is_not_cleared(void **state)
{
	static const int advice[] = { MADV_DONTNEED, MADV_FREE, MADV_DONTNEED_LOCKED, MADV_DONTFORK, MADV_WIPEONFORK, MADV_GUARD_INSTALL };
	struct vm *vm = case_begin(20);
	struct object *o = object_new_shared(8 * PAGE_SIZE);
	u8 value = 7;

	case_map(vm, BASE, 2 * PAGE_SIZE);
	map_object(vm, OTHER, o, MAP_PRIVATE);
	assert_int_equal(vm_write(vm, BASE, &value, 1), 1);
	assert_int_equal(vm_write(vm, OTHER, &value, 1), 1);
	assert_int_equal(vm_mprotect(vm, BASE, PAGE_SIZE, P_R), 0);
	assert_int_equal(vm_mprotect(vm, OTHER, PAGE_SIZE, P_R), 0);
	assert_int_equal(vm_mseal(vm, BASE, 2 * PAGE_SIZE), 0);
	assert_int_equal(vm_mseal(vm, OTHER, PAGE_SIZE), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(advice); i++)
		assert_int_equal(vm_madvise(vm, BASE, PAGE_SIZE, advice[i]), -EPERM);
	assert_int_equal(byte_at(vm, BASE), value);
	assert_int_equal(vm_madvise(vm, BASE + PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(vm_madvise(vm, OTHER, PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(byte_at(vm, OTHER), 0);
	object_put(o);
	case_end();
}

/* More spaces than numbers, on all CPUs, several CPUs running the same one: each sees its own byte, and nothing stale. */
void numbers_run_out(void **state)
{
	struct vm *vms[10] = { case_begin(14) };

	for (unsigned i = 0; i < ARRAY_SIZE(vms); i++) {
		u8 value = (u8)(i + 1);

		vms[i] = i ? new_vm() : vms[0];
		case_map(vms[i], BASE, PAGE_SIZE);
		assert_int_equal(vm_write(vms[i], BASE, &value, 1), 1);
	}
	for (unsigned n = 0; n < 3000; n++) {
		unsigned i = host_below(host_below(3) ? 2 : ARRAY_SIZE(vms)), cpu = host_below(MACHINE_CPUS);
		u8 *memory;

		machine_run(cpu, vms[i]);
		if (host_below(16) == 0) {		/* elsewhere, so that a flush is needed where it runs */
			u8 value = (u8)(i + 1);

			assert_int_equal(vm_munmap(vms[i], BASE, PAGE_SIZE), 0);
			case_map(vms[i], BASE, PAGE_SIZE);
			assert_int_equal(vm_write(vms[i], BASE, &value, 1), 1);
		}
		assert_true(machine_access(cpu, BASE, P_R, &memory));
		assert_int_equal(*memory, i + 1);
		assert_null(machine_check());
	}
	for (unsigned cpu = 0; cpu < MACHINE_CPUS; cpu++)
		machine_run(cpu, nullptr);
	for (unsigned i = 1; i < ARRAY_SIZE(vms); i++)
		vm_put(vms[i]);
	case_end();
}

static void use_up_numbers(struct vm **vms, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		machine_run(0, vms[i]);
}

/* Two CPUs run a space while the numbers run out twice, and one of them comes and goes meanwhile: the other, which does not, must be
 * reached by flushes. */
void a_number_is_kept_on_every_cpu(void **state)
{
	struct vm *vms[10], *vm = case_begin(17);
	u8 *memory;

	case_map(vm, BASE, PAGE_SIZE);
	case_write(vm, BASE, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(vms); i++)
		vms[i] = new_vm();
	machine_run(1, vm);
	machine_run(2, vm);
	use_up_numbers(vms, 9);
	machine_run(1, vms[9]);
	machine_run(1, vm);
	machine_run(1, vms[9]);
	use_up_numbers(vms, 9);
	machine_run(1, vm);
	assert_true(machine_access(2, BASE, P_W, &memory));
	assert_int_equal(vm_munmap(vm, BASE, PAGE_SIZE), 0);
	assert_null(machine_check());
	for (unsigned cpu = 0; cpu < MACHINE_CPUS; cpu++)
		machine_run(cpu, nullptr);
	for (unsigned i = 0; i < ARRAY_SIZE(vms); i++)
		vm_put(vms[i]);
	case_end();
}

/* A hole takes the copy of a table that a child shares. There is no memory for it at first. */
void holes_wait_for_memory(void **state)
{
	struct vm *vm = case_begin(18), *child;
	struct object *o = object_new_shared(8 * PAGE_SIZE);
	u8 value = 7;

	map_object(vm, BASE, o, MAP_SHARED);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(vm_write(vm, BASE + i * PAGE_SIZE, &value, 1), 1);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	machine_fail_at(1);
	object_punch(o, 2, 4);
	machine_fail_at(0);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(byte_at(vm, BASE + i * PAGE_SIZE), i >= 2 && i <= 4 ? 0 : value);
		assert_int_equal(byte_at(child, BASE + i * PAGE_SIZE), i >= 2 && i <= 4 ? 0 : value);
	}
	vm_put(child);
	object_put(o);
	case_end();
}
