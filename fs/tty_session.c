// SPDX-License-Identifier: MIT
/*
 * The controlling terminal (credentials(7), POSIX 11.1.3 and 11.1.4): which session a terminal belongs to, who is in the
 * foreground, who may read, write and change it, and what happens when one of the two ends.
 *
 * A session and its terminal point at each other; the session's pointer is a reference on the terminal, the terminal's is
 * none, since the leader takes it off before it is gone.
 *
 * Locks: tasks_lock for all of it. References are dropped after it.
 */
#include "fs/tty.h"
#include "mm/user.h"
#include "proc/cred.h"
#include "proc/task.h"

enum : unsigned {
	TIOCSCTTY = 0x540e, TIOCGPGRP, TIOCSPGRP, TIOCNOTTY = 0x5422, TIOCGSID = 0x5429,
};

static struct tty *current_locked(void)
{
	struct task *me = task_current();

	return me->session && !me->no_tty ? me->session->tty : nullptr;
}

struct tty *tty_current_get(void)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	struct tty *t = current_locked();

	if (t)
		tty_get(t);
	spin_unlock_irq(&tasks_lock, flags);
	return t;
}

/* ---- joining and parting */

static void join_locked(struct session *s, struct tty *t, int pgid)
{
	tty_get(t);
	s->tty = t;
	t->session = s;
	store_relaxed(&t->pgid, pgid);
}

/* The caller gets the session's reference: to drop it when the lock is free. */
static struct tty *part_locked(struct session *s)
{
	struct tty *t = s->tty;

	if (!t)
		return nullptr;
	s->tty = nullptr;
	t->session = nullptr;
	store_relaxed(&t->pgid, 0);
	return t;
}

void tty_maybe_control(struct file *f, struct tty *t)
{
	struct task *me = task_current();

	if ((f->flags & O_NOCTTY) || !(f->mode & FILE_READ) || !me)
		return;
	u64 flags = spin_lock_irq(&tasks_lock);
	struct session *s = me->session;

	if (s && me->pid == s->sid && !s->tty && !t->session)
		join_locked(s, t, me->pgid);
	spin_unlock_irq(&tasks_lock, flags);
}

static int may_control_locked(struct file *f, struct tty *t, bool steal, bool admin)
{
	struct task *me = task_current();

	if (me->pid != me->session->sid || me->session->tty)
		return -EPERM;
	if (t->session && !(steal && admin))
		return -EPERM;
	return f->mode & FILE_READ || admin ? 0 : -EPERM;
}

static long set_controlling(struct file *f, struct tty *t, bool steal)
{
	struct task *me = task_current();
	bool admin = cred_capable(cred_current(), CAP_SYS_ADMIN);
	struct tty *drop = nullptr;
	u64 flags = spin_lock_irq(&tasks_lock);
	bool mine = me->pid == me->session->sid && me->session->tty == t;
	int err = mine ? 0 : may_control_locked(f, t, steal, admin);

	if (!err && !mine) {
		if (t->session)
			drop = part_locked(t->session);
		join_locked(me->session, t, me->pgid);
	}
	spin_unlock_irq(&tasks_lock, flags);
	if (drop)
		tty_put(drop);
	return err;
}

/* A leader takes the terminal from the whole session, anybody else from itself only. */
static long give_up_controlling(struct tty *t)
{
	struct task *me = task_current();
	struct tty *drop = nullptr;
	u64 flags = spin_lock_irq(&tasks_lock);
	bool mine = current_locked() == t;

	if (mine && me->pid == me->session->sid) {
		session_signal_locked(me->session, t->pgid, SIGHUP);
		session_signal_locked(me->session, t->pgid, SIGCONT);
		drop = part_locked(me->session);
	} else if (mine) {
		me->no_tty = true;
	}
	spin_unlock_irq(&tasks_lock, flags);
	if (drop)
		tty_put(drop);
	return mine ? 0 : -ENOTTY;
}

/* Linux: a line hangs up when its session ends; a pseudo-terminal's other end may go on with another session. */
void tty_session_end(struct session *s)
{
	u64 flags = spin_lock_irq(&tasks_lock);

	if (s->tty)
		session_signal_locked(s, s->tty->pgid, SIGHUP);
	else
		session_signal_old_locked(s);
	struct tty *t = part_locked(s);

	spin_unlock_irq(&tasks_lock, flags);
	if (!t)
		return;
	if (!t->driver->is_pty)
		tty_hangup(t);
	tty_put(t);
}

void tty_hangup(struct tty *t)
{
	struct tty *drop = nullptr;
	u64 flags = spin_lock_irq(&t->lock);

	store_relaxed(&t->hangups, t->hangups + 1);
	tty_line_reset(t);
	tty_line_stop(t, false);
	spin_unlock_irq(&t->lock, flags);
	tty_resume(t);
	flags = spin_lock_irq(&tasks_lock);
	if (t->session) {
		session_hangup_locked(t->session, t->pgid);
		drop = part_locked(t->session);
	}
	spin_unlock_irq(&tasks_lock, flags);
	wake_up_all(&t->readers, 0);
	wake_up_all(&t->writers, 0);
	if (drop)
		tty_put(drop);
}

/* ---- the foreground */

void tty_signal(struct tty *t, int sig)
{
	u64 flags = spin_lock_irq(&tasks_lock);

	if (t->session)
		session_signal_locked(t->session, t->pgid, sig);
	spin_unlock_irq(&tasks_lock, flags);
}

void tty_send_signals(struct tty *t, const struct tty_signals *s)
{
	for (unsigned i = 0; i < s->count; i++)
		tty_signal(t, s->signo[i]);
}

/* Is t the current task's terminal, and another group in the foreground? */
static bool in_background(struct tty *t)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	bool background = current_locked() == t && t->pgid && task_current()->pgid != t->pgid;

	spin_unlock_irq(&tasks_lock, flags);
	return background;
}

int tty_check_background(struct tty *t, int sig)
{
	struct task *me = task_current();

	if (likely(load_relaxed(&t->pgid) == me->pgid) || !in_background(t))
		return 0;
	if (signal_ignored_or_blocked(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (pgrp_is_orphaned(me->pgid))
		return -EIO;
	signal_group(me->pgid, sig, nullptr);
	return -ERESTARTSYS;
}

static long set_foreground(struct tty *t, va_t from)
{
	int pgid, err = tty_check_background(t, SIGTTOU);

	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (get_user(pgid, from))
		return -EFAULT;
	if (pgid < 0)
		return -EINVAL;
	u64 flags = spin_lock_irq(&tasks_lock);

	err = current_locked() == t ? session_has_group_locked(t->session, pgid) : -ENOTTY;
	if (!err)
		store_relaxed(&t->pgid, pgid);
	spin_unlock_irq(&tasks_lock, flags);
	return err;
}

/* The master of a pseudo-terminal may ask about a session that is not its own. */
static long ask(struct tty *t, unsigned cmd, va_t to, bool other_end)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	bool mine = other_end || current_locked() == t;
	int pgid = t->pgid, sid = t->session ? t->session->sid : 0;

	spin_unlock_irq(&tasks_lock, flags);
	if (!mine || (cmd == TIOCGSID && !sid))
		return -ENOTTY;
	int answer = cmd == TIOCGSID ? sid : pgid;

	return put_user(to, answer);
}

long tty_session_ioctl(struct file *f, struct tty *t, unsigned cmd, u64 arg, bool other_end)
{
	switch (cmd) {
	case TIOCSCTTY:
		return set_controlling(f, t, arg == 1);
	case TIOCNOTTY:
		return give_up_controlling(t);
	case TIOCGPGRP:
	case TIOCGSID:
		return ask(t, cmd, arg, other_end);
	case TIOCSPGRP:
		return set_foreground(t, arg);
	default:
		return -ENOTTY;
	}
}
