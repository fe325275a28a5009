// SPDX-License-Identifier: MIT
/* The check sum of a GPT, for tests that make one (CRC-32 of IEEE 802.3, bit by bit). */
#pragma once

#include "lib/base.h"

static inline u32 crc32(const u8 *p, size_t n)
{
	u32 crc = ~0u;

	while (n--) {
		crc ^= *p++;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}
