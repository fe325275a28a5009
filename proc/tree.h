// SPDX-License-Identifier: MIT
/*
 * What the files of the process half of proc/ share, and nobody else needs: the pid table, process groups,
 * making and unmaking tasks, the halves of exit and exec. Public: proc/task.h, signal.h, cred.h.
 */
#pragma once

#include "proc/task.h"

/* ---- pid.c; all under tasks_lock */
/* Gives t a free number and enters it in the table: 0, or -EAGAIN when there are too many threads. */
[[nodiscard]] int pid_insert(struct thread *t);
void pid_remove(struct thread *t);
struct thread *pid_lookup(int tid);		/* no reference */
struct task *pid_lookup_task(int pid);		/* no reference */
/* De-threading exec: t, whose leader is gone from the table, gets the number of its task. */
void pid_rename(struct thread *t, int tid);
void pid_init(void);

/* ---- session.c; all under tasks_lock */
struct pgrp {
	int id;
	u32 refs;			/* members + the session of that number */
	struct pgrp *next;		/* chain of the hash table */
	struct list members;		/* task->in_group */
};
struct pgrp *pgrp_lookup(int id);
/* A new task joins its parent's group and session; a reaped one leaves both. */
void pgrp_inherit(struct task *child, struct task *parent);
void pgrp_leave(struct task *t);
/* The first task: a session of its own. */
[[nodiscard]] int session_start(struct task *t);
/* The link from t to `parent` is going, because t ends (then it is to `ignore`) or because it has got another parent: a group
 * that this orphans, and that has stopped members, gets SIGHUP and SIGCONT (POSIX exit()). */
void pgrp_check_orphaned(struct task *t, struct task *parent, const struct task *ignore);
bool pgrp_is_orphaned_locked(struct pgrp *g, const struct task *ignore);

/* ---- task.c */
/* A task with an empty tree and no resources, refs 1 (the tree's), whose limits the caller is to set; nullptr without memory. */
[[nodiscard]] struct task *task_new(void);
/* Links t, led by its thread, below parent; under tasks_lock and t's siglock. */
void task_link(struct task *t, struct task *parent);
/* The zombie leaves the tree; under tasks_lock. The caller then calls task_release without it. */
void task_unlink(struct task *t);
void task_release(struct task *t);
void task_times_locked(struct task *t, u64 *user_ns, u64 *system_ns);

/* ---- exit.c, thread_group.c */
/* Whoever waits in vfork for t goes on. */
void vfork_release(struct thread *t);
/* What must be done with user memory before a thread leaves its address space (exit, exec): robust list, futex at
 * clear_child_tid. */
void thread_leave_vm(struct thread *t);
/* All threads but the current one end; the current one becomes the leader. 0, or -EAGAIN when the task is being
 * ended: then a fatal signal is pending. */
[[nodiscard]] int task_make_alone(void);
/* The task with pid 1, once there is one: orphans become its children. */
extern struct task *task_first;
/* Tells the parent that the task has ended. True: nobody wants to know more: it is out of the tree, to be released. Under
 * tasks_lock. */
[[nodiscard]] bool task_tell_parent(struct task *task);
/* Starts the end of the task: all its threads get SIGKILL. Under siglock. */
void group_exit_locked(struct task *task, int status);

/* ---- sighand.c: the table of actions; any context but what may sleep */
void sighand_init(void);
[[nodiscard]] struct sighand *sighand_new(void);		/* all default; nullptr without memory. May sleep */
[[nodiscard]] struct sighand *sighand_fork(struct sighand *from);	/* an equal one; nullptr without memory. May sleep */
void sighand_put(struct sighand *s);
struct sigaction sighand_get(struct sighand *s, int sig);
struct sigaction_table;
[[nodiscard]] struct sigaction_table *sighand_reserve(void);	/* nullptr without memory. May sleep */
void sighand_release(struct sigaction_table *spare);		/* nullptr is fine */
/* False: nothing has changed; it needs a table, so come again with *spare from sighand_reserve(). If *spare is used, it becomes
 * nullptr. */
[[nodiscard]] bool sighand_set(struct sighand *s, int sig, const struct sigaction *act,
			       struct sigaction_table **spare);
/* The default action from now on; cannot fail. keep: flags and mask stay (SA_RESETHAND). */
void sighand_reset(struct sighand *s, int sig, bool keep);
/* All that are caught become default, all flags and masks go. */
void sighand_exec(struct sighand *s);
static inline bool sighand_catches(const struct sighand *s, int sig)
{
	return load_relaxed(&s->caught) & sig_bit(sig);
}
static inline bool sighand_ignores(const struct sighand *s, int sig)
{
	return load_relaxed(&s->ignored) & sig_bit(sig);
}

/* ---- signal.c, signal_queue.c, signal_stop.c; under siglock where they end in _locked */
void signal_init(void);
int signal_send_locked(struct task *task, struct thread *t, int sig, const struct siginfo *info, bool forced);
/* Sets or clears THREAD_SIGNAL of the current thread by what is pending. */
void signal_recalc_locked(void);
/* The current thread's mask, without what cannot be blocked; the caller recalculates. */
void signal_block_locked(struct thread *self, u64 mask);
/* Makes t look at its signals now: wakes it or interrupts it. */
void signal_kick(struct thread *t);
int signal_dequeue_locked(u64 mask_in, struct siginfo *info);
bool signal_queue_add(struct signal_queue *q, struct task *to, int sig, const struct siginfo *info);
void signal_queue_init(struct signal_queue *q);
void signal_queue_flush(struct signal_queue *q, u64 set);
/* A task's, and those of all its threads. */
void signal_queues_flush(struct task *t, u64 set);
bool signal_queue_take(struct signal_queue *q, int sig, struct siginfo *info);
/* The nth of the records there are; false: not so many. */
bool signal_queue_peek(const struct signal_queue *q, u64 nth, struct siginfo *info);
void signal_queue_setup(void);
/* Is a signal of that timer (timer_create(2)) in the queue? Then it counts one more overrun. */
bool signal_queue_overrun(struct signal_queue *q, int timerid);
/* execve: caught signals become default, ignored ones stay; alternate stack off. `fresh` replaces a shared table. */
void signal_exec(struct sighand *fresh);
/* signal_altstack.c: where the frame goes, and what it says about the alternate stack; the handler's frame is there. */
void signal_choose_stack(const struct thread *t, va_t sp, struct signal_delivery *d);
void signal_altstack_entered(struct thread *t);
/* The signals (before the program can see them) that change a stop: SIGCONT and SIGKILL end it, stop signals
 * and SIGCONT cancel each other. */
void signal_stop_effects_locked(struct task *task, int sig);
/* The current thread took a stop signal whose action is the default. Returns when it has been continued. */
void signal_stop(int sig, u32 conts);
/* Takes part in a stop that another thread began, and tells the parent what is due. */
void signal_stop_point(void);
bool signal_stop_wanted(const struct thread *t);
static inline bool signal_stop_possible(const struct thread *t)
{
	const struct task *task = t->task;

	return unlikely(task->stopping || task->cld_pending || load_acquire(&t->ptrace));
}
static inline bool signal_stop_due(const struct thread *t)
{
	return signal_stop_possible(t) && signal_stop_wanted(t);
}
/* task->stopping changes, under siglock; keeps count of the tasks that stop or have, of which there are none as a rule. */
void signal_stop_mark(struct task *task, bool stopping);
bool signal_stop_any(void);
/* A thread less: was it the last one that a stop waited for? Under tasks_lock and siglock. */
void signal_stop_complete(struct task *task);
/* SIGCHLD and waking of wait4 for a stop or continuation. Under tasks_lock. */
void parent_notify(struct task *task, int code, int status);
void child_siginfo(struct task *task, int code, int status, struct siginfo *info);

constexpr u64 SIGNALS_STOP = BIT(SIGSTOP - 1) | BIT(SIGTSTP - 1) | BIT(SIGTTIN - 1) | BIT(SIGTTOU - 1);
constexpr u64 SIGNALS_IGNORED = BIT(SIGCHLD - 1) | BIT(SIGURG - 1) | BIT(SIGWINCH - 1) | BIT(SIGCONT - 1);
constexpr u64 SIGNALS_CORE = BIT(SIGQUIT - 1) | BIT(SIGILL - 1) | BIT(SIGABRT - 1) | BIT(SIGFPE - 1) |
	BIT(SIGSEGV - 1) | BIT(SIGBUS - 1) | BIT(SIGSYS - 1) | BIT(SIGTRAP - 1) | BIT(SIGXCPU - 1) | BIT(SIGXFSZ - 1);
constexpr u64 SIGNALS_SYNC = BIT(SIGSEGV - 1) | BIT(SIGBUS - 1) | BIT(SIGILL - 1) | BIT(SIGTRAP - 1) |
	BIT(SIGFPE - 1) | BIT(SIGSYS - 1);
constexpr u64 SIGNALS_UNBLOCKABLE = BIT(SIGKILL - 1) | BIT(SIGSTOP - 1);

/* ---- cred.c */
void cred_init(void);
struct user *user_hold(struct user *u);
void user_put(struct user *u);
extern struct cred cred_root;		/* not const: it is counted too */
/* One more (or less) thread counts for the user of c. */
static inline void user_count(const struct cred *c, int n)
{
	__atomic_fetch_add(&c->user->processes, (u32)n, __ATOMIC_RELAXED);
}
void cred_forget_old(struct task *t);
/* The credentials that execve gives: set-id bits of the file, capabilities. nullptr without memory. *secure: AT_SECURE. */
[[nodiscard]] struct cred *cred_exec(const struct exec_file *file, bool *secure);

/* ---- itimer.c */
void itimer_init(struct task *t);
void itimer_cancel(struct task *t);
/* Under siglock: a signal has been taken by the current thread; a set was dropped. Timers that waited for it go on. */
void timers_signal_taken(struct task *t, struct siginfo *info);
void timers_signals_dropped(struct task *t, u64 set);

/* ---- oom.c */
void oom_init(void);
/* t has given its memory back. */
void oom_gone(struct task *t);
