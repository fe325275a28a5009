// SPDX-License-Identifier: MIT
/* Linux error numbers (errno(3)), the same on both CPUs. Functions return them negative. */
#pragma once

enum : int {
	EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8,
	EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, ENOTBLK = 15,
	EBUSY = 16, EEXIST = 17, EXDEV = 18, ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22,
	ENFILE = 23, EMFILE = 24, ENOTTY = 25, ETXTBSY = 26, EFBIG = 27, ENOSPC = 28, ESPIPE = 29,
	EROFS = 30, EMLINK = 31, EPIPE = 32, EDOM = 33, ERANGE = 34, EDEADLK = 35,
	ENAMETOOLONG = 36, ENOLCK = 37, ENOSYS = 38, ENOTEMPTY = 39, ELOOP = 40, ENODATA = 61,
	ETIME = 62, EPROTO = 71, EBADMSG = 74, EOVERFLOW = 75, EUSERS = 87, ENOTSOCK = 88,
	EOPNOTSUPP = 95, EAFNOSUPPORT = 97, EADDRINUSE = 98, ECONNRESET = 104, ENOTCONN = 107,
	ETIMEDOUT = 110, ECONNREFUSED = 111, EALREADY = 114, EINPROGRESS = 115, ESTALE = 116,
	EDQUOT = 122, ECANCELED = 125, EOWNERDEAD = 130, ENOTRECOVERABLE = 131,
	/* Never seen by programs: what to do with a call that a signal cut short (signal(7)). */
	ERESTARTSYS = 512,	/* restart if the handler has SA_RESTART, else EINTR */
	ERESTARTNOINTR = 513,	/* always restart */
	ERESTARTNOHAND = 514,	/* restart only if no handler ran */
	ERESTART_BLOCK = 516,	/* no handler: restart with the time that is left; else EINTR */
};
