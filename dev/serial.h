// SPDX-License-Identifier: MIT
/* A serial port: the driver knows its registers, serial.c makes a console and a terminal of them. */
#pragma once

#include "fs/tty_driver.h"
#include "lib/base.h"
#include "lib/errno.h"
#include "lib/lock.h"
#include "lib/printf.h"
#include "proc/work.h"

struct device;

/* Each is one look at, or one change of, the registers; called with interrupts off. */
struct serial_ops {
	bool (*send_ready)(volatile void *base);	/* room for a byte */
	void (*send)(volatile void *base, u8 c);
	bool (*receive_ready)(volatile void *base);
	u8 (*receive)(volatile void *base);
	void (*receive_irq)(volatile void *base, bool on);
	void (*acknowledge)(volatile void *base);	/* an interrupt was taken */
};

constexpr unsigned SERIAL_KEPT = 32;

struct serial {
	const struct serial_ops *ops;	/* (i) by the driver */
	volatile void *base;		/* (i) by the driver */
	char name[12];			/* (i) by the driver: the node in /dev */
	struct console console;
	struct tty_driver tty;
	struct spinlock send_lock;
	struct spinlock receive_lock;	/* guards what follows */
	bool throttled;			/* the receive interrupt is masked */
	u8 kept[SERIAL_KEPT];		/* read, and not taken by the terminal */
	unsigned nkept;
	struct work work;
};

/* The port is set up, its interrupt masked. u stays the caller's, for ever. 0 or -errno. */
[[nodiscard]] int serial_register(struct serial *u, const struct device *d);
