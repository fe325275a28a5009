// SPDX-License-Identifier: MIT
/* The counter is under a spinlock, with interrupts on: only system calls touch it. */
#include "fs/eventfd.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "mm/kmem.h"
#include "proc/unknown.h"
#include "proc/wait.h"

constexpr u64 COUNT_MAX = ~0ul - 1;

struct eventfd {
	struct spinlock lock;
	struct wait_queue waiters;	/* readers and writers: either is rare */
	u64 count;			/* (l) */
	bool semaphore;			/* (i) */
};

/* Takes what a read takes; 0: nothing there. */
static u64 take(struct eventfd *e)
{
	scoped_spin(&e->lock);
	u64 got = e->semaphore ? e->count != 0 : e->count;

	store_relaxed(&e->count, e->count - got);
	return got;
}

static bool add(struct eventfd *e, u64 n)
{
	scoped_spin(&e->lock);
	if (n > COUNT_MAX - e->count)
		return false;
	store_relaxed(&e->count, e->count + n);
	return true;
}

static long eventfd_read(struct file *f, struct io *io, u64 *pos)
{
	struct eventfd *e = f->data;
	u64 got;

	if (io->left < sizeof(got))
		return -EINVAL;
	while (!(got = take(e))) {
		if (load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		int err = wait_event(&e->waiters, load_relaxed(&e->count));

		if (err)
			return err;
	}
	if (wait_queue_active(&e->waiters))
		wake_up_all(&e->waiters, POLLOUT | POLLWRNORM);
	return io_put(io, &got, sizeof(got)) == sizeof(got) ? (long)sizeof(got) : -EFAULT;
}

static long eventfd_write(struct file *f, struct io *io, u64 *pos)
{
	struct eventfd *e = f->data;
	u64 n;

	if (io->left < sizeof(n))
		return -EINVAL;
	if (io_take(io, &n, sizeof(n)) != sizeof(n))
		return -EFAULT;
	if (n == ~0ul)
		return -EINVAL;
	while (!add(e, n)) {
		if (load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		int err = wait_event(&e->waiters, n <= COUNT_MAX - load_relaxed(&e->count));

		if (err)
			return err;
	}
	if (wait_queue_active(&e->waiters))
		wake_up_all(&e->waiters, POLLIN | POLLRDNORM);
	return sizeof(n);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->data;

	poll_wait(pt, &e->waiters);
	u64 count = load_relaxed(&e->count);

	return (count ? POLLIN | POLLRDNORM : 0) | (count < COUNT_MAX ? POLLOUT | POLLWRNORM : 0);
}

static void eventfd_release(struct file *f)
{
	kfree(f->data);
}

static void eventfd_describe(struct file *f, char *buf, size_t size)
{
	snprintf(buf, size, "anon_inode:[eventfd]");
}

static const struct file_ops eventfd_fops = {
	.release = eventfd_release,
	.even_none = true,
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.describe = eventfd_describe,
};

int eventfd_new(u64 count, u32 flags, struct file **out)
{
	if (flags_unknown(flags, EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	struct eventfd *e = kzalloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	wait_queue_init(&e->waiters);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	*out = file_new_anon(inode_anon(), &eventfd_fops, e, O_RDWR | (flags & O_NONBLOCK));
	if (*out) {
		(*out)->mode |= FILE_STREAM;
		return 0;
	}
	kfree(e);
	return -ENOMEM;
}
