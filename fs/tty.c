// SPDX-License-Identifier: MIT
/*
 * Terminals as files: registration, open and close, hang-up, /dev/tty and /dev/console.
 */
#include "fs/tty.h"
#include "fs/chardev.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/task.h"

constexpr unsigned TTYS_MAX = 16;
static struct {
	struct tty tty;
	struct chardev chardev;
} *ttys[TTYS_MAX];
static unsigned ntty;
static struct tty *console;

void tty_init_struct(struct tty *t, struct tty_driver *d, u32 dev)
{
	*t = (struct tty){ .driver = d, .dev = dev };
	wait_queue_init(&t->readers);
	wait_queue_init(&t->writers);
	mutex_init(&t->read_lock);
	mutex_init(&t->write_lock);
	tty_line_reset(t);
	d->tty = t;
}

/* Linux's numbers: ttyS0 4:64, ttyAMA0 204:64, others from 240 on. */
static u32 device_number(const char *name, unsigned index)
{
	if (!strncmp(name, "ttyS", 4))
		return dev_make(4, 64 + (u32)str_number(name + 4, &(const char *){ nullptr }));
	if (!strncmp(name, "ttyAMA", 6))
		return dev_make(204, 64 + (u32)str_number(name + 6, &(const char *){ nullptr }));
	return dev_make(240, index);
}

int tty_register(struct tty_driver *d)
{
	if (ntty == TTYS_MAX)
		return -ENOMEM;
	typeof(ttys[0]) e = kzalloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	u32 dev = device_number(d->name, ntty);

	tty_init_struct(&e->tty, d, dev);
	e->chardev = (struct chardev){
		.dev = dev, .name = d->name, .mode = 0620, .ops = &tty_fops, .data = &e->tty,
	};
	int err = chardev_register(&e->chardev);

	if (err) {
		kfree(e);
		return err;
	}
	ttys[ntty++] = e;
	if (d->is_console)
		console = &e->tty;
	return 0;
}

size_t tty_input(struct tty_driver *d, const u8 *bytes, size_t n)
{
	struct tty_signals s = {};
	struct tty *t = d->tty;
	size_t done = 0;
	u64 flags = spin_lock_irq(&t->lock);

	while (done < n && tty_line_receive(t, bytes[done], &s))
		done++;
	if (done < n)
		t->throttled = true;
	spin_unlock_irq(&t->lock, flags);
	tty_send_signals(&s);
	return done;
}

/* ---- sessions */

struct tty *tty_current(void)
{
	struct session *s = task_current()->session;

	return s ? load_acquire(&s->tty) : nullptr;
}

/* Under no lock: the session with this number has no terminal any more. */
void tty_forget_session(int sid)
{
	u64 flags = spin_lock_irq(&tasks_lock);

	list_for_each(task, &tasks, struct task, all) {
		if (task->sid == sid && task->session)
			task->session->tty = nullptr;
	}
	spin_unlock_irq(&tasks_lock, flags);
}

/* The terminal belongs to nobody; returns who was in the foreground. */
static int release_session(struct tty *t)
{
	u64 flags = spin_lock_irq(&t->lock);
	int pgid = t->pgid;

	t->sid = t->pgid = 0;
	spin_unlock_irq(&t->lock, flags);
	return pgid;
}

void tty_session_end(struct session *s)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	struct tty *t = s->tty;

	s->tty = nullptr;
	spin_unlock_irq(&tasks_lock, flags);
	if (!t || t->sid != s->sid)
		return;
	int pgid = release_session(t);

	if (pgid) {
		signal_group(pgid, SIGHUP, nullptr);
		signal_group(pgid, SIGCONT, nullptr);
	}
}

void tty_hangup(struct tty *t)
{
	int sid = t->sid, pgid = release_session(t);

	if (sid)
		tty_forget_session(sid);
	store_relaxed(&t->hung_up, true);
	if (pgid) {
		signal_group(pgid, SIGHUP, nullptr);
		signal_group(pgid, SIGCONT, nullptr);
	}
	wake_up_all(&t->readers, 0);
	wake_up_all(&t->writers, 0);
}

/* ---- files */

static struct tty *file_tty(const struct file *f)
{
	return f->data;
}

/* A session leader without a terminal gets the one it opens. */
static void maybe_become_controlling(struct file *f, struct tty *t)
{
	struct task *me = task_current();

	if (!(f->flags & O_NOCTTY) && me && me->session && me->pid == me->sid && !me->session->tty && !t->sid)
		(void)tty_ioctl(t, TIOCSCTTY, 0, f->flags);
}

static int tty_open(struct file *f)
{
	struct tty *t = file_tty(f);

	if (!t)
		return -ENXIO;
	u64 flags = spin_lock_irq(&t->lock);
	bool busy = t->exclusive && t->opens && !cred_capable(cred_current(), CAP_SYS_ADMIN);

	if (!busy && t->opens++ == 0)
		t->hung_up = false;
	spin_unlock_irq(&t->lock, flags);
	if (busy)
		return -EBUSY;
	maybe_become_controlling(f, t);
	return 0;
}

static void tty_release(struct file *f)
{
	struct tty *t = file_tty(f);
	u64 flags = spin_lock_irq(&t->lock);

	if (--t->opens == 0)
		t->exclusive = t->hung_up = t->stopped = false;
	spin_unlock_irq(&t->lock, flags);
}

static long tty_file_read(struct file *f, struct io *io, u64 *pos)
{
	return tty_read(file_tty(f), io, f->flags & O_NONBLOCK);
}

static long tty_file_write(struct file *f, struct io *io, u64 *pos)
{
	return tty_write(file_tty(f), io, f->flags & O_NONBLOCK);
}

static long tty_file_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	return tty_ioctl(file_tty(f), cmd, arg, f->flags);
}

static u32 tty_file_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = file_tty(f);
	u32 ready = 0;

	poll_wait(pt, &t->readers);
	poll_wait(pt, &t->writers);
	u32 want = t->termios.lflag & ICANON || t->termios.cc[VTIME] ? 1 : max(t->termios.cc[VMIN], (u8)1);

	if (tty_line_readable(t) >= want)
		ready |= POLLIN | POLLRDNORM;
	if (!load_relaxed(&t->stopped))
		ready |= POLLOUT | POLLWRNORM;
	return load_relaxed(&t->hung_up) ? POLLIN | POLLHUP | POLLERR : ready;
}

const struct file_ops tty_fops = {
	.open = tty_open,
	.release = tty_release,
	.read = tty_file_read,
	.write = tty_file_write,
	.ioctl = tty_file_ioctl,
	.poll = tty_file_poll,
};

/* /dev/tty is the current session's terminal, /dev/console the machine's. */
static int tty_alias_open(struct file *f)
{
	f->data = dev_minor(f->inode->rdev) == 0 ? tty_current() : console;
	if (dev_minor(f->inode->rdev) == 1)
		f->flags |= O_NOCTTY;
	f->ops = &tty_fops;
	return f->data ? tty_open(f) : -ENXIO;
}

static const struct file_ops alias_fops = { .open = tty_alias_open };
static struct chardev alias_tty = { .dev = 5u << 20, .name = "tty", .mode = 0666, .ops = &alias_fops };
static struct chardev alias_console = { .dev = 5u << 20 | 1, .name = "console", .mode = 0600, .ops = &alias_fops };

void tty_init(void)
{
	if (chardev_register(&alias_tty) || chardev_register(&alias_console))
		log_err("tty: no memory for /dev/tty");
}
