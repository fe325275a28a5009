// SPDX-License-Identifier: MIT
/*
 * Futexes (futex(2)): sleeping on a word of user memory. A word is known by its object and offset
 * where it is mapped MAP_SHARED, else by address space and address; `shared` false says that the
 * caller does not care for the first.
 *
 * Words must be aligned (-EINVAL); a bad address is -EFAULT. All may sleep.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

constexpr u32 FUTEX_ANY = ~0u;		/* bitset: all */

/* Sleeps while *uaddr == value, until a wake-up whose bitset has a bit in common. 0; -EAGAIN:
 * another value; -ETIMEDOUT; -ERESTARTSYS: a signal. */
int futex_wait(va_t uaddr, bool shared, u32 value, u32 bitset, u64 deadline_ns);
/* futex_waitv(2): sleeps while each word has its value, until one is woken: its index. -EAGAIN: one has another value; -ENOMEM,
 * -ETIMEDOUT, -ERESTARTSYS. */
struct futex_word { va_t uaddr; bool shared; u32 value; };
int futex_wait_any(const struct futex_word *words, unsigned n, u64 deadline_ns);
/* Wakes at most n; the number woken, or -errno. */
long futex_wake(va_t uaddr, bool shared, int n, u32 bitset);
/* Wakes at most nwake, moves at most nmove others to `to`. expected: -EAGAIN if *from is not that
 * (nullptr: whatever it is). The number woken and moved. */
long futex_requeue(va_t from, va_t to, bool shared, int nwake, int nmove, const u32 *expected);
/* Words that name their owner (proc/futex_pi.c): its thread number, FUTEX_WAITERS, FUTEX_OWNER_DIED. Locking: 0; -EDEADLK;
 * -ESRCH, no such owner; -EPERM, a thread of the kernel; -EAGAIN, taken (try); -ETIMEDOUT; -ERESTARTNOINTR. Unlocking: 0;
 * -EPERM, not ours. */
long futex_lock_pi(va_t uaddr, bool shared, u64 deadline_ns, bool try);
long futex_unlock_pi(va_t uaddr, bool shared);
/* FUTEX_WAIT_REQUEUE_PI: sleeps while *uaddr == value, until futex_requeue_pi() moves it to `second`, a word with an owner, and that
 * word is ours: 0. -EAGAIN: another value, or a signal after it was moved; -EINVAL: the same word; -ETIMEDOUT; -ERESTARTNOINTR. */
int futex_wait_requeue_pi(va_t uaddr, bool shared, u32 value, u64 deadline_ns, va_t second);
/* FUTEX_CMP_REQUEUE_PI: moves at most nwake, which must be 1, + nmove of those to `to`; the first gets it if it is free. How many
 * were moved; -EAGAIN: *from is not `expected`; -EINVAL: one waits for something else; as futex_lock_pi(). */
long futex_requeue_pi(va_t from, va_t to, bool shared, int nwake, int nmove, u32 expected);
/* The current thread leaves its address space: what it owns goes to those who wait for it. */
struct thread;
void futex_pi_exit(struct thread *t);
/* FUTEX_WAKE_OP: changes *second as `op` says, wakes n1 on first and, if the old value meets op's
 * condition, n2 on second. */
long futex_wake_op(va_t first, va_t second, bool shared, int n1, int n2, u32 op);
