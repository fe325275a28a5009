// SPDX-License-Identifier: MIT
/*
 * Tasks (processes) and their threads. A task is what fork makes and wait reaps: one address space, one
 * set of files, one parent; a thread is what is scheduled: one kernel stack and register set.
 *
 * Locks, in the order they are taken:
 *   tasks_lock (spin, irq-safe)	the tree: parents, children, groups, sessions, the thread lists, the pid table
 *   task->siglock (spin, irq-safe)	signal state of the task and its threads; stopping and group exit; credentials
 *   sighand->lock (spin, irq-safe)	the actions, which CLONE_SIGHAND shares between tasks
 *   task->lock (spin)			the pointers that others read: files, fs, vm, limits; a leaf, which nobody
 *					waits for inside the locks above: interrupts take those, and may come while it is held
 *
 * Lifetime: the tree holds one reference on a task until it is reaped, and each thread holds one; a thread is held by
 * itself until it has left its stack (thread_gone) and, if it leads, by its task until that is reaped.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "arch/arch.h"
#include "proc/cred.h"
#include "proc/signal.h"
#include "proc/timer.h"
#include "proc/wait.h"

struct vm;
struct files;		/* open file descriptors: fs/files.c */
struct fs_context;	/* root, cwd, umask: fs/path.c */
struct tty;
struct session;

enum thread_state : u8 { THREAD_RUNNING, THREAD_SLEEPING, THREAD_SLEEPING_INTR, THREAD_STOPPED, THREAD_DEAD };

enum { RLIM_CPU, RLIM_FSIZE, RLIM_DATA, RLIM_STACK, RLIM_CORE, RLIM_RSS, RLIM_NPROC, RLIM_NOFILE, RLIM_MEMLOCK, RLIM_AS,
	RLIM_LOCKS, RLIM_SIGPENDING, RLIM_MSGQUEUE, RLIM_NICE, RLIM_RTPRIO, RLIM_RTTIME, RLIM_NLIMITS };
struct rlimit { u64 cur, max; };

struct signal_queue {			/* pending signals */
	u64 set;
	struct list infos;
};

struct thread {
	alignas(CACHE_LINE) struct thread_head head;	/* first: entry code reaches it. Aligned: proc/lock.c */
	struct arch_thread arch;
	int tid;
	struct task *task;		/* (i) nullptr for kernel threads */
	struct list in_task;		/* (tasks_lock) */
	struct thread *pid_next;	/* (tasks_lock) pid.c: chain of the hash table */
	char name[16];			/* comm */
	u32 refs;			/* (a) */

	/* scheduler (r: lock of the run queue of head.cpu, see proc/runqueue.h) */
	enum thread_state state;	/* (a) set by itself; back to THREAD_RUNNING by who wakes it, under r */
	bool on_queue;			/* (r) it runs or is in the queue */
	bool timed_out;			/* (a) its sleep_timer went off */
	bool reset_on_fork;		/* SCHED_RESET_ON_FORK */
	bool rseq_on;			/* it has registered with rseq(2): proc/rseq.c */
	u8 policy, rt_priority;		/* (r) SCHED_*; 1..99 is real-time: the larger of the next two */
	u8 rt_own, rt_lent;		/* (r) 1..99 for SCHED_FIFO and SCHED_RR, else 0; from who waits for it (futex_pi.c) */
	int nice;			/* (r) */
	u32 weight;			/* (r) from nice */
	u64 vruntime;			/* (r) ns of CPU time, times 1024 / weight; real-time: place in line */
	u64 exec_start, slice_start;	/* (r) accounted up to; got the CPU at */
	struct rb_node run_node;	/* (r) */
	u64 affinity;			/* (r) */
	struct timer sleep_timer;

	/* accounting, ns (its own CPU, at switches and ticks) */
	u64 user_ns, system_ns;
	u64 ticked_ns;			/* of the sum, what itimer_tick() has been told */
	bool in_system;			/* what the last tick saw: where the time since then counts */
	u64 switches_voluntary, switches_forced;
	u64 start_ns;

	/* signals (siglock); blocked is written by its own thread only, and read by it without the lock */
	u64 blocked, saved_blocked;
	bool restore_blocked;		/* sigsuspend, ppoll: give saved_blocked back after delivery */
	struct signal_queue pending;
	struct ptrace *ptrace;		/* (own thread or tasks_lock, to set; a) nullptr: was never traced; proc/ptrace.h */
	va_t altstack_sp; u64 altstack_size; u32 altstack_flags;
	u64 fault_address;
	struct { int (*fn)(struct thread *t); u64 deadline; u64 arg[4]; } restart;	/* restart_syscall(2) */

	/* user's pointers */
	va_t clear_child_tid, robust_list, rseq;
	u32 rseq_size, rseq_sig, rseq_cpu;	/* rseq_cpu: what its memory says */
	void *futex;			/* proc/futex.c */
	struct wait_queue *vfork_done;	/* (tasks_lock) the parent waits here until exec or exit */
	bool stop_acked;		/* (siglock) counted in task->nstopped */
	bool exiting;			/* (siglock) takes no more signals */
	bool summed;			/* (tasks_lock) its times are in the task's sums */
	u64 sigwait;			/* (siglock) signals that sigtimedwait waits for, though they are blocked */
	bool user_copy_nofault;
	struct futex_pi_waiter *pi_waiter;	/* futex_pi_lock: how it stands in line for a word with an owner */
	bool pi_owner, pi_gone;		/* (a) futex_pi.c: somebody may wait for it; it takes no more waiters */
};

/* What a task does about signals: shared by CLONE_SIGHAND. Most have few handlers, so the table is made when there is
 * something to put in it, and fork shares it until one side changes it (sighand.c). */
struct sighand {
	u32 refs;			/* (a) tasks */
	struct spinlock lock;		/* irq-safe; a leaf */
	u64 caught, ignored;		/* (lock to write) by signal: it has a handler; it is SIG_IGN */
	u64 listed;			/* (lock) by signal: table has its flags, mask and handler */
	struct sigaction_table *table;	/* (lock) nullptr: nothing is listed */
};

struct task {
	int pid;			/* (i) tgid */
	u32 refs;			/* (a) */
	struct spinlock lock;
	struct spinlock siglock;	/* irq-safe */
	struct task *parent;		/* (tasks_lock) */
	int ppid;			/* (tasks_lock) written; (a) read: the parent's pid */
	struct list children, sibling;	/* (tasks_lock) */
	struct list tracees;		/* (tasks_lock) threads it traces: struct ptrace */
	u32 ntraced;			/* (siglock to write) its own threads that are traced */
	struct list all;		/* (tasks_lock) every task */
	struct list threads;		/* (tasks_lock) */
	struct thread *leader;
	u32 nthreads;			/* (tasks_lock) live ones */
	int pgid, sid;			/* (tasks_lock) */
	struct pgrp *group;		/* (tasks_lock) session.c */
	struct list in_group;		/* (tasks_lock) */
	struct session *session;	/* (tasks_lock) */
	struct vm *vm;			/* (lock) nullptr once exited */
	struct files *files;		/* (lock) */
	struct fs_context *fs;		/* (lock) */
	const struct cred *cred;	/* (siglock; tasks_lock too to replace) */
	const struct cred *old_creds;	/* (siglock) replaced while other threads may still look at them */
	struct sighand *sighand;	/* (siglock to replace) lives as long as the task */
	struct signal_queue pending;	/* (siglock) for the whole task */
	int exit_signal;		/* to the parent: SIGCHLD, or clone's */
	bool zombie;			/* (tasks_lock) nothing is left but what wait tells */
	bool subreaper;			/* (tasks_lock) */
	bool did_exec;			/* (tasks_lock) for setpgid */
	bool no_tty;			/* (tasks_lock) gave the session's terminal up (TIOCNOTTY) */
	bool exiting;			/* (siglock) no thread is left that could take a signal */
	bool group_exit;		/* (siglock) all threads must end, with exit_status */
	bool stopping;			/* (siglock) threads stop on their way to user mode */
	bool stopped;			/* (siglock) all have: state T */
	bool continued, stop_reported;	/* (siglock) what wait4 has (not) seen yet */
	bool dumpable, no_new_privs;
	u32 exec_creds;			/* (siglock to set) threads in exec that have looked who traces them: nobody may begin */
	bool doomed;			/* (siglock) the first task too may be killed: a fault of its own */
	u32 conts;			/* (siglock) counts SIGCONT: a stop decided on before one does not happen */
	u8 cld_pending;			/* (siglock) CLD_CONTINUED to tell the parent, 0: none */
	u32 nstopped;			/* (siglock) threads that have stopped */
	struct thread *exec_thread;	/* (siglock) waits in exec until it is alone */
	struct wait_queue stop_wait;	/* stopped threads; exec_thread */
	int exit_status;		/* (siglock) wait(2) encoding */
	int stop_signal;		/* (siglock) */
	struct wait_queue wait_children;	/* wait4 sleeps here */
	struct wait_queue signal_wait;	/* signalfd: woken when a signal has been queued */
	struct wait_queue end_wait;	/* pidfd: woken when it has become a zombie */
	u64 start_ns;
	/* sums over dead threads / reaped children, ns and counts */
	u64 user_ns, system_ns, child_user_ns, child_system_ns;
	u64 min_faults, maj_faults, child_min_faults, child_maj_faults, switches_voluntary, switches_forced;
	u64 max_rss_pages, child_max_rss_pages;
	struct timer itimer_real; u64 itimer_real_interval; bool itimer_real_waits;
	u64 itimer_virtual, itimer_virtual_interval, itimer_prof, itimer_prof_interval;
	void *posix_timers;
	struct sem_undos *sem_undos;	/* (sem_table.lock to set) what it owes to semaphores: sem_op.c */
	int oom_score_adj;
	u32 personality;
	int pdeath_signal;
	struct rlimit limits[RLIM_NLIMITS];	/* (lock) last: task_new() leaves them */
};

struct session {			/* (tasks_lock) */
	u32 refs;			/* member tasks */
	int sid;
	struct pgrp *pin;		/* the group of the same number: keeps the number from being used again */
	struct tty *tty;		/* controlling terminal or nullptr; the terminal layer's reference */
	struct pgrp *old_group;		/* a reference: who was in the foreground when the terminal hung up */
};

extern struct spinlock tasks_lock;	/* irq-safe */
extern struct list tasks;		/* all, in order of creation */

static inline struct thread *thread_current(void) { return (struct thread *)thread_self(); }
static inline struct task *task_current(void) { return thread_current()->task; }

/* By pid or tid, with a reference; nullptr. Takes tasks_lock. */
struct task *task_find(int pid);
struct thread *thread_find(int tid);
void task_get(struct task *t);
void task_put(struct task *t);
void thread_get(struct thread *t);
void thread_put(struct thread *t);
/* The task after `pid` in order of pid, with a reference: for /proc. */
struct task *task_next(int pid);
/* A task's vm with a user reference (vm_put), nullptr if it has exited. */
struct vm *task_vm(struct task *t);
int pid_count(void);			/* live tasks and threads */
int pid_last(void);
unsigned threads_max(void);		/* the most there may be */

/* A new thread with a kernel stack, zeroed but for `arch`, which the caller is to fill (arch_thread_user(), arch_thread_kernel()):
 * state THREAD_SLEEPING, so that thread_wake() starts it; refs 1, its own; task nullptr; no name; nice, weight and affinity of the current thread. nullptr without memory. For fork and kthread_start(). */
[[nodiscard]] struct thread *thread_new(void);
/* The scheduler, after it has switched away from a thread in THREAD_DEAD: frees the stack and drops the thread's own
 * reference. Never sleeps; interrupts may be off. A kernel thread ends by irq_disable(), state = THREAD_DEAD, schedule(). */
void thread_gone(struct thread *t);
/* The clock tick of a user thread: ns of CPU time just used. Drives ITIMER_VIRTUAL, ITIMER_PROF and RLIMIT_CPU. */
void itimer_tick(struct thread *t, u64 ns, bool user);
/* CPU time of a task in ns, its live threads included. Takes tasks_lock. */
void task_times(struct task *t, u64 *user_ns, u64 *system_ns);
/* The letter of /proc/PID/stat: R S D T t Z X. */
char thread_state_letter(const struct thread *t);

void task_init(void);			/* pid table, caches */
/* The first user task: pid 1, runs `path` with the arguments. By boot, in a thread that may sleep: 0, or -errno, and it may
 * try another path. */
int task_start_init(const char *path, char *const argv[], char *const envp[]);
extern u32 task_first_personality;	/* its personality(2), which all inherit; set before */
extern u64 task_first_fail_alloc;	/* page_fail_at() of this when it goes to user mode; set before */

/* clone(2): flags CLONE_*, with fields as clone3(2). Returns the new tid or -errno. */
struct clone_args { u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; };
long task_clone(const struct clone_args *args, struct trapframe *f);
/* exit(2) of the thread / exit_group(2) of the task. status: wait encoding. */
[[noreturn]] void thread_exit(int status);
[[noreturn]] void task_exit(int status);
/* execve: decodes everything first; -errno and the caller is as it was, or 0 and the frame is the new program's.
 * Arguments are user addresses of vectors. */
struct exec_file;
long task_exec(struct exec_file *file, const char *path, va_t argv, va_t envp, struct trapframe *f);

/* wait4/waitid. */
struct wait_result { int pid, status, code; u32 uid; u64 user_ns, system_ns; u64 min_faults, maj_faults, max_rss_pages; };
long task_wait(int idtype, int id, int options, struct wait_result *out);

/* Process groups and sessions. */
long task_setpgid(int pid, int pgid);
long task_setsid(void);
bool pgrp_is_orphaned(int pgid);	/* takes tasks_lock */
/* For terminals; all under tasks_lock. The group, if it is one of this session, gets sig. */
void session_signal_locked(struct session *s, int pgid, int sig);
/* May it be the foreground group? 0, -ESRCH there is nothing of that number, -EPERM it is not in this session. */
[[nodiscard]] int session_has_group_locked(struct session *s, int pgid);
/* The terminal has hung up with that group in the foreground: SIGHUP and SIGCONT to the leader now, and to the group
 * when the leader ends. */
void session_hangup_locked(struct session *s, int pgid);
void session_signal_old_locked(struct session *s);

/* OOM: kills the task that frees most; false if there is none. Registered as the last shrinker. */
bool oom_kill(void);
u64 oom_kills(void);			/* so far */
/* Pages that its tables map, shared tables in part: an estimate, taken without the address space's lock. */
u64 task_pages(struct task *t);
int oom_score(struct task *t);		/* /proc/PID/oom_score: 0 .. 2000 */

/* ---- what fs gives to processes: declared here, implemented in fs/ (includes only go down). */
struct files *files_clone(struct files *f);	/* a copy; nullptr without memory */
struct files *files_get(struct files *f);	/* shared (CLONE_FILES) */
void files_put(struct files *f);		/* last: closes all. May sleep */
void files_close_on_exec(struct files *f);
/* For exec: f itself if no other task has it, else a copy (the reference on f stays); nullptr without memory. */
struct files *files_unshare(struct files *f);
struct fs_context *fs_context_clone(struct fs_context *c);
struct fs_context *fs_context_get(struct fs_context *c);
void fs_context_put(struct fs_context *c);
/* init's: standard descriptors on the console, root and cwd "/". */
struct files *files_new_console(void);
struct fs_context *fs_context_new(void);
/* The session leader ends: its terminal hangs up (SIGHUP to the foreground group, terminal disassociated). */
void tty_session_end(struct session *s);

/* A program's file as exec sees it. object: page cache of the file, with a reference. */
struct exec_file {
	struct object *object;
	void *path;			/* struct path *, for /proc/PID/exe; owned; exec takes it and leaves nullptr */
	u64 size;
	u32 mode, uid, gid;
	bool nosuid;
	bool unreadable;		/* who runs it may not read it: nor what it becomes in memory */
};
/* Opens for execution; checks x permission and regular file. 0, -ENOENT, -EACCES, … flags: AT_*. */
int exec_open(int dirfd, const char *path, int flags, struct exec_file *out);
void exec_close(struct exec_file *f);
void exec_path_release(void *path);
