// SPDX-License-Identifier: MIT
/* What the files of the model share: the flat model of each space, and its steps. See vm_model_test.c. */
#pragma once

#include "seeded.h"
#include "vm_machine.h"

constexpr unsigned SPACES = 5, WINDOWS = 8, SMALL_WINDOWS = 6, WINDOW_PAGES = 24, OBJECTS = 3, OBJECT_PAGES = 32;
constexpr unsigned HEAP_WINDOW = 4, STORED = OBJECTS;	/* the object that is like a file */

struct shadow_page {
	bool mapped, shared, own;	/* own: private and written, `value` is its */
	bool locked, guard, dontfork, wipe, stack, sealed;
	u8 prot, object, value;		/* object 0: anonymous private */
	unsigned index;			/* page of the object */
};

struct space {
	struct vm *vm;
	struct shadow_page pages[WINDOWS][WINDOW_PAGES];
};

struct range {
	unsigned w, first, count;
};

extern struct space spaces[SPACES];
extern struct object *objects[OBJECTS + 1];
extern u8 contents[OBJECTS + 1][OBJECT_PAGES];
extern u64 steps_done, faults_seen, failures_seen, moves_seen, races_seen, forks_seen, reclaimed_seen,
	   seals_seen, collapses_seen;
extern unsigned big_windows;		/* how often, of ten, one of the last two */
extern unsigned reclaiming;		/* CPUs that do */
extern unsigned long seed;

va_t window_base(unsigned w);
va_t page_va(unsigned w, unsigned i);
/* The byte that stands for page i. */
va_t byte_va(unsigned w, unsigned i);
u64 length(struct range r);
unsigned random_window(void);
struct range random_range(void);
/* Where most accesses go, for a while; and where the last step was, or is: jobs and other CPUs go there, too. */
extern struct range hot, latest;
u8 expected(const struct shadow_page *p);
bool allowed(const struct shadow_page *p, u32 access);
/* Something there is sealed: what would unmap, move or replace it is refused with -EPERM, and changes nothing. */
bool any_sealed(const struct space *s, struct range r);
/* Private pages that may be written get their own copies, where the call brings them in for writing. */
void brought_in(struct space *s, struct range r);
void write_shadow(struct shadow_page *p, u8 value);
void leave_cpus(struct space *s);
/* A call that replaces a mapping failed for want of memory: the old one may be gone, or still be there. */
void forget_unmapped(struct space *s, struct range r);
/* A call failed half way, for want of memory: the range is cleared, so that it is known again. */
void clear_range(struct space *s, struct range r);

/* Between a change of the tables and its flush another CPU reads or writes, as far as its TLB lets it. */
void racing_access(void);

/* An empty space whose stacks stay within their windows. */
struct vm *new_vm(void);
/* vm_model_object.c. The objects, all zeros; a hole in one, or its end, which everybody sees; writing back, dropping, reading ahead. */
void objects_begin(void);
void objects_report(void);
void step_punch(struct space *s);
void step_store(struct space *s);
/* The page's own bytes are gone. */
void dropped(struct shadow_page *p);
/* vm_model_steps.c. */
struct space *random_space(void);
void step_map(struct space *s);
void step_unmap(struct space *s);
void step_protect(struct space *s);
void step_collapse(struct space *s);
void step_mode(struct space *s);
void step_move(struct space *s);
void step_fork(struct space *s);
void step_access(struct space *s);
void step_reclaim(struct space *s);
void step_run(struct space *s);
void step_visit(struct space *s);
/* Start over with an empty space and a seed; look at what is left. */
void model_begin(void);
void model_finish(void);
/* vm_model_cases.c. Each case has an empty space where nobody else does anything, with pages, not blocks. */
constexpr va_t BASE = 1ul << 41, OTHER = 1ul << 42;
struct vm *case_begin(unsigned long seed);
void case_end(void);
void case_map(struct vm *vm, va_t va, u64 len);
void case_write(struct vm *vm, va_t va, unsigned pages);
void a_page_of_ours_may_be_written_again(void **state);
void a_block_is_reused_when_the_child_has_gone(void **state);
void pages_go_from_every_address(void **state);
void reuse_ends_with_the_region(void **state);
void a_collapse_gives_no_rights(void **state);
void a_leftover_table_is_flushed(void **state);
void a_full_batch_is_flushed(void **state);
void a_doubled_mapping_stays(void **state);
void what_is_written_to_is_not_reclaimed(void **state);
void forced_writes_are_not_lost(void **state);
void pages_are_dropped_while_others_fault(void **state);
void tables_left_empty_go_with_their_regions(void **state);
void what_is_dropped_does_not_come_back(void **state);
void a_gap_is_not_taken_for_nothing(void **state);
void a_collapse_looks_at_the_region_again(void **state);
/* vm_model_spaces.c. */
void holes_wait_for_memory(void **state);
void blocks_are_flushed(void **state);
void a_broken_block_is_counted(void **state);
void objects_change_for_everybody(void **state);
void numbers_run_out(void **state);
void a_number_is_kept_on_every_cpu(void **state);
void read_ahead_ends_with_the_object(void **state);
void locked_memory_is_copied(void **state);
void sealed_memory_is_not_cleared(void **state);
void a_held_page_outlives_its_block(void **state);
/* vm_model_laws.c. */
void a_shared_block_is_not_written_to(void **state);
void a_page_copied_by_fork_is_the_childs(void **state);
void a_forced_write_is_not_shared(void **state);
void a_right_to_write_comes_with_dirty(void **state);
void every_cpu_hears_of_one_page(void **state);
void shared_tables_behind_a_hole_are_restricted(void **state);
void a_child_has_what_it_was_promised(void **state);
void a_guard_takes_what_was_there(void **state);
void a_guess_ends_when_regions_are_joined(void **state);
void locked_memory_stays(void **state);
void what_is_sealed_does_not_move(void **state);
void pages_stay_until_the_flush(void **state);
void a_collapse_loses_no_write(void **state);
void two_fill_one_block(void **state);
/* One of the steps of vm_model_more.c. */
void step_more(struct space *s);
/* After a fault at page i, which is not mapped as far as the flat model knows: a stack may have grown down to it. */
void note_growth(struct space *s, unsigned w, unsigned i);
