// SPDX-License-Identifier: MIT
/* Controllers that the device tree describes in full: Arasan's, as QEMU's xlnx-versal-virt has them (with ADMA2). */
#include "dev/device.h"
#include "dev/sdhci.h"

static int generic_probe(const struct device *d)
{
	struct sdhci_config config = {
		.reg = d->reg[0], .reg_size = d->reg_size[0], .irq = d->irq[0], .irq_edge = d->irq_edge[0], .dma = d->dma,
		.dma_coherent = d->dma_coherent,
	};

	return sdhci_add(&config);
}

static const char *const compatible[] = { "arasan,sdhci-8.9a", nullptr };
static const struct driver sdhci_generic = { .compatible = compatible, .probe = generic_probe, .order = 6 };
DRIVER(sdhci_generic);
