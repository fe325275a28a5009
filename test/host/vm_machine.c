// SPDX-License-Identifier: MIT
/* The machine of vm_machine.h. Single-threaded: interrupts to other CPUs run at once, on the host thread. */
#include <string.h>
#include "vm_machine.h"
#include "lib/random.h"
#include "mm/pt.h"
#include "mm/user.h"

constexpr unsigned CACHED = 4096, WATCHED = 64;

/* One cached translation: of a page (level -1 means a leaf), or of a table slot (walk cache). */
struct cached {
	bool valid, is_table;
	u8 level;			/* of the slot that was read */
	u64 asid;			/* as the hardware sees it: the number */
	va_t va;			/* aligned to what the slot covers */
	struct pa pa;			/* page or child table */
	u32 prot;			/* leaf: rights after ANDing; table: P_W if writable so far */
};

static struct cpu_model {
	struct vm *vm;
	u64 root, asid;
	struct cached cache[CACHED];
	unsigned used;
} cpus[MACHINE_CPUS];

struct page_ram page_ram;
static unsigned nframes, pages_used, fail_in, failures;
static struct page *frames;
static va_t watched[WATCHED];
static unsigned nwatched;
static const char *violation;
static void (*on_gap)(void), (*on_point)(unsigned weight);
static unsigned no_points;
bool machine_ignore_flushes;
static u8 kernel_root_frame;		/* index 0 is the kernel's root */

static u64 asid_number(u64 value) { return value & 0xffff; }

static void complain(const char *what)
{
	if (!violation)
		violation = what;
}

void machine_on_gap(void (*fn)(void)) { on_gap = fn; }
void machine_on_point(void (*fn)(unsigned weight)) { on_point = fn; }
const char *machine_violation(void) { return violation; }
void machine_watch(va_t va) { if (nwatched < WATCHED) watched[nwatched++] = va; }
struct vm *machine_running(unsigned cpu) { return cpus[cpu].vm; }
unsigned machine_pages_used(void) { return pages_used; }
void machine_fail_at(unsigned n) { fail_in = n; }
unsigned machine_failures(void) { return failures; }

/* ---- walking */

static bool matches(const struct cached *c, u64 asid, va_t va)
{
	return c->valid && c->asid == asid && (va & ~(pt_slot_size(c->level) - 1)) == c->va;
}

static void remember(struct cpu_model *m, struct cached c)
{
	for (unsigned i = 0; i < m->used; i++) {
		if (!m->cache[i].valid) {
			m->cache[i] = c;
			return;
		}
	}
	if (m->used < CACHED)
		m->cache[m->used++] = c;
	else
		m->cache[host_below(CACHED)] = c;	/* forgetting is always legal */
}

static struct pte slot_at(struct pa table, va_t va, int level)
{
	return pt_slots(pa_page(table))[pt_index(va, level)];
}

/* Where a walk begins: at the root, or below it if a cached slot says so. */
static void walk_start(struct cpu_model *m, va_t va, struct pa *table, int *level, bool *writable)
{
	*table = (struct pa){ m->root };
	*level = PT_LEVELS - 1;
	*writable = true;
	for (unsigned i = 0; i < m->used; i++) {
		struct cached *c = &m->cache[i];

		if (c->is_table && matches(c, m->asid, va) && c->level <= *level && host_below(4)) {
			*table = c->pa;
			*level = c->level - 1;
			*writable = c->prot & P_W;
		}
	}
}

/* One hardware walk; caches all that it reads. False: nothing present. */
static bool walk(struct cpu_model *m, va_t va, struct cached *leaf)
{
	struct pa table;
	int level;
	bool writable;

	walk_start(m, va, &table, &level, &writable);
	for (;; level--) {
		struct pte e = slot_at(table, va, level);
		enum pte_kind kind = pte_kind(e, level);
		struct cached c = {
			.valid = true, .level = (u8)level, .asid = m->asid,
			.va = va & ~(pt_slot_size(level) - 1), .is_table = kind == PTE_TABLE,
		};

		if (kind != PTE_TABLE && kind != PTE_LEAF)
			return false;
		if (kind == PTE_TABLE) {
			writable = writable && pte_writable(e, level);
			c.pa = pte_table_pa(e);
			c.prot = writable ? P_W : 0;
			remember(m, c);
			table = c.pa;
			continue;
		}
		c.pa = pte_pa(e, level);
		c.prot = pte_prot(e, level);
		if (!writable)
			c.prot &= ~(u32)P_W;
		if (!(c.prot & (P_R | P_W | P_X)))
			return false;
		/* Without Accessed: the x86-64 sets it, the Cortex-A72 faults, and keeps nothing (Arm ARM D8.4.6). */
		if (!(c.prot & P_ACCESSED) && TLB_BROADCAST)
			return false;
		if (!(c.prot & P_ACCESSED))
			pt_slots(pa_page(table))[pt_index(va, level)] =
				pte_leaf(c.pa, level, pte_prot(e, level) | P_ACCESSED);
		remember(m, c);
		*leaf = c;
		return true;
	}
}

static bool allows(u32 prot, u32 access)
{
	return access == P_R ? prot & (P_R | P_W | P_X) : prot & access;
}

bool machine_access(unsigned cpu, va_t va, u32 access, u8 **memory)
{
	struct cpu_model *m = &cpus[cpu];
	struct cached leaf = {};

	for (unsigned i = 0; i < m->used && !leaf.valid; i++) {
		if (!m->cache[i].is_table && matches(&m->cache[i], m->asid, va))
			leaf = m->cache[i];
	}
	if (!leaf.valid && !walk(m, va, &leaf))
		return false;
	if (!allows(leaf.prot, access))
		return false;
	*memory = (u8 *)direct_map(leaf.pa) + (va & (pt_slot_size(leaf.level) - 1));
	return true;
}

static void point(unsigned weight)
{
	if (on_point && !no_points)
		on_point(weight);
}

/* Around spinlocks, too. */
void preempt_disable(void) { point(1); }
void preempt_enable(void) { point(1); }

/* A table that waits for its next use is not freed; but it must be as if it were. */
static void check_tables_held(const struct cpu_model *m)
{
	for (unsigned i = 0; i < m->used; i++) {
		const struct cached *c = &m->cache[i];

		if (c->valid && c->is_table && c->asid == m->asid && !page_refs(pa_page(c->pa)))
			complain("a table was let go of while a CPU could still reach it");
	}
}

/* Every CPU may walk whatever it likes, whenever it likes. */
static void speculate(void)
{
	static bool busy;
	struct cached leaf;

	point(4);
	if (on_gap && !busy) {
		busy = true;
		on_gap();
		busy = false;
	}
	for (unsigned cpu = 0; nwatched && cpu < MACHINE_CPUS; cpu++) {
		if (cpus[cpu].vm && host_below(3) == 0)
			walk(&cpus[cpu], watched[host_below(nwatched)], &leaf);
		if (cpus[cpu].vm && host_below(8) == 0)
			check_tables_held(&cpus[cpu]);
	}
}

/* ---- checking what is cached */

/* Does the walk from the root, as things are, still say what c says (or more)? */
static const char *compare(const struct cpu_model *m, const struct cached *c)
{
	struct pa table = { m->root };
	bool writable = true;

	for (int level = PT_LEVELS - 1;; level--) {
		struct pte e = slot_at(table, c->va, level);
		enum pte_kind kind = pte_kind(e, level);

		writable = writable && kind == PTE_TABLE ? pte_writable(e, level) : writable;
		if (level > c->level) {
			if (kind != PTE_TABLE)
				return "a cached translation below a table that is gone";
			table = pte_table_pa(e);
			continue;
		}
		if (c->is_table)
			return kind == PTE_TABLE && pte_table_pa(e).v == c->pa.v &&
			       (writable || !(c->prot & P_W)) ? nullptr :
			       "a walk cache leads to a table that is not there any more, or gives more rights";
		if (kind != PTE_LEAF || pte_pa(e, level).v != c->pa.v)
			return "a cached translation leads to another page than the table says";
		u32 now = pte_prot(e, level) & (writable ? ~0u : ~(u32)P_W);

		return c->prot & ~now & (P_R | P_W | P_X) ? "a cached translation gives more rights" : nullptr;
	}
}

const char *machine_check_cpu(unsigned cpu)
{
	const struct cpu_model *m = &cpus[cpu];

	for (unsigned i = 0; m->vm && i < m->used; i++) {
		const struct cached *c = &m->cache[i];
		const char *wrong = c->valid && c->asid == m->asid ? compare(m, c) : nullptr;

		if (wrong)
			return wrong;
	}
	return violation;
}

const char *machine_check(void)
{
	for (unsigned cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		const char *wrong = machine_check_cpu(cpu);

		if (wrong)
			return wrong;
	}
	return violation;
}

/* A page or table is about to be freed: no CPU that could use it may have it cached. */
static void check_unreachable(struct page *p)
{
	for (unsigned cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		struct cpu_model *m = &cpus[cpu];

		for (unsigned i = 0; i < m->used; i++) {
			struct cached *c = &m->cache[i];

			if (c->valid && c->pa.v + (c->is_table ? PAGE_SIZE : pt_slot_size(c->level)) > page_pa(p).v &&
			    c->pa.v < page_pa(p).v + (PAGE_SIZE << p->order) && m->vm && c->asid == m->asid)
				complain("a page or table was freed while a CPU could still reach it");
		}
	}
}

/* ---- flushes */

/* Break-before-make: what a flush finds cached must not differ in address from what is live in the table now. Not to be
 * seen where CPUs that do not run the space flush only when they load it again. */
static void check_bbm(const struct cpu_model *m, const struct cached *c)
{
	struct pa table = { m->root };

	if (!TLB_BROADCAST || !m->vm || c->asid != m->asid)
		return;
	for (int level = PT_LEVELS - 1;; level--) {
		struct pte e = slot_at(table, c->va, level);
		enum pte_kind kind = pte_kind(e, level);

		if (level == c->level) {
			struct pa now = kind == PTE_TABLE ? pte_table_pa(e) : pte_pa(e, level);

			if ((kind == PTE_TABLE || kind == PTE_LEAF) && now.v != c->pa.v)
				complain("break-before-make: a live entry changed its address");
			return;
		}
		if (kind != PTE_TABLE)
			return;
		table = pte_table_pa(e);
	}
}

static void drop(struct cpu_model *m, u64 asid, va_t start, va_t end, bool tables)
{
	if (machine_ignore_flushes)
		return;
	for (unsigned i = 0; i < m->used; i++) {
		struct cached *c = &m->cache[i];

		if (!c->valid || c->asid != asid || c->va >= end ||
		    c->va + pt_slot_size(c->level) - 1 < start)
			continue;
		if (c->is_table && !tables)
			continue;
		check_bbm(m, c);
		c->valid = false;
	}
}

void arch_tlb_range(u64 asid, va_t start, va_t end, bool tables, bool everywhere)
{
	speculate();
	/* invlpg drops the walk caches of its address as well (SDM 3A 4.10.4.1). */
	if (!everywhere)
		drop(&cpus[cpu_id()], asid_number(asid), start, end, tables || !TLB_BROADCAST);
	for (unsigned cpu = 0; everywhere && cpu < MACHINE_CPUS; cpu++)
		drop(&cpus[cpu], asid_number(asid), start, end, tables);
	speculate();
}

void arch_tlb_asid(u64 asid, bool everywhere) { arch_tlb_range(asid, 0, ~0ul, true, everywhere); }

void arch_tlb_local_page(u64 asid, va_t va)
{
	va &= PAGE_MASK;
	/* All levels: a walk cache that denies must go too (law 10). */
	drop(&cpus[cpu_id()], asid_number(asid), va, va + PAGE_SIZE, true);
}

void arch_tlb_local_all(void)
{
	struct cpu_model *m = &cpus[cpu_id()];

	for (unsigned i = 0; i < m->used; i++)
		m->cache[i].valid = false;
}

void arch_ipi(u64 targets, enum ipi kind)
{
	unsigned self = cpu_id();

	no_points++;
	for (; targets; targets &= targets - 1) {
		host_cpu_set((unsigned)__builtin_ctzl(targets));
		if (kind == IPI_TLB)
			tlb_ipi();
	}
	host_cpu_set(self);
	no_points--;
}

void arch_publish(void) { speculate(); }
void arch_sync_code(const void *p, size_t n) {}
int arch_asid_bits(void) { return 3; }		/* so that they run out often */
unsigned arch_cpu_count(void) { return MACHINE_CPUS; }
void arch_root_init(struct pte *root) {}
void arch_root_clear(struct pte *root) {}
struct pte *arch_kernel_root(void) { return page_address(frames + kernel_root_frame); }

static struct vm *switching_to;

void arch_switch_root(struct pa root, u64 asid, bool flush)
{
	struct cpu_model *m = &cpus[cpu_id()];

	m->root = root.v;
	m->asid = asid_number(asid);
	m->vm = switching_to;
	if (flush)
		drop(m, m->asid, 0, ~0ul, true);
}

void machine_run(unsigned cpu, struct vm *vm)
{
	unsigned self = cpu_id();

	no_points++;		/* interrupts are off */
	host_cpu_set(cpu);
	switching_to = vm;
	vm_switch(vm);
	host_cpu_set(self);
	no_points--;
}

/* ---- frames */

void machine_init(unsigned n)
{
	page_ram.managed = nframes = n;
	memset(cpus, 0, sizeof(cpus));
	nwatched = 0;
	violation = nullptr;
	fail_in = no_points = 0;
	if (frames)		/* mm keeps some free tables from the test before */
		return;
	host_ram_init((u64)n * PAGE_SIZE, nullptr);
	frames = calloc(n, sizeof(*frames));
	assert(HOST_PA_BASE % (2 * MiB) == 0);
	page_array = frames - (HOST_PA_BASE >> PAGE_SHIFT);
	frames[0].kind = PAGE_RESERVED;
}

/* 1 << order frames in a row, free and aligned; nullptr: none. Single ones come from the upper half only, and blocks from
 * the lower one, so that these are not in pieces at once. */
static struct page *find_free(unsigned order)
{
	unsigned n = 1u << order, half = nframes / 2 / n, first = order ? 0 : half;

	for (unsigned tries = 0, i = host_below(half); tries < half; tries++, i = (i + 1) % half) {
		struct page *p = &frames[(first + i) * n];
		bool free = (page_pa(p).v >> PAGE_SHIFT) % n == 0;

		for (unsigned k = 0; free && k < n; k++)
			free = p[k].kind == PAGE_FREE;
		if (free)
			return p;
	}
	return nullptr;
}

bool page_fails_now(u32 flags)
{
	if (!fail_in || --fail_in)
		return false;
	failures++;
	return true;
}

struct page *page_alloc(unsigned order, enum page_kind kind, u32 flags)
{
	speculate();
	if (page_fails_now(flags))
		return nullptr;
	struct page *p = find_free(order);

	if (!p)
		return nullptr;
	/* What nobody may look at: the others' descriptors. */
	for (unsigned i = 0; i < 1u << order; i++)
		p[i] = (struct page){ .refs = i ? 0x5555 : 1, .kind = i ? PAGE_RESERVED : kind };
	p->order = (u8)order;
	if (flags & PA_ZERO)
		memset(page_address(p), 0, PAGE_SIZE << order);
	pages_used += 1u << order;
	return p;
}

void page_split(struct page *p)
{
	unsigned n = 1u << p->order;

	p->order = 0;
	for (unsigned i = 1; i < n; i++)
		p[i] = (struct page){ .refs = p->refs, .kind = p->kind };
}

void page_free(struct page *p)
{
	assert(p->kind != PAGE_FREE && p->kind != PAGE_RESERVED && p->refs <= 1);
	unsigned n = 1u << p->order;

	check_unreachable(p);
	memset(page_address(p), 0x6b, n * PAGE_SIZE);
	memset(p, 0, n * sizeof(*p));
	pages_used -= n;
	speculate();
}

bool page_reserve_is_low(void) { return host_below(8) == 0; }
bool page_has_room(u64 want) { return false; }
void shrinker_register(struct shrinker *s) {}
bool pa_is_ram(struct pa pa) { return pa.v - HOST_PA_BASE < (u64)nframes * PAGE_SIZE; }

void page_frames(u64 *first, u64 *end)
{
	*first = HOST_PA_BASE >> PAGE_SHIFT;
	*end = *first + nframes;
}

void vm_wait_for_memory(void) {}
bool vm_lock_unlimited(void) { return false; }
bool vm_work_vain(void) { return false; }
int copy_to_user(va_t dst, const void *src, size_t n) { return -EFAULT; }
void random_bytes(void *buf, size_t n) { memset(buf, 0, n); }
