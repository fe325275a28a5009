// SPDX-License-Identifier: MIT
/*
 * Partition tables. A GPT counts if the first header or the one in the last block is sound, with its CRC and that of the entries; an
 * MBR of type 0xee only points at it. Extended partitions are a chain of tables: its length is bounded, and each
 * must lie inside the extended partition.
 */
#include "fs/partition.h"
#include "lib/errno.h"
#include "lib/string.h"

constexpr unsigned SECTOR = 512, MBR_ENTRIES = 446, GPT_ENTRIES_MAX = 1024;
enum : u8 { TYPE_EMPTY = 0, TYPE_EXTENDED = 5, TYPE_EXTENDED_LBA = 15, TYPE_EXTENDED_LINUX = 0x85, TYPE_GPT = 0xee };

struct mbr_entry {
	u8 active, type;
	u64 start, sectors;		/* in sectors of 512 bytes */
};

static u32 le32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static u64 le64(const u8 *p)
{
	return le32(p) | (u64)le32(p + 4) << 32;
}

/* Takes the place `number` (from 1) if what it names lies inside the disk. */
static void put(const struct partition_source *s, struct partition_table *t, unsigned number, u64 start, u64 sectors)
{
	if (number < 1 || number > PARTITIONS_MAX || !sectors || start >= s->sectors || sectors > s->sectors - start)
		return;
	t->part[number - 1] = (struct partition){ start, sectors };
}

/* ---- MBR */

static bool mbr_valid(const u8 *b)
{
	if (b[510] != 0x55 || b[511] != 0xaa)
		return false;
	for (unsigned i = 0; i < 4; i++) {	/* a FAT boot sector ends alike, but its bytes here are code */
		if (b[MBR_ENTRIES + 16 * i] & 0x7f)
			return false;
	}
	return true;
}

static struct mbr_entry mbr_entry(const struct partition_source *s, const u8 *b, unsigned i)
{
	const u8 *e = b + MBR_ENTRIES + 16 * i;
	u64 unit = s->block_size / SECTOR;

	return (struct mbr_entry){ e[0], e[4], le32(e + 8) * unit, le32(e + 12) * unit };
}

static bool is_extended(u8 type)
{
	return type == TYPE_EXTENDED || type == TYPE_EXTENDED_LBA || type == TYPE_EXTENDED_LINUX;
}

/* Each table has one partition, relative to itself, and the place of the next table, relative to the first. */
static int scan_extended(const struct partition_source *s, struct partition_table *t, const struct mbr_entry *ext)
{
	u64 at = ext->start;
	u8 b[SECTOR];

	for (unsigned number = 5; number <= PARTITIONS_MAX && at < s->sectors; number++) {
		int err = s->read(s, at, b);

		if (err)
			return err;
		if (!mbr_valid(b))
			return 0;
		struct mbr_entry e = mbr_entry(s, b, 0), next = mbr_entry(s, b, 1);

		if (e.type != TYPE_EMPTY)
			put(s, t, number, at + e.start, e.sectors);
		if (!is_extended(next.type) || !next.start || next.start >= ext->sectors)
			return 0;
		at = ext->start + next.start;
	}
	return 0;
}

static int scan_mbr(const struct partition_source *s, struct partition_table *t, const u8 *b)
{
	int err = 0;

	t->kind = "dos";
	for (unsigned i = 0; i < 4 && !err; i++) {
		struct mbr_entry e = mbr_entry(s, b, i);

		if (e.type == TYPE_EMPTY)
			continue;
		/* Of an extended partition itself only the first two sectors are seen, as on Linux: enough for a loader. */
		put(s, t, i + 1, e.start, is_extended(e.type) ? min(e.sectors, 2ul) : e.sectors);
		if (is_extended(e.type))
			err = scan_extended(s, t, &e);
	}
	return err;
}

/* ---- GPT */

struct gpt {
	u64 first, last;		/* usable blocks */
	u64 entries;			/* block of the array */
	u32 count, size, crc;
};

static u32 crc32(u32 crc, const u8 *p, size_t n)
{
	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static bool gpt_header_valid(const u8 *b, u64 block)
{
	u32 size = le32(b + 12);
	u8 copy[SECTOR];

	if (memcmp(b, "EFI PART", 8) != 0 || size < 92 || size > SECTOR || le64(b + 24) != block)
		return false;
	memcpy(copy, b, size);
	memset(copy + 16, 0, 4);
	return crc32(0, copy, size) == le32(b + 16);
}

/* The array's checksum, over all of it. */
static int gpt_entries_sum(const struct partition_source *s, const struct gpt *g, u32 *sum)
{
	u64 at = g->entries * (s->block_size / SECTOR), left = (u64)g->count * g->size;
	u8 b[SECTOR];

	*sum = 0;
	for (; left; at++) {
		size_t n = min(left, (u64)SECTOR);
		int err = at < s->sectors ? s->read(s, at, b) : -EINVAL;

		if (err)
			return err;
		*sum = crc32(*sum, b, n);
		left -= n;
	}
	return 0;
}

/* 0: sound; -EINVAL: not; other: could not be read. */
static int gpt_read(const struct partition_source *s, u64 block, struct gpt *g)
{
	u64 unit = s->block_size / SECTOR, blocks = s->sectors / unit;
	u8 b[SECTOR];
	u32 sum;
	int err = block < blocks ? s->read(s, block * unit, b) : -EINVAL;

	if (err)
		return err;
	if (!gpt_header_valid(b, block))
		return -EINVAL;
	*g = (struct gpt){ .first = le64(b + 40), .last = le64(b + 48), .entries = le64(b + 72),
			   .count = le32(b + 80), .size = le32(b + 84), .crc = le32(b + 88) };
	/* Sizes are powers of two from 128 on; what shares sectors evenly is simple. */
	if (g->size < 128 || g->size > SECTOR || SECTOR % g->size || g->count > GPT_ENTRIES_MAX ||
	    g->entries >= blocks || g->last >= blocks || g->first > g->last)
		return -EINVAL;
	err = gpt_entries_sum(s, g, &sum);
	return err ? err : sum == g->crc ? 0 : -EINVAL;
}

static int gpt_take(const struct partition_source *s, struct partition_table *t, const struct gpt *g)
{
	static const u8 unused[16];
	u64 unit = s->block_size / SECTOR, at = g->entries * unit;
	u8 b[SECTOR];

	t->kind = "gpt";
	for (unsigned i = 0, per = SECTOR / g->size; i < min(g->count, PARTITIONS_MAX); i++) {
		const u8 *e = b + i % per * g->size;
		int err = i % per ? 0 : s->read(s, at + i / per, b);

		if (err)
			return err;
		u64 first = le64(e + 32), last = le64(e + 40);

		if (memcmp(e, unused, 16) && first >= g->first && last <= g->last && first <= last)
			put(s, t, i + 1, first * unit, (last - first + 1) * unit);
	}
	return 0;
}

static int scan_gpt(const struct partition_source *s, struct partition_table *t)
{
	u64 blocks = s->sectors / (s->block_size / SECTOR);
	struct gpt g;
	int err = gpt_read(s, 1, &g);

	if (err == -EINVAL)
		err = blocks > 2 ? gpt_read(s, blocks - 1, &g) : err;
	return err ? err : gpt_take(s, t, &g);
}

int partition_scan(const struct partition_source *s, struct partition_table *t)
{
	u8 b[SECTOR];

	*t = (struct partition_table){};
	if (s->sectors < 2 || s->block_size < SECTOR || s->block_size % SECTOR)
		return 0;
	int err = s->read(s, 0, b);

	if (err || !mbr_valid(b))
		return err;
	for (unsigned i = 0; i < 4; i++) {
		if (mbr_entry(s, b, i).type == TYPE_GPT) {
			err = scan_gpt(s, t);
			return err == -EINVAL ? 0 : err;
		}
	}
	return scan_mbr(s, t, b);
}
