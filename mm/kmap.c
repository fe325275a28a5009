// SPDX-License-Identifier: MIT
/*
 * Kernel mappings in [KMAP_BASE, KMAP_END): registers from the bottom up, stacks in the upper
 * half.
 *
 * A stack lives in a slot of twice its size, whose lower half is never mapped: an overflow
 * faults, and one bit of an address tells guard from stack. A freed stack keeps its pages and its
 * mapping, and waits in a short list of the CPU or in a list of all CPUs for the next thread. When
 * that list of all CPUs is long some are unmapped together, with one flush of all CPUs, and all in both when memory is short;
 * their slots wait in a list that runs through their first entries, which are then not present. A
 * new mapping replaces an entry that no TLB caches.
 *
 * Tables grow and are never freed. kmap_lock is held for the walk only; when a table is missing
 * the walk is left, a page allocated, and the walk begun again.
 */
#include "mm/kmap.h"
#include "mm/page.h"
#include "mm/tlb.h"
#include "arch/arch.h"

constexpr va_t STACKS_BASE = KMAP_BASE + (KMAP_END - KMAP_BASE) / 2;
constexpr u64 STACK_SLOT = 2 * KSTACK_SIZE;
constexpr unsigned STACK_PAGES = KSTACK_SIZE / PAGE_SIZE;
constexpr unsigned CPU_STACKS = 8;
constexpr unsigned FREE_STACKS_MAX = 128;	/* beyond that, half of them are given back */

static_assert(KMAP_END - KMAP_BASE >= 64 * GiB && STACKS_BASE % STACK_SLOT == 0);

/* A free stack: its first word, at the bottom, links it. */
struct free_stack {
	struct free_stack *next;
};

static struct spinlock kmap_lock;	/* tables of the kernel half, and: */
static va_t mmio_end = KMAP_BASE;	/* where the next registers go */
static va_t stacks_end = STACKS_BASE;	/* where the next slot is */
static u64 free_slots;			/* the first slot without a stack, as in its entry; 0: none */
static u64 stacks_mapped;

static struct stack_list {		/* (l) its lock, with interrupts off; a CPU's is only taken by others when memory is short */
	alignas(CACHE_LINE) struct spinlock lock;
	unsigned count;			/* (l) */
	struct free_stack *first;	/* (l) */
} all_stacks, cpu_stacks[MAX_CPUS];

/* ---- Tables ---- */

/* The slot for a page; nullptr when a table is missing and *spare is none. Uses up *spare. */
static struct pte *walk(va_t va, struct page **spare)
{
	struct pte *table = arch_kernel_root();

	for (int level = PT_LEVELS - 1; level > 0; level--) {
		struct pte *slot = &table[pt_index(va, level)];

		if (pte_kind(*slot, level) == PTE_EMPTY) {
			if (!*spare)
				return nullptr;
			arch_publish();		/* the new table's zeros before the table */
			store_relaxed(&slot->raw, pte_table(page_pa(*spare)).raw);
			*spare = nullptr;
		}
		table = direct_map(pte_table_pa(*slot));
	}
	return &table[pt_index(va, 0)];
}

static bool map_page(va_t va, struct pa pa, u32 prot)
{
	struct page *spare = nullptr;

	for (;;) {
		spin_lock(&kmap_lock);
		struct pte *slot = walk(va, &spare);

		if (slot) {
			assert(pte_kind(*slot, 0) == PTE_EMPTY);
			store_relaxed(&slot->raw, pte_leaf(pa, 0, prot).raw);
		}
		spin_unlock(&kmap_lock);
		if (slot)
			break;
		/* One for each missing level; another CPU may fill them first. */
		spare = page_alloc(0, PAGE_KERNEL, PA_ZERO);
		if (!spare)
			return false;
	}
	if (spare)
		page_free(spare);
	return true;
}

/* Takes n bytes of addresses; 0 when they are used up. */
static va_t take_range(va_t *next, va_t end, u64 n)
{
	va_t va = 0;

	spin_lock(&kmap_lock);
	if (end - *next >= n) {
		va = *next;
		*next += n;
	}
	spin_unlock(&kmap_lock);
	return va;
}

/* ---- Registers ---- */

/* Who describes devices may err: no bytes, or more than an entry can name. */
static bool can_be_mapped(struct pa pa, u64 size)
{
	u64 last = pa.v + size - 1;

	return size && last >= pa.v && !(last & PAGE_MASK & ~PTE_ADDRESS);
}

static void *map_device(struct pa pa, u64 size, u32 prot)
{
	if (!can_be_mapped(pa, size))
		return nullptr;
	u64 offset = pa.v & (PAGE_SIZE - 1), bytes = align_up(offset + size, PAGE_SIZE);
	/* A page stays unmapped behind it, which catches what runs over. */
	va_t va = take_range(&mmio_end, STACKS_BASE, bytes + PAGE_SIZE);

	if (!va)
		return nullptr;
	for (u64 at = 0; at < bytes; at += PAGE_SIZE)
		if (!map_page(va + at, (struct pa){ pa.v - offset + at }, prot))
			return nullptr;
	arch_publish();
	arch_tlb_kernel(va, va + bytes);
	return (char *)va + offset;
}

void *mmio_map(struct pa pa, u64 size)
{
	return map_device(pa, size, P_R | P_W | P_DEVICE | P_GLOBAL | P_ACCESSED | P_DIRTY);
}

void *mmio_map_uncached(struct pa pa, u64 size)
{
	return map_device(pa, size, P_R | P_W | P_UNCACHED | P_GLOBAL | P_ACCESSED | P_DIRTY);
}

/* ---- Stacks ---- */

static void *stack_top(struct free_stack *s) { return (char *)s + KSTACK_SIZE; }

static void give_pages(struct page **pages, unsigned n)
{
	while (n-- > 0)
		page_free(pages[n]);
}

/* A slot's number in the list of free ones: 1 and up. */
static u64 slot_number(va_t slot) { return (slot - STACKS_BASE) / STACK_SLOT + 1; }
static va_t slot_of(u64 number) { return STACKS_BASE + (number - 1) * STACK_SLOT; }

/* The entry of a stack's page: its tables are there. */
static struct pte *entry_of(va_t va)
{
	struct page *none = nullptr;

	return walk(va, &none);
}

static va_t take_free_slot(void)
{
	scoped_spin(&kmap_lock);
	if (!free_slots)
		return 0;
	va_t slot = slot_of(free_slots);
	struct pte *first = entry_of(slot + KSTACK_SIZE);

	free_slots = pte_payload(*first) - 1;
	store_relaxed(&first->raw, 0);
	return slot;
}

/* All pages first, so that a failure leaves nothing half mapped except tables, which stay
 * useful. */
static void *stack_create(void)
{
	struct page *pages[STACK_PAGES];
	unsigned n = 0;

	for (; n < STACK_PAGES && (pages[n] = page_alloc(0, PAGE_KERNEL, 0)); n++)
		;
	va_t slot = n < STACK_PAGES ? 0 : take_free_slot();

	if (!slot && n == STACK_PAGES)
		slot = take_range(&stacks_end, KMAP_END, STACK_SLOT);
	if (!slot) {
		give_pages(pages, n);
		return nullptr;
	}
	va_t bottom = slot + KSTACK_SIZE;

	for (unsigned i = 0; i < STACK_PAGES; i++)
		if (!map_page(bottom + i * PAGE_SIZE, page_pa(pages[i]),
			      P_R | P_W | P_GLOBAL | P_ACCESSED | P_DIRTY)) {
			/* Only the first page can miss a table: the slot, still empty, is lost. */
			assert(i == 0);
			give_pages(pages, n);
			return nullptr;
		}
	arch_publish();
	arch_tlb_kernel(bottom, bottom + KSTACK_SIZE);
	scoped_spin(&kmap_lock);
	stacks_mapped++;
	return (char *)bottom + KSTACK_SIZE;
}

/* Stacks on their way out: unmapped, but CPUs may still have translations. */
struct stack_batch {
	va_t start, end;		/* what must be flushed */
	struct page *pages;		/* linked by next */
	u64 first_slot, last_slot;	/* a list as of free slots */
	unsigned count;
};

static void stack_unmap(struct stack_batch *b, va_t bottom)
{
	u64 number = slot_number(bottom - KSTACK_SIZE);

	scoped_spin(&kmap_lock);
	for (unsigned i = 0; i < STACK_PAGES; i++) {
		struct pte *e = entry_of(bottom + i * PAGE_SIZE);
		struct page *p = pa_page(pte_pa(*e, 0));

		p->next = b->pages;
		b->pages = p;
		store_relaxed(&e->raw, i ? 0 : pte_swap(b->first_slot + 1).raw);
	}
	b->last_slot = b->last_slot ? b->last_slot : number;
	b->first_slot = number;
	b->start = min(b->start, bottom);
	b->end = max(b->end, bottom + KSTACK_SIZE);
	b->count++;
}

/* Behind the flush; only now may the slots be mapped again. */
static void batch_free(struct stack_batch *b)
{
	page_free_chain(b->pages);
	scoped_spin(&kmap_lock);
	store_relaxed(&entry_of(slot_of(b->last_slot) + KSTACK_SIZE)->raw, pte_swap(free_slots + 1).raw);
	free_slots = b->first_slot;
	stacks_mapped -= b->count;
}

/* Interrupts off. */
static struct free_stack *pop(struct stack_list *l)
{
	scoped_spin(&l->lock);
	struct free_stack *s = l->first;

	if (s) {
		l->first = s->next;
		l->count--;
	}
	return s;
}

/* False: the list has `most` already. Interrupts off. */
static bool push(struct stack_list *l, struct free_stack *s, unsigned most)
{
	scoped_spin(&l->lock);
	if (l->count >= most)
		return false;
	s->next = l->first;
	l->first = s;
	l->count++;
	return true;
}

static struct free_stack *pop_all(void)
{
	u64 flags = irq_save();
	struct free_stack *s = pop(&all_stacks);

	irq_restore(flags);
	return s;
}

/* What CPUs have for themselves goes to the list of all. */
static void gather(void)
{
	for (struct stack_list *l = cpu_stacks; l < cpu_stacks + MAX_CPUS; l++) {
		u64 flags = irq_save();

		for (struct free_stack *s; load_relaxed(&l->first) && (s = pop(l));)
			(void)push(&all_stacks, s, ~0u);
		irq_restore(flags);
	}
}

static u64 give_back(unsigned keep)
{
	struct stack_batch b = { .start = ~0ul };

	while (load_relaxed(&all_stacks.count) > keep) {
		struct free_stack *s = pop_all();

		if (!s)
			break;
		stack_unmap(&b, (va_t)s);
	}
	if (!b.count)
		return 0;
	tlb_flush_kernel(b.start, b.end);
	batch_free(&b);
	return b.count * STACK_PAGES;
}

void kstack_trim(void) { give_back(FREE_STACKS_MAX / 2); }
bool kstack_is_crowded(void) { return load_relaxed(&all_stacks.count) > FREE_STACKS_MAX; }

static u64 shrink_stacks(u64 want)
{
	gather();
	return give_back(0);
}

void *kstack_alloc(void)
{
	if (DEBUG_BUILD && page_fails_now(0))
		return nullptr;
	u64 flags = irq_save();
	struct free_stack *s = pop(&cpu_stacks[cpu_id()]);

	irq_restore(flags);
	if (!s && load_relaxed(&all_stacks.first))
		s = pop_all();
	return s ? stack_top(s) : stack_create();
}

void kstack_free(void *top)
{
	struct free_stack *s = (struct free_stack *)((char *)top - KSTACK_SIZE);

	assert(((va_t)s & (STACK_SLOT - 1)) == KSTACK_SIZE && (va_t)s < stacks_end);
	u64 flags = irq_save();

	if (!push(&cpu_stacks[cpu_id()], s, CPU_STACKS))
		(void)push(&all_stacks, s, ~0u);
	irq_restore(flags);
}

bool kstack_is_guard(va_t addr)
{
	return addr >= STACKS_BASE && addr < load_relaxed(&stacks_end) && !(addr & KSTACK_SIZE);
}

u64 kstack_pages(void)
{
	return load_relaxed(&stacks_mapped) * STACK_PAGES;
}

void kmap_init(void)
{
	static struct shrinker shrinker = { .shrink = shrink_stacks, .order = 1 };

	assert(arch_kernel_root());
	shrinker_register(&shrinker);
}
