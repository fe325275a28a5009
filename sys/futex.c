// SPDX-License-Identifier: MIT
/* futex(2): decoders of proc/futex.h's operations. The calls that do one thing each are in sys/futex2.c. */
#include "proc/futex.h"
#include "proc/task.h"
#include "proc/unknown.h"
#include "sys/clock.h"
#include "sys/syscall.h"

enum {
	FUTEX_WAIT, FUTEX_WAKE, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP,
	FUTEX_LOCK_PI, FUTEX_UNLOCK_PI, FUTEX_TRYLOCK_PI, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET, FUTEX_WAIT_REQUEUE_PI,
	FUTEX_CMP_REQUEUE_PI, FUTEX_LOCK_PI2,
	FUTEX_PRIVATE = 128, FUTEX_CLOCK_REALTIME = 256,
	FUTEX_COMMAND = ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME),
};

static int wait_restart(struct thread *t);

/* With a time limit the call cannot simply be made again: what is left of the time counts. */
static int wait(va_t uaddr, bool shared, u32 value, u32 bitset, u64 deadline_ns)
{
	struct thread *self = thread_current();
	int err = futex_wait(uaddr, shared, value, bitset, deadline_ns);

	if (err != -ERESTARTSYS || deadline_ns == ~0ul)
		return err;
	self->restart.fn = wait_restart;
	self->restart.deadline = deadline_ns;
	self->restart.arg[0] = uaddr;
	self->restart.arg[1] = shared;
	self->restart.arg[2] = value;
	self->restart.arg[3] = bitset;
	return -ERESTART_BLOCK;
}

static int wait_restart(struct thread *t)
{
	const u64 *arg = t->restart.arg;

	return wait(arg[0], arg[1], (u32)arg[2], (u32)arg[3], t->restart.deadline);
}

/* FUTEX_WAIT's time limit is relative, others' a moment of their clock, FUTEX_LOCK_PI's one of the wall clock whatever it says. */
static int decode_deadline(struct trapframe *f, int op, u64 *deadline_ns)
{
	int command = op & FUTEX_COMMAND;
	bool wall = command == FUTEX_LOCK_PI || (op & FUTEX_CLOCK_REALTIME);
	u64 ns;

	*deadline_ns = ~0ul;
	if (!ARG_PTR(3))
		return 0;
	int err = timespec_get(ARG_PTR(3), &ns);

	if (!err)
		*deadline_ns = command == FUTEX_WAIT ? deadline_after(ns) :
						       deadline_at(wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, ns);
	return err;
}

static long decode_wait(struct trapframe *f, int op, u32 bitset)
{
	bool shared = !(op & FUTEX_PRIVATE);
	u64 deadline;

	return decode_deadline(f, op, &deadline) ?: wait(ARG_PTR(0), shared, ARG_UINT(2), bitset, deadline);
}

static long decode_lock(struct trapframe *f, int op)
{
	bool shared = !(op & FUTEX_PRIVATE);
	u64 deadline;
	int err = decode_deadline(f, op, &deadline);

	if (err)
		return err;
	if ((op & FUTEX_COMMAND) == FUTEX_WAIT_REQUEUE_PI)
		return futex_wait_requeue_pi(ARG_PTR(0), shared, ARG_UINT(2), deadline, ARG_PTR(4));
	return futex_lock_pi(ARG_PTR(0), shared, deadline, false);
}

/* Only where the time limit is a moment, and of a clock that is not fixed. */
static bool may_name_clock(int command)
{
	return command == FUTEX_WAIT_BITSET || command == FUTEX_WAIT_REQUEUE_PI || command == FUTEX_LOCK_PI2;
}

SYSCALL(futex)
{
	va_t uaddr = ARG_PTR(0), second = ARG_PTR(4);
	int op = ARG_INT(1), n = ARG_INT(2), n2 = ARG_INT(3);
	bool shared = !(op & FUTEX_PRIVATE);
	u32 value3 = ARG_UINT(5);

	if ((op & FUTEX_CLOCK_REALTIME) && !may_name_clock(op & FUTEX_COMMAND))
		return value_unknown((u64)op, -ENOSYS);
	switch (op & FUTEX_COMMAND) {
	case FUTEX_WAIT:
		return decode_wait(f, op, FUTEX_ANY);
	case FUTEX_WAIT_BITSET:
		return decode_wait(f, op, value3);
	case FUTEX_WAKE:
		return futex_wake(uaddr, shared, max(n, 1), FUTEX_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(uaddr, shared, max(n, 1), value3);
	case FUTEX_REQUEUE:
		return futex_requeue(uaddr, second, shared, n, n2, nullptr);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(uaddr, second, shared, n, n2, &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(uaddr, second, shared, n, n2, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_WAIT_REQUEUE_PI:
		return decode_lock(f, op);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_requeue_pi(uaddr, second, shared, n, n2, value3);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(uaddr, shared, 0, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(uaddr, shared);
	default:
		return value_unknown((u64)op, -ENOSYS);
	}
}
