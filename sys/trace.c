// SPDX-License-Identifier: MIT
/*
 * The tracer's lines. What a call's end shows (out and io arguments) and all behind it is written
 * when it returns; the part before that when it starts, so that a call that hangs can be seen.
 *
 * The program's memory is read again here, not where the call reads it: another thread that changes
 * it makes the text wrong, and nothing else.
 */
#include "sys/trace.h"
#include "lib/string.h"
#include "proc/task.h"
#include "proc/trace.h"
#include "sys/syscall.h"
#include "sys/trace_names.h"

static const char *traced_program;	/* (i) trace=NAME */

/* address: the result is one, unless it is 0. */
static void add_result(struct trace_line *l, long result, bool address)
{
	const char *name, *text;

	if (result < 0 && trace_error((int)-max(result, -4096l), &name, &text)) {
		if (result <= -ERESTARTSYS)
			line_add(l, ") = ? %s (%s)", name, text);
		else
			line_add(l, ") = -1 %s (%s)", name, text);
	} else if (address || (u64)result > 0xffffffff) {
		line_add(l, ") = %#lx", result);
	} else {
		line_add(l, ") = %ld", result);
	}
}

/* Arguments: those up to the first that only the end shows, or from that one on. */
static void add_args(struct trace_line *l, const struct trapframe *f, const char *args, bool late, long result)
{
	struct argkind k;
	bool seen = false;

	for (unsigned i = 0; (args = argkind_next(args, &k)); i++) {
		seen = seen || argkind_is_result(&k);
		if (seen != late)
			continue;
		if (i)
			line_add(l, ", ");
		line_add_arg(l, f, &k, i, result);
	}
}

void trace_enter(const struct trapframe *f, const char *name, const char *args)
{
	struct trace_line l = {};

	if (name) {
		line_add(&l, "%s(", name);
		add_args(&l, f, args, false, 0);
	} else {
		line_add(&l, "syscall_%lu(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx", frame_syscall(f),
			 frame_arg(f, 0), frame_arg(f, 1), frame_arg(f, 2), frame_arg(f, 3), frame_arg(f, 4),
			 frame_arg(f, 5));
	}
	trace_write(&l, TRACE_BEGIN, name);
}

static bool gives_address(const char *name)
{
	return !strcmp(name, "mmap") || !strcmp(name, "brk") || !strcmp(name, "mremap") || !strcmp(name, "shmat");
}

void trace_exit(const struct trapframe *f, const char *name, const char *args)
{
	struct trace_line l = {};
	long result = (long)frame_result(f);

	if (name)
		add_args(&l, f, args, true, result);
	add_result(&l, result, name && result && gives_address(name));
	trace_write(&l, TRACE_END, name);
}

/* ---- signals and the end */

static void add_signal(struct trace_line *l, int sig)
{
	const char *name = trace_signal_name(sig);

	if (name)
		line_add(l, "SIG%s", name);
	else
		line_add(l, "SIGRT_%d", sig - 32);
}

static const char *code_name(int sig, int code)
{
	switch (code) {
	case SI_USER: return "SI_USER";
	case SI_KERNEL: return "SI_KERNEL";
	case SI_QUEUE: return "SI_QUEUE";
	case SI_TIMER: return "SI_TIMER";
	case SI_TKILL: return "SI_TKILL";
	case CLD_EXITED: return sig == SIGCHLD ? "CLD_EXITED" : sig == SIGSEGV ? "SEGV_MAPERR" : nullptr;
	case CLD_KILLED: return sig == SIGCHLD ? "CLD_KILLED" : sig == SIGSEGV ? "SEGV_ACCERR" : nullptr;
	case CLD_DUMPED: return sig == SIGCHLD ? "CLD_DUMPED" : nullptr;
	case CLD_STOPPED: return sig == SIGCHLD ? "CLD_STOPPED" : nullptr;
	case CLD_CONTINUED: return sig == SIGCHLD ? "CLD_CONTINUED" : nullptr;
	default: return nullptr;
	}
}

void trace_signal(const struct siginfo *info)
{
	struct trace_line l = {};
	int sig = info->signo, code = info->code;
	const char *name = code_name(sig, code);
	bool fault = sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP;

	line_add(&l, "--- ");
	add_signal(&l, sig);
	line_add(&l, " {si_signo=");
	add_signal(&l, sig);
	line_add(&l, name ? ", si_code=%s" : ", si_code=%.0s%d", name ? name : "", code);
	if (fault && code > 0 && code != SI_KERNEL)
		line_add(&l, ", si_addr=%#lx", info->fault.addr);
	else if (sig == SIGCHLD && code > 0)
		line_add(&l, ", si_pid=%d, si_uid=%u, si_status=%d", info->child.pid, info->child.uid,
			 info->child.status);
	else if (code <= 0 && code != SI_TIMER)
		line_add(&l, ", si_pid=%d, si_uid=%u", info->rt.pid, info->rt.uid);
	line_add(&l, "} ---");
	trace_write(&l, TRACE_WHOLE, nullptr);
}

void trace_end(int status)
{
	struct trace_line l = {};
	const struct trapframe *f = arch_frame(thread_self());
	const char *call = frame_in_syscall(f) ? syscall_name(frame_syscall(f)) : nullptr;

	if (call && (!strcmp(call, "exit") || !strcmp(call, "exit_group"))) {
		line_add(&l, ") = ?");
		trace_write(&l, TRACE_END, call);
		l = (struct trace_line){};
	}
	line_add(&l, "+++ ");
	if (status & 0x7f) {
		line_add(&l, "killed by ");
		add_signal(&l, status & 0x7f);
		line_add(&l, status & 0x80 ? " (core dumped)" : "");
	} else {
		line_add(&l, "exited with %d", status >> 8 & 0xff);
	}
	line_add(&l, " +++");
	trace_write(&l, TRACE_WHOLE, nullptr);
}

/* ---- who is traced */

void trace_exec(void)
{
	if (traced_program && (!strcmp(traced_program, "1") || !strcmp(traced_program, thread_current()->name)))
		thread_trace_on(THREAD_LOG);
}

void trace_init(const char *value)
{
	traced_program = value && *value && strcmp(value, "0") ? value : nullptr;
	trace_device_init();
}
