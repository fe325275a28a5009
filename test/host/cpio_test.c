// SPDX-License-Identifier: MIT
// uses: fs/cpio.c test/host/support.c lib/string.c
/* fs/cpio.c: archives as they come, cut off and damaged. */
#include "host.h"
#include "fs/cpio.h"
#include "lib/string.h"

static char archive[65536];
static size_t length;

static void begin(void) { length = 0; }

static void put(const void *bytes, size_t n)
{
	assert_true(length + n <= sizeof(archive));
	memcpy(archive + length, bytes, n);
	length += n;
}

static void pad_to(size_t to)
{
	while (length % to)
		put("", 1);
}

static void entry(const char *name, unsigned mode, unsigned ino, unsigned nlink, const char *data)
{
	char head[128];
	size_t n = data ? strlen(data) : 0;

	sprintf(head, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", ino, mode,
		1000, 100, nlink, 1704067200, n, 8, 1, 4, 65, strlen(name) + 1, 0);
	put(head, 110);
	put(name, strlen(name) + 1);
	pad_to(4);
	put(data, n);
	pad_to(4);
}

static void trailer(void) { entry("TRAILER!!!", 0, 0, 1, nullptr); }

/* The bytes in memory of exactly their size, so that the sanitizer sees any read behind them. */
static int walk(size_t n, unsigned *entries)
{
	char *copy = malloc(n ? n : 1);
	struct cpio_entry e;
	size_t at = 0;
	int kind;

	memcpy(copy, archive, n);
	*entries = 0;
	while ((kind = cpio_next(copy, n, &at, &e)) > 0) {
		assert_true(at <= n);
		if (kind != CPIO_ENTRY)
			continue;
		++*entries;
		assert_true(e.name >= copy && e.name + e.name_len < copy + n);
		assert_true((char *)e.data + e.size <= copy + n);
	}
	free(copy);
	return kind;
}

static void reads_what_is_there(void **state)
{
	struct cpio_entry e;
	size_t at = 0;

	begin();
	entry("./bin/sh", 0100755, 42, 2, "hello");
	trailer();
	assert_int_equal(cpio_next(archive, length, &at, &e), CPIO_ENTRY);
	assert_string_equal(e.name, "bin/sh");
	assert_int_equal(e.name_len, 6);
	assert_int_equal(e.mode, 0100755);
	assert_int_equal(e.ino, 42);
	assert_int_equal(e.nlink, 2);
	assert_int_equal(e.uid, 1000);
	assert_int_equal(e.gid, 100);
	assert_int_equal(e.mtime, 1704067200);
	assert_int_equal(e.dev_major, 8);
	assert_int_equal(e.rdev_major, 4);
	assert_int_equal(e.rdev_minor, 65);
	assert_int_equal(e.size, 5);
	assert_memory_equal(e.data, "hello", 5);
	assert_int_equal(cpio_next(archive, length, &at, &e), CPIO_TRAILER);
	assert_int_equal(cpio_next(archive, length, &at, &e), CPIO_END);
	assert_int_equal(at, length);
}

static void strips_leading_slashes_and_dots(void **state)
{
	static const char *const names[][2] = { { "/a", "a" },  { ".//a", "a" }, { "././a", "a" },
						{ ".", "." },   { "./", "" },    { "..", ".." },
						{ ".a", ".a" }, { "//", "" } };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct cpio_entry e;
		size_t at = 0;

		begin();
		entry(names[i][0], 0040755, 1, 1, nullptr);
		assert_int_equal(cpio_next(archive, length, &at, &e), CPIO_ENTRY);
		assert_string_equal(e.name, names[i][1]);
		assert_int_equal(e.name_len, strlen(names[i][1]));
	}
}

static void reads_several_archives_with_zeros_between(void **state)
{
	unsigned entries;

	begin();
	entry("a", 0100644, 1, 1, "1");
	trailer();
	pad_to(512);
	entry("b", 0100644, 1, 1, "22");
	entry("c", 0100644, 1, 1, "");
	trailer();
	put("\0\0\0\0\0", 5);
	assert_int_equal(walk(length, &entries), CPIO_END);
	assert_int_equal(entries, 3);
}

static void takes_an_archive_without_trailer(void **state)
{
	unsigned entries;

	begin();
	assert_int_equal(walk(0, &entries), CPIO_END);
	entry("a", 0100644, 1, 1, "123");
	assert_int_equal(walk(length - 1, &entries), CPIO_END);	/* the last padding may be
								 * missing */
	assert_int_equal(entries, 1);
}

static void refuses_what_is_cut_off(void **state)
{
	unsigned entries;

	begin();
	entry("name", 0100644, 1, 1, "contents");
	size_t whole = length;

	for (size_t n = 1; n < whole; n++)
		assert_int_equal(walk(n, &entries), -EINVAL);
	assert_int_equal(walk(whole, &entries), CPIO_END);
}

static void refuses_other_formats(void **state)
{
	struct cpio_entry e;
	size_t at = 0;

	begin();
	put("\x1f\x8b\x08 this would be gzip, and much too short for a header of cpio anyway", 70);
	pad_to(128);
	assert_int_equal(cpio_next(archive, length, &at, &e), -EINVAL);
	begin();
	entry("a", 0, 1, 1, nullptr);
	archive[20] = 'g';	/* no hexadecimal digit */
	at = 0;
	assert_int_equal(cpio_next(archive, length, &at, &e), -EINVAL);
}

static void refuses_names_without_end(void **state)
{
	struct cpio_entry e;
	size_t at = 0;

	begin();
	entry("abc", 0100644, 1, 1, "data");
	archive[110 + 3] = 'x';
	assert_int_equal(cpio_next(archive, length, &at, &e), -EINVAL);
	begin();
	entry("abc", 0100644, 1, 1, "data");
	memcpy(archive + 6 + 11 * 8, "00000000", 8);
	at = 0;
	assert_int_equal(cpio_next(archive, length, &at, &e), -EINVAL);
	memcpy(archive + 6 + 11 * 8, "FFFFFFFF", 8);
	at = 0;
	assert_int_equal(cpio_next(archive, length, &at, &e), -EINVAL);
}

/* Every single byte replaced by every value that matters: no read beyond the bytes, always an
 * end. */
static void survives_damage(void **state)
{
	static const char values[] = { 0, '0', '1', '7', 'F', 'f', 'g', '/', '.', -1 };
	unsigned entries;

	begin();
	entry("dir", 0040755, 1, 2, nullptr);
	entry("dir/file", 0100644, 2, 1, "some contents");
	trailer();
	for (size_t i = 0; i < length; i++) {
		char old = archive[i];

		for (unsigned v = 0; v < sizeof(values); v++) {
			archive[i] = values[v];
			int end = walk(length, &entries);

			assert_true(end == CPIO_END || end == -EINVAL);
		}
		archive[i] = old;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_there),
		cmocka_unit_test(strips_leading_slashes_and_dots),
		cmocka_unit_test(reads_several_archives_with_zeros_between),
		cmocka_unit_test(takes_an_archive_without_trailer),
		cmocka_unit_test(refuses_what_is_cut_off),
		cmocka_unit_test(refuses_other_formats),
		cmocka_unit_test(refuses_names_without_end),
		cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
