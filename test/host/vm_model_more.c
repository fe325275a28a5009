// SPDX-License-Identifier: MIT
/* The model's rarer steps: advice, locks, the heap, stacks, exec, accesses by the kernel; and accesses by other CPUs in the middle of
 * a step. */
#include <string.h>
#include "vm_jobs.h"
#include "mm/mman.h"
#include "mm/pt.h"

u64 races_seen, seals_seen;

static void access_here(struct space *s, unsigned cpu, unsigned w, unsigned i)
{
	struct shadow_page *p = &s->pages[w][i];
	u32 access = host_below(2) ? P_R : P_W;
	u8 *memory;

	/* What is shared may be on its way to a private copy just now, with or without this store. */
	if (space_changes(s) || (access == P_W && p->shared) || !machine_access(cpu, byte_va(w, i), access, &memory))
		return;
	note_growth(s, w, i);	/* by the fault that is under way */
	check(allowed(p, access), "a racing access %u to window %u page %u works, but must not", access, w, i);
	check(*memory == expected(p), "a racing access %u to window %u page %u finds %02x, not %02x", access, w, i, *memory,
	      expected(p));
	races_seen++;
	if (access == P_R)
		return;
	*memory = (u8)(1 + host_below(255));
	write_shadow(p, *memory);
}

void racing_access(void)
{
	bool near = host_below(4);
	unsigned w = near ? latest.w : random_window(), i = near ? latest.first + host_below(latest.count) : host_below(WINDOW_PAGES);

	for (unsigned cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		for (struct space *s = spaces; s < spaces + SPACES && machine_running(cpu) && !jobs_busy(cpu); s++) {
			if (s->vm == machine_running(cpu))
				access_here(s, cpu, w, i);
		}
	}
}

void clear_range(struct space *s, struct range r)
{
	machine_fail_at(0);
	failures_seen++;
	check(vm_munmap(s->vm, page_va(r.w, r.first), length(r)) == 0, "munmap fails");
	memset(&s->pages[r.w][r.first], 0, r.count * sizeof(struct shadow_page));
}

/* ---- advice */

void dropped(struct shadow_page *p)
{
	if (!p->shared) {
		p->own = false;
		p->value = 0;
	}
}

static void advised(struct shadow_page *p, int advice)
{
	switch (advice) {
	case MADV_DONTFORK:
	case MADV_DOFORK:
		p->dontfork = advice == MADV_DONTFORK;
		break;
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
		p->wipe = advice == MADV_WIPEONFORK;
		break;
	case MADV_GUARD_INSTALL:
		dropped(p);
		p->guard = true;
		break;
	case MADV_GUARD_REMOVE:
		p->guard = false;
		break;
	case MADV_WILLNEED:
		break;
	default:
		dropped(p);
		break;
	}
}

/* Memory that nobody may write to cannot be cleared either, where it is sealed: now, or in a child. */
static bool sealed_against(const struct shadow_page *p, int advice)
{
	if (!p->sealed || p->object || (p->prot & P_W))
		return false;
	switch (advice) {
	case MADV_FREE:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_DONTFORK:
	case MADV_WIPEONFORK:
	case MADV_GUARD_INSTALL:
		return true;
	default:
		return false;
	}
}

/* Why a page refuses, or 0. */
static long refused(const struct shadow_page *p, int advice)
{
	if (sealed_against(p, advice))
		return -EPERM;
	switch (advice) {
	case MADV_FREE:
		return p->object || p->locked ? -EINVAL : 0;
	case MADV_DONTNEED:
	case MADV_GUARD_INSTALL:
		return p->locked ? -EINVAL : 0;
	case MADV_WIPEONFORK:
		return p->object ? -EINVAL : 0;
	default:
		return 0;
	}
}

/* Page by page up to the first that refuses; holes are passed over. */
static void step_advice(struct space *s)
{
	static const int all[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_FREE, MADV_DONTFORK, MADV_DOFORK,
		MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_GUARD_INSTALL, MADV_GUARD_REMOVE, MADV_GUARD_REMOVE, MADV_WILLNEED,
	};
	struct range r = random_range();
	int advice = all[host_below(ARRAY_SIZE(all))];
	unsigned failed = machine_failures();

	if (any_sealed(s, r))		/* could not be cleared after a failure */
		machine_fail_at(0);
	long res = vm_madvise(s->vm, page_va(r.w, r.first), length(r), advice);

	if (machine_failures() != failed) {
		clear_range(s, r);
		return;
	}
	for (unsigned i = r.first; i < r.first + r.count; i++) {
		struct shadow_page *p = &s->pages[r.w][i];

		if (p->mapped && refused(p, advice)) {
			check(res == refused(p, advice), "advice %d: %ld", advice, res);
			return;
		}
		if (p->mapped)
			advised(p, advice);
	}
	check(res == 0 || res == -ENOMEM, "advice %d: %ld", advice, res);
}

/* ---- locks */

void brought_in(struct space *s, struct range r)
{
	for (unsigned i = r.first; i < r.first + r.count; i++) {
		struct shadow_page *p = &s->pages[r.w][i];

		if (p->shared || p->own || !(p->prot & P_W))
			continue;
		p->value = expected(p);
		p->own = true;
	}
}

static void step_populate(struct space *s, struct range r)
{
	bool write = host_below(2), readable = true;

	for (unsigned i = r.first; i < r.first + r.count; i++)
		readable = readable && (s->pages[r.w][i].prot & P_R);
	for (unsigned i = r.first; write && i < r.first + r.count; i++)
		write = s->pages[r.w][i].prot & P_W;
	long res = vm_madvise(s->vm, page_va(r.w, r.first), length(r), write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);

	check(res == (write || readable ? 0 : -EINVAL), "populate: %ld", res);
	if (write)
		brought_in(s, r);
}

static void step_lock(struct space *s)
{
	struct range r = random_range();
	bool lock = host_below(3);

	for (unsigned i = r.first; i < r.first + r.count; i++) {
		const struct shadow_page *p = &s->pages[r.w][i];

		if (!p->mapped || !p->prot || p->guard)
			return;
	}
	machine_fail_at(0);
	if (host_below(3) == 0) {
		step_populate(s, r);
		return;
	}
	long res = vm_mlock(s->vm, page_va(r.w, r.first), length(r), lock ? R_LOCKED : 0);

	if (res == -ENOMEM && lock && s->vm->layout.locked_pages + (length(r) >> PAGE_SHIFT) > s->vm->limits.memlock >> PAGE_SHIFT)
		return;
	check(res == 0, "mlock: %ld", res);
	for (unsigned i = r.first; i < r.first + r.count; i++)
		s->pages[r.w][i].locked = lock;
	if (lock)
		brought_in(s, r);
}

/* All of the range, or nothing. It ends with the space: the first one is not sealed, so that there is always one that can change. */
static void step_seal(struct space *s)
{
	struct range r = random_range();
	unsigned failed = machine_failures(), mapped = 0;

	if (s == spaces)
		return;
	while (mapped < r.count && s->pages[r.w][r.first + mapped].mapped)
		mapped++;
	if (mapped && host_below(4))
		r.count = mapped;
	long res = vm_mseal(s->vm, page_va(r.w, r.first), length(r));

	check(res == (mapped == r.count ? 0 : -ENOMEM) || (res == -ENOMEM && machine_failures() != failed), "mseal: %ld", res);
	for (unsigned i = r.first; !res && i < r.first + r.count; i++)
		s->pages[r.w][i].sealed = true;
	seals_seen += !res;
}

/* ---- what grows */

static void step_brk(struct space *s)
{
	unsigned i = host_below(WINDOW_PAGES);
	va_t old = s->vm->brk, want = page_va(HEAP_WINDOW, i);
	struct shadow_page *pages = s->pages[HEAP_WINDOW];

	if (!old) {
		s->vm->brk_start = s->vm->brk = window_base(HEAP_WINDOW);
		return;
	}
	if ((va_t)vm_brk(s->vm, want) != want)
		return;		/* in the way is something else, or there is no memory */
	unsigned was = (unsigned)((old - window_base(HEAP_WINDOW)) >> PAGE_SHIFT);

	check(i > was || !any_sealed(s, (struct range){ HEAP_WINDOW, i, was - i }), "the heap shrinks though it is sealed");
	for (unsigned k = min(i, was); k < max(i, was); k++)
		pages[k] = (struct shadow_page){ .mapped = i > was, .prot = P_R | P_W };
}

static void step_stack(struct space *s)
{
	struct range r = random_range();

	if (r.w >= SMALL_WINDOWS)
		return;
	long res = vm_mmap(s->vm, page_va(r.w, r.first), length(r), P_R | P_W,
			   MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, nullptr, 0, 0);

	if (res == -ENOMEM) {
		forget_unmapped(s, r);
		return;
	}
	check(res == (any_sealed(s, r) ? -EPERM : (long)page_va(r.w, r.first)), "mmap of a stack: %ld", res);
	if (res < 0)
		return;
	for (unsigned i = r.first; i < r.first + r.count; i++)
		s->pages[r.w][i] = (struct shadow_page){ .mapped = true, .prot = P_R | P_W, .stack = true };
}

void note_growth(struct space *s, unsigned w, unsigned i)
{
	struct shadow_page *pages = s->pages[w];
	struct region r;
	unsigned above = i;

	if (pages[i].mapped || !layout_find(&s->vm->layout, byte_va(w, i), &r))
		return;
	while (above < WINDOW_PAGES && !pages[above].mapped)
		above++;
	check(above < WINDOW_PAGES && pages[above].stack, "window %u page %u is mapped, and no stack is above", w, i);
	for (unsigned k = i; k < above; k++) {
		pages[k] = (struct shadow_page){
			.mapped = true, .prot = pages[above].prot, .stack = true, .locked = pages[above].locked,
			.dontfork = pages[above].dontfork, .wipe = pages[above].wipe, .sealed = pages[above].sealed,
		};
	}
}

/* ---- mremap in place, and the kind that leaves the old mapping */

static void step_resize(struct space *s)
{
	struct range r = random_range();
	unsigned more = host_below(4), n = r.count, to = host_below(2) ? n + more : max(n - min(n, more), 1u);
	struct region region;
	bool free = true;

	const struct shadow_page *last = &s->pages[r.w][r.first + n - 1];

	if (last->locked || (last->object && last->index + more >= OBJECT_PAGES))
		return;
	if (r.first + to > WINDOW_PAGES || !layout_find(&s->vm->layout, page_va(r.w, r.first), &region) ||
	    region.end < page_va(r.w, r.first + n))
		return;
	for (unsigned i = n; i < to; i++)
		free = free && !s->pages[r.w][r.first + i].mapped;
	unsigned failed = machine_failures();
	long res = vm_mremap(s->vm, page_va(r.w, r.first), length(r), to * (length(r) / n), 0, 0);
	struct shadow_page *p = &s->pages[r.w][r.first];

	if (p->sealed) {
		check(res == -EPERM, "mremap of what is sealed: %ld", res);
		return;
	}
	check(res == (long)page_va(r.w, r.first) || res == -ENOMEM || res == -EAGAIN, "mremap in place: %ld", res);
	check(res > 0 || to > n || machine_failures() != failed, "mremap does not shrink: %ld", res);
	if (res < 0)
		return;
	check(to <= n || free, "mremap grew over something");
	for (unsigned i = n; i < to; i++) {
		p[i] = p[n - 1];
		p[i].own = false;
		p[i].value = 0;
		p[i].index = p[n - 1].index + i - (n - 1);
	}
	memset(p + min(to, n), 0, (n - min(to, n)) * sizeof(*p));
}

struct vm *new_vm(void)
{
	struct vm *vm = vm_new(false);

	if (vm)
		vm->limits.stack = 1 * MiB;	/* so that none reaches from one window to another */
	return vm;
}

/* ---- exec, and an end of everything at once */

static void step_exec(struct space *s)
{
	struct vm *vm = new_vm();

	if (!vm) {
		failures_seen++;
		return;
	}
	leave_cpus(s);
	vm_put(s->vm);
	*s = (struct space){ .vm = vm };
	machine_run(cpu_id(), vm);
}

static void step_unmap_all(struct space *s)
{
	long res = vm_munmap(s->vm, 0, USER_END);

	if (res == -ENOMEM) {		/* where user memory ends within a table, that has to be copied */
		failures_seen++;
		return;
	}
	check(res == 0 || res == -EPERM, "munmap of all: %ld", res);
	for (unsigned w = 0; w < WINDOWS; w++) {
		if (any_sealed(s, (struct range){ w, 0, WINDOW_PAGES })) {
			check(res == -EPERM, "munmap of all, and window %u is sealed: %ld", w, res);
			return;
		}
	}
	check(res == 0, "munmap of all: %ld", res);
	memset(s->pages, 0, sizeof(s->pages));
}

/* ---- the kernel reads and writes, and debuggers do */

static void step_kernel(struct space *s)
{
	unsigned w = random_window(), i = host_below(WINDOW_PAGES), failed = machine_failures();
	struct shadow_page *p = &s->pages[w][i];
	bool write = host_below(2), force = host_below(3) == 0;
	u8 value = (u8)(1 + host_below(255)), seen = value;
	bool everybody = write && p->shared;
	size_t n;

	if (everybody && !jobs_hold())
		return;
	if (write)
		n = (force ? vm_force_write : vm_write)(s->vm, byte_va(w, i), &value, 1);
	else
		n = (force ? vm_force_read : vm_read)(s->vm, byte_va(w, i), &seen, 1);
	if (everybody)
		jobs_go_on();
	note_growth(s, w, i);
	bool may = allowed(p, write ? P_W : P_R) || (force && p->mapped && !p->guard && !p->shared);

	check(n ? may : !may || machine_failures() != failed, "the kernel's %s of window %u page %u: %zu, allowed: %d",
	      write ? "write" : "read", w, i, n, may);
	if (n && write)
		write_shadow(p, value);
	else if (n)
		check(seen == expected(p), "the kernel reads %02x at window %u page %u, not %02x", seen, w, i, expected(p));
}

/* Marks of use go: nobody sees anything of that. */
static void step_clear_accessed(struct space *s)
{
	unsigned failed = machine_failures();
	int err = vm_clear_accessed(s->vm, (enum accessed_kind)(ACCESSED_ALL + host_below(3)));

	check(!err || machine_failures() != failed, "clear_refs: %d", err);
}

/* What changes more than one space: nobody else does anything. */
static void step_alone(struct space *s, void (*step)(struct space *))
{
	jobs_finish();
	(void)jobs_hold();
	for (unsigned i = 0; i < SPACES; i++)
		(void)(&spaces[i] == s || space_claim(&spaces[i], CLAIM_CHANGE));
	step(s);
	for (unsigned i = 0; i < SPACES; i++) {
		if (&spaces[i] != s)
			space_release(&spaces[i], CLAIM_CHANGE);
	}
	jobs_go_on();
}

void step_more(struct space *s)
{
	static const struct {
		void (*step)(struct space *s);
		unsigned weight;
		bool alone;
	} steps[] = {
		{ .step = step_advice, .weight = 10 }, { .step = step_lock, .weight = 3 },
		{ .step = step_brk, .weight = 3 }, { .step = step_stack, .weight = 2 },
		{ .step = step_resize, .weight = 4 }, { .step = step_exec, .weight = 1 },
		{ .step = step_unmap_all, .weight = 1 }, { .step = step_punch, .weight = 3, .alone = true },
		{ .step = step_store, .weight = 3 }, { .step = step_kernel, .weight = 10 },
		{ .step = step_clear_accessed, .weight = 2 }, { .step = step_seal, .weight = 8 },
	};
	unsigned left = host_below(50);

	for (unsigned i = 0; i < ARRAY_SIZE(steps); left -= steps[i++].weight) {
		if (left >= steps[i].weight)
			continue;
		if (steps[i].alone)
			step_alone(s, steps[i].step);
		else
			steps[i].step(s);
		return;
	}
}
