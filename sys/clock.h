// SPDX-License-Identifier: MIT
/* Clocks as programs name them (clock_gettime(2)), and times as they pass them. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

enum {
	CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
	CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,
	CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM,
	CLOCK_TAI = 11,
};
constexpr u64 NS_PER_SECOND = 1'000'000'000;

/* struct timespec at uaddr, checked: ns (too large: the largest s64), or -EFAULT, -EINVAL. */
[[nodiscard]] int timespec_get(va_t uaddr, u64 *ns);
[[nodiscard]] int timespec_put(va_t uaddr, u64 ns);
/* The same for struct timeval. */
[[nodiscard]] int timeval_get(va_t uaddr, u64 *ns);
[[nodiscard]] int timeval_put(va_t uaddr, u64 ns);

/* What the clock says; -EINVAL: no such clock. */
[[nodiscard]] int clock_read(int clock, u64 *ns);
/* Moments of arch_clock_ns(): `ns` from now; when the clock (wall or monotonic) will say `ns`.
 * Never ~0. */
u64 deadline_after(u64 ns);
u64 deadline_at(int clock, u64 ns);
