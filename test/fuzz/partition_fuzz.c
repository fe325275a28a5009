// SPDX-License-Identifier: MIT
// uses: fs/partition.c test/host/support.c
// sanitize: fuzzer,address,undefined
/*
 * A disk's partition tables. The input's first byte says how large the disk and its blocks are, the rest are its first sectors; the
 * last block is that which comes last. Checksums are made right first, if the byte wants it, or no table of that kind would
 * ever be read.
 */
#include <string.h>
#include "crc32.h"
#include "test/fuzz/fuzz.h"
#include "fs/partition.h"
#include "lib/errno.h"

constexpr u64 SECTORS = 64;

static u8 disk[SECTORS][512];
static unsigned reads;

static int read_disk(const struct partition_source *s, u64 sector, void *buf)
{
	assert(sector < s->sectors && reads++ < 5000);
	if (sector >= SECTORS)
		return sector % 7 ? -EIO : (memset(buf, 0, 512), 0);
	memcpy(buf, disk[sector], 512);
	return 0;
}

/* The header in that sector, if it is one, gets the sums that it should have. */
static void seal(u64 sector, u64 unit)
{
	u8 *h = disk[sector];
	u64 entries;
	u32 size, count, each, crc;

	memcpy(&size, h + 12, 4);
	memcpy(&entries, h + 72, 8);
	memcpy(&count, h + 80, 4);
	memcpy(&each, h + 84, 4);
	if (memcmp(h, "EFI PART", 8) || size > 512)
		return;
	if (entries < SECTORS && count < 1024 && each < 1024 && entries * unit * 512 + count * each <= sizeof(disk)) {
		crc = crc32((u8 *)disk + entries * unit * 512, count * each);
		memcpy(h + 88, &crc, 4);
	}
	memset(h + 16, 0, 4);
	crc = crc32(h, size);
	memcpy(h + 16, &crc, 4);
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n)
{
	struct input in = { bytes, bytes + n };
	u8 kind = input_byte(&in);
	struct partition_source s = {
		.read = read_disk, .block_size = kind & 1 ? 4096 : 512,
		.sectors = kind & 2 ? SECTORS : kind & 4 ? 1ul << 40 : kind >> 3,
	};
	struct partition_table t;

	memset(disk, 0, sizeof(disk));
	memcpy(disk, in.p, min((size_t)(in.end - in.p), sizeof(disk)));
	reads = 0;
	if (kind & 8) {
		u64 unit = s.block_size / 512;

		seal(unit, unit);
		seal(SECTORS - unit, unit);
	}
	(void)partition_scan(&s, &t);
	for (unsigned i = 0; i < PARTITIONS_MAX; i++) {
		struct partition p = t.part[i];

		assert(!p.sectors || (p.start < s.sectors && p.sectors <= s.sectors - p.start));
		assert(!p.sectors || t.kind);
	}
	return 0;
}
