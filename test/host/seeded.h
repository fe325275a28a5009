// SPDX-License-Identifier: MIT
/* Tests by random steps: what fails says in which history and at which step. The test has `seed` and `steps_done`. */
#pragma once

#include <signal.h>
#include <stdio.h>

#define check(cond, ...)                                                                        \
	do {                                                                                    \
		if (!(cond)) {                                                                  \
			fprintf(stderr, "seed %lu step %lu: ", seed, steps_done);               \
			fprintf(stderr, __VA_ARGS__);                                           \
			fprintf(stderr, "\n");                                                  \
			fail();                                                                 \
		}                                                                               \
	} while (0)

/* Where was it when something asserted, or somebody lost patience? A function of this name handles the signal. */
#define TELLS_WHERE(name)                                                                       \
	static void name(int sig)                                                               \
	{                                                                                       \
		fprintf(stderr, "seed %lu step %lu: died of signal %d\n", seed, steps_done, sig); \
		signal(sig, SIG_DFL);                                                           \
		raise(sig);                                                                     \
	}
