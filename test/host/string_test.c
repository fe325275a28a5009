// SPDX-License-Identifier: MIT
// uses: test/host/support.c
/* lib/string.c against the host's C library, at every alignment and size up to a few loops. */
#include <string.h>
#include "host.h"

/* The sources under other names, so that both exist. */
#define memcpy q_memcpy
#define memmove q_memmove
#define memset q_memset
#define memcmp q_memcmp
#define memchr q_memchr
#define strlen q_strlen
#define strnlen q_strnlen
#define strcmp q_strcmp
#define strncmp q_strncmp
#define strchr q_strchr
#define strrchr q_strrchr
#define strstr q_strstr
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr

constexpr size_t ROOM = 512, SIZES = 220;

static u8 ours[ROOM], theirs[ROOM];

static void fill(void)
{
	for (size_t i = 0; i < ROOM; i++)
		ours[i] = theirs[i] = (u8)host_random();
}

static void copies_any_size_and_alignment(void **state)
{
	u8 src[ROOM];

	for (size_t i = 0; i < ROOM; i++)
		src[i] = (u8)host_random();
	for (size_t n = 0; n < SIZES; n++)
		for (size_t from = 0; from < 9; from++)
			for (size_t to = 32; to < 41; to++) {
				fill();
				assert_ptr_equal(q_memcpy(ours + to, src + from, n), ours + to);
				memcpy(theirs + to, src + from, n);
				assert_memory_equal(ours, theirs, ROOM);
			}
}

static void moves_overlapping_ranges(void **state)
{
	for (size_t n = 0; n < SIZES; n++)
		for (int distance = -70; distance <= 70; distance++) {
			fill();
			q_memmove(ours + 100 + distance, ours + 100, n);
			memmove(theirs + 100 + distance, theirs + 100, n);
			assert_memory_equal(ours, theirs, ROOM);
		}
}

static void sets_any_size_and_alignment(void **state)
{
	for (size_t n = 0; n < SIZES; n++)
		for (size_t to = 0; to < 17; to++) {
			fill();
			q_memset(ours + to, 0x1c3, n);
			memset(theirs + to, 0x1c3, n);
			assert_memory_equal(ours, theirs, ROOM);
		}
}

static int sign(int v) { return (v > 0) - (v < 0); }

static void compares_like_the_host(void **state)
{
	for (int i = 0; i < 200000; i++) {
		char a[40], b[40];
		size_t n = host_below(32);

		for (size_t j = 0; j < sizeof(a); j++)
			a[j] = b[j] = "ab\xff"[host_below(3)];
		if (host_below(3))
			b[host_below(sizeof(b))] = (char)host_below(256);
		a[host_below(sizeof(a))] = a[sizeof(a) - 1] = 0;
		b[sizeof(b) - 1] = 0;
		assert_int_equal(sign(q_memcmp(a, b, n)), sign(memcmp(a, b, n)));
		assert_int_equal(sign(q_strcmp(a, b)), sign(strcmp(a, b)));
		assert_int_equal(sign(q_strncmp(a, b, n)), sign(strncmp(a, b, n)));
	}
}

static void searches_like_the_host(void **state)
{
	static const char *const texts[] = { "", "a", "/", "/usr/lib/x", "abcabcabd", "a=b=c" };
	static const char *const parts[] = { "", "a", "abcabd", "/usr", "b=c", "zz", "/" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *s = texts[i];

		for (int c = 0; c < 128; c++) {
			assert_ptr_equal(q_strchr(s, c), strchr(s, c));
			assert_ptr_equal(q_strrchr(s, c), strrchr(s, c));
			assert_ptr_equal(q_memchr(s, c, strlen(s)), memchr(s, c, strlen(s)));
		}
		for (size_t j = 0; j < ARRAY_SIZE(parts); j++)
			assert_ptr_equal(q_strstr(s, parts[j]), strstr(s, parts[j]));
		assert_int_equal(q_strlen(s), strlen(s));
		for (size_t n = 0; n < 12; n++)
			assert_int_equal(q_strnlen(s, n), strnlen(s, n));
	}
}

static void mem_other_finds_the_first_byte(void **state)
{
	u8 bytes[80];

	for (size_t n = 0; n < 70; n++)
		for (size_t at = 0; at <= n; at++) {
			memset(bytes, 0x6b, sizeof(bytes));
			bytes[3 + at] = 0x6a;
			assert_ptr_equal(mem_other(bytes + 3, 0x6b, n),
					 at < n ? bytes + 3 + at : nullptr);
		}
}

static void str_copy_terminates_and_tells_the_length(void **state)
{
	char buf[6] = "xxxxx";

	assert_int_equal(str_copy(buf, "abcdefgh", sizeof(buf)), 8);
	assert_string_equal(buf, "abcde");
	assert_int_equal(str_copy(buf, "abc", sizeof(buf)), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(str_copy(buf, "abc", 1), 3);
	assert_string_equal(buf, "");
}

static void numbers_parse(void **state)
{
	static const struct {
		const char *text;
		u64 value;
		size_t used;
	} cases[] = {
		{ "", 0, 0 }, { "x", 0, 0 }, { "-1", 0, 0 }, { "0", 0, 1 }, { "12,", 12, 2 },
		{ "0x1F ", 31, 4 }, { "0x", 0, 1 }, { "0xg", 0, 1 }, { "017", 15, 3 },
		{ "08", 0, 1 },
		{ "1K", 1024, 2 }, { "3m", 3 << 20, 2 }, { "2G", 2ul << 30, 2 },
		{ "0x10k", 16384, 5 }, { "18446744073709551615", ~0ul, 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *end;

		assert_int_equal(str_number(cases[i].text, &end), cases[i].value);
		assert_int_equal(end - cases[i].text, cases[i].used);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_any_size_and_alignment),
		cmocka_unit_test(moves_overlapping_ranges),
		cmocka_unit_test(sets_any_size_and_alignment),
		cmocka_unit_test(compares_like_the_host),
		cmocka_unit_test(searches_like_the_host),
		cmocka_unit_test(mem_other_finds_the_first_byte),
		cmocka_unit_test(str_copy_terminates_and_tells_the_length),
		cmocka_unit_test(numbers_parse),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
