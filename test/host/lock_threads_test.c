// SPDX-License-Identifier: MIT
// uses: proc/lock.c test/host/support.c
// sanitize: thread
/* Sleeping locks (proc/lock.c) over a scheduler of host threads: who may hold them together, no
 * wake-up lost, nobody starved. */
#include "host.h"
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#include "lib/lock.h"
#include "proc/task.h"
#include "proc/wait.h"

constexpr unsigned THREADS = 4, ROUNDS = 20'000;

/* ---- The scheduler: a thread sleeps until its state says that it runs, and the gate is open */

static struct thread threads[THREADS];
static _Thread_local struct thread *self;
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_end = PTHREAD_COND_INITIALIZER;
static bool gate_shut;			/* (sleep_lock) those who are woken do not run yet */
static bool owners_run = true;		/* (a) what sched_is_running() says */
static u64 clock_ns, clock_step = 1000;	/* (a) */

/* proc/sched.h, whose names are the host's, too */
unsigned sched_cpus_online(void);
bool sched_is_running(const struct thread *t);
void schedule(void);
bool thread_wake(struct thread *t);

struct thread_head *thread_self(void) { return &self->head; }
unsigned sched_cpus_online(void) { return THREADS; }
bool sched_is_running(const struct thread *t) { return load_relaxed(&owners_run); }
u64 arch_clock_ns(void) { return __atomic_add_fetch(&clock_ns, load_relaxed(&clock_step), __ATOMIC_RELAXED); }

void wait_queue_init(struct wait_queue *q)
{
	q->lock = (struct spinlock){};
	list_init(&q->waiters);
}

void schedule(void)
{
	pthread_mutex_lock(&sleep_lock);
	while (load_relaxed(&self->state) != THREAD_RUNNING || gate_shut)
		pthread_cond_wait(&sleep_end, &sleep_lock);
	pthread_mutex_unlock(&sleep_lock);
}

bool thread_wake(struct thread *t)
{
	pthread_mutex_lock(&sleep_lock);
	bool woken = load_relaxed(&t->state) != THREAD_RUNNING;

	store_relaxed(&t->state, THREAD_RUNNING);
	pthread_cond_broadcast(&sleep_end);
	pthread_mutex_unlock(&sleep_lock);
	return woken;
}

static void set_gate(bool shut)
{
	pthread_mutex_lock(&sleep_lock);
	gate_shut = shut;
	pthread_cond_broadcast(&sleep_end);
	pthread_mutex_unlock(&sleep_lock);
}

static void until_asleep(struct thread *t)
{
	while (load_relaxed(&t->state) == THREAD_RUNNING)
		cpu_relax();
}

static void start(pthread_t *handle, unsigned i, void *(*fn)(void *))
{
	pthread_create(handle, nullptr, fn, &threads[i]);
}

static int set_up(void **state)
{
	alarm(100);			/* a lost wake-up hangs */
	self = &threads[0];
	for (unsigned i = 0; i < THREADS; i++)
		store_relaxed(&threads[i].state, THREAD_RUNNING);
	owners_run = true;
	clock_step = 1000;
	return 0;
}

/* ---- Many threads */

static struct rwlock lock;
static struct mutex mutex;
static u64 left, right, counted;	/* (lock) equal; (mutex) */

static void *read_and_write(void *me)
{
	u64 random = (u64)me;

	self = me;
	for (unsigned i = 0; i < ROUNDS; i++) {
		random = random * 6364136223846793005 + 1442695040888963407;
		if ((random >> 60) < 5) {
			scoped_write(&lock);
			left++;
			if ((random >> 50) % 8 == 0)
				sched_yield();
			right++;
		} else if ((random >> 60) < 8) {
			scoped_mutex(&mutex);
			counted++;
		} else {
			scoped_read(&lock);
			assert(left == right);
			if ((random >> 50) % 8 == 0)
				sched_yield();
		}
	}
	return nullptr;
}

static void all_at_once(void)
{
	pthread_t handles[THREADS];

	rwlock_init(&lock);
	mutex_init(&mutex);
	left = right = counted = 0;
	for (unsigned i = 0; i < THREADS; i++)
		start(&handles[i], i, read_and_write);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(handles[i], nullptr);
	assert_true(left == right && left > ROUNDS && counted > ROUNDS / 2);
	assert_int_equal(lock.state, 0);
	assert_int_equal(mutex.lock.state, 0);
}

static void one_writer_or_readers_that_spin(void **state) { all_at_once(); }

static void one_writer_or_readers_that_sleep(void **state)
{
	store_relaxed(&owners_run, false);
	store_relaxed(&clock_step, 300'000);	/* no time to spin */
	all_at_once();
	assert_true(load_relaxed(&lock_waits.slept) > 0);
}

/* ---- Nobody starves: the main thread decides who is faster */

static bool got;			/* (a) */
static u32 readers_in;			/* (a) */

static void *write_once(void *me)
{
	self = me;
	scoped_write(&lock);
	store_relaxed(&got, true);
	return nullptr;
}

static void *read_once(void *me)
{
	self = me;
	rwlock_read(&lock);
	__atomic_add_fetch(&readers_in, 1, __ATOMIC_RELAXED);
	rwlock_read_done(&lock);
	return nullptr;
}

/* Lets go of the lock and takes it again, before the one that is woken runs. */
static void overtake(struct thread *waiter)
{
	set_gate(true);
	rwlock_write_done(&lock);
	rwlock_write(&lock);
	set_gate(false);
	while (!load_relaxed(&got) && load_relaxed(&waiter->state) == THREAD_RUNNING)
		cpu_relax();
}

static void who_is_overtaken_for_long_is_handed_the_lock(void **state)
{
	unsigned overtaken = 0;
	pthread_t handle;

	rwlock_init(&lock);
	store_relaxed(&got, false);
	store_relaxed(&owners_run, false);
	rwlock_write(&lock);
	start(&handle, 1, write_once);
	until_asleep(&threads[1]);
	for (; overtaken < 3; overtaken++)	/* while the clock stands still, as often as we like */
		overtake(&threads[1]);
	assert_false(load_relaxed(&got));
	store_relaxed(&clock_step, 4'000'000);
	overtake(&threads[1]);			/* now it asks for a hand-over */
	assert_false(load_relaxed(&got));
	rwlock_write_done(&lock);		/* the lock is not free again */
	rwlock_write(&lock);
	assert_true(load_relaxed(&got));
	rwlock_write_done(&lock);
	pthread_join(handle, nullptr);
	assert_int_equal(lock.state, 0);
}

static void readers_do_not_join_readers_that_a_writer_waits_for(void **state)
{
	pthread_t writer, reader;

	rwlock_init(&lock);
	store_relaxed(&got, false);
	store_relaxed(&readers_in, 0);
	rwlock_read(&lock);
	start(&writer, 1, write_once);
	until_asleep(&threads[1]);
	start(&reader, 2, read_once);
	until_asleep(&threads[2]);
	assert_int_equal(load_relaxed(&readers_in), 0);
	rwlock_read_done(&lock);
	pthread_join(writer, nullptr);
	pthread_join(reader, nullptr);
	assert_true(load_relaxed(&got));
	assert_int_equal(load_relaxed(&readers_in), 1);
	assert_int_equal(lock.state, 0);
}

/* One that has been woken and does not run yet keeps nobody out but writers that come later. */
static void readers_join_readers_while_readers_are_in_line(void **state)
{
	pthread_t sleeper, reader;

	rwlock_init(&lock);
	store_relaxed(&readers_in, 0);
	store_relaxed(&owners_run, false);
	rwlock_write(&lock);
	start(&sleeper, 1, read_once);
	until_asleep(&threads[1]);
	set_gate(true);
	rwlock_write_done(&lock);
	rwlock_read(&lock);
	start(&reader, 2, read_once);
	while (load_relaxed(&readers_in) == 0)		/* for ever, if it had to line up */
		cpu_relax();
	assert_int_equal(load_relaxed(&readers_in), 1);
	set_gate(false);
	pthread_join(reader, nullptr);
	pthread_join(sleeper, nullptr);
	rwlock_read_done(&lock);
	assert_int_equal(load_relaxed(&readers_in), 2);
	assert_int_equal(lock.state, 0);
}

/* Readers that are in line together get in together, even if none of them lets go. */
static void *read_and_meet(void *me)
{
	self = me;
	scoped_read(&lock);
	__atomic_add_fetch(&readers_in, 1, __ATOMIC_RELAXED);
	while (load_relaxed(&readers_in) < THREADS - 1)
		cpu_relax();
	return nullptr;
}

static void meet_in_the_lock(bool handed_over)
{
	pthread_t handles[THREADS];

	rwlock_init(&lock);
	store_relaxed(&readers_in, 0);
	store_relaxed(&got, false);
	store_relaxed(&owners_run, false);
	rwlock_write(&lock);
	for (unsigned i = 1; i < THREADS; i++) {
		start(&handles[i], i, read_and_meet);
		until_asleep(&threads[i]);
	}
	if (handed_over) {
		store_relaxed(&clock_step, 4'000'000);
		overtake(&threads[1]);		/* too late for the first time; for the second, it asks for a hand-over */
		overtake(&threads[1]);
	}
	rwlock_write_done(&lock);
	for (unsigned i = 1; i < THREADS; i++)
		pthread_join(handles[i], nullptr);
	assert_int_equal(lock.state, 0);
}

static void readers_in_line_get_in_together(void **state) { meet_in_the_lock(false); }
static void readers_who_have_waited_long_get_in_together(void **state) { meet_in_the_lock(true); }

/* One in line who finds that readers were faster joins them: they may stay for long, and be followed by others. */
static void *read_in_pairs(void *me)
{
	self = me;
	store_relaxed(&got, true);
	scoped_read(&lock);
	__atomic_add_fetch(&readers_in, 1, __ATOMIC_RELAXED);
	while (load_relaxed(&readers_in) < 2)
		cpu_relax();
	return nullptr;
}

static void who_is_in_line_joins_readers_that_came_first(void **state)
{
	for (unsigned round = 0; round < 500; round++) {
		pthread_t sleeper, spinner;

		rwlock_init(&lock);
		store_relaxed(&readers_in, 0);
		store_relaxed(&owners_run, false);
		rwlock_write(&lock);
		start(&sleeper, 1, read_in_pairs);
		until_asleep(&threads[1]);
		store_relaxed(&got, false);
		store_relaxed(&owners_run, true);
		store_relaxed(&clock_step, 0);		/* the other one spins until it gets in, before the first is woken or after */
		start(&spinner, 2, read_in_pairs);
		for (unsigned i = 0; !load_relaxed(&got) || i < round % 32; i++)
			sched_yield();
		rwlock_write_done(&lock);
		pthread_join(spinner, nullptr);
		pthread_join(sleeper, nullptr);
		assert_int_equal(lock.state, 0);
	}
}

/* A mutex may go once its last user has let go of it, though others have just done so, too. */
static struct shared { struct mutex lock; unsigned users; } *shared;

static void *leave(void *me)
{
	self = me;
	mutex_lock(&shared->lock);
	sched_yield();			/* others line up */
	bool last = --shared->users == 0;
	mutex_unlock(&shared->lock);
	if (last)
		free(shared);
	return nullptr;
}

static void the_last_user_frees_the_mutex(void **state)
{
	pthread_t handles[THREADS];

	for (unsigned round = 0; round < 500; round++) {
		store_relaxed(&owners_run, round % 2);
		shared = calloc(1, sizeof(*shared));
		mutex_init(&shared->lock);
		shared->users = THREADS;
		for (unsigned i = 0; i < THREADS; i++)
			start(&handles[i], i, leave);
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(handles[i], nullptr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_writer_or_readers_that_spin, set_up),
		cmocka_unit_test_setup(one_writer_or_readers_that_sleep, set_up),
		cmocka_unit_test_setup(who_is_overtaken_for_long_is_handed_the_lock, set_up),
		cmocka_unit_test_setup(readers_do_not_join_readers_that_a_writer_waits_for, set_up),
		cmocka_unit_test_setup(readers_join_readers_while_readers_are_in_line, set_up),
		cmocka_unit_test_setup(readers_in_line_get_in_together, set_up),
		cmocka_unit_test_setup(readers_who_have_waited_long_get_in_together, set_up),
		cmocka_unit_test_setup(who_is_in_line_joins_readers_that_came_first, set_up),
		cmocka_unit_test_setup(the_last_user_frees_the_mutex, set_up),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
