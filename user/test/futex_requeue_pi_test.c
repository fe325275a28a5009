// SPDX-License-Identifier: MIT
// futex(2)'s way from a plain word to one with an owner: FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI.

#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/futex.h"
#include "user/test/tap.h"

enum { THREADS = 6, ROUNDS = 200 };

// What threads and processes work on: the condition's word, its mutex, another mutex.
static struct shared {
	atomic_uint cond, mutex, other;
	atomic_int ready, won, errors, order[THREADS];
} *s;

static bool is_error(long r, int err)
{
	if (r != -1 || errno != err)
		printf("# %ld, errno %d, not %d\n", r, errno, err);
	return r == -1 && errno == err;
}

static long wait_requeue(atomic_uint *from, unsigned value, atomic_uint *to, const struct timespec *t)
{
	return syscall(SYS_futex, from, FUTEX_WAIT_REQUEUE_PI, value, t, to, 0);
}

static long cmp_requeue(atomic_uint *from, atomic_uint *to, int wake, long move, unsigned value)
{
	return syscall(SYS_futex, from, FUTEX_CMP_REQUEUE_PI, wake, move, to, value);
}

static void anew(void)
{
	memset(s, 0, sizeof(*s));
}

static bool ours(void)
{
	return (s->mutex & FUTEX_TID_MASK) == tid();
}

// Waits once; with the mutex, notes that it has it, and in which turn.
static void *waits(void *arg)
{
	s->ready++;
	if (wait_requeue(&s->cond, 0, &s->mutex, nullptr) || !ours())
		s->errors++;
	else if (arg)
		s->order[s->won++] = *(int *)arg;
	else
		s->won++;
	unlock(&s->mutex);
	return arg;
}

// All threads wait, as far as can be seen.
static void start(pthread_t *t, int n, void *(*body)(void *))
{
	for (int i = 0; i < n; i++)
		pthread_create(&t[i], nullptr, body, nullptr);
	while (s->ready < n)
		pause_ms(1);
	pause_ms(20);
}

static void test_refused(void)
{
	struct timespec mono = in_ms(CLOCK_MONOTONIC, 20), wall = in_ms(CLOCK_REALTIME, 20), bad = {0, 1000000000};
	atomic_uint *crooked = (atomic_uint *)((char *)&s->mutex + 1);

	anew();
	ok(is_error(wait_requeue(&s->cond, 0, &s->cond, nullptr), EINVAL), "to wait for one word twice: EINVAL");
	ok(is_error(wait_requeue(&s->cond, 1, &s->mutex, nullptr), EAGAIN), "another value: EAGAIN");
	ok(is_error(wait_requeue(&s->cond, 0, crooked, nullptr), EINVAL), "a crooked address: EINVAL");
	ok(is_error(wait_requeue((atomic_uint *)8, 0, &s->mutex, nullptr), EFAULT), "no memory there: EFAULT");
	ok(is_error(wait_requeue(&s->cond, 0, &s->mutex, &mono), ETIMEDOUT), "a time limit");
	ok(is_error(syscall(SYS_futex, &s->cond, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &wall, &s->mutex, 0), ETIMEDOUT),
	   "of the wall clock");
	ok(is_error(wait_requeue(&s->cond, 0, &s->mutex, &bad), EINVAL), "a bad time: EINVAL");
	ok(is_error(cmp_requeue(&s->cond, &s->cond, 1, 1, 0), EINVAL), "to move to the same word: EINVAL");
	ok(is_error(cmp_requeue(&s->cond, &s->mutex, 2, 1, 0), EINVAL) && is_error(cmp_requeue(&s->cond, &s->mutex, 0, 1, 0), EINVAL),
	   "to wake not just one: EINVAL");
	ok(is_error(cmp_requeue(&s->cond, &s->mutex, 1, -1, 0), EINVAL), "to move less than none: EINVAL");
	ok(is_error(cmp_requeue(&s->cond, &s->mutex, 1, 1, 7), EAGAIN), "to compare with another value: EAGAIN");
	ok(cmp_requeue(&s->cond, &s->mutex, 1, INT_MAX, 0) == 0 && s->mutex == 0, "nobody waits: nothing is done");
}

static void *waits_plainly(void *arg)
{
	s->ready++;
	syscall(SYS_futex, &s->cond, FUTEX_WAIT, 0, nullptr, nullptr, 0);
	return arg;
}

static void test_mismatch(void)
{
	pthread_t t;

	anew();
	start(&t, 1, waits);
	ok(is_error(syscall(SYS_futex, &s->cond, FUTEX_WAKE, 1, nullptr, nullptr, 0), EINVAL), "FUTEX_WAKE finds one that is to be moved: EINVAL");
	ok(is_error(syscall(SYS_futex, &s->cond, FUTEX_CMP_REQUEUE, 0, 1l, &s->mutex, 0), EINVAL), "FUTEX_CMP_REQUEUE too");
	ok(is_error(cmp_requeue(&s->cond, &s->other, 1, 0, 0), EINVAL), "it waits for another second word: EINVAL");
	s->mutex = 0x3ffffff0;
	ok(is_error(cmp_requeue(&s->cond, &s->mutex, 1, 0, 0), ESRCH), "the owner does not exist: ESRCH");
	s->mutex = 0;
	ok(cmp_requeue(&s->cond, &s->mutex, 1, 0, 0) == 1, "and it still waits");
	join(&t, 1);
	anew();
	start(&t, 1, waits_plainly);
	ok(is_error(cmp_requeue(&s->cond, &s->mutex, 1, 0, 0), EINVAL), "a plain waiter is not moved: EINVAL");
	syscall(SYS_futex, &s->cond, FUTEX_WAKE, 1, nullptr, nullptr, 0);
	join(&t, 1);
}

static void test_moved(void)
{
	pthread_t t[THREADS];

	anew();
	start(t, THREADS, waits);
	ok(cmp_requeue(&s->cond, &s->mutex, 1, INT_MAX, 0) == THREADS, "to a free word: all are moved");
	join(t, THREADS);
	ok(s->won == THREADS && !s->errors && s->mutex == 0, "and have it one after the other");

	anew();
	lock(&s->mutex);
	start(t, THREADS, waits);
	ok(cmp_requeue(&s->cond, &s->mutex, 1, 1, 0) == 2 && s->mutex == (tid() | FUTEX_WAITERS), "to our own word: two, and it says so");
	pause_ms(20);
	ok(s->won == 0, "nobody has it while we do");
	unlock(&s->mutex);
	while (s->won < 2)
		pause_ms(1);
	pause_ms(20);
	ok(s->won == 2 && !s->errors && s->mutex == 0, "then these two");
	ok(cmp_requeue(&s->cond, &s->mutex, 1, 0, 0) == 1 && cmp_requeue(&s->cond, &s->mutex, 1, INT_MAX, 0) == THREADS - 3, "the others later");
	join(t, THREADS);
	ok(s->won == THREADS && !s->errors && s->mutex == 0, "all have had it");
}

static void nothing(int sig)
{
	(void)sig;
}

static void *interrupted(void *arg)
{
	struct timespec mono = in_ms(CLOCK_MONOTONIC, 200);

	s->ready++;
	long r = wait_requeue(&s->cond, 0, &s->mutex, arg ? &mono : nullptr);

	s->errors = r ? errno : 0;
	s->won = ours();
	s->ready++;
	return nullptr;
}

static void test_ended(void)
{
	struct sigaction sa = {.sa_handler = nothing};
	pthread_t t;

	sigaction(SIGUSR1, &sa, nullptr);
	anew();
	lock(&s->mutex);
	start(&t, 1, interrupted);
	pthread_kill(t, SIGUSR1);
	pause_ms(20);
	ok(s->ready == 1 && cmp_requeue(&s->cond, &s->mutex, 1, 0, 0) == 1, "a signal does not end the wait for the first word");
	pthread_kill(t, SIGUSR1);
	join(&t, 1);
	ok(s->errors == EAGAIN && !s->won, "it does for the second: EAGAIN");
	unlock(&s->mutex);

	anew();
	lock(&s->mutex);
	pthread_create(&t, nullptr, interrupted, &t);
	while (!s->ready)
		pause_ms(1);
	pause_ms(20);
	ok(cmp_requeue(&s->cond, &s->mutex, 1, 0, 0) == 1, "moved with a time limit");
	join(&t, 1);
	ok(s->errors == ETIMEDOUT && !s->won, "which ends the wait");
	unlock(&s->mutex);
	ok(s->mutex == 0, "the word is free again");
}

static void *dies(void *arg)
{
	lock(&s->mutex);
	s->ready++;
	while (s->ready < 3)
		pause_ms(1);
	return arg;			// with the mutex locked
}

static void test_owner_died(void)
{
	pthread_t t[2];

	anew();
	start(&t[0], 1, dies);
	pthread_create(&t[1], nullptr, waits, nullptr);
	while (s->ready < 2)
		pause_ms(1);
	pause_ms(20);
	ok(cmp_requeue(&s->cond, &s->mutex, 1, 0, 0) == 1, "moved to another thread's word");
	s->ready++;
	join(t, 2);
	ok(s->won == 1 && !s->errors, "which is handed on when its owner ends");
}

static void *waits_with_priority(void *arg)
{
	struct sched_param p = {.sched_priority = *(int *)arg};

	syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p);
	return waits(arg);
}

static void test_priority(void)
{
	static int priority[] = {10, 30, 20};
	struct sched_param p = {.sched_priority = 40};
	pthread_t t[3];

	anew();
	if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p)) {
		tap_skip("no right to real-time priorities");
		return;
	}
	lock(&s->mutex);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], nullptr, waits_with_priority, &priority[i]);
	while (s->ready < 3)
		pause_ms(1);
	pause_ms(20);
	ok(cmp_requeue(&s->cond, &s->mutex, 1, INT_MAX, 0) == 3, "three of different priority");
	unlock(&s->mutex);
	p.sched_priority = 0;
	syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p);
	join(t, 3);
	ok(s->order[0] == 30 && s->order[1] == 20 && s->order[2] == 10, "the highest first: %d %d %d", s->order[0], s->order[1], s->order[2]);
}

// A condition variable: waits with the mutex locked, and has it again.
static void cond_wait(void)
{
	unsigned seen = s->cond;

	unlock(&s->mutex);
	if (wait_requeue(&s->cond, seen, &s->mutex, nullptr))
		lock(&s->mutex);
	if (!ours())
		s->errors++;
}

static void cond_wake(long move)
{
	unsigned value = ++s->cond;

	cmp_requeue(&s->cond, &s->mutex, 1, move, value);
}

static void consume(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		lock(&s->mutex);
		while (s->order[0] == 0)
			cond_wait();
		s->order[0]--;
		s->won++;
		unlock(&s->mutex);
	}
}

static void *consumer(void *arg)
{
	consume();
	return arg;
}

static void produce(int n)
{
	for (int i = 0; i < n;) {
		int batch = i % 3 ? 1 : n - i < 3 ? n - i : 3;

		lock(&s->mutex);
		s->order[0] += batch;
		if (i % 2)
			cond_wake(batch > 1 ? INT_MAX : 0);
		unlock(&s->mutex);
		if (i % 2 == 0)
			cond_wake(batch > 1 ? INT_MAX : 0);
		i += batch;
	}
}

static void test_condition(void)
{
	pthread_t t[THREADS];
	int status, good = 0;

	anew();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], nullptr, consumer, nullptr);
	produce(THREADS * ROUNDS);
	join(t, THREADS);
	ok(s->won == THREADS * ROUNDS && !s->errors && s->mutex == 0, "a condition variable for threads: %d", s->won);

	anew();
	for (int i = 0; i < THREADS; i++) {
		if (fork() == 0) {
			consume();
			_exit(0);
		}
	}
	produce(THREADS * ROUNDS);
	for (int i = 0; i < THREADS; i++)
		good += wait(&status) > 0 && status == 0;
	ok(good == THREADS && s->won == THREADS * ROUNDS && !s->errors && s->mutex == 0, "and for processes: %d", s->won);
}

int main(void)
{
	s = mmap(nullptr, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		tap_bail("mmap");
	test_refused();
	test_mismatch();
	test_moved();
	test_ended();
	test_owner_died();
	test_priority();
	test_condition();
	return tap_done();
}
