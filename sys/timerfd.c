// SPDX-License-Identifier: MIT
/* The timerfd calls. */
#include "fs/timerfd.h"
#include "fs/file.h"
#include "proc/unknown.h"
#include "sys/clock.h"
#include "sys/syscall.h"

constexpr u32 TFD_TIMER_ABSTIME = 1, TFD_TIMER_CANCEL_ON_SET = 2;
constexpr size_t TIMESPEC_SIZE = 16;

SYSCALL(timerfd_create)
{
	int clock = ARG_INT(0);
	u32 flags = ARG_UINT(1);
	struct file *file;

	if (flags_unknown(flags, O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	int err = timerfd_new(clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM,
			      flags & O_NONBLOCK, &file);

	if (err)
		return err;
	int fd = fd_install(file, flags & O_CLOEXEC, 0);

	if (fd < 0)
		file_put(file);
	return fd;
}

/* struct itimerspec: interval, then value. */
static int put_spec(struct file *file, va_t user)
{
	u64 left, interval;
	int err = timerfd_get(file, &left, &interval);

	if (!err)
		err = timespec_put(user, interval);
	return err ? err : timespec_put(user + TIMESPEC_SIZE, left);
}

SYSCALL(timerfd_settime)
{
	scoped_fd fd = fd_get(ARG_INT(0));
	u32 flags = ARG_UINT(1);
	u64 first, interval;

	if (flags_unknown(flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	int err = timespec_get(ARG_PTR(2), &interval);

	if (!err)
		err = timespec_get(ARG_PTR(2) + TIMESPEC_SIZE, &first);
	if (err)
		return err;
	if (!fd.file)
		return -EBADF;
	if (ARG_PTR(3))
		err = put_spec(fd.file, ARG_PTR(3));
	return err ? err : timerfd_set(fd.file, flags & TFD_TIMER_ABSTIME, first, interval);
}

SYSCALL(timerfd_gettime)
{
	scoped_fd fd = fd_get(ARG_INT(0));

	return fd.file ? put_spec(fd.file, ARG_PTR(1)) : -EBADF;
}
