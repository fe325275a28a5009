// SPDX-License-Identifier: MIT
/* What a serial or framebuffer driver and the terminal layer say to each other. */
#pragma once

#include "lib/base.h"

struct tty;
struct tty_driver;

struct tty_driver_ops {
	/* Sends bytes; returns how many were taken (all, for a polled device). Any context; does not sleep. The line
	 * discipline has already added carriage returns where termios asks for them. */
	size_t (*write)(struct tty_driver *d, const u8 *bytes, size_t n);
	/* The terminal's buffer has room again after tty_input() took less than was offered. Any context. */
	void (*unthrottle)(struct tty_driver *d);

	/* The rest is for pseudo-terminals, and missing elsewhere; all but the last two are called under the terminal's
	 * lock. */
	size_t (*room)(struct tty_driver *d);		/* write will take so many bytes */
	int (*open)(struct tty_driver *d);		/* before one more file: 0 or -errno */
	void (*close)(struct tty_driver *d);		/* the last file is closed */
	void (*event)(struct tty_driver *d, u8 events);	/* TTY_EVENT_* happened */
	void (*get)(struct tty_driver *d);
	void (*put)(struct tty_driver *d);		/* the last frees it; may sleep */
};

/* As TIOCPKT's status byte has them (ioctl_tty(2)). */
enum : u8 {
	TTY_EVENT_FLUSHREAD = 1, TTY_EVENT_FLUSHWRITE = 2, TTY_EVENT_STOP = 4, TTY_EVENT_START = 8,
	TTY_EVENT_NOSTOP = 16, TTY_EVENT_DOSTOP = 32, TTY_EVENT_IOCTL = 64,
};

struct tty_driver {
	const struct tty_driver_ops *ops;
	const char *name;		/* "ttyAMA0", "ttyS0" */
	struct tty *tty;		/* set by tty_register */
	bool is_pty;			/* the end of its session does not hang it up */
	bool is_console;		/* /dev/console opens it (the last registered with this set wins) */
	bool is_screen;			/* it has no keys: as console it gets what the serial console receives */
};

/* Before drivers register: this name (up to a comma; "tty0" is tty1) makes a terminal the console, whatever is_console
 * says; of several names that exist the last wins. name stays the caller's. */
void tty_prefer_console(const char *name);

/* Makes /dev/NAME. d stays the driver's. 0 or -ENOMEM. */
[[nodiscard]] int tty_register(struct tty_driver *d);
/* Bytes arrived (interrupt context). Returns how many were taken; when fewer than n, the driver keeps the rest, stops
 * receiving, and goes on when ops->unthrottle is called. */
size_t tty_input(struct tty_driver *d, const u8 *bytes, size_t n);
