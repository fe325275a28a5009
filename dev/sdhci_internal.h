// SPDX-License-Identifier: MIT
/* Between sdhci.c (set-up, clocks, interrupts), sdhci_command.c and sdhci_data.c: registers (specification, chapter 2). */
#pragma once

#include "arch/arch.h"
#include "dev/mmio.h"
#include "dev/sdhci.h"
#include "proc/wait.h"

/* The first row is read and written as words of 32 bits, the second as parts of words. */
enum sdhci_register : u32 {
	SDHCI_BLOCKS = 0x04, SDHCI_ARGUMENT = 0x08, SDHCI_COMMAND = 0x0c,
	SDHCI_RESPONSE = 0x10, SDHCI_BUFFER = 0x20, SDHCI_PRESENT = 0x24, SDHCI_STATUS = 0x30,
	SDHCI_STATUS_ENABLE = 0x34, SDHCI_SIGNAL_ENABLE = 0x38, SDHCI_CAPABILITIES = 0x40, SDHCI_ADMA_ADDRESS = 0x58,

	SDHCI_HOST_CONTROL = 0x28, SDHCI_POWER = 0x29, SDHCI_CLOCK = 0x2c, SDHCI_TIMEOUT = 0x2e, SDHCI_RESET = 0x2f,
	SDHCI_VERSION = 0xfe,
};

enum sdhci_bits : u32 {
	PRESENT_COMMAND_BUSY = BIT(0), PRESENT_DATA_BUSY = BIT(1), PRESENT_WRITE_READY = BIT(10),
	PRESENT_READ_READY = BIT(11), PRESENT_CARD = BIT(16), PRESENT_STABLE = BIT(17),
	RESET_ALL = 1, RESET_COMMAND = 2, RESET_DATA = 4,
	MODE_DMA = BIT(0), MODE_COUNT = BIT(1), MODE_AUTO_STOP = BIT(2), MODE_READ = BIT(4), MODE_MULTI = BIT(5),
	CONTROL_4BIT = BIT(1), CONTROL_HIGH_SPEED = BIT(2), CONTROL_ADMA2 = 2 << 3,
	POWER_3V3 = 0xf, CLOCK_INTERNAL = BIT(0), CLOCK_STABLE = BIT(1), CLOCK_CARD = BIT(2),
	CAP_ADMA2 = BIT(19), CAP_HIGH_SPEED = BIT(21),
};

/* Interrupt status: what has happened. The upper half are errors. */
enum sdhci_event : u32 {
	EVENT_COMMAND = BIT(0), EVENT_TRANSFER = BIT(1), EVENT_WRITE_READY = BIT(4), EVENT_READ_READY = BIT(5),
	EVENT_INSERTED = BIT(6), EVENT_REMOVED = BIT(7), EVENT_ERROR = BIT(15),
	EVENT_COMMAND_TIMEOUT = BIT(16), EVENT_COMMAND_CRC = BIT(17), EVENT_COMMAND_END = BIT(18),
	EVENT_COMMAND_INDEX = BIT(19), EVENT_DATA_TIMEOUT = BIT(20), EVENT_DATA_CRC = BIT(21), EVENT_DATA_END = BIT(22),
	EVENT_AUTO_STOP = BIT(24), EVENT_ADMA = BIT(25), EVENT_ERRORS = 0xffff8000,
	EVENT_ALL = 0x03ff80f3,
};

struct adma_line {			/* 1.13.4, 32 bits */
	u16 attributes, length;		/* length 0: 64 KiB */
	u32 address;
};

struct sdhci {
	struct sdhci *next;		/* (i) */
	struct sdhci_config config;	/* (i) */
	volatile void *regs;		/* (i) */
	struct mmc_host host;
	bool adma;			/* (i) */
	struct adma_line *table;	/* (host.lock) a page; nullptr: no ADMA */
	u32 clock_hz;			/* (i) base clock */
	bool wide_divider;		/* (i) specification 3: 10 bits, any even number */
	u8 control;			/* (host.lock) HOST_CONTROL without the DMA's bits */
	u32 signals;			/* (host.lock) events that interrupt */
	u32 events;			/* (a) what the interrupt has seen and nobody has taken */
	struct wait_queue waiting;
};

/* A register of 1 or 2 bytes, by its whole word: the Raspberry Pi's older controller knows no others. None of them shares its
 * word with one that a write of its own value would change. */
static inline u32 sdhci_read(const struct sdhci *s, u32 reg, unsigned bytes)
{
	return mmio_read32(s->regs, reg & ~3u) >> 8 * (reg & 3) & (u32)(BIT(8 * bytes) - 1);
}

static inline void sdhci_write(struct sdhci *s, u32 reg, unsigned bytes, u32 v)
{
	u32 shift = 8 * (reg & 3), mask = (u32)(BIT(8 * bytes) - 1) << shift;

	mmio_write32(s->regs, reg & ~3u, (mmio_read32(s->regs, reg & ~3u) & ~mask) | v << shift);
}

/* ---- sdhci.c */

/* Waits for one of the events or an error. What came; 0: nothing in time. The caller takes them with sdhci_take. */
u32 sdhci_wait(struct sdhci *s, u32 events, u64 timeout_ns);
static inline void sdhci_take(struct sdhci *s, u32 events)
{
	__atomic_fetch_and(&s->events, ~events, __ATOMIC_ACQ_REL);
}
/* RESET_*; false: it does not come back. */
bool sdhci_reset(struct sdhci *s, u8 what);

/* ---- sdhci_command.c: mmc_host_ops.command */
int sdhci_command(struct mmc_host *h, struct mmc_command *c);
int sdhci_error(u32 events);		/* events with errors in them -> -errno; 0: none */

/* ---- sdhci_data.c */

/* Before the command: registers, table, caches. The bits for SDHCI_MODE; *dma: whether by ADMA. */
u32 sdhci_data_begin(struct sdhci *s, const struct mmc_data *d, bool *dma);
/* After the command's answer: moves the data (PIO) and waits for the end. */
[[nodiscard]] int sdhci_data_move(struct sdhci *s, const struct mmc_data *d, bool dma);
/* In any case, when the controller is done with the memory. */
void sdhci_data_end(struct sdhci *s, const struct mmc_data *d, bool dma);
