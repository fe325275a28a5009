// SPDX-License-Identifier: MIT
/* Starting the file layer. */
#pragma once

#include "lib/base.h"

/* Caches, the root file system (an empty tmpfs), devtmpfs' super. After mm and the scheduler, on a
 * thread. */
void fs_init(void);
/* Unpacks cpio archives (newc, several in a row) into the root. 0, or -EINVAL for bytes that are
 * none, -ENOMEM. What came before the error stays. *newest: the latest time of a file, seconds since 1970. */
int initramfs_unpack(const void *data, size_t n, u32 *newest);
