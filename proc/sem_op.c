// SPDX-License-Identifier: MIT
/*
 * What happens to semaphores. A call's operations happen all or not at all; who has to wait lines up at the set, and whoever
 * changes a value does the operations of those that can go on now, for them, in the order in which they came. So a
 * woken call is a finished call, and nobody can slip in between.
 *
 * A waiter lies on its thread's stack; it takes the lock once before it goes, so that nobody holds it any more. What a
 * process owes (SEM_UNDO) is a list of sem_undo, one for each set, which both the set and the debtor know.
 *
 * Left out: threads made without CLONE_SYSVSEM owe together with their process all the same.
 *
 * Lock order: sem_table.lock < run queue.
 */
#include "mm/kmem.h"
#include "proc/sched.h"
#include "proc/sem_set.h"
#include "proc/task.h"
#include "proc/wait.h"

struct sem_undos {			/* what tasks owe together */
	u32 refs;			/* (a) tasks */
	struct list list;		/* (l) sem_undo */
};

struct sem_undo {
	struct list in_set, in_undos;	/* (l) */
	struct sem_set *set;		/* (i) */
	struct sem_undos *debtor;	/* (i) */
	s16 adjust[];			/* (l) added at the end, by number */
};

struct sem_waiter {
	struct list node;		/* (l) */
	struct thread *thread;
	const struct sem_op *ops;
	unsigned n;
	bool changes, undoes;		/* any op changes a value; has SEM_UNDO */
	unsigned blocking;		/* (l) the op that has to wait */
	struct sem_undo *undo;		/* (l) if it undoes */
	int result;			/* (l to set) WAITS, 0, -errno */
};

constexpr int WAITS = 1, NEEDS_UNDO = 2;

/* ---- one attempt; the table's lock is held */

/* Takes back the first n. */
static void roll_back(struct sem_set *s, struct sem_waiter *w, unsigned n)
{
	while (n--) {
		const struct sem_op *op = &w->ops[n];

		s->sems[op->number].value -= op->change;
		if (op->flags & SEM_UNDO)
			w->undo->adjust[op->number] = (s16)(w->undo->adjust[op->number] + op->change);
	}
}

static int perform_one(struct sem_set *s, struct sem_waiter *w, const struct sem_op *op)
{
	struct sem *sem = &s->sems[op->number];
	int value = sem->value + op->change;

	if (value < 0 || (!op->change && value))
		return op->flags & IPC_NOWAIT ? -EAGAIN : WAITS;
	if (value > SEM_VALUE_MAX)
		return -ERANGE;
	if (op->flags & SEM_UNDO) {
		int adjust = w->undo->adjust[op->number] - op->change;

		if (adjust < -SEM_VALUE_MAX - 1 || adjust > SEM_VALUE_MAX)
			return -ERANGE;
		w->undo->adjust[op->number] = (s16)adjust;
	}
	sem->value = value;
	return 0;
}

/* All or nothing. 0, WAITS, -errno. */
static int perform(struct sem_set *s, struct sem_waiter *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		int r = perform_one(s, w, &w->ops[i]);

		if (r) {
			w->blocking = i;
			roll_back(s, w, i);
			return r;
		}
	}
	for (unsigned i = 0; i < w->n; i++)
		s->sems[w->ops[i].number].pid = w->thread->task->pid;
	s->otime = sem_now();
	return 0;
}

/* ---- who waits; the table's lock is held */

static void finish(struct sem_waiter *w, int result)
{
	store_relaxed(&w->result, result);
	thread_wake(w->thread);
	list_remove(&w->node);
}

/* One round; true: values have changed again, so that earlier ones may have their turn now. */
static bool settle_round(struct sem_set *s)
{
	list_for_each_safe(w, &s->waiting, struct sem_waiter, node) {
		int r = perform(s, w);

		if (r == WAITS)
			continue;
		finish(w, r);
		if (!r && w->changes)
			return true;
	}
	return false;
}

void sem_settle(struct sem_set *s)
{
	while (settle_round(s))
		;
}

u32 sem_waiting(const struct sem_set *s, u32 number, bool zero)
{
	u32 n = 0;

	list_for_each(w, &s->waiting, struct sem_waiter, node) {
		const struct sem_op *op = &w->ops[w->blocking];

		n += op->number == number && zero == !op->change;
	}
	return n;
}

/* ---- what is owed */

static void undo_unlink(struct sem_undo *u)
{
	list_remove(&u->in_set);
	list_remove(&u->in_undos);
}

void sem_forgive(struct sem_set *s, u32 first, u32 n)
{
	list_for_each(u, &s->undos, struct sem_undo, in_set)
		for (u32 i = first; i < first + n; i++)
			u->adjust[i] = 0;
}

void sem_abandon(struct sem_set *s)
{
	list_for_each_safe(w, &s->waiting, struct sem_waiter, node)
		finish(w, -EIDRM);
	list_for_each_safe(u, &s->undos, struct sem_undo, in_set) {
		undo_unlink(u);
		kfree(u);
	}
}

/* What the debtor owes to the set; a new entry is made of *spare. nullptr: there is none. Lock held. */
static struct sem_undo *undo_for(struct sem_undos *debtor, struct sem_set *s, struct sem_undo **spare)
{
	list_for_each(u, &s->undos, struct sem_undo, in_set)
		if (u->debtor == debtor)
			return u;
	struct sem_undo *u = *spare;

	if (!u)
		return nullptr;
	*spare = nullptr;
	u->set = s;
	u->debtor = debtor;
	list_push_back(&s->undos, &u->in_set);
	list_push_back(&debtor->list, &u->in_undos);
	return u;
}

/* The task has a list to write its debts on. 0 or -ENOMEM. */
static int undos_prepare(struct task *t)
{
	if (load_acquire(&t->sem_undos))
		return 0;
	struct sem_undos *u = kzalloc(sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->refs = 1;
	list_init(&u->list);
	spin_lock(&sem_table.lock);
	if (!t->sem_undos) {
		store_release(&t->sem_undos, u);
		u = nullptr;
	}
	spin_unlock(&sem_table.lock);
	kfree(u);
	return 0;
}

int sem_undo_share(struct task *from, struct task *to)
{
	int err = undos_prepare(from);

	if (err)
		return err;
	__atomic_fetch_add(&from->sem_undos->refs, 1, __ATOMIC_RELAXED);
	to->sem_undos = from->sem_undos;
	return 0;
}

static void pay(struct sem_undo *u)
{
	struct sem_set *s = u->set;

	for (u32 i = 0; i < s->n; i++) {
		struct sem *sem = &s->sems[i];

		if (!u->adjust[i])
			continue;
		sem->value = min(max(sem->value + u->adjust[i], 0), (int)SEM_VALUE_MAX);
		sem->pid = task_current()->pid;
	}
	undo_unlink(u);
	sem_settle(s);
}

void sem_undo_end(struct task *t)
{
	struct sem_undos *undos = t->sem_undos;

	t->sem_undos = nullptr;
	if (!undos || __atomic_sub_fetch(&undos->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (;;) {
		struct sem_undo *u = nullptr;

		spin_lock(&sem_table.lock);
		if (!list_empty(&undos->list)) {
			u = list_first(&undos->list, struct sem_undo, in_undos);
			pay(u);
		}
		spin_unlock(&sem_table.lock);
		if (!u)
			break;
		kfree(u);
	}
	kfree(undos);
}

/* ---- semop */

/* 0, WAITS and it stands in line, NEEDS_UNDO for a set of *n, -errno. Lock held. */
static int attempt(int id, struct sem_waiter *w, struct sem_undo **spare, u32 *n)
{
	struct sem_set *s = sem_find(id);

	if (!s || (*spare && s->n != *n))
		return -EINVAL;
	for (unsigned i = 0; i < w->n; i++)
		if (w->ops[i].number >= s->n)
			return -EFBIG;
	int r = ipc_permitted(&s->ipc, w->changes ? 0222 : 0444);

	if (r)
		return r;
	if (w->undoes) {
		*n = s->n;
		w->undo = undo_for(w->thread->task->sem_undos, s, spare);
		if (!w->undo)
			return NEEDS_UNDO;
	}
	r = perform(s, w);
	if (r == WAITS)
		list_push_back(&s->waiting, &w->node);
	else if (!r && w->changes)
		sem_settle(s);
	return r;
}

static int operate(int id, struct sem_waiter *w)
{
	struct sem_undo *spare scoped_kfree = nullptr;
	u32 n = 0;

	for (;;) {
		spin_lock(&sem_table.lock);
		int r = attempt(id, w, &spare, &n);

		spin_unlock(&sem_table.lock);
		if (r != NEEDS_UNDO)
			return r;
		spare = kzalloc(sizeof(*spare) + n * sizeof(spare->adjust[0]));
		if (!spare)
			return -ENOMEM;
	}
}

static int sleep_in_line(struct sem_waiter *w, u64 deadline_ns)
{
	struct thread *self = w->thread;
	int err = 0;

	do {
		store_relaxed(&self->state, THREAD_SLEEPING_INTR);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the state before the result */
		if (load_relaxed(&w->result) != WAITS)
			break;
		err = wait_sleep(deadline_ns, true);
	} while (!err);
	store_relaxed(&self->state, THREAD_RUNNING);

	scoped_spin(&sem_table.lock);
	if (w->result != WAITS)
		return w->result;
	list_remove(&w->node);
	return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

long sem_operate(int id, const struct sem_op *ops, unsigned n, u64 deadline_ns)
{
	struct sem_waiter w = { .thread = thread_current(), .ops = ops, .n = n, .result = WAITS };

	for (unsigned i = 0; i < n; i++) {
		w.changes |= ops[i].change != 0;
		w.undoes |= (ops[i].flags & SEM_UNDO) != 0;
	}
	int err = w.undoes ? undos_prepare(w.thread->task) : 0;

	if (!err)
		err = operate(id, &w);
	return err == WAITS ? sleep_in_line(&w, deadline_ns) : err;
}
