// SPDX-License-Identifier: MIT
/*
 * Data of a command: by ADMA2 where the controller has it and reaches the memory, else word by word through its buffer.
 *
 * A register of some bytes always goes through the buffer. Memory that the controller sees at another address, or behind the
 * CPUs' caches, is translated and cleaned here.
 */
#include "dev/sdhci_internal.h"

constexpr u64 DATA_TIMEOUT = 2'000'000'000;
constexpr unsigned READY_SPINS = 2000;
constexpr u32 LINE_MAX = 32 * KiB;
constexpr unsigned LINES = PAGE_SIZE / sizeof(struct adma_line);
enum : u16 { LINE_VALID = 1, LINE_END = 2, LINE_TRANSFER = 0x20 };

/* ---- ADMA2 */

static bool reachable(const struct sdhci *s, struct pa pa, u64 n)
{
	const struct device_dma *w = &s->config.dma;
	u64 skip = pa.v - w->cpu;

	if (pa.v < w->cpu || skip > w->size || n > w->size - skip)
		return false;
	return w->bus + skip + n <= 1ul << 32;
}

static u32 bus_address(const struct sdhci *s, struct pa pa)
{
	return (u32)(pa.v - s->config.dma.cpu + s->config.dma.bus);
}

static bool fill_table(struct sdhci *s, const struct mmc_data *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->nsegments; i++) {
		const struct block_segment *g = &d->segment[i];

		if (!reachable(s, g->pa, g->len) || !is_aligned(g->pa.v, 4ul))
			return false;
		for (u32 at = 0; at < g->len; at += LINE_MAX) {
			if (n == LINES)
				return false;
			s->table[n++] = (struct adma_line){ LINE_VALID | LINE_TRANSFER, (u16)min(LINE_MAX, g->len - at),
							    bus_address(s, g->pa) + at };
		}
	}
	s->table[n - 1].attributes |= LINE_END;
	return true;
}

static void for_caches(const struct sdhci *s, const struct mmc_data *d, void (*fn)(const void *, size_t))
{
	if (s->config.dma_coherent)
		return;
	for (unsigned i = 0; i < d->nsegments; i++)
		fn(direct_map(d->segment[i].pa), d->segment[i].len);
}

/* ---- the buffer */

static bool is_ready(struct sdhci *s, u32 bit) { return mmio_read32(s->regs, SDHCI_PRESENT) & bit; }

/* An interrupt for each block would cost more than the block; who has waited long asks for one. */
static bool buffer_ready(struct sdhci *s, bool read)
{
	u32 bit = read ? PRESENT_READ_READY : PRESENT_WRITE_READY, event = read ? EVENT_READ_READY : EVENT_WRITE_READY;

	for (unsigned i = 0; i < READY_SPINS; i++) {
		if (is_ready(s, bit))
			return true;
		if (load_relaxed(&s->events) & EVENT_ERRORS)
			return false;
		cpu_relax();
	}
	mmio_write32(s->regs, SDHCI_STATUS, event);	/* old ones say nothing about now */
	sdhci_take(s, event);
	mmio_write32(s->regs, SDHCI_SIGNAL_ENABLE, s->signals | event);
	if (!is_ready(s, bit))
		(void)sdhci_wait(s, event, DATA_TIMEOUT);
	mmio_write32(s->regs, SDHCI_SIGNAL_ENABLE, s->signals);
	return is_ready(s, bit);
}

static void move_words(struct sdhci *s, bool read, u32 *memory, u32 bytes)
{
	for (u32 i = 0; i < bytes / 4; i++) {
		if (read)
			memory[i] = mmio_read32(s->regs, SDHCI_BUFFER);
		else
			mmio_write32(s->regs, SDHCI_BUFFER, memory[i]);
	}
}

/* Blocks do not cross segments: both are multiples of 512 bytes, or there is one block alone. */
static int move_blocks(struct sdhci *s, const struct mmc_data *d)
{
	const struct block_segment *g = d->segment;
	u32 at = 0;

	for (u32 i = 0; i < d->blocks; i++) {
		if (!buffer_ready(s, d->read))
			return sdhci_error(load_relaxed(&s->events)) ?: -ETIMEDOUT;
		move_words(s, d->read, (u32 *)((char *)direct_map(g->pa) + at), d->block_size);
		at += d->block_size;
		if (at == g->len) {
			g++;
			at = 0;
		}
	}
	return 0;
}

/* ---- */

u32 sdhci_data_begin(struct sdhci *s, const struct mmc_data *d, bool *dma)
{
	u32 mode = (d->read ? MODE_READ : 0) | MODE_COUNT;

	*dma = s->table && d->block_size == SECTOR_SIZE && fill_table(s, d);
	if (*dma) {
		for_caches(s, d, arch_dma_begin);
		if (!s->config.dma_coherent)
			arch_dma_begin(s->table, PAGE_SIZE);
		mmio_write32(s->regs, SDHCI_ADMA_ADDRESS, bus_address(s, direct_pa(s->table)));
		mode |= MODE_DMA;
	}
	sdhci_write(s, SDHCI_HOST_CONTROL, 1, (u8)(s->control | (*dma ? CONTROL_ADMA2 : 0)));
	mmio_write32(s->regs, SDHCI_BLOCKS, d->block_size | d->blocks << 16);
	return d->blocks > 1 ? mode | MODE_MULTI | MODE_AUTO_STOP : mode;
}

int sdhci_data_move(struct sdhci *s, const struct mmc_data *d, bool dma)
{
	int err = dma ? 0 : move_blocks(s, d);

	if (err)
		return err;
	u32 got = sdhci_wait(s, EVENT_TRANSFER, DATA_TIMEOUT);

	err = sdhci_error(got);
	return err ? err : got & EVENT_TRANSFER ? 0 : -ETIMEDOUT;
}

void sdhci_data_end(struct sdhci *s, const struct mmc_data *d, bool dma)
{
	if (dma && d->read)
		for_caches(s, d, arch_dma_end);
}
