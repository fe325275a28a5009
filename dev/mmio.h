// SPDX-License-Identifier: MIT
/* Device registers: each access whole, once and in order with other accesses to devices. Order with ordinary memory
 * (DMA) is the driver's to ask for. */
#pragma once

#include "lib/base.h"

static inline u32 mmio_read32(const volatile void *base, u64 offset)
{
	return *(const volatile u32 *)((const volatile char *)base + offset);
}

static inline void mmio_write32(volatile void *base, u64 offset, u32 v)
{
	*(volatile u32 *)((volatile char *)base + offset) = v;
}
