// SPDX-License-Identifier: MIT
/* ioctl_tty(2): termios, window size, job control, queues. */
#include "fs/file.h"
#include "fs/tty.h"
#include "lib/string.h"
#include "mm/user.h"
#include "proc/task.h"

enum : unsigned {
	TCGETS = 0x5401, TCSETS, TCSETSW, TCSETSF, TCSBRK = 0x5409, TCXONC, TCFLSH, TIOCEXCL, TIOCNXCL,
	TIOCGPGRP = 0x540f, TIOCSPGRP, TIOCOUTQ, TIOCSTI, TIOCGWINSZ, TIOCSWINSZ, TIOCMGET, FIONREAD = 0x541b,
	TIOCNOTTY = 0x5422, TIOCSETD, TIOCGETD, TCSBRKP, TIOCGSID = 0x5429, TCGETS2 = 0x802c542a,
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
	bool was_canonical = t->termios.lflag & ICANON;

	t->termios = wanted;
	if (flush)
		tty_line_flush_input(t);
	/* What was typed stays readable in either mode. */
	if (!was_canonical && (wanted.lflag & ICANON))
		t->canon = t->head;
	if (!(wanted.iflag & IXON))
		t->stopped = false;
	spin_unlock_irq(&t->lock, flags);
	wake_up_all(&t->readers, 0);
	wake_up_all(&t->writers, 0);
	return 0;
}

static long flush(struct tty *t, int which)
{
	if (which < TCIFLUSH || which > TCIOFLUSH)
		return -EINVAL;
	if (which == TCOFLUSH)
		return 0;
	u64 flags = spin_lock_irq(&t->lock);
	bool resume = t->throttled;

	tty_line_flush_input(t);
	t->throttled = false;
	spin_unlock_irq(&t->lock, flags);
	if (resume)
		t->driver->ops->unthrottle(t->driver);
	return 0;
}

static long flow(struct tty *t, int what)
{
	switch (what) {
	case TCOOFF:
	case TCOON:
		store_relaxed(&t->stopped, what == TCOOFF);
		wake_up_all(&t->writers, 0);
		return 0;
	case TCIOFF:
	case TCION: {
		u64 flags = spin_lock_irq(&t->lock);
		u8 c = t->termios.cc[what == TCIOFF ? VSTOP : VSTART];

		if (c)
			t->driver->ops->write(t->driver, &c, 1);
		spin_unlock_irq(&t->lock, flags);
		return 0;
	}
	default:
		return -EINVAL;
	}
}

static long set_size(struct tty *t, va_t from)
{
	struct winsize size;

	if (copy_from_user(&size, from, sizeof(size)))
		return -EFAULT;
	u64 flags = spin_lock_irq(&t->lock);
	bool changed = memcmp(&size, &t->size, sizeof(size)) != 0;
	int pgid = t->pgid;

	t->size = size;
	spin_unlock_irq(&t->lock, flags);
	if (changed && pgid)
		signal_group(pgid, SIGWINCH, nullptr);
	return 0;
}

/* ---- the controlling terminal */

/* True: the current task's session has t as its terminal. */
static bool is_controlling(const struct tty *t)
{
	return load_relaxed(&t->sid) && load_relaxed(&t->sid) == task_current()->sid;
}

static long set_controlling(struct tty *t, bool steal)
{
	struct task *me = task_current();
	struct session *s = me->session;

	if (is_controlling(t) && s->tty == t)
		return 0;
	if (me->pid != me->sid || s->tty)
		return -EPERM;
	if (load_relaxed(&t->sid)) {
		if (!steal || !cred_capable(cred_current(), CAP_SYS_ADMIN))
			return -EPERM;
		tty_forget_session(load_relaxed(&t->sid));
	}
	u64 flags = spin_lock_irq(&t->lock);
	t->sid = me->sid;
	t->pgid = me->pgid;
	spin_unlock_irq(&t->lock, flags);
	flags = spin_lock_irq(&tasks_lock);
	s->tty = t;
	spin_unlock_irq(&tasks_lock, flags);
	return 0;
}

static long give_up_controlling(struct tty *t)
{
	struct task *me = task_current();

	if (!is_controlling(t))
		return -ENOTTY;
	if (me->pid == me->sid)
		tty_session_end(me->session);
	return 0;
}

static long set_foreground(struct tty *t, va_t from)
{
	int pgid, err;

	if (!is_controlling(t))
		return -ENOTTY;
	if (get_user(pgid, from))
		return -EFAULT;
	if (pgid < 0)
		return -EINVAL;
	err = tty_check_background(t, SIGTTOU);
	if (err)
		return err;
	if (!pgrp_exists(pgid, task_current()->sid))
		return -EPERM;
	store_relaxed(&t->pgid, pgid);
	return 0;
}

static long put_int(va_t to, int value)
{
	return put_user(to, value);
}

static long simulate_input(struct tty *t, va_t from)
{
	u8 c;

	if (!is_controlling(t) && !cred_capable(cred_current(), CAP_SYS_ADMIN))
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

static long termios_ioctl(struct tty *t, unsigned cmd, va_t arg)
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
		return -ENOTTY;
	}
}

static long control_ioctl(struct tty *t, unsigned cmd, u64 arg)
{
	switch (cmd) {
	case TIOCSCTTY:
		return set_controlling(t, arg == 1);
	case TIOCNOTTY:
		return give_up_controlling(t);
	case TIOCGPGRP:
		return is_controlling(t) ? put_int(arg, load_relaxed(&t->pgid)) : -ENOTTY;
	case TIOCSPGRP:
		return set_foreground(t, arg);
	case TIOCGSID:
		return is_controlling(t) ? put_int(arg, load_relaxed(&t->sid)) : -ENOTTY;
	case TIOCVHANGUP:
		if (!cred_capable(cred_current(), CAP_SYS_ADMIN))
			return -EPERM;
		tty_hangup(t);
		return 0;
	default:
		return termios_ioctl(t, cmd, arg);
	}
}

long tty_ioctl(struct tty *t, unsigned cmd, u64 arg, [[maybe_unused]] u32 file_flags)
{
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
		return 0;	/* output is out already; a break is sent by no driver */
	case FIONREAD:
		return put_int(arg, (int)tty_line_readable(t));
	case TIOCOUTQ:
		return put_int(arg, 0);
	case TIOCSTI:
		return simulate_input(t, arg);
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
	default:
		return control_ioctl(t, cmd, arg);
	}
}
