// SPDX-License-Identifier: MIT
/* The model's common steps (vm_model_test.c): each makes a call, or an access, on a space and on its flat model. The rarer ones are in
 * vm_model_more.c and vm_model_object.c. */
#include <string.h>
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
u64 reclaimed_seen, forks_seen, collapses_seen;
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

unsigned big_windows;

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

struct space *random_space(void)
{
	struct space *s = &spaces[host_below(SPACES)];

	return s->vm ? s : &spaces[0];
}

u8 expected(const struct shadow_page *p)
{
	return p->object && !p->own ? contents[p->object][p->index] : p->value;
}

bool any_sealed(const struct space *s, struct range r)
{
	for (unsigned i = r.first; i < r.first + r.count; i++) {
		if (s->pages[r.w][i].sealed)
			return true;
	}
	return false;
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

void step_map(struct space *s)
{
	struct range r = random_range();
	unsigned object = big(r.w) || host_below(2) ? 0 : 1 + host_below(OBJECTS);
	bool shared = object && host_below(2);
	unsigned index = host_below(OBJECT_PAGES - WINDOW_PAGES);
	int prot = big(r.w) && host_below(4) ? P_R | P_W : (int)host_below(8);
	long res = vm_mmap(s->vm, page_va(r.w, r.first), length(r), prot,
			   MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (object ? 0 : MAP_ANONYMOUS),
			   objects[object], R_MAXREAD | R_MAXWRITE | R_MAXEXEC, index * PAGE_SIZE);
	bool sealed = any_sealed(s, r);

	if (res == -ENOMEM) {		/* the old mapping is gone or not, but nothing in between */
		forget_unmapped(s, r);
		return;
	}
	check(res == (sealed ? -EPERM : (long)page_va(r.w, r.first)), "mmap: %ld", res);
	if (sealed)
		return;
	for (unsigned i = 0; i < r.count; i++)
		s->pages[r.w][r.first + i] = (struct shadow_page){
			.mapped = true, .prot = (u8)prot, .object = (u8)object, .shared = shared,
			.index = index + i,
		};
}

void step_unmap(struct space *s)
{
	struct range r = random_range();
	long res = vm_munmap(s->vm, page_va(r.w, r.first), length(r));

	if (res == -ENOMEM) {
		failures_seen++;
		return;
	}
	bool sealed = any_sealed(s, r);

	check(res == (sealed ? -EPERM : 0), "munmap: %ld", res);
	if (sealed)
		return;
	memset(&s->pages[r.w][r.first], 0, r.count * sizeof(struct shadow_page));
}

/* Pages at the start of the range before the first hole, or what is sealed. */
static unsigned may_be_protected(const struct space *s, struct range r)
{
	const struct shadow_page *pages = &s->pages[r.w][r.first];
	unsigned n = 0;

	while (n < r.count && pages[n].mapped && !pages[n].sealed)
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

/* Rights change up to the first hole or seal, as on Linux; for want of memory, region by region up to anywhere. */
void step_protect(struct space *s)
{
	struct range r = random_range();
	int prot = (int)host_below(8);
	unsigned failed = machine_failures(), n = may_be_protected(s, r);
	bool populates = gains_write(s, (struct range){ r.w, r.first, n }, prot);

	if (populates)
		machine_fail_at(0);
	long res = vm_mprotect(s->vm, page_va(r.w, r.first), length(r), prot);
	bool no_memory = machine_failures() != failed;
	long stop = n == r.count ? 0 : s->pages[r.w][r.first + n].sealed ? -EPERM : -ENOMEM;

	check(res == stop || (no_memory && res == -ENOMEM), "mprotect: %ld, %u of %u can be", res, n, r.count);
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

/* Collapse by advice: 0 says that there are blocks now, unless somebody has split one since. */
static void collapse_range(const struct space *s, struct range r)
{
	bool alone = jobs_hold();
	va_t va = page_va(r.w, r.first), end = va + length(r);
	long res = vm_madvise(s->vm, va, length(r), MADV_COLLAPSE);

	check(res == 0 || res == -EINVAL || res == -EAGAIN || res == -ENOMEM, "MADV_COLLAPSE: %ld", res);
	for (va = align_up(va, BLOCK_SIZE); alone && !res && va + BLOCK_SIZE <= end; va += BLOCK_SIZE) {
		int level;

		rwlock_write(&s->vm->lock);
		struct pte e = pt_lookup(s->vm, va, &level);
		rwlock_write_done(&s->vm->lock);

		check(level == 1 && pte_kind(e, 1) == PTE_LEAF, "no block after MADV_COLLAPSE");
		collapses_seen++;
	}
	if (alone)
		jobs_go_on();
}

/* Pages become blocks, by advice or in the background; nothing else may change. */
void step_collapse(struct space *s)
{
	struct range r = random_range();

	if (host_below(4))
		collapse_range(s, r);
	else
		vm_collapse_some(2);
}

/* From now on pages, or blocks again. */
void step_mode(struct space *s)
{
	block_mode = host_below(4) ? BLOCK_ALWAYS : BLOCK_NEVER;
}

/* Moves a run that is one region to a place in another window. */
void step_move(struct space *s)
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

	bool sealed = any_sealed(s, r) || any_sealed(s, to);

	if (res == -ENOMEM) {
		forget_unmapped(s, to);
		return;
	}
	check(res == (sealed ? -EPERM : (long)page_va(to.w, to.first)), "mremap: %ld", res);
	if (sealed)
		return;
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

void step_fork(struct space *s)
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

void step_access(struct space *s)
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
void step_reclaim(struct space *s)
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
	reclaimed_seen += after.out - before.out;
}

/* A fault that found no memory asks for some. */
bool page_reclaim(u64 want)
{
	reclaiming++;
	bool done = host_below(2) && reclaim_anonymous_unlocked(want);

	reclaiming--;
	return done;
}

void step_run(struct space *s)
{
	machine_run(host_below(MACHINE_CPUS), host_below(8) ? s->vm : nullptr);
}

/* A child comes and goes, and the space goes on with what has been shared meanwhile. */
void step_visit(struct space *s)
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
