// SPDX-License-Identifier: MIT
/* Writes traced system calls to the log, one line at entry and one at exit (they may sleep in
 * between). */
#pragma once

#include "lib/base.h"

struct trapframe;

/* name nullptr: no such call. kinds: sys/syscalls.h. May sleep: strings are read from the
 * program. */
void trace_enter(const struct trapframe *f, const char *name, const char *kinds);
void trace_exit(const struct trapframe *f, const char *name);
