// SPDX-License-Identifier: MIT
/*
 * The tracer: system calls, signals and ends as text, in the manner of strace. A thread is traced
 * while THREAD_LOG is in its work word, which its children inherit; who is not pays nothing.
 *
 *   [12] openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3
 *   [12] --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x0} ---
 *   [12] +++ killed by SIGSEGV +++
 *
 * The text goes to who has /dev/trace open, else to the kernel's log. A thread that writes "1" to
 * /dev/trace is traced from then on, "0" ends it; the boot options trace=1 and trace=NAME trace all
 * programs or those of that name.
 */
#pragma once

#include "lib/base.h"
#include "sys/argkind.h"

struct trapframe;

/* ---- sys/trace.c: by the dispatcher. args: of sys/syscalls.h; name nullptr: no such call. May
 * sleep: they read the program's memory, and wait for a reader that is slow. */
void trace_enter(const struct trapframe *f, const char *name, const char *args);
void trace_exit(const struct trapframe *f, const char *name, const char *args);
/* The thread has a new name: starts tracing if it is that of trace=NAME. */
void trace_exec(void);
/* value: of the boot option, nullptr: none. */
void trace_init(const char *value);

/* ---- sys/trace_args.c: one line's text under construction */
struct trace_line {
	size_t n;
	char text[1024];
};

[[gnu::format(printf, 2, 3)]] void line_add(struct trace_line *l, const char *fmt, ...);
/* One argument. result: of the call, -EAGAIN or so if there is none yet. */
void line_add_arg(struct trace_line *l, const struct trapframe *f, const struct argkind *k, unsigned i, long result);

/* ---- sys/trace_device.c: where the text goes. TRACE_BEGIN leaves the line open for a TRACE_END of
 * the same thread; if another thread speaks in between, both parts say so. May sleep, unless the
 * reader has gone; what a thread that is being killed cannot get rid of is counted as lost. */
enum trace_part { TRACE_WHOLE, TRACE_BEGIN, TRACE_END };
void trace_write(const struct trace_line *l, enum trace_part part, const char *call);
void trace_device_init(void);
