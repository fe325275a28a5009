// SPDX-License-Identifier: MIT
// futex(2)'s words with an owner: locking, handing on, owners that die, deadlocks, priority inheritance.

#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/futex.h"
#include "user/test/tap.h"

#ifndef FUTEX_LOCK_PI2
enum { FUTEX_LOCK_PI2 = 13 };
#endif
enum { THREADS = 8, ROUNDS = 100 };

static atomic_uint word, second;
static atomic_int step, result;

static long futex(void *addr, int op, const void *time)
{
	return syscall(SYS_futex, addr, op, 0, time, nullptr, 0);
}

static bool is_error(long r, int err)
{
	return r == -1 && errno == err;
}

static void test_alone(void)
{
	word = 0;
	ok(futex(&word, FUTEX_LOCK_PI, nullptr) == 0 && word == tid(), "a free word becomes ours");
	ok(is_error(futex(&word, FUTEX_LOCK_PI, nullptr), EDEADLK), "ours already: EDEADLK");
	ok(is_error(futex(&word, FUTEX_TRYLOCK_PI, nullptr), EDEADLK), "trying too");
	ok(futex(&word, FUTEX_UNLOCK_PI, nullptr) == 0 && word == 0, "unlocked");
	ok(is_error(futex(&word, FUTEX_UNLOCK_PI, nullptr), EPERM), "not ours: EPERM");
	word = 0x3ffffff0;
	ok(is_error(futex(&word, FUTEX_LOCK_PI, nullptr), ESRCH), "the owner does not exist: ESRCH");
	ok(is_error(futex((char *)&word + 1, FUTEX_LOCK_PI, nullptr), EINVAL), "a crooked address: EINVAL");
	ok(is_error(futex((void *)8, FUTEX_LOCK_PI, nullptr), EFAULT) && is_error(futex((void *)8, FUTEX_UNLOCK_PI, nullptr), EFAULT), "no memory there: EFAULT");
	word = FUTEX_OWNER_DIED;
	ok(futex(&word, FUTEX_TRYLOCK_PI, nullptr) == 0 && word == (tid() | FUTEX_OWNER_DIED), "a dead owner's word can be had, and says so");
	futex(&word, FUTEX_UNLOCK_PI, nullptr);
	void *ro = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ok(is_error(futex(ro, FUTEX_LOCK_PI, nullptr), EFAULT), "memory that cannot be written: EFAULT");
}

static void *holder(void *arg)
{
	(void)arg;
	lock(&word);
	step = 1;
	while (step == 1)
		pause_ms(1);
	unlock(&word);
	return nullptr;
}

static void test_timeout(void)
{
	pthread_t t;
	struct timespec ts = in_ms(CLOCK_REALTIME, 20), mono = in_ms(CLOCK_MONOTONIC, 20), bad = {0, 1000000000};

	step = 0;
	pthread_create(&t, nullptr, holder, nullptr);
	while (step != 1)
		pause_ms(1);
	ok(is_error(futex(&word, FUTEX_TRYLOCK_PI, nullptr), EAGAIN), "taken: EAGAIN for who only tries");
	ok(is_error(futex(&word, FUTEX_LOCK_PI, &ts), ETIMEDOUT), "a time limit of the wall clock");
	ok(is_error(futex(&word, FUTEX_LOCK_PI2, &mono), ETIMEDOUT), "of the other clock");
	ok(is_error(futex(&word, FUTEX_LOCK_PI, &bad), EINVAL), "a bad time: EINVAL");
	ok(is_error(futex(&word, FUTEX_UNLOCK_PI, nullptr), EPERM), "another's cannot be unlocked: EPERM");
	step = 2;
	lock(&word);
	ok((word & FUTEX_TID_MASK) == tid(), "it is handed on");
	unlock(&word);
	pthread_join(t, nullptr);
	ok(word == 0, "and is free in the end");
}

static void *locks_once(void *arg)
{
	lock(&word);
	unlock(&word);
	return arg;
}

// Who waits for an owner to unlock is not to be woken as one who waits for a value.
static void test_wrong_wake(void)
{
	pthread_t t;

	word = 0;
	lock(&word);
	pthread_create(&t, nullptr, locks_once, nullptr);
	while (!(word & FUTEX_WAITERS))
		pause_ms(1);
	pause_ms(20);
	ok(is_error(syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0), EINVAL) &&
		   is_error(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, nullptr, nullptr, 4), EINVAL),
	   "FUTEX_WAKE: EINVAL");
	ok(is_error(syscall(SYS_futex, &word, FUTEX_REQUEUE, 1, (void *)1ul, &second, 0), EINVAL), "FUTEX_REQUEUE: EINVAL");
	ok(is_error(syscall(SYS_futex, &second, FUTEX_WAKE_OP, 1, (void *)1ul, &word, FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_NE, 0)), EINVAL),
	   "FUTEX_WAKE_OP: EINVAL");
	ok(syscall(SYS_futex, &second, FUTEX_WAKE, 1, nullptr, nullptr, 0) == 0, "of another word: nobody");
	unlock(&word);
	pthread_join(t, nullptr);
	ok(word == 0 && syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0) == 0, "and when all are gone");
}

static int counter;

static void *counting(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		lock(&word);
		int n = counter;
		if (i % 16 == 0)
			sched_yield();
		counter = n + 1;
		unlock(&word);
	}
	return arg;
}

static void test_exclusion(void)
{
	pthread_t t[THREADS];

	word = 0;
	counter = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], nullptr, counting, nullptr);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], nullptr);
	ok(counter == THREADS * ROUNDS && word == 0, "%d threads count to %d", THREADS, counter);
}

static void *dies(void *arg)
{
	(void)arg;
	lock(&word);
	step = 1;
	for (int i = 0; i < 5000 && !(word & FUTEX_WAITERS); i++)
		pause_ms(1);
	return nullptr;			// with the word locked
}

static void *takes(void *arg)
{
	long r = futex(&word, FUTEX_LOCK_PI, nullptr);

	if (r == 0 && (word & FUTEX_TID_MASK) == tid() && (word & FUTEX_OWNER_DIED))
		result++;
	futex(&word, FUTEX_UNLOCK_PI, nullptr);
	return arg;
}

static void test_owner_died(void)
{
	pthread_t t;

	word = step = result = 0;
	pthread_create(&t, nullptr, dies, nullptr);
	while (step != 1)
		pause_ms(1);
	takes(nullptr);
	pthread_join(t, nullptr);
	ok(result == 1 && word == 0, "the owner ends: the word is handed on, with FUTEX_OWNER_DIED");
}

static void *crosses(void *arg)
{
	lock(&second);
	step = 1;
	result = (int)futex(&word, FUTEX_LOCK_PI, nullptr);
	unlock(&word);
	unlock(&second);
	return arg;
}

static void test_deadlock(void)
{
	pthread_t t;

	word = second = step = 0;
	result = 7;
	lock(&word);
	pthread_create(&t, nullptr, crosses, nullptr);
	while (step != 1 || !(word & FUTEX_WAITERS))
		pause_ms(1);
	pause_ms(10);
	ok(is_error(futex(&second, FUTEX_LOCK_PI, nullptr), EDEADLK), "a circle of two: EDEADLK");
	unlock(&word);
	pthread_join(t, nullptr);
	ok(result == 0 && word == 0 && second == 0, "the other goes on");
}

static void nothing(int sig)
{
	(void)sig;
}

static void *interrupted(void *arg)
{
	step = 1;
	result = (int)futex(&word, FUTEX_LOCK_PI, nullptr);
	unlock(&word);
	return arg;
}

static void test_signal(void)
{
	pthread_t t;
	struct sigaction sa = {.sa_handler = nothing};

	sigaction(SIGUSR1, &sa, nullptr);
	word = step = 0;
	result = 7;
	lock(&word);
	pthread_create(&t, nullptr, interrupted, nullptr);
	while (!(word & FUTEX_WAITERS))
		pause_ms(1);
	for (int i = 0; i < 5; i++) {
		pthread_kill(t, SIGUSR1);
		pause_ms(2);
	}
	unlock(&word);
	pthread_join(t, nullptr);
	ok(result == 0 && word == 0, "signals do not end the wait");
}

static void test_processes(void)
{
	atomic_uint *w = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	atomic_uint *count = w + 1;
	int status;
	bool good = true;

	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			for (int k = 0; k < 100; k++) {
				lock(w);
				unsigned n = *count;
				if (k % 8 == 0)
					sched_yield();
				*count = n + 1;
				unlock(w);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		good = wait(&status) > 0 && status == 0 && good;
	ok(good && *count == 400, "processes exclude each other: %u", *count);
	*w = 0;
	pid_t pid = fork();
	if (pid == 0) {
		lock(w);
		while (!(*w & FUTEX_WAITERS))
			;
		raise(SIGKILL);
	}
	while (!*w)
		pause_ms(1);
	ok(futex(w, FUTEX_LOCK_PI, nullptr) == 0 && (*w & FUTEX_TID_MASK) == tid() && (*w & FUTEX_OWNER_DIED), "a killed process's word is handed on");
	waitpid(pid, nullptr, 0);
	futex(w, FUTEX_UNLOCK_PI, nullptr);
}

static void set_priority(int policy, int priority)
{
	struct sched_param p = {.sched_priority = priority};

	syscall(SYS_sched_setscheduler, 0, policy, &p);	// the C library's may refuse by itself
}

static void *low(void *arg)
{
	lock(&word);
	step = 1;
	for (volatile long i = 0; i < 3000000; i++)
		;
	result = result == 0 ? 1 : result;	// before the middle one has had its turn
	unlock(&word);
	return arg;
}

static void *middle(void *arg)
{
	set_priority(SCHED_FIFO, 10);
	for (volatile long i = 0; i < 30000000; i++)
		;
	result = result == 0 ? 2 : result;
	return arg;
}

// One CPU: a low one holds the word, a middle one computes, a high one wants the word.
static void test_inheritance(void)
{
	cpu_set_t one, all;
	pthread_t t[2];
	struct sched_param p;

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	word = step = result = 0;
	pthread_create(&t[0], nullptr, low, nullptr);
	while (step != 1)
		pause_ms(1);
	set_priority(SCHED_FIFO, 20);
	if (syscall(SYS_sched_getscheduler, 0) != SCHED_FIFO) {
		tap_skip("no right to real-time priorities");
		pthread_join(t[0], nullptr);
		sched_setaffinity(0, sizeof(all), &all);
		return;
	}
	pthread_create(&t[1], nullptr, middle, nullptr);
	pause_ms(1);
	lock(&word);
	ok(result == 1, "the owner runs with the priority of who waits for it");
	unlock(&word);
	set_priority(SCHED_OTHER, 0);
	pthread_join(t[0], nullptr);
	pthread_join(t[1], nullptr);
	syscall(SYS_sched_getparam, 0, &p);
	ok(p.sched_priority == 0, "nothing of it stays");
	sched_setaffinity(0, sizeof(all), &all);
}

static pthread_mutex_t mutex;

static void *leaves_locked(void *arg)
{
	pthread_mutex_lock(&mutex);
	step = 1;
	pause_ms(10);
	return arg;
}

static void test_library(void)
{
	pthread_mutexattr_t a;
	pthread_t t;

	pthread_mutexattr_init(&a);
	if (pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) || pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST) || pthread_mutex_init(&mutex, &a)) {
		ok(false, "a mutex with inheritance");
		return;
	}
	step = 0;
	pthread_create(&t, nullptr, leaves_locked, nullptr);
	while (step != 1)
		pause_ms(1);
	ok(pthread_mutex_lock(&mutex) == EOWNERDEAD, "a robust mutex with inheritance: EOWNERDEAD");
	ok(pthread_mutex_consistent(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_lock(&mutex) == 0, "and goes on");
	pthread_mutex_unlock(&mutex);
	pthread_join(t, nullptr);
}

int main(void)
{
	test_alone();
	test_timeout();
	test_wrong_wake();
	test_exclusion();
	test_owner_died();
	test_deadlock();
	test_signal();
	test_processes();
	test_inheritance();
	test_library();
	return tap_done();
}
