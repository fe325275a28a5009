// SPDX-License-Identifier: MIT
/* semget(2), semop(2), semtimedop(2), semctl(2): decoders of proc/sem.h's operations. */
#include <abi.h>
#include "proc/sem.h"
#include "mm/kmem.h"
#include "mm/user.h"
#include "sys/clock.h"
#include "sys/ipc.h"
#include "sys/syscall.h"

enum { GETPID = 11, GETVAL, GETALL, GETNCNT, GETZCNT, SETVAL, SETALL, SEM_STAT, SEM_INFO, SEM_STAT_ANY };

struct abi_semid { struct abi_ipc ipc; s64 otime, ctime; u64 n, unused[2]; };		/* struct semid64_ds */
struct abi_semid_x86_64 { struct abi_ipc ipc; s64 otime, unused1, ctime, unused2; u64 n, unused[2]; };
static_assert(sizeof(struct abi_semid) == 88 && sizeof(struct abi_semid_x86_64) == 104);

struct abi_seminfo { int map, sets, all, undos, per_set, per_call, undo_entries, undo_size, value_max, adjust_max; };

SYSCALL(semget)
{
	return sem_get(ARG_INT(0), ARG_INT(1), ARG_INT(2));
}

static long operate(int id, va_t from, unsigned n, u64 deadline_ns)
{
	constexpr unsigned FEW = 8;
	struct sem_op few[FEW];
	struct sem_op *many scoped_kfree = nullptr, *ops = few;

	if (!n || id < 0)
		return -EINVAL;
	if (n > load_relaxed(&sem_limits.per_call))
		return -E2BIG;
	if (n > FEW)
		ops = many = kmalloc(n * sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	int err = copy_from_user(ops, from, n * sizeof(*ops));

	return err ? err : sem_operate(id, ops, n, deadline_ns);
}

SYSCALL(semop)
{
	return operate(ARG_INT(0), ARG_PTR(1), ARG_UINT(2), ~0ul);
}

SYSCALL(semtimedop)
{
	u64 ns, deadline = ~0ul;

	if (ARG_PTR(3)) {
		int err = timespec_get(ARG_PTR(3), &ns);

		if (err)
			return err;
		deadline = deadline_after(ns);
	}
	return operate(ARG_INT(0), ARG_PTR(1), ARG_UINT(2), deadline);
}

/* ---- semctl */

static long stat(int id, int cmd, va_t to)
{
	bool place = cmd != IPC_STAT;
	struct sem_status s;
	int err = sem_status(id, place, cmd == SEM_STAT_ANY, &s);

	if (err)
		return err;
	if (ABI_GENERIC) {
		struct abi_semid abi = { .ipc = abi_ipc(&s.ipc), .otime = s.otime, .ctime = s.ctime, .n = s.n };

		err = put_user(to, abi);
	} else {
		struct abi_semid_x86_64 abi = { .ipc = abi_ipc(&s.ipc), .otime = s.otime, .ctime = s.ctime, .n = s.n };

		err = put_user(to, abi);
	}
	return err ? err : place ? s.ipc.id : 0;
}

static long info(int cmd, va_t to)
{
	const struct sem_limits *l = &sem_limits;
	struct sem_usage u;
	struct abi_seminfo abi = {
		.map = (int)l->all, .sets = (int)l->sets, .all = (int)l->all, .undos = (int)l->all,
		.per_set = (int)l->per_set, .per_call = (int)l->per_call, .undo_entries = (int)l->per_call,
		.undo_size = 20, .value_max = SEM_VALUE_MAX, .adjust_max = SEM_VALUE_MAX,
	};

	sem_usage(&u);
	if (cmd == SEM_INFO) {
		abi.undo_size = (int)u.sets;
		abi.adjust_max = (int)u.semaphores;
	}
	int err = put_user(to, abi);

	return err ? err : u.highest;
}

static long set_owner(int id, va_t from)
{
	struct abi_ipc abi;
	int err = get_user(abi, from);

	return err ? err : sem_set_owner(id, abi.uid, abi.gid, abi.mode);
}

/* GETALL, SETALL: the number of values goes with the set's number, so it stays what it is found to be. */
static long values(int id, bool set, va_t user)
{
	struct sem_status s;
	long err = sem_status(id, false, true, &s);

	if (err)
		return err;
	size_t size = s.n * sizeof(u16);
	u16 *buf scoped_kfree = kmalloc(size);

	if (!buf)
		return -ENOMEM;
	if (set)
		return copy_from_user(buf, user, size) ?: sem_set_values(id, buf, s.n);
	return sem_get_values(id, buf, s.n) ?: copy_to_user(user, buf, size);
}

SYSCALL(semctl)
{
	int id = ARG_INT(0), number = ARG_INT(1), cmd = ARG_INT(2);
	va_t arg = ARG_PTR(3);

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_RMID:
		return sem_remove(id);
	case IPC_SET:
		return set_owner(id, arg);
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		return stat(id, cmd, arg);
	case IPC_INFO:
	case SEM_INFO:
		return info(cmd, arg);
	case GETVAL:
		return sem_ask(id, number, SEM_ASK_VALUE);
	case GETPID:
		return sem_ask(id, number, SEM_ASK_PID);
	case GETNCNT:
		return sem_ask(id, number, SEM_ASK_WAIT_MORE);
	case GETZCNT:
		return sem_ask(id, number, SEM_ASK_WAIT_ZERO);
	case SETVAL:
		return sem_set_value(id, number, ARG_INT(3));
	case GETALL:
	case SETALL:
		return values(id, cmd == SETALL, arg);
	default:
		return -EINVAL;
	}
}
