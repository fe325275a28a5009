// SPDX-License-Identifier: MIT
/* procfs (proc(5)): the kernel's state as text, in Linux's formats. */
#pragma once

#include "lib/base.h"

/* Registers the file system type "proc". After inode_cache_init() and dentry_init(). */
void procfs_init(void);
/* What /proc/cmdline shows, "" until then: the boot loader's line, kept for ever. */
void procfs_set_cmdline(const char *line);
