// SPDX-License-Identifier: MIT
/*
 * Where the bytes of a read go or those of a write come from: user memory in one or many pieces, or
 * a kernel buffer. Files never see which. Copies may sleep.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "mm/user.h"

struct iovec {				/* Linux's: (address, length) pairs */
	u64 base, len;
};

constexpr unsigned IOV_MAX = 1024;
constexpr size_t IO_MAX = 0x7ffff000;	/* the most bytes one call moves */

/* Pieces of a user's are below USER_END: whoever makes an io checks that (io_user(), iovecs_get()). */
struct io {
	va_t at;			/* the current piece */
	size_t piece;			/* bytes left in it */
	size_t left;			/* bytes left in all */
	const struct iovec *next;	/* the pieces after it */
	bool kernel;
};

/* At most IO_MAX bytes of it. False: not all of it can be a user's, even where it would not be reached. */
[[nodiscard]] static inline bool io_user(struct io *io, va_t at, u64 n)
{
	if (unlikely(n > IO_MAX)) {
		if (!user_range_ok(at, n))
			return false;
		n = IO_MAX;
	} else if (unlikely(at > USER_END - n)) {
		return false;
	}
	*io = (struct io){ .at = at, .piece = n, .left = n };
	return true;
}

static inline void io_kernel(struct io *io, void *at, size_t n)
{
	*io = (struct io){ .at = (va_t)at, .piece = n, .left = n, .kernel = true };
}

/* Moves up to n bytes (never more than io->left) and advances. Returns how many before the first
 * bad address. io_put: to the reader. io_take: from the writer. io_zero: zeros to the reader. */
size_t io_put(struct io *io, const void *src, size_t n);
size_t io_take(struct io *io, void *dst, size_t n);
size_t io_zero(struct io *io, size_t n);
/* Discards n bytes of it (/dev/null). */
void io_skip(struct io *io, size_t n);
