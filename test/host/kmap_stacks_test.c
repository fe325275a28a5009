// SPDX-License-Identifier: MIT
// uses: test/host/support.c
// cpus: arm64 x86_64
/*
 * Kernel stacks come and go, on a machine whose TLBs keep what they may: random histories of several CPUs, each of which does
 * something in the middle of what another does, wherever that holds no spinlock. The laws: a page is free only when no CPU can reach
 * it any more; an entry changes only while none has it cached; every slot is a stack's, free, or lost for want of a table; every
 * page is a stack's or a table's. mm/kmap.c is compiled for addresses that the host has, since free stacks link each other.
 *
 *   MODEL_SEED=N MODEL_STEPS=N    another history
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include "host.h"
#include "seeded.h"
#include "arch/arch.h"

constexpr va_t HOST_KMAP = 1ul << 45;

#define KMAP_BASE HOST_KMAP
#define KMAP_END (HOST_KMAP + 64 * GiB)
#include "mm/kmap.c"

constexpr unsigned CPUS = 3, FRAMES = 2048, CACHED = 256, STACKS = 300, REGISTERS = 64;

static struct pte root[PT_SLOTS];
static struct page *frames;
static struct cached { va_t va; struct pa pa; } caches[CPUS * CACHED];	/* CACHED for each */
static void *live[STACKS];
static va_t registers[REGISTERS];
static unsigned nlive, most_live, nregisters, pages_used, fail_in, tables_failed, spinlocks, given_back;
static unsigned long seed, steps_done;
static struct shrinker *shrinker;

/* ---- the machine */

struct pte *arch_kernel_root(void) { return root; }
void shrinker_register(struct shrinker *s) { shrinker = s; }

/* The leaf that maps va; empty if there is none. */
static struct pte leaf_of(va_t va)
{
	struct pte e = root[pt_index(va, PT_LEVELS - 1)];

	for (int level = PT_LEVELS - 1; level > 0; level--) {
		if (pte_kind(e, level) != PTE_TABLE)
			return (struct pte){};
		e = ((struct pte *)direct_map(pte_table_pa(e)))[pt_index(va, level - 1)];
	}
	return pte_kind(e, 0) == PTE_LEAF ? e : (struct pte){};
}

static va_t random_address(void)
{
	u64 slots = (stacks_end - STACKS_BASE) / STACK_SLOT;

	return STACKS_BASE + (slots ? host_random() % slots : 0) * STACK_SLOT + host_below(2 * STACK_PAGES) * PAGE_SIZE;
}

/* A CPU walks where it likes, and keeps what it finds. Forgetting is always legal. */
static void walk_somewhere(unsigned cpu)
{
	va_t va = random_address();
	struct pte e = leaf_of(va);

	if (e.raw)
		caches[cpu * CACHED + host_below(CACHED)] = (struct cached){ va, pte_pa(e, 0) };
}

/* gone: what is cached may have no entry any more, for its flush is still to come. */
static void check_caches(bool gone)
{
	for (struct cached *c = caches; c < caches + ARRAY_SIZE(caches); c++) {
		struct pte e = c->va ? leaf_of(c->va) : (struct pte){};

		check(!c->va || e.raw || gone, "a translation is cached of what is not mapped any more");
		check(!e.raw || pte_pa(e, 0).v == c->pa.v, "a cached translation leads to another page than the table says");
	}
}

static void do_something(void);

/* Other CPUs go on, unless a lock would keep them waiting. */
static void point(void)
{
	unsigned cpu = cpu_id();

	for (unsigned i = 0; i < CPUS; i++)
		walk_somewhere(i);
	if (spinlocks || cpu + 1 == CPUS || host_below(6))
		return;
	host_cpu_set(cpu + 1);
	do_something();
	check_caches(true);
	host_cpu_set(cpu);
}

void preempt_disable(void)
{
	point();
	spinlocks++;
}

void preempt_enable(void)
{
	spinlocks--;
	point();
}

static void forget(unsigned cpu, va_t start, va_t end)
{
	for (struct cached *c = caches + cpu * CACHED; c < caches + (cpu + 1) * CACHED; c++) {
		if (c->va >= start && c->va < end)
			c->va = 0;
	}
}

void arch_tlb_kernel(va_t start, va_t end)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		if (TLB_BROADCAST || cpu == cpu_id())
			forget(cpu, start, end);
	}
	point();
}

void tlb_flush_kernel(va_t start, va_t end)
{
	check(!spinlocks, "a flush of all CPUs with a spinlock held");
	point();
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		forget(cpu, start, end);
	point();
}

bool page_fails_now(u32 flags) { return fail_in && !--fail_in; }

struct page *page_alloc(unsigned order, enum page_kind kind, u32 flags)
{
	struct page *p = frames + 1;

	point();
	while (p < frames + FRAMES && p->kind != PAGE_FREE)
		p++;
	if (p == frames + FRAMES || page_fails_now(flags)) {
		tables_failed += flags & PA_ZERO ? 1 : 0;
		return nullptr;
	}
	*p = (struct page){ .refs = 1, .kind = kind };
	memset(page_address(p), flags & PA_ZERO ? 0 : 0x5a, PAGE_SIZE);
	pages_used++;
	return p;
}

void page_free(struct page *p)
{
	check(p->kind == PAGE_KERNEL, "a page is freed twice");
	for (struct cached *c = caches; c < caches + ARRAY_SIZE(caches); c++)
		check(!c->va || c->pa.v != page_pa(p).v, "a page was freed while a CPU could still reach it");
	p->kind = PAGE_FREE;
	pages_used--;
	point();
}

/* ---- steps */

static void check_stack(va_t bottom)
{
	for (va_t va = bottom; va < bottom + KSTACK_SIZE; va += PAGE_SIZE) {
		struct pte e = leaf_of(va);

		check(e.raw && (pte_prot(e, 0) & (P_R | P_W | P_X | P_USER)) == (P_R | P_W), "a stack is not mapped");
		check(pa_page(pte_pa(e, 0))->kind == PAGE_KERNEL, "a stack's page is free");
		check(!leaf_of(va - KSTACK_SIZE).raw && kstack_is_guard(va - KSTACK_SIZE), "a stack has no guard");
	}
}

static void take_stack(void)
{
	if (host_below(20) == 0)
		fail_in = 1 + host_below(8);
	char *top = nlive < STACKS - CPUS ? kstack_alloc() : nullptr;

	if (!top)
		return;
	for (unsigned i = 0; i < nlive; i++)
		check(live[i] != top, "a stack is given to two");
	live[nlive++] = top;
	check_stack((va_t)top - KSTACK_SIZE);
	memset(top - KSTACK_SIZE, 0x77, 64);
}

static void put_stack(void)
{
	if (!nlive)
		return;
	unsigned i = host_below(nlive);
	void *top = live[i];

	live[i] = live[--nlive];
	kstack_free(top);
}

static void map_registers(void)
{
	u64 size = 1 + host_below(3 * PAGE_SIZE);
	va_t va = nregisters < REGISTERS ? (va_t)mmio_map((struct pa){ 0x3f000000 + host_below(PAGE_SIZE) }, size) : 0;

	if (va && nregisters < REGISTERS)
		registers[nregisters++] = align_up(va + size, PAGE_SIZE);
}

static void do_something(void)
{
	unsigned what = host_below(64);

	if (what == 0)
		given_back += host_below(4) == 0 && shrinker->shrink(1);
	else if (what < 4)
		kstack_trim();
	else if (what == 4)
		map_registers();
	else if (host_below(2 * most_live) >= nlive)
		take_stack();
	else
		put_stack();
}

/* ---- what holds while nobody does anything */

static unsigned count_tables(const struct pte *table, int level)
{
	unsigned n = 0;

	for (unsigned i = 0; level && i < PT_SLOTS; i++) {
		if (pte_kind(table[i], level) == PTE_TABLE)
			n += 1 + count_tables(direct_map(pte_table_pa(table[i])), level - 1);
	}
	return n;
}

static u64 count_free_slots(void)
{
	u64 n = 0, most = (stacks_end - STACKS_BASE) / STACK_SLOT;

	for (u64 i = free_slots; i; n++) {
		check(n < most, "the list of free slots has no end");
		i = pte_payload(*entry_of(slot_of(i) + KSTACK_SIZE)) - 1;
	}
	return n;
}

static void check_counts(void)
{
	u64 slots = (stacks_end - STACKS_BASE) / STACK_SLOT, kept = all_stacks.count;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		kept += cpu_stacks[cpu].count;
	check(stacks_mapped == nlive + kept, "%lu stacks are mapped, %u are used and %lu kept", stacks_mapped, nlive, kept);
	check(pages_used == kstack_pages() + count_tables(root, PT_LEVELS - 1), "%u pages, not those of stacks and tables", pages_used);
	u64 known = stacks_mapped + count_free_slots();

	check(known <= slots && slots - known <= tables_failed, "%lu slots, of which %lu are used or free", slots, known);
	for (unsigned i = 0; i < nregisters; i++)
		check(!leaf_of(registers[i]).raw, "what runs over registers does not fault");
	for (unsigned i = 0; i < nlive; i++)
		check_stack((va_t)live[i] - KSTACK_SIZE);
}

static unsigned long from_env(const char *name, unsigned long usual)
{
	const char *s = getenv(name);

	return s ? strtoul(s, nullptr, 0) : usual;
}

static void kernel_stacks_come_and_go(void **state)
{
	unsigned long steps = from_env("MODEL_STEPS", 20000);

	seed = from_env("MODEL_SEED", 1);
	host_seed(seed);
	for (steps_done = 0; steps_done < steps; steps_done++) {
		if (steps_done % 512 == 0)
			most_live = (unsigned[]){ 4, 40, STACKS - 20 }[host_below(3)];
		do_something();
		fail_in = 0;
		check_caches(false);
		if (steps_done % 16 == 0)
			check_counts();
	}
	while (nlive)
		put_stack();
	(void)shrinker->shrink(1);
	(void)shrinker->shrink(1);
	check_counts();
	assert_true(given_back);
	printf("seed %lu: %lu steps, %lu slots, %u times stacks were given back\n", seed, steps, (stacks_end - STACKS_BASE) / STACK_SLOT,
	       given_back);
}

TELLS_WHERE(die)

int main(void)
{
	signal(SIGABRT, die);
	const struct CMUnitTest tests[] = { cmocka_unit_test(kernel_stacks_come_and_go) };
	void *at = mmap((void *)STACKS_BASE, KMAP_END - STACKS_BASE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (at != (void *)STACKS_BASE)
		return 1;
	host_ram_init(FRAMES * PAGE_SIZE, nullptr);
	frames = calloc(FRAMES, sizeof(*frames));
	page_array = frames - (HOST_PA_BASE >> PAGE_SHIFT);
	kmap_init();
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
