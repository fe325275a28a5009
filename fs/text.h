// SPDX-License-Identifier: MIT
/* A growing text buffer, what generated files (procfs) are written with. Errors stick: look once,
 * at the end. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct text {
	char *buf;
	size_t len, size;
	int err;
};

void text_free(struct text *t);
[[gnu::format(printf, 2, 3)]] void text_printf(struct text *t, const char *fmt, ...);
void text_puts(struct text *t, const char *s);
void text_write(struct text *t, const void *bytes, size_t n);
/* Like Linux's names in /proc/mounts: space, tab, newline, backslash as octal. */
void text_escaped(struct text *t, const char *s);
