// SPDX-License-Identifier: MIT
// uses: lib/lz4.c test/host/support.c
// libs: lz4
/* Our LZ4 blocks against the reference library, both ways, and against damage. */
#include <string.h>
#include <lz4.h>
#include "host.h"
#include "lib/lz4.h"

constexpr size_t SIZE = LZ4_INPUT_MAX, ROOM = SIZE + SIZE / 255 + 64;

static struct lz4_table table;
static u8 plain[SIZE], packed[ROOM], back[SIZE];

/* Bytes of very different kinds: noise, runs, few letters, repeats from a distance, words. */
static void make_bytes(u8 *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t run = min(n - at, (size_t)(1 + host_below(host_below(4) ? 40 : 3000)));
		unsigned kind = host_below(5);
		size_t distance = 1 + (at ? host_below((unsigned)at) : 0);
		u8 letter = (u8)host_random();

		for (size_t i = at; i < at + run; i++) {
			if (kind == 0)
				p[i] = (u8)host_random();
			else if (kind == 1 || i < distance)
				p[i] = letter;
			else if (kind == 2)
				p[i] = (u8)('a' + host_below(4));
			else
				p[i] = p[i - distance];
		}
		at += run;
	}
}

static size_t random_size(void)
{
	unsigned kind = host_below(8);

	return kind == 0 ? host_below(20) : kind == 1 ? SIZE : kind < 6 ? 4096 : host_below(SIZE);
}

static void both_libraries_read_what_the_other_wrote(void **state)
{
	host_seed(1);
	for (int i = 0; i < 3000; i++) {
		size_t n = random_size();

		make_bytes(plain, n);
		size_t ours = lz4_compress(plain, n, packed, ROOM, &table);

		assert_true(ours > 0);
		assert_int_equal(LZ4_decompress_safe((char *)packed, (char *)back, (int)ours, (int)n), n);
		assert_memory_equal(back, plain, n);
		memset(back, 0, n);
		assert_int_equal(lz4_decompress(packed, ours, back, n), n);
		assert_memory_equal(back, plain, n);

		int theirs = LZ4_compress_default((char *)plain, (char *)packed, (int)n, ROOM);

		assert_true(theirs > 0);
		memset(back, 0, n);
		assert_int_equal(lz4_decompress(packed, (size_t)theirs, back, n), n);
		assert_memory_equal(back, plain, n);
	}
}

/* On the heap, so that the sanitizer sees a byte too far on either side. */
static void no_room_is_said_and_not_overstepped(void **state)
{
	host_seed(2);
	for (int i = 0; i < 2000; i++) {
		size_t n = 1 + host_below(5000);

		make_bytes(plain, n);
		size_t full = lz4_compress(plain, n, packed, ROOM, &table), room = host_below((unsigned)full + 40);
		u8 *small = malloc(room + 1);
		size_t got = lz4_compress(plain, n, small, room, &table);

		assert_true(got <= room && (got == 0 || got == full));
		if (got)
			assert_memory_equal(small, packed, got);
		free(small);
		u8 *target = malloc(n);

		assert_int_equal(lz4_decompress(packed, full, target, n - 1), -1);
		assert_int_equal(lz4_decompress(packed, full, target, n), n);
		free(target);
	}
}

/* What is damaged is refused or gives some bytes, as in the reference; never an access outside. */
static void damage_does_no_harm(void **state)
{
	unsigned refused = 0, stricter = 0;

	host_seed(3);
	for (int i = 0; i < 20000; i++) {
		size_t n = 1 + host_below(3000), room = 1 + host_below(4000);

		make_bytes(plain, n);
		size_t len = lz4_compress(plain, n, packed, ROOM, &table);

		for (unsigned k = host_below(4); k > 0; k--)
			packed[host_below((unsigned)len)] ^= (u8)(1u << host_below(8));
		if (host_below(4) == 0)
			len = host_below((unsigned)len + 1);
		if (host_below(16) == 0)
			make_bytes(packed, len);
		u8 *input = malloc(len + 1), *target = malloc(room);

		memcpy(input + 1, packed, len);
		long got = lz4_decompress(input + 1, len, target, room);
		int theirs = LZ4_decompress_safe((char *)packed, (char *)back, (int)len, (int)room);

		assert_true(got >= -1 && got <= (long)room);
		/* Either refuses what the other lets pass: it is stricter about how a block ends, we
		 * about a distance of 0. */
		if (theirs >= 0 && got >= 0) {
			assert_int_equal(got, theirs);
			assert_memory_equal(target, back, (size_t)got);
		}
		stricter += got < 0 && theirs >= 0;
		refused += got < 0;
		free(input);
		free(target);
	}
	printf("%u refused, %u by us only\n", refused, stricter);
	assert_true(refused > 1000 && stricter < refused / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_libraries_read_what_the_other_wrote),
		cmocka_unit_test(no_room_is_said_and_not_overstepped),
		cmocka_unit_test(damage_does_no_harm),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
