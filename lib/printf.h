// SPDX-License-Identifier: MIT
/* Formatting, and the kernel's log. */
#pragma once

#include "lib/base.h"

/* printf(3) without floating point: d i u x X o c s p %, flags - 0 + space #, width,
 * precision, * , hh h l ll z j t. Writes at most size bytes, terminator included; returns the
 * length it would have had. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
[[gnu::format(printf, 3, 4)]] int snprintf(char *buf, size_t size, const char *fmt, ...);

/* Levels as syslog(2) has them. */
enum log_level : u8 {
	LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG
};

/* One line into the log (a ring of 128 KiB) and, if its level is below the console's, to every
 * console. A missing newline is added. From anywhere, interrupts and panics included; does not
 * sleep. */
[[gnu::format(printf, 2, 3)]] void log_at(enum log_level level, const char *fmt, ...);
#define log_err(...) log_at(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* Where log lines are shown. write must not sleep and must work with interrupts off; it adds the
 * carriage returns its device needs. */
struct console {
	const char *name;
	void (*write)(struct console *c, const char *s, size_t n);
	struct console *next;
	bool early_port;	/* the early console's port under its driver: replaces it */
};

/* Adds a console; what was logged before is written to it first. c stays the caller's, for ever. */
void console_register(struct console *c);
/* The machine's early console (arch_early_putc()) shows the log until a driver takes its port over. */
void console_register_early(void);
/* Lines of a level below `level` reach the consoles (`quiet`: 1, default 7). */
void console_set_level(int level);
int console_level(void);

/* Reading the log (syslog(2), /dev/kmsg). A record is one line. Positions are sequence numbers. */
u64 log_first(void);			/* the oldest record still held */
u64 log_next(void);			/* the number the next record will get */
/* Copies record seq, without newline, into buf (size > 0, terminated). Returns its length, or
 * -EPIPE when it was overwritten already, or -EAGAIN when it does not exist yet. */
int log_read(u64 seq, char *buf, size_t size, enum log_level *level, u64 *time_ns);

/* For panics: every console gets what this CPU logs from now on at once, without locks; other
 * CPUs are silent. */
void console_panic_mode(void);
