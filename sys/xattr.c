// SPDX-License-Identifier: MIT
/*
 * Extended attributes: no file system here has any. The calls say so as Linux does for such file
 * systems, so that cp -a, tar and ls go on without them.
 */
#include "fs/file.h"
#include "mm/user.h"
#include "proc/unknown.h"
#include "sys/syscall.h"

enum : u32 { XATTR_CREATE = 1, XATTR_REPLACE = 2 };
constexpr size_t NAME_SIZE = 256, VALUE_SIZE = 65536;

/* Is there a name of the right length? */
static int check_name(va_t user)
{
	char name[NAME_SIZE];
	long n = copy_string_from_user(name, user, sizeof(name));

	return n == -ENAMETOOLONG || n == 0 ? -ERANGE : (int)min(n, 0l);
}

static int check_value(va_t user, size_t n)
{
	char part[256];

	if (n > VALUE_SIZE)
		return -E2BIG;
	for (size_t at = 0; at < n; at += sizeof(part))
		if (copy_from_user(part, user + at, min(n - at, sizeof(part))))
			return -EFAULT;
	return 0;
}

static int check_set(struct trapframe *f)
{
	if (flags_unknown(ARG_UINT(4), XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	return check_name(ARG_PTR(1)) ?: check_value(ARG_PTR(2), ARG_U64(3));
}

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

SYSCALL(setxattr) { return check_set(f) ?: by_name(ARG_PTR(0), WALK_FOLLOW, -EOPNOTSUPP); }
SYSCALL(lsetxattr) { return check_set(f) ?: by_name(ARG_PTR(0), 0, -EOPNOTSUPP); }
SYSCALL(fsetxattr) { return check_set(f) ?: by_fd(ARG_INT(0), -EOPNOTSUPP); }
SYSCALL(getxattr) { return check_name(ARG_PTR(1)) ?: by_name(ARG_PTR(0), WALK_FOLLOW, -EOPNOTSUPP); }
SYSCALL(lgetxattr) { return check_name(ARG_PTR(1)) ?: by_name(ARG_PTR(0), 0, -EOPNOTSUPP); }
SYSCALL(fgetxattr) { return check_name(ARG_PTR(1)) ?: by_fd(ARG_INT(0), -EOPNOTSUPP); }
SYSCALL(listxattr) { return by_name(ARG_PTR(0), WALK_FOLLOW, 0); }
SYSCALL(llistxattr) { return by_name(ARG_PTR(0), 0, 0); }
SYSCALL(flistxattr) { return by_fd(ARG_INT(0), 0); }
SYSCALL(removexattr) { return check_name(ARG_PTR(1)) ?: by_name(ARG_PTR(0), WALK_FOLLOW, -EOPNOTSUPP); }
SYSCALL(lremovexattr) { return check_name(ARG_PTR(1)) ?: by_name(ARG_PTR(0), 0, -EOPNOTSUPP); }
SYSCALL(fremovexattr) { return check_name(ARG_PTR(1)) ?: by_fd(ARG_INT(0), -EOPNOTSUPP); }
