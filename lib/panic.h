// SPDX-License-Identifier: MIT
/* Panics and backtraces with symbol names. */
#pragma once

#include "lib/base.h"

/* The function that holds addr, and the offset in it; nullptr when it is not in the kernel's
 * text. */
const char *symbol_name(va_t addr, u64 *offset);
/* Writes the call chain that starts at frame pointer fp to the log. */
void backtrace(u64 fp);
/* Adds to a panic's report what lib cannot know: the thread's name, its process. May be nullptr.
 * Must not lock, allocate or trust what it follows more than it has to. */
extern void (*panic_describe)(void);
