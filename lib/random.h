// SPDX-License-Identifier: MIT
/*
 * Random bytes: ChaCha20 (Bernstein 2008; RFC 8439) keyed from a pool. For getrandom(2),
 * /dev/urandom, ASLR, AT_RANDOM.
 */
#pragma once

#include "lib/base.h"

/* n bytes that cannot be told from random by who does not know the pool. Never blocks or
 * fails; from anywhere. The first call seeds the pool from the CPU, the firmware and the
 * clock. */
void random_bytes(void *buf, size_t n);
/* Mixes something unpredictable into the pool; it can only gain by it. From anywhere. */
void random_add(const void *buf, size_t n);
/* Uniform in [0, limit); limit > 0. */
u64 random_below(u64 limit);

/* The ChaCha20 block function, for random.c and its test: 64 bytes of key stream. */
void chacha20_block(const u32 state[16], u8 out[64]);
