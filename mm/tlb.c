// SPDX-License-Identifier: MIT
/*
 * Flushing: batches, and the requests that CPUs send each other where the hardware does not broadcast.
 *
 * Where the hardware broadcasts, vm->cpus are those that may hold something of the space. Without broadcast they are those that
 * have it loaded now: a flush raises vm->tlb_gen and interrupts them. A CPU
 * sets its bit before it reads the generation, the flusher raises the generation before it reads the bits: one of
 * them sees the other. A CPU that is not interrupted flushes the ASID when it loads the space again.
 *
 * A CPU that waits for others has interrupts on, so that it answers their requests; so do all who spin.
 */
#include "mm/tlb.h"
#include "arch/arch.h"
#include "mm/block.h"
#include "mm/pt.h"
#include "mm/tlb_internal.h"
#include "mm/vm.h"

/* One CPU's request to others; its fields stay until `waiting` is zero. */
struct tlb_request {
	alignas(CACHE_LINE) struct vm *vm;	/* nullptr: kernel addresses */
	va_t start, end;
	bool tables;
	u64 gen;
	u64 waiting;			/* (a) CPUs that have not done it */
};

static struct tlb_request requests[MAX_CPUS];
static struct { alignas(CACHE_LINE) u64 from; } inboxes[MAX_CPUS];	/* (a) who asks this CPU */
struct tlb_cpu tlb_cpus[MAX_CPUS];
u64 tlb_cpus_started;

static inline bool wants_whole(va_t start, va_t end)
{
	return end - start > (u64)TLB_RANGE_MAX << PAGE_SHIFT;
}

static void flush_cpu(u64 asid, va_t start, va_t end, bool tables, bool everywhere)
{
	struct tlb_stats *s = &tlb_cpus[cpu_id()].stats;

	if (wants_whole(start, end)) {
		s->flush_asid++;
		arch_tlb_asid(asid, everywhere);
	} else {
		s->flush_range++;
		arch_tlb_range(asid, start, end, tables, everywhere);
	}
}

/* This CPU has vm loaded and has been asked for generation `gen`. */
static void flush_here(const struct vm *vm_const, u64 gen, va_t start, va_t end, bool tables)
{
	struct vm *vm = (struct vm *)vm_const;
	u64 *seen = &vm->tlb_seen[cpu_id()];

	flush_cpu(load_relaxed(&vm->asid.value), start, end, tables, false);
	if (*seen == gen - 1)
		*seen = gen;	/* else an earlier request is still on its way: stay behind, to be safe */
}

void tlb_ipi(void)
{
	unsigned self = cpu_id();
	u64 from = __atomic_exchange_n(&inboxes[self].from, 0, __ATOMIC_ACQ_REL);

	for (; from; from &= from - 1) {
		struct tlb_request *r = &requests[__builtin_ctzl(from)];

		if (!r->vm)
			arch_tlb_kernel(r->start, r->end);
		else if (tlb_cpus[self].vm == r->vm)
			flush_here(r->vm, r->gen, r->start, r->end, r->tables);
		__atomic_fetch_and(&r->waiting, ~BIT(self), __ATOMIC_RELEASE);
	}
}

/* Asks the CPUs what this one's request says, and waits. Preemption is off, interrupts are on. */
static void ask(u64 cpus)
{
	unsigned self = cpu_id();
	struct tlb_request *r = &requests[self];

	store_release(&r->waiting, cpus);
	for (u64 left = cpus; left; left &= left - 1)
		__atomic_fetch_or(&inboxes[__builtin_ctzl(left)].from, BIT(self), __ATOMIC_ACQ_REL);
	tlb_cpus[self].stats.ipis += (u64)__builtin_popcountl(cpus);
	arch_ipi(cpus, IPI_TLB);
	while (load_acquire(&r->waiting))
		cpu_relax();
}

[[gnu::noinline]] static void flush_others(u64 cpus, const struct tlb_batch *b, u64 gen)
{
	struct tlb_request *r = &requests[cpu_id()];

	r->vm = b->vm;
	r->start = b->start;
	r->end = b->end;
	r->tables = b->tables;
	r->gen = gen;
	ask(cpus);
}

void tlb_flush_kernel(va_t start, va_t end)
{
	preempt_disable();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* a CPU that starts just now sees the new entries, or we see it */
	u64 others = load_acquire(&tlb_cpus_started) & ~BIT(cpu_id());

	arch_tlb_kernel(start, end);
	if (!TLB_BROADCAST && others) {
		struct tlb_request *r = &requests[cpu_id()];

		r->vm = nullptr;
		r->start = start;
		r->end = end;
		ask(others);
	}
	preempt_enable();
}

static void flush_unicast(const struct tlb_batch *b)
{
	struct vm *vm = b->vm;
	u64 gen = __atomic_add_fetch(&vm->tlb_gen, 1, __ATOMIC_SEQ_CST);

	preempt_disable();
	u64 cpus = __atomic_load_n(&vm->cpus, __ATOMIC_SEQ_CST), self = BIT(cpu_id());

	if (cpus & self) {
		u64 flags = irq_save();

		flush_here(vm, gen, b->start, b->end, b->tables);
		irq_restore(flags);
	}
	if (cpus & ~self)
		flush_others(cpus & ~self, b, gen);
	preempt_enable();
}

/* Has the CPU vm loaded, or is about to? Up to the last step of a switch it may walk the old one's tables, ahead of any access. */
static bool loads_space(unsigned cpu, const struct vm *vm)
{
	return load_acquire(&tlb_cpus[cpu].next) == vm || load_relaxed(&tlb_cpus[cpu].vm) == vm;
}

/*
 * All of the space is about to be flushed everywhere: CPUs that do not have it loaded will hold nothing of it. A CPU that
 * loads it meanwhile says so first and looks at its bit then; we clear the bit first and look at what it says then
 * (join_cpus): one of us puts the bit back. Only for one who has the space loaded itself: its own bit stays then, and another
 * one who flushes at the same time does not take itself for the only CPU before this flush has been.
 */
static void forget_cpus(struct vm *vm, u64 cpus)
{
	for (; cpus; cpus &= cpus - 1) {
		unsigned cpu = (unsigned)__builtin_ctzl(cpus);

		if (loads_space(cpu, vm))
			continue;
		__atomic_fetch_and(&vm->cpus, ~BIT(cpu), __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (loads_space(cpu, vm))
			__atomic_fetch_or(&vm->cpus, BIT(cpu), __ATOMIC_SEQ_CST);
	}
}

/*
 * The hardware reaches all CPUs; but where only this one has ever loaded the space, a local flush does, which disturbs
 * nobody. The fence orders our stores to tables before the looks at the number and at vm->cpus; a CPU that gives the space
 * a number or loads it for the first time publishes that before it walks (vm_switch), so either we see it, or it
 * sees the tables as they are now.
 */
static void flush_broadcast(const struct tlb_batch *b)
{
	preempt_disable();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	u64 asid = load_relaxed(&b->vm->asid.value), cpus = load_relaxed(&b->vm->cpus);

	if (!asid) {			/* it never ran */
		preempt_enable();
		return;
	}
	bool everywhere = cpus != BIT(cpu_id());

	if (everywhere && wants_whole(b->start, b->end) && load_relaxed(&tlb_cpus[cpu_id()].vm) == b->vm)
		forget_cpus(b->vm, cpus);
	flush_cpu(asid, b->start, b->end, b->tables, everywhere);
	preempt_enable();
}

void tlb_flush(struct tlb_batch *b)
{
	if (b->start >= b->end)
		return;
	if (TLB_BROADCAST)
		flush_broadcast(b);
	else
		flush_unicast(b);
	b->start = ~0ul;
	b->end = 0;
	b->tables = false;
}

constexpr va_t TLB_IS_BLOCK = 1;		/* in a descriptor's address */

static void add_reference(struct tlb_batch *b, va_t ref)
{
	b->pages[b->count++] = ref;
	if (b->count == TLB_BATCH_PAGES)
		tlb_finish(b);
}

void tlb_add_page(struct tlb_batch *b, struct page *p)
{
	/* Ours alone: nobody else looks at its descriptor, so it waits on a chain of any length. */
	if (page_is_alone(p)) {
		p->next = b->chain;
		b->chain = p;
		return;
	}
	if (page_is_counted(p))
		add_reference(b, (va_t)p);
}

void tlb_add_block(struct tlb_batch *b, struct page *first)
{
	if (block_is_ours(first)) {
		first->next = b->chain;
		b->chain = first;
		return;
	}
	add_reference(b, (va_t)first | TLB_IS_BLOCK);
}

/* By kind. */
static void put_reference(va_t ref)
{
	struct page *p = (struct page *)(ref & ~TLB_IS_BLOCK);

	if (ref & TLB_IS_BLOCK)
		block_put(p);
	else if (p->kind == PAGE_TABLE)
		pt_put(p);
	else
		page_put(p);
}

void tlb_finish_all(struct tlb_batch *b)
{
	/* What goes was reached from somewhere: without a range nothing would be flushed. */
	assert(b->start < b->end || (!b->count && !b->chain));
	tlb_flush(b);
	for (unsigned i = 0; i < b->count; i++)
		put_reference(b->pages[i]);
	b->count = 0;
	if (b->chain)
		page_free_chain(b->chain);
	b->chain = nullptr;
}

void tlb_stats(struct tlb_stats *out)
{
	*out = (struct tlb_stats){};
	for (unsigned i = 0; i < MAX_CPUS; i++) {
		const struct tlb_stats *s = &tlb_cpus[i].stats;

		out->flush_range += s->flush_range;
		out->flush_asid += s->flush_asid;
		out->flush_all += s->flush_all;
		out->ipis += s->ipis;
		out->rollovers += s->rollovers;
	}
}
