// SPDX-License-Identifier: MIT
/* One command: sent, answered, its data moved, and the controller ready for the next one whatever happened. */
#include "dev/sdhci_internal.h"
#include "lib/printf.h"

constexpr u64 COMMAND_TIMEOUT = 250'000'000, BUSY_TIMEOUT = 2'000'000'000, MS = 1'000'000;
enum : u16 { RESPONSE_136 = 1, RESPONSE_48 = 2, RESPONSE_48_BUSY = 3, CHECK_CRC = 8, CHECK_INDEX = 16, HAS_DATA = 32 };

static u16 command_bits(const struct mmc_command *c)
{
	static const u16 types[] = {
		[MMC_NONE] = 0,
		[MMC_R1] = RESPONSE_48 | CHECK_CRC | CHECK_INDEX,
		[MMC_R1B] = RESPONSE_48_BUSY | CHECK_CRC | CHECK_INDEX,
		[MMC_R2] = RESPONSE_136 | CHECK_CRC,
		[MMC_R3] = RESPONSE_48,
		[MMC_R6] = RESPONSE_48 | CHECK_CRC | CHECK_INDEX,
		[MMC_R7] = RESPONSE_48 | CHECK_CRC | CHECK_INDEX,
	};

	return (u16)(c->index << 8 | types[c->type] | (c->data ? HAS_DATA : 0));
}

int sdhci_error(u32 events)
{
	if (!(events & EVENT_ERRORS))
		return 0;
	if (events & (EVENT_COMMAND_CRC | EVENT_COMMAND_END | EVENT_COMMAND_INDEX | EVENT_DATA_CRC | EVENT_DATA_END))
		return -EILSEQ;
	return events & EVENT_COMMAND_TIMEOUT ? -ETIMEDOUT : -EIO;
}

/* The lines that the command needs are free. */
static bool wait_free(struct sdhci *s, const struct mmc_command *c)
{
	u32 busy = PRESENT_COMMAND_BUSY | (c->data || c->type == MMC_R1B ? PRESENT_DATA_BUSY : 0);
	u64 deadline = arch_clock_ns() + 100 * MS;

	if (c->index == 12)	/* STOP is for the moment when the data line is busy */
		busy = PRESENT_COMMAND_BUSY;
	while (mmio_read32(s->regs, SDHCI_PRESENT) & busy) {
		if (arch_clock_ns() > deadline)
			return false;
		(void)sleep_until(arch_clock_ns() + MS / 10, false);
	}
	return true;
}

/* The four words hold bits 127:8. */
static void read_long(struct sdhci *s, u32 *response)
{
	u32 below = 0;

	for (unsigned i = 0; i < 4; i++) {
		u32 word = mmio_read32(s->regs, SDHCI_RESPONSE + 4 * i);

		response[i] = word << 8 | below;
		below = word >> 24;
	}
}

static int wait_answer(struct sdhci *s, struct mmc_command *c)
{
	u32 got = sdhci_wait(s, EVENT_COMMAND, COMMAND_TIMEOUT);
	int err = sdhci_error(got);

	if (err)
		return err;
	if (!(got & EVENT_COMMAND))
		return -ETIMEDOUT;
	if (c->type == MMC_R2)
		read_long(s, c->response);
	else
		c->response[0] = mmio_read32(s->regs, SDHCI_RESPONSE);
	if (c->type != MMC_R1B)
		return 0;
	got = sdhci_wait(s, EVENT_TRANSFER, BUSY_TIMEOUT);
	err = sdhci_error(got);
	return err ? err : got & EVENT_TRANSFER ? 0 : -ETIMEDOUT;
}

static int run(struct sdhci *s, struct mmc_command *c)
{
	u32 mode = 0;
	bool dma = false;

	if (!wait_free(s, c))
		return -EIO;
	sdhci_take(s, ~(u32)(EVENT_INSERTED | EVENT_REMOVED));
	if (c->data)
		mode = sdhci_data_begin(s, c->data, &dma);
	mmio_write32(s->regs, SDHCI_ARGUMENT, c->arg);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	mmio_write32(s->regs, SDHCI_COMMAND, mode | (u32)command_bits(c) << 16);
	int err = wait_answer(s, c);

	if (!err && c->data)
		err = sdhci_data_move(s, c->data, dma);
	/* A transfer that went wrong is stopped before anybody else uses the memory. */
	if (err && (!sdhci_reset(s, RESET_COMMAND) || !sdhci_reset(s, RESET_DATA))) {
		log_err("sdhci: the controller does not come back");
		(void)sdhci_reset(s, RESET_ALL);
	}
	if (c->data)
		sdhci_data_end(s, c->data, dma);
	return err;
}

int sdhci_command(struct mmc_host *h, struct mmc_command *c)
{
	return run(h->data, c);
}
