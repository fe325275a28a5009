// SPDX-License-Identifier: MIT
// uses: boot/options.c lib/string.c test/host/support.c
// sanitize: fuzzer,address,undefined
/* The kernel's command line, as a boot loader hands it over. */
#include "test/fuzz/fuzz.h"
#include "boot/options.h"
#include "lib/string.h"

static void check_word(const struct boot_options *o, const char *s)
{
	assert(!s || (s >= o->text && s + strlen(s) < o->text + sizeof(o->text)));
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n)
{
	static struct boot_options o;
	char *line = malloc(n + 1);

	memcpy(line, bytes, n);
	line[n] = '\0';
	boot_options_parse(&o, line);
	free(line);
	check_word(&o, o.init);
	check_word(&o, o.trace);
	for (unsigned i = 0; i < BOOT_CONSOLES_MAX; i++)
		check_word(&o, o.console[i]);
	assert(o.nargs <= BOOT_ARGS_MAX && o.swap_percent <= 100);
	for (unsigned i = 0; i < o.nargs; i++) {
		assert(o.args[i]);
		check_word(&o, o.args[i]);
	}
	return 0;
}
