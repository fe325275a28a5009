// SPDX-License-Identifier: MIT
/* Between the two halves of a pseudo-terminal: fs/pty.c and fs/pty_master.c. */
#pragma once

#include "fs/file.h"
#include "fs/pty.h"
#include "fs/tty.h"

constexpr u32 PTY_BUFFER = 16 * KiB;
static_assert((PTY_BUFFER & (PTY_BUFFER - 1)) == 0);

/* (l) the terminal's lock  (i) fixed  (a) atomic */
struct pty {
	struct tty tty;
	struct tty_driver driver;
	u32 refs;			/* (a) */
	struct mount *mount;		/* (i) a reference */
	struct dentry *node;		/* (i) a reference */
	unsigned number;		/* (i) */
	bool slave_closed;		/* (l) it was open, and is not */
	bool locked;			/* (l) TIOCSPTLCK: the slave cannot be opened */
	bool packet;			/* (l) TIOCPKT: each read begins with a status byte */
	u8 status;			/* (l) TTY_EVENT_* since the last read */
	u32 head, tail;			/* (l) free-running: [tail, head) waits for the master */
	u8 *buffer;			/* (l) */
	struct wait_queue readers, writers;
	struct tty_turn read_turn, write_turn;
};

extern const struct file_ops pty_master_fops;
/* What waits for the master is forgotten; under the lock. */
void pty_flush_output(struct pty *p);
