// SPDX-License-Identifier: MIT
/*
 * The early console: a serial port that the firmware has set up, from the kernel's first instructions on. Its code runs
 * with the MMU on or off, at EL1, EL2 and EL3, at whatever address the image lies.
 */
#pragma once

#include "lib/base.h"

struct early_console {
	u64 base;		/* of the port's registers, as they are to be reached now; 0: there is no port */
	u64 image;		/* physical */
	u32 data, status;	/* offsets of words */
	u32 mask, idle;		/* of status when all that was sent is on the line */
	bool quiet;		/* the boot options say so: early_say() is silent */
	bool failed;		/* an exception is being reported: the next one, in that, is not */
};
extern struct early_console early_console;

/* Finds the port of the tree at this physical address (0: none) and says where we are. Without a tree that
 * is whole, or a port that works, all of what follows is silent. */
void early_open(u64 tree, u64 image, u64 entry_level);
/* A stage is reached: a word on the line. */
void early_say(const char *s);
/* One character; waits until it is sent, but not for ever: a port that is stuck is given up. */
void early_putc(char c);
/* An exception before there are vectors: reports it. */
void early_fault(u64 esr, u64 elr, u64 far, u64 level);

/* early.S: does a word at this physical address answer? MMU off. */
bool early_probe(u64 address);
