// SPDX-License-Identifier: MIT
/*
 * Numbers of threads, tasks and process groups: one name space, so that a number is free only when no thread, no group
 * and no session has it.
 *
 * The table is a hash of the threads themselves: no memory of its own, O(1) to enter, leave and look up. Numbers are
 * given out in a circle, so that one that has just become free is not somebody else's at once.
 *
 * Locks: tasks_lock for everything here.
 */
#include "mm/page.h"
#include "proc/tree.h"

constexpr int PID_MAX = 4194304;	/* Linux's, on 64 bits */
constexpr int PID_WRAP = 300;		/* after a turn: low numbers belong to the system's first processes */
constexpr unsigned BUCKETS = 2048;

static struct thread *table[BUCKETS];
static int last;
static unsigned count, count_max;

void pid_init(void)
{
	struct page_stats stats;

	/* An eighth of memory for kernel stacks at the most. */
	page_stats(&stats);
	count_max = (unsigned)min(stats.total * PAGE_SIZE / (8 * 16 * KiB), (u64)PID_MAX / 2);
	count_max = max(count_max, 64u);
}

unsigned threads_max(void)
{
	return count_max;
}

int pid_count(void)
{
	return (int)load_relaxed(&count);
}

int pid_last(void)
{
	return load_relaxed(&last);
}

static struct thread **bucket(int tid)
{
	return &table[(unsigned)tid % BUCKETS];
}

struct thread *pid_lookup(int tid)
{
	struct thread *t = *bucket(tid);

	while (t && t->tid != tid)
		t = t->pid_next;
	return t;
}

struct task *pid_lookup_task(int pid)
{
	struct thread *t = pid_lookup(pid);

	return t && t->task->pid == pid ? t->task : nullptr;
}

static void enter(struct thread *t, int tid)
{
	struct thread **b = bucket(tid);

	t->tid = tid;
	t->pid_next = *b;
	*b = t;
	count++;
}

int pid_insert(struct thread *t)
{
	if (count >= count_max)
		return -EAGAIN;
	/* Ends: there are at most count_max threads and as many groups, and PID_MAX numbers. */
	do
		last = last + 1 < PID_MAX ? last + 1 : PID_WRAP;
	while (pid_lookup(last) || pgrp_lookup(last));
	enter(t, last);
	return 0;
}

void pid_remove(struct thread *t)
{
	struct thread **b = bucket(t->tid);

	while (*b != t)
		b = &(*b)->pid_next;
	*b = t->pid_next;
	count--;
}

void pid_rename(struct thread *t, int tid)
{
	pid_remove(t);
	enter(t, tid);
}

struct thread *thread_find(int tid)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	struct thread *t = pid_lookup(tid);

	if (t)
		thread_get(t);
	spin_unlock_irq(&tasks_lock, flags);
	return t;
}

struct task *task_find(int pid)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	struct task *t = pid_lookup_task(pid);

	if (t)
		task_get(t);
	spin_unlock_irq(&tasks_lock, flags);
	return t;
}

/* The list is in order of creation, which is not that of numbers once these have gone round: look at all. */
struct task *task_next(int pid)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	struct task *best = nullptr;

	list_for_each(t, &tasks, struct task, all)
		if (t->pid > pid && (!best || t->pid < best->pid))
			best = t;
	if (best)
		task_get(best);
	spin_unlock_irq(&tasks_lock, flags);
	return best;
}
