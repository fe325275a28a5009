// SPDX-License-Identifier: MIT
/*
 * Extended attributes: no file system here has any. The calls say so as Linux does for such file
 * systems, so that cp -a, tar and ls go on without them.
 */
#include "fs/file.h"
#include "sys/syscall.h"

/* The file exists, and may not have attributes: `answer`; else why it cannot be found. */
static long by_name(va_t name, u32 walk, long answer)
{
	scoped_path p = {};
	int err = path_lookup_user(AT_FDCWD, name, walk, &p);

	return err ? err : answer;
}

static long by_fd(int n, long answer)
{
	scoped_fd fd = fd_get(n);

	return fd.file ? answer : -EBADF;
}

SYSCALL(setxattr) { return by_name(ARG_PTR(0), WALK_FOLLOW, -EOPNOTSUPP); }
SYSCALL(lsetxattr) { return by_name(ARG_PTR(0), 0, -EOPNOTSUPP); }
SYSCALL(fsetxattr) { return by_fd(ARG_INT(0), -EOPNOTSUPP); }
SYSCALL(getxattr) { return by_name(ARG_PTR(0), WALK_FOLLOW, -EOPNOTSUPP); }
SYSCALL(lgetxattr) { return by_name(ARG_PTR(0), 0, -EOPNOTSUPP); }
SYSCALL(fgetxattr) { return by_fd(ARG_INT(0), -EOPNOTSUPP); }
SYSCALL(listxattr) { return by_name(ARG_PTR(0), WALK_FOLLOW, 0); }
SYSCALL(llistxattr) { return by_name(ARG_PTR(0), 0, 0); }
SYSCALL(flistxattr) { return by_fd(ARG_INT(0), 0); }
SYSCALL(removexattr) { return by_name(ARG_PTR(0), WALK_FOLLOW, -EOPNOTSUPP); }
SYSCALL(lremovexattr) { return by_name(ARG_PTR(0), 0, -EOPNOTSUPP); }
SYSCALL(fremovexattr) { return by_fd(ARG_INT(0), -EOPNOTSUPP); }
