// SPDX-License-Identifier: MIT
/* Formatting: one conversion at a time into a buffer that may be too small. */
#include "lib/printf.h"
#include "lib/string.h"

struct out {
	char *buf;
	size_t size;		/* bytes that may be written, without the terminator */
	size_t len;		/* bytes that were wanted */
};

struct spec {
	bool left, zero, plus, space, alt;
	int width;
	int precision;		/* -1: none */
	int length;		/* bytes of the integer argument */
	char conv;
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_many(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

/* Text of n bytes in a field of the spec's width. */
static void put_field(struct out *o, const struct spec *s, const char *text, int n)
{
	int pad = s->width - n;

	if (!s->left)
		put_many(o, ' ', pad);
	for (int i = 0; i < n; i++)
		put(o, text[i]);
	if (s->left)
		put_many(o, ' ', pad);
}

/* Writes the digits of v so that they end before `end`; returns the first one. */
static char *digits(char *end, u64 v, unsigned base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (; v; v /= base)
		*--end = set[v % base];
	return end;
}

static const char *number_prefix(const struct spec *s, u64 v, bool negative)
{
	if (negative)
		return "-";
	if (s->conv == 'd' || s->conv == 'i')
		return s->plus ? "+" : s->space ? " " : "";
	if (s->conv == 'p' || (s->alt && v && (s->conv | 32) == 'x'))
		return s->conv == 'X' ? "0X" : "0x";
	return "";
}

static void put_number(struct out *o, const struct spec *s, u64 v, bool negative)
{
	unsigned base = s->conv == 'o' ? 8 : (s->conv | 32) == 'x' || s->conv == 'p' ? 16 : 10;
	char buf[24], *end = buf + sizeof(buf), *d = digits(end, v, base, s->conv == 'X');
	const char *prefix = number_prefix(s, v, negative);
	int n = (int)(end - d), np = (int)strlen(prefix);
	int zeros = (s->precision < 0 ? 1 : s->precision) - n;

	if (s->conv == 'o' && s->alt && zeros < 1 && (n == 0 || *d != '0'))
		zeros = 1;
	zeros = max(zeros, 0);
	if (s->zero && !s->left && s->precision < 0)
		zeros = max(zeros, s->width - np - n);
	int pad = s->width - np - zeros - n;

	if (!s->left)
		put_many(o, ' ', pad);
	for (; *prefix; prefix++)
		put(o, *prefix);
	put_many(o, '0', zeros);
	for (; d < end; d++)
		put(o, *d);
	if (s->left)
		put_many(o, ' ', pad);
}

static const char *parse_flags(const char *f, struct spec *s)
{
	for (;; f++) {
		switch (*f) {
		case '-': s->left = true; break;
		case '0': s->zero = true; break;
		case '+': s->plus = true; break;
		case ' ': s->space = true; break;
		case '#': s->alt = true; break;
		default: return f;
		}
	}
}

static const char *parse_count(const char *f, int *n, va_list *ap)
{
	*n = 0;
	if (*f == '*') {
		*n = va_arg(*ap, int);
		return f + 1;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		*n = *n * 10 + (*f - '0');
	return f;
}

static const char *parse_length(const char *f, struct spec *s)
{
	s->length = sizeof(int);
	if (f[0] == 'h' && f[1] == 'h') {
		s->length = 1;
		return f + 2;
	}
	if (f[0] == 'h') {
		s->length = 2;
		return f + 1;
	}
	while (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't') {
		s->length = 8;
		f++;
	}
	return f;
}

/* f points behind the '%'. Returns the first byte behind the conversion. */
static const char *parse_spec(const char *f, struct spec *s, va_list *ap)
{
	*s = (struct spec){ .precision = -1 };
	f = parse_flags(f, s);
	f = parse_count(f, &s->width, ap);
	if (s->width < 0) {
		s->left = true;
		s->width = -s->width;
	}
	if (*f == '.')
		f = parse_count(f + 1, &s->precision, ap);
	f = parse_length(f, s);
	s->conv = *f;
	return *f ? f + 1 : f;
}

static void put_signed(struct out *o, const struct spec *s, va_list *ap)
{
	s64 v = s->length == 8 ? va_arg(*ap, s64) : va_arg(*ap, int);

	v = s->length == 1 ? (s8)v : s->length == 2 ? (s16)v : v;
	put_number(o, s, v < 0 ? -(u64)v : (u64)v, v < 0);
}

static void put_unsigned(struct out *o, const struct spec *s, va_list *ap)
{
	u64 v = s->length == 8 ? va_arg(*ap, u64) : va_arg(*ap, unsigned);

	put_number(o, s, s->length == 1 ? (u8)v : s->length == 2 ? (u16)v : v, false);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	size_t n = s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision);

	put_field(o, s, text, (int)n);
}

static void convert(struct out *o, const struct spec *s, va_list *ap)
{
	switch (s->conv) {
	case 'd': case 'i':
		put_signed(o, s, ap);
		break;
	case 'u': case 'x': case 'X': case 'o':
		put_unsigned(o, s, ap);
		break;
	case 'p':
		put_number(o, s, (u64)va_arg(*ap, void *), false);
		break;
	case 'c':
		put_field(o, s, &(char){ (char)va_arg(*ap, int) }, 1);
		break;
	case 's':
		put_string(o, s, va_arg(*ap, const char *));
		break;
	case '%':
		put(o, '%');
		break;
	default:		/* not ours: shown as it is */
		put(o, '%');
		if (s->conv)
			put(o, s->conv);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { .buf = buf, .size = size ? size - 1 : 0 };
	struct spec s;
	va_list ap;

	va_copy(ap, args);
	while (*fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		fmt = parse_spec(fmt + 1, &s, &ap);
		convert(&o, &s, &ap);
	}
	va_end(ap);
	if (size)
		buf[min(o.len, o.size)] = 0;
	return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(buf, size, fmt, ap);

	va_end(ap);
	return n;
}
