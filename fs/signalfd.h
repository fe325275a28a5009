// SPDX-License-Identifier: MIT
/* signalfd(2): reading takes pending signals of a set. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct file;

/* flags: O_CLOEXEC (the caller's business), O_NONBLOCK. 0, -EINVAL, -ENOMEM. */
[[nodiscard]] int signalfd_new(u64 set, u32 flags, struct file **out);
/* Another set for one that exists; -EINVAL if f is no signalfd. */
[[nodiscard]] int signalfd_change(struct file *f, u64 set);
