// SPDX-License-Identifier: MIT
/* Between fs/super.c and fs/mount.c. */
#pragma once

#include "fs/mount.h"

/* An instance of that type with one mount counted: a new one, or the only one. 0 or -errno. */
[[nodiscard]] int super_new(struct fs_type *type, const char *source, const char *options,
			    struct super **out);
/* A mount less; the last one ends the file system. May sleep. */
void super_unmount(struct super *sb);
