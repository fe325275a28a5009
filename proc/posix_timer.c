// SPDX-License-Identifier: MIT
/*
 * Timers that a task makes. One that repeats goes on when its signal is taken: what it missed until then are overruns
 * (timer_getoverrun(2)). So however short its interval is, it costs no more interrupts than there are signals that somebody takes.
 * One whose signal is ignored looks again from time to time, and one that sends none (SIGEV_NONE) is only reckoned.
 *
 * Locks: the container's mutex for every call, so that no timer goes while another thread sets it; then siglock for what
 * the timer's function and who takes signals use. The function is never waited for with siglock held.
 */
#include "proc/posix_timer.h"
#include "arch/arch.h"
#include "mm/kmem.h"
#include "proc/tree.h"

constexpr unsigned TIMERS_MAX = 1024;	/* of a task */

enum timer_wait : u8 {
	WAIT_NONE,
	WAIT_RECORD,			/* until its own signal is taken */
	WAIT_SIGNAL,			/* until any signal of that number is: this one was merged with it */
};

struct posix_timer {
	struct list node;		/* (m) */
	struct task *task;		/* (i) lives as long as its timers */
	int id, clock;			/* (i) */
	struct timer_event event;	/* (i) */
	struct timer timer;		/* (s) to arm it */
	u64 next;			/* (s) when it runs out, or has if its signal waits; 0: off */
	u64 interval;			/* (s) */
	enum timer_wait wait;		/* (s) */
	int overrun;			/* (s) of the signal that was taken last */
};

/* (m) mutex  (s) siglock  (i) fixed */
struct posix_timers {
	struct mutex mutex;
	struct list list;		/* (m) and (s) to change it */
	unsigned count;			/* (m) */
	int next_id;			/* (m) */
};

static struct mutex creation = MUTEX_INIT(creation);	/* a task's container is made once */

/* ---- running out; under siglock */

/* Will somebody take a signal that says so? */
static enum timer_wait send(struct posix_timer *p, struct thread *t)
{
	struct task *task = p->task;
	struct signal_queue *q = t ? &t->pending : &task->pending;
	struct siginfo info = { .signo = p->event.signo, .code = SI_TIMER };

	if (signal_queue_overrun(q, p->id))
		return WAIT_RECORD;
	bool merged = p->event.signo < SIGRTMIN && (q->set & sig_bit(p->event.signo));

	info.timer.timerid = p->id;
	info.timer.value = p->event.value;
	if (signal_send_locked(task, t, p->event.signo, &info, false) || !(q->set & sig_bit(p->event.signo)))
		return WAIT_NONE;
	return merged ? WAIT_SIGNAL : WAIT_RECORD;
}

/* The next end of an interval after now. How many were missed. */
static u64 forward(u64 *next, u64 interval)
{
	u64 now = arch_clock_ns(), missed = 0;

	if (*next <= now) {
		missed = (now - *next) / interval;
		*next += (missed + 1) * interval;
	}
	return missed;
}

/* Not before `delay` ns from now, though. */
static u64 go_on(struct posix_timer *p, u64 delay)
{
	u64 missed = forward(&p->next, p->interval);

	p->wait = WAIT_NONE;
	timer_arm(&p->timer, delay ? max(p->next, arch_clock_ns() + delay) : p->next);
	return missed;
}

static void runs_out(struct timer *timer)
{
	struct posix_timer *p = container_of(timer, struct posix_timer, timer);
	struct task *task = p->task;

	spin_lock(&tasks_lock);
	struct thread *t = p->event.tid ? pid_lookup(p->event.tid) : nullptr;

	spin_lock(&task->siglock);
	if (p->next && (!p->event.tid || (t && t->task == task)))
		p->wait = send(p, t);
	if (!p->interval)
		p->next = 0;
	if (p->next && !p->wait)
		go_on(p, TIMER_UNHEARD_NS);
	spin_unlock(&task->siglock);
	spin_unlock(&tasks_lock);
}

void posix_timers_signal_taken(struct task *task, struct siginfo *info)
{
	struct posix_timers *c = task->posix_timers;

	list_for_each(p, &c->list, struct posix_timer, node) {
		bool own = info->code == SI_TIMER && info->timer.timerid == p->id && p->wait == WAIT_RECORD;

		if (!p->interval || (!own && (p->wait != WAIT_SIGNAL || p->event.signo != info->signo)))
			continue;
		u64 missed = go_on(p, 0);

		if (own)
			p->overrun = info->timer.overrun += (int)min(missed, (u64)INT_MAX / 2);
	}
}

void posix_timers_signals_dropped(struct task *task, u64 set)
{
	struct posix_timers *c = task->posix_timers;

	list_for_each(p, &c->list, struct posix_timer, node)
		if (p->wait && p->interval && (set & sig_bit(p->event.signo)))
			go_on(p, TIMER_UNHEARD_NS);
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
		store_release(&task->posix_timers, c);
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
	u64 flags = spin_lock_irq(&task->siglock);

	list_push_back(&c->list, &p->node);
	spin_unlock_irq(&task->siglock, flags);
	c->count++;
	return p->id;
}

static void read_setting(struct posix_timer *p, struct timer_setting *out)
{
	u64 flags = spin_lock_irq(&p->task->siglock), next = p->next, now = arch_clock_ns();

	*out = (struct timer_setting){ .interval = p->interval };
	if (next && p->interval)
		forward(&next, p->interval);
	if (next > now)
		out->deadline = next - now;
	else
		out->deadline = next && p->event.signo;		/* any moment now; without a signal it is over */
	spin_unlock_irq(&p->task->siglock, flags);
}

/* No tick of the old setting comes behind this: nobody arms a timer that is off. */
static void stop(struct posix_timer *p)
{
	u64 flags = spin_lock_irq(&p->task->siglock);

	p->next = p->interval = 0;
	p->wait = WAIT_NONE;
	spin_unlock_irq(&p->task->siglock, flags);
	timer_cancel(&p->timer);
}

static void start(struct posix_timer *p, const struct timer_setting *set)
{
	u64 flags = spin_lock_irq(&p->task->siglock);

	p->overrun = 0;
	p->interval = set->interval;
	p->next = max(set->deadline, 1ul);
	if (p->event.signo)
		timer_arm(&p->timer, p->next);
	spin_unlock_irq(&p->task->siglock, flags);
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
	u64 flags = spin_lock_irq(&p->task->siglock);

	list_remove(&p->node);
	spin_unlock_irq(&p->task->siglock, flags);
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
	u64 flags = spin_lock_irq(&t->siglock);

	t->posix_timers = nullptr;
	spin_unlock_irq(&t->siglock, flags);
	kfree(c);
}
