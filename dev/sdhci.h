// SPDX-License-Identifier: MIT
/*
 * Controllers by the SD Host Controller Simplified Specification 3.00. A board's own file (dev/bcm2711_emmc.c) finds one, knows its
 * clock and how it sees memory, and calls sdhci_add().
 */
#pragma once

#include "dev/device.h"
#include "dev/mmc.h"

struct sdhci_config {
	struct pa reg;
	u64 reg_size;
	unsigned irq;
	bool irq_edge;
	u32 base_clock_hz;		/* 0: the controller knows */
	struct device_dma dma;
	bool dma_coherent;
	bool fixed;			/* what is connected stays; it is looked for once */
	bool broken_detect;		/* it does not see whether there is a card */
};

/* 0, -ENOMEM, -ENODEV, -EBUSY. The struct is copied. */
[[nodiscard]] int sdhci_add(const struct sdhci_config *config);
