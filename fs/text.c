// SPDX-License-Identifier: MIT
/* Growing text buffers. */
#include "fs/text.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"

constexpr size_t TEXT_FIRST = 512;

void text_free(struct text *t)
{
	kfree(t->buf);
	*t = (struct text){};
}

/* Room for n more bytes and a terminator. */
static bool text_reserve(struct text *t, size_t n)
{
	if (t->err)
		return false;
	if (t->len + n < t->size)
		return true;
	size_t size = max(t->size * 2, TEXT_FIRST);

	while (size <= t->len + n)
		size *= 2;
	char *buf = krealloc(t->buf, size);

	if (!buf) {
		t->err = -ENOMEM;
		return false;
	}
	t->buf = buf;
	t->size = size;
	return true;
}

void text_write(struct text *t, const void *bytes, size_t n)
{
	if (!text_reserve(t, n))
		return;
	memcpy(t->buf + t->len, bytes, n);
	t->len += n;
	t->buf[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
	text_write(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list args;

	if (!text_reserve(t, 128))
		return;
	va_start(args, fmt);
	int n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, args);
	va_end(args);
	if ((size_t)n >= t->size - t->len) {
		if (!text_reserve(t, (size_t)n))
			return;
		va_start(args, fmt);
		vsnprintf(t->buf + t->len, t->size - t->len, fmt, args);
		va_end(args);
	}
	t->len += (size_t)n;
}

void text_escaped(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\')
			text_printf(t, "\\%03o", (unsigned char)*s);
		else
			text_write(t, s, 1);
	}
}
