// SPDX-License-Identifier: MIT
/* Changing an inode's attributes as chmod(2), chown(2), utimensat(2) do, rights checked. All take
 * the inode's lock. */
#pragma once

#include "fs/inode.h"

[[nodiscard]] int inode_chmod(struct inode *i, u32 mode);
/* ~0: leave it. */
[[nodiscard]] int inode_chown(struct inode *i, u32 uid, u32 gid);

enum time_how : u8 { TIME_SET, TIME_NOW, TIME_OMIT };
struct time_change {
	enum time_how how;
	s64 ns;			/* TIME_SET: since 1970 */
};
[[nodiscard]] int inode_set_times(struct inode *i, struct time_change atime,
				  struct time_change mtime);

/* inode_permission() for the real instead of the effective ids (access(2)). */
[[nodiscard]] int inode_permission_real(struct inode *i, u32 may);
