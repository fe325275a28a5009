// SPDX-License-Identifier: MIT
/*
 * Who reads takes his own signals (those of the current thread and its task), as on Linux; who polls is woken for those of
 * the task that made the file, which it holds: a file in an epoll set outlives calls, and must not outlive the queue.
 */
#include "fs/signalfd.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "mm/kmem.h"
#include "proc/task.h"
#include "proc/unknown.h"

struct signalfd {
	u64 set;			/* (a) */
	struct task *maker;		/* (i) a reference */
};

/* struct signalfd_siginfo. */
struct record {
	u32 signo;
	s32 err, code;
	u32 pid, uid;
	s32 fd;
	u32 tid, band, overrun, trapno;
	s32 status, value_int;
	u64 value, utime, stime, addr;
	u16 addr_lsb, pad;
	u32 more[11];
};
static_assert(sizeof(struct record) == 128);

static bool is_fault(const struct siginfo *i)
{
	return i->code > 0 && (i->signo == SIGSEGV || i->signo == SIGBUS || i->signo == SIGILL ||
			       i->signo == SIGFPE || i->signo == SIGTRAP);
}

static struct record to_record(const struct siginfo *i)
{
	struct record r = { .signo = (u32)i->signo, .err = i->err, .code = i->code };

	if (is_fault(i)) {
		r.addr = i->fault.addr;
	} else if (i->code == SI_TIMER) {
		r.tid = (u32)i->timer.timerid;
		r.overrun = (u32)i->timer.overrun;
		r.value = i->timer.value;
		r.value_int = (s32)i->timer.value;
	} else if (i->signo == SIGCHLD && i->code > 0) {
		r.pid = (u32)i->child.pid;
		r.uid = i->child.uid;
		r.status = i->child.status;
		r.utime = (u64)i->child.utime;
		r.stime = (u64)i->child.stime;
	} else {
		r.pid = (u32)i->rt.pid;
		r.uid = i->rt.uid;
		r.value = i->rt.value;
		r.value_int = (s32)i->rt.value;
	}
	return r;
}

/* The first may be waited for. */
static int next_signal(struct file *f, struct siginfo *info, bool wait)
{
	struct signalfd *s = f->data;
	int sig;

	while (!(sig = signal_take(load_relaxed(&s->set), info))) {
		if (!wait)
			return 0;
		if (load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		int err = wait_event(&task_current()->signal_wait,
				     signal_pending_set() & load_relaxed(&s->set));

		if (err)
			return err;
	}
	return sig;
}

static long signalfd_read(struct file *f, struct io *io, u64 *pos)
{
	long done = 0;

	if (io->left < sizeof(struct record))
		return -EINVAL;
	while (io->left >= sizeof(struct record)) {
		struct siginfo info;
		int sig = next_signal(f, &info, done == 0);

		if (sig <= 0)
			return done ? done : sig;
		struct record r = to_record(&info);

		if (io_put(io, &r, sizeof(r)) != sizeof(r))
			return done ? done : -EFAULT;
		done += (long)sizeof(r);
	}
	return done;
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->data;

	poll_wait(pt, &s->maker->signal_wait);
	return signal_pending_set() & load_relaxed(&s->set) ? POLLIN | POLLRDNORM : 0;
}

static void signalfd_release(struct file *f)
{
	struct signalfd *s = f->data;

	task_put(s->maker);
	kfree(s);
}

static void signalfd_describe(struct file *f, char *buf, size_t size)
{
	snprintf(buf, size, "anon_inode:[signalfd]");
}

static const struct file_ops signalfd_fops = {
	.release = signalfd_release,
	.even_none = true,
	.read = signalfd_read,
	.poll = signalfd_poll,
	.describe = signalfd_describe,
};

static u64 allowed(u64 set)
{
	return set & ~(sig_bit(SIGKILL) | sig_bit(SIGSTOP));
}

int signalfd_new(u64 set, u32 flags, struct file **out)
{
	if (flags_unknown(flags, O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	struct signalfd *s = kmalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct signalfd){ .set = allowed(set), .maker = task_current() };
	*out = file_new_anon(inode_anon(), &signalfd_fops, s, O_RDWR | (flags & O_NONBLOCK));
	if (!*out) {
		kfree(s);
		return -ENOMEM;
	}
	task_get(s->maker);
	(*out)->mode |= FILE_STREAM;
	return 0;
}

int signalfd_change(struct file *f, u64 set)
{
	if (f->ops != &signalfd_fops)
		return -EINVAL;
	store_relaxed(&((struct signalfd *)f->data)->set, allowed(set));
	return 0;
}
