// SPDX-License-Identifier: MIT
/* pidfd_open(2): a process by descriptor, which no reused number can take the place of. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct file;
struct task;

/* flags: O_NONBLOCK. t: a reference is taken; nullptr: pidfd_attach() follows. */
[[nodiscard]] int pidfd_new(struct task *t, u32 flags, struct file **out);
/* Takes over the reference. Once. */
void pidfd_attach(struct file *f, struct task *t);
/* The task with a reference: -EBADF, f is no pidfd; -ESRCH, it has been waited for. */
[[nodiscard]] int pidfd_task(struct file *f, struct task **out);
/* The same for what pidfd_send_signal(2) takes besides: an open /proc/PID. */
[[nodiscard]] int pidfd_or_proc_task(struct file *f, struct task **out);
