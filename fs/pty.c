// SPDX-License-Identifier: MIT
/*
 * Pseudo-terminals (pty(7)): a terminal whose wire is a pair of rings in memory, and a file, the master, at the wire's
 * other end. What the master writes is what was typed: it goes through the line discipline into the terminal's input ring.
 * What the slave writes, and echo, waits in a ring here until the master reads it. Neither end loses bytes: a writer that
 * finds no room sleeps.
 *
 * The master's end hangs the slave up for ever; the slave's last close shows at the master as EIO until it is opened again.
 * A struct pty lives as long as a file of either end, or a session whose terminal it is.
 *
 * Here are the pair and the terminal's side of it; the master's file is in fs/pty_master.c.
 *
 * Locks: the terminal's (tty->lock) for everything here.
 */
#include "fs/pty_pair.h"
#include "fs/chardev.h"
#include "fs/mount.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "mm/kmem.h"

unsigned pty_limit = PTYS_MAX;
static unsigned ptys;			/* (a) */

unsigned pty_count(void)
{
	return load_relaxed(&ptys);
}

/* ---- the terminal's driver; under its lock */

static struct pty *pty_of(struct tty_driver *d)
{
	return container_of(d, struct pty, driver);
}

static size_t driver_room(struct tty_driver *d)
{
	struct pty *p = pty_of(d);

	return PTY_BUFFER - (load_relaxed(&p->head) - load_relaxed(&p->tail));
}

static size_t driver_write(struct tty_driver *d, const u8 *bytes, size_t n)
{
	struct pty *p = pty_of(d);

	n = min(n, driver_room(d));
	for (size_t i = 0; i < n; i++)
		p->buffer[(p->head + i) % PTY_BUFFER] = bytes[i];
	store_relaxed(&p->head, p->head + (u32)n);
	if (n)
		wake_up_all(&p->readers, POLLIN | POLLRDNORM);
	return n;
}

static void driver_unthrottle(struct tty_driver *d)
{
	wake_up_all(&pty_of(d)->writers, POLLOUT | POLLWRNORM);
}

static int driver_open(struct tty_driver *d)
{
	struct pty *p = pty_of(d);

	if (p->locked || p->tty.gone)
		return -EIO;
	p->slave_closed = false;
	return 0;
}

static void driver_close(struct tty_driver *d)
{
	struct pty *p = pty_of(d);

	store_relaxed(&p->slave_closed, true);
	wake_up_all(&p->readers, 0);
}

void pty_flush_output(struct pty *p)
{
	p->head = p->tail = 0;
	wake_up_all(&p->tty.writers, 0);
}

/* Two of a kind that cancel each other leave the later one. */
static void driver_event(struct tty_driver *d, u8 events)
{
	constexpr u8 PAIRS[][2] = { { TTY_EVENT_STOP, TTY_EVENT_START }, { TTY_EVENT_NOSTOP, TTY_EVENT_DOSTOP } };
	struct pty *p = pty_of(d);

	if (events & TTY_EVENT_FLUSHWRITE)
		pty_flush_output(p);
	if (!p->packet)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(PAIRS); i++)
		if (events & (PAIRS[i][0] | PAIRS[i][1]))
			p->status &= (u8)~(PAIRS[i][0] | PAIRS[i][1]);
	store_relaxed(&p->status, p->status | events);
	wake_up_all(&p->readers, 0);
}

static void driver_get(struct tty_driver *d) { pty_get(pty_of(d)); }
static void driver_put(struct tty_driver *d) { pty_put(pty_of(d)); }

static const struct tty_driver_ops driver_ops = {
	.write = driver_write, .unthrottle = driver_unthrottle, .room = driver_room, .open = driver_open,
	.close = driver_close, .event = driver_event, .get = driver_get, .put = driver_put,
};

/* ---- birth and death */

void pty_get(struct pty *p)
{
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}

void pty_put(struct pty *p)
{
	if (__atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	dentry_put(p->node);
	devpts_number_free(p->mount, p->number);
	mount_put(p->mount);
	__atomic_fetch_sub(&ptys, 1, __ATOMIC_RELAXED);
	kfree(p->buffer);
	kfree(p);
}

static struct pty *pty_alloc(void)
{
	struct pty *p = kzalloc(sizeof(*p));

	if (!p || !(p->buffer = kmalloc(PTY_BUFFER))) {
		kfree(p);
		return nullptr;
	}
	p->refs = 1;
	p->locked = true;
	p->driver = (struct tty_driver){ .ops = &driver_ops, .name = "pts", .is_pty = true };
	wait_queue_init(&p->readers);
	wait_queue_init(&p->writers);
	wait_queue_init(&p->read_turn.queue);
	wait_queue_init(&p->write_turn.queue);
	return p;
}

/* Gives p its number and name below m, whose reference it takes over if it succeeds. */
static int pty_name(struct pty *p, struct mount *m)
{
	int err = devpts_number(m, &p->number);

	if (err)
		return err;
	tty_init_struct(&p->tty, &p->driver, dev_make(PTS_MAJOR, p->number));
	p->tty.termios.cflag &= ~(u32)(HUPCL | CLOCAL);
	err = devpts_add(m, p->number, p, &p->node);
	if (err)
		devpts_number_free(m, p->number);
	else
		p->mount = m;
	return err;
}

static int pty_new(struct mount *m, struct pty **out)
{
	if (__atomic_add_fetch(&ptys, 1, __ATOMIC_RELAXED) > load_relaxed(&pty_limit)) {
		__atomic_fetch_sub(&ptys, 1, __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	struct pty *p = pty_alloc();
	int err = p ? pty_name(p, m) : -ENOMEM;

	if (err) {
		__atomic_fetch_sub(&ptys, 1, __ATOMIC_RELAXED);
		if (p)
			kfree(p->buffer);
		kfree(p);
		return err;
	}
	*out = p;
	return 0;
}

/* ---- opening both ends */

static int ptmx_open(struct file *f)
{
	struct mount *m;
	struct pty *p;
	int err = devpts_of(f, &m);

	if (err)
		return err;
	err = pty_new(m, &p);
	if (err) {
		mount_put(m);
		return err;
	}
	f->data = p;
	f->ops = &pty_master_fops;
	f->mode |= FILE_STREAM;
	return 0;
}

/* The slave is a terminal like any other once it is open. */
static int slave_open(struct file *f)
{
	struct pty *p = devpts_pty(f->inode);

	if (!p)
		return -EIO;
	int err = tty_open_file(f, &p->tty);

	pty_put(p);
	return err;
}

static const struct file_ops ptmx_fops = { .open = ptmx_open };
static const struct file_ops slave_fops = { .open = slave_open };
static struct chardev ptmx = { .dev = PTMX_DEV, .name = "ptmx", .mode = 0666, .ops = &ptmx_fops };
static struct chardev slaves = { .dev = PTS_MAJOR << 20, .count = 1u << 20, .driver = "pts", .ops = &slave_fops };

void pty_init(void)
{
	if (chardev_register(&ptmx) || chardev_register(&slaves))
		log_err("pty: no memory for /dev/ptmx");
	devpts_init();
}
