// SPDX-License-Identifier: MIT
// uses: mm/user.c test/host/support.c
// cpus: arm64 x86_64
/* The edges of user memory: a machine whose user memory is one page below USER_END, every byte
 * of it 'u'. */
#include <string.h>
#include "host.h"
#include "mm/user.h"
#include "arch/arch.h"

constexpr va_t PAGE_START = USER_END - PAGE_SIZE;

static char memory[PAGE_SIZE];
static unsigned calls;

/* The machine must never see an address that is not below USER_END. */
static size_t part(va_t addr, size_t n)
{
	assert_true(n > 0 && addr < USER_END && n <= USER_END - addr);
	calls++;
	return addr < PAGE_START ? 0 : n;
}

size_t arch_copy_from_user(void *dst, va_t src, size_t n)
{
	size_t done = part(src, n);

	memcpy(dst, memory + (src & ~PAGE_MASK), done);
	return n - done;
}

size_t arch_copy_to_user(va_t dst, const void *src, size_t n)
{
	size_t done = part(dst, n);

	memcpy(memory + (dst & ~PAGE_MASK), src, done);
	return n - done;
}

int arch_user_load64(va_t uaddr, u64 *value)
{
	return arch_copy_from_user(value, uaddr, sizeof(*value)) ? -EFAULT : 0;
}

int arch_user_store64(va_t uaddr, u64 value)
{
	return arch_copy_to_user(uaddr, &value, sizeof(value)) ? -EFAULT : 0;
}

size_t arch_clear_user(va_t dst, size_t n)
{
	size_t done = part(dst, n);

	memset(memory + (dst & ~PAGE_MASK), 0, done);
	return n - done;
}

long arch_strncpy_from_user(char *dst, va_t src, size_t n)
{
	if (part(src, n) == 0)
		return -EFAULT;
	const char *s = memory + (src & ~PAGE_MASK), *end = memchr(s, 0, n);

	memcpy(dst, s, end ? (size_t)(end - s) + 1 : n);
	return end ? end - s : (long)n;
}

static int fill(void **state)
{
	memset(memory, 'u', sizeof(memory));
	return 0;
}

static void ranges_end_below_the_end(void **state)
{
	assert_true(user_range_ok(0, 0));
	assert_true(user_range_ok(USER_END, 0));
	assert_true(user_range_ok(0, USER_END));
	assert_true(user_range_ok(USER_END - 1, 1));
	assert_false(user_range_ok(USER_END - 1, 2));
	assert_false(user_range_ok(USER_END + 1, 0));
	assert_false(user_range_ok(8, ~0ul));
	assert_false(user_range_ok(~0ul, 1));
	assert_false(user_range_ok(0xffff000000000000, 8));
}

static void copies_are_whole_or_an_error(void **state)
{
	char buf[64] = {};

	assert_int_equal(copy_from_user(buf, USER_END - 10, 10), 0);
	assert_memory_equal(buf, "uuuuuuuuuu", 11);
	assert_int_equal(copy_from_user(buf, USER_END - 10, 11), -EFAULT);
	assert_int_equal(copy_to_user(USER_END - 10, buf, 11), -EFAULT);
	assert_int_equal(clear_user(USER_END - 10, 11), -EFAULT);
	assert_int_equal(copy_from_user(buf, 0x1000, 1), -EFAULT);
	assert_int_equal(copy_to_user(PAGE_START, "ab", 2), 0);
	assert_int_equal(clear_user(PAGE_START + 1, 1), 0);
	assert_memory_equal(memory, "a\0u", 3);
	assert_int_equal(copy_to_user(~0ul, buf, 1), -EFAULT);
}

static void nothing_is_copied_without_the_machine(void **state)
{
	calls = 0;
	assert_int_equal(copy_from_user(nullptr, 0x1000, 0), 0);
	assert_int_equal(copy_to_user(0x1000, nullptr, 0), 0);
	assert_int_equal(clear_user(0x1000, 0), 0);
	assert_int_equal(copy_from_user_partial(nullptr, USER_END, 5), 0);
	assert_int_equal(copy_to_user_partial(~0ul, nullptr, 5), 0);
	assert_int_equal(calls, 0);
}

static void partial_copies_stop_at_the_end(void **state)
{
	char buf[64];

	assert_int_equal(copy_from_user_partial(buf, USER_END - 3, 20), 3);
	assert_int_equal(copy_to_user_partial(USER_END - 3, buf, 20), 3);
	assert_int_equal(copy_from_user_partial(buf, 0x1000, 20), 0);
}

static void strings_end_fit_or_fail(void **state)
{
	char buf[8];

	memcpy(memory, "four", 5);
	assert_int_equal(copy_string_from_user(buf, PAGE_START, sizeof(buf)), 4);
	assert_string_equal(buf, "four");
	assert_int_equal(copy_string_from_user(buf, PAGE_START, 5), 4);
	assert_int_equal(copy_string_from_user(buf, PAGE_START, 4), -ENAMETOOLONG);
	assert_int_equal(copy_string_from_user(buf, USER_END - 3, sizeof(buf)), -EFAULT);
	assert_int_equal(copy_string_from_user(buf, USER_END - 8, sizeof(buf)), -ENAMETOOLONG);
	memory[PAGE_SIZE - 1] = 0;
	assert_int_equal(copy_string_from_user(buf, USER_END - 3, sizeof(buf)), 2);
	assert_int_equal(copy_string_from_user(buf, 0x1000, sizeof(buf)), -EFAULT);
	assert_int_equal(copy_string_from_user(buf, USER_END, sizeof(buf)), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ranges_end_below_the_end, fill),
		cmocka_unit_test_setup(copies_are_whole_or_an_error, fill),
		cmocka_unit_test_setup(nothing_is_copied_without_the_machine, fill),
		cmocka_unit_test_setup(partial_copies_stop_at_the_end, fill),
		cmocka_unit_test_setup(strings_end_fit_or_fail, fill),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
