// SPDX-License-Identifier: MIT
// uses: boot/options.c lib/string.c test/host/support.c
/* The kernel's command line. */
#include "host.h"
#include <string.h>
#include "boot/options.h"

static struct boot_options o;

static void nothing_given(void **state)
{
	boot_options_parse(&o, "");
	assert_int_equal(o.console_level, 7);
	assert_null(o.init);
	assert_int_equal(o.cpus, MAX_CPUS);
	assert_true(o.randomize);
	assert_false(o.log_unknown);
	assert_int_equal(o.fail_alloc, 0);
	assert_int_equal(o.nargs, 0);
}

static void every_option(void **state)
{
	boot_options_parse(&o, " quiet\tinit=/bin/sh  cpus=3 norandmaps "
			       "logunknown trace=sh failalloc=0x10 swap=30%\n");
	assert_int_equal(o.console_level, 1);
	assert_string_equal(o.init, "/bin/sh");
	assert_int_equal(o.cpus, 3);
	assert_false(o.randomize);
	assert_true(o.log_unknown);
	assert_string_equal(o.trace, "sh");
	assert_int_equal(o.fail_alloc, 16);
	assert_int_equal(o.swap_percent, 30);
	assert_int_equal(o.asid_bits, 16);
	boot_options_parse(&o, "asidbits=3");
	assert_int_equal(o.asid_bits, 3);
	boot_options_parse(&o, "asidbits=none asidbits=");
	assert_int_equal(o.asid_bits, 16);
	boot_options_parse(&o, "swap=0");
	assert_int_equal(o.swap_percent, 0);
	boot_options_parse(&o, "swap=95% swap=much");
	assert_int_equal(o.swap_percent, 50);
}

static void arguments_for_init(void **state)
{
	boot_options_parse(&o, "init=/bin/sh -- -c \"echo a  b\" quiet");
	assert_int_equal(o.nargs, 3);
	assert_string_equal(o.args[0], "-c");
	assert_string_equal(o.args[1], "echo a  b");
	assert_string_equal(o.args[2], "quiet");
	assert_int_equal(o.console_level, 7);
}

static void nonsense_changes_nothing(void **state)
{
	boot_options_parse(&o, "console=ttyAMA0 quietly loglevel=99 loglevel= cpus=two "
			       "failalloc=1x = -");
	assert_int_equal(o.console_level, 7);
	assert_int_equal(o.cpus, MAX_CPUS);
	assert_int_equal(o.fail_alloc, 0);
	assert_int_equal(o.nargs, 0);
	boot_options_parse(&o, "cpus=0 init=");
	assert_int_equal(o.cpus, 1);
	assert_null(o.init);
	boot_options_parse(&o, "cpus=100000000000");
	assert_int_equal(o.cpus, MAX_CPUS);
}

static void consoles_in_their_order(void **state)
{
	boot_options_parse(&o, "console=ttyS0,115200 quiet console=tty1");
	assert_string_equal(o.console[0], "ttyS0,115200");
	assert_string_equal(o.console[1], "tty1");
	assert_null(o.console[2]);
	boot_options_parse(&o, "console=a console=b console=c console=d console=e");
	assert_string_equal(o.console[3], "d");
}

static void too_much_of_everything(void **state)
{
	static char line[8192];

	memset(line, 'x', sizeof(line) - 1);
	boot_options_parse(&o, line);
	assert_int_equal(o.nargs, 0);
	strcpy(line, "-- ");
	for (int i = 0; i < 100; i++)
		strcat(line, "a ");
	boot_options_parse(&o, line);
	assert_int_equal(o.nargs, BOOT_ARGS_MAX);
	boot_options_parse(&o, "quiet \"never closed");
	assert_int_equal(o.console_level, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given),
		cmocka_unit_test(every_option),
		cmocka_unit_test(arguments_for_init),
		cmocka_unit_test(nonsense_changes_nothing),
		cmocka_unit_test(consoles_in_their_order),
		cmocka_unit_test(too_much_of_everything),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
