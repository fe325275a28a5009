// SPDX-License-Identifier: MIT
/* Kernel threads and the work queue. */
#pragma once

#include "lib/base.h"
#include "lib/list.h"

struct thread;

/* A kernel thread that runs fn(arg); when fn returns it ends. nullptr without memory. name <= 15
 * bytes is copied. */
[[nodiscard]] struct thread *kthread_start(const char *name, void (*fn)(void *), void *arg);

extern struct list kthreads;	/* (tasks_lock) by in_task */

/* Work runs soon, on a kernel thread, one at a time in order; it may sleep. */
struct work {
	struct list node;
	void (*fn)(struct work *w);
	bool queued;
};
void work_queue(struct work *w);	/* from anywhere; already queued: nothing */
void work_init(void);

/* Starts the thread that makes blocks of 2 MiB of pages (proc/collapse.c). */
void collapse_init(void);
/* The thread that reclaims memory in the background. */
void pageout_init(void);
