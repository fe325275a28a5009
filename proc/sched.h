// SPDX-License-Identifier: MIT
/*
 * The scheduler: per-CPU run queues, fair by weight (virtual run time, Stoica & Abdel-Wahab 1995, Linux's nice weights),
 * preemptive in user and kernel mode. Idle CPUs take work from busy ones and sleep with the tick off.
 */
#pragma once

#include "lib/base.h"

struct thread;

void sched_init(void);			/* CPU 0: makes the boot stack's thread CPU 0's idle thread */
void sched_start_cpus(void);		/* brings the others up, in parallel; does not wait for them */
[[noreturn]] void sched_idle(void);	/* the end of kmain and cpu_main */
/* The boot stack as a struct thread_head, before sched_init (entry code points thread_self() at it). */
extern struct thread boot_thread;

/* Gives the CPU to the next thread; the current one stays runnable unless it has been marked sleeping. */
void schedule(void);
void sched_yield(void);			/* behind all others of its weight */
/* Makes a new or sleeping thread runnable, on its last CPU or a better one. From anywhere. False if it was not sleeping. */
bool thread_wake(struct thread *t);
/* The same, but stays on this CPU and the waker is about to sleep (pipes): no interrupt, no search for an idle CPU is needed. */
bool thread_wake_sync(struct thread *t);
void sched_set_nice(struct thread *t, int nice);
/* Affinity mask; -EINVAL if no online CPU is in it. */
int sched_set_affinity(struct thread *t, u64 cpus);
unsigned sched_cpus_online(void);
u64 sched_online_mask(void);

/* Runs fn(arg) on the other CPUs of the mask, with interrupts off, and waits for them. Interrupts are on. */
void cpu_call(u64 cpus, void (*fn)(void *), void *arg);

struct cpu_times { u64 user, nice, system, idle, irq; u64 switches; };	/* ns */
void sched_cpu_times(unsigned cpu, struct cpu_times *out);
unsigned sched_running(void);		/* runnable threads, all CPUs */
void sched_loadavg(u32 out[3]);		/* fixed point, 11 bits */
