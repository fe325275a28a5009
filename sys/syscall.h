// SPDX-License-Identifier: MIT
/*
 * System calls. sys/syscalls.h is THE list (X-macro: name, arm64 number, x86-64 number, argument kinds). A call's
 * function is `long sys_NAME(struct trapframe *f)`: it decodes the raw registers itself (an int is the low half; the
 * upper halves are garbage) and returns a result or -errno. The frame is the whole interface: nothing is copied.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "arch/arch.h"

#define SYSCALL(name)                         \
	long sys_##name(struct trapframe *f); \
	long sys_##name([[maybe_unused]] struct trapframe *f)
#define ARG_INT(n) ((int)frame_arg(f, n))
#define ARG_UINT(n) ((unsigned)frame_arg(f, n))
#define ARG_U64(n) ((u64)frame_arg(f, n))
#define ARG_LONG(n) ((long)frame_arg(f, n))
#define ARG_PTR(n) ((va_t)frame_arg(f, n))

/* The name of a call by number; nullptr: there is none. */
const char *syscall_name(u64 nr);
