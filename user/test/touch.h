// SPDX-License-Identifier: MIT
// Whether memory can be touched, for tests that survive it: on_fault() is the handler of SIGSEGV and SIGBUS, with
// SA_SIGINFO; both signals are needed before touch() is called.

#pragma once

#include <setjmp.h>
#include <signal.h>

static sigjmp_buf back;
static volatile sig_atomic_t code;

static void on_fault(int sig, siginfo_t *si, void *context)
{
	(void)context;
	code = sig == SIGBUS ? 100 : si->si_code;
	siglongjmp(back, 1);
}

// 0: the byte can be read (written); else the signal's code, 100 for SIGBUS.
static int touch(volatile char *p, bool write)
{
	code = 0;
	if (sigsetjmp(back, 1))
		return code;
	if (write)
		*p = 1;
	else
		(void)*p;
	return 0;
}
