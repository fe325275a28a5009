// SPDX-License-Identifier: MIT
/*
 * LZ4 blocks. A block is a row of sequences: a token (number of literals, length of the match less
 * four; 15 is continued by bytes that are added up to the first that is not 255), the literals, the
 * match's distance in two bytes. The last sequence has literals only.
 *
 * The compressor looks each four bytes up in a table of where such bytes were last seen, and steps
 * faster the longer nothing matches (Collet's fast mode).
 */
#include "lib/lz4.h"
#include "lib/string.h"

constexpr size_t MATCH_MIN = 4;
constexpr size_t LAST_LITERALS = 5;	/* a block ends in at least so many */
constexpr size_t MATCH_LIMIT = 12;	/* no match begins closer to the end */
constexpr unsigned RUN = 15;		/* a nibble that is continued */
constexpr unsigned SKIP_SHIFT = 6;

static inline u32 load32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u64 load64(const u8 *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* ---- compressing */

struct output {
	u8 *at, *end;
};

static inline unsigned hash(u32 word) { return word * 2654435761u >> (32 - LZ4_HASH_BITS); }

/* Bytes from a and b on that are equal, below a's end. */
static size_t equal_bytes(const u8 *a, const u8 *b, const u8 *end)
{
	const u8 *start = a;

	for (; end - a >= 8; a += 8, b += 8) {
		u64 differ = load64(a) ^ load64(b);

		if (differ)
			return (size_t)(a - start) + (unsigned)__builtin_ctzl(differ) / 8;
	}
	while (a < end && *a == *b)
		a++, b++;
	return (size_t)(a - start);
}

static void put_run(struct output *o, size_t n)
{
	for (n -= RUN; n >= 255; n -= 255)
		*o->at++ = 255;
	*o->at++ = (u8)n;
}

/* Literals and a match behind them; match 0: the last sequence. False: no room. */
static bool put_sequence(struct output *o, const u8 *literals, size_t n, size_t distance,
			 size_t match)
{
	size_t more = match ? match - MATCH_MIN : 0;

	if ((size_t)(o->end - o->at) < 1 + n / 255 + 1 + n + (match ? 2 + more / 255 + 1 : 0))
		return false;
	*o->at++ = (u8)(min(n, (size_t)RUN) << 4 | min(more, (size_t)RUN));
	if (n >= RUN)
		put_run(o, n);
	memcpy(o->at, literals, n);
	o->at += n;
	if (!match)
		return true;
	*o->at++ = (u8)distance;
	*o->at++ = (u8)(distance >> 8);
	if (more >= RUN)
		put_run(o, more);
	return true;
}

size_t lz4_compress(const void *src, size_t n, void *dst, size_t room, struct lz4_table *table)
{
	const u8 *base = src, *at = base, *anchor = base, *end = base + n;
	struct output o = { dst, (u8 *)dst + room };

	memset(table, 0, sizeof(*table));
	while (n >= MATCH_LIMIT && at <= end - MATCH_LIMIT) {
		u32 word = load32(at);
		u16 *seen = &table->at[hash(word)];
		const u8 *before = base + *seen;

		*seen = (u16)(at - base);
		if (before >= at || load32(before) != word) {
			at += 1 + ((at - anchor) >> SKIP_SHIFT);
			continue;
		}
		size_t match = MATCH_MIN + equal_bytes(at + MATCH_MIN, before + MATCH_MIN,
						       end - LAST_LITERALS);

		if (!put_sequence(&o, anchor, (size_t)(at - anchor), (size_t)(at - before), match))
			return 0;
		at += match;
		anchor = at;
	}
	if (!put_sequence(&o, anchor, (size_t)(end - anchor), 0, 0))
		return 0;
	return (size_t)(o.at - (u8 *)dst);
}

/* ---- decompressing */

struct input {
	const u8 *at, *end;
};

/* A length whose first nibble is n; false at the end of the input, or when it gets absurd. */
static bool get_run(struct input *in, size_t *n)
{
	u8 byte = 255;

	if (*n != RUN)
		return true;
	while (byte == 255) {
		if (in->at == in->end)
			return false;
		byte = *in->at++;
		*n += byte;
	}
	return true;
}

static bool copy_literals(struct input *in, struct output *o, size_t n)
{
	if ((size_t)(in->end - in->at) < n || (size_t)(o->end - o->at) < n)
		return false;
	memcpy(o->at, in->at, n);
	in->at += n;
	o->at += n;
	return true;
}

/* Copies what was written `distance` bytes ago; it may reach into itself, which repeats it. */
static bool copy_match(struct output *o, const u8 *start, size_t distance, size_t n)
{
	if (!distance || (size_t)(o->at - start) < distance || (size_t)(o->end - o->at) < n)
		return false;
	const u8 *from = o->at - distance;

	if (distance >= n) {
		memcpy(o->at, from, n);
		o->at += n;
		return true;
	}
	for (; distance >= 8 && n >= 8; n -= 8, from += 8, o->at += 8)
		memcpy(o->at, from, 8);
	while (n--)
		*o->at++ = *from++;
	return true;
}

long lz4_decompress(const void *src, size_t n, void *dst, size_t room)
{
	struct input in = { src, (const u8 *)src + n };
	struct output o = { dst, (u8 *)dst + room };

	while (in.at < in.end) {
		u8 token = *in.at++;
		size_t literals = token >> 4, match = token & RUN;

		if (!get_run(&in, &literals) || !copy_literals(&in, &o, literals))
			return -1;
		if (in.at == in.end)	/* the last sequence */
			return o.at - (u8 *)dst;
		if (in.end - in.at < 2)
			return -1;
		size_t distance = in.at[0] | (size_t)in.at[1] << 8;

		in.at += 2;
		if (!get_run(&in, &match) || !copy_match(&o, dst, distance, match + MATCH_MIN))
			return -1;
	}
	return -1;	/* an empty block, or one that ends in a match */
}
