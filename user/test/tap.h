// SPDX-License-Identifier: MIT
// What a guest test prints: TAP, one line for each fact. A test is an ordinary Linux program in
// one file of this folder; it must pass on Linux too.
//
//	int main(void)
//	{
//		ok(1 + 1 == 2, "one and one is %d", 2);
//		return tap_done();
//	}

#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

static inline void tap_say(bool good, const char *note, const char *what, va_list args)
{
	printf("%s %d - ", good ? "ok" : "not ok", ++tap_count);
	vprintf(what, args);
	printf("%s\n", note);
	fflush(stdout); // a test that crashes or forks must not lose or repeat lines
	tap_failed += !good;
}

// States a fact. Returns whether it holds.
__attribute__((format(printf, 2, 3))) static inline bool ok(bool good, const char *what, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, what);
	tap_say(good, "", what, args);
	va_end(args);
	if (!good)
		printf("# errno %d (%s)\n", saved, strerror(saved));
	return good;
}

// A fact that cannot be examined here, and why.
__attribute__((format(printf, 1, 2))) static inline void tap_skip(const char *what, ...)
{
	va_list args;

	va_start(args, what);
	tap_say(true, " # SKIP", what, args);
	va_end(args);
}

// Ends the test: main() returns this.
static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	fflush(stdout);
	return tap_failed ? 1 : 0;
}

// Gives up: nothing after this makes sense.
[[noreturn]] static inline void tap_bail(const char *why)
{
	printf("Bail out! %s: %s\n", why, strerror(errno));
	fflush(stdout);
	exit(1);
}
