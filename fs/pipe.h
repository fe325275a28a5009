// SPDX-License-Identifier: MIT
/* Pipes and fifos (pipe(7), fifo(7)). */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct file;
struct file_ops;
struct pipe;

constexpr size_t PIPE_BUF = 4096, PIPE_SIZE = 64 * KiB, PIPE_SIZE_MAX = 1 * MiB;

/* Two open ends: *in is read from, *out written to. flags: O_NONBLOCK, O_DIRECT (not yet). 0,
 * -ENOMEM. */
[[nodiscard]] int pipe_new(u32 flags, struct file **in, struct file **out);
void pipe_free(struct pipe *p);
/* F_GETPIPE_SZ, F_SETPIPE_SZ: bytes. -EBADF if f is no pipe; -EBUSY, -EPERM, -ENOMEM. */
long pipe_capacity(struct file *f);
long pipe_set_capacity(struct file *f, size_t size);
extern const struct file_ops fifo_fops;
