// SPDX-License-Identifier: MIT
/* msgget(2), msgsnd(2), msgrcv(2), msgctl(2): decoders of proc/msg.h's operations. */
#include "proc/msg.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "sys/ipc.h"
#include "sys/syscall.h"

enum { MSG_STAT = 11, MSG_INFO, MSG_STAT_ANY };

struct abi_msqid {			/* struct msqid64_ds, the same on both CPUs */
	struct abi_ipc ipc;
	s64 stime, rtime, ctime;
	u64 bytes, messages, max_bytes;
	int lspid, lrpid;
	u64 unused[2];
};
static_assert(sizeof(struct abi_msqid) == 120);

struct abi_msginfo { int pool, map, size, queue_bytes, queues, segment_size, headers; u16 segments; };
static_assert(sizeof(struct abi_msginfo) == 32);

SYSCALL(msgget)
{
	return msg_get(ARG_INT(0), ARG_INT(1));
}

/* struct msgbuf: the type, then the text. */
static long fill(struct msg *m, va_t from)
{
	int err = get_user(m->type, from);

	if (err)
		return err;
	return m->type < 1 ? -EINVAL : copy_from_user(m->text, from + sizeof(m->type), m->size);
}

SYSCALL(msgsnd)
{
	int id = ARG_INT(0);
	u64 size = ARG_U64(2);

	if (size > load_relaxed(&msg_limits.size) || id < 0)
		return -EINVAL;
	struct msg *m = msg_new(size);

	if (!m)
		return -ENOMEM;
	long err = fill(m, ARG_PTR(1));

	if (!err)
		err = msg_send(id, m, ARG_INT(3));
	if (err)
		kfree(m);
	return err;
}

static long hand_out(const struct msg *m, va_t to, u64 size)
{
	u64 n = min(size, m->size);
	int err = put_user(to, m->type);

	if (!err)
		err = copy_to_user(to + sizeof(m->type), m->text, n);
	return err ? err : (long)n;
}

/* msg_new() with room for what may be copied; msg_peek() fills it. */
static int peek(int id, u64 size, s64 place, int flags, struct msg **out)
{
	if ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT))
		return -EINVAL;
	struct msg *m = msg_new(min(size, (u64)load_relaxed(&msg_limits.size)));
	int err = m ? msg_peek(id, size, place, flags, m) : -ENOMEM;

	if (err)
		kfree(m);
	else
		*out = m;
	return err;
}

SYSCALL(msgrcv)
{
	int id = ARG_INT(0), flags = ARG_INT(4);
	u64 size = ARG_U64(2);
	struct msg *m;

	if ((s64)size < 0 || id < 0)
		return -EINVAL;
	long res = flags & MSG_COPY ? peek(id, size, ARG_LONG(3), flags, &m) :
				      msg_receive(id, size, ARG_LONG(3), flags, &m);

	if (res)
		return res;
	res = hand_out(m, ARG_PTR(1), size);
	kfree(m);
	return res;
}

/* ---- msgctl */

static long stat(int id, int cmd, va_t to)
{
	bool place = cmd != IPC_STAT;
	struct msg_status s;
	int err = msg_status(id, place, cmd == MSG_STAT_ANY, &s);

	if (err)
		return err;
	struct abi_msqid abi = {
		.ipc = abi_ipc(&s.ipc), .stime = s.stime, .rtime = s.rtime, .ctime = s.ctime, .bytes = s.bytes,
		.messages = s.messages, .max_bytes = s.max_bytes, .lspid = s.lspid, .lrpid = s.lrpid,
	};

	err = put_user(to, abi);
	return err ? err : place ? s.ipc.id : 0;
}

static long set(int id, va_t from)
{
	struct abi_msqid abi;
	int err = get_user(abi, from);

	return err ? err : msg_set(id, abi.ipc.uid, abi.ipc.gid, abi.ipc.mode, abi.max_bytes);
}

/* Most fields of IPC_INFO mean nothing any more; they are what Linux puts there. */
static long info(int cmd, va_t to)
{
	const struct msg_limits *l = &msg_limits;
	struct msg_usage u;
	struct abi_msginfo abi = {
		.pool = 32000 * 16384 / 1024, .map = 16384, .size = (int)l->size, .queue_bytes = (int)l->queue_bytes,
		.queues = (int)l->queues, .segment_size = 16, .headers = 16384, .segments = 0xffff,
	};

	msg_usage(&u);
	if (cmd == MSG_INFO) {
		abi.pool = (int)u.queues;
		abi.map = (int)u.messages;
		abi.headers = (int)u.bytes;
	}
	int err = put_user(to, abi);

	return err ? err : u.highest;
}

SYSCALL(msgctl)
{
	int id = ARG_INT(0), cmd = ARG_INT(1);
	va_t buf = ARG_PTR(2);

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_RMID:
		return msg_remove(id);
	case IPC_SET:
		return set(id, buf);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		return stat(id, cmd, buf);
	case IPC_INFO:
	case MSG_INFO:
		return info(cmd, buf);
	default:
		return -EINVAL;
	}
}
