// SPDX-License-Identifier: MIT
// uses: fs/partition.c test/host/support.c
/* Partition tables: what is right is found; whatever the bytes are, nothing outside the disk comes out, and reading ends. The
 * sanitizer watches the parser's own steps. */
#include <string.h>
#include "crc32.h"
#include "host.h"
#include "fs/partition.h"
#include "lib/errno.h"

constexpr unsigned SECTORS = 400;

static u8 disk[SECTORS][512];
static unsigned reads;

static int read_disk(const struct partition_source *s, u64 sector, void *buf)
{
	assert_true(sector < s->sectors);
	if (s->data)
		return -EIO;
	memcpy(buf, disk[sector], 512);
	reads++;
	return 0;
}

static struct partition_source source = { .read = read_disk, .sectors = SECTORS, .block_size = 512 };

static void put32(u8 *p, u32 v) { memcpy(p, &v, 4); }
static void put64(u8 *p, u64 v) { memcpy(p, &v, 8); }

static void entry(unsigned sector, unsigned i, u8 type, u32 start, u32 sectors)
{
	u8 *e = disk[sector] + 446 + 16 * i;

	e[4] = type;
	put32(e + 8, start);
	put32(e + 12, sectors);
	disk[sector][510] = 0x55;
	disk[sector][511] = 0xaa;
}

static void gpt_header(unsigned at, unsigned entries)
{
	u8 *h = disk[at];

	memcpy(h, "EFI PART", 8);
	put32(h + 12, 92);
	put32(h + 16, 0);
	put64(h + 24, at);
	put64(h + 40, 34);
	put64(h + 48, SECTORS - 34);
	put64(h + 72, entries);
	put32(h + 80, 128);
	put32(h + 84, 128);
	put32(h + 88, crc32((u8 *)disk + 512 * entries, 128 * 128));
	put32(h + 16, crc32(h, 92));
}

static void gpt_part(unsigned entries, unsigned i, u64 first, u64 last)
{
	u8 *e = (u8 *)disk + 512 * entries + 128 * i;

	memset(e, 0x11, 32);
	put64(e + 32, first);
	put64(e + 40, last);
}

static int setup(void **state)
{
	memset(disk, 0, sizeof(disk));
	reads = 0;
	return 0;
}

static void make_gpt(void)
{
	entry(0, 0, 0xee, 1, SECTORS - 1);
	for (unsigned i = 0; i < 2; i++) {
		unsigned entries = i ? SECTORS - 33 : 2;

		gpt_part(entries, 0, 40, 99);
		gpt_part(entries, 4, 100, 100);
		gpt_part(entries, 5, 10, 100);		/* begins below what may be used */
		gpt_part(entries, 6, 100, SECTORS);	/* ends behind the disk */
		gpt_part(entries, 7, 200, 150);
	}
	gpt_header(1, 2);
	gpt_header(SECTORS - 1, SECTORS - 33);
}

static void check_gpt(const struct partition_table *t)
{
	assert_string_equal(t->kind, "gpt");
	assert_true(t->part[0].start == 40 && t->part[0].sectors == 60);
	assert_true(t->part[4].start == 100 && t->part[4].sectors == 1);
	for (unsigned i = 1; i < PARTITIONS_MAX; i++)
		assert_true(i == 4 || !t->part[i].sectors);
}

static void gpt_is_read(void **state)
{
	struct partition_table t;

	make_gpt();
	assert_int_equal(partition_scan(&source, &t), 0);
	check_gpt(&t);
}

static void second_gpt_stands_in(void **state)
{
	struct partition_table t;

	make_gpt();
	disk[3][7] ^= 1;	/* the first array's checksum is wrong now */
	assert_int_equal(partition_scan(&source, &t), 0);
	check_gpt(&t);
	disk[SECTORS - 1][9] ^= 1;
	assert_int_equal(partition_scan(&source, &t), 0);
	assert_null(t.kind);
}

static void mbr_with_logical_partitions(void **state)
{
	struct partition_table t;

	entry(0, 0, 0x0c, 8, 92);
	entry(0, 1, 5, 100, 200);
	entry(0, 2, 0x83, 399, 2);		/* too long */
	entry(100, 0, 0x83, 2, 10);
	entry(100, 1, 5, 50, 50);
	entry(150, 0, 0x83, 2, 20);
	assert_int_equal(partition_scan(&source, &t), 0);
	assert_string_equal(t.kind, "dos");
	assert_true(t.part[0].start == 8 && t.part[0].sectors == 92);
	assert_true(t.part[1].start == 100 && t.part[1].sectors == 2);
	assert_int_equal(t.part[2].sectors, 0);
	assert_true(t.part[4].start == 102 && t.part[4].sectors == 10);
	assert_true(t.part[5].start == 152 && t.part[5].sectors == 20);
}

static void chain_in_a_ring_ends(void **state)
{
	struct partition_table t;

	entry(0, 0, 5, 100, 200);
	entry(100, 0, 0x83, 2, 10);
	entry(100, 1, 5, 50, 50);
	entry(150, 0, 0x83, 2, 20);
	entry(150, 1, 5, 50, 50);
	assert_int_equal(partition_scan(&source, &t), 0);
	assert_true(reads < 20);
}

static void errors_come_back(void **state)
{
	struct partition_source broken = source;
	struct partition_table t;

	broken.data = disk;
	assert_int_equal(partition_scan(&broken, &t), -EIO);
}

static void damage(void **state)
{
	struct partition_table t;

	host_seed(3);
	for (unsigned round = 0; round < 30000; round++) {
		setup(nullptr);
		if (round % 2)
			make_gpt();
		else
			mbr_with_logical_partitions(nullptr);
		for (unsigned n = 1 + host_below(12); n; n--) {
			static const unsigned targets[] = { 0, 1, 2, 3, 100, 150, SECTORS - 33, SECTORS - 1 };
			unsigned at = targets[host_below(ARRAY_SIZE(targets))];

			disk[at][at == 0 ? 446 + host_below(64) : host_below(100)] = (u8)host_random();
		}
		if (round % 4 == 3)	/* checksums that fit the damage: the bounds must hold by themselves */
			put32(disk[1] + 16, 0), put32(disk[1] + 16, crc32(disk[1], 92));
		reads = 0;
		assert_int_equal(partition_scan(&source, &t), 0);
		assert_true(reads < 400);
		for (unsigned i = 0; i < PARTITIONS_MAX; i++) {
			const struct partition *p = &t.part[i];

			assert_true(!p->sectors || (p->start < SECTORS && p->sectors <= SECTORS - p->start));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(gpt_is_read, setup),
		cmocka_unit_test_setup(second_gpt_stands_in, setup),
		cmocka_unit_test_setup(mbr_with_logical_partitions, setup),
		cmocka_unit_test_setup(chain_in_a_ring_ends, setup),
		cmocka_unit_test_setup(errors_come_back, setup),
		cmocka_unit_test_setup(damage, setup),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
