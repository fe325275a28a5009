// SPDX-License-Identifier: MIT
/*
 * The kernel's command line. Words apart by blanks, "quotes" keep blanks together; words that
 * nobody knows are ignored, as boot loaders add their own; behind `--` they are init's arguments.
 *
 *   quiet            only emergencies on the console
 *   loglevel=N       lines of levels below N (default 7)
 *   console=NAME     /dev/console is this terminal (ttyAMA0, ttyS0, tty1; tty0 is tty1); the last that
 *                    exists counts, what follows a comma is ignored. The log is shown on all consoles
 *   init=PATH        the first program (also rdinit=)
 *   cpus=N           use at most N CPUs (also maxcpus=)
 *   norandmaps       no address space randomisation
 *   transparent_hugepage=always|madvise|never   2 MiB blocks for private memory (default always)
 *   swap=N%          compressed pages may take that share of memory (default 50%; 0: no swap)
 *   logunknown       name missing system calls and unknown flags in the log
 *   trace=1          all system calls of all programs in the log; trace=NAME: of those named so
 *   asidbits=N       address-space numbers of N bits, so that they run out often (a test); 0 on x86-64: none, each switch flushes
 *   failalloc=N      from init's first instruction on, the N-th allocation of pages fails (a test of error paths)
 */
#pragma once

#include "lib/base.h"
#include "mm/block.h"

constexpr unsigned BOOT_ARGS_MAX = 16, BOOT_CONSOLES_MAX = 4;

struct boot_options {
	char text[2048];		/* the words, each terminated */
	int console_level;
	const char *init, *trace;	/* nullptr: not given */
	const char *console[BOOT_CONSOLES_MAX];	/* in their order, nullptr behind the last */
	unsigned cpus;
	bool randomize, log_unknown;
	enum block_mode blocks;
	u64 fail_alloc;			/* 0: off */
	unsigned swap_percent, asid_bits;
	char *args[BOOT_ARGS_MAX];	/* init's, behind its name */
	unsigned nargs;
};

/* Pure. A line that is too long is cut; arguments too many are dropped. */
void boot_options_parse(struct boot_options *o, const char *line);
