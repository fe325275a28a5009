// SPDX-License-Identifier: MIT
// uses: mm/pt.c mm/pt_share.c mm/pt_range.c mm/pt_protect.c mm/pt_move.c mm/pt_check.c mm/tlb.c mm/asid.c mm/vm.c mm/fault.c mm/map.c
// uses: mm/map_change.c mm/remap.c mm/rss.c mm/accessed.c mm/vm_access.c mm/object.c mm/object_io.c mm/object_swap.c mm/layout.c mm/layout_change.c mm/layout_update.c mm/layout_tree.c
// uses: mm/advise.c mm/block.c mm/collapse.c mm/fault_block.c mm/fault_cow.c mm/fault_file.c mm/grow.c mm/mlock.c
// uses: mm/commit.c mm/swap.c mm/swap_store.c mm/reclaim.c mm/fault_swap.c lib/lz4.c
// uses: lib/radix.c lib/printf.c test/host/support.c test/host/host_lock.c test/host/host_kmem.c test/host/vm_machine.c
// uses: test/host/vm_model_steps.c test/host/vm_model_more.c test/host/vm_model_object.c test/host/vm_model_cases.c test/host/vm_model_spaces.c test/host/vm_model_laws.c
// uses: test/host/vm_jobs.c
// cpus: arm64 x86_64
/*
 * The model: random histories over several address spaces and CPUs, on a machine with a pessimistic TLB, against a
 * flat model of what each page must hold. Reproduce: MODEL_SEED=n MODEL_STEPS=m BINARY.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "vm_jobs.h"
#include "mm/block.h"
#include "mm/fault.h"
#include "mm/mman.h"
#include "mm/pt.h"
#include "mm/reclaim.h"
#include "mm/swap.h"

static void claimed(struct space *s, enum claim how, void (*step)(struct space *s))
{
	if (!space_claim(s, how))
		return;
	step(s);
	space_release(s, how);
}

/* The program that this CPU runs goes on. */
static void step_program(struct space *anyone)
{
	for (struct space *s = spaces; s < spaces + SPACES; s++) {
		if (s->vm && s->vm == machine_running(cpu_id()))
			claimed(s, CLAIM_USE, step_access);
	}
}

/* What another CPU does in the middle of a step. */
static void random_job(void)
{
	struct space *s = random_space();
	unsigned what = host_below(20);

	if (host_below(4))
		hot = latest;
	if (what < 10)
		step_program(s);
	else if (what < 12)
		claimed(s, CLAIM_USE, what < 11 ? step_reclaim : host_below(2) ? step_collapse : step_store);
	else if (what < 15)
		step_fork(s);
	else
		claimed(s, CLAIM_CHANGE, (what < 16 ? step_map : what < 17 ? step_unmap : what < 18 ? step_protect : step_move));
}

static const struct kind {
	void (*step)(struct space *s);
	unsigned weight;
	enum claim claim;
} kinds[] = {
	{ step_program, 59, CLAIM_ITSELF }, { step_reclaim, 1, CLAIM_USE }, { step_map, 6, CLAIM_CHANGE },
	{ step_unmap, 4, CLAIM_CHANGE }, { step_protect, 5, CLAIM_CHANGE }, { step_more, 4, CLAIM_CHANGE },
	{ step_move, 3, CLAIM_CHANGE }, { step_fork, 7, CLAIM_ITSELF }, { step_visit, 1, CLAIM_FORK },
	{ step_collapse, 3, CLAIM_USE }, { step_mode, 1, CLAIM_USE }, { step_run, 8, CLAIM_ITSELF },
};

/* For a while some kinds of steps are left out and others are frequent: what needs many of one kind in a row, or none of another, would
 * hardly happen otherwise (swarm testing: Groce and others 2012). */
static struct mood {
	unsigned weights[ARRAY_SIZE(kinds)], sum;
	unsigned fails;		/* so many steps from one failing allocation to the next */
} mood;

static void change_mood(void)
{
	mood.sum = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		mood.weights[i] = kinds[i].weight * (i ? (unsigned[]){ 0, 1, 1, 4 }[host_below(4)] : 1);
		mood.sum += mood.weights[i];
	}
	mood.fails = (unsigned[]){ 10, 50, 50, 1000 }[host_below(4)];
	big_windows = (unsigned[]){ 0, 4, 4, 8 }[host_below(4)];
	hot = (struct range){ .w = random_window(), .first = host_below(WINDOW_PAGES - 6) };
	hot.count = 1 + host_below(6);
}

static const struct kind *random_kind(void)
{
	unsigned left = host_below(mood.sum), i = 0;

	while (left >= mood.weights[i])
		left -= mood.weights[i++];
	return &kinds[i];
}

static void one_step(void)
{
	if (steps_done % 256 == 0)
		change_mood();
	struct space *s = random_space();
	const struct kind *kind = random_kind();

	if (host_below(mood.fails) == 0)
		machine_fail_at(1 + host_below(6));
	host_cpu_set(host_below(MACHINE_CPUS));
	jobs_go_on();
	if (kind->claim == CLAIM_ITSELF)
		kind->step(s);
	else
		claimed(s, kind->claim, kind->step);
	jobs_finish();
	(void)jobs_hold();
	host_cpu_set(0);
}

/* Locked memory is never swapped out. */
static void check_locked(const struct space *s, unsigned w, unsigned i)
{
	int level;
	struct pte e = pt_lookup(s->vm, byte_va(w, i), &level);

	check(pte_kind(e, level) != PTE_SWAP, "window %u page %u is locked and swapped out", w, i);
}

/* The layout says of each page what the flat model says. */
static void check_layout(const struct space *s)
{
	for (unsigned w = 0; w < WINDOWS; w++) {
		for (unsigned i = 0; i < WINDOW_PAGES; i++) {
			const struct shadow_page *p = &s->pages[w][i];
			struct region r;
			bool found = layout_find(&s->vm->layout, page_va(w, i), &r);

			check(found == p->mapped, "window %u page %u: mapped %d, should be %d", w, i, found,
			      p->mapped);
			if (found && p->locked && !p->shared)
				check_locked(s, w, i);
			check(!found || (r.flags & R_PROT) == p->prot, "window %u page %u: rights %u, not %u", w,
			      i, r.flags & R_PROT, p->prot);
			check(!found || !(r.flags & R_SEALED) == !p->sealed, "window %u page %u: sealed should be %d", w, i, p->sealed);
		}
	}
}

static void check_all(bool tables)
{
	const char *wrong = machine_check();

	check(!wrong, "%s", wrong);
	for (unsigned i = 0; i < SPACES; i++) {
		if (!spaces[i].vm || !tables)
			continue;
		rwlock_write(&spaces[i].vm->lock);
		if (steps_done % 16 == 0)
			check_layout(&spaces[i]);
		wrong = pt_check(spaces[i].vm);
		rwlock_write_done(&spaces[i].vm->lock);
		check(!wrong, "space %u: %s", i, wrong);
	}
}

static void complain(void *arg, const char *line) { fprintf(stderr, "%s\n", line); }

void model_begin(void)
{
	static bool inited;

	machine_init(128 * 512);
	host_seed(seed);
	if (!inited) {
		mm_init();
		swap_init(25);
		inited = true;
	}
	asid_init(3, MACHINE_CPUS);
	memset(spaces, 0, sizeof(spaces));
	reclaiming = 0;
	objects_begin();
	spaces[0].vm = new_vm();
	hot = latest = (struct range){ .w = 1, .first = 2, .count = 4 };
	machine_on_gap(racing_access);
	jobs_begin(random_job);
	for (unsigned w = 0; w < WINDOWS; w++) {
		for (unsigned i = 0; i < WINDOW_PAGES; i += 3)
			machine_watch(byte_va(w, i));
	}
}

void model_finish(void)
{
	machine_fail_at(0);
	machine_on_gap(nullptr);
	jobs_begin(nullptr);
	assert_int_equal(vm_audit(complain, nullptr), 0);
	for (unsigned i = 0; i < SPACES; i++) {
		if (!spaces[i].vm)
			continue;
		leave_cpus(&spaces[i]);
		vm_put(spaces[i].vm);
	}
	for (unsigned i = 1; i <= OBJECTS; i++)
		object_put(objects[i]);
	/* The zero page and tables kept for reuse are what may be left. */
	assert_true(machine_pages_used() <= 1 + 16 * MACHINE_CPUS);
	/* Swap's two tables, and the space that the reclaimer's hand is at. */
	assert_true(host_objects <= 3);
}

static u64 from_env(const char *name, u64 usual)
{
	const char *s = getenv(name);

	return s ? strtoul(s, nullptr, 0) : usual;
}

static void histories_match_the_flat_model(void **state)
{
	/* The tables are checked in every step, or, for long runs, now and then. */
	u64 steps = from_env("MODEL_STEPS", 60000), every = from_env("MODEL_CHECK", 1);
	struct vm_stats stats;

	seed = from_env("MODEL_SEED", 1);
	model_begin();
	for (steps_done = 0; steps_done < steps; steps_done++) {
		one_step();
		check_all(steps_done % every == 0);
	}
	model_finish();
	struct swap_stats swap;

	swap_stats(&swap);
	assert_int_equal(swap.used + swap.pool + swap.cached, 0);
	printf("seed %lu: %lu steps, %lu faults, %lu forks, %lu moves, %lu failed allocations, %lu pages out, %lu in\n",
	       seed, steps, faults_seen, forks_seen, moves_seen, failures_seen, reclaimed_seen, swap.in);
	vm_stats(&stats);
	printf("blocks: %lu filled, %lu not to be had, %lu reused, %lu split, %lu collapsed\n", stats.block_fill,
	       stats.block_fallback, stats.block_reuse, stats.block_split, stats.block_collapse);
	printf("%lu accesses and %lu steps of other CPUs in the middle of a step, %lu seals, %lu blocks advised\n", races_seen,
	       jobs_done(), seals_seen, collapses_seen);
	objects_report();
	if (getenv("MODEL_SEED"))
		return;		/* what follows asks whether the usual history is worth its time */
	assert_true(reclaimed_seen > steps / 100 && swap.in > steps / 500);
	assert_true(steps < 10000 || (stats.block_fill && stats.block_split));
}

/* The test of the test: without flushes the machine must find something soon. */
static void lost_flushes_are_caught(void **state)
{
	bool caught = false;

	seed = 7;
	model_begin();
	jobs_begin(nullptr);
	machine_ignore_flushes = true;
	for (steps_done = 0; steps_done < 20000 && !caught; steps_done++) {
		struct space *s = random_space();

		if (host_below(2))
			step_map(s);
		else
			step_run(s);
		for (unsigned w = 0; w < WINDOWS; w++) {
			u8 *memory;

			if (machine_running(0) == s->vm && vm_fault(s->vm, page_va(w, 3), P_W) == FAULT_OK)
				machine_access(0, page_va(w, 3), P_R, &memory);
		}
		caught = machine_check() != nullptr;
	}
	machine_ignore_flushes = false;
	assert_true(caught);
	leave_cpus(&spaces[0]);
	vm_put(spaces[0].vm);
	for (unsigned i = 1; i <= OBJECTS; i++)
		object_put(objects[i]);
}

TELLS_WHERE(die)

int main(void)
{
	signal(SIGABRT, die);
	signal(SIGALRM, die);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_match_the_flat_model),
		cmocka_unit_test(a_page_of_ours_may_be_written_again),
		cmocka_unit_test(a_block_is_reused_when_the_child_has_gone),
		cmocka_unit_test(pages_go_from_every_address),
		cmocka_unit_test(reuse_ends_with_the_region),
		cmocka_unit_test(a_collapse_gives_no_rights),
		cmocka_unit_test(a_leftover_table_is_flushed),
		cmocka_unit_test(a_full_batch_is_flushed),
		cmocka_unit_test(a_doubled_mapping_stays),
		cmocka_unit_test(what_is_written_to_is_not_reclaimed),
		cmocka_unit_test(forced_writes_are_not_lost),
		cmocka_unit_test(pages_are_dropped_while_others_fault),
		cmocka_unit_test(tables_left_empty_go_with_their_regions),
		cmocka_unit_test(what_is_dropped_does_not_come_back),
		cmocka_unit_test(a_gap_is_not_taken_for_nothing),
		cmocka_unit_test(a_collapse_looks_at_the_region_again),
		cmocka_unit_test(blocks_are_flushed),
		cmocka_unit_test(a_broken_block_is_counted),
		cmocka_unit_test(objects_change_for_everybody),
		cmocka_unit_test(holes_wait_for_memory),
		cmocka_unit_test(numbers_run_out),
		cmocka_unit_test(a_number_is_kept_on_every_cpu),
		cmocka_unit_test(read_ahead_ends_with_the_object),
		cmocka_unit_test(locked_memory_is_copied),
		cmocka_unit_test(sealed_memory_is_not_cleared),
		cmocka_unit_test(a_held_page_outlives_its_block),
		cmocka_unit_test(a_shared_block_is_not_written_to),
		cmocka_unit_test(a_page_copied_by_fork_is_the_childs),
		cmocka_unit_test(a_forced_write_is_not_shared),
		cmocka_unit_test(a_right_to_write_comes_with_dirty),
		cmocka_unit_test(every_cpu_hears_of_one_page),
		cmocka_unit_test(shared_tables_behind_a_hole_are_restricted),
		cmocka_unit_test(a_child_has_what_it_was_promised),
		cmocka_unit_test(a_guard_takes_what_was_there),
		cmocka_unit_test(a_guess_ends_when_regions_are_joined),
		cmocka_unit_test(locked_memory_stays),
		cmocka_unit_test(what_is_sealed_does_not_move),
		cmocka_unit_test(pages_stay_until_the_flush),
		cmocka_unit_test(a_collapse_loses_no_write),
		cmocka_unit_test(two_fill_one_block),
		cmocka_unit_test(lost_flushes_are_caught),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
