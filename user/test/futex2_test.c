// SPDX-License-Identifier: MIT
// The calls on futexes that do one thing each: futex_wake, futex_wait, futex_requeue. futex_waitv is in threads_test.c.

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/futex.h"
#include "user/test/tap.h"

enum { WAKE = 454, WAIT, REQUEUE };		// on both CPUs
enum { U8 = 0, U16 = 1, U32 = 2, U64 = 3, PRIVATE = 128 };	// FUTEX2_*
enum { WAITERS = 3 };
constexpr uint64_t ANY = UINT32_MAX;

struct futex_of {			// struct futex_waitv
	uint64_t value, word;
	uint32_t flags, reserved;
};

static atomic_int word, second, asleep;

static bool is_error(long r, int err)
{
	return r == -1 && errno == err;
}

static long wake(void *at, uint64_t mask, int n, unsigned flags)
{
	return syscall(WAKE, at, mask, n, flags);
}

static long sleep_on(void *at, uint64_t value, uint64_t mask, unsigned flags, const struct timespec *limit, int clock)
{
	return syscall(WAIT, at, value, mask, flags, limit, clock);
}

static long requeue(const struct futex_of *from_to, unsigned flags, int nwake, int nmove)
{
	return syscall(REQUEUE, from_to, flags, nwake, nmove);
}

static struct futex_of on(void *at, uint64_t value, unsigned flags)
{
	return (struct futex_of){value, (uintptr_t)at, flags, 0};
}

static void test_wake_errors(void)
{
	ok(is_error(wake(&word, 1, 1, U8), EINVAL) && is_error(wake(&word, 1, 1, U16), EINVAL) && is_error(wake(&word, 1, 1, U64), EINVAL),
	   "a word of another size: EINVAL");
	ok(is_error(wake(&word, 1, 1, U32 | 0x10), EINVAL), "an unknown flag: EINVAL");
	ok(is_error(wake(&word, ANY + 1, 1, U32), EINVAL) && is_error(wake(&word, 0, 1, U32), EINVAL), "a mask that is too wide, or empty: EINVAL");
	ok(is_error(wake((char *)&word + 1, 1, 0, U32), EINVAL) && is_error(wake((void *)8, 1, 0, U32), EFAULT),
	   "a crooked word, one that is not there: also if none is to be woken");
}

static void test_wait_errors(void)
{
	struct timespec soon = in_ms(CLOCK_MONOTONIC, 20), wall = in_ms(CLOCK_REALTIME, 20), bad = {0, 1000000000};

	word = 1;
	ok(is_error(sleep_on(&word, 2, ANY, U32, nullptr, 0), EAGAIN), "another value: EAGAIN");
	ok(is_error(sleep_on(&word, ANY + 2, ANY, U32, nullptr, 0), EINVAL), "a value that is too wide: EINVAL");
	ok(is_error(sleep_on(&word, 1, ANY + 1, U32, nullptr, 0), EINVAL) && is_error(sleep_on(&word, 1, 0, U32, nullptr, 0), EINVAL),
	   "a mask that is too wide, or empty: EINVAL");
	ok(is_error(sleep_on(&word, 1, 1, U64, nullptr, 0), EINVAL) && is_error(sleep_on(&word, 1, 1, U32 | 0x100, nullptr, 0), EINVAL),
	   "another size, an unknown flag: EINVAL");
	ok(is_error(sleep_on(&word, 1, 1, U32, &soon, CLOCK_MONOTONIC), ETIMEDOUT), "a moment of the monotonic clock");
	ok(is_error(sleep_on(&word, 1, 1, U32 | PRIVATE, &wall, CLOCK_REALTIME), ETIMEDOUT), "of the wall clock");
	ok(is_error(sleep_on(&word, 1, 1, U32, &soon, CLOCK_BOOTTIME), EINVAL), "of no clock that can be chosen: EINVAL");
	ok(is_error(sleep_on(&word, 2, 1, U32, nullptr, CLOCK_BOOTTIME), EAGAIN), "which does not count without a limit");
	ok(is_error(sleep_on(&word, 1, 1, U32, &bad, CLOCK_MONOTONIC), EINVAL), "no time: EINVAL");
	ok(is_error(sleep_on(&word, 1, 1, U32, (void *)8, CLOCK_MONOTONIC), EFAULT), "a limit that is not there: EFAULT");
}

// ---- with others

static void *waiter(void *mask)
{
	asleep++;
	return (void *)sleep_on(&word, 1, (uintptr_t)mask, U32 | PRIVATE, nullptr, 0);
}

// The mask of the n-th is 1 << n.
static void start(pthread_t *threads)
{
	word = 1;
	asleep = 0;
	for (int i = 0; i < WAITERS; i++)
		pthread_create(&threads[i], nullptr, waiter, (void *)(uintptr_t)(1u << i));
	while (asleep < WAITERS)
		pause_ms(1);
	pause_ms(30);
}

static bool all_woken(pthread_t *threads)
{
	bool good = true;
	void *result;

	for (int i = 0; i < WAITERS; i++) {
		pthread_join(threads[i], &result);
		good = good && !result;
	}
	return good;
}

static void test_wake(void)
{
	pthread_t threads[WAITERS];

	start(threads);
	ok(wake(&word, ANY, 0, U32 | PRIVATE) == 0, "none is woken if none is asked for");
	ok(wake(&word, 2 | 8, 9, U32 | PRIVATE) == 1, "one has a bit of the mask");
	ok(wake(&word, ANY, -1, U32 | PRIVATE) == 1, "a negative number is one");
	ok(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 9, nullptr, nullptr, 0) == 1, "futex() wakes the last");
	ok(all_woken(threads), "all have returned 0");
}

static void test_requeue(void)
{
	struct futex_of w[2] = {on(&word, 1, U32 | PRIVATE), on(&second, 77, U32 | PRIVATE)};
	pthread_t threads[WAITERS];

	start(threads);
	ok(requeue(w, 0, 1, 1) == 2, "one woken, one moved; the second's value does not count");
	ok(wake(&second, ANY, 9, U32 | PRIVATE) == 1 && wake(&word, ANY, 9, U32 | PRIVATE) == 1, "it waits there, the other here");
	ok(all_woken(threads), "all have returned 0");
	w[0].value = 2;
	ok(is_error(requeue(w, 0, 1, 1), EAGAIN), "another value: EAGAIN");
	w[0].value = 1;
	ok(is_error(requeue(w, 1, 1, 1), EINVAL), "flags: EINVAL");
	ok(is_error(requeue(nullptr, 0, 1, 1), EINVAL) && is_error(requeue((void *)8, 0, 1, 1), EFAULT), "no words: EINVAL; a bad pointer: EFAULT");
	ok(is_error(requeue(w, 0, -1, 1), EINVAL) && is_error(requeue(w, 0, 1, -1), EINVAL), "negative numbers: EINVAL");
	w[1].flags = U32;
	ok(is_error(requeue(w, 0, 1, 1), EINVAL), "one private, one not: EINVAL");
	w[1] = on(&second, 0, U64 | PRIVATE);
	ok(is_error(requeue(w, 0, 1, 1), EINVAL), "another size: EINVAL");
	w[1] = on(&second, 0, U32 | PRIVATE);
	w[1].reserved = 1;
	ok(is_error(requeue(w, 0, 1, 1), EINVAL), "what is reserved: EINVAL");
	w[0].flags = U32;
	w[1] = on((void *)8, 0, U32);
	ok(is_error(requeue(w, 0, 1, 1), EFAULT), "a word that is not there: EFAULT");
}

static void test_shared(void)
{
	atomic_int *shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sleep_on(shared, 0, ANY, U32, nullptr, 0) == 0 ? 3 : 4);
	while (wake(shared, ANY, 1, U32) != 1)
		pause_ms(1);
	ok(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3, "a process in shared memory is woken");
}

// ---- signals

static void handler(int sig)
{
	if (sig == SIGUSR2)
		word = 2;
}

static atomic_bool done;

static void *interrupter(void *to)
{
	pause_ms(20);
	pthread_kill(*(pthread_t *)to, SIGUSR1);
	pause_ms(20);
	if (!done)
		pthread_kill(*(pthread_t *)to, SIGUSR2);
	return nullptr;
}

static int interrupted(int flags)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = flags};
	struct timespec limit = in_ms(CLOCK_MONOTONIC, 3000);
	pthread_t self = pthread_self(), other;

	sigaction(SIGUSR1, &act, nullptr);
	sigaction(SIGUSR2, &act, nullptr);
	word = 1;
	done = false;
	pthread_create(&other, nullptr, interrupter, &self);
	long r = sleep_on(&word, 1, ANY, U32, &limit, CLOCK_MONOTONIC);
	int error = r ? errno : 0;

	done = true;
	pthread_join(other, nullptr);
	return error;
}

static void test_signals(void)
{
	ok(interrupted(0) == EINTR, "a signal ends the wait");
	ok(interrupted(SA_RESTART) == EAGAIN, "with SA_RESTART it goes on, until the word has changed");
}

int main(void)
{
	if (is_error(wake(&word, 1, 1, U32), ENOSYS)) {
		tap_skip("this kernel has no futex_wake");
		return tap_done();
	}
	test_wake_errors();
	test_wait_errors();
	test_wake();
	test_requeue();
	test_shared();
	test_signals();
	return tap_done();
}
