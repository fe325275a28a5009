// SPDX-License-Identifier: MIT
/* Reading from and writing to a terminal: lines or characters (VMIN, VTIME), job control, flow control. */
#include "fs/file.h"
#include "fs/io.h"
#include "fs/tty.h"
#include "proc/signal.h"

constexpr u64 TENTH_NS = 100'000'000;

int tty_turn_take(struct tty_turn *turn, bool nonblock)
{
	if (nonblock)
		return __atomic_exchange_n(&turn->taken, true, __ATOMIC_ACQUIRE) ? -EAGAIN : 0;
	return wait_event(&turn->queue, !__atomic_exchange_n(&turn->taken, true, __ATOMIC_ACQUIRE));
}

void tty_turn_end(struct tty_turn *turn)
{
	store_release(&turn->taken, false);
	if (wait_queue_active(&turn->queue))
		wake_up_one(&turn->queue, 0);
}

/* ---- reading */

static inline bool line_ends(const struct tty *t, u32 i)
{
	return t->line_end[i % TTY_BUFFER / 64] & BIT(i % 64);
}

static inline bool is_eof_mark(const struct tty *t, u32 i)
{
	return t->end_of_file[i % TTY_BUFFER / 64] & BIT(i % 64);
}

/* Takes up to n characters (of one line, in canonical mode) out of the ring, under the lock. *end: nothing more belongs to this
 * read. An end-of-file mark right behind the last byte asked for goes too. */
static size_t take_locked(struct tty *t, u8 *out, size_t n, bool *end)
{
	bool canonical = tty_is_canonical(t);
	u32 limit = canonical ? t->canon : t->head;
	size_t done = 0;

	for (; t->tail != limit; t->tail++) {
		u32 i = t->tail;

		if (canonical && line_ends(t, i) && is_eof_mark(t, i)) {
			t->tail++;
			*end = true;
			break;
		}
		if (done == n)
			break;
		out[done++] = t->buffer[i % TTY_BUFFER];
		if (canonical && line_ends(t, i)) {
			t->tail++;
			*end = true;
			break;
		}
	}
	if ((s32)(t->canon - t->tail) < 0)
		t->canon = t->tail;
	return done;
}

static size_t take(struct tty *t, u8 *out, size_t n, bool *end)
{
	u64 flags = spin_lock_irq(&t->lock);
	size_t done = take_locked(t, out, n, end);
	bool resume = t->throttled && t->head - t->tail < TTY_BUFFER / 2;

	if (resume)
		t->throttled = false;
	spin_unlock_irq(&t->lock, flags);
	if (resume)
		t->driver->ops->unthrottle(t->driver);
	return done;
}

/* Sleeps until there is something to read: 0, -EAGAIN, -ERESTARTSYS, -ETIMEDOUT; hung up: -EIO when the other end went
 * away, else 0. */
static int wait_input(struct file *f, struct tty *t, u64 deadline)
{
	if (tty_line_readable(t))
		return 0;
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	if (!deadline)
		return -ETIMEDOUT;
	int err = wait_event_deadline(&t->readers, tty_line_readable(t) || tty_file_hung_up(f, t), deadline);

	return tty_file_hung_up(f, t) && load_relaxed(&t->gone) ? -EIO : err;
}

/* What is there, up to the end of a line or of the buffer: bytes or -EFAULT. */
static long take_all(struct tty *t, struct io *io, bool *end)
{
	size_t done = 0;
	u8 chunk[256];

	while (io->left && !*end) {
		size_t n = take(t, chunk, min(io->left, sizeof(chunk)), end);
		size_t put = io_put(io, chunk, n);

		done += put;
		if (put < n)
			return done ? (long)done : -EFAULT;
		if (!n)
			break;
	}
	return (long)done;
}

/* The first wait is for ever, or VTIME long if VMIN is 0; the others, for up to VMIN characters, last VTIME each. */
static long read_some(struct file *f, struct tty *t, struct io *io)
{
	long done = 0;
	u64 deadline = ~0ul;

	if (!tty_is_canonical(t) && !t->termios.cc[VMIN])
		deadline = t->termios.cc[VTIME] ? arch_clock_ns() + t->termios.cc[VTIME] * TENTH_NS : 0;
	while (io->left && !tty_file_hung_up(f, t)) {
		int err = wait_input(f, t, deadline);

		if (!err)
			err = tty_check_background(t, SIGTTIN);
		if (err)
			return done || err == -ETIMEDOUT ? done : err;
		bool canonical = tty_is_canonical(t), end = false;
		long n = take_all(t, io, &end);

		if (n < 0)
			return done ? done : n;
		done += n;
		/* Flushed before we came: wait again, this is no end of file. */
		if (canonical ? n || end : done >= t->termios.cc[VMIN])
			break;
		if (t->termios.cc[VTIME])
			deadline = arch_clock_ns() + t->termios.cc[VTIME] * TENTH_NS;
	}
	return done;
}

long tty_read(struct file *f, struct io *io)
{
	struct tty *t = f->data;

	if (tty_file_hung_up(f, t))
		return 0;
	int err = tty_check_background(t, SIGTTIN);

	if (!err)
		err = tty_turn_take(&t->read_turn, f->flags & O_NONBLOCK);
	if (err)
		return err;
	long res = read_some(f, t, io);

	tty_turn_end(&t->read_turn);
	return res;
}

/* ---- writing */

/* Sends all of a piece, or as much as can be without waiting: how many bytes; *err why not more. */
static size_t write_piece(struct file *f, struct tty *t, const u8 *bytes, size_t n, int *err)
{
	size_t done = 0;

	for (;;) {
		if (tty_file_hung_up(f, t)) {
			*err = -EIO;
			return done;
		}
		u64 flags = spin_lock_irq(&t->lock);

		if (!t->stopped)
			done += tty_line_write(t, bytes + done, n - done);
		spin_unlock_irq(&t->lock, flags);
		if (done == n)
			return done;
		*err = f->flags & O_NONBLOCK ? -EAGAIN :
		       wait_event(&t->writers, tty_line_writable(t) || tty_file_hung_up(f, t));
		if (*err)
			return done;
	}
}

static long write_some(struct file *f, struct tty *t, struct io *io)
{
	size_t done = 0;
	u8 chunk[256];
	int err = 0;

	while (io->left && !err) {
		size_t n = io_take(io, chunk, min(io->left, sizeof(chunk)));

		if (!n)
			err = -EFAULT;
		else
			done += write_piece(f, t, chunk, n, &err);
	}
	return done ? (long)done : err;
}

long tty_write(struct file *f, struct io *io)
{
	struct tty *t = f->data;
	int err = 0;

	if (tty_file_hung_up(f, t))
		return -EIO;
	if (t->termios.lflag & TOSTOP)
		err = tty_check_background(t, SIGTTOU);
	if (!err)
		err = tty_turn_take(&t->write_turn, f->flags & O_NONBLOCK);
	if (err)
		return err;
	long res = write_some(f, t, io);

	tty_turn_end(&t->write_turn);
	return res;
}
