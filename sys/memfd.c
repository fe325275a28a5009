// SPDX-License-Identifier: MIT
#include "sys/syscall.h"
#include "fs/file.h"
#include "fs/memfd.h"
#include "proc/unknown.h"

SYSCALL(memfd_create)
{
	scoped_pathname n = {};
	u32 flags = ARG_UINT(1);
	struct file *file;

	if (flags_unknown(flags, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	int err = pathname_get(&n, ARG_PTR(0));

	if (!err && n.len > 249)
		err = -EINVAL;
	if (!err)
		err = memfd_new(n.s, flags, &file);
	if (err)
		return err;
	int fd = fd_install(file, flags & MFD_CLOEXEC ? O_CLOEXEC : 0, 0);

	if (fd < 0)
		file_put(file);
	return fd;
}
