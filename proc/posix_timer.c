// SPDX-License-Identifier: MIT
/*
 * Timers that a task makes. One that runs out again before its signal was taken does not queue another: it counts an
 * overrun (timer_getoverrun(2)).
 *
 * Locks: the container's mutex for every call, so that no timer goes while another thread sets it; then siglock for what
 * the timer's function uses. It is never waited for with siglock held.
 */
#include "proc/posix_timer.h"
#include "arch/arch.h"
#include "mm/kmem.h"
#include "proc/tree.h"

constexpr unsigned TIMERS_MAX = 1024;	/* of a task */

struct posix_timer {
	struct list node;		/* (m) */
	struct task *task;		/* (i) lives as long as its timers */
	int id, clock;			/* (i) */
	struct timer_event event;	/* (i) */
	struct timer timer;
	u64 interval;			/* (s) */
	int overrun;			/* (s) of the signal that was sent last */
};

/* (m) mutex  (s) siglock  (i) fixed */
struct posix_timers {
	struct mutex mutex;
	struct list list;		/* (m) */
	unsigned count;			/* (m) */
	int next_id;			/* (m) */
};

static struct mutex creation = MUTEX_INIT(creation);	/* a task's container is made once */

/* ---- running out */

static void send(struct posix_timer *p, struct thread *t)
{
	struct task *task = p->task;
	struct signal_queue *q = t ? &t->pending : &task->pending;

	if (signal_queue_overrun(q, p->id)) {
		p->overrun++;
		return;
	}
	struct siginfo info = { .signo = p->event.signo, .code = SI_TIMER };

	info.timer.timerid = p->id;
	info.timer.value = p->event.value;
	p->overrun = 0;
	(void)signal_send_locked(task, t, p->event.signo, &info, false);
}

/* The next moment after now at which an interval ends; the ones that were missed are overruns. */
static void arm_again(struct posix_timer *p)
{
	u64 now = arch_clock_ns(), next = p->timer.deadline + p->interval;

	if (next <= now) {
		u64 missed = (now - p->timer.deadline) / p->interval;

		p->overrun += (int)min(missed, (u64)INT_MAX / 2);
		next = p->timer.deadline + (missed + 1) * p->interval;
	}
	timer_arm(&p->timer, next);
}

static void runs_out(struct timer *timer)
{
	struct posix_timer *p = container_of(timer, struct posix_timer, timer);
	struct task *task = p->task;

	spin_lock(&tasks_lock);
	struct thread *t = p->event.tid ? pid_lookup(p->event.tid) : nullptr;

	spin_lock(&task->siglock);
	if (p->event.signo && (!p->event.tid || (t && t->task == task)))
		send(p, t);
	if (p->interval)
		arm_again(p);
	spin_unlock(&task->siglock);
	spin_unlock(&tasks_lock);
}

/* ---- the calls */

static struct posix_timers *timers_of(struct task *task)
{
	scoped_mutex(&creation);
	if (!task->posix_timers) {
		struct posix_timers *c = kzalloc(sizeof(*c));

		if (!c)
			return nullptr;
		mutex_init(&c->mutex);
		list_init(&c->list);
		task->posix_timers = c;
	}
	return task->posix_timers;
}

static struct posix_timer *find(struct posix_timers *c, int id)
{
	list_for_each(p, &c->list, struct posix_timer, node)
		if (p->id == id)
			return p;
	return nullptr;
}

int posix_timer_create(int clock, const struct timer_event *e)
{
	struct task *task = task_current();
	struct posix_timers *c = timers_of(task);
	struct posix_timer *p = c ? kzalloc(sizeof(*p)) : nullptr;

	if (!p)
		return -ENOMEM;
	scoped_mutex(&c->mutex);
	if (c->count >= TIMERS_MAX) {
		kfree(p);
		return -EAGAIN;
	}
	while (find(c, c->next_id))
		c->next_id = (c->next_id + 1) & INT_MAX;
	p->task = task;
	p->clock = clock;
	p->event = *e;
	p->id = c->next_id;
	if (e->value_is_id)
		p->event.value = (u64)p->id;
	c->next_id = (c->next_id + 1) & INT_MAX;
	timer_init(&p->timer, runs_out);
	list_push_back(&c->list, &p->node);
	c->count++;
	return p->id;
}

static void read_setting(struct posix_timer *p, struct timer_setting *out)
{
	u64 now = arch_clock_ns();

	*out = (struct timer_setting){ .interval = p->interval };
	if (load_relaxed(&p->timer.armed))
		out->deadline = p->timer.deadline > now ? p->timer.deadline - now : 1;
}

/* No tick of the old setting comes behind this: an interval of 0 keeps the function from arming again. */
static void stop(struct posix_timer *p)
{
	u64 flags = spin_lock_irq(&p->task->siglock);

	p->interval = 0;
	spin_unlock_irq(&p->task->siglock, flags);
	timer_cancel(&p->timer);
}

static void start(struct posix_timer *p, const struct timer_setting *set)
{
	p->overrun = 0;
	p->interval = set->interval;
	timer_arm(&p->timer, set->deadline);
}

int posix_timer_set(int id, const struct timer_setting *set, struct timer_setting *old)
{
	struct posix_timers *c = task_current()->posix_timers;

	if (!c)
		return -EINVAL;
	scoped_mutex(&c->mutex);
	struct posix_timer *p = find(c, id);

	if (!p)
		return -EINVAL;
	if (old)
		read_setting(p, old);
	if (set) {
		stop(p);
		if (set->deadline != ~0ul)
			start(p, set);
	}
	return 0;
}

int posix_timer_clock(int id)
{
	struct posix_timers *c = task_current()->posix_timers;

	if (!c)
		return -EINVAL;
	scoped_mutex(&c->mutex);
	struct posix_timer *p = find(c, id);

	return p ? p->clock : -EINVAL;
}

int posix_timer_overrun(int id)
{
	struct posix_timers *c = task_current()->posix_timers;

	if (!c)
		return -EINVAL;
	scoped_mutex(&c->mutex);
	struct posix_timer *p = find(c, id);

	return p ? load_relaxed(&p->overrun) : -EINVAL;
}

static void free_timer(struct posix_timers *c, struct posix_timer *p)
{
	stop(p);
	list_remove(&p->node);
	c->count--;
	kfree(p);
}

int posix_timer_delete(int id)
{
	struct posix_timers *c = task_current()->posix_timers;

	if (!c)
		return -EINVAL;
	scoped_mutex(&c->mutex);
	struct posix_timer *p = find(c, id);

	if (!p)
		return -EINVAL;
	free_timer(c, p);
	return 0;
}

void posix_timers_free(struct task *t)
{
	struct posix_timers *c = t->posix_timers;

	if (!c)
		return;
	list_for_each_safe(p, &c->list, struct posix_timer, node)
		free_timer(c, p);
	t->posix_timers = nullptr;
	kfree(c);
}
