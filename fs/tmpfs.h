// SPDX-License-Identifier: MIT
/* The memory file system, and what other file systems in the dentry tree use of it. */
#pragma once

#include "lib/base.h"

struct dir_sink;
struct file;
struct super;

/* fs_type.fill of "tmpfs" (options size=, nr_blocks=, mode=, uid=, gid=) and of "rootfs" and
 * "devtmpfs" (0755). Unless told otherwise their files take at most half of the memory. */
int tmpfs_fill(struct super *sb, const char *source, const char *options);
int rootfs_fill(struct super *sb, const char *source, const char *options);

/* "." and "..": false when the sink is full. */
bool dir_emit_dots(struct file *f, struct dir_sink *sink);
/* file_ops.iterate of directories whose entries are all in the dentry tree. */
int dir_iterate_tree(struct file *f, struct dir_sink *sink);
