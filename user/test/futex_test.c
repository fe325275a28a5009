// SPDX-License-Identifier: MIT
// futex(2), and the C library's locks that stand on it.

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/asleep.h"
#include "user/test/futex.h"
#include "user/test/tap.h"

enum { WAITERS = 4 };

static atomic_int word, second;
static atomic_int asleep, awake;

static long futex(void *addr, int op, int value, const void *time, void *addr2, int value3)
{
	return syscall(SYS_futex, addr, op, value, time, addr2, value3);
}

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000l + ts.tv_nsec;
}

static struct timespec at(int64_t ns)
{
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static void test_errors(void)
{
	struct timespec bad = {0, 1000000000};

	word = 1;
	ok(futex(&word, FUTEX_WAIT, 2, nullptr, nullptr, 0) == -1 && errno == EAGAIN,
	   "another value: EAGAIN");
	ok(futex((char *)&word + 1, FUTEX_WAIT, 1, nullptr, nullptr, 0) == -1 && errno == EINVAL,
	   "a word that is not aligned: EINVAL");
	ok(futex((void *)8, FUTEX_WAIT, 1, nullptr, nullptr, 0) == -1 && errno == EFAULT,
	   "no memory there: EFAULT");
	ok(futex((void *)8, FUTEX_WAIT_PRIVATE, 1, nullptr, nullptr, 0) == -1 && errno == EFAULT,
	   "nor for a private one");
	ok(futex(&word, FUTEX_WAIT, 1, &bad, nullptr, 0) == -1 && errno == EINVAL,
	   "a bad time: EINVAL");
	ok(futex(&word, FUTEX_WAIT, 1, (void *)8, nullptr, 0) == -1 && errno == EFAULT,
	   "a bad pointer to it: EFAULT");
	ok(futex(&word, FUTEX_WAIT_BITSET, 1, nullptr, nullptr, 0) == -1 && errno == EINVAL,
	   "no bits: EINVAL");
	ok(futex(&word, FUTEX_WAKE, 1, nullptr, nullptr, 0) == 0, "nobody to wake");
	ok(futex(&word, 77, 1, nullptr, nullptr, 0) == -1 && errno == ENOSYS,
	   "an unknown operation: ENOSYS");
	ok(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, nullptr, nullptr, 0) == -1 && errno == ENOSYS &&
		   futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, nullptr, nullptr, 0) == -1 && errno == ENOSYS &&
		   futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, nullptr, nullptr, 0) == -1 && errno == ENOSYS,
	   "a clock where none can be chosen: ENOSYS");
}

static void test_timeout(void)
{
	struct timespec ts = at(20 * MS);
	int64_t start = now(CLOCK_MONOTONIC);

	word = 1;
	ok(futex(&word, FUTEX_WAIT, 1, &ts, nullptr, 0) == -1 && errno == ETIMEDOUT &&
		   now(CLOCK_MONOTONIC) - start >= 20 * MS,
	   "a relative limit");
	start = now(CLOCK_MONOTONIC);
	ts = at(start + 20 * MS);
	ok(futex(&word, FUTEX_WAIT_BITSET, 1, &ts, nullptr, -1) == -1 && errno == ETIMEDOUT &&
		   now(CLOCK_MONOTONIC) - start >= 20 * MS,
	   "a moment of the monotonic clock");
	start = now(CLOCK_REALTIME);
	ts = at(start + 20 * MS);
	ok(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &ts, nullptr, -1) == -1 &&
		   errno == ETIMEDOUT && now(CLOCK_REALTIME) - start >= 20 * MS,
	   "a moment of the wall clock");
	ts = at(1);
	ok(futex(&word, FUTEX_WAIT_BITSET, 1, &ts, nullptr, -1) == -1 && errno == ETIMEDOUT,
	   "a moment long past");
}

// ---- threads that wait for `word` to be woken with bit `arg`

static void *waiter(void *arg)
{
	asleep++;
	long r = futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, nullptr, nullptr, (int)(intptr_t)arg);

	awake++;
	return (void *)r;
}

static void start(pthread_t *threads, int n, int bits)
{
	word = 1;
	asleep = awake = 0;
	for (int i = 0; i < n; i++)
		pthread_create(&threads[i], nullptr, waiter,
			       (void *)(intptr_t)(bits ? bits << i : -1));
	while (asleep < n)
		pause_ms(1);
	pause_ms(30);
}

static void test_wake(void)
{
	pthread_t threads[WAITERS];

	start(threads, WAITERS, 0);
	ok(futex(&word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0) == 1, "one is woken");
	pause_ms(20);
	ok(awake == 1, "and only one returns");
	ok(futex(&word, FUTEX_WAKE_PRIVATE, 100, nullptr, nullptr, 0) == WAITERS - 1,
	   "then the others");
	join(threads, WAITERS);
	ok(awake == WAITERS, "all have returned");

	start(threads, WAITERS, 1);
	ok(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, nullptr, nullptr, 16) == 0,
	   "a bit that nobody has");
	ok(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, nullptr, nullptr, 2 | 8) == 2,
	   "two have these bits");
	ok(futex(&word, FUTEX_WAKE_PRIVATE, 100, nullptr, nullptr, 0) == 2, "two are left");
	join(threads, WAITERS);
}

static void test_requeue(void)
{
	pthread_t threads[WAITERS];

	start(threads, WAITERS, 0);
	ok(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1ul, &second, 7) == -1 &&
		   errno == EAGAIN,
	   "requeue only if the word is as expected");
	ok(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2ul, &second, 1) == 3,
	   "one woken, two moved");
	ok(futex(&second, FUTEX_WAKE_PRIVATE, 100, nullptr, nullptr, 0) == 2,
	   "the moved ones wait for the other word");
	ok(futex(&word, FUTEX_WAKE_PRIVATE, 100, nullptr, nullptr, 0) == 1,
	   "and one for the first");
	join(threads, WAITERS);
	ok(awake == WAITERS, "all have returned");

	start(threads, WAITERS, 0);
	ok(futex(&word, FUTEX_REQUEUE_PRIVATE, 1, (void *)2ul, &second, 0) == 3, "whatever the word is: one woken, two moved");
	ok(futex(&second, FUTEX_WAKE_PRIVATE, 100, nullptr, nullptr, 0) + futex(&word, FUTEX_WAKE_PRIVATE, 100, nullptr, nullptr, 0) == 3,
	   "and all can be woken");
	join(threads, WAITERS);
}

static void test_wake_op(void)
{
	pthread_t threads[1];

	start(threads, 1, 0);
	second = 5;
	// second += 3; wake on it if it was 5
	ok(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1ul, &second,
		 FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)) == 1,
	   "FUTEX_WAKE_OP wakes");
	ok(second == 8, "and adds");
	futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1ul, &second,
	      FUTEX_OP(FUTEX_OP_ANDN, 8, FUTEX_OP_CMP_LT, 0));
	ok(second == 0, "and clears bits");
	ok(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1ul, (void *)8, 0) == -1 &&
		   errno == EFAULT,
	   "a bad second word: EFAULT");
	join(threads, 1);
}

// ---- between processes

static void test_shared(void)
{
	atomic_int *shared =
		mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		while (*shared == 0)
			futex(shared, FUTEX_WAIT, 0, nullptr, nullptr, 0);
		_exit(*shared);
	}
	pause_ms(30);
	*shared = 3;
	ok(futex(shared, FUTEX_WAKE, 1, nullptr, nullptr, 0) == 1,
	   "a process in shared memory is woken");
	ok(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3, "and sees the new value");
	munmap(shared, 4096);
	ok(futex(shared, FUTEX_WAKE, 1, nullptr, nullptr, 0) == -1 && errno == EFAULT,
	   "unmapped: EFAULT");
	shared = mmap(nullptr, 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ok(futex(shared, FUTEX_WAKE, 1, nullptr, nullptr, 0) == -1 && errno == EFAULT &&
		   futex(shared, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0) == 0,
	   "not to be read: EFAULT, unless it is said to be private");
	munmap(shared, 4096);

	// A page that is not there yet is read in the middle of the call.
	atomic_int *fresh =
		mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct timespec ts = at(MS);
	ok(futex(fresh, FUTEX_WAIT, 0, &ts, nullptr, 0) == -1 && errno == ETIMEDOUT,
	   "an untouched page is zero");
}

// ---- signals

static atomic_int handled;

static void handler(int sig)
{
	handled++;
}

static void *interrupter(void *arg)
{
	await_sleep(getpid());
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return nullptr;
}

static long interrupted_wait(int flags, const struct timespec *limit)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = flags};
	pthread_t self = pthread_self(), other;

	sigaction(SIGUSR1, &act, nullptr);
	word = 1;
	handled = 0;
	pthread_create(&other, nullptr, interrupter, &self);
	long r = futex(&word, FUTEX_WAIT_PRIVATE, 1, limit, nullptr, 0);
	int saved = errno;

	pthread_join(other, nullptr);
	errno = saved;
	return r;
}

static void test_signals(void)
{
	struct timespec ts = at(3000l * MS);

	ok(interrupted_wait(0, nullptr) == -1 && errno == EINTR && handled == 1,
	   "a signal ends it: EINTR");
	ok(interrupted_wait(0, &ts) == -1 && errno == EINTR && handled == 1,
	   "with a time limit too");
	ok(interrupted_wait(SA_RESTART, &ts) == -1 && errno == EINTR && handled == 1,
	   "which SA_RESTART does not change");
}

// ---- the C library's

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter, items;

static void *count(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return nullptr;
}

static void *consume(void *arg)
{
	long got = 0;

	for (;;) {
		pthread_mutex_lock(&mutex);
		while (items == 0)
			pthread_cond_wait(&cond, &mutex);
		if (items < 0)
			break;
		items--;
		got++;
		pthread_mutex_unlock(&mutex);
	}
	pthread_mutex_unlock(&mutex);
	return (void *)got;
}

static void *nothing(void *arg)
{
	return arg;
}

static void test_library(void)
{
	pthread_t threads[8];
	long sum = 0;
	void *result;

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], nullptr, count, nullptr);
	join(threads, 8);
	ok(counter == 8 * 20000, "eight threads count under a mutex");

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], nullptr, consume, nullptr);
	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(&mutex);
		items++;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&mutex);
	}
	for (bool empty = false; !empty; pause_ms(1)) {
		pthread_mutex_lock(&mutex);
		empty = items == 0;
		pthread_mutex_unlock(&mutex);
	}
	pthread_mutex_lock(&mutex);
	items = -1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		sum += (long)result;
	}
	ok(sum == 5000, "a condition variable hands out 5000 items");

	int good = 0;
	for (long i = 0; i < 500; i++) {
		pthread_create(&threads[0], nullptr, nothing, (void *)i);
		pthread_join(threads[0], &result);
		good += (long)result == i;
	}
	ok(good == 500, "500 threads come and go");
}

static void *die_holding(void *arg)
{
	pthread_mutex_lock(arg);
	return nullptr;
}

static void test_robust(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t robust;
	pthread_t thread;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	pthread_create(&thread, nullptr, die_holding, &robust);
	pthread_join(thread, nullptr);
	ok(pthread_mutex_lock(&robust) == EOWNERDEAD, "a robust mutex tells that its owner died");
	pthread_mutex_consistent(&robust);
	ok(pthread_mutex_unlock(&robust) == 0 && pthread_mutex_lock(&robust) == 0,
	   "and can be made good");
}

int main(void)
{
	test_errors();
	test_timeout();
	test_wake();
	test_requeue();
	test_wake_op();
	test_shared();
	test_signals();
	test_library();
	test_robust();
	return tap_done();
}
