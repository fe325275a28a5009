// SPDX-License-Identifier: MIT
/*
 * What uname(2) and /proc/sys/kernel tell: constants, and the two names that root may change.
 * Programs parse the release as Linux's and choose their system calls by it: it names the Linux whose interface this is.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

#define UTS_SYSNAME "Linux"
#define UTS_RELEASE "6.6.0-quire"
#define UTS_VERSION "#1 SMP PREEMPT Quire"

constexpr size_t UTS_LEN = 64;		/* without the terminator */

enum uts_name : u8 { UTS_NODENAME, UTS_DOMAINNAME };

/* Copies the name, terminated. */
void uts_get(enum uts_name which, char out[UTS_LEN + 1]);
/* n bytes, not terminated. -EINVAL if too long, -EPERM without CAP_SYS_ADMIN. */
[[nodiscard]] int uts_set(enum uts_name which, const char *name, size_t n);
