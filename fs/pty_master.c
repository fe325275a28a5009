// SPDX-License-Identifier: MIT
/*
 * The master of a pseudo-terminal as a file: reads what the slave has written, types what the slave will read, and asks
 * and sets the terminal from outside (pty(7), ioctl_tty(2)).
 *
 * Locks: as fs/pty.c. One reader and one writer at a time, by turns.
 */
#include "fs/pty_pair.h"
#include "fs/poll.h"
#include "mm/user.h"
#include "proc/signal.h"

enum : unsigned {
	TCFLSH = 0x540b, TIOCOUTQ = 0x5411, FIONREAD = 0x541b, TIOCPKT = 0x5420, TIOCGPTN = 0x80045430,
	TIOCSPTLCK = 0x40045431, TIOCSIG = 0x40045436, TIOCGPKT = 0x80045438, TIOCGPTLCK = 0x80045439,
	TIOCGPTPEER = 0x5441,
};
enum { TCIFLUSH, TCOFLUSH, TCIOFLUSH };

static void master_release(struct file *f)
{
	struct pty *p = f->data;
	u64 flags = spin_lock_irq(&p->tty.lock);

	p->packet = false;
	store_relaxed(&p->tty.gone, true);
	spin_unlock_irq(&p->tty.lock, flags);
	devpts_remove(p->node);
	tty_hangup(&p->tty);
	pty_put(p);
}

/* Under the lock, or to look only. */
static bool has_status(const struct pty *p) { return load_relaxed(&p->packet) && load_relaxed(&p->status); }
static u32 waiting(const struct pty *p) { return load_relaxed(&p->head) - load_relaxed(&p->tail); }

static size_t take(struct pty *p, u8 *out, size_t n)
{
	u64 flags = spin_lock_irq(&p->tty.lock);

	n = min(n, (size_t)waiting(p));
	for (size_t i = 0; i < n; i++)
		out[i] = p->buffer[(p->tail + i) % PTY_BUFFER];
	store_relaxed(&p->tail, p->tail + (u32)n);
	spin_unlock_irq(&p->tty.lock, flags);
	if (n && tty_line_writable(&p->tty) && wait_queue_active(&p->tty.writers))
		wake_up_all(&p->tty.writers, POLLOUT | POLLWRNORM);
	return n;
}

static long take_all(struct pty *p, struct io *io)
{
	size_t done = 0;
	u8 chunk[256];

	while (io->left) {
		size_t n = take(p, chunk, min(io->left, sizeof(chunk))), put = io_put(io, chunk, n);

		done += put;
		if (put < n)
			return done ? (long)done : -EFAULT;
		if (!n)
			break;
	}
	return (long)done;
}

/* The status byte of packet mode, by itself if anything has happened: 1, 0 (data follow), -EFAULT. */
static long take_status(struct pty *p, struct io *io)
{
	u64 flags = spin_lock_irq(&p->tty.lock);
	u8 status = p->status;

	p->status = 0;
	spin_unlock_irq(&p->tty.lock, flags);
	if (io_put(io, &status, 1) != 1)
		return -EFAULT;
	return status ? 1 : 0;
}

static int wait_output(struct pty *p, bool nonblock)
{
	for (;;) {
		bool closed = load_acquire(&p->slave_closed);	/* first: what was written before that is there */

		if (has_status(p) || waiting(p))
			return 0;
		if (closed || nonblock)
			return closed ? -EIO : -EAGAIN;
		int err = wait_event(&p->readers, waiting(p) || has_status(p) || load_relaxed(&p->slave_closed));

		if (err)
			return err;
	}
}

static long master_read(struct file *f, struct io *io, u64 *pos)
{
	struct pty *p = f->data;
	bool nonblock = f->flags & O_NONBLOCK;
	int err = tty_turn_take(&p->read_turn, nonblock);

	if (err)
		return err;
	long res, head = 0;

	do {	/* again, if it was flushed before we came: 0 would mean the end */
		res = wait_output(p, nonblock);
		if (!res && p->packet) {
			res = take_status(p, io);
			head = res ? 0 : 1;
		}
		if (!res)
			res = take_all(p, io);
	} while (!res && !head);
	tty_turn_end(&p->read_turn);
	return res < 0 ? res : res + head;
}

/* Types a piece: how many bytes were taken; *err why not more. */
static size_t type(struct pty *p, const u8 *bytes, size_t n, bool nonblock, int *err)
{
	struct tty *t = &p->tty;
	size_t done = 0;

	for (;;) {
		struct tty_signals s = {};
		u64 flags = spin_lock_irq(&t->lock);

		while (done < n && tty_line_receive(t, bytes[done], &s))
			done++;
		if (done < n)
			store_relaxed(&t->throttled, true);
		spin_unlock_irq(&t->lock, flags);
		tty_send_signals(t, &s);
		if (done == n)
			return done;
		*err = nonblock ? -EAGAIN : wait_event(&p->writers, !load_relaxed(&t->throttled));
		if (*err)
			return done;
	}
}

static long master_write(struct file *f, struct io *io, u64 *pos)
{
	struct pty *p = f->data;
	bool nonblock = f->flags & O_NONBLOCK;
	int err = tty_turn_take(&p->write_turn, nonblock);
	size_t done = 0;
	u8 chunk[256];

	if (err)
		return err;
	while (io->left && !err) {
		size_t n = io_take(io, chunk, min(io->left, sizeof(chunk)));

		if (!n)
			err = -EFAULT;
		else
			done += type(p, chunk, n, nonblock, &err);
	}
	tty_turn_end(&p->write_turn);
	return done ? (long)done : err;
}

static u32 master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = f->data;
	u32 ready = 0;

	poll_wait(pt, &p->readers);
	poll_wait(pt, &p->writers);
	if (waiting(p))
		ready |= POLLIN | POLLRDNORM;
	if (has_status(p))
		ready |= POLLIN | POLLRDNORM | POLLPRI;
	if (load_relaxed(&p->slave_closed))
		ready |= POLLHUP;
	if (!load_relaxed(&p->tty.throttled))
		ready |= POLLOUT | POLLWRNORM;
	return ready;
}

/* ---- ioctl_tty(2) at the master */

static long open_peer(struct pty *p, u32 flags)
{
	struct path at = { p->mount, p->node };
	struct file *f;
	int err = file_open_path(&at, flags, &f);

	if (err)
		return err;
	int fd = fd_install(f, flags, 0);

	if (fd < 0)
		file_put(f);
	return fd;
}

static long set_packet(struct pty *p, bool on)
{
	u64 flags = spin_lock_irq(&p->tty.lock);

	if (on && !p->packet)
		p->status = 0;
	store_relaxed(&p->packet, on);
	spin_unlock_irq(&p->tty.lock, flags);
	return 0;
}

static long send_signal(struct pty *p, int sig)
{
	if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
		return -EINVAL;
	tty_signal(&p->tty, sig);
	return 0;
}

/* Input here is what the slave has written; what was typed is the slave's already. */
static long master_flush(struct pty *p, int which)
{
	if (which < TCIFLUSH || which > TCIOFLUSH)
		return -EINVAL;
	if (which == TCOFLUSH)
		return 0;
	u64 flags = spin_lock_irq(&p->tty.lock);

	pty_flush_output(p);
	spin_unlock_irq(&p->tty.lock, flags);
	return 0;
}

static long set_flag(struct pty *p, unsigned cmd, va_t from)
{
	int value;

	if (get_user(value, from))
		return -EFAULT;
	if (cmd == TIOCPKT)
		return set_packet(p, value);
	store_relaxed(&p->locked, value != 0);
	return 0;
}

static long put_number(va_t to, unsigned number)
{
	return put_user(to, number);
}

static long master_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct pty *p = f->data;

	switch (cmd) {
	case TIOCGPTN:
		return put_number(arg, p->number);
	case TIOCSPTLCK:
	case TIOCPKT:
		return set_flag(p, cmd, arg);
	case TIOCGPTLCK:
		return put_number(arg, p->locked);
	case TIOCGPKT:
		return put_number(arg, p->packet);
	case TIOCGPTPEER:
		return open_peer(p, (u32)arg);
	case TIOCSIG:
		return send_signal(p, (int)arg);
	case FIONREAD:
		return put_number(arg, waiting(p));
	case TIOCOUTQ:
		return put_number(arg, 0);
	case TCFLSH:
		return master_flush(p, (int)arg);
	default:
		return tty_ioctl(f, &p->tty, cmd, arg, true);
	}
}

const struct file_ops pty_master_fops = {
	.release = master_release,
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
};
