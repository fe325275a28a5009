// SPDX-License-Identifier: MIT
/* ioctl_tty(2): termios, window size, queues. Job control is in fs/tty_session.c. */
#include "fs/file.h"
#include "fs/tty.h"
#include "lib/string.h"
#include "mm/user.h"
#include "proc/cred.h"
#include "proc/signal.h"

enum : unsigned {
	TCGETS = 0x5401, TCSETS, TCSETSW, TCSETSF, TCSBRK = 0x5409, TCXONC, TCFLSH, TIOCEXCL, TIOCNXCL,
	TIOCSPGRP = 0x5410, TIOCOUTQ, TIOCSTI, TIOCGWINSZ, TIOCSWINSZ, FIONREAD = 0x541b,
	TIOCSETD = 0x5423, TIOCGETD, TCSBRKP, TIOCSBRK = 0x5427, TIOCCBRK, TIOCGDEV = 0x80045432, TCGETS2 = 0x802c542a,
	TCSETS2 = 0x402c542b, TCSETSW2 = 0x402c542c, TCSETSF2 = 0x402c542d, TIOCGEXCL = 0x80045440,
	TIOCVHANGUP = 0x5437,
};
enum { TCIFLUSH, TCOFLUSH, TCIOFLUSH };
enum { TCOOFF, TCOON, TCIOFF, TCION };

static long get_termios(struct tty *t, va_t to, size_t size)
{
	u64 flags = spin_lock_irq(&t->lock);
	struct termios copy = t->termios;

	spin_unlock_irq(&t->lock, flags);
	return copy_to_user(to, &copy, size);
}

/* Output is sent at once, so there is nothing to wait for before the change. */
static long set_termios(struct tty *t, va_t from, size_t size, bool flush)
{
	struct termios wanted = t->termios;
	int err = tty_check_background(t, SIGTTOU);

	if (!err)
		err = copy_from_user(&wanted, from, size);
	if (err)
		return err;
	u64 flags = spin_lock_irq(&t->lock);

	if (flush)
		tty_line_flush_input(t);
	tty_line_set_termios(t, &wanted);
	spin_unlock_irq(&t->lock, flags);
	tty_resume(t);
	wake_up_all(&t->readers, 0);
	wake_up_all(&t->writers, 0);
	return 0;
}

static long flush(struct tty *t, int which)
{
	int err = tty_check_background(t, SIGTTOU);

	if (err)
		return err;
	if (which < TCIFLUSH || which > TCIOFLUSH)
		return -EINVAL;
	u64 flags = spin_lock_irq(&t->lock);

	if (which != TCOFLUSH)
		tty_line_flush_input(t);
	if (which != TCIFLUSH && t->driver->ops->event)
		t->driver->ops->event(t->driver, TTY_EVENT_FLUSHWRITE);
	spin_unlock_irq(&t->lock, flags);
	tty_resume(t);
	return 0;
}

static long flow(struct tty *t, int what)
{
	int err = tty_check_background(t, SIGTTOU);

	if (err)
		return err;
	if (what < TCOOFF || what > TCION)
		return -EINVAL;
	u64 flags = spin_lock_irq(&t->lock);

	if (what == TCOOFF || what == TCOON) {
		tty_line_stop(t, what == TCOOFF);
	} else {
		u8 c = t->termios.cc[what == TCIOFF ? VSTOP : VSTART];

		if (c)
			t->driver->ops->write(t->driver, &c, 1);
	}
	spin_unlock_irq(&t->lock, flags);
	return 0;
}

static long set_size(struct tty *t, va_t from)
{
	struct winsize size;

	if (copy_from_user(&size, from, sizeof(size)))
		return -EFAULT;
	u64 flags = spin_lock_irq(&t->lock);
	bool changed = memcmp(&size, &t->size, sizeof(size)) != 0;

	t->size = size;
	spin_unlock_irq(&t->lock, flags);
	if (changed)
		tty_signal(t, SIGWINCH);
	return 0;
}

static long put_int(va_t to, int value)
{
	return put_user(to, value);
}

static long simulate_input(struct tty *t, va_t from)
{
	struct tty *mine = tty_current_get();
	u8 c;

	if (mine)
		tty_put(mine);
	if (mine != t && !cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(c, from))
		return -EFAULT;
	(void)tty_input(t->driver, &c, 1);
	return 0;
}

static long line_discipline(va_t from)
{
	int number;

	if (get_user(number, from))
		return -EFAULT;
	return number == 0 ? 0 : -EINVAL;
}

static long hang_up(struct tty *t)
{
	if (!cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	tty_hangup(t);
	return 0;
}

static long other_ioctl(struct file *f, struct tty *t, unsigned cmd, u64 arg, bool other_end)
{
	switch (cmd) {
	case TIOCEXCL:
	case TIOCNXCL:
		store_relaxed(&t->exclusive, cmd == TIOCEXCL);
		return 0;
	case TIOCGEXCL:
		return put_int(arg, t->exclusive);
	case TIOCGETD:
		return put_int(arg, 0);
	case TIOCSETD:
		return line_discipline(arg);
	case TIOCGDEV:
		return put_int(arg, (int)((dev_minor(t->dev) & 0xff) | dev_major(t->dev) << 8));
	case TIOCVHANGUP:
		return hang_up(t);
	default:
		return tty_session_ioctl(f, t, cmd, arg, other_end);
	}
}

static long termios_ioctl(struct file *f, struct tty *t, unsigned cmd, u64 arg, bool other_end)
{
	switch (cmd) {
	case TCGETS:
		return get_termios(t, arg, TERMIOS_SIZE);
	case TCGETS2:
		return get_termios(t, arg, TERMIOS2_SIZE);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios(t, arg, TERMIOS_SIZE, cmd == TCSETSF);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_termios(t, arg, TERMIOS2_SIZE, cmd == TCSETSF2);
	default:
		return other_ioctl(f, t, cmd, arg, other_end);
	}
}

long tty_ioctl(struct file *f, struct tty *t, unsigned cmd, u64 arg, bool other_end)
{
	if (!other_end && tty_file_hung_up(f, t))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case TIOCGWINSZ:
		return copy_to_user(arg, &t->size, sizeof(t->size));
	case TIOCSWINSZ:
		return set_size(t, arg);
	case TCFLSH:
		return flush(t, (int)arg);
	case TCXONC:
		return flow(t, (int)arg);
	case TCSBRK:
	case TCSBRKP:
	case TIOCSBRK:
		return tty_check_background(t, SIGTTOU);	/* output is out already; no driver sends a break */
	case TIOCCBRK:
		return 0;
	case FIONREAD:
		return put_int(arg, (int)tty_line_readable(t));
	case TIOCOUTQ:
		return put_int(arg, 0);
	case TIOCSTI:
		return simulate_input(t, arg);
	default:
		return termios_ioctl(f, t, cmd, arg, other_end);
	}
}
