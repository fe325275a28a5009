// SPDX-License-Identifier: MIT
/* epoll(7): a set of files, and a queue of those that may be ready. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct file;

enum : u32 {
	EPOLLEXCLUSIVE = 1u << 28,
	EPOLLWAKEUP = 1u << 29,
	EPOLLONESHOT = 1u << 30,
	EPOLLET = 1u << 31,
};
enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL, EPOLL_CTL_MOD };

/* In the kernel; programs see it packed or not, see sys/epoll.c. */
struct epoll_event {
	u32 events;
	u64 data;
};

[[nodiscard]] int epoll_new(u32 flags, struct file **out);
/* -EINVAL if ep is no epoll or is f; -EEXIST, -ENOENT, -EPERM, -ELOOP, -ENOMEM. */
[[nodiscard]] int epoll_control(struct file *ep, int op, struct file *f, int fd,
				const struct epoll_event *event);
/* Waits until the deadline (0: not at all) for up to n events: how many, -EINVAL, -EINTR. */
long epoll_wait(struct file *ep, struct epoll_event *events, unsigned n, u64 deadline_ns);
/* The last reference on a watched file is gone: it leaves all sets. Before its release
 * operation. */
void epoll_file_closed(struct file *f);
