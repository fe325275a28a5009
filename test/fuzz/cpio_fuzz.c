// SPDX-License-Identifier: MIT
// uses: fs/cpio.c lib/string.c test/host/support.c
// sanitize: fuzzer,address,undefined
/* An archive, entry by entry, as fs/initramfs.c reads it. What the names lead to is left out: there is no file system here. */
#include "test/fuzz/fuzz.h"
#include "fs/cpio.h"
#include "lib/string.h"

/* All of them are read: so the sanitizer sees each. */
static u8 sum(const u8 *p, size_t n)
{
	u8 all = 0;

	while (n--)
		all ^= *p++;
	return all;
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n)
{
	struct cpio_entry e;
	size_t at = 0, before = 0;
	int kind;

	while ((kind = cpio_next(bytes, n, &at, &e)) > 0) {
		assert(at > before && at <= n);
		before = at;
		if (kind == CPIO_TRAILER)
			continue;
		assert((const u8 *)e.name >= bytes && (const u8 *)e.name + e.name_len < bytes + n);
		assert(strlen(e.name) == e.name_len && e.name[0] != '/');
		assert(e.data <= bytes + n && e.size <= (size_t)(bytes + n - e.data));
		__asm__ volatile("" ::"r"(sum(e.data, e.size)));
	}
	assert(kind == -EINVAL || at == n);
	return 0;
}
