// SPDX-License-Identifier: MIT
/*
 * The scheduler: per-CPU run queues, fair by weight (virtual run time, Stoica & Abdel-Wahab 1995,
 * Linux's nice weights), with Linux's real-time policies above; preemptive in user and kernel mode.
 * Idle CPUs take work from busy ones and sleep with the tick off.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct thread;

/* Policies of sched_setscheduler(2). */
enum : u8 { SCHED_NORMAL, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5 };
constexpr int RT_PRIORITY_MAX = 99;
constexpr u64 SCHED_SLICE_NS = 4'000'000;	/* how long one runs while others wait */
constexpr u64 SCHED_RR_SLICE_NS = 100'000'000;	/* of SCHED_RR among equals */
constexpr u64 SCHED_RT_PERIOD_NS = 1'000'000'000;	/* of each real-time threads have this much */
constexpr u64 SCHED_RT_MOST_NS = 950'000'000;		/* at most while others wait */

void sched_init(void);			/* makes boot_thread CPU 0's idle thread */
/* Brings the others up, in parallel; does not wait for them. limit: CPUs to use at most. */
void sched_start_cpus(unsigned limit);
/* The end of kmain and cpu_main: this CPU takes part from now on. Preemption and interrupts as at
 * boot: off. */
[[noreturn]] void sched_idle(void);
/* The boot stack as a struct thread_head, before sched_init (entry code points thread_self() at
 * it). */
extern struct thread boot_thread;

/* Gives the CPU to the next thread; the current one stays runnable unless it has been marked
 * sleeping. Preemption on. */
void schedule(void);
void sched_yield(void);			/* lets the next in line of its kind run first */
/* Makes a new or sleeping thread runnable, on its last CPU or a better one. From anywhere. False if
 * it was not sleeping. */
bool thread_wake(struct thread *t);
/* The same, but stays on this CPU and the waker is about to sleep (pipes): no interrupt, no search
 * for an idle CPU, no preemption. */
bool thread_wake_sync(struct thread *t);
/* Either, for a caller that had a full barrier between making the condition true and this. */
bool thread_wake_ordered(struct thread *t, bool sync);
/* A new thread's scheduling state: asleep, on this CPU, with policy, nice and affinity of the
 * current thread. */
void sched_thread_init(struct thread *t);

void sched_set_nice(struct thread *t, int nice);
/* rt_priority: 1..99 for SCHED_FIFO and SCHED_RR, else 0. The caller has checked both. */
void sched_set_policy(struct thread *t, u8 policy, u8 rt_priority);
/* The thread runs with at least that real-time priority, until 0 is lent. */
void sched_lend(struct thread *t, u8 rt_priority);
/* Affinity mask; -EINVAL if no online CPU is in it. A running thread moves before this returns, or
 * at once. */
int sched_set_affinity(struct thread *t, u64 cpus);
u64 sched_affinity(const struct thread *t);	/* online CPUs only */
unsigned sched_cpus_online(void);
/* Does some CPU run it just now? A guess for who spins: t is only compared, it may be gone. */
bool sched_is_running(const struct thread *t);
u64 sched_online_mask(void);

/* Runs fn(arg) on the other CPUs of the mask, with interrupts off, and waits for them. Interrupts
 * are on. */
void cpu_call(u64 cpus, void (*fn)(void *), void *arg);

/* CPU time of a thread, up to now. From anywhere but under a run queue's lock. */
void thread_times(const struct thread *t, u64 *user_ns, u64 *system_ns);
struct cpu_times { u64 user, nice, system, idle, irq; u64 switches; };	/* ns */
void sched_cpu_times(unsigned cpu, struct cpu_times *out);
unsigned sched_running(void);		/* runnable threads, all CPUs */
void sched_loadavg(u32 out[3]);		/* fixed point, 11 bits */

/* Every thread with its state and call chain into the log. From anywhere, panics included: it waits
 * for no lock. */
void sched_dump(void);
