// SPDX-License-Identifier: MIT
/*
 * LZ4 blocks (lz4_Block_format.md): a fast compressor for pieces of up to 64 KiB, and a
 * decompressor that trusts nothing. Left out: frames, dictionaries, high compression.
 */
#pragma once

#include "lib/base.h"

constexpr size_t LZ4_INPUT_MAX = 64 * KiB;
constexpr unsigned LZ4_HASH_BITS = 11;

/* The compressor's memory, 4 KiB: for each hash of four bytes where they were seen last. Needs no
 * initialisation; one user at a time. */
struct lz4_table {
	u16 at[1u << LZ4_HASH_BITS];
};

/* Compresses n <= LZ4_INPUT_MAX bytes. The length of the result, at most `room`; 0: it does not
 * fit. */
size_t lz4_compress(const void *src, size_t n, void *dst, size_t room, struct lz4_table *table);
/* The length of the result, at most `room`; -1: damaged, or too long. Never reads or writes
 * outside [src, src + n) and [dst, dst + room). */
long lz4_decompress(const void *src, size_t n, void *dst, size_t room);
