// SPDX-License-Identifier: MIT
/*
 * The calls on futexes that do one thing each: futex_waitv, futex_wake, futex_wait, futex_requeue (Linux's
 * Documentation/userspace-api/futex2.rst). A word comes with its own flags; of the sizes that can be named there is only
 * that of 32 bits, and nothing that belongs to a node of memory (FUTEX2_NUMA, FUTEX2_MPOL).
 */
#include "mm/kmem.h"
#include "mm/user.h"
#include "proc/futex.h"
#include "proc/unknown.h"
#include "sys/clock.h"
#include "sys/syscall.h"

enum : u32 { FUTEX2_SIZE_U32 = 2, FUTEX2_PRIVATE = 128, WAITV_MAX = 128 };

struct abi_waitv { u64 value, uaddr; u32 flags, reserved; };

/* Of a word that can be waited for: its size is known, and value and mask fit it. 0 or -EINVAL. */
static int flags_check(u32 flags, u64 value)
{
	if (flags_unknown(flags, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE))
		return -EINVAL;
	return !(flags & FUTEX2_SIZE_U32) || value >> 32 ? -EINVAL : 0;
}

/* One at a time: no array of them need be copied. -EINVAL, -EFAULT. */
static int words_get(struct futex_word *words, va_t from, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct abi_waitv abi;

		if (get_user(abi, from + i * sizeof(abi)))
			return -EFAULT;
		int err = abi.reserved ? -EINVAL : flags_check(abi.flags, abi.value);

		if (err)
			return err;
		words[i] = (struct futex_word){ abi.uaddr, !(abi.flags & FUTEX2_PRIVATE), (u32)abi.value };
	}
	return 0;
}

/* The time limit is a moment of its clock. */
static int moment_get(va_t limit, int clock, u64 *deadline_ns)
{
	u64 ns;

	*deadline_ns = ~0ul;
	if (!limit)
		return 0;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -EINVAL;
	int err = timespec_get(limit, &ns);

	if (!err)
		*deadline_ns = deadline_at(clock, ns);
	return err;
}

SYSCALL(futex_waitv)
{
	unsigned n = ARG_UINT(1);
	u64 deadline;

	if (ARG_UINT(2) || !n || n > WAITV_MAX || !ARG_PTR(0))
		return -EINVAL;
	int err = moment_get(ARG_PTR(3), ARG_INT(4), &deadline);

	if (err)
		return err;
	struct futex_word *words scoped_kfree = kmalloc(n * sizeof(*words));

	if (!words)
		return -ENOMEM;
	return words_get(words, ARG_PTR(0), n) ?: futex_wait_any(words, n, deadline);
}

SYSCALL(futex_wake)
{
	u64 mask = ARG_U64(1);
	int n = ARG_INT(2);
	u32 flags = ARG_UINT(3);
	int err = flags_check(flags, mask);

	if (err)
		return err;
	/* Unlike FUTEX_WAKE it can wake none. */
	return futex_wake(ARG_PTR(0), !(flags & FUTEX2_PRIVATE), n ? max(n, 1) : 0, (u32)mask);
}

/* The time limit is a moment, so that after a signal the call can be made again as it is. */
SYSCALL(futex_wait)
{
	u64 value = ARG_U64(1), mask = ARG_U64(2), deadline;
	u32 flags = ARG_UINT(3);
	int err = flags_check(flags, value | mask) ?: moment_get(ARG_PTR(4), ARG_INT(5), &deadline);

	return err ? err : futex_wait(ARG_PTR(0), !(flags & FUTEX2_PRIVATE), (u32)value, (u32)mask, deadline);
}

SYSCALL(futex_requeue)
{
	struct futex_word w[2];

	if (flags_unknown(ARG_UINT(1), 0) || !ARG_PTR(0))
		return -EINVAL;
	int err = words_get(w, ARG_PTR(0), ARRAY_SIZE(w));

	if (!err && w[0].shared != w[1].shared)
		err = -EINVAL;
	return err ? err : futex_requeue(w[0].uaddr, w[1].uaddr, w[0].shared, ARG_INT(2), ARG_INT(3), &w[0].value);
}
