// SPDX-License-Identifier: MIT
/*
 * What goes through message queues. A message goes straight to the first receiver that waits for its type, else into the
 * queue; a sender that waits leaves its message with whoever makes room for it, first come first served. So a woken call
 * is a finished call. Waiters lie on their threads' stacks; each takes the lock once before it goes.
 *
 * Lock order: msg_table.lock < run queue.
 */
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/msg_queue.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "proc/wait.h"

struct choice {
	s64 type;
	u64 size;
	int flags;
};

struct msg_waiter {
	struct list node;		/* (l) */
	struct thread *thread;
	struct choice want;		/* receiver */
	struct msg *msg;		/* (l) sender: to be sent; receiver: what it got */
	int result;			/* (l to set) WAITS, 0, -errno */
};

constexpr int WAITS = 1;

struct msg *msg_new(u64 size)
{
	struct msg *m = kmalloc(sizeof(*m) + size);

	if (m)
		m->size = size;
	return m;
}

/* ---- everything below up to "calls": the table's lock is held */

static bool matches(const struct choice *c, s64 type)
{
	if (!c->type)
		return true;
	if (c->type > 0)
		return (type == c->type) != !!(c->flags & MSG_EXCEPT);
	return type <= (c->type == INT64_MIN ? INT64_MAX : -c->type);
}

static bool too_long(const struct choice *c, const struct msg *m)
{
	return m->size > c->size && !(c->flags & MSG_NOERROR);
}

/* A negative type asks for the lowest of them, the others for the first. */
static struct msg *choose(struct msg_queue *q, const struct choice *c)
{
	struct msg *best = nullptr;

	list_for_each(m, &q->list, struct msg, node) {
		if (!matches(c, m->type) || (best && m->type >= best->type))
			continue;
		best = m;
		if (c->type >= 0)
			break;
	}
	return best;
}

static void finish(struct msg_waiter *w, int result)
{
	store_relaxed(&w->result, result);
	thread_wake(w->thread);
	list_remove(&w->node);
}

static bool fits(const struct msg_queue *q, const struct msg *m)
{
	return q->bytes + m->size <= q->max_bytes && q->messages + 1 <= q->max_bytes;
}

/* Gives m to who waits for it. A receiver for which it is too long fails, and the next is asked. */
static bool hand_over(struct msg_queue *q, struct msg *m)
{
	list_for_each_safe(w, &q->receivers, struct msg_waiter, node) {
		if (!matches(&w->want, m->type))
			continue;
		if (too_long(&w->want, m)) {
			finish(w, -E2BIG);
			continue;
		}
		w->msg = m;
		q->lrpid = w->thread->task->pid;
		q->rtime = msg_now();
		finish(w, 0);
		return true;
	}
	return false;
}

static void deliver(struct msg_queue *q, struct msg *m, int pid)
{
	q->lspid = pid;
	q->stime = msg_now();
	if (hand_over(q, m))
		return;
	list_push_back(&q->list, &m->node);
	q->messages++;
	q->bytes += m->size;
	msg_count(1, (s64)m->size);
}

void msg_settle(struct msg_queue *q)
{
	while (!list_empty(&q->senders)) {
		struct msg_waiter *w = list_first(&q->senders, struct msg_waiter, node);

		if (!fits(q, w->msg))
			return;
		deliver(q, w->msg, w->thread->task->pid);
		finish(w, 0);
	}
}

void msg_abandon(struct msg_queue *q)
{
	list_for_each_safe(w, &q->senders, struct msg_waiter, node)
		finish(w, -EIDRM);
	list_for_each_safe(w, &q->receivers, struct msg_waiter, node)
		finish(w, -EIDRM);
}

/* 0; WAITS and it stands in line; -errno. */
static int try_send(int id, struct msg_waiter *w, int flags)
{
	struct msg_queue *q = msg_find(id);
	int err = q ? ipc_permitted(&q->ipc, 0222) : -EINVAL;

	if (err)
		return err;
	if (fits(q, w->msg)) {
		deliver(q, w->msg, w->thread->task->pid);
		return 0;
	}
	if (flags & IPC_NOWAIT)
		return -EAGAIN;
	list_push_back(&q->senders, &w->node);
	return WAITS;
}

static void take_out(struct msg_queue *q, struct msg *m)
{
	list_remove(&m->node);
	q->messages--;
	q->bytes -= m->size;
	q->lrpid = task_current()->pid;
	q->rtime = msg_now();
	msg_count(-1, -(s64)m->size);
	msg_settle(q);
}

static int try_receive(int id, struct msg_waiter *w)
{
	struct msg_queue *q = msg_find(id);
	int err = q ? ipc_permitted(&q->ipc, 0444) : -EINVAL;

	if (err)
		return err;
	struct msg *m = choose(q, &w->want);

	if (m && too_long(&w->want, m))
		return -E2BIG;
	if (m) {
		take_out(q, m);
		w->msg = m;
		return 0;
	}
	if (w->want.flags & IPC_NOWAIT)
		return -ENOMSG;
	list_push_back(&q->receivers, &w->node);
	return WAITS;
}

static int try_peek(int id, const struct choice *c, struct msg *copy)
{
	struct msg_queue *q = msg_find(id);
	s64 place = 0;
	int err = q ? ipc_permitted(&q->ipc, 0444) : -EINVAL;

	if (err)
		return err;
	list_for_each(m, &q->list, struct msg, node) {
		if (place++ != c->type)
			continue;
		if (too_long(c, m))
			return -E2BIG;
		if (m->size > copy->size)
			return -EINVAL;
		copy->type = m->type;
		copy->size = m->size;
		memcpy(copy->text, m->text, m->size);
		return 0;
	}
	return -ENOMSG;
}

/* ---- calls */

static int sleep_in_line(struct msg_waiter *w)
{
	struct thread *self = w->thread;
	int err = 0;

	do {
		store_relaxed(&self->state, THREAD_SLEEPING_INTR);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the state before the result */
		if (load_relaxed(&w->result) != WAITS)
			break;
		err = wait_sleep(~0ul, true);
	} while (!err);
	store_relaxed(&self->state, THREAD_RUNNING);

	scoped_spin(&msg_table.lock);
	if (w->result != WAITS)
		return w->result;
	list_remove(&w->node);
	return -ERESTARTNOHAND;
}

int msg_send(int id, struct msg *m, int flags)
{
	struct msg_waiter w = { .thread = thread_current(), .msg = m, .result = WAITS };

	spin_lock(&msg_table.lock);
	int r = try_send(id, &w, flags);

	spin_unlock(&msg_table.lock);
	return r == WAITS ? sleep_in_line(&w) : r;
}

int msg_receive(int id, u64 size, s64 type, int flags, struct msg **out)
{
	struct msg_waiter w = { .thread = thread_current(), .want = { type, size, flags }, .result = WAITS };

	spin_lock(&msg_table.lock);
	int r = try_receive(id, &w);

	spin_unlock(&msg_table.lock);
	if (r == WAITS)
		r = sleep_in_line(&w);
	*out = w.msg;
	return r;
}

int msg_peek(int id, u64 size, s64 place, int flags, struct msg *copy)
{
	struct choice c = { place, size, flags };

	scoped_spin(&msg_table.lock);
	return try_peek(id, &c, copy);
}
