// SPDX-License-Identifier: MIT
/*
 * Numbers that programs write into files of the kernel's, as Linux reads them. Blanks around them do not count; base 0: 0x makes
 * it hexadecimal, 0 octal. -EINVAL: it is no number, or one of them is missing.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

/* All that there is: a number, with + or - before it (kstrtoint). -ERANGE: it is no int. */
[[nodiscard]] int number_only(const char *s, unsigned base, int *out);
/* What is written to a sysctl (proc_dointvec): the first number of any, up to `most`. How many of the n bytes belong to it, with
 * the blanks behind; 0: there are none, and *out stays. -EINVAL also if it is beyond `most`. */
[[nodiscard]] long number_first(const char *s, size_t n, u64 most, u64 *out);
