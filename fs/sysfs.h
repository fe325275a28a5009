// SPDX-License-Identifier: MIT
/* sysfs: the few files under /sys that programs look at when they start. */
#pragma once

#include "lib/base.h"
#include "fs/pseudo.h"

/* Registers the file system type "sysfs". After inode_cache_init() and dentry_init(). */
void sysfs_init(void);

/* Makes /sys/class/CLASS/NAME with these files; their functions find arg in inode->arg[0]. The strings and the table stay
 * the caller's, for ever. From any context. 0 or -ENOMEM. */
[[nodiscard]] int sysfs_class_add(const char *class, const char *name, const struct pseudo_entry *attributes,
				  u64 arg);

extern const struct inode_ops sysfs_classes_ops;	/* the directory /sys/class */
extern const struct file_ops sysfs_classes_fops;

/* sysfs_block.c: the directories /sys/block, /sys/class/block, /sys/dev/block */
extern const struct inode_ops sysfs_disks_ops, sysfs_blockdevs_ops, sysfs_block_numbers_ops;
extern const struct file_ops sysfs_disks_fops, sysfs_blockdevs_fops, sysfs_block_numbers_fops;
