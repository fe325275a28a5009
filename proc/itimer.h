// SPDX-License-Identifier: MIT
/* Interval timers of the current task (setitimer(2)), in ns. */
#pragma once

#include "lib/base.h"

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };

struct itimer {
	u64 value;			/* until the next signal; 0: off */
	u64 interval;			/* then again every; 0: once */
};

void itimer_get(int which, struct itimer *out);
void itimer_set(int which, const struct itimer *in, struct itimer *old);
