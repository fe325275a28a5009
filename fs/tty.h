// SPDX-License-Identifier: MIT
/*
 * Terminals: termios(3), job control, the line discipline. One struct tty serves a serial line, a screen, or
 * (with a driver whose other end is a file) a pseudo-terminal.
 *
 * Locks: tty->lock (spin, irq-safe) guards all but the write side, which tty->write_lock (mutex) puts in order. Signals
 * are sent after the lock is released: tasks_lock is never taken inside it.
 */
#pragma once

#include "lib/base.h"
#include "lib/lock.h"
#include "fs/tty_driver.h"
#include "proc/wait.h"

struct file_ops;
struct io;
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
	ECHOCTL = 01000, ECHOPRT = 02000, ECHOKE = 04000, IEXTEN = 0100000,
};

struct winsize {
	u16 rows, cols, xpixel, ypixel;
};

enum : unsigned { TIOCSCTTY = 0x540e };
constexpr unsigned TTY_BUFFER = 4096;

/* (l) lock  (w) write_lock  (i) fixed */
struct tty {
	struct spinlock lock;
	struct tty_driver *driver;	/* (i) */
	u32 dev;			/* (i) device number */
	u32 opens;			/* (l) */
	struct termios termios;		/* (l) written; single words are read without it */
	struct winsize size;		/* (l) */
	int sid, pgid;			/* (l) session and foreground group, 0: none */
	bool stopped;			/* (l) ^S */
	bool hung_up;			/* (l) until the last close */
	bool exclusive;			/* (l) TIOCEXCL */

	/* Input ring: [tail, head) characters, of which [tail, canon) are whole lines in canonical mode. */
	u32 head, canon, tail;		/* (l) free-running */
	bool throttled, literal, erasing_tabs;	/* (l) */
	u8 buffer[TTY_BUFFER];		/* (l) */
	u64 line_end[TTY_BUFFER / 64];	/* (l) bit: the last character of a line */
	u64 end_of_file[TTY_BUFFER / 64];	/* (l) bit: an EOF mark, not a character */
	struct wait_queue readers, writers;

	struct mutex write_lock;
	u32 column;			/* (l) of the cursor, for tabs and erasing */
	u32 line_column;		/* (l) where the input line began */
	struct mutex read_lock;		/* one reader at a time */
};

/* Line discipline (fs/tty_line.c). */
struct tty_signals {			/* what to send once the lock is free */
	u8 count;
	u8 signo[8];
	int pgid;
};
void tty_line_reset(struct tty *t);
/* One received character, under the lock. False: no room now; offer it again. */
bool tty_line_receive(struct tty *t, u8 c, struct tty_signals *s);
/* Sends output with OPOST's changes, under the lock; returns the number of input bytes done. */
size_t tty_line_write(struct tty *t, const u8 *bytes, size_t n);
void tty_send_signals(const struct tty_signals *s);
void tty_line_flush_input(struct tty *t);
/* Bytes that a read would get now, under the lock. */
u32 tty_line_readable(const struct tty *t);

/* Reading and writing (fs/tty_io.c). */
long tty_read(struct tty *t, struct io *io, bool nonblock);
long tty_write(struct tty *t, struct io *io, bool nonblock);
/* Background access: 0 go on, -EIO, or -ERESTARTSYS after the group was sent sig. */
int tty_check_background(struct tty *t, int sig);

/* Files and ioctls (fs/tty.c, fs/tty_ioctl.c). */
extern const struct file_ops tty_fops;
long tty_ioctl(struct tty *t, unsigned cmd, u64 arg, u32 file_flags);
void tty_init_struct(struct tty *t, struct tty_driver *d, u32 dev);
/* Disassociates the terminal: SIGHUP and SIGCONT to the foreground group, readers and writers end. */
void tty_hangup(struct tty *t);
/* The current session's, nullptr: none. Terminals of drivers are for ever; others hold a reference themselves. */
struct tty *tty_current(void);
void tty_forget_session(int sid);	/* that session has no terminal any more */
void tty_init(void);			/* /dev/tty, /dev/console */
