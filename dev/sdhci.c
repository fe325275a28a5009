// SPDX-License-Identifier: MIT
/*
 * The controller itself: reset, power, clock, interrupts. The handler only collects what has happened; threads wait for it.
 */
#include "dev/sdhci_internal.h"
#include "arch/irq.h"
#include "lib/printf.h"
#include "mm/kmap.h"
#include "mm/kmem.h"
#include "mm/page.h"

constexpr u64 MS = 1'000'000, RESET_TIMEOUT = 100 * MS, CLOCK_TIMEOUT = 50 * MS;
constexpr u32 CLOCK_IDENTIFY = 400'000;
constexpr u8 TIMEOUT_LONGEST = 14;
constexpr u32 SECTORS_AT_ONCE = 1024;

static struct sdhci *controllers;	/* only added to, while devices are probed */

static void sleep_ns(u64 ns) { (void)sleep_until(arch_clock_ns() + ns, false); }

/* ---- interrupts */

static void collect(struct sdhci *s)
{
	u32 events = mmio_read32(s->regs, SDHCI_STATUS);

	if (!events || events == ~0u)	/* not ours, or the controller is gone */
		return;
	mmio_write32(s->regs, SDHCI_STATUS, events);
	__atomic_fetch_or(&s->events, events, __ATOMIC_RELEASE);
	wake_up_all(&s->waiting, 0);
	if (events & (EVENT_INSERTED | EVENT_REMOVED))
		mmc_host_changed(&s->host);
}

/* Controllers may share a line. */
static void sdhci_interrupt(void *arg)
{
	const struct sdhci *first = arg;

	for (struct sdhci *s = load_acquire(&controllers); s; s = s->next) {
		if (s->config.irq == first->config.irq)
			collect(s);
	}
}

static int request_irq(struct sdhci *s)
{
	bool shared = false;

	for (const struct sdhci *other = controllers; other; other = other->next)
		shared |= other->config.irq == s->config.irq;
	s->next = controllers;
	store_release(&controllers, s);
	return shared ? 0 : irq_request(s->config.irq, s->config.irq_edge, sdhci_interrupt, s);
}

u32 sdhci_wait(struct sdhci *s, u32 events, u64 timeout_ns)
{
	(void)wait_event_until_(&s->waiting, load_acquire(&s->events) & (events | EVENT_ERRORS),
				arch_clock_ns() + timeout_ns, false);
	return load_acquire(&s->events);
}

/* ---- reset, clock, power */

/* A register bit goes on or off by itself, soon. */
static bool wait_bits(struct sdhci *s, u32 reg, u8 bits, bool set, u64 timeout)
{
	u64 deadline = arch_clock_ns() + timeout;

	while (!!(sdhci_read(s, reg, 1) & bits) != set) {
		if (arch_clock_ns() > deadline)
			return false;
		cpu_relax();
	}
	return true;
}

bool sdhci_reset(struct sdhci *s, u8 what)
{
	sdhci_write(s, SDHCI_RESET, 1, what);
	return wait_bits(s, SDHCI_RESET, what, false, RESET_TIMEOUT);
}

/* The field of the fastest clock that is not faster than hz. */
static u16 divider(const struct sdhci *s, u32 hz)
{
	u32 n = 0;

	if (s->wide_divider) {
		if (s->clock_hz > hz)
			n = min((s->clock_hz + 2 * hz - 1) / (2 * hz), 1023u);
		return (u16)(n << 8 | (n >> 8 & 3) << 6);
	}
	while (n < 128 && s->clock_hz / max(2 * n, 1u) > hz)
		n = max(2 * n, 1u);
	return (u16)(n << 8);
}

static bool set_clock(struct sdhci *s, u32 hz)
{
	u16 clock = divider(s, hz) | CLOCK_INTERNAL;

	sdhci_write(s, SDHCI_CLOCK, 2, 0);
	sdhci_write(s, SDHCI_CLOCK, 2, clock);
	if (!wait_bits(s, SDHCI_CLOCK, CLOCK_STABLE, true, CLOCK_TIMEOUT))
		return false;
	sdhci_write(s, SDHCI_CLOCK, 2, clock | CLOCK_CARD);
	return true;
}

static void sdhci_set_bus(struct mmc_host *h, bool four_bits, bool high_speed, u32 hz)
{
	struct sdhci *s = h->data;

	s->control = (u8)((four_bits ? CONTROL_4BIT : 0) | (high_speed ? CONTROL_HIGH_SPEED : 0));
	sdhci_write(s, SDHCI_HOST_CONTROL, 1, s->control);
	if (!set_clock(s, hz))
		log_err("sdhci: the clock is not stable");
}

static void enable_events(struct sdhci *s)
{
	u32 events = EVENT_ALL;

	if (s->config.broken_detect)
		events &= ~(u32)(EVENT_INSERTED | EVENT_REMOVED);
	s->signals = events & ~(u32)(EVENT_READ_READY | EVENT_WRITE_READY);
	mmio_write32(s->regs, SDHCI_STATUS_ENABLE, events);
	mmio_write32(s->regs, SDHCI_SIGNAL_ENABLE, s->signals);
}

static int sdhci_power_on(struct mmc_host *h)
{
	struct sdhci *s = h->data;

	if (!sdhci_reset(s, RESET_ALL))
		return -EIO;
	sdhci_take(s, ~0u);
	enable_events(s);
	sdhci_write(s, SDHCI_POWER, 1, POWER_3V3);
	sdhci_write(s, SDHCI_TIMEOUT, 1, TIMEOUT_LONGEST);
	sdhci_set_bus(h, false, false, CLOCK_IDENTIFY);
	sleep_ns(2 * MS);	/* the supply rises, and 74 clocks pass (6.4.1) */
	return 0;
}

static void sdhci_power_off(struct mmc_host *h)
{
	struct sdhci *s = h->data;

	sdhci_write(s, SDHCI_CLOCK, 2, 0);
	sdhci_write(s, SDHCI_POWER, 1, 0);
}

static bool sdhci_present(struct mmc_host *h)
{
	struct sdhci *s = h->data;

	return s->config.broken_detect || (mmio_read32(s->regs, SDHCI_PRESENT) & PRESENT_CARD);
}

static const struct mmc_host_ops host_ops = {
	.command = sdhci_command, .power_on = sdhci_power_on, .power_off = sdhci_power_off, .set_bus = sdhci_set_bus,
	.present = sdhci_present,
};

/* ---- set-up */

static int read_capabilities(struct sdhci *s)
{
	u32 caps = mmio_read32(s->regs, SDHCI_CAPABILITIES);

	s->wide_divider = (sdhci_read(s, SDHCI_VERSION, 2) & 0xff) >= 2;
	s->clock_hz = s->config.base_clock_hz ?: (caps >> 8 & (s->wide_divider ? 0xff : 0x3f)) * 1'000'000;
	if (s->clock_hz < CLOCK_IDENTIFY)
		return -ENODEV;
	if (caps & CAP_ADMA2) {
		struct page *p = page_alloc(0, PAGE_KERNEL, PA_ZERO);
		u64 from = s->config.dma.cpu, at = p ? page_pa(p).v : 0;

		/* The table itself must be within reach; else it is done without. */
		if (p && at >= from && at - from + PAGE_SIZE <= s->config.dma.size &&
		    at - from + s->config.dma.bus + PAGE_SIZE <= 1ul << 32)
			s->table = page_address(p);
		else if (p)
			page_put(p);
	}
	s->host = (struct mmc_host){ .ops = &host_ops, .data = s, .four_bits = true, .high_speed = caps & CAP_HIGH_SPEED,
				     .max_segments = BLOCK_SEGMENTS, .max_sectors = SECTORS_AT_ONCE, .fixed = s->config.fixed };
	return 0;
}

int sdhci_add(const struct sdhci_config *config)
{
	struct sdhci *s = kzalloc(sizeof(*s));

	if (!s || config->reg_size < 0x100)
		return -ENODEV;
	s->config = *config;
	wait_queue_init(&s->waiting);
	s->regs = mmio_map(config->reg, config->reg_size);
	if (!s->regs)
		return -ENOMEM;
	int err = read_capabilities(s);

	if (err)
		return err;
	mmio_write32(s->regs, SDHCI_SIGNAL_ENABLE, 0);
	err = request_irq(s);
	if (err)
		return err;
	log_info("sdhci at %#lx: version %u, %u MHz, %s", config->reg.v, (sdhci_read(s, SDHCI_VERSION, 2) & 0xff) + 1,
		 s->clock_hz / 1'000'000, s->table ? "ADMA2" : "PIO");
	return mmc_host_add(&s->host);
}
