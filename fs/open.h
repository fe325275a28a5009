// SPDX-License-Identifier: MIT
/* Between the files that make open files. */
#pragma once

#include "fs/file.h"

/* A file with one reference; takes over the inode's if it succeeds. */
[[nodiscard]] struct file *file_alloc(struct inode *inode, const struct file_ops *ops, u32 flags,
				      u32 mode);
/* Undoes it, and lets go of path, inode and writer count. */
void file_discard(struct file *f);
