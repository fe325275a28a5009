// SPDX-License-Identifier: MIT
/* timerfd_create(2): a timer that is read. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct file;

/* realtime: the clock is the wall clock. flags: O_NONBLOCK. */
[[nodiscard]] int timerfd_new(bool realtime, u32 flags, struct file **out);
/* first_ns: from now, or (absolute) on the timer's clock; 0: off. interval_ns 0: once. -EINVAL: f
 * is no timer. */
[[nodiscard]] int timerfd_set(struct file *f, bool absolute, u64 first_ns, u64 interval_ns);
/* Time that is left (0: off) and interval. */
[[nodiscard]] int timerfd_get(struct file *f, u64 *left_ns, u64 *interval_ns);
