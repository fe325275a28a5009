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
};

struct tty_driver {
	const struct tty_driver_ops *ops;
	const char *name;		/* "ttyAMA0", "ttyS0" */
	struct tty *tty;		/* set by tty_register */
	bool is_console;		/* /dev/console opens it (the last registered with this set wins) */
};

/* Makes /dev/NAME. d stays the driver's. 0 or -ENOMEM. */
[[nodiscard]] int tty_register(struct tty_driver *d);
/* Bytes arrived (interrupt context). Returns how many were taken; when fewer than n, the driver keeps the rest, stops
 * receiving, and goes on when ops->unthrottle is called. */
size_t tty_input(struct tty_driver *d, const u8 *bytes, size_t n);
