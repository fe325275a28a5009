// SPDX-License-Identifier: MIT
/* Writes one device tree into `blob`: begin(), properties, children, end(); then finish(). One to a test program. */
#pragma once

#include "lib/base.h"
#include "lib/string.h"

static u8 structs[4096], strings[512], blob[8192];
static u32 nstructs, nstrings, nblob;

static void put32(u8 *at, u32 v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (u8)(v >> (24 - 8 * i));
}

static void emit32(u32 v)
{
	put32(structs + nstructs, v);
	nstructs += 4;
}

static void emit_bytes(const void *p, size_t n)
{
	memcpy(structs + nstructs, p, n);
	nstructs += (u32)align_up(n, 4ul);
}

static void begin(const char *name)
{
	emit32(1);
	emit_bytes(name, strlen(name) + 1);
}

static void end(void) { emit32(2); }

static void prop(const char *name, const void *value, size_t n)
{
	emit32(3);
	emit32((u32)n);
	emit32(nstrings);
	memcpy(strings + nstrings, name, strlen(name) + 1);
	nstrings += (u32)strlen(name) + 1;
	emit_bytes(value, n);
}

static void prop_string(const char *name, const char *s) { prop(name, s, strlen(s) + 1); }

#define prop_cells(name, ...)                                                 \
	do {                                                                  \
		u32 cells_[] = { __VA_ARGS__ };                               \
		u8 bytes_[sizeof(cells_)];                                    \
		for (unsigned i_ = 0; i_ < ARRAY_SIZE(cells_); i_++)          \
			put32(bytes_ + 4 * i_, cells_[i_]);                   \
		prop(name, bytes_, sizeof(bytes_));                           \
	} while (0)

static void finish(void)
{
	constexpr u32 header = 40, reserve = 40, structs_at = 40 + 32;

	emit32(9);
	nblob = structs_at + nstructs + nstrings;
	u32 fields[] = { 0xd00dfeed, nblob, structs_at, structs_at + nstructs, reserve, 17, 16, 0,
			 nstrings, nstructs };

	static_assert(sizeof(fields) == header);
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
		put32(blob + 4 * i, fields[i]);
	put32(blob + reserve + 4, 0x1000);	/* one reservation, then the end */
	put32(blob + reserve + 12, 0x2000);
	memcpy(blob + structs_at, structs, nstructs);
	memcpy(blob + structs_at + nstructs, strings, nstrings);
}
