// SPDX-License-Identifier: MIT
/*
 * Address-space numbers by generation. A space keeps its number until the numbers run out; then the generation
 * goes up, every CPU flushes all it has before it runs the next space, and numbers are given anew. A CPU that is
 * running a space keeps that number over the rollover (reserved), so it is not disturbed.
 *
 * value = generation << 16 | number. The usual switch takes no lock: it exchanges this CPU's active value, which a
 * rollover sets to zero. After the ASID allocator of arm64 Linux (C. Marinas, W. Deacon), as an idea.
 *
 * A machine without numbers (bits 0) flushes at each switch.
 */
#include "mm/tlb.h"
#include "arch/arch.h"
#include "lib/string.h"
#include "mm/pt.h"
#include "mm/tlb_internal.h"
#include "mm/vm.h"

constexpr unsigned NUMBER_BITS = 16;
constexpr u64 NUMBER_MASK = BIT(NUMBER_BITS) - 1;

static struct spinlock asid_lock;
static unsigned asid_bits, asid_cpus, asid_limit = NUMBER_BITS;
static u64 generation = BIT(NUMBER_BITS);	/* (a) */
static u64 used[BIT(NUMBER_BITS) / 64];		/* (asid_lock) numbers given in this generation */
static u64 next_hint;				/* (asid_lock) */
static u64 flush_pending;			/* (a) CPUs that must flush all before they use a number */

void asid_limit_bits(unsigned bits) { asid_limit = bits; }

unsigned asid_number_bits(void) { return asid_bits; }

void asid_init(unsigned bits, unsigned cpus)
{
	asid_bits = min(min(bits, NUMBER_BITS), asid_limit);
	/* Flushes that are broadcast go by number: there must be some. */
	if (TLB_BROADCAST)
		asid_bits = max(asid_bits, 1u);
	while (asid_bits && asid_bits < bits && BIT(asid_bits) <= cpus + 1)
		asid_bits++;	/* each CPU may keep one over a rollover, and one is to be had */
	asid_cpus = cpus;
	generation = BIT(NUMBER_BITS);
	memset(used, 0, sizeof(used));
	used[0] = 1;		/* number 0: no user memory */
	next_hint = 1;
}

static bool same_generation(u64 value)
{
	return (value ^ load_relaxed(&generation)) >> NUMBER_BITS == 0;
}

/* Numbers ran out. Under asid_lock. */
static void rollover(void)
{
	__atomic_fetch_add(&generation, BIT(NUMBER_BITS), __ATOMIC_RELAXED);
	memset(used, 0, sizeof(used));
	used[0] = 1;
	next_hint = 1;
	for (unsigned cpu = 0; cpu < asid_cpus; cpu++) {
		struct tlb_cpu *c = &tlb_cpus[cpu];
		u64 active = __atomic_exchange_n(&c->active_asid, 0, __ATOMIC_ACQ_REL);

		/* Zero: it has not switched since the last rollover; the number it keeps is still the one. */
		if (active)
			c->reserved_asid = active;
		u64 number = c->reserved_asid & NUMBER_MASK;

		used[number / 64] |= BIT(number % 64);
	}
	__atomic_fetch_or(&flush_pending, BIT(asid_cpus) - 1, __ATOMIC_RELEASE);
	tlb_cpus[cpu_id()].stats.rollovers++;
}

/* Was this value kept over the rollover by some CPU? Then it goes on under the new generation, on all of them. */
static bool renew_reserved(u64 old, u64 renewed)
{
	bool found = false;

	for (unsigned cpu = 0; cpu < asid_cpus; cpu++) {
		if (tlb_cpus[cpu].reserved_asid == old) {
			tlb_cpus[cpu].reserved_asid = renewed;
			found = true;
		}
	}
	return found;
}

static u64 find_free(void)
{
	for (u64 n = next_hint; n < BIT(asid_bits); n++) {
		if (!(used[n / 64] & BIT(n % 64)))
			return n;
	}
	return 0;
}

/* A number of the current generation for a space whose value is of an older one. Under asid_lock. */
static u64 new_number(u64 old)
{
	u64 number = old & NUMBER_MASK;

	if (old) {
		u64 renewed = load_relaxed(&generation) | number;

		if (renew_reserved(old, renewed))
			return renewed;
		/* Its old number is as good as any if nobody has it yet. */
		if (!(used[number / 64] & BIT(number % 64))) {
			used[number / 64] |= BIT(number % 64);
			return renewed;
		}
	}
	number = find_free();
	if (!number) {
		rollover();
		number = find_free();
		assert(number);		/* more numbers than CPUs */
	}
	used[number / 64] |= BIT(number % 64);
	next_hint = number + 1;
	return load_relaxed(&generation) | number;
}

static u64 asid_slow(struct vm *vm, struct tlb_cpu *c)
{
	u64 flags = spin_lock_irq(&asid_lock);
	u64 value = load_relaxed(&vm->asid.value);

	if (!same_generation(value)) {
		value = new_number(value);
		store_release(&vm->asid.value, value);
		arch_publish();		/* flush_broadcast() may count on it: seen before any walk under it */
	}
	u64 self = BIT(cpu_id());

	if (load_relaxed(&flush_pending) & self) {
		__atomic_fetch_and(&flush_pending, ~self, __ATOMIC_RELAXED);
		arch_tlb_local_all();
		c->stats.flush_all++;
	}
	store_release(&c->active_asid, value);
	spin_unlock_irq(&asid_lock, flags);
	return value;
}

static u64 asid_get(struct vm *vm, struct tlb_cpu *c)
{
	u64 value = load_relaxed(&vm->asid.value);
	u64 active = load_relaxed(&c->active_asid);

	/* The exchange fails if a rollover zeroed `active` after we looked. */
	if (active && value && same_generation(value) &&
	    __atomic_compare_exchange_n(&c->active_asid, &active, value, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		return value;
	return asid_slow(vm, c);
}

/* This CPU will hear of vm's flushes from now on. True: it missed one. */
static bool join_cpus(struct vm *vm, unsigned cpu)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the store to tlb_cpus[].next before the look */
	if (!(load_relaxed(&vm->cpus) & BIT(cpu))) {
		__atomic_fetch_or(&vm->cpus, BIT(cpu), __ATOMIC_SEQ_CST);
		arch_publish();		/* no acquire holds a walk back */
	}
	if (TLB_BROADCAST)
		return false;
	u64 gen = __atomic_load_n(&vm->tlb_gen, __ATOMIC_SEQ_CST);

	if (vm->tlb_seen[cpu] == gen)
		return false;
	vm->tlb_seen[cpu] = gen;
	return true;
}

void vm_switch(struct vm *vm)
{
	unsigned cpu = cpu_id();
	struct tlb_cpu *c = &tlb_cpus[cpu];
	struct vm *prev = c->vm;

	if (prev == vm)
		return;
	u64 flags = irq_save();		/* IPI_TLB sees either the old space or the new one */

	store_release(&c->next, vm);	/* and `vm`, of the switch before, first: loads_space() */
	if (!vm) {
		arch_switch_root(page_pa(page_of(arch_kernel_root())), 0, false);
	} else {
		u64 asid = asid_bits ? asid_get(vm, c) : 0;
		bool missed = join_cpus(vm, cpu);

		arch_switch_root(page_pa(vm->root), asid, missed || !asid_bits);
	}
	store_relaxed(&c->vm, vm);
	if (!TLB_BROADCAST && prev)
		__atomic_fetch_and(&prev->cpus, ~BIT(cpu), __ATOMIC_RELEASE);
	irq_restore(flags);
}

void tlb_cpu_init(void)
{
	struct tlb_cpu *c = &tlb_cpus[cpu_id()];

	c->vm = c->next = nullptr;
	c->active_asid = 0;
	/* From here on it is asked to flush; what it holds already, nobody has asked for. */
	__atomic_fetch_or(&tlb_cpus_started, BIT(cpu_id()), __ATOMIC_SEQ_CST);
	arch_tlb_local_all();
}
