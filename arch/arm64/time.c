// SPDX-License-Identifier: MIT
/*
 * Time: the generic timer's virtual counter and its compare register (Arm ARM D12). The offset to
 * the physical counter is 0 wherever we set it up ourselves, and does not matter elsewhere.
 *
 * Nanoseconds and ticks are converted by 128-bit products with a factor of 32 fractional bits: no
 * division, no overflow, an error below one part in 2^29.
 */
#include "machine.h"

#include "arch/irq.h"
#include "boot/devtree.h"
#include "dev/mmio.h"
#include "mm/kmap.h"

constexpr u64 NS_PER_S = 1'000'000'000;
constexpr u64 CTL_ENABLE = 1;
constexpr unsigned VIRTUAL_TIMER = 2;	/* index in the node's interrupts */

static u64 ns_per_tick;		/* (i) both times 2^32 */
static u64 ticks_per_ns;	/* (i) */
static unsigned timer_irq;	/* (i) */

static u64 scale(u64 v, u64 factor)
{
	return (u64)((unsigned __int128)v * factor >> 32);
}

u64 time_from_ticks(u64 ticks)
{
	return scale(ticks, ns_per_tick);
}

u64 time_ns_per_tick(void)
{
	return ns_per_tick;
}

/* The isb keeps the read from being done ahead of what came before it. */
u64 arch_clock_ns(void)
{
	__asm__ volatile("isb" : : : "memory");
	return time_from_ticks(sysreg_read(cntvct_el0));
}

void arch_timer_set(u64 deadline_ns)
{
	if (deadline_ns == ~0ul) {
		sysreg_write(cntv_ctl_el0, 0);
		return;
	}
	/* One more, as both conversions round down: never early. */
	sysreg_write(cntv_cval_el0, scale(deadline_ns, ticks_per_ns) + 1);
	sysreg_write(cntv_ctl_el0, CTL_ENABLE);
	__asm__ volatile("isb" : : : "memory");
}

/* The line stays up until the compare value or the enable bit changes; timer_interrupt() sets the next. */
static void timer_handle(void *arg)
{
	(void)arg;
	sysreg_write(cntv_ctl_el0, 0);
	timer_interrupt();
}

static const char *const timers[] = { "arm,armv8-timer", "arm,armv7-timer", nullptr };

/* CNTFRQ is the firmware's to set, and only it can; the tree may say what it has forgotten. */
void time_init(const struct fdt *f)
{
	u64 hz = sysreg_read(cntfrq_el0);

	if (hz == 0)
		hz = fdt_cell(f, devtree_find(f, timers), "clock-frequency", 0, 0);
	if (hz == 0)
		hz = 62'500'000;	/* a clock that runs wrong beats none */
	ns_per_tick = (NS_PER_S << 32) / hz;
	ticks_per_ns = (hz << 32) / NS_PER_S;	/* up to 4 GHz */
	sysreg_write(cntv_ctl_el0, 0);
}

void time_init_timer(const struct fdt *f)
{
	bool edge;

	if (!devtree_irq(f, devtree_find(f, timers), VIRTUAL_TIMER, &timer_irq, &edge))
		panic("the device tree names no virtual timer interrupt");
	if (irq_request(timer_irq, edge, timer_handle, nullptr) != 0)
		panic("interrupt %u of the timer is taken", timer_irq);
}

void time_init_cpu(void)
{
	sysreg_write(cntv_ctl_el0, 0);
	irq_unmask_private(timer_irq);
}

/* The PL031 counts seconds since 1970 (Arm DDI 0224); QEMU and servers have one, the Raspberry Pi does not. */
u64 arch_rtc_seconds(void)
{
	static const char *const names[] = { "arm,pl031", nullptr };
	constexpr u64 PL031_DR = 0;
	u64 address, size;

	if (!fdt_reg(&arm64_fdt, devtree_find(&arm64_fdt, names), 0, &address, &size))
		return 0;
	const volatile void *rtc = mmio_map((struct pa){ address }, size);

	u32 seconds;

	return rtc && arch_device_read32((const volatile char *)rtc + PL031_DR, &seconds) ? seconds : 0;
}
