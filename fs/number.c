// SPDX-License-Identifier: MIT
/* Numbers that are written into files: see fs/number.h. */
#include "fs/number.h"

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 32;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : ~0u;
}

struct number {
	u64 value;
	bool overflows;
};

/* Up to a blank or the end, which is returned; nullptr: no number. */
static const char *parse(const char *s, unsigned base, struct number *out)
{
	bool hex = s[0] == '0' && (s[1] | 32) == 'x' && digit(s[2]) < 16;

	if (!base) {
		base = hex ? 16 : s[0] == '0' ? 8 : 10;
		s += hex ? 2 : 0;
	}
	if (digit(*s) >= base)
		return nullptr;
	*out = (struct number){};
	for (; digit(*s) < base; s++) {
		out->overflows |= __builtin_mul_overflow(out->value, (u64)base, &out->value);
		out->overflows |= __builtin_add_overflow(out->value, (u64)digit(*s), &out->value);
	}
	return !*s || is_blank(*s) ? s : nullptr;
}

int number_only(const char *s, unsigned base, int *out)
{
	struct number n;

	s = skip_blanks(s);
	bool negative = *s == '-';

	s = parse(s + (negative || *s == '+'), base, &n);
	if (!s || *skip_blanks(s))
		return -EINVAL;
	if (n.overflows || n.value > (u64)INT32_MAX + negative)
		return -ERANGE;
	*out = (int)(negative ? -n.value : n.value);
	return 0;
}

long number_first(const char *s, size_t n, u64 most, u64 *out)
{
	const char *start = s;
	struct number first;

	if (!n)
		return 0;
	s = parse(skip_blanks(s), 0, &first);
	if (!s || first.overflows || first.value > most)
		return -EINVAL;
	*out = first.value;
	return skip_blanks(s) - start;
}
