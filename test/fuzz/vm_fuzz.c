// SPDX-License-Identifier: MIT
// uses-of: test/host/vm_model_test.c
// uses: test/host/support.c test/host/host_lock.c test/host/host_kmem.c test/host/vm_machine.c test/fuzz/vm_calls.c
// cpus: arm64 x86_64
// sanitize: fuzzer,address,undefined
// flags: -max_len=400 -len_control=20
/*
 * Bytes become memory calls with any arguments whatever, by several address spaces on the machine of the model (test/host/vm_machine.h).
 * After each: all laws that tables can show, and what the call promised (vm_calls.c). The model knows what each page holds
 * and asks only for what it understands; this asks for the rest.
 */
#include <string.h>
#include "test/fuzz/vm_calls.h"
#include "mm/block.h"
#include "mm/pt.h"
#include "mm/reclaim.h"
#include "mm/swap.h"

struct vm *spaces[SPACES];
struct object *objects[OBJECTS];

bool page_reclaim(u64 want) { return reclaim_anonymous_unlocked(want); }

static struct vm *new_vm(void)
{
	struct vm *vm = vm_new(false);

	if (!vm)
		return nullptr;
	/* What is locked is brought in: no more than the machine has. */
	vm->limits.memlock = 128 * PAGE_SIZE;
	vm->limits.stack = 1 * MiB;
	vm->brk_start = vm->brk = HEAP;
	return vm;
}

static void leave(struct vm *vm)
{
	for (unsigned cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		if (machine_running(cpu) == vm)
			machine_run(cpu, nullptr);
	}
	vm_put(vm);
}

/* The space forks into another's place; if there is one, that ends instead. The first stays. */
static void step_fork(struct input *in, unsigned s)
{
	unsigned to = (s + 1 + input_byte(in) % (SPACES - 1)) % SPACES;
	va_t va = some_address(in);
	struct region r;
	u8 before, after;

	if (!to)
		return;
	if (spaces[to]) {
		leave(spaces[to]);
		spaces[to] = nullptr;
		return;
	}
	bool had = vm_read(spaces[s], va, &before, 1);

	if (vm_fork(spaces[s], va, &spaces[to])) {
		spaces[to] = nullptr;
		return;
	}
	if (!had || !layout_find(&spaces[s]->layout, va, &r) || (r.flags & (R_DONTFORK | R_WIPEONFORK)))
		return;
	if (vm_read(spaces[to], va, &after, 1))
		assert(after == before);
}

static void step_exec(struct input *in, unsigned s)
{
	struct vm *vm = new_vm();

	if (!vm)
		return;
	leave(spaces[s]);
	spaces[s] = vm;
}

/* What is mapped at va, whoever may look at it. */
static bool peek(struct vm *vm, va_t va, u8 *byte)
{
	int level;

	if (va >= USER_END)
		return false;
	rwlock_write(&vm->lock);
	struct pte e = pt_lookup(vm, va, &level);

	rwlock_write_done(&vm->lock);
	if (pte_kind(e, level) != PTE_LEAF)
		return false;
	*byte = ((u8 *)direct_map(pte_pa(e, level)))[va & (pt_slot_size(level) - 1)];
	return true;
}

/* A byte of private memory changes for nobody else. */
static void store(struct vm *vm, va_t va, u8 *memory, u8 value)
{
	u8 before[SPACES], after;
	bool had[SPACES] = {};
	struct region r;

	assert(layout_find(&vm->layout, va, &r) && (r.flags & R_WRITE) && !(r.flags & R_GUARD));
	for (unsigned i = 0; i < SPACES; i++)
		had[i] = spaces[i] && spaces[i] != vm && peek(spaces[i], va, &before[i]);
	*memory = value;
	assert(peek(vm, va, &after) && after == value);
	for (unsigned i = 0; i < SPACES; i++) {
		if (had[i] && !(r.flags & R_SHARED))
			assert(peek(spaces[i], va, &after) && after == before[i]);
	}
}

static void step_access(struct input *in, unsigned s)
{
	u8 how = input_byte(in);
	unsigned cpu = how % MACHINE_CPUS;
	u32 access = (u32[]){ P_R, P_W, P_W, P_X }[how >> 6];
	va_t va = some_address(in);
	u8 *memory;

	if (va >= USER_END)
		return;
	if (machine_running(cpu) != spaces[s])
		machine_run(cpu, spaces[s]);
	for (int tries = 0; !machine_access(cpu, va, access, &memory); tries++) {
		assert(tries < 8);
		host_cpu_set(cpu);
		enum fault_result res = vm_fault(spaces[s], va, access);

		host_cpu_set(0);
		if (res != FAULT_OK)
			return;
	}
	if (access == P_W)
		store(spaces[s], va, memory, how);
}

/* The kernel's own accesses, a debugger's among them. */
static void step_kernel(struct input *in, unsigned s)
{
	u8 how = input_byte(in), bytes[64] = { how };
	va_t va = some_address(in);
	size_t n = 1 + how % sizeof(bytes);

	if (how & 64)
		(void)(how & 128 ? vm_force_write : vm_write)(spaces[s], va, bytes, n);
	else
		(void)(how & 128 ? vm_force_read : vm_read)(spaces[s], va, bytes, n);
}

static void step_object(struct input *in, unsigned s)
{
	u8 how = input_byte(in);
	struct object *o = objects[how % OBJECTS];
	u64 first = input_byte(in) % OBJECT_PAGES, last = first + (how >> 4);

	if (how & 2) {
		object_punch(o, first, last);
		return;
	}
	o->size = first * PAGE_SIZE + how;
	object_truncate(o, o->size);
	if (how & 4)
		o->size = OBJECT_PAGES * PAGE_SIZE;
}

/* What happens to a space without its asking; and the next allocations. */
static void step_world(struct input *in, unsigned s)
{
	u8 how = input_byte(in);
	u64 n = input_byte(in);

	switch (how % 6) {
	case 0:
		machine_fail_at((unsigned)n % 16);
		break;
	case 1:
		reclaim_anonymous_unlocked(1 + n);
		break;
	case 2:
		vm_collapse_some(1 + (unsigned)n % 4);
		break;
	case 3:
		block_mode = n % 3 ? n % 3 == 1 ? BLOCK_ALWAYS : BLOCK_MADVISE : BLOCK_NEVER;
		break;
	case 4:
		machine_run((unsigned)n % MACHINE_CPUS, n & 128 ? spaces[s] : nullptr);
		break;
	default:
		spaces[s]->limits.as = n & 1 ? n * PAGE_SIZE : ~0ul;
		spaces[s]->limits.data = n & 2 ? n * PAGE_SIZE : ~0ul;
		spaces[s]->limits.memlock = n % 129 * PAGE_SIZE;
		break;
	}
}

static void (*const steps[])(struct input *in, unsigned s) = {
	step_mmap, step_munmap, step_mprotect, step_mremap, step_madvise, step_brk, step_fork, step_access, step_access,
	step_access, step_mlock, step_other, step_kernel, step_object, step_world, step_exec,
};

static void check_all(void)
{
	const char *wrong = machine_check();

	if (wrong)
		panic("%s", wrong);
	for (unsigned i = 0; i < SPACES; i++) {
		if (!spaces[i])
			continue;
		rwlock_write(&spaces[i]->lock);
		wrong = pt_check(spaces[i]) ?: layout_check(&spaces[i]->layout);
		rwlock_write_done(&spaces[i]->lock);
		if (wrong)
			panic("space %u: %s", i, wrong);
	}
}

static void complain(void *arg, const char *line) { fprintf(stderr, "%s\n", line); }

static void begin(void)
{
	static bool inited;

	host_seed(1);
	machine_init(8 * 512);
	if (!inited) {
		mm_init();
		swap_init(25);
		inited = true;
	}
	asid_init(3, MACHINE_CPUS);
	block_mode = BLOCK_ALWAYS;
	memset(spaces, 0, sizeof(spaces));
	spaces[0] = new_vm();
	for (unsigned i = 0; i < OBJECTS; i++)
		objects[i] = object_new_shared(OBJECT_PAGES * PAGE_SIZE);
	watch_windows();
}

static void finish(void)
{
	machine_fail_at(0);
	assert(vm_audit(complain, nullptr) == 0);
	for (unsigned i = 0; i < SPACES; i++) {
		if (spaces[i])
			leave(spaces[i]);
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		object_put(objects[i]);
	/* The zero page and tables kept for reuse; swap's two tables, and the space that the reclaimer's hand is at. */
	assert(machine_pages_used() <= 1 + 16 * MACHINE_CPUS);
	assert(host_objects <= 3);
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n)
{
	struct input in = { bytes, bytes + n };

	begin();
	for (unsigned i = 0; input_left(&in) && i < 200; i++) {
		u8 what = input_byte(&in);
		unsigned s = what >> 4 & (SPACES - 1);

		steps[what & 15](&in, spaces[s] ? s : 0);
		check_all();
	}
	finish();
	return 0;
}
