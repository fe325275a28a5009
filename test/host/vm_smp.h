// SPDX-License-Identifier: MIT
/*
 * CPUs for mm/ that run at once: host threads. They keep no translations, but an access, walk and all, is over before a flush
 * of its CPU is; that is all that mm/ may rely on. Where flushes are not broadcast, CPUs answer requests while they spin and
 * between accesses.
 */
#pragma once

#include "host.h"
#include "arch/arch.h"
#include "mm/vm.h"

/* After host_pages_init(). */
void smp_init(unsigned cpus);
/* This host thread is that CPU, until smp_end(). */
void smp_begin(unsigned cpu);
void smp_end(void);
/* This CPU runs vm from now on (nullptr: none). */
void smp_switch(struct vm *vm);
/* One access to one byte, as hardware does it. False: fault. */
bool smp_access(va_t va, bool write, u8 *value);
