// SPDX-License-Identifier: MIT
/*
 * Broadcom's random number generator RNG200, of the BCM2711 among others (in no public data sheet; register numbers as in
 * Linux's binding). It fills a FIFO at about 1 Mbit/s once the generator has run in; what it gives at boot goes into the
 * kernel's pool. Nothing waits for it: where no words come, there is a line in the log and the pool has what else it has.
 */
#include "arch/arch.h"
#include "dev/device.h"
#include "dev/mmio.h"
#include "lib/printf.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/kmap.h"
#include "proc/wait.h"
#include "proc/work.h"

enum rng_register : u32 { RNG_CTRL = 0x00, RNG_THRESHOLD = 0x10, RNG_DATA = 0x20, RNG_COUNT = 0x24 };

constexpr u32 CTRL_GENERATE = 0x1fff, CTRL_DIVIDER = 3 << 13;
constexpr u32 RUN_IN_BITS = 0x40000;	/* dropped at first */
constexpr u32 COUNT_MASK = 0xff;
constexpr unsigned WORDS = 16;
constexpr u64 PATIENCE_NS = 500'000'000;

static void start(volatile void *base)
{
	if (mmio_read32(base, RNG_CTRL) & CTRL_GENERATE)
		return;			/* the firmware has */
	mmio_write32(base, RNG_THRESHOLD, RUN_IN_BITS);
	mmio_write32(base, RNG_CTRL, CTRL_DIVIDER | CTRL_GENERATE);
}

/* From a kernel thread: some hundred milliseconds of running in must not hold up the boot. */
static void collect(void *arg)
{
	static u32 words[WORDS];
	volatile void *base = arg;
	unsigned have = 0;

	for (u64 end = arch_clock_ns() + PATIENCE_NS; have < WORDS && arch_clock_ns() < end;) {
		while (have < WORDS && (mmio_read32(base, RNG_COUNT) & COUNT_MASK))
			words[have++] = mmio_read32(base, RNG_DATA);
		(void)sleep_until(arch_clock_ns() + 1'000'000, false);
	}
	random_add(words, have * sizeof(u32));
	memset(words, 0, sizeof(words));
	if (have < WORDS)
		log_warn("rng200: only %u words came", have);
}

static int rng_probe(const struct device *d)
{
	volatile void *base = mmio_map(d->reg[0], d->reg_size[0]);

	if (!base)
		return -ENOMEM;
	start(base);
	return kthread_start("rng200", collect, (void *)base) ? 0 : -ENOMEM;
}

static const char *const compatible[] = { "brcm,bcm2711-rng200", nullptr };
static const struct driver driver = { .compatible = compatible, .probe = rng_probe, .order = 5 };
DRIVER(driver);
