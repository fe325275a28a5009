// SPDX-License-Identifier: MIT
/* The tracer: system calls as text, in the manner of strace. */
#include "sys/trace.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/user.h"
#include "proc/task.h"

constexpr size_t LINE = 400, STRING_SHOWN = 80;

/* A program's string in quotes; an address if it cannot be read. */
static int format_string(char *buf, size_t size, va_t user)
{
	char text[STRING_SHOWN];
	long n = copy_string_from_user(text, user, sizeof(text));

	if (n == -EFAULT)
		return snprintf(buf, size, "%#lx", user);
	if (n < 0)
		n = sizeof(text) - 1;
	for (long i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	return snprintf(buf, size, "\"%.*s\"", (int)n, text);
}

static int format_arg(char *buf, size_t size, char kind, u64 value)
{
	switch (kind) {
	case 'd': case 'f': return snprintf(buf, size, "%d", (int)value);
	case 'u': return snprintf(buf, size, "%u", (unsigned)value);
	case 'l': return snprintf(buf, size, "%ld", (long)value);
	case 'n': return snprintf(buf, size, "%lu", value);
	case 'o': return snprintf(buf, size, "0%o", (unsigned)value);
	case 's': return format_string(buf, size, value);
	default: return snprintf(buf, size, "%#lx", value);
	}
}

void trace_enter(const struct trapframe *f, const char *name, const char *kinds)
{
	char line[LINE];
	size_t n = 0;

	if (!name) {
		log_info("[%d] call %lu", thread_current()->tid, frame_syscall(f));
		return;
	}
	line[0] = '\0';
	for (unsigned i = 0; kinds[i] && n < LINE - 100; i++) {
		if (i)
			n += (size_t)snprintf(line + n, LINE - n, ", ");
		n += (size_t)format_arg(line + n, LINE - n, kinds[i], frame_arg(f, i));
	}
	log_info("[%d] %s(%s)", thread_current()->tid, name, line);
}

void trace_exit(const struct trapframe *f, const char *name)
{
	long result = (long)frame_result(f);

	if (result < 0 && result > -4096)
		log_info("[%d] %s = -errno %ld", thread_current()->tid, name ? name : "?", -result);
	else
		log_info("[%d] %s = %#lx", thread_current()->tid, name ? name : "?", result);
}
