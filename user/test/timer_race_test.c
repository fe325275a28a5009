// SPDX-License-Identifier: MIT
// Threads that set the interval timer of their process at the same time: it stays one timer, in one
// line, and the last setting counts.

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "user/test/tap.h"

enum { THREADS = 4, SETTINGS = 5000 };

static atomic_int alarms, wrong;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void *sets(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < SETTINGS; i++) {
		unsigned r = (unsigned)rand_r(&seed);
		struct itimerval t = {.it_value.tv_usec = r % 3 ? r % 900 : 0, .it_interval.tv_usec = r / 4 % 900}, old;

		wrong += setitimer(ITIMER_REAL, &t, &old) != 0 || old.it_value.tv_usec > 1000;
	}
	return arg;
}

static void test_settings(void)
{
	struct itimerval off = {}, once = {.it_value.tv_usec = 20000};
	pthread_t t[THREADS];

	signal(SIGALRM, on_alarm);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], nullptr, sets, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], nullptr);
	ok(!wrong, "%d settings by %d threads", THREADS * SETTINGS, THREADS);
	setitimer(ITIMER_REAL, &off, nullptr);
	int before = alarms;

	usleep(20000);
	ok(alarms == before, "it is off when the last one says so");
	setitimer(ITIMER_REAL, &once, nullptr);
	for (int i = 0; i < 100 && alarms == before; i++)
		usleep(20000);
	ok(alarms == before + 1, "and rings once more: %d", alarms - before);
}

int main(void)
{
	test_settings();
	return tap_done();
}
