// SPDX-License-Identifier: MIT
// uses: dev/vt.c dev/vt_escape.c lib/printf.c test/host/support.c
/* The console's screen: what sequences do to cells. */
#include <string.h>
#include "host.h"
#include "dev/vt.h"

constexpr unsigned COLS = 20, ROWS = 6;

static u32 cells[COLS * ROWS];
static struct vt v;
static char answered[100];

static void answer(struct vt *t, const char *s, size_t n)
{
	strncat(answered, s, n);
}

static void fresh(const char *text)
{
	vt_init(&v, cells, COLS, ROWS);
	v.answer = answer;
	answered[0] = 0;
	vt_write(&v, (const u8 *)text, strlen(text));
}

/* A row as text: what is not ASCII is a '#'; blanks at the end are cut. */
static const char *row(unsigned y)
{
	static char text[ROWS][COLS + 1];
	unsigned end = 0;

	for (unsigned x = 0; x < COLS; x++) {
		u32 c = cells[y * COLS + x] & VT_CHAR;

		text[y][x] = c < 0x80 ? (char)c : '#';
		end = c == ' ' ? end : x + 1;
	}
	text[y][end] = 0;
	return text[y];
}

static u32 cell(unsigned x, unsigned y) { return cells[y * COLS + x]; }
static u32 fg(unsigned x) { return cell(x, 0) >> VT_FG_SHIFT & 15; }
static u32 bg(unsigned x) { return cell(x, 0) >> VT_BG_SHIFT & 15; }

static void text_wraps_only_when_more_comes(void **state)
{
	fresh("12345678901234567890");
	assert_int_equal(v.y, 0);
	fresh("12345678901234567890\r\nx");
	assert_string_equal(row(1), "x");
	fresh("12345678901234567890abc");
	assert_string_equal(row(1), "abc");
	fresh("\33[?7l12345678901234567890abc");
	assert_string_equal(row(0), "1234567890123456789c");
}

static void lines_scroll_at_the_end_of_the_region(void **state)
{
	fresh("a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng");
	assert_string_equal(row(0), "b");
	assert_string_equal(row(5), "g");
	fresh("a\r\nb\r\nc\r\nd\r\ne\r\nf\33[2;4r\33[4;1H\nX\33[2;1H\33MY");
	assert_string_equal(row(0), "a");
	assert_string_equal(row(1), "Y");
	assert_string_equal(row(2), "c");
	assert_string_equal(row(3), "d");
	assert_string_equal(row(4), "e");
}

static void erasing_keeps_what_it_should(void **state)
{
	fresh("abcdef\33[3D\33[K");
	assert_string_equal(row(0), "abc");
	fresh("abcdef\33[3D\33[1K");
	assert_string_equal(row(0), "    ef");
	fresh("a\r\nb\r\nc\33[2;1H\33[J");
	assert_string_equal(row(0), "a");
	assert_string_equal(row(1), "");
	assert_string_equal(row(2), "");
	fresh("a\r\nb\33[44m\33[2J");
	assert_string_equal(row(0), "");
	assert_int_equal(bg(3), 4);
}

static void characters_and_lines_go_in_and_out(void **state)
{
	fresh("abcdef\33[1;3H\33[2@");
	assert_string_equal(row(0), "ab  cdef");
	fresh("abcdef\33[1;3H\33[2P");
	assert_string_equal(row(0), "abef");
	fresh("abcdef\33[1;3H\33[2X");
	assert_string_equal(row(0), "ab  ef");
	fresh("a\r\nb\r\nc\33[2;1H\33[L");
	assert_string_equal(row(2), "b");
	fresh("a\r\nb\r\nc\33[1;1H\33[M");
	assert_string_equal(row(0), "b");
}

static void colours_are_the_pens(void **state)
{
	fresh("\33[31;42mx\33[1my\33[7mz\33[0m-\33[38;5;21mb\33[38;2;0;255;0mg\33[94mB");
	assert_int_equal(fg(0), 1);
	assert_int_equal(bg(0), 2);
	assert_int_equal(fg(1), 9);
	assert_int_equal(fg(2), 2);
	assert_int_equal(bg(2), 9);
	assert_int_equal(fg(3), 7);
	assert_int_equal(fg(4), 12);
	assert_int_equal(fg(5), 10);
	assert_int_equal(fg(6), 12);
}

static void utf8_is_decoded_and_damage_is_one_mark(void **state)
{
	fresh("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_int_equal(cell(0, 0) & VT_CHAR, 0xe4);
	assert_int_equal(cell(1, 0) & VT_CHAR, 0x20ac);
	assert_int_equal(cell(2, 0) & VT_CHAR, 0xfffd);
	fresh("\xe2\x82x\x80y\xe0\x80\x80z");
	assert_string_equal(row(0), "#x#y#z");
	fresh("\33(0lqk\33(Bl");
	assert_int_equal(cell(0, 0) & VT_CHAR, 0x250c);
	assert_int_equal(cell(1, 0) & VT_CHAR, 0x2500);
	assert_int_equal(cell(3, 0) & VT_CHAR, 'l');
}

static void questions_are_answered(void **state)
{
	fresh("ab\33[6n\33[c\33[5n");
	assert_string_equal(answered, "\33[1;3R\33[?6c\33[0n");
}

static void unknown_sequences_leave_no_trace(void **state)
{
	fresh("a\33]0;title\a\33[?2004h\33[>1;2c\33[1 q\33#8\33=b");
	assert_string_equal(row(0), "ab");
}

/* Any bytes at all: the cursor stays on the screen, cells stay cells. The sanitizers watch. */
static void noise_does_no_harm(void **state)
{
	static const char set[] = "\33[[[;;?0123456789@ABCDEFGHJKLMPSTXdefhlmnrsu\n\r\b\t78DEMc(0\xe2\x82\xac";
	u32 seed = 1;

	fresh("");
	for (unsigned i = 0; i < 2'000'000; i++) {
		seed = seed * 1664525 + 1013904223;
		u8 c = seed >> 31 ? (u8)set[(seed >> 8) % (sizeof(set) - 1)] : (u8)(seed >> 16);

		vt_write(&v, &c, 1);
		assert_true(v.x < COLS && v.y < ROWS && v.top < v.bottom && v.bottom <= ROWS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_wraps_only_when_more_comes),
		cmocka_unit_test(lines_scroll_at_the_end_of_the_region),
		cmocka_unit_test(erasing_keeps_what_it_should),
		cmocka_unit_test(characters_and_lines_go_in_and_out),
		cmocka_unit_test(colours_are_the_pens),
		cmocka_unit_test(utf8_is_decoded_and_damage_is_one_mark),
		cmocka_unit_test(questions_are_answered),
		cmocka_unit_test(unknown_sequences_leave_no_trace),
		cmocka_unit_test(noise_does_no_harm),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
