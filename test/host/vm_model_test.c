// SPDX-License-Identifier: MIT
// uses: mm/pt.c mm/pt_share.c mm/pt_range.c mm/pt_check.c mm/tlb.c mm/asid.c mm/vm.c mm/fault.c mm/map.c
// uses: mm/map_change.c mm/remap.c mm/rss.c mm/vm_access.c mm/object.c mm/object_io.c mm/object_swap.c mm/layout.c mm/layout_change.c mm/layout_tree.c
// uses: mm/advise.c mm/block.c mm/collapse.c mm/fault_block.c mm/fault_cow.c mm/fault_file.c mm/grow.c mm/mlock.c
// uses: mm/commit.c mm/swap.c mm/swap_store.c mm/reclaim.c mm/fault_swap.c lib/lz4.c
// uses: lib/radix.c lib/printf.c test/host/support.c test/host/host_lock.c test/host/host_kmem.c test/host/vm_machine.c
// uses: test/host/vm_model_more.c test/host/vm_model_object.c test/host/vm_jobs.c
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

struct space spaces[SPACES];
struct object *objects[OBJECTS + 1];
u8 contents[OBJECTS + 1][OBJECT_PAGES];
u64 steps_done, faults_seen, failures_seen, moves_seen;
static u64 reclaimed, forks_seen;
unsigned long seed;
struct range hot, latest;
unsigned reclaiming;

/* Windows lie over the edges of tables of every level, and at both ends of user memory. The last two are for blocks: what
 * is a page in the others is 256 KiB there, of which the last page is looked at. */
va_t window_base(unsigned w)
{
	va_t half = WINDOW_PAGES / 2 * PAGE_SIZE;
	va_t bases[WINDOWS] = { 64 * KiB, 4 * MiB - half, 2 * GiB - half, (1ul << 39) - half,
				(1ul << 40) + 6 * MiB, USER_END - WINDOW_PAGES * PAGE_SIZE,
				(1ul << 41) - 3 * MiB, (1ul << 42) + 5 * MiB };

	return bases[w];
}

static u64 unit(unsigned w) { return w < SMALL_WINDOWS ? PAGE_SIZE : 256 * KiB; }
va_t page_va(unsigned w, unsigned i) { return window_base(w) + i * unit(w); }
va_t byte_va(unsigned w, unsigned i) { return page_va(w, i + 1) - PAGE_SIZE; }
u64 length(struct range r) { return r.count * unit(r.w); }

static unsigned big_windows;		/* how often, of ten, one of the last two */

static bool big(unsigned w) { return w >= SMALL_WINDOWS; }

unsigned random_window(void)
{
	if (host_below(10) < big_windows)
		return SMALL_WINDOWS + host_below(WINDOWS - SMALL_WINDOWS);
	return host_below(WINDOWS);
}

struct range random_range(void)
{
	struct range r = { .w = random_window() };

	if (host_below(8) == 0)
		return latest = hot;
	/* Now and then all of a window, so that whole tables go. */
	r.first = host_below(big(r.w) ? 2 : 4) ? host_below(WINDOW_PAGES) : 0;
	r.count = host_below(big(r.w) ? 2 : 4) ? 1 + host_below(WINDOW_PAGES - r.first) : WINDOW_PAGES - r.first;
	latest = r;
	return r;
}

static struct space *random_space(void)
{
	struct space *s = &spaces[host_below(SPACES)];

	return s->vm ? s : &spaces[0];
}

u8 expected(const struct shadow_page *p)
{
	return p->object && !p->own ? contents[p->object][p->index] : p->value;
}

/* ---- steps */

void forget_unmapped(struct space *s, struct range r)
{
	struct region found;

	failures_seen++;
	for (unsigned i = r.first; i < r.first + r.count; i++) {
		if (!layout_find(&s->vm->layout, page_va(r.w, i), &found))
			s->pages[r.w][i] = (struct shadow_page){};
	}
}

static void step_map(struct space *s)
{
	struct range r = random_range();
	unsigned object = big(r.w) || host_below(2) ? 0 : 1 + host_below(OBJECTS);
	bool shared = object && host_below(2);
	unsigned index = host_below(OBJECT_PAGES - WINDOW_PAGES);
	int prot = big(r.w) && host_below(4) ? P_R | P_W : (int)host_below(8);
	long res = vm_mmap(s->vm, page_va(r.w, r.first), length(r), prot,
			   MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (object ? 0 : MAP_ANONYMOUS),
			   objects[object], R_MAXREAD | R_MAXWRITE | R_MAXEXEC, index * PAGE_SIZE);

	if (res == -ENOMEM) {		/* the old mapping is gone or not, but nothing in between */
		forget_unmapped(s, r);
		return;
	}
	check(res == (long)page_va(r.w, r.first), "mmap: %ld", res);
	for (unsigned i = 0; i < r.count; i++)
		s->pages[r.w][r.first + i] = (struct shadow_page){
			.mapped = true, .prot = (u8)prot, .object = (u8)object, .shared = shared,
			.index = index + i,
		};
}

static void step_unmap(struct space *s)
{
	struct range r = random_range();
	long res = vm_munmap(s->vm, page_va(r.w, r.first), length(r));

	if (res == -ENOMEM) {
		failures_seen++;
		return;
	}
	check(res == 0, "munmap: %ld", res);
	memset(&s->pages[r.w][r.first], 0, r.count * sizeof(struct shadow_page));
}

/* Pages at the start of the range before the first hole. */
static unsigned mapped_before_hole(const struct space *s, struct range r)
{
	unsigned n = 0;

	while (n < r.count && s->pages[r.w][r.first + n].mapped)
		n++;
	return n;
}

/* Locked private memory that may be written from now on is copied at once. */
static bool gains_write(const struct space *s, struct range r, int prot)
{
	for (unsigned i = 0; i < r.count; i++) {
		const struct shadow_page *p = &s->pages[r.w][r.first + i];

		if (p->locked && !p->shared && !(p->prot & P_W))
			return prot & P_W;
	}
	return false;
}

/* Rights change up to the first hole, as on Linux; for want of memory, region by region up to anywhere. */
static void step_protect(struct space *s)
{
	struct range r = random_range();
	int prot = (int)host_below(8);
	unsigned failed = machine_failures(), n = mapped_before_hole(s, r);
	bool populates = gains_write(s, (struct range){ r.w, r.first, n }, prot);

	if (populates)
		machine_fail_at(0);
	long res = vm_mprotect(s->vm, page_va(r.w, r.first), length(r), prot);
	bool no_memory = machine_failures() != failed;

	check(res == -ENOMEM || (res == 0 && n == r.count), "mprotect: %ld", res);
	check(no_memory || res == (n == r.count ? 0 : -ENOMEM), "mprotect: %ld, %u of %u mapped", res, n, r.count);
	failures_seen += no_memory;
	for (unsigned i = 0; i < n; i++) {
		struct shadow_page *p = &s->pages[r.w][r.first + i];
		struct region found;

		if (no_memory && layout_find(&s->vm->layout, page_va(r.w, r.first + i), &found) &&
		    (found.flags & R_PROT) == p->prot)
			continue;
		p->prot = (u8)prot;
		if (populates && p->locked)
			brought_in(s, (struct range){ r.w, r.first + i, 1 });
	}
}

/* Pages become blocks, by advice or in the background; nothing else may change. */
static void step_collapse(struct space *s)
{
	struct range r = random_range();

	if (host_below(4))
		(void)vm_madvise(s->vm, page_va(r.w, r.first), length(r), MADV_COLLAPSE);
	else
		vm_collapse_some(2);
}

/* From now on pages, or blocks again. */
static void step_mode(struct space *s)
{
	block_mode = host_below(4) ? BLOCK_ALWAYS : BLOCK_NEVER;
}

/* Moves a run that is one region to a place in another window. */
static void step_move(struct space *s)
{
	struct range r = random_range(), to = random_range();
	struct region region;

	to.count = min(r.count, WINDOW_PAGES - to.first);
	r.count = to.count;
	/* Half of them with both places alike, so that whole tables move. */
	if (big(r.w) && host_below(2) && to.first % 8 > r.first % 8 && to.first >= 8)
		to.first -= to.first % 8 - r.first % 8;
	bool stays = host_below(4) == 0;

	if (to.w == r.w || unit(to.w) != unit(r.w) || !layout_find(&s->vm->layout, page_va(r.w, r.first), &region) ||
	    region.end < page_va(r.w, r.first + r.count))
		return;
	long res = vm_mremap(s->vm, page_va(r.w, r.first), length(r), length(r),
			     MREMAP_MAYMOVE | MREMAP_FIXED | (stays ? MREMAP_DONTUNMAP : 0), page_va(to.w, to.first));

	if (res == -ENOMEM) {
		forget_unmapped(s, to);
		return;
	}
	check(res == (long)page_va(to.w, to.first), "mremap: %ld", res);
	for (unsigned i = 0; i < r.count; i++) {
		struct shadow_page *p = &s->pages[r.w][r.first + i];

		s->pages[to.w][to.first + i] = *p;
		if (stays) {
			p->own = p->locked = false;
			p->value = 0;
		} else {
			*p = (struct shadow_page){};
		}
	}
	moves_seen++;
}

void leave_cpus(struct space *s)
{
	for (unsigned cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		if (machine_running(cpu) == s->vm)
			machine_run(cpu, nullptr);
	}
}

/* Half of the forks copy a page at once, as for a stack. */
static va_t fork_split(void)
{
	return host_below(2) ? page_va(random_window(), host_below(WINDOW_PAGES)) : 0;
}

static void fork_or_exit(struct space *s, struct space *child)
{
	if (child->vm) {
		leave_cpus(child);
		vm_put(child->vm);
		child->vm = nullptr;
		return;
	}
	if (vm_fork(s->vm, fork_split(), &child->vm)) {
		failures_seen++;
		child->vm = nullptr;
		return;
	}
	memcpy(child->pages, s->pages, sizeof(s->pages));
	for (unsigned k = 0; k < WINDOWS * WINDOW_PAGES; k++) {
		struct shadow_page *p = &child->pages[k / WINDOW_PAGES][k % WINDOW_PAGES];

		p->locked = false;
		if (p->dontfork) {
			*p = (struct shadow_page){};
		} else if (p->wipe) {
			p->own = p->guard = false;
			p->value = 0;
		}
	}
	forks_seen++;
}

static void step_fork(struct space *s)
{
	struct space *child = &spaces[1 + host_below(SPACES - 1)];

	if (child == s || !space_claim(child, CLAIM_CHANGE))
		return;
	if (space_claim(s, CLAIM_FORK)) {
		fork_or_exit(s, child);
		space_release(s, CLAIM_FORK);
	}
	space_release(child, CLAIM_CHANGE);
}

bool allowed(const struct shadow_page *p, u32 access)
{
	return p->mapped && !p->guard && (access == P_R ? p->prot != 0 : p->prot & access);
}

void write_shadow(struct shadow_page *p, u8 value)
{
	if (p->shared) {
		contents[p->object][p->index] = value;
		return;
	}
	p->own = true;
	p->value = value;
}

/* This CPU reads, writes or runs a byte: through its caches, then by faults, until it works or must not. */
static void access_byte(struct space *s, unsigned w, unsigned i, u32 access)
{
	struct shadow_page *p = &s->pages[w][i];
	bool may = allowed(p, access);
	unsigned cpu = cpu_id();
	u8 *memory;

	for (int tries = 0;; tries++) {
		if (machine_access(cpu, byte_va(w, i), access, &memory)) {
			note_growth(s, w, i);	/* by the fault of another CPU */
			may = allowed(p, access);
			check(may, "access %u at window %u page %u works, but must not", access, w, i);
			break;
		}
		check(tries < 8, "faults for ever: window %u page %u access %u", w, i, access);
		enum fault_result res = vm_fault(s->vm, byte_va(w, i), access);

		faults_seen++;
		if (res == FAULT_OOM) {
			failures_seen++;
			note_growth(s, w, i);
			return;
		}
		note_growth(s, w, i);
		may = allowed(p, access);
		check(may == (res == FAULT_OK), "fault: %d, allowed: %d", res, may);
		if (!may) {
			check(res == (p->mapped && !p->guard ? FAULT_ACCERR : FAULT_MAPERR), "wrong kind: %d", res);
			return;
		}
	}
	check(*memory == expected(p), "window %u page %u: %02x, not %02x (object %u page %u, %s, prot %u)", w, i,
	      *memory, expected(p), p->object, p->index, p->shared ? "shared" : p->own ? "own" : "private",
	      p->prot);
	if (access == P_W) {
		*memory = (u8)(1 + host_below(255));
		write_shadow(p, *memory);
	}
}

static void step_access(struct space *s)
{
	bool near = host_below(2);
	unsigned w = near ? hot.w : random_window(), i = near ? hot.first + host_below(hot.count) : host_below(WINDOW_PAGES);
	u32 access = (u32[]){ P_R, P_W, P_W, P_X }[host_below(4)];
	/* What is shared may be on its way to a private copy in a job. */
	bool everybody = access == P_W && s->pages[w][i].shared;

	latest = (struct range){ w, i, 1 };
	if (everybody && !jobs_hold())
		return;
	access_byte(s, w, i, access);
	if (everybody)
		jobs_go_on();
}

/* The reclaimer comes by, in the background or asked by one space; with no lock held, or with one. */
static void step_reclaim(struct space *s)
{
	struct range r = random_range();
	struct swap_stats before, after;
	bool busy;

	swap_stats(&before);
	reclaiming++;
	switch (host_below(4)) {
	case 0:
		vm_madvise(s->vm, page_va(r.w, r.first), r.count * PAGE_SIZE,
			   host_below(2) ? MADV_PAGEOUT : MADV_COLD);
		break;
	case 1:
		rwlock_write(&s->vm->lock);
		reclaim_anonymous(1 + host_below(20), &busy);
		rwlock_write_done(&s->vm->lock);
		break;
	default:
		reclaim_anonymous_unlocked(1 + host_below(100));
		break;
	}
	reclaiming--;
	swap_stats(&after);
	reclaimed += after.out - before.out;
}

/* A fault that found no memory asks for some. */
bool page_reclaim(u64 want)
{
	reclaiming++;
	bool done = host_below(2) && reclaim_anonymous_unlocked(want);

	reclaiming--;
	return done;
}

static void step_run(struct space *s)
{
	machine_run(host_below(MACHINE_CPUS), host_below(8) ? s->vm : nullptr);
}

/* A child comes and goes, and the space goes on with what has been shared meanwhile. */
static void step_visit(struct space *s)
{
	struct vm *child;

	if (vm_fork(s->vm, fork_split(), &child)) {
		failures_seen++;
		return;
	}
	vm_put(child);
	machine_run(cpu_id(), s->vm);
	for (unsigned i = 0; i < 20; i++)
		step_access(s);
}

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
	bool claims_itself;
} kinds[] = {
	{ step_program, 59, .claims_itself = true }, { step_reclaim, 1, CLAIM_USE }, { step_map, 6, CLAIM_CHANGE },
	{ step_unmap, 4, CLAIM_CHANGE }, { step_protect, 5, CLAIM_CHANGE }, { step_more, 4, CLAIM_CHANGE },
	{ step_move, 3, CLAIM_CHANGE }, { step_fork, 7, .claims_itself = true }, { step_visit, 1, CLAIM_FORK },
	{ step_collapse, 3, CLAIM_USE }, { step_mode, 1, CLAIM_USE }, { step_run, 8, .claims_itself = true },
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
	if (kind->claims_itself)
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

static void begin(void)
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

static void finish(void)
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
	begin();
	for (steps_done = 0; steps_done < steps; steps_done++) {
		one_step();
		check_all(steps_done % every == 0);
	}
	finish();
	struct swap_stats swap;

	swap_stats(&swap);
	assert_int_equal(swap.used + swap.pool + swap.cached, 0);
	printf("seed %lu: %lu steps, %lu faults, %lu forks, %lu moves, %lu failed allocations, %lu pages out, %lu in\n",
	       seed, steps, faults_seen, forks_seen, moves_seen, failures_seen, reclaimed, swap.in);
	vm_stats(&stats);
	printf("blocks: %lu filled, %lu not to be had, %lu reused, %lu split, %lu collapsed\n", stats.block_fill,
	       stats.block_fallback, stats.block_reuse, stats.block_split, stats.block_collapse);
	printf("%lu accesses and %lu steps of other CPUs in the middle of a step\n", races_seen, jobs_done());
	objects_report();
	if (getenv("MODEL_SEED"))
		return;		/* what follows asks whether the usual history is worth its time */
	assert_true(reclaimed > steps / 100 && swap.in > steps / 500);
	assert_true(steps < 10000 || (stats.block_fill && stats.block_split));
}

/* Rare in random histories: a child has copied the table of a block and gone; the block is its parent's alone again. */
static void a_block_is_reused_when_the_child_has_gone(void **state)
{
	struct vm_stats before, after;
	struct vm *child;

	seed = 3;
	begin();
	struct vm *vm = spaces[0].vm;
	va_t base = 1ul << 41;

	/* After a failure some attempts are skipped. */
	for (struct page *p = nullptr; !p;) {
		p = block_new();
		if (p)
			block_put(p);
	}
	block_mode = BLOCK_ALWAYS;
	assert_int_equal(vm_mmap(vm, base, 2 * BLOCK_SIZE, P_R | P_W, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, nullptr, 0, 0),
			 base);
	assert_int_equal(vm_fault(vm, base, P_W), FAULT_OK);
	assert_int_equal(vm_fault(vm, base + BLOCK_SIZE, P_W), FAULT_OK);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	assert_int_equal(vm_fault(child, base + BLOCK_SIZE, P_W), FAULT_OK);
	vm_put(child);
	vm_stats(&before);
	assert_int_equal(vm_fault(vm, base + 5 * PAGE_SIZE, P_W), FAULT_OK);
	vm_stats(&after);
	assert_int_equal(after.block_reuse, before.block_reuse + 1);
	assert_int_equal(after.block_split, before.block_split);
	finish();
}

/* A child has moved a table that it shares with its parent, and a CPU reads there; then the reclaimer finds the table in the parent. */
static void pages_go_from_every_address(void **state)
{
	constexpr int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
	struct swap_stats before, after;
	struct vm *child;
	u8 *memory;

	seed = 4;
	begin();
	jobs_begin(nullptr);
	struct vm *vm = spaces[0].vm;
	va_t base = 1ul << 41, other = 1ul << 42;

	block_mode = BLOCK_NEVER;
	assert_int_equal(vm_mmap(vm, base, 2 * MiB, P_R | P_W, flags, nullptr, 0, 0), base);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(vm_fault(vm, base + i * PAGE_SIZE, P_W), FAULT_OK);
	assert_int_equal(vm_fork(vm, 0, &child), 0);
	assert_int_equal(vm_mremap(child, base, 2 * MiB, 2 * MiB, MREMAP_MAYMOVE | MREMAP_FIXED, other), other);
	machine_run(1, child);
	for (unsigned i = 0; i < 8; i++)
		assert_true(machine_access(1, other + i * PAGE_SIZE, P_R, &memory));
	swap_stats(&before);
	reclaim_anonymous_unlocked(64);
	swap_stats(&after);
	assert_int_equal(after.out, before.out + 8);
	assert_null(machine_check());
	machine_run(1, nullptr);
	vm_put(child);
	block_mode = BLOCK_ALWAYS;
	finish();
}

/* The test of the test: without flushes the machine must find something soon. */
static void lost_flushes_are_caught(void **state)
{
	bool caught = false;

	seed = 7;
	begin();
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

/* Where was it when something asserted, or somebody lost patience? */
static void die(int sig)
{
	fprintf(stderr, "seed %lu step %lu: died of signal %d\n", seed, steps_done, sig);
	signal(sig, SIG_DFL);
	raise(sig);
}

int main(void)
{
	signal(SIGABRT, die);
	signal(SIGALRM, die);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_match_the_flat_model),
		cmocka_unit_test(a_block_is_reused_when_the_child_has_gone),
		cmocka_unit_test(pages_go_from_every_address),
		cmocka_unit_test(lost_flushes_are_caught),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
