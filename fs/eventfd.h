// SPDX-License-Identifier: MIT
/* eventfd(2): a counter that can be waited for. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct file;

enum : u32 { EFD_SEMAPHORE = 1 };	/* with O_NONBLOCK, O_CLOEXEC */
[[nodiscard]] int eventfd_new(u64 count, u32 flags, struct file **out);
