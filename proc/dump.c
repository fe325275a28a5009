// SPDX-License-Identifier: MIT
/* For people who look for what hangs: all threads, what each waits for, and who panicked. */
#include "lib/panic.h"
#include "lib/printf.h"
#include "proc/runqueue.h"
#include "proc/work.h"

static void dump_thread(const struct thread *t)
{
	bool runs = runqueues[t->head.cpu].current == t;

	log_info("%5d %-15s %c%s cpu %u, preempt depth %u, work %lx", t->tid, t->name,
		 thread_state_letter(t), runs ? "*" : t->on_queue ? "+" : " ", t->head.cpu,
		 t->head.preempt, t->head.work);
	if (!runs && t->head.stack_top)
		backtrace(arch_thread_fp(&t->arch));
}

void sched_dump(void)
{
	u64 flags = irq_save();
	bool locked = spin_try(&tasks_lock);

	log_info("threads (* runs, + can run):");
	list_for_each(t, &kthreads, struct thread, in_task)
		dump_thread(t);
	list_for_each(task, &tasks, struct task, all) {
		list_for_each(t, &task->threads, struct thread, in_task)
			dump_thread(t);
	}
	if (locked)
		spin_unlock(&tasks_lock);
	irq_restore(flags);
}

/* What lib's panic() cannot know. */
static void describe(void)
{
	const struct thread *t = thread_current();

	log_at(LOG_EMERG, "in %s, thread %d of process %d", t->name, t->tid,
	       t->task ? t->task->pid : 0);
	if (DEBUG_BUILD)
		sched_dump();
}

void sched_dump_init(void)
{
	panic_describe = describe;
}
