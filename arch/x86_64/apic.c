// SPDX-License-Identifier: MIT
/*
 * The local APIC (SDM 3A chapter 11): end of interrupt, interrupts between CPUs, the timer.
 * Registers are MSRs in x2APIC mode, else memory. The legacy 8259s are moved out of the way and
 * masked.
 */
#include "lib/printf.h"
#include "mm/kmap.h"
#include "x86.h"

enum {
	APIC_ID = 0x20, APIC_TPR = 0x80, APIC_EOI = 0xb0, APIC_SVR = 0xf0, APIC_ICR = 0x300,
	APIC_ICR_HIGH = 0x310, APIC_LVT_TIMER = 0x320, APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360, APIC_LVT_ERROR = 0x370, APIC_TIMER_INIT = 0x380,
	APIC_TIMER_COUNT = 0x390, APIC_TIMER_DIVIDE = 0x3e0,
};

constexpr u32 LVT_MASKED = BIT(16), LVT_DEADLINE = BIT(18), LVT_NMI = 4 << 8;
constexpr u64 BASE_ENABLE = BIT(11), BASE_X2APIC = BIT(10);
constexpr u32 ICR_PENDING = BIT(12);
constexpr u64 CALIBRATE_NS = 100000;

static volatile u32 *regs;	/* nullptr: x2APIC */
static u64 timer_mult;		/* APIC timer ticks per ns, 32 fraction bits; 0: TSC deadline */

static u32 apic_read(u32 reg)
{
	return regs ? regs[reg / 4] : (u32)rdmsr(MSR_X2APIC + reg / 16);
}

static void apic_write(u32 reg, u32 v)
{
	if (regs)
		regs[reg / 4] = v;
	else
		wrmsr(MSR_X2APIC + reg / 16, v);
}

void apic_eoi(void) { apic_write(APIC_EOI, 0); }
u32 apic_id(void) { return regs ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID); }

void apic_send(u32 id, u32 command)
{
	u64 flags = irq_save();

	if (!regs) {
		/* The MSR write orders nothing (11.12.3). */
		__asm__ volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (u64)id << 32 | command);
	} else {
		while (apic_read(APIC_ICR) & ICR_PENDING)
			cpu_relax();
		apic_write(APIC_ICR_HIGH, id << 24);
		apic_write(APIC_ICR, command);
	}
	irq_restore(flags);
}

void arch_ipi(u64 cpus, enum ipi kind)
{
	for (u64 m = cpus; m; m &= m - 1)
		apic_send(x86_cpus[__builtin_ctzll(m)].apic_id, VEC_IPI + kind);
}

/* ------------------------------------------------------------------ timer */

/* Against the TSC; a deadline that comes a little early is set again (apic_timer_fired). */
static void timer_calibrate(void)
{
	apic_write(APIC_TIMER_INIT, ~0u);
	u64 t0 = rdtsc(), span = x86_clock_tsc(CALIBRATE_NS);
	u32 c0 = apic_read(APIC_TIMER_COUNT);

	while (rdtsc() - t0 < span)
		cpu_relax();
	u64 ticks = c0 - apic_read(APIC_TIMER_COUNT);
	u64 ns = muldiv(rdtsc() - t0, CALIBRATE_NS, span);

	apic_write(APIC_TIMER_INIT, 0);
	timer_mult = (ticks << 32) / ns;
}

void arch_timer_set(u64 deadline)
{
	u64 flags = irq_save();
	struct x86_cpu *c = this_cpu();

	c->deadline = deadline;
	if (!timer_mult) {
		wrmsr(MSR_TSC_DEADLINE, deadline == ~0ul ? 0 : max(x86_clock_tsc(deadline), 1ul));
	} else if (deadline == ~0ul) {
		apic_write(APIC_TIMER_INIT, 0);
	} else {
		u64 now = arch_clock_ns();
		u64 ns = deadline > now ? min(deadline - now, 1000000000ul) : 0;
		u64 ticks = scale32(ns, timer_mult) + 1;

		apic_write(APIC_TIMER_INIT, (u32)min(ticks, 0xfffffffful));
	}
	irq_restore(flags);
}

/* The counter is shorter and coarser than the deadline: set it again if it was not yet time. */
void apic_timer_fired(void)
{
	struct x86_cpu *c = this_cpu();
	u64 deadline = c->deadline;

	if (timer_mult && (deadline == ~0ul || arch_clock_ns() < deadline))
		arch_timer_set(deadline);
	else
		timer_interrupt();
}

/* ------------------------------------------------------------------ set-up */

static void pic_disable(void)
{
	outb(0x20, 0x11);	/* ICW1: ICW4 follows; ICW2: vector base; ICW3: wiring; ICW4 */
	outb(0xa0, 0x11);
	outb(0x21, VEC_PIC);
	outb(0xa1, VEC_PIC + 8);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void apic_init_cpu(void)
{
	u64 base = rdmsr(MSR_APIC_BASE) | BASE_ENABLE | (regs ? 0 : BASE_X2APIC);

	wrmsr(MSR_APIC_BASE, base);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_NMI);
	apic_write(APIC_LVT_ERROR, LVT_MASKED);
	apic_write(APIC_SVR, 0x100 | VEC_SPURIOUS);
	apic_write(APIC_TIMER_DIVIDE, 0xb);		/* by 1 */
	apic_write(APIC_LVT_TIMER, VEC_TIMER | (x86_features.tsc_deadline ? LVT_DEADLINE : 0));
	/* The mode must be set before the deadline is (11.5.4.1). */
	__asm__ volatile("mfence" ::: "memory");
	this_cpu()->apic_id = apic_id();
	this_cpu()->deadline = ~0ul;
}

void apic_init(u64 pa)
{
	bool x2 = x86_features.x2apic || (rdmsr(MSR_APIC_BASE) & BASE_X2APIC);

	pic_disable();
	if (!x2) {
		regs = mmio_map((struct pa){ pa }, PAGE_SIZE);
		assert(regs);
	}
	apic_init_cpu();
	if (!x86_features.tsc_deadline)
		timer_calibrate();
}
