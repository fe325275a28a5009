// SPDX-License-Identifier: MIT
/* Semaphore sets: their table, making, asking, setting, removing. What semop(2) does is in proc/sem_op.c. */
#include "mm/kmem.h"
#include "proc/sem_set.h"
#include "proc/task.h"

struct ipc_table sem_table = { .max = IPC_PLACES };
static u32 total;			/* (table's lock) semaphores in all sets */
struct sem_limits sem_limits = { 32000, 1024000000, 500, 32000 };

s64 sem_now(void)
{
	return (s64)(clock_realtime_ns() / 1'000'000'000);
}

static struct sem_set *set_of(struct ipc_entry *e)
{
	return e ? container_of(e, struct sem_set, ipc) : nullptr;
}

struct sem_set *sem_find(int id)
{
	return set_of(ipc_find(&sem_table, id));
}

/* ---- semget */

static long get_existing(const struct sem_set *s, int n, int flags)
{
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	if ((u32)n > s->n)
		return -EINVAL;
	int err = ipc_permitted(&s->ipc, (u32)flags & 0777);

	return err ? err : s->ipc.id;
}

/* Enters a new set, unless another has come first: then that one. */
static long enter(struct sem_set *s, int key, int flags, bool *entered)
{
	scoped_spin(&sem_table.lock);
	struct sem_set *other = set_of(ipc_find_key(&sem_table, key));

	if (other)
		return get_existing(other, (int)s->n, flags);
	if (sem_table.count >= sem_limits.sets || total + s->n > sem_limits.all)
		return -ENOSPC;
	int err = ipc_enter(&sem_table, &s->ipc, key, flags);

	if (err)
		return err;
	*entered = true;
	total += s->n;
	return s->ipc.id;
}

static long get_new(int key, u32 n, int flags)
{
	if (!n)
		return -EINVAL;
	struct sem_set *s = kzalloc(sizeof(*s) + n * sizeof(s->sems[0]));

	if (!s)
		return -ENOMEM;
	s->n = n;
	s->ctime = sem_now();
	list_init(&s->waiting);
	list_init(&s->undos);
	bool entered = false;
	long id = enter(s, key, flags, &entered);

	if (!entered)
		kfree(s);
	return id;
}

long sem_get(int key, int n, int flags)
{
	if (n < 0 || (u32)n > sem_limits.per_set)
		return -EINVAL;
	if (key != IPC_PRIVATE) {
		scoped_spin(&sem_table.lock);
		struct sem_set *s = set_of(ipc_find_key(&sem_table, key));

		if (s)
			return get_existing(s, n, flags);
		if (!(flags & IPC_CREAT))
			return -ENOENT;
	}
	return get_new(key, (u32)n, flags);
}

/* ---- semctl */

/* The set if it may be used so, else nullptr and *err. Lock held. */
static struct sem_set *find_permitted(int id, u32 want, long *err)
{
	struct sem_set *s = sem_find(id);

	*err = s ? ipc_permitted(&s->ipc, want) : -EINVAL;
	return *err ? nullptr : s;
}

static struct sem_set *find_owned(int id, long *err)
{
	struct sem_set *s = sem_find(id);

	*err = s ? ipc_owned(&s->ipc) : -EINVAL;
	return *err ? nullptr : s;
}

static void tell(const struct sem_set *s, struct sem_status *out)
{
	*out = (struct sem_status){ .ipc = s->ipc, .n = s->n, .otime = s->otime, .ctime = s->ctime };
}

int sem_status(int id, bool place, bool any, struct sem_status *out)
{
	u64 at = (u64)id;

	scoped_spin(&sem_table.lock);
	struct sem_set *s = !place ? sem_find(id) : id < 0 ? nullptr : set_of(ipc_at(&sem_table, &at));

	if (!s || at != (u64)id)
		return -EINVAL;
	int err = any ? 0 : ipc_permitted(&s->ipc, 0444);

	if (!err)
		tell(s, out);
	return err;
}

bool sem_next(u64 *place, struct sem_status *out)
{
	scoped_spin(&sem_table.lock);
	struct sem_set *s = set_of(ipc_at(&sem_table, place));

	if (!s)
		return false;
	tell(s, out);
	++*place;
	return true;
}

long sem_ask(int id, int number, enum sem_question what)
{
	long err;

	scoped_spin(&sem_table.lock);
	const struct sem_set *s = find_permitted(id, 0444, &err);

	if (!s)
		return err;
	if (number < 0 || (u32)number >= s->n)
		return -EINVAL;
	const struct sem *sem = &s->sems[number];

	switch (what) {
	case SEM_ASK_VALUE:
		return sem->value;
	case SEM_ASK_PID:
		return sem->pid;
	default:
		return sem_waiting(s, (u32)number, what == SEM_ASK_WAIT_ZERO);
	}
}

static void set(struct sem *sem, int value)
{
	*sem = (struct sem){ .value = value, .pid = task_current()->pid };
}

static void changed(struct sem_set *s)
{
	s->ctime = sem_now();
	sem_settle(s);
}

long sem_set_value(int id, int number, int value)
{
	long err;

	if (value < 0 || value > SEM_VALUE_MAX)
		return -ERANGE;
	scoped_spin(&sem_table.lock);
	struct sem_set *s = find_permitted(id, 0222, &err);

	if (!s)
		return err;
	if (number < 0 || (u32)number >= s->n)
		return -EINVAL;
	sem_forgive(s, (u32)number, 1);
	set(&s->sems[number], value);
	changed(s);
	return 0;
}

long sem_get_values(int id, u16 *values, u32 n)
{
	long err;

	scoped_spin(&sem_table.lock);
	const struct sem_set *s = find_permitted(id, 0444, &err);

	if (!s || s->n != n)
		return s ? -EINVAL : err;
	for (u32 i = 0; i < n; i++)
		values[i] = (u16)s->sems[i].value;
	return 0;
}

long sem_set_values(int id, const u16 *values, u32 n)
{
	long err;

	for (u32 i = 0; i < n; i++)
		if (values[i] > SEM_VALUE_MAX)
			return -ERANGE;
	scoped_spin(&sem_table.lock);
	struct sem_set *s = find_permitted(id, 0222, &err);

	if (!s || s->n != n)
		return s ? -EINVAL : err;
	sem_forgive(s, 0, n);
	for (u32 i = 0; i < n; i++)
		set(&s->sems[i], values[i]);
	changed(s);
	return 0;
}

long sem_set_owner(int id, u32 uid, u32 gid, u32 mode)
{
	long err;

	scoped_spin(&sem_table.lock);
	struct sem_set *s = find_owned(id, &err);

	if (!s)
		return err;
	ipc_set(&s->ipc, uid, gid, mode);
	s->ctime = sem_now();
	return 0;
}

long sem_remove(int id)
{
	long err;

	spin_lock(&sem_table.lock);
	struct sem_set *s = find_owned(id, &err);

	if (s) {
		ipc_leave(&sem_table, &s->ipc);
		total -= s->n;
		sem_abandon(s);
	}
	spin_unlock(&sem_table.lock);
	kfree(s);
	return err;
}

void sem_usage(struct sem_usage *out)
{
	scoped_spin(&sem_table.lock);
	*out = (struct sem_usage){ sem_table.count, total, ipc_highest(&sem_table) };
}
