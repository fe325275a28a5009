// SPDX-License-Identifier: MIT
/* Ending the machine through a device: one board, one device that can. */
#include "dev/power.h"

#include "lib/base.h"

static const struct power_ops *power;	/* (a) */

void power_register(const struct power_ops *ops)
{
	const struct power_ops *none = nullptr;

	__atomic_compare_exchange_n(&power, &none, ops, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

void power_off(void)
{
	const struct power_ops *ops = load_acquire(&power);

	if (ops)
		ops->off();
}

void power_restart(void)
{
	const struct power_ops *ops = load_acquire(&power);

	if (ops)
		ops->restart();
}
