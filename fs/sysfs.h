// SPDX-License-Identifier: MIT
/* sysfs: the few files under /sys that programs look at when they start. */
#pragma once

/* Registers the file system type "sysfs". After inode_cache_init() and dentry_init(). */
void sysfs_init(void);
