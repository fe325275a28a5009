// SPDX-License-Identifier: MIT
/* The wall clock: the monotonic clock and an offset, which the vDSO has a copy of. */
#include "arch/arch.h"
#include "lib/errno.h"
#include "proc/timer.h"

static u64 realtime_offset;	/* (a) CLOCK_REALTIME - arch_clock_ns() */

static void set_offset(u64 offset)
{
	store_relaxed(&realtime_offset, offset);
	if (arch_vdso_realtime)
		arch_vdso_realtime(offset);
}

void clock_init(void)
{
	set_offset(arch_rtc_seconds() * 1'000'000'000 - arch_clock_ns());
}

void clock_not_before(u32 seconds)
{
	u64 ns = seconds * 1'000'000'000ul;

	if (clock_realtime_ns() < ns)
		set_offset(ns - arch_clock_ns());
}

u64 clock_realtime_ns(void)
{
	return arch_clock_ns() + load_relaxed(&realtime_offset);
}

int clock_set_realtime(u64 ns)
{
	if (ns >= (u64)INT64_MAX)
		return -EINVAL;
	set_offset(ns - arch_clock_ns());
	return 0;
}
