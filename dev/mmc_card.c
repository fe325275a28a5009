// SPDX-License-Identifier: MIT
/*
 * A card's protocol: identification (SD Physical Layer 4.2), what its registers say (5), bus width and speed (4.3.10), reading and
 * writing. Nothing a card says is believed further than it can be checked.
 *
 * Left out: MMC and eMMC, 1.8 V and UHS speeds (they need the voltage switch), SDIO, locked cards.
 */
#include "arch/arch.h"
#include "dev/mmc.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/page.h"
#include "proc/wait.h"

enum mmc_index : u8 {
	GO_IDLE = 0, ALL_SEND_CID = 2, SEND_ADDRESS = 3, SWITCH_FUNCTION = 6, SELECT = 7, SEND_IF_COND = 8, SEND_CSD = 9,
	STOP = 12, SEND_STATUS = 13, SET_BLOCK_SIZE = 16, READ_ONE = 17, READ_MANY = 18, WRITE_ONE = 24, WRITE_MANY = 25,
	APP = 55, APP_SET_WIDTH = 6, APP_SEND_OP_COND = 41, APP_SEND_SCR = 51,
};

enum : u32 {
	OCR_3V3 = 0x00ff8000, OCR_HIGH_CAPACITY = BIT(30), OCR_READY = BIT(31),
	IF_COND_3V3 = 0x1aa,
	STATUS_READY = BIT(8), STATUS_ERRORS = 0xfdf90000, STATE_TRANSFER = 4,
	SWITCH_CHECK_HIGH_SPEED = 0x00fffff1, SWITCH_SET_HIGH_SPEED = 0x80fffff1,
	CSD_CLASS_SWITCH = BIT(10),
};

constexpr u32 CLOCK_DEFAULT = 25'000'000, CLOCK_HIGH = 50'000'000;
constexpr u64 MS = 1'000'000, READY_TIMEOUT = 1'500 * MS, BUSY_TIMEOUT = 1'000 * MS;

static void sleep_ns(u64 ns) { (void)sleep_until(arch_clock_ns() + ns, false); }

static int command(struct mmc_card *c, u8 index, u32 arg, enum mmc_response type, u32 *response)
{
	struct mmc_command cmd = { .index = index, .arg = arg, .type = type };
	int err = c->host->ops->command(c->host, &cmd);

	if (!err && response)
		memcpy(response, cmd.response, type == MMC_R2 ? 16 : 4);
	if (!err && (type == MMC_R1 || type == MMC_R1B) && (cmd.response[0] & STATUS_ERRORS))
		err = -EIO;
	return err;
}

static int app_command(struct mmc_card *c, u8 index, u32 arg, enum mmc_response type, u32 *response)
{
	int err = command(c, APP, c->rca, MMC_R1, nullptr);

	return err ? err : command(c, index, arg, type, response);
}

/* A register that comes as data, into a page of the caller's. */
static int read_register(struct mmc_card *c, u8 index, u32 arg, void *page, u32 size)
{
	struct block_segment segment = { direct_pa(page), size };
	struct mmc_data data = { .read = true, .block_size = size, .blocks = 1, .segment = &segment, .nsegments = 1 };
	struct mmc_command cmd = { .index = index, .arg = arg, .type = MMC_R1, .data = &data };

	return c->host->ops->command(c->host, &cmd);
}

/* ---- identification */

/* ACMD41 until the card has finished its own start. */
static int wait_ready(struct mmc_card *c, u32 ask, u32 *ocr)
{
	u64 deadline = arch_clock_ns() + READY_TIMEOUT;

	for (;;) {
		int err = app_command(c, APP_SEND_OP_COND, ask, MMC_R3, ocr);

		if (err)
			return err;
		if (*ocr & OCR_READY)
			return *ocr & OCR_3V3 ? 0 : -ENODEV;
		if (arch_clock_ns() > deadline)
			return -ETIMEDOUT;
		sleep_ns(5 * MS);
	}
}

static int find(struct mmc_card *c)
{
	u32 answer, ocr;
	int err = command(c, GO_IDLE, 0, MMC_NONE, nullptr);

	if (err)
		return err;
	/* Cards of before version 2 do not know CMD8 and say nothing. */
	err = command(c, SEND_IF_COND, IF_COND_3V3, MMC_R7, &answer);
	bool v2 = !err && (answer & 0xfff) == IF_COND_3V3;

	if (!err && !v2)
		return -ENODEV;
	if (!v2)	/* forgets that we asked */
		(void)command(c, GO_IDLE, 0, MMC_NONE, nullptr);
	err = command(c, APP, 0, MMC_R1, nullptr);
	if (err)
		return err == -ETIMEDOUT && !v2 ? -ENOMEDIUM : err;
	err = wait_ready(c, OCR_3V3 | (v2 ? OCR_HIGH_CAPACITY : 0), &ocr);
	c->blocks = v2 && (ocr & OCR_HIGH_CAPACITY);
	return err;
}

/* `size` <= 32 bits from bit `low` on, of a 128-bit register. */
static u32 bits(const u32 reg[4], unsigned low, unsigned size)
{
	u64 both = reg[low / 32] | (low / 32 < 3 ? (u64)reg[low / 32 + 1] << 32 : 0);

	return (u32)(both >> low % 32 & (BIT(size) - 1));
}

static int read_csd(struct mmc_card *c, u32 *classes)
{
	u32 csd[4];
	int err = command(c, SEND_CSD, c->rca, MMC_R2, csd);

	if (err)
		return err;
	if (bits(csd, 126, 2) == 0) {
		u32 length = bits(csd, 80, 4), shift = bits(csd, 47, 3) + 2;

		if (length < 9 || length > 11)
			return -ENODEV;
		c->sectors = (u64)(bits(csd, 62, 12) + 1) << (shift + length - 9);
	} else if (bits(csd, 126, 2) == 1) {
		c->sectors = (u64)(bits(csd, 48, 22) + 1) << 10;
	} else {
		return -ENODEV;
	}
	c->read_only = bits(csd, 12, 2);
	*classes = bits(csd, 84, 12);
	return 0;
}

static int take_address(struct mmc_card *c, u32 *classes)
{
	u32 cid[4], address;
	int err = command(c, ALL_SEND_CID, 0, MMC_R2, cid);

	if (!err)
		err = command(c, SEND_ADDRESS, 0, MMC_R6, &address);
	if (err)
		return err;
	c->rca = address & 0xffff0000;
	for (unsigned i = 0; i < 5; i++) {
		char ch = (char)bits(cid, 96 - 8 * i, 8);

		c->name[i] = ch >= ' ' && ch < 127 ? ch : '?';
	}
	return read_csd(c, classes);
}

/* ---- bus width and speed */

static int set_width(struct mmc_card *c, u8 *page)
{
	int err = command(c, APP, c->rca, MMC_R1, nullptr);

	if (!err)
		err = read_register(c, APP_SEND_SCR, 0, page, 8);
	if (err)
		return err;
	c->spec = page[0] & 15;
	if (!(page[1] & 4) || !c->host->four_bits)
		return 0;
	err = app_command(c, APP_SET_WIDTH, 2, MMC_R1, nullptr);
	c->four_bits = !err;
	return err;
}

/* Group 1, function 1: asked for first, then set; byte 16 of the answer has what is selected. */
static int set_speed(struct mmc_card *c, u32 classes, u8 *page)
{
	if (!c->host->high_speed || c->spec < 1 || !(classes & CSD_CLASS_SWITCH))
		return 0;
	int err = read_register(c, SWITCH_FUNCTION, SWITCH_CHECK_HIGH_SPEED, page, 64);

	if (err || (page[16] & 15) != 1 || !(page[13] & 2))
		return err;
	err = read_register(c, SWITCH_FUNCTION, SWITCH_SET_HIGH_SPEED, page, 64);
	c->high_speed = !err && (page[16] & 15) == 1;
	return err;
}

static void set_bus(struct mmc_card *c)
{
	c->host->ops->set_bus(c->host, c->four_bits, c->high_speed, c->clock_hz);
}

static int set_up(struct mmc_card *c, u32 classes, u8 *page)
{
	int err = command(c, SELECT, c->rca, MMC_R1B, nullptr);

	c->clock_hz = CLOCK_DEFAULT;
	set_bus(c);
	if (!err && !c->blocks)
		err = command(c, SET_BLOCK_SIZE, SECTOR_SIZE, MMC_R1, nullptr);
	if (!err)
		err = set_width(c, page);
	set_bus(c);
	if (!err)
		err = set_speed(c, classes, page);
	if (c->high_speed)
		c->clock_hz = CLOCK_HIGH;
	set_bus(c);
	return err;
}

int mmc_card_identify(struct mmc_card *c)
{
	struct page *page = page_alloc(0, PAGE_KERNEL, PA_ZERO);
	u32 classes = 0;
	int err = page ? c->host->ops->power_on(c->host) : -ENOMEM;

	if (!err)
		err = find(c);
	if (!err)
		err = take_address(c, &classes);
	if (!err)
		err = set_up(c, classes, page_address(page));
	if (page)
		page_put(page);
	return err;
}

/* ---- blocks */

int mmc_card_transfer(struct mmc_card *c, const struct block_request *r)
{
	static const u8 index[2][2] = { { READ_ONE, READ_MANY }, { WRITE_ONE, WRITE_MANY } };
	struct mmc_data data = { .read = r->op == BLOCK_READ, .block_size = SECTOR_SIZE, .blocks = r->sectors,
				 .segment = r->segment, .nsegments = r->nsegments };
	struct mmc_command cmd = { .index = index[r->op == BLOCK_WRITE][r->sectors > 1], .type = MMC_R1, .data = &data,
				   .arg = (u32)(c->blocks ? r->sector : r->sector << SECTOR_SHIFT) };
	int err = c->host->ops->command(c->host, &cmd);

	if (!err && (cmd.response[0] & STATUS_ERRORS))
		err = -EIO;
	if (!err && r->op == BLOCK_WRITE)
		err = mmc_card_settle(c, false);
	return err;
}

int mmc_card_settle(struct mmc_card *c, bool stop)
{
	u64 wait = MS / 20;
	int failed = 0;

	if (stop)	/* fails when nothing was under way */
		(void)command(c, STOP, 0, MMC_R1B, nullptr);
	u64 deadline = arch_clock_ns() + BUSY_TIMEOUT;

	for (;;) {
		u32 status = 0;
		int err = command(c, SEND_STATUS, c->rca, MMC_R1, &status);

		if (err == -ETIMEDOUT && ++failed >= 3)
			return -ENOMEDIUM;
		if (!err && (status & STATUS_READY) && (status >> 9 & 15) == STATE_TRANSFER)
			return 0;
		/* Errors of what went before are reported once, here. */
		if (err == -EIO && !stop)
			return err;
		if (arch_clock_ns() > deadline)
			return err == -ETIMEDOUT ? -ENOMEDIUM : -ETIMEDOUT;
		sleep_ns(wait);
		wait = min(2 * wait, 2 * MS);
	}
}

bool mmc_card_slow_down(struct mmc_card *c)
{
	if (c->clock_hz <= CLOCK_DEFAULT / 2)
		return false;
	c->clock_hz /= 2;
	set_bus(c);
	log_warn("%s: checksums fail: down to %u MHz", c->disk.name, c->clock_hz / 1'000'000);
	return true;
}
