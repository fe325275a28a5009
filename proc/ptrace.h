// SPDX-License-Identifier: MIT
/*
 * ptrace(2): a task, the tracer, stops threads of other tasks at events and looks at them and changes them while they are
 * stopped. A traced thread stops itself, at a place where all its registers are in memory; it tells the tracer through
 * wait4(2) and sleeps until it is resumed, killed, or nobody traces it any more.
 *
 * The tracer is a task, not one of its threads: any of them may ask, and tracing ends with the task. (Linux: the thread.)
 * Leaves out: seccomp stops, SYSEMU, single-stepping by blocks, hardware breakpoints.
 *
 * Locks: tasks_lock, then the siglock of the traced thread's task; both to begin and end tracing.
 */
#pragma once

#include "proc/task.h"

enum : u32 { PTRACE_O_TRACESYSGOOD = 1, PTRACE_O_TRACEFORK = 2, PTRACE_O_TRACEVFORK = 4, PTRACE_O_TRACECLONE = 8,
	PTRACE_O_TRACEEXEC = 16, PTRACE_O_TRACEVFORKDONE = 32, PTRACE_O_TRACEEXIT = 64, PTRACE_O_EXITKILL = 1 << 20,
	PTRACE_O_ALL = 0x7f | PTRACE_O_EXITKILL };
enum ptrace_event : u32 { PTRACE_EVENT_FORK = 1, PTRACE_EVENT_VFORK, PTRACE_EVENT_CLONE, PTRACE_EVENT_EXEC,
	PTRACE_EVENT_VFORK_DONE, PTRACE_EVENT_EXIT, PTRACE_EVENT_STOP = 128 };
enum : u64 { PTRACE_EVENTMSG_SYSCALL_ENTRY = 1, PTRACE_EVENTMSG_SYSCALL_EXIT };
enum : u32 { PTRACE_TRAP_STOP = 1, PTRACE_TRAP_NOTIFY = 2 };

/* How a stopped thread goes on. */
enum ptrace_resume : u8 { RESUME_CONT, RESUME_SYSCALL, RESUME_STEP };

/* A thread that is or was traced: made once, kept as long as the thread. */
struct ptrace {
	struct thread *thread;		/* (i) */
	struct task *tracer;		/* (tasks_lock and siglock to write) nullptr: nobody */
	struct list in_tracer;		/* (tasks_lock) tracer->tracees, which holds a reference on the thread */
	u32 options;			/* (siglock) PTRACE_O_* */
	bool seized;			/* (siglock) by PTRACE_SEIZE: stops of groups are told apart */
	bool privileged;		/* (siglock) who attached had CAP_SYS_PTRACE */
	bool dead;			/* (tasks_lock) no leader, and ended: the tracer has not heard of it */
	int exit_status;		/* (tasks_lock) where dead */
	u32 trap;			/* (siglock) PTRACE_TRAP_*: a stop that is due */
	struct wait_queue wait;		/* the stopped thread, and who waits to hold it */
	bool stopped;			/* (siglock) until it is resumed */
	bool held;			/* (siglock) the tracer works on it: it stays, whatever happens */
	bool listening;			/* (siglock) PTRACE_LISTEN: stopped, but only as its group is */
	int code;			/* (siglock) for wait4; 0: told */
	enum ptrace_resume resume;	/* (siglock to write) how it runs now */
	bool stepping;			/* its own: the step flag in its frame is ours */
	int signal;			/* (siglock) what to go on with: a signal, 0: none */
	bool has_info;			/* (siglock) of a stop: info is meant */
	struct siginfo info;		/* (siglock) */
	u64 message;			/* (siglock) PTRACE_GETEVENTMSG */
};

static inline bool ptrace_traced(const struct thread *t)
{
	const struct ptrace *p = load_acquire(&t->ptrace);

	return unlikely(p) && load_relaxed(&p->tracer);
}

/* ---- who traces whom: ptrace_link.c */
/* May the current task look into t and change it: the same user and no more rights, or CAP_SYS_PTRACE. Takes siglock. */
bool ptrace_may_access(struct task *t);
/* May its tracer, the current task, see its memory? It may have become a program that nobody may read. */
bool ptrace_may_peek(struct task *t);
/* PTRACE_TRACEME; PTRACE_ATTACH and PTRACE_SEIZE. 0, -EPERM, -ESRCH, -ENOMEM, -ERESTARTSYS. */
int ptrace_traceme(void);
int ptrace_attach(int tid, bool seize, u32 options);
/* Ends the tracing of a thread that the caller holds; it goes on with the signal. */
void ptrace_detach(struct thread *t, int sig);
/* clone: the event that the current thread's tracer wants of it, 0: none; memory for t to be traced too, if so:
 * 0 or -ENOMEM; and under tasks_lock and the current task's siglock, if t shall be traced. */
u32 ptrace_clone_event(u64 flags, u64 exit_signal);
[[nodiscard]] int ptrace_prepare(struct thread *t);
void ptrace_inherit_locked(struct thread *t);
/* exec: may a set-id bit count? While task->exec_creds is set nobody attaches. */
bool ptrace_allows_setid(void);
void ptrace_exec_begin(void);
void ptrace_exec_end(void);
/* The leader of an exec's task goes without having been waited for. Under tasks_lock and siglock. */
void ptrace_forget_locked(struct thread *t);
/* The current thread, no leader, has left its task. Under tasks_lock and siglock. */
void ptrace_died_locked(struct thread *t, int status);
/* The tracer of a zombie's leader that must hear of its end first, or nullptr. Under tasks_lock. */
struct task *ptrace_zombie_tracer(const struct task *zombie);
/* Tells the tracer of t (SIGCHLD) and wakes its wait4. Under tasks_lock. */
void ptrace_tell_tracer(struct thread *t, int cld, int status);
/* The current task ends: it traces nobody any more. Zombies to be released go to `done`. Under tasks_lock. */
void ptrace_tracer_end(struct task *tracer, struct list *done);

/* ---- stops: ptrace_stop.c; of the current thread, which may sleep */
/* A signal has been taken. What to go on with: 0, or a signal that info tells of. */
int ptrace_signal_stop(int sig, struct siginfo *info);
/* An event, if the tracer wants to hear of it. */
void ptrace_event(enum ptrace_event event, u64 message);
/* Before and after a system call. enter: false: it shall not run. */
bool ptrace_syscall_enter(struct trapframe *f);
void ptrace_syscall_exit(struct trapframe *f);
/* What PTRACE_INTERRUPT asks for, or the stop of the group. */
void ptrace_trap(void);
/* A step flag that its tracer has left behind goes. */
void ptrace_settle(struct trapframe *f);
/* A handler's frame is to be built: without the step flag; and it has been: true if begin had to take it away. */
bool ptrace_handler_begin(struct trapframe *f);
void ptrace_handler_done(void);
/* Last on the way to user mode, interrupts off. */
void ptrace_enter_user(void);

/* Is a stop due that ptrace_trap() will make? Under siglock, or for oneself. */
static inline bool ptrace_trap_due(const struct thread *t)
{
	return ptrace_traced(t) && load_relaxed(&t->ptrace->trap);
}

/* Under siglock: a stopped thread has been killed; a seized one's group has stopped or continued. */
void ptrace_killed_locked(struct thread *t);
void ptrace_group_changed_locked(struct thread *t);

/* ---- what the tracer does: ptrace_stop.c */
/* The thread tid, which the current task traces and which is stopped, with a reference; it stays stopped until ptrace_let().
 * 0 or -ESRCH. */
[[nodiscard]] int ptrace_hold(int tid, struct thread **out);
void ptrace_let(struct thread *t);
/* For a thread that is held. */
void ptrace_resume(struct thread *t, enum ptrace_resume how, int sig);
/* Its mask; the nth of its queued signals, or of its task's: false: there is none. */
u64 ptrace_blocked(struct thread *t);
void ptrace_set_blocked(struct thread *t, u64 mask);
bool ptrace_peek_signal(struct thread *t, bool shared, u64 nth, struct siginfo *info);
/* -EIO if it is not in a stop that can be listened in. */
int ptrace_listen(struct thread *t);
/* PTRACE_INTERRUPT, which needs no stop: 0, -EIO, -ESRCH. */
int ptrace_interrupt(int tid);
/* The thread tid if the current task traces it, with a reference; nullptr. */
struct thread *ptrace_find(int tid);
