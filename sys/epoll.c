// SPDX-License-Identifier: MIT
/* The epoll calls. struct epoll_event is packed on x86-64 only. */
#include "sys/syscall.h"
#include "fs/epoll.h"
#include "fs/file.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/signal.h"

constexpr size_t EVENT_SIZE = ABI_GENERIC ? 16 : 12, DATA_OFFSET = ABI_GENERIC ? 8 : 4;
constexpr s64 SECOND = 1000000000;
constexpr u64 FOREVER = ~0ul;

static long create(u32 flags)
{
	struct file *file;
	int err = epoll_new(flags, &file);

	if (err)
		return err;
	int fd = fd_install(file, flags & O_CLOEXEC, 0);

	if (fd < 0)
		file_put(file);
	return fd;
}

SYSCALL(epoll_create1) { return create(ARG_UINT(0)); }
SYSCALL(epoll_create) { return ARG_INT(0) > 0 ? create(0) : -EINVAL; }

static int event_get(struct epoll_event *e, va_t user)
{
	u8 bytes[EVENT_SIZE];

	if (get_user(bytes, user))
		return -EFAULT;
	memcpy(&e->events, bytes, 4);
	memcpy(&e->data, bytes + DATA_OFFSET, 8);
	return 0;
}

static int event_put(const struct epoll_event *e, va_t user)
{
	u8 bytes[EVENT_SIZE] = {};

	memcpy(bytes, &e->events, 4);
	memcpy(bytes + DATA_OFFSET, &e->data, 8);
	return put_user(user, bytes);
}

SYSCALL(epoll_ctl)
{
	struct epoll_event event = {};

	if (ARG_INT(1) != EPOLL_CTL_DEL && event_get(&event, ARG_PTR(3)))
		return -EFAULT;
	scoped_fd ep = fd_get(ARG_INT(0));
	scoped_fd fd = fd_get(ARG_INT(2));

	if (!ep.file || !fd.file)
		return -EBADF;
	return epoll_control(ep.file, ARG_INT(1), fd.file, ARG_INT(2), &event);
}

static long wait(int epfd, va_t user, int max, u64 deadline)
{
	scoped_fd ep = fd_get(epfd);
	struct epoll_event small[16], *events = small;
	unsigned n = (unsigned)min(max, 1024);

	if (max <= 0)
		return -EINVAL;
	if (!ep.file)
		return -EBADF;
	if (n > ARRAY_SIZE(small) && !(events = kmalloc(n * sizeof(*events))))
		return -ENOMEM;
	long found = epoll_wait(ep.file, events, n, deadline);

	for (long i = 0; i < found; i++)
		if (event_put(&events[i], user + (u64)i * EVENT_SIZE))
			found = -EFAULT;
	if (events != small)
		kfree(events);
	return found;
}

static u64 deadline_in(s64 ns)
{
	u64 now = arch_clock_ns();

	if (ns <= 0)
		return 0;
	return (u64)ns >= FOREVER / 2 - now ? FOREVER / 2 : now + (u64)ns;
}

static u64 deadline_in_ms(int ms) { return ms < 0 ? FOREVER : deadline_in((s64)ms * 1000000); }

SYSCALL(epoll_wait) { return wait(ARG_INT(0), ARG_PTR(1), ARG_INT(2), deadline_in_ms(ARG_INT(3))); }

static long wait_masked(struct trapframe *f, u64 deadline)
{
	u64 mask;

	if (!ARG_PTR(4))
		return wait(ARG_INT(0), ARG_PTR(1), ARG_INT(2), deadline);
	if (ARG_U64(5) != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, ARG_PTR(4)))
		return -EFAULT;
	signal_mask_replace(mask);
	long found = wait(ARG_INT(0), ARG_PTR(1), ARG_INT(2), deadline);

	if (found != -EINTR)
		signal_mask_restore();
	return found;
}

SYSCALL(epoll_pwait) { return wait_masked(f, deadline_in_ms(ARG_INT(3))); }

SYSCALL(epoll_pwait2)
{
	s64 ts[2];

	if (!ARG_PTR(3))
		return wait_masked(f, FOREVER);
	if (get_user(ts, ARG_PTR(3)))
		return -EFAULT;
	if (ts[0] < 0 || ts[1] < 0 || ts[1] >= SECOND)
		return -EINVAL;
	return wait_masked(f, ts[0] > INT64_MAX / SECOND - 1 ? FOREVER / 2
							     : deadline_in(ts[0] * SECOND + ts[1]));
}
