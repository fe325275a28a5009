// SPDX-License-Identifier: MIT
// uses: test/host/support.c
/* lib/printf.c against the host's printf, over generated formats. */
#include <string.h>
#include "host.h"

#define vsnprintf q_vsnprintf
#define snprintf q_snprintf
#include "lib/printf.c"
#undef vsnprintf
#undef snprintf

#define check(...)                                                                     \
	do {                                                                           \
		char a[300], b[300];                                                   \
		int na = q_snprintf(a, sizeof(a), __VA_ARGS__);                        \
		int nb = snprintf(b, sizeof(b), __VA_ARGS__);                          \
		assert_string_equal(a, b);                                             \
		assert_int_equal(na, nb);                                              \
	} while (0)

#pragma clang diagnostic ignored "-Wformat"
#pragma clang diagnostic ignored "-Wformat-nonliteral"

static const u64 values[] = { 0, 1, 7, 8, 10, 127, 128, 255, 256, 65535, 0x7fffffff, 0x80000000,
			      0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ul,
			      1234567890123 };

static void check_values(const char *flags, const char *width, const char *precision,
			 const char *length, char conv)
{
	char fmt[32];

	snprintf(fmt, sizeof(fmt), "<%%%s%s%s%s%c>", flags, width, precision, length, conv);
	for (size_t v = 0; v < ARRAY_SIZE(values); v++)
		check(fmt, values[v]);
}

/* %[flags][width][.precision][length]conversion with each part from its list. */
static void numbers_in_every_format(void **state)
{
	static const char *const flags[] = { "", "-", "0", "+", " ", "#", "-0", "+0", "#0", "-#" };
	static const char *const widths[] = { "", "1", "5", "24" };
	static const char *const precisions[] = { "", ".", ".0", ".1", ".6", ".22" };
	static const char *const lengths[] = { "", "hh", "h", "l", "ll", "z", "j", "t" };

	for (const char *conv = "diuxXo"; *conv; conv++)
		for (size_t f = 0; f < ARRAY_SIZE(flags); f++)
			for (size_t w = 0; w < ARRAY_SIZE(widths); w++)
				for (size_t p = 0; p < ARRAY_SIZE(precisions); p++)
					for (size_t l = 0; l < ARRAY_SIZE(lengths); l++)
						check_values(flags[f], widths[w], precisions[p],
							     lengths[l], *conv);
}

static void stars_strings_and_characters(void **state)
{
	check("%*d|%-*d|%.*d|%*.*d", 6, 42, 6, 42, 4, 7, 8, 3, -5);
	check("%*d|%.*d", -6, 42, -1, 0);
	check("%s|%10s|%-10s|%.2s|%10.3s|%.0s|", "abc", "abc", "abc", "abc", "abcdef", "abc");
	check("%c|%3c|%-3c|%%|100%%", 'x', 'y', 'z');
	check("%p %20p %-20p|", (void *)0x1234, (void *)0xffff0000, (void *)1);
	check("no conversion");
	check("");
}

static void a_null_string_is_named(void **state)
{
	char buf[20];

	assert_int_equal(q_snprintf(buf, sizeof(buf), "%s", nullptr), 6);
	assert_string_equal(buf, "(null)");
}

static void never_writes_past_the_size(void **state)
{
	char buf[16];

	for (size_t size = 0; size <= 12; size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(q_snprintf(buf, size, "%s-%05d", "abc", 42), 9);
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], '#');
		if (size)
			assert_memory_equal(buf, "abc-00042", min(size - 1, 9ul));
		if (size)
			assert_int_equal(buf[min(size - 1, 9ul)], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_in_every_format),
		cmocka_unit_test(stars_strings_and_characters),
		cmocka_unit_test(a_null_string_is_named),
		cmocka_unit_test(never_writes_past_the_size),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
