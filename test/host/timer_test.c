// SPDX-License-Identifier: MIT
// uses: proc/timer.c lib/rbtree.c test/host/support.c
/* Timers on two CPUs, with a clock and hardware that the test plays: every timer fires when its
 * time has come, none before, none that was cancelled, and the hardware is set no more often than
 * need be. */
#include "host.h"
#include "arch/arch.h"
#include "proc/timer.h"

void timer_interrupt(void);	/* of the part of arch.h that the host does not see */

constexpr unsigned TIMERS = 48, CPUS = 2;
constexpr u64 NEVER = ~0ul;

static struct item {
	struct timer timer;
	bool armed;
	u64 deadline;
	unsigned cpu;
	u64 period;		/* arms itself again, so many times */
	unsigned again;
} items[TIMERS];

static u64 now;
static u64 hardware[CPUS] = { NEVER, NEVER };
static unsigned times_set, times_fired;
static u64 last_deadline;	/* in this interrupt */

u64 arch_clock_ns(void) { return now; }

void arch_timer_set(u64 deadline)
{
	hardware[cpu_id()] = deadline;
	times_set++;
}

static void arm(struct item *it, u64 deadline)
{
	it->armed = true;
	it->deadline = deadline;
	it->cpu = cpu_id();
	timer_arm(&it->timer, deadline);
}

static void fire(struct timer *t)
{
	struct item *it = container_of(t, struct item, timer);

	assert_true(it->armed);
	assert_int_equal(it->cpu, cpu_id());
	assert_true(it->deadline <= now);
	assert_true(it->deadline >= last_deadline);
	last_deadline = it->deadline;
	it->armed = false;
	times_fired++;
	if (it->again) {
		it->again--;
		arm(it, now + it->period);
	}
}

static void interrupt(unsigned cpu)
{
	host_cpu_set(cpu);
	hardware[cpu] = NEVER;
	last_deadline = 0;
	timer_interrupt();
}

/* Time passes, in as many steps as there are interrupts on the way. */
static void advance(u64 ns)
{
	for (u64 end = now + ns;;) {
		unsigned cpu = hardware[0] <= hardware[1] ? 0 : 1;

		if (hardware[cpu] > end) {
			now = end;
			return;
		}
		now = max(now, hardware[cpu]);
		interrupt(cpu);
	}
}

static void reset(void)
{
	host_cpu_set(0);
	for (unsigned i = 0; i < TIMERS; i++) {
		timer_cancel(&items[i].timer);
		items[i] = (struct item){};
		timer_init(&items[i].timer, fire);
	}
	advance(1'000'000'000);
	assert_int_equal(hardware[0], NEVER);
	assert_int_equal(hardware[1], NEVER);
	times_set = times_fired = 0;
}

static void assert_nobody_is_late(void)
{
	for (unsigned i = 0; i < TIMERS; i++) {
		assert_true(!items[i].armed || items[i].deadline >= now);
		assert_true(!items[i].armed || items[i].deadline >= hardware[items[i].cpu]);
	}
}

static void histories_fire_in_time(void **state)
{
	reset();
	for (unsigned step = 0; step < 200'000; step++) {
		struct item *it = &items[host_below(TIMERS)];

		host_cpu_set(host_below(CPUS));
		switch (host_below(8)) {
		case 0 ... 3:
			it->again = host_below(4) ? 0 : host_below(5);
			it->period = 1 + host_below(5000);
			arm(it, now + host_below(20'000));
			break;
		case 4 ... 5:
			it->again = 0;
			assert_int_equal(timer_cancel(&it->timer), it->armed);
			it->armed = false;
			break;
		default:
			advance(host_below(2000));
			assert_nobody_is_late();
		}
	}
	assert_true(times_fired > 10'000);
}

static void later_timers_leave_the_hardware_alone(void **state)
{
	reset();
	arm(&items[0], now + 100);
	for (unsigned i = 1; i < 10; i++)
		arm(&items[i], now + 100 + i);
	assert_int_equal(times_set, 1);
	arm(&items[10], now + 50);
	assert_int_equal(times_set, 2);
	/* Cancelling does not set it either: the interrupt finds nothing and moves on. */
	timer_cancel(&items[10].timer);
	items[10].armed = false;
	assert_int_equal(times_set, 2);
	advance(60);
	assert_int_equal(times_fired, 0);
	assert_int_equal(times_set, 3);
	advance(1000);
	assert_int_equal(times_fired, 10);
	assert_int_equal(hardware[0], NEVER);
}

static void equal_deadlines_take_one_interrupt(void **state)
{
	reset();
	for (unsigned i = 0; i < 20; i++)
		arm(&items[i], now + 100);
	advance(100);
	assert_int_equal(times_fired, 20);
	assert_int_equal(times_set, 1);
}

static void a_timer_that_is_armed_again_moves(void **state)
{
	reset();
	arm(&items[0], now + 100);
	arm(&items[0], now + 500);
	advance(400);
	assert_int_equal(times_fired, 0);
	/* ... also to another CPU */
	host_cpu_set(1);
	arm(&items[0], now + 300);
	advance(299);
	assert_int_equal(times_fired, 0);
	advance(1);
	assert_int_equal(times_fired, 1);
}

static void the_past_is_due_at_once(void **state)
{
	reset();
	arm(&items[0], now - 50);
	advance(0);
	assert_int_equal(times_fired, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_fire_in_time),
		cmocka_unit_test(later_timers_leave_the_hardware_alone),
		cmocka_unit_test(equal_deadlines_take_one_interrupt),
		cmocka_unit_test(a_timer_that_is_armed_again_moves),
		cmocka_unit_test(the_past_is_due_at_once),
	};

	now = 1'000'000;
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
