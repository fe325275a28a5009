// SPDX-License-Identifier: MIT
/*
 * What a program asks for and this kernel lacks: calls, flags, commands. Each is named once for a
 * program in the log, with the boot option logunknown or 1 in /proc/sys/kernel/log_unknown.
 * Implemented in sys/unknown.c, which knows the calls' names (includes only go down). tools/abi
 * reads the supported flags of a call out of the uses of flags_unknown().
 */
#pragma once

#include "lib/base.h"

extern bool unknown_logged;	/* (a) */

/* Of the system call that runs. kind: "call", "flags", "value". */
void unknown_report(const char *kind, u64 value);

/* Has `flags` any bit that is not in `known`? Then the call is to fail with -EINVAL. */
#define flags_unknown(flags, known)                                     \
	({                                                              \
		u64 unknown_ = (u64)((flags) & ~(typeof(flags))(known)); \
		if (unlikely(unknown_))                                 \
			unknown_report("flags", unknown_);              \
		unknown_ != 0;                                          \
	})

/* For the last case of a switch over commands: returns `error`. */
static inline long value_unknown(u64 value, long error)
{
	unknown_report("value", value);
	return error;
}
