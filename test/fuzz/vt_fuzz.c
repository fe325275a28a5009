// SPDX-License-Identifier: MIT
// uses: dev/vt.c dev/vt_escape.c lib/printf.c lib/string.c test/host/support.c
// sanitize: fuzzer,address,undefined
/* What programs write to the console's screen; its size, and where the bytes are cut, come from the input too. */
#include "test/fuzz/fuzz.h"
#include "dev/vt.h"

static void answer(struct vt *t, const char *s, size_t n) { assert(n < 64 && s[n - 1]); }

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n)
{
	struct input in = { bytes, bytes + n };
	unsigned cols = 2 + input_byte(&in) % 40, rows = 2 + input_byte(&in) % 12, cut = 1 + input_byte(&in);
	u32 *cells = malloc(cols * rows * sizeof(*cells));
	struct vt v;

	vt_init(&v, cells, cols, rows);
	v.answer = answer;
	for (size_t len; input_left(&in); in.p += len) {
		len = min((size_t)(in.end - in.p), (size_t)cut);
		vt_write(&v, in.p, len);
		assert(v.x < cols && v.y < rows);
	}
	free(cells);
	return 0;
}
