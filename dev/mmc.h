// SPDX-License-Identifier: MIT
/*
 * SD memory cards (SD Physical Layer Simplified Specification): the contract between a card's protocol (dev/mmc_card.c,
 * dev/mmc_disk.c) and the controller that carries it (dev/sdhci.c).
 *
 * Each host has two threads: one that looks for a card and registers its disk, one that serves the disk's requests. Whoever talks to
 * the card holds host->lock (sleeping).
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/lock.h"
#include "fs/block.h"

struct mmc_card;
struct mmc_host;

/* How a card answers: length and checks of the response (4.9). R1B: and it is busy for a while. */
enum mmc_response : u8 { MMC_NONE, MMC_R1, MMC_R1B, MMC_R2, MMC_R3, MMC_R6, MMC_R7 };

struct mmc_data {
	bool read;
	u32 block_size, blocks;		/* 8 .. 512 bytes each; more than one block: CMD12 follows by itself */
	const struct block_segment *segment;	/* of memory in the direct map */
	unsigned nsegments;
};

struct mmc_command {
	u8 index;
	enum mmc_response type;
	u32 arg;
	const struct mmc_data *data;	/* nullptr: none */
	u32 response[4];		/* R2: [3] is the most significant; else [0] */
};

/* All may sleep; host->lock is held. */
struct mmc_host_ops {
	/* Sends the command and moves its data. 0; -ETIMEDOUT: no answer; -EILSEQ: a checksum is wrong; -EIO. After an
	 * error the controller is ready for the next one. */
	int (*command)(struct mmc_host *h, struct mmc_command *c);
	/* Resets the controller, gives the card power and the clock for identification. 0 or -EIO. */
	int (*power_on)(struct mmc_host *h);
	void (*power_off)(struct mmc_host *h);
	void (*set_bus)(struct mmc_host *h, bool four_bits, bool high_speed, u32 clock_hz);
	/* False if the controller knows that there is no card. */
	bool (*present)(struct mmc_host *h);
};

/* The driver fills the first part and zeroes the rest. */
struct mmc_host {
	const struct mmc_host_ops *ops;
	void *data;
	bool four_bits, high_speed;
	bool fixed;			/* looked at once: nothing comes later */
	u32 max_segments, max_sectors;

	struct mutex lock;
	struct mmc_card *card;		/* (lock) */
	struct block_request *request;	/* (a) what the disk wants next or now */
	struct wait_queue wanted;	/* the server waits here */
	struct wait_queue changed;	/* the finder waits here */
	bool look;			/* (a) the controller has seen a card come or go */
	bool lost;			/* (a) the card does not answer any more */
};

struct mmc_card {
	struct mmc_host *host;		/* (i) */
	struct disk disk;
	unsigned number;		/* (i) of its disk */
	u32 rca;			/* (i) its address, in bits 31:16 */
	bool blocks;			/* (i) SDHC, SDXC: addresses count blocks, not bytes */
	bool four_bits, high_speed;	/* (i) high_speed goes when checksums fail */
	bool read_only;			/* (i) its registers say so */
	u64 sectors;			/* (i) */
	u32 clock_hz;
	char name[8];			/* (i) the product's */
	u8 spec;			/* (i) SD_SPEC */
};

/* ---- dev/mmc_disk.c */

/* A new controller: starts its threads, and has the slot looked at. 0, -ENOMEM. */
[[nodiscard]] int mmc_host_add(struct mmc_host *h);
/* The controller has seen a card come or go. From anywhere. */
void mmc_host_changed(struct mmc_host *h);

/* ---- dev/mmc_card.c; host->lock is held */

/* Finds out what card there is, and makes it ready to transfer. 0; -ENOMEDIUM: none answers; -ENODEV: one that is not
 * understood; -EIO, -ETIMEDOUT, … */
[[nodiscard]] int mmc_card_identify(struct mmc_card *c);
/* Moves blocks, without retries. */
[[nodiscard]] int mmc_card_transfer(struct mmc_card *c, const struct block_request *r);
/* The card is back in its transfer state after an error, or is not busy any more after a write; waits for it. -ENOMEDIUM: it does not
 * answer. */
[[nodiscard]] int mmc_card_settle(struct mmc_card *c, bool stop);
/* Checksums fail: slower from now on. False: it is as slow as it gets. */
bool mmc_card_slow_down(struct mmc_card *c);
