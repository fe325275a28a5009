// SPDX-License-Identifier: MIT
/* Message queues: their table, making, asking, setting, removing. Sending and receiving is in proc/msg_op.c. */
#include "mm/kmem.h"
#include "proc/msg_queue.h"
#include "proc/task.h"

struct ipc_table msg_table = { .max = IPC_PLACES };
static u64 all_messages, all_bytes;	/* (table's lock) */
struct msg_limits msg_limits = { 8192, 16384, 32000 };

s64 msg_now(void)
{
	return (s64)(clock_realtime_ns() / 1'000'000'000);
}

void msg_count(s64 messages, s64 bytes)
{
	all_messages += (u64)messages;
	all_bytes += (u64)bytes;
}

static struct msg_queue *queue_of(struct ipc_entry *e)
{
	return e ? container_of(e, struct msg_queue, ipc) : nullptr;
}

struct msg_queue *msg_find(int id)
{
	return queue_of(ipc_find(&msg_table, id));
}

/* ---- msgget */

static long get_existing(const struct msg_queue *q, int flags)
{
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	int err = ipc_permitted(&q->ipc, (u32)flags & 0777);

	return err ? err : q->ipc.id;
}

/* Enters a new queue, unless another has come first: then that one. */
static long enter(struct msg_queue *q, int key, int flags, bool *entered)
{
	scoped_spin(&msg_table.lock);
	struct msg_queue *other = queue_of(ipc_find_key(&msg_table, key));

	if (other)
		return get_existing(other, flags);
	if (msg_table.count >= load_relaxed(&msg_limits.queues))
		return -ENOSPC;
	int err = ipc_enter(&msg_table, &q->ipc, key, flags);

	*entered = !err;
	return err ? err : q->ipc.id;
}

static long get_new(int key, int flags)
{
	struct msg_queue *q = kzalloc(sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->ctime = msg_now();
	q->max_bytes = load_relaxed(&msg_limits.queue_bytes);
	list_init(&q->list);
	list_init(&q->senders);
	list_init(&q->receivers);
	bool entered = false;
	long id = enter(q, key, flags, &entered);

	if (!entered)
		kfree(q);
	return id;
}

long msg_get(int key, int flags)
{
	if (key != IPC_PRIVATE) {
		scoped_spin(&msg_table.lock);
		struct msg_queue *q = queue_of(ipc_find_key(&msg_table, key));

		if (q)
			return get_existing(q, flags);
		if (!(flags & IPC_CREAT))
			return -ENOENT;
	}
	return get_new(key, flags);
}

/* ---- msgctl */

static void tell(const struct msg_queue *q, struct msg_status *out)
{
	*out = (struct msg_status){
		.ipc = q->ipc, .stime = q->stime, .rtime = q->rtime, .ctime = q->ctime, .bytes = q->bytes,
		.messages = q->messages, .max_bytes = q->max_bytes, .lspid = q->lspid, .lrpid = q->lrpid,
	};
}

int msg_status(int id, bool place, bool any, struct msg_status *out)
{
	u64 at = (u64)id;

	scoped_spin(&msg_table.lock);
	struct msg_queue *q = !place ? msg_find(id) : id < 0 ? nullptr : queue_of(ipc_at(&msg_table, &at));

	if (!q || at != (u64)id)
		return -EINVAL;
	int err = any ? 0 : ipc_permitted(&q->ipc, 0444);

	if (!err)
		tell(q, out);
	return err;
}

bool msg_next(u64 *place, struct msg_status *out)
{
	scoped_spin(&msg_table.lock);
	struct msg_queue *q = queue_of(ipc_at(&msg_table, place));

	if (!q)
		return false;
	tell(q, out);
	++*place;
	return true;
}

long msg_set(int id, u32 uid, u32 gid, u32 mode, u64 max_bytes)
{
	scoped_spin(&msg_table.lock);
	struct msg_queue *q = msg_find(id);
	int err = q ? ipc_owned(&q->ipc) : -EINVAL;

	if (err)
		return err;
	if (max_bytes > load_relaxed(&msg_limits.queue_bytes) && !cred_capable(cred_current(), CAP_SYS_RESOURCE))
		return -EPERM;
	ipc_set(&q->ipc, uid, gid, mode);
	q->max_bytes = max_bytes;
	q->ctime = msg_now();
	msg_settle(q);
	return 0;
}

static void free_queue(struct msg_queue *q)
{
	list_for_each_safe(m, &q->list, struct msg, node)
		kfree(m);
	kfree(q);
}

long msg_remove(int id)
{
	spin_lock(&msg_table.lock);
	struct msg_queue *q = msg_find(id);
	int err = q ? ipc_owned(&q->ipc) : -EINVAL;

	if (!err) {
		ipc_leave(&msg_table, &q->ipc);
		msg_count(-(s64)q->messages, -(s64)q->bytes);
		msg_abandon(q);
	}
	spin_unlock(&msg_table.lock);
	if (!err)
		free_queue(q);
	return err;
}

void msg_usage(struct msg_usage *out)
{
	scoped_spin(&msg_table.lock);
	*out = (struct msg_usage){ msg_table.count, (u32)all_messages, all_bytes, ipc_highest(&msg_table) };
}
