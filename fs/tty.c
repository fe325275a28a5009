// SPDX-License-Identifier: MIT
/*
 * Terminals as files: registration, open and close, /dev/tty and /dev/console.
 */
#include "fs/tty.h"
#include "fs/chardev.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/cred.h"

constexpr unsigned TTYS_MAX = 16;
static struct {
	struct tty tty;
	struct chardev chardev;
} *ttys[TTYS_MAX];
static unsigned ntty;
static struct tty *console;

constexpr unsigned PREFERRED_MAX = 4;
static const char *preferred[PREFERRED_MAX];	/* (i) once drivers register */
static int console_rank;			/* 1 + the place of console's name in it, 0: in none */

void tty_init_struct(struct tty *t, struct tty_driver *d, u32 dev)
{
	t->driver = d;
	t->dev = dev;
	wait_queue_init(&t->readers);
	wait_queue_init(&t->writers);
	wait_queue_init(&t->read_turn.queue);
	wait_queue_init(&t->write_turn.queue);
	tty_line_reset(t);
	d->tty = t;
}

/* Linux's numbers: tty1 4:1, ttyS0 4:64, ttyAMA0 204:64, others from 240 on. */
static u32 device_number(const char *name, unsigned index)
{
	if (!strncmp(name, "ttyS", 4))
		return dev_make(4, 64 + (u32)str_number(name + 4, &(const char *){ nullptr }));
	if (!strncmp(name, "ttyAMA", 6))
		return dev_make(204, 64 + (u32)str_number(name + 6, &(const char *){ nullptr }));
	if (name[3] >= '0' && name[3] <= '9')
		return dev_make(4, (u32)str_number(name + 3, &(const char *){ nullptr }));
	return dev_make(240, index);
}

void tty_prefer_console(const char *name)
{
	for (unsigned i = 0; i < PREFERRED_MAX; i++) {
		if (!preferred[i]) {
			preferred[i] = strncmp(name, "tty0", 5) == 0 ? "tty1" : name;
			return;
		}
	}
}

static int rank(const char *name)
{
	int found = 0;

	for (unsigned i = 0; i < PREFERRED_MAX && preferred[i]; i++) {
		size_t n = strlen(name);

		if (strncmp(preferred[i], name, n) == 0 && (!preferred[i][n] || preferred[i][n] == ','))
			found = (int)i + 1;
	}
	return found;
}

static void choose_console(struct tty *t)
{
	int r = rank(t->driver->name);

	if (r > console_rank || (!console_rank && t->driver->is_console))
		console = t;
	console_rank = max(console_rank, r);
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
	choose_console(&e->tty);
	return 0;
}

/* What is typed at the serial console is meant for the console, if that is a screen and nobody uses the serial line for
 * something else. */
static struct tty *input_target(struct tty_driver *d)
{
	bool elsewhere = d->is_console && console->driver->is_screen && !load_relaxed(&d->tty->opens);

	return elsewhere ? console : d->tty;
}

/* A screen's driver cannot hold a serial line up: what finds no room there is lost. */
size_t tty_input(struct tty_driver *d, const u8 *bytes, size_t n)
{
	struct tty_signals s = {};
	struct tty *t = input_target(d);
	size_t done = 0;
	u64 flags = spin_lock_irq(&t->lock);

	while (done < n && tty_line_receive(t, bytes[done], &s))
		done++;
	if (t != d->tty)
		done = n;
	if (done < n)
		t->throttled = true;
	spin_unlock_irq(&t->lock, flags);
	tty_send_signals(t, &s);
	return done;
}

/* ---- files */

int tty_open_file(struct file *f, struct tty *t)
{
	const struct tty_driver_ops *ops = t->driver->ops;
	u64 flags = spin_lock_irq(&t->lock);
	bool busy = t->exclusive && t->opens && !cred_capable(cred_current(), CAP_SYS_ADMIN);
	int err = busy ? -EBUSY : ops->open ? ops->open(t->driver) : 0;

	if (!err) {
		t->opens++;
		f->arg = t->hangups;
	}
	spin_unlock_irq(&t->lock, flags);
	if (err)
		return err;
	tty_get(t);
	f->data = t;
	f->ops = &tty_fops;
	f->mode |= FILE_STREAM;
	tty_maybe_control(f, t);
	return 0;
}

static int tty_open(struct file *f)
{
	return tty_open_file(f, f->data);
}

static void tty_release(struct file *f)
{
	struct tty *t = f->data;
	u64 flags = spin_lock_irq(&t->lock);

	if (--t->opens == 0) {
		t->exclusive = t->stopped = false;
		if (t->driver->ops->close)
			t->driver->ops->close(t->driver);
	}
	spin_unlock_irq(&t->lock, flags);
	tty_put(t);
}

static long tty_file_read(struct file *f, struct io *io, u64 *pos) { return tty_read(f, io); }
static long tty_file_write(struct file *f, struct io *io, u64 *pos) { return tty_write(f, io); }

static long tty_file_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	return tty_ioctl(f, f->data, cmd, arg, false);
}

static u32 tty_file_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = f->data;
	u32 ready = 0;

	poll_wait(pt, &t->readers);
	poll_wait(pt, &t->writers);
	if (tty_file_hung_up(f, t))
		return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
	u32 want = tty_is_canonical(t) || t->termios.cc[VTIME] ? 1 : max(t->termios.cc[VMIN], (u8)1);

	if (tty_line_readable(t) >= want)
		ready |= POLLIN | POLLRDNORM;
	if (tty_line_writable(t))
		ready |= POLLOUT | POLLWRNORM;
	return ready;
}

const struct file_ops tty_fops = {
	.open = tty_open,
	.release = tty_release,
	.read = tty_file_read,
	.write = tty_file_write,
	.ioctl = tty_file_ioctl,
	.poll = tty_file_poll,
};

/* /dev/tty is the current session's terminal. */
static int current_open(struct file *f)
{
	struct tty *t = tty_current_get();

	if (!t)
		return -ENXIO;
	f->flags |= O_NOCTTY;
	int err = tty_open_file(f, t);

	tty_put(t);
	return err;
}

/* /dev/console is the machine's, whoever else has it: no hang-up ends it, and nobody gets it by accident. */
static int console_open(struct file *f)
{
	if (!console)
		return -ENXIO;
	f->flags |= O_NOCTTY;
	int err = tty_open_file(f, console);

	if (!err)
		f->arg = TTY_NO_HANGUP;
	return err;
}

static const struct file_ops current_fops = { .open = current_open };
static const struct file_ops console_fops = { .open = console_open };
static struct chardev alias_tty = { .dev = 5u << 20, .name = "tty", .mode = 0666, .ops = &current_fops };
static struct chardev alias_console = { .dev = 5u << 20 | 1, .name = "console", .mode = 0600, .ops = &console_fops };

void tty_init(void)
{
	if (chardev_register(&alias_tty) || chardev_register(&alias_console))
		log_err("tty: no memory for /dev/tty");
}
