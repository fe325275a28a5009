// SPDX-License-Identifier: MIT
// uses: test/host/support.c
/* ChaCha20 against RFC 8439, and what the pool promises. */
#include <string.h>
#include "host.h"
#include "lib/random.c"

/* RFC 8439, 2.3.2. */
static void the_block_function_is_chacha20(void **state)
{
	static const u32 input[16] = {
		0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 0x03020100, 0x07060504,
		0x0b0a0908, 0x0f0e0d0c, 0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c,
		0x00000001, 0x09000000, 0x4a000000, 0x00000000,
	};
	static const u32 wanted[16] = {
		0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033,
		0x9aaa2204, 0x4e6cd4c3, 0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
		0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2,
	};
	u8 out[64];

	chacha20_block(input, out);
	assert_memory_equal(out, wanted, sizeof(out));
}

static void requests_of_any_size_differ_and_stay_inside(void **state)
{
	u8 a[300], b[300];

	for (size_t n = 8; n < 260; n++) {
		memset(a, 0, sizeof(a));
		memset(b, 0, sizeof(b));
		random_bytes(a, n);
		random_bytes(b, n);
		assert_memory_not_equal(a, b, n);
		for (size_t i = n; i < sizeof(a); i++)
			assert_int_equal(a[i], 0);
		/* The last bytes are filled as well: not 8 zeros but once in 2^64. */
		assert_memory_not_equal(a + n - 8, (u8[8]){}, 8);
	}
}

static void what_is_given_out_is_not_kept(void **state)
{
	u8 out[KEY_WORDS * 4];
	u32 before[KEY_WORDS];

	memcpy(before, pool, sizeof(pool));
	random_bytes(out, sizeof(out));
	assert_memory_not_equal(pool, before, sizeof(pool));
	assert_memory_not_equal(pool, out, sizeof(out));
}

static void bits_are_balanced(void **state)
{
	static u8 bytes[1 << 16];
	u64 ones = 0;

	random_add("noise", 5);
	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		ones += (u64)__builtin_popcount(bytes[i]);
	assert_in_range(ones, (1 << 18) - 4000, (1 << 18) + 4000);
}

static void below_reaches_all_and_no_more(void **state)
{
	unsigned seen[7] = {};

	for (int i = 0; i < 7000; i++) {
		u64 r = random_below(7);

		assert_true(r < 7);
		seen[r]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 800, 1200);
	assert_int_equal(random_below(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block_function_is_chacha20),
		cmocka_unit_test(requests_of_any_size_differ_and_stay_inside),
		cmocka_unit_test(what_is_given_out_is_not_kept),
		cmocka_unit_test(bits_are_balanced),
		cmocka_unit_test(below_reaches_all_and_no_more),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
