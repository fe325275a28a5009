// SPDX-License-Identifier: MIT
/*
 * Making, removing and moving names, as the system calls of that kind ask. All take pathnames in
 * kernel memory, check rights, and return 0 or -errno. May sleep.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "fs/path.h"

enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2, RENAME_WHITEOUT = 4 };

/* mkdir, mknod, symlink (target) by the type bits of mode; the umask is applied except to links. */
[[nodiscard]] int name_create(int dirfd, const char *name, u32 mode, u32 rdev, const char *target);
/* flags: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH. */
[[nodiscard]] int name_link(int from_fd, const char *from, int to_fd, const char *to, u32 flags);
[[nodiscard]] int name_unlink(int dirfd, const char *name);
[[nodiscard]] int name_rmdir(int dirfd, const char *name);
[[nodiscard]] int name_rename(int from_fd, const char *from, int to_fd, const char *to, u32 flags);

/* With the directory's inode locked and its place writable: makes `name` in it. *out: the new
 * dentry, linked, with a reference. */
[[nodiscard]] int name_create_locked(struct dentry *dir, const char *name, size_t len, u32 mode,
				     u32 rdev, const char *target, struct dentry **out);
/* May the current task add names to dir? 0, -ENOENT (it is deleted), -EACCES. */
[[nodiscard]] int name_may_create(struct dentry *dir);
/* -EROFS when mount or file system are read-only. */
[[nodiscard]] int path_writable(const struct path *p);
/* mode without the bits of the current umask. */
u32 umask_apply(u32 mode);
