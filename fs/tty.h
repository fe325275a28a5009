// SPDX-License-Identifier: MIT
/*
 * Terminals: termios(3), job control, the line discipline. One struct tty serves a serial line, a screen, or
 * (with a driver whose other end is a file) a pseudo-terminal.
 *
 * A terminal is hung up for the files that are open then: each remembers the count of hang-ups it has seen, and a file
 * that missed one reads end of file and fails to write. The terminal itself can be opened again.
 *
 * Locks: tty->lock (spin, irq-safe). Whose controlling terminal it is, tasks_lock guards. Neither is taken inside the
 * other: signals are sent after the lock is released. One reader and one writer at a time, by turns.
 */
#pragma once

#include "lib/base.h"
#include "lib/lock.h"
#include "fs/file.h"
#include "fs/tty_driver.h"
#include "proc/wait.h"

struct file;
struct file_ops;
struct io;
struct session;
struct tty;

enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT, VDISCARD,
	VWERASE, VLNEXT, VEOL2, NCC = 19 };

/* struct termios of the kernel ABI (asm-generic/termbits.h), the same on both CPUs. termios2 adds two speeds. */
struct termios {
	u32 iflag, oflag, cflag, lflag;
	u8 line, cc[NCC];
	u32 ispeed, ospeed;		/* only in termios2 */
};
constexpr size_t TERMIOS_SIZE = 36, TERMIOS2_SIZE = 44;
static_assert(sizeof(struct termios) == TERMIOS2_SIZE);

enum : u32 {
	IGNBRK = 1, BRKINT = 2, IGNPAR = 4, ISTRIP = 040, INLCR = 0100, IGNCR = 0200, ICRNL = 0400, IUCLC = 01000,
	IXON = 02000, IXANY = 04000, IXOFF = 010000, IMAXBEL = 020000, IUTF8 = 040000,
	OPOST = 1, OLCUC = 2, ONLCR = 4, OCRNL = 010, ONOCR = 020, ONLRET = 040, TABDLY = 014000,
	B38400 = 017, CS8 = 060, CREAD = 0200, HUPCL = 02000, CLOCAL = 04000,
	ISIG = 1, ICANON = 2, ECHO = 010, ECHOE = 020, ECHOK = 040, ECHONL = 0100, NOFLSH = 0200, TOSTOP = 0400,
	ECHOCTL = 01000, ECHOPRT = 02000, ECHOKE = 04000, IEXTEN = 0100000, EXTPROC = 0200000,
};

struct winsize {
	u16 rows, cols, xpixel, ypixel;
};

constexpr unsigned TTY_BUFFER = 4096;
/* Room in front of a pseudo-terminal's master that only echo uses, so that writers cannot silence it. */
constexpr size_t TTY_ECHO_RESERVE = 256;
constexpr size_t TTY_EXPANSION = 8;	/* a tab becomes so many bytes */
constexpr u64 TTY_NO_HANGUP = ~0ul;	/* in file->arg: /dev/console is never hung up */

struct tty_turn {
	bool taken;			/* (a) */
	struct wait_queue queue;
};

/* (l) lock  (s) tasks_lock  (a) atomic  (i) fixed */
struct tty {
	struct spinlock lock;
	struct tty_driver *driver;	/* (i) */
	u32 dev;			/* (i) device number */
	u32 opens;			/* (l) */
	u32 hangups;			/* (l) read without */
	struct termios termios;		/* (l) written; single words are read without it */
	struct winsize size;		/* (l) */
	struct session *session;	/* (s) whose terminal it is; it lives as long as its leader, who takes it off */
	int pgid;			/* (s) written; (a) read: foreground group, 0: none */
	bool stopped;			/* (l) ^S */
	bool gone;			/* (l) a pseudo-terminal's other end is closed for ever */
	bool exclusive;			/* (l) TIOCEXCL */

	/* Input ring: [tail, head) characters, of which [tail, canon) are whole lines in canonical mode. */
	u32 head, canon, tail;		/* (l) free-running */
	bool throttled, literal, erasing_tabs;	/* (l) */
	u8 buffer[TTY_BUFFER];		/* (l) */
	u64 line_end[TTY_BUFFER / 64];	/* (l) bit: the last character of a line */
	u64 end_of_file[TTY_BUFFER / 64];	/* (l) bit: an EOF mark, not a character */
	struct wait_queue readers, writers;
	struct tty_turn read_turn, write_turn;
	u32 column;			/* (l) of the cursor, for tabs and erasing */
	u32 line_column;		/* (l) where the input line began */
};

static inline bool tty_is_canonical(const struct tty *t)
{
	return (t->termios.lflag & (ICANON | EXTPROC)) == ICANON;
}

/* References on terminals that come and go; the last may sleep. */
static inline void tty_get(struct tty *t)
{
	if (t->driver->ops->get)
		t->driver->ops->get(t->driver);
}
static inline void tty_put(struct tty *t)
{
	if (t->driver->ops->put)
		t->driver->ops->put(t->driver);
}

/* Line discipline (fs/tty_line.c). */
struct tty_signals {			/* what to send once the lock is free */
	u8 count;
	u8 signo[8];
};
void tty_line_reset(struct tty *t);
/* One received character, under the lock. False: no room now; offer it again. */
bool tty_line_receive(struct tty *t, u8 c, struct tty_signals *s);
/* Sends output with OPOST's changes, under the lock; returns the number of input bytes done: fewer when there is no room. */
size_t tty_line_write(struct tty *t, const u8 *bytes, size_t n);
/* Would it take a byte now? Any context, for those who then wait at t->writers. */
bool tty_line_writable(const struct tty *t);
/* ^S and ^Q, tcflow(3), under the lock. */
void tty_line_stop(struct tty *t, bool stop);
void tty_line_flush_input(struct tty *t);
/* New settings, under the lock; what was typed stays readable in either mode. */
void tty_line_set_termios(struct tty *t, const struct termios *wanted);
/* Without the lock: there may be room again, so a throttled driver goes on. */
void tty_resume(struct tty *t);
/* Bytes that a read would get now, under the lock. */
u32 tty_line_readable(const struct tty *t);

/* Reading and writing (fs/tty_io.c). */
long tty_read(struct file *f, struct io *io);
long tty_write(struct file *f, struct io *io);
/* One at a time: 0, -EAGAIN (nonblock), -ERESTARTSYS. */
[[nodiscard]] int tty_turn_take(struct tty_turn *turn, bool nonblock);
void tty_turn_end(struct tty_turn *turn);

/* The controlling terminal and job control (fs/tty_session.c). */
/* Background access: 0 go on, -EIO, or -ERESTARTSYS after the group was sent sig. */
int tty_check_background(struct tty *t, int sig);
/* To the foreground group. From anywhere, interrupts included. */
void tty_signal(struct tty *t, int sig);
void tty_send_signals(struct tty *t, const struct tty_signals *s);
/* The current session's with a reference; nullptr: none. */
struct tty *tty_current_get(void);
/* open(2) of a terminal by a session leader without one. */
void tty_maybe_control(struct file *f, struct tty *t);
/* TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID. other_end: asked at the master. -ENOTTY: another
 * command. */
long tty_session_ioctl(struct file *f, struct tty *t, unsigned cmd, u64 arg, bool other_end);
/* Open files of it end, and it is nobody's terminal: SIGHUP and SIGCONT to the session's leader. May sleep. */
void tty_hangup(struct tty *t);

/* Files and ioctls (fs/tty.c, fs/tty_ioctl.c). */
extern const struct file_ops tty_fops;
/* Makes f a file of t: 0, -EBUSY or what the driver says. The caller has a reference on t, and keeps it. */
[[nodiscard]] int tty_open_file(struct file *f, struct tty *t);
static inline bool tty_file_hung_up(const struct file *f, const struct tty *t)
{
	return f->arg != TTY_NO_HANGUP && f->arg != load_relaxed(&t->hangups);
}
/* other_end: asked at a pseudo-terminal's master. */
long tty_ioctl(struct file *f, struct tty *t, unsigned cmd, u64 arg, bool other_end);
void tty_init_struct(struct tty *t, struct tty_driver *d, u32 dev);	/* t: zeroed */
void tty_init(void);			/* /dev/tty, /dev/console */
