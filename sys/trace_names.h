// SPDX-License-Identifier: MIT
/* Names of the values in system calls' arguments, for the tracer; tools/abi reads the tables too. */
#pragma once

#include "lib/base.h"

struct value_name {
	const char *name;
	u64 value;
	u64 mask;		/* 0: value itself; else these bits as a whole have this value */
};

/* The set that an argument word names, ended by one without a name; nullptr: there is none. */
const struct value_name *trace_names(const char *set);
/* A signal's name without SIG; nullptr for real-time and wrong ones. */
const char *trace_signal_name(int sig);
/* "EFAULT" and "Bad address"; false: no such number. */
bool trace_error(int error, const char **name, const char **text);
