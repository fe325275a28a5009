// SPDX-License-Identifier: MIT
/* Partition tables: MBR with extended partitions, and GPT (UEFI 2.10, chapter 5). Reading only; nothing in a table is believed. */
#pragma once

#include "lib/base.h"

constexpr unsigned PARTITIONS_MAX = 15;

struct partition {
	u64 start, sectors;		/* of 512 bytes, inside the disk, not empty; 0 sectors: no such number */
};

struct partition_table {
	struct partition part[PARTITIONS_MAX];	/* [0] is number 1 */
	const char *kind;		/* "gpt", "dos", or nullptr: none */
};

/* Where the table is read from. read: 512 bytes of a sector below `sectors`; 0 or -errno. block_size: the unit of the
 * table's own numbers. */
struct partition_source {
	int (*read)(const struct partition_source *s, u64 sector, void *buf);
	void *data;
	u64 sectors;
	u32 block_size;
};

/* Fills *t; what is damaged or out of bounds is left out. An error of read() ends the search: -errno. Takes no lock. */
[[nodiscard]] int partition_scan(const struct partition_source *s, struct partition_table *t);
