// SPDX-License-Identifier: MIT
/*
 * Signals (signal(7)): sending, masks, actions, delivery on the way back to user mode.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/lock.h"

struct task;
struct thread;
struct trapframe;

enum {
	SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
	SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU,
	SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS, SIGRTMIN, NSIG = 64,
};
static inline u64 sig_bit(int sig) { return 1ul << (sig - 1); }

/* siginfo_t, as far as anything is told in it: on Linux, too, the rest of its 128 bytes is empty. */
struct siginfo {
	s32 signo, err, code, pad0;
	union {
		struct { s32 pid; u32 uid; s32 status; s32 pad; s64 utime, stime; } child;	/* SIGCHLD */
		struct { s32 pid; u32 uid; u64 value; } rt;	/* kill, sigqueue */
		struct { s32 timerid, overrun; u64 value; } timer;
		struct { u64 addr; } fault;
		struct { s64 band; s32 fd; } poll;
	};
};
constexpr size_t SIGINFO_USER = 128;
static_assert(sizeof(struct siginfo) == 48);

enum { SI_USER = 0, SI_KERNEL = 0x80, SI_QUEUE = -1, SI_TIMER = -2, SI_TKILL = -6, SI_ASYNCNL = -60,
	SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRALN = 1, BUS_ADRERR = 2, BUS_OBJERR = 3,
	ILL_ILLOPC = 1, ILL_ILLOPN = 2, FPE_INTDIV = 1, FPE_FLTDIV = 3, FPE_FLTINV = 7, TRAP_BRKPT = 1, TRAP_TRACE = 2,
	CLD_EXITED = 1, CLD_KILLED = 2, CLD_DUMPED = 3, CLD_TRAPPED = 4, CLD_STOPPED = 5, CLD_CONTINUED = 6 };

enum : u64 { SA_NOCLDSTOP = 1, SA_NOCLDWAIT = 2, SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000,
	SA_RESTART = 0x10000000, SA_NODEFER = 0x40000000, SA_RESETHAND = 0x80000000 };

constexpr va_t SIG_DFL = 0, SIG_IGN = 1;

/* As rt_sigaction(2) passes it, on both CPUs. */
struct sigaction {
	va_t handler;
	u64 flags;
	va_t restorer;
	u64 mask;
};

/* stack_t. */
struct altstack {
	va_t sp;
	u32 flags, pad;
	u64 size;
};

/* What arch_signal_push() needs to build a frame. */
struct signal_delivery {
	int sig;
	const struct siginfo *info;
	va_t handler, restorer;		/* restorer 0: none (use the vDSO's) */
	u64 flags;			/* SA_* */
	u64 saved_mask;			/* goes into uc_sigmask, comes back with sigreturn */
	va_t altstack_sp; u64 altstack_size; u32 altstack_flags;	/* goes into uc_stack */
	va_t stack_top;			/* push below this: the alternate stack's end or the user sp */
	bool on_altstack;		/* stack_top is the alternate stack's end: no red zone to skip */
	va_t vdso_base;
	u64 fault_address;		/* for sigcontext (arm64) / cr2 (x86-64) */
};

/* To and from the user's 128 bytes; from there for signal sig, -1: the one that they name. 0 or -EFAULT; from there -E2BIG where
 * the rest is not empty and the signal's code does not say what it would be. */
[[nodiscard]] int siginfo_put(va_t to, const struct siginfo *info);
[[nodiscard]] int siginfo_get(struct siginfo *info, va_t from, int sig);

/* Sends to one thread / to a task (any thread that lets it in) / to all tasks of a process group. info may be nullptr (SI_KERNEL).
 * From anywhere, interrupts included. No permission check. 0; -EAGAIN when a real-time queue is full (never for kernel
 * signals). */
int signal_thread(struct thread *t, int sig, const struct siginfo *info);
int signal_task(struct task *t, int sig, const struct siginfo *info);
int signal_group(int pgid, int sig, const struct siginfo *info);	/* -ESRCH: no such group */
/* For a fault of the current thread: unblocks and resets the handler if it is blocked or ignored, so that it is not lost. */
void signal_force(int sig, const struct siginfo *info);
/* Is one pending for the current thread that its mask lets in? */
bool signal_pending(void);
/* A fatal one (SIGKILL, or default-fatal about to be delivered)? */
bool signal_pending_fatal(void);
/* May the current task signal t? 0 or -EPERM. */
int signal_permitted(const struct task *t, int sig);
bool signal_ignored_or_blocked(int sig);	/* by the current thread; for tty job control */

/* user_work() (proc/trap.c), when THREAD_SIGNAL is set: interrupts on; may sleep (a stop); may not return (a fatal
 * signal). Sets up what must run next: a handler's frame, the same call again, or the program as it was; clears
 * THREAD_SIGNAL unless more is pending. */
void signal_deliver(struct trapframe *f);
extern const u64 signal_restart_syscall;	/* sys/signal.c: the number of restart_syscall(2) here */

/* The current thread's mask, without SIGKILL and SIGSTOP. */
void signal_set_blocked(u64 mask);
/* For ppoll, pselect6, epoll_pwait, sigsuspend: `mask` until a handler has been called, or the call ends without one
 * (signal_mask_restore; not after -EINTR or an -ERESTART: then delivery gives the old mask back). */
void signal_mask_replace(u64 mask);
void signal_mask_restore(void);

/* kill(2): pid as it has it; the current task's rights. 0, -EINVAL, -ESRCH, -EPERM, -EAGAIN. */
int signal_kill(int pid, int sig, const struct siginfo *info);
/* tgkill(2): one thread; tgid -1: of any task. */
int signal_kill_thread(int tgid, int tid, int sig, const struct siginfo *info);
/* sigtimedwait(2): the signal, -EAGAIN when the deadline came first, -EINTR for another signal. */
int signal_wait(u64 set, u64 deadline_ns, struct siginfo *info);
/* rt_sigaction(2); act or old may be nullptr. 0 or -EINVAL. */
int signal_set_action(int sig, const struct sigaction *act, struct sigaction *old);
/* sigaltstack(2) of the current thread, whose stack pointer is sp; either may be nullptr. 0, -EPERM, -EINVAL, -ENOMEM. */
int signal_altstack(const struct altstack *set, struct altstack *old, va_t sp);
/* rt_sigreturn(2): the frame is what it was before the handler. */
void signal_return(struct trapframe *f);
/* Takes one pending signal of `set` from the current thread's queues: its number, or 0. For sigtimedwait and signalfd. */
int signal_take(u64 set, struct siginfo *info);
/* Pending for the current thread or its task. */
u64 signal_pending_set(void);

/* For /proc/PID/status: a consistent copy. */
struct signal_status { u64 pending, task_pending, blocked, ignored, caught; u32 queued; u64 queue_limit; };
void signal_status(struct thread *t, struct signal_status *out);
