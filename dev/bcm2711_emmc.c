// SPDX-License-Identifier: MIT
/*
 * The SD controllers of the Raspberry Pi 4. EMMC2 of the BCM2711 has the card; older chips of it reach the first GiB of memory only,
 * which the device tree says. The other one, of the BCM2835, has the WiFi on a real board, which is no card and does not answer;
 * QEMU's raspi4b puts `-drive if=sd` there. Clocks are the firmware's to know.
 */
#include "dev/bcm2835_firmware.h"
#include "dev/device.h"
#include "dev/sdhci.h"

static int probe(const struct device *d, enum firmware_clock clock, bool fixed)
{
	struct sdhci_config config = {
		.reg = d->reg[0], .reg_size = d->reg_size[0], .irq = d->irq[0], .irq_edge = d->irq_edge[0],
		.base_clock_hz = firmware_clock(clock), .dma = d->dma, .dma_coherent = d->dma_coherent,
		.broken_detect = true, .fixed = fixed,
	};

	return sdhci_add(&config);
}

static int emmc2_probe(const struct device *d) { return probe(d, FW_CLOCK_EMMC2, false); }
static int emmc_probe(const struct device *d) { return probe(d, FW_CLOCK_EMMC, true); }

static const char *const emmc2_compatible[] = { "brcm,bcm2711-emmc2", nullptr };
static const struct driver emmc2 = { .compatible = emmc2_compatible, .probe = emmc2_probe, .order = 6 };
DRIVER(emmc2);

static const char *const emmc_compatible[] = { "brcm,bcm2835-sdhci", nullptr };
static const struct driver emmc = { .compatible = emmc_compatible, .probe = emmc_probe, .order = 6 };
DRIVER(emmc);
