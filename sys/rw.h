// SPDX-License-Identifier: MIT
/* Between the calls that move bytes. */
#pragma once

#include "fs/file.h"

/* An array of pieces from user memory. */
struct iovecs {
	struct iovec *v;
	struct iovec small[8];
};
/* Copies and checks it and makes *io of it: 0, -EINVAL, -EFAULT, -ENOMEM. */
[[nodiscard]] int iovecs_get(struct iovecs *vs, va_t user, u64 count, struct io *io);
void iovecs_put(struct iovecs *vs);
#define scoped_iovecs [[gnu::cleanup(iovecs_put)]] struct iovecs

/* At the file's own position, whose lock is taken if others share the file. */
long fd_read(const struct fd *fd, struct io *io);
long fd_write(const struct fd *fd, struct io *io);
