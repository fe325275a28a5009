// SPDX-License-Identifier: MIT
/*
 * Timers as files. Expirations are counted when somebody looks, from the deadline and the interval;
 * the kernel's timer only wakes whoever waits, and only the next time.
 *
 * Lock: timerfd->lock (irq-safe: the timer's function takes it).
 */
#include "fs/timerfd.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "mm/kmem.h"
#include "proc/timer.h"
#include "proc/wait.h"

struct timerfd {
	struct timer timer;
	struct spinlock lock;
	struct wait_queue waiters;
	u64 deadline;		/* (l) of the first expiration not yet counted, arch_clock_ns(); 0:
				 * off */
	u64 interval;		/* (l) 0: once */
	u64 count;		/* (l) expirations since the last read */
	bool realtime;		/* (i) */
};

static void timerfd_expired(struct timer *t)
{
	struct timerfd *tf = container_of(t, struct timerfd, timer);

	wake_up_all(&tf->waiters, POLLIN | POLLRDNORM);
}

/* Counts what has expired by now; lock held. Returns when the kernel's timer must go off next; 0:
 * never. */
static u64 advance(struct timerfd *tf)
{
	u64 now = arch_clock_ns();

	if (!tf->deadline || now < tf->deadline)
		return tf->deadline;
	u64 times = tf->interval ? (now - tf->deadline) / tf->interval + 1 : 1;

	tf->count += times;
	tf->deadline = tf->interval ? tf->deadline + times * tf->interval : 0;
	return tf->deadline;
}

/* Counts, and arms the timer for what comes next. */
static u64 look(struct timerfd *tf, bool take)
{
	u64 flags = spin_lock_irq(&tf->lock);
	u64 next = advance(tf), count = tf->count;

	if (take)
		tf->count = 0;
	if (next)
		timer_arm(&tf->timer, next);
	spin_unlock_irq(&tf->lock, flags);
	return count;
}

static long timerfd_read(struct file *f, struct io *io, u64 *pos)
{
	struct timerfd *tf = f->data;
	u64 count;

	if (io->left < sizeof(count))
		return -EINVAL;
	while (!(count = look(tf, true))) {
		if (load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		int err = wait_event(&tf->waiters, look(tf, false));

		if (err)
			return err;
	}
	return io_put(io, &count, sizeof(count)) == sizeof(count) ? (long)sizeof(count) : -EFAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *tf = f->data;

	poll_wait(pt, &tf->waiters);
	return look(tf, false) ? POLLIN | POLLRDNORM : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *tf = f->data;

	timer_cancel(&tf->timer);
	kfree(tf);
}

static void timerfd_describe(struct file *f, char *buf, size_t size)
{
	snprintf(buf, size, "anon_inode:[timerfd]");
}

static const struct file_ops timerfd_fops = {
	.release = timerfd_release,
	.even_none = true,
	.read = timerfd_read,
	.poll = timerfd_poll,
	.describe = timerfd_describe,
};

int timerfd_new(bool realtime, u32 flags, struct file **out)
{
	struct timerfd *tf = kzalloc(sizeof(*tf));

	if (!tf)
		return -ENOMEM;
	timer_init(&tf->timer, timerfd_expired);
	wait_queue_init(&tf->waiters);
	tf->realtime = realtime;
	*out = file_new_anon(inode_anon(), &timerfd_fops, tf, O_RDWR | flags);
	if (!*out) {
		kfree(tf);
		return -ENOMEM;
	}
	(*out)->mode |= FILE_STREAM;
	return 0;
}

/* A moment of arch_clock_ns(), never 0. What is past is at once. */
static u64 moment(const struct timerfd *tf, bool absolute, u64 ns)
{
	u64 now = arch_clock_ns(), clock = tf->realtime ? clock_realtime_ns() : now;

	if (absolute)
		ns = ns > clock ? ns - clock : 0;
	return max(ns > INT64_MAX - now ? INT64_MAX : now + ns, 1ul);
}

int timerfd_set(struct file *f, bool absolute, u64 first_ns, u64 interval_ns)
{
	struct timerfd *tf = f->data;

	if (f->ops != &timerfd_fops)
		return -EINVAL;
	timer_cancel(&tf->timer);
	u64 flags = spin_lock_irq(&tf->lock);

	tf->deadline = first_ns ? moment(tf, absolute, first_ns) : 0;
	tf->interval = interval_ns;
	tf->count = 0;
	if (tf->deadline)
		timer_arm(&tf->timer, tf->deadline);
	spin_unlock_irq(&tf->lock, flags);
	return 0;
}

int timerfd_get(struct file *f, u64 *left_ns, u64 *interval_ns)
{
	struct timerfd *tf = f->data;

	if (f->ops != &timerfd_fops)
		return -EINVAL;
	u64 flags = spin_lock_irq(&tf->lock);
	u64 next = advance(tf), now = arch_clock_ns();

	*left_ns = next > now ? next - now : next ? 1 : 0;
	*interval_ns = tf->interval;
	spin_unlock_irq(&tf->lock, flags);
	return 0;
}
