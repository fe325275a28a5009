// SPDX-License-Identifier: MIT
// uses: proc/timer.c lib/rbtree.c test/host/support.c
// sanitize: thread
/* Cancelling a timer whose function runs on another CPU: once timer_cancel() has returned, the
 * function does not run and will not. One host thread takes interrupts for ever, the other arms on
 * it and cancels. */
#include "host.h"
#include <pthread.h>
#include <time.h>
#include "arch/arch.h"
#include "proc/timer.h"

void timer_interrupt(void);

/* Fewer on a busy machine, where each yield of the threads may take a while. */
constexpr unsigned ROUNDS = 20'000, LEAST = 500, SECONDS = 20;

static struct timer timer;
static u32 inside, fired, missed;	/* (a) */
static u32 wanted, done;		/* (a) rounds: asked for, armed on the other CPU */
static bool over;			/* (a) */

u64 arch_clock_ns(void) { return 1000; }
void arch_timer_set(u64 deadline) {}

static void fire(struct timer *t)
{
	__atomic_store_n(&inside, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 20; i++)
		cpu_relax();
	fired++;
	__atomic_store_n(&inside, 0, __ATOMIC_SEQ_CST);
}

/* CPU 1: arms when asked to, and takes its interrupt. */
static void *other_cpu(void *arg)
{
	host_cpu_set(1);
	while (!load_acquire(&over)) {
		u32 round = load_acquire(&wanted);

		if (round == load_relaxed(&done))
			continue;
		timer_arm(&timer, 1);
		store_release(&done, round);
		timer_interrupt();
	}
	return nullptr;
}

static void nothing_runs_behind_a_cancel(void **state)
{
	time_t end = time(nullptr) + SECONDS;
	pthread_t thread;
	u32 round;

	timer_init(&timer, fire);
	pthread_create(&thread, nullptr, other_cpu, nullptr);
	for (round = 1; round <= ROUNDS && (round <= LEAST || time(nullptr) < end); round++) {
		store_release(&wanted, round);
		while (load_acquire(&done) != round)
			cpu_relax();
		for (unsigned i = host_below(30); i; i--)
			__asm__ volatile("");
		missed += timer_cancel(&timer);
		assert_int_equal(__atomic_load_n(&inside, __ATOMIC_SEQ_CST), 0);
		assert_false(timer.armed);
	}
	store_release(&over, true);
	pthread_join(thread, nullptr);
	assert_int_equal(fired + missed, round - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_runs_behind_a_cancel) };

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
