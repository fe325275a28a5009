// SPDX-License-Identifier: MIT
/*
 * Power management of Broadcom's BCM2835 and its successors, as far as a machine's end: the watchdog resets the
 * chip, and what the boot ROM finds in RSTS says whether to boot again. The block is in no public data sheet;
 * names and bits are those of the firmware's own headers, which Broadcom has published.
 *
 * The boot ROM takes a partition number from the even bits 0 to 10 of RSTS; 63, all of them, means halt.
 */
#include "arch/arch.h"
#include "dev/device.h"
#include "dev/mmio.h"
#include "dev/power.h"
#include "mm/kmap.h"

enum pm_register : u32 { PM_RSTC = 0x1c, PM_RSTS = 0x20, PM_WDOG = 0x24 };

constexpr u32 PASSWORD = 0x5a000000;	/* writes without it do nothing */
constexpr u32 RSTC_CONFIG = 0x30, RSTC_FULL_RESET = 0x20;
constexpr u32 RSTS_PARTITION = 0x555;
constexpr u32 WDOG_TICKS = 10;		/* of 16 us */

static volatile void *pm;		/* (i) */

static void reset(u32 partition)
{
	u32 rsts = mmio_read32(pm, PM_RSTS) & ~(PASSWORD | RSTS_PARTITION) & 0xffffff;
	u32 rstc = mmio_read32(pm, PM_RSTC) & ~RSTC_CONFIG & 0xffffff;

	mmio_write32(pm, PM_RSTS, PASSWORD | rsts | partition);
	mmio_write32(pm, PM_WDOG, PASSWORD | WDOG_TICKS);
	mmio_write32(pm, PM_RSTC, PASSWORD | rstc | RSTC_FULL_RESET);
	/* Ten times as long as it should take. */
	for (u64 end = arch_clock_ns() + 2'000'000; arch_clock_ns() < end;)
		cpu_relax();
}

static void off(void)
{
	reset(RSTS_PARTITION);
}

static void restart(void)
{
	reset(0);
}

static const struct power_ops ops = { .off = off, .restart = restart };

static int pm_probe(const struct device *d)
{
	pm = mmio_map(d->reg[0], d->reg_size[0]);
	if (!pm)
		return -ENOMEM;
	power_register(&ops);
	return 0;
}

static const char *const compatible[] = { "brcm,bcm2835-pm", "brcm,bcm2835-pm-wdt", "brcm,bcm2711-pm", nullptr };
static const struct driver driver = { .compatible = compatible, .probe = pm_probe, .order = 1 };
DRIVER(driver);
