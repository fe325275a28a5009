// SPDX-License-Identifier: MIT
/* Matches devices and drivers. The drivers are those of the image's .drivers section (kernel.ld). */
#include "dev/device.h"

#include "arch/arch.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmap.h"

extern const struct driver *const __drivers_start[], *const __drivers_end[];

constexpr int ORDERS = 10;
constexpr u64 REG_SIZE_MAX = 64 * MiB;	/* no device has more: such a description is wrong */

/* 0: not served. Else 1 + the index of the device's string that matched: lower is more specific. */
static unsigned driver_match(const struct driver *drv, const struct device *d)
{
	for (unsigned i = 0; i < ARRAY_SIZE(d->compatible) && d->compatible[i]; i++)
		for (unsigned j = 0; drv->compatible[j]; j++)
			if (strcmp(d->compatible[i], drv->compatible[j]) == 0)
				return i + 1;
	return 0;
}

static const struct driver *driver_find(const struct device *d)
{
	const struct driver *best = nullptr;
	unsigned best_match = ~0u;

	for (auto p = __drivers_start; p < __drivers_end; p++) {
		unsigned match = driver_match(*p, d);

		if (match && match < best_match) {
			best = *p;
			best_match = match;
		}
	}
	return best;
}

bool device_wanted(const struct device *d)
{
	return driver_find(d) != nullptr;
}

/* Firmware may name what is not there. Who has no registers is asked in another way, by its driver. */
static bool device_answers(const struct device *d, const struct driver *drv)
{
	u32 value;

	if (!d->reg_size[0])
		return true;
	if (d->reg_size[0] < drv->harmless + sizeof(u32) || d->reg_size[0] > REG_SIZE_MAX)
		return false;
	const volatile char *reg = mmio_map((struct pa){ d->reg[0].v + drv->harmless }, sizeof(u32));

	return reg && arch_device_read32(reg, &value);
}

static void probe_order(const struct device *devices, unsigned n, int order)
{
	for (unsigned i = 0; i < n; i++) {
		const struct driver *drv = driver_find(&devices[i]);

		if (!drv || drv->order != order)
			continue;
		if (!device_answers(&devices[i], drv)) {
			log_warn("device %s: nothing answers at %#lx", devices[i].compatible[0], devices[i].reg[0].v);
			continue;
		}
		int r = drv->probe(&devices[i]);

		if (r < 0)
			log_warn("device %s: driver failed: %d", devices[i].compatible[0], r);
	}
}

void device_probe(const struct device *devices, unsigned n)
{
	for (int order = 0; order < ORDERS; order++)
		probe_order(devices, n, order);
}
