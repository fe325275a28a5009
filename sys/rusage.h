// SPDX-License-Identifier: MIT
/* struct rusage (getrusage(2)), which wait4 and waitid fill too. */
#pragma once

#include "lib/base.h"

struct wait_result;

/* What a child used, to uaddr: 0 or -EFAULT. */
[[nodiscard]] int rusage_put_child(va_t uaddr, const struct wait_result *r);
