// SPDX-License-Identifier: MIT
// uses: proc/elf.c test/host/support.c
// sanitize: fuzzer,address,undefined
/* A program as exec reads it: its first bytes are an ELF header or a `#!` line, or neither. */
#include <string.h>
#include "test/fuzz/fuzz.h"
#include "test/host/elf_promises.h"

constexpr u16 MACHINE = 183;
constexpr u64 USER_TOP = 1ul << 47;

/* The line in a buffer of just its size, so that the sanitizer sees a step beyond it. */
static void script(const u8 *bytes, size_t n)
{
	size_t len = min(n, SCRIPT_LINE);
	char *buf = malloc(len + 1);
	struct script s = {};

	memcpy(buf, bytes, len);
	if (!script_decode(buf, len, &s)) {
		assert(s.interpreter > buf && s.interpreter < buf + len && s.interpreter[0]);
		assert(s.interpreter + strlen(s.interpreter) <= buf + len);
		assert(!s.argument || (s.argument > s.interpreter && s.argument + strlen(s.argument) <= buf + len));
	}
	free(buf);
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n)
{
	script(bytes, n);
	elf_check_promises(bytes, n, MACHINE, USER_TOP);
	return 0;
}
