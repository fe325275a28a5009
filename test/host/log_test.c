// SPDX-License-Identifier: MIT
// uses: lib/printf.c test/host/support.c
/* The log: what is kept, what is shown where, what happens when a writer is interrupted.
 * Compiled in here, for its state. */
#include <string.h>
#include "host.h"

static char early[4000];

#include "lib/log.c"

void arch_early_putc(char c)
{
	size_t n = strlen(early);

	if (n < sizeof(early) - 1)
		early[n] = c;
}

static bool early_works = true;

bool arch_early_works(void) { return early_works; }

static char shown[1 << 20];
static size_t nshown;

static void capture(struct console *c, const char *s, size_t n)
{
	memcpy(shown + nshown, s, n);
	nshown += n;
	shown[nshown] = 0;
}

static struct console first = { .name = "first", .write = capture };

/* The text behind the time stamp of the last line shown. */
static const char *last_line(void)
{
	static char line[600];
	char *end = shown + nshown;

	for (end--; end > shown && end[-1] != '\n';)
		end--;
	strcpy(line, strchr(end, ']') + 2);
	return line;
}

static void read_back(u64 seq, const char *wanted, enum log_level wanted_level)
{
	char buf[600];
	enum log_level level;
	u64 ns;

	assert_int_equal(log_read(seq, buf, sizeof(buf), &level, &ns), strlen(wanted));
	assert_string_equal(buf, wanted);
	assert_int_equal(level, wanted_level);
}

static void a_new_console_gets_what_was_before(void **state)
{
	log_info("one %d", 1);
	log_debug("not for consoles");
	log_warn("two\n");
	assert_int_equal(nshown, 0);
	console_register(&first);
	assert_non_null(strstr(shown, "] one 1\n["));
	assert_string_equal(last_line(), "two\n");
	assert_null(strstr(shown, "not for"));
	read_back(0, "one 1", LOG_INFO);
	read_back(1, "not for consoles", LOG_DEBUG);
	read_back(2, "two", LOG_WARN);
}

static void the_level_decides_what_is_shown(void **state)
{
	size_t before = nshown;

	console_set_level(1);
	log_err("hidden");
	assert_int_equal(nshown, before);
	console_set_level(7);
	log_info("%s", "");
	assert_string_equal(last_line(), "\n");
	assert_null(strstr(shown, "hidden"));
}

static void long_lines_are_cut(void **state)
{
	char text[1000];

	memset(text, 'x', sizeof(text));
	text[999] = 0;
	log_info("%s", text);
	assert_int_equal(strlen(last_line()), LOG_LINE + 1);
}

/* Long enough that the text is used up before the records are. */
#define LONG_LINE "record %lu of a test that fills the ring of text more than once, with " \
		  "lines of about a hundred bytes"

static void old_records_give_way(void **state)
{
	char buf[120];
	enum log_level level;
	u64 ns, end;

	for (unsigned i = 0; i < 5000; i++)
		log_info(LONG_LINE, (u64)i);
	end = log_next();
	assert_true(log_first() > 0 && log_first() < end);
	assert_int_equal(log_read(log_first() - 1, buf, sizeof(buf), &level, &ns), -EPIPE);
	assert_int_equal(log_read(end, buf, sizeof(buf), &level, &ns), -EAGAIN);
	for (u64 seq = log_first(); seq < end; seq++) {
		char wanted[120];

		snprintf(wanted, sizeof(wanted), LONG_LINE, 5000 - (end - seq));
		read_back(seq, wanted, LOG_INFO);
	}
	/* Short ones: limited by the number of records. */
	for (unsigned i = 0; i < RECORDS + 10; i++)
		log_info("%u", i);
	assert_true(log_next() - log_first() <= RECORDS);
	read_back(log_next() - 1, "2057", LOG_INFO);
}

static void interrupting_write(struct console *c, const char *s, size_t n)
{
	static bool done;

	capture(c, s, n);
	if (!done) {
		done = true;
		log_info("from an interrupt");
	}
}

static void a_line_logged_while_another_is_written_comes_after_it(void **state)
{
	first.write = interrupting_write;
	log_info("interrupted");
	first.write = capture;
	assert_string_equal(last_line(), "from an interrupt\n");
	assert_non_null(strstr(shown, "] interrupted\n["));
}

static void a_second_console_gets_everything_too(void **state)
{
	static struct console second = { .name = "second", .write = capture };
	size_t before = nshown;

	console_register(&second);
	assert_true(nshown - before > RECORDS * 10);
	before = nshown;
	log_info("x");
	assert_string_equal(last_line(), "x\n");
	assert_int_equal((nshown - before) % 2, 0);
	assert_memory_equal(shown + before, shown + (before + nshown) / 2, (nshown - before) / 2);
	nshown = 0;
}

static void the_driver_of_the_early_port_goes_on_where_that_stopped(void **state)
{
	static struct console serial = { .name = "serial", .write = capture, .early_port = true };

	consoles = nullptr;
	console_register_early();
	memset(early, 0, sizeof(early));
	nshown = 0;
	log_info("at first");
	assert_non_null(strstr(early, "] at first\r\n"));
	console_register(&serial);
	assert_int_equal(nshown, 0);
	log_info("then");
	assert_string_equal(last_line(), "then\n");
	assert_null(strstr(early, "then"));
	/* One that has shown nothing leaves all of it to the driver. */
	consoles = nullptr;
	early_works = false;
	console_register_early();
	console_register(&serial);
	assert_non_null(strstr(shown, "] at first\n["));
}

static void a_panic_shows_everything_though_locks_are_held(void **state)
{
	spin_lock(&log_lock);
	spin_lock(&console_lock);
	console_set_level(0);
	consoles = nullptr;
	shown_seq = log_next();
	memset(early, 0, sizeof(early));
	console_panic_mode();
	log_debug("the end");
	assert_non_null(strstr(early, "] the end\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_console_gets_what_was_before),
		cmocka_unit_test(the_level_decides_what_is_shown),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(old_records_give_way),
		cmocka_unit_test(a_line_logged_while_another_is_written_comes_after_it),
		cmocka_unit_test(a_second_console_gets_everything_too),
		cmocka_unit_test(the_driver_of_the_early_port_goes_on_where_that_stopped),
		cmocka_unit_test(a_panic_shows_everything_though_locks_are_held),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
