// SPDX-License-Identifier: MIT
/*
 * Checks: the laws of one address space (pt_check), and the audit, which recounts every reference in the system from
 * the tables and compares it with the descriptors. Slow and sure; for DEBUG builds, tests, and /proc/quire/audit.
 */
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/block.h"
#include "mm/fault.h"
#include "mm/kmem.h"
#include "mm/object_internal.h"
#include "mm/pt.h"
#include "mm/pt_internal.h"
#include "mm/swap.h"
#include "mm/vm.h"

struct check {
	struct vm *vm;
	const char *broken;
};

/* A block may lie in several regions, which differ in what no entry shows. */
static void check_regions(struct check *c, va_t va, va_t end, bool writable)
{
	struct region r;

	for (; va < end && !c->broken; va = r.end) {
		if (!layout_find(&c->vm->layout, va, &r))
			c->broken = "an entry maps what the layout does not have";
		else if (writable && !(r.flags & R_WRITE))
			c->broken = "a writable entry in a region that is not";
	}
}

static void check_leaf(struct check *c, struct pte e, int level, va_t va, bool owned, bool writable_path)
{
	struct page *p = pa_page(pte_pa(e, level));
	u32 prot = pte_prot(e, level);
	bool writable = (prot & P_W) && writable_path;

	check_regions(c, va, va + pt_slot_size(level), writable);
	if (c->broken || !writable)
		return;
	if (!(prot & P_SHARED) && owned && page_is_counted(p) &&
		 !(level ? block_alone(p) : page_refs(p) == 1))
		c->broken = "law 3: a writable private page has more than one user";
	else if (!(prot & P_SHARED) && p->kind != PAGE_ANON)
		c->broken = "law 3: a writable private page is not anonymous";
	else if (!(prot & P_DIRTY))
		c->broken = "law 12: a writable entry is not marked dirty";
}

static void check_swapped(struct check *c, struct pte e, int level, va_t va)
{
	struct region r;

	if (level || !swap_slot_valid((u32)pte_payload(e)))
		c->broken = "a swap entry without a slot";
	else if (!layout_find(&c->vm->layout, va, &r) || (r.flags & R_SHARED))
		c->broken = "a swap entry where no private memory is";
}

static void check_table(struct check *c, struct page *t, va_t base, bool owned);

/* e: slot i, which is not empty. */
static void check_slot(struct check *c, struct page *t, unsigned i, struct pte e, va_t va, bool owned)
{
	enum pte_kind kind = pte_kind(e, t->level);

	if (!(t->groups & (1ul << (i / 8))))
		c->broken = "a used slot outside its table's groups";
	if (kind == PTE_LEAF) {
		check_leaf(c, e, t->level, va, owned, owned);
		return;
	}
	if (kind == PTE_SWAP) {
		check_swapped(c, e, t->level, va);
		return;
	}
	struct page *child = pa_page(pte_table_pa(e));
	bool writable = pte_writable(e, t->level);

	if (child->kind != PAGE_TABLE)
		c->broken = "a table slot leads to what is no table";
	else if (child->level != t->level - 1)
		c->broken = "a table of the wrong level";
	else if (page_refs(child) > 1 && writable)
		c->broken = "law 1: a shared table can be written through";
	else
		check_table(c, child, va, owned && writable);
}

static void check_table(struct check *c, struct page *t, va_t base, bool owned)
{
	unsigned slots = t->level == PT_LEVELS - 1 ? USER_ROOT_SLOTS : PT_SLOTS, used = 0, swapped = 0;
	const struct pte *slot = pt_slots(t);

	for (unsigned i = 0; i < slots && !c->broken; i++, slot++) {
		struct pte e = pte_load(slot);

		if (!e.raw)
			continue;
		used++;
		swapped += pte_kind(e, t->level) == PTE_SWAP;
		check_slot(c, t, i, e, base + i * pt_slot_size(t->level), owned);
	}
	if (!c->broken && used != t->used)
		c->broken = "law 9: a table's count of used slots is wrong";
	if (!c->broken && swapped != t->swapped)
		c->broken = "a table's count of swap entries is wrong";
}

const char *pt_check(struct vm *vm)
{
	struct check c = { .vm = vm };

	debug_assert(rwlock_is_write_locked(&vm->lock));
	if (page_refs(vm->root) != 1)
		return "a root has more than one user";
	check_table(&c, vm->root, 0, true);
	return c.broken ? c.broken : layout_check(&vm->layout);
}

/* ---- the audit */

constexpr u64 REF_CHUNK = 1ul << 20;	/* frames for which one allocation counts */
constexpr unsigned REF_CHUNKS = 64;

struct audit {
	void (*report)(void *arg, const char *line);
	void *arg;
	unsigned findings;
	u64 first, frames;
	u32 *refs[REF_CHUNKS];		/* found references, by frame number - first */
};

[[gnu::format(printf, 2, 3)]] static void found(struct audit *a, const char *fmt, ...)
{
	char line[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (a->report && a->findings < 64)
		a->report(a->arg, line);
	a->findings++;
}

/* One reference to p was found. True: the first. */
static bool count_ref(struct audit *a, const struct page *p)
{
	u64 i = (u64)(p - page_array) - a->first;

	return i < a->frames && a->refs[i / REF_CHUNK][i % REF_CHUNK]++ == 0;
}

/* A whole block is counted in its first page, a broken one in each. */
static void count_leaf_refs(struct audit *a, struct pa pa, int level)
{
	struct page *p = pa_page(pa);

	if (!pa_is_ram(pa))
		return;
	count_ref(a, p);
	for (unsigned i = 1; level && !block_whole(p) && i < BLOCK_PAGES; i++)
		count_ref(a, p + i);
}

static void audit_table(struct audit *a, struct page *t)
{
	unsigned slots = t->level == PT_LEVELS - 1 ? USER_ROOT_SLOTS : PT_SLOTS;

	for (unsigned i = 0; i < slots; i++) {
		struct pte e = pte_load(&pt_slots(t)[i]);

		switch (pte_kind(e, t->level)) {
		case PTE_TABLE: {
			struct page *child = pa_page(pte_table_pa(e));

			if (count_ref(a, child))
				audit_table(a, child);
			break;
		}
		case PTE_LEAF:
			count_leaf_refs(a, pte_pa(e, t->level), t->level);
			break;
		case PTE_SWAP:
			swap_audit_found((u32)pte_payload(e));
			break;
		default:
			break;
		}
	}
}

static void audit_vm(struct vm *vm, void *arg)
{
	struct audit *a = arg;

	scoped_write(&vm->lock);
	const char *broken = pt_check(vm);

	if (broken)
		found(a, "address space %p: %s", (void *)vm, broken);
	if (count_ref(a, vm->root))
		audit_table(a, vm->root);
}

static void audit_frames(struct audit *a)
{
	u64 idle_tables = 0;

	for (u64 i = 0; i < a->frames; i++) {
		const struct page *p = page_array + a->first + i;
		u32 refs = load_relaxed(&p->refs), want = a->refs[i / REF_CHUNK][i % REF_CHUNK];

		if (!pa_is_ram(page_pa(p)))
			continue;
		switch (p->kind) {
		case PAGE_CACHE:
			want += p->object != nullptr;
			break;
		case PAGE_TABLE:
			idle_tables += refs == 0;
			break;
		case PAGE_ANON:
			want += p->aux != 0;	/* the swap cache's */
			break;
		default:
			if (want && page_is_counted(p))
				found(a, "frame %lx: mapped by %u, but of kind %u",
				      page_pa(p).v >> PAGE_SHIFT, want, p->kind);
			continue;
		}
		if (refs != want)
			found(a, "frame %lx: %u references, %u found (kind %u)",
			      page_pa(p).v >> PAGE_SHIFT, refs, want, p->kind);
	}
	if (idle_tables != pt_cached_tables())
		found(a, "%lu tables without a user, %u are kept", idle_tables, pt_cached_tables());
}

static bool alloc_refs(struct audit *a)
{
	u64 end;

	page_frames(&a->first, &end);
	a->frames = end - a->first;
	for (u64 i = 0; i * REF_CHUNK < a->frames; i++) {
		u64 n = min(a->frames - i * REF_CHUNK, REF_CHUNK);

		if (i == REF_CHUNKS)
			return false;
		a->refs[i] = kzalloc(n * sizeof(u32));
		if (!a->refs[i])
			return false;
	}
	return true;
}

static unsigned audit_once(void (*report)(void *arg, const char *line), void *arg)
{
	struct audit a = { .report = report, .arg = arg };

	if (alloc_refs(&a)) {
		swap_audit_begin();
		vm_for_each(audit_vm, &a);
		object_swap_audit();
		audit_frames(&a);
		a.findings += swap_audit_end(report, arg);
	} else {
		found(&a, "no memory to audit with");
	}
	for (unsigned i = 0; i < REF_CHUNKS; i++)
		kfree(a.refs[i]);
	return a.findings;
}

/* Others run meanwhile: a reference that is on its way from hand to hand looks like a finding, but not twice. */
unsigned vm_audit(void (*report)(void *arg, const char *line), void *arg)
{
	constexpr int TRIES = 8;

	for (int i = 1; i < TRIES; i++) {
		if (!audit_once(nullptr, nullptr))
			return 0;
		vm_wait_for_memory();
	}
	return audit_once(report, arg);
}
