// SPDX-License-Identifier: MIT
// What the tests of futex(2) share.
#pragma once

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MS = 1000000 };

static inline unsigned tid(void)
{
	return (unsigned)syscall(SYS_gettid);
}

static inline struct timespec in_ms(clockid_t clock, int ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += (long)ms * MS;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static inline void pause_ms(int ms)
{
	struct timespec t = {0, (long)ms * MS};

	nanosleep(&t, nullptr);
}

// A mutex whose word tells its owner, as C libraries take it.
static inline void lock(atomic_uint *w)
{
	unsigned zero = 0;

	if (!atomic_compare_exchange_strong(w, &zero, tid()))
		while (syscall(SYS_futex, w, FUTEX_LOCK_PI, 0, nullptr, nullptr, 0))
			;
}

static inline void unlock(atomic_uint *w)
{
	unsigned mine = tid();

	if (!atomic_compare_exchange_strong(w, &mine, 0))
		syscall(SYS_futex, w, FUTEX_UNLOCK_PI, 0, nullptr, nullptr, 0);
}

static inline void join(pthread_t *threads, int n)
{
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], nullptr);
}
