// SPDX-License-Identifier: MIT
/* Reading from and writing to a terminal: lines or characters (VMIN, VTIME), job control, flow control. */
#include "fs/io.h"
#include "fs/tty.h"
#include "proc/task.h"

int tty_check_background(struct tty *t, int sig)
{
	struct task *me = task_current();
	int pgid = load_relaxed(&t->pgid);

	if (!pgid || me->sid != load_relaxed(&t->sid) || me->pgid == pgid)
		return 0;
	if (signal_ignored_or_blocked(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (pgrp_is_orphaned(me->pgid))
		return -EIO;
	signal_group(me->pgid, sig, nullptr);
	return -ERESTARTSYS;
}

static inline bool line_ends(const struct tty *t, u32 i)
{
	return t->line_end[i % TTY_BUFFER / 64] & BIT(i % 64);
}

static inline bool is_eof_mark(const struct tty *t, u32 i)
{
	return t->end_of_file[i % TTY_BUFFER / 64] & BIT(i % 64);
}

/* Takes up to n characters (of one line, in canonical mode) out of the ring. *end: a line's end was among them. */
static size_t take(struct tty *t, u8 *out, size_t n, bool *end)
{
	u64 flags = spin_lock_irq(&t->lock);
	bool canonical = t->termios.lflag & ICANON;
	u32 limit = canonical ? t->canon : t->head;
	size_t done = 0;

	*end = false;
	while (t->tail != limit && !*end) {
		u32 i = t->tail;

		*end = canonical && line_ends(t, i);
		if (*end && is_eof_mark(t, i)) {
			t->tail++;
			break;
		}
		if (done == n) {
			*end = false;
			break;
		}
		out[done++] = t->buffer[i % TTY_BUFFER];
		t->tail++;
	}
	if ((s32)(t->canon - t->tail) < 0)
		t->canon = t->tail;
	bool resume = t->throttled && t->head - t->tail < TTY_BUFFER / 2;

	if (resume)
		t->throttled = false;
	spin_unlock_irq(&t->lock, flags);
	if (resume)
		t->driver->ops->unthrottle(t->driver);
	return done;
}

static bool readable(const struct tty *t, u32 want)
{
	u32 n = tty_line_readable(t);

	return load_relaxed(&t->hung_up) || (n && (n >= want || (t->termios.lflag & ICANON)));
}

/* Sleeps until there is something to read. raw: VMIN and VTIME rule. 0, -EAGAIN, -ERESTARTSYS; 1: VTIME is over. */
static int wait_readable(struct tty *t, bool nonblock, u32 want, bool any_yet)
{
	bool canonical = t->termios.lflag & ICANON;
	u8 vmin = t->termios.cc[VMIN], vtime = t->termios.cc[VTIME];
	u64 deadline = ~0ul;

	if (readable(t, 1) && (canonical || readable(t, want)))
		return 0;
	if (nonblock)
		return readable(t, 1) ? 0 : -EAGAIN;
	if (!canonical && !vmin && !vtime)
		return 1;
	/* VMIN 0: VTIME from the call on; else between characters. */
	if (!canonical && vtime && (!vmin || any_yet))
		deadline = arch_clock_ns() + vtime * 100'000'000ul;
	int err = wait_event_deadline(&t->readers, readable(t, canonical ? 1 : want), deadline);

	return err == -ETIMEDOUT ? 1 : err;
}

static long read_some(struct tty *t, struct io *io, bool nonblock)
{
	size_t done = 0;
	u8 chunk[256];
	bool end = false;

	while (io->left && !end) {
		bool canonical = t->termios.lflag & ICANON;
		u32 vmin = max(t->termios.cc[VMIN], (u8)1);
		u32 want = canonical || t->termios.cc[VTIME] || done >= vmin ? 1 :
			   (u32)min((size_t)vmin - done, min(io->left, (size_t)TTY_BUFFER));
		int err = 0;

		if (done && (canonical ? !tty_line_readable(t) : done >= vmin && !tty_line_readable(t)))
			break;
		err = wait_readable(t, nonblock, want, done > 0);
		if (err == 1)
			break;
		if (!err)
			err = tty_check_background(t, SIGTTIN);
		if (err)
			return done ? (long)done : err;
		size_t n = take(t, chunk, min(io->left, sizeof(chunk)), &end);

		if (!n && load_relaxed(&t->hung_up))
			break;
		size_t put = io_put(io, chunk, n);

		done += put;
		if (put < n)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

long tty_read(struct tty *t, struct io *io, bool nonblock)
{
	int err = tty_check_background(t, SIGTTIN);

	if (err)
		return err;
	err = mutex_lock_killable(&t->read_lock);
	if (err)
		return err;
	long res = read_some(t, io, nonblock);
	mutex_unlock(&t->read_lock);
	return res;
}

static long write_some(struct tty *t, struct io *io, bool nonblock)
{
	size_t done = 0;
	u8 chunk[256];

	while (io->left) {
		if (load_relaxed(&t->stopped) && nonblock)
			return done ? (long)done : -EAGAIN;
		int err = wait_event(&t->writers, !load_relaxed(&t->stopped) || load_relaxed(&t->hung_up));

		if (!err && load_relaxed(&t->hung_up))
			err = -EIO;
		if (err)
			return done ? (long)done : err;
		size_t n = io_take(io, chunk, min(io->left, sizeof(chunk)));

		if (!n)
			return done ? (long)done : -EFAULT;
		u64 flags = spin_lock_irq(&t->lock);

		tty_line_write(t, chunk, n);
		t->line_column = t->column;
		spin_unlock_irq(&t->lock, flags);
		done += n;
	}
	return (long)done;
}

long tty_write(struct tty *t, struct io *io, bool nonblock)
{
	if (t->termios.lflag & TOSTOP) {
		int err = tty_check_background(t, SIGTTOU);

		if (err)
			return err;
	}
	int err = mutex_lock_killable(&t->write_lock);

	if (err)
		return err;
	long res = write_some(t, io, nonblock);
	mutex_unlock(&t->write_lock);
	return res;
}
