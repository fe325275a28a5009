// SPDX-License-Identifier: MIT
// Clocks, sleeping, and the scheduler as programs see it.

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

enum { MS = 1000000 };

static int64_t now(clockid_t clock)
{
	struct timespec ts = {};

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000l + ts.tv_nsec;
}

static struct timespec at(int64_t ns)
{
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

// Mostly in user mode, even where reading the clock is a system call.
static void spin_ms(int ms)
{
	int64_t end = now(CLOCK_MONOTONIC) + (int64_t)ms * MS;

	while (now(CLOCK_MONOTONIC) < end)
		for (volatile int i = 0; i < 20000; i++)
			;
}

static void handler(int sig)
{
}

// The raw calls: the C library may answer from the vDSO, or not at all.
static int raw_gettime(clockid_t clock, void *ts)
{
	return (int)syscall(SYS_clock_gettime, clock, ts);
}

static void test_clocks(void)
{
	struct timespec ts;
	struct timeval tv;
	int64_t a = now(CLOCK_MONOTONIC), b = now(CLOCK_MONOTONIC);

	ok(b >= a, "the monotonic clock does not go back");
	ok(raw_gettime(CLOCK_MONOTONIC, &ts) == 0 && ts.tv_sec * 1000000000l + ts.tv_nsec >= b,
	   "nor between the library's way and the system call");
	ok(raw_gettime(99, &ts) == -1 && errno == EINVAL, "an unknown clock: EINVAL");
	ok(raw_gettime(CLOCK_REALTIME, (void *)8) == -1 && errno == EFAULT,
	   "a bad pointer: EFAULT");
	ok(clock_getres(CLOCK_MONOTONIC, &ts) == 0 && ts.tv_sec == 0 && ts.tv_nsec >= 1,
	   "resolution");
	ok(clock_getres(CLOCK_MONOTONIC, nullptr) == 0, "clock_getres without a place for it");
	gettimeofday(&tv, nullptr);
	a = now(CLOCK_REALTIME) / 1000 - (tv.tv_sec * 1000000l + tv.tv_usec);
	ok(a >= 0 && a < 1000000, "gettimeofday is the same clock");
	ts = (struct timespec){0, -1};
	ok(clock_settime(CLOCK_REALTIME, &ts) == -1 && errno == EINVAL,
	   "setting it to nonsense: EINVAL");
	ok(clock_settime(CLOCK_MONOTONIC, &ts) == -1 && errno == EINVAL,
	   "the monotonic clock cannot be set");
}

static void test_sleep(void)
{
	struct timespec ts = at(30 * MS), left = {};
	int64_t start = now(CLOCK_MONOTONIC);

	ok(nanosleep(&ts, nullptr) == 0 && now(CLOCK_MONOTONIC) - start >= 30 * MS, "nanosleep");
	start = now(CLOCK_MONOTONIC);
	ts = at(start + 30 * MS);
	ok(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, nullptr) == 0 &&
		   now(CLOCK_MONOTONIC) >= start + 30 * MS,
	   "until a moment");
	ts = at(now(CLOCK_REALTIME) + 30 * MS);
	ok(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, nullptr) == 0 &&
		   now(CLOCK_REALTIME) >= ts.tv_sec * 1000000000l + ts.tv_nsec,
	   "of the wall clock");
	ts = at(5);
	ok(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, nullptr) == 0,
	   "a moment long past");
	ts = (struct timespec){0, 1000000000};
	ok(nanosleep(&ts, nullptr) == -1 && errno == EINVAL, "too many nanoseconds: EINVAL");
	ok(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, nullptr) == EINVAL,
	   "not by a thread's CPU time");

	struct sigaction act = {.sa_handler = handler};
	struct itimerval timer = {.it_value.tv_usec = 20000};
	sigaction(SIGALRM, &act, nullptr);
	setitimer(ITIMER_REAL, &timer, nullptr);
	ts = at(2000l * MS);
	ok(nanosleep(&ts, &left) == -1 && errno == EINTR, "a signal ends it: EINTR");
	ok(left.tv_sec == 1 && left.tv_nsec > 0, "and it tells what was left");
	setitimer(ITIMER_REAL, &timer, nullptr);
	ts = at(now(CLOCK_MONOTONIC) + 2000l * MS);
	ok(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, nullptr) == EINTR,
	   "an absolute one too");
}

static void test_stopped_sleep(void)
{
	int status;
	int64_t start = now(CLOCK_MONOTONIC);
	pid_t pid = fork();

	if (pid == 0) {
		struct timespec ts = at(150 * MS);
		_exit(nanosleep(&ts, nullptr) == 0 ? 0 : 1);
	}
	struct timespec ts = at(30 * MS);
	nanosleep(&ts, nullptr);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	ok(waitpid(pid, &status, 0) == pid && status == 0,
	   "a sleep that is stopped and continued goes on");
	ok(now(CLOCK_MONOTONIC) - start >= 150 * MS, "for as long as was asked");
}

// ---- CPU time

static void *spinner(void *arg)
{
	spin_ms(60);
	return nullptr;
}

static void test_cpu_time(void)
{
	int64_t all = now(CLOCK_PROCESS_CPUTIME_ID), used = 0;
	struct rusage before, after;
	clockid_t clock;
	pthread_t thread;

	// An emulated CPU that is not run for a while seems to work: one good try in five will do. If
	// sleep counted, or work did not, each would be wrong.
	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < 5 && !(used >= 5 * MS && used <= 100 * MS); i++) {
		struct timespec ts = at(100 * MS);
		int64_t mine = now(CLOCK_THREAD_CPUTIME_ID);
		spin_ms(60);
		nanosleep(&ts, nullptr);
		used = now(CLOCK_THREAD_CPUTIME_ID) - mine;
	}
	ok(used >= 5 * MS && used <= 100 * MS, "work counts as CPU time, sleep does not");
	// Here too: if another thread's 60 ms counted, each try would be too long.
	bool apart = false;
	for (int i = 0; i < 5 && !apart; i++) {
		int64_t before_it = now(CLOCK_THREAD_CPUTIME_ID);
		pthread_create(&thread, nullptr, spinner, nullptr);
		pthread_join(thread, nullptr);
		apart = now(CLOCK_THREAD_CPUTIME_ID) - before_it < 40 * MS;
	}
	ok(apart, "nor another thread's work");
	ok(now(CLOCK_PROCESS_CPUTIME_ID) - all >= used + 5 * MS, "but the process's has it");
	getrusage(RUSAGE_SELF, &after);
	ok(after.ru_utime.tv_sec * 1000000l + after.ru_utime.tv_usec -
			   before.ru_utime.tv_sec * 1000000l - before.ru_utime.tv_usec >
		   0,
	   "user time grows");
	ok(after.ru_nvcsw > before.ru_nvcsw, "voluntary switches are counted");
	ok(clock_getcpuclockid(0, &clock) == 0 && now(clock) >= used, "a clock id for it");
	ok(clock_getcpuclockid(getppid() == 1 ? 1 : getppid(), &clock) == 0 && now(clock) >= 0,
	   "and for another process");
}

// ---- CPUs

static void test_affinity(void)
{
	cpu_set_t all, one, got;
	unsigned cpu, node;

	ok(syscall(SYS_sched_getaffinity, 0, sizeof(all), &all) >= (long)sizeof(long),
	   "sched_getaffinity");
	ok(syscall(SYS_sched_getaffinity, 0, 1, &all) == -1 && errno == EINVAL,
	   "with too little room: EINVAL");
	ok(sched_getaffinity(0, sizeof(all), &all) == 0 && CPU_COUNT(&all) >= 1, "there is a CPU");
	int good = 0, tries = 0;
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		for (int k = 0; k < 20; k++, tries++) {
			good += sched_setaffinity(0, sizeof(one), &one) == 0 &&
				syscall(SYS_getcpu, &cpu, &node, nullptr) == 0 &&
				cpu == (unsigned)i;
			sched_yield();
		}
	}
	ok(good == tries, "a thread runs where it is told to");
	ok(sched_getaffinity(0, sizeof(got), &got) == 0 && CPU_EQUAL(&got, &one), "and knows it");
	pid_t pid = fork();
	int status;
	if (pid == 0)
		_exit(sched_getaffinity(0, sizeof(got), &got) == 0 && CPU_EQUAL(&got, &one) ? 0
											    : 1);
	ok(waitpid(pid, &status, 0) == pid && status == 0, "a child inherits it");
	CPU_ZERO(&got);
	ok(sched_setaffinity(0, sizeof(got), &got) == -1 && errno == EINVAL,
	   "no CPU at all: EINVAL");
	ok(sched_setaffinity(99999, sizeof(all), &all) == -1 && errno == ESRCH,
	   "nobody there: ESRCH");
	ok(sched_setaffinity(0, sizeof(all), &all) == 0, "back to all");
}

// ---- nice values

static void test_priority(void)
{
	errno = 0;
	ok(getpriority(PRIO_PROCESS, 0) == 0 && errno == 0, "nice is 0 at first");
	ok(setpriority(PRIO_PROCESS, 0, 5) == 0 && getpriority(PRIO_PROCESS, 0) == 5,
	   "and can be raised");
	ok(setpriority(PRIO_PROCESS, 0, 99) == 0 && getpriority(PRIO_PROCESS, 0) == 19,
	   "to 19 at most");
	ok(getpriority(PRIO_PGRP, 0) <= 19, "of a process group");
	ok(getpriority(PRIO_PROCESS, 99999) == -1 && errno == ESRCH, "nobody there: ESRCH");
	ok(getpriority(3, 0) == -1 && errno == EINVAL, "nonsense: EINVAL");
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		if (getpriority(PRIO_PROCESS, 0) != 19 || setuid(1000))
			_exit(1);
		_exit(setpriority(PRIO_PROCESS, 0, 0) == -1 && errno == EACCES ? 0 : 2);
	}
	ok(waitpid(pid, &status, 0) == pid && status == 0,
	   "users inherit it and cannot lower it: EACCES");
	ok(setpriority(PRIO_PROCESS, 0, 0) == 0, "root can");
}

// Two processes on one CPU, started together: how much one gets of what both get, in percent.
static int share_of_first(int nice_first, int nice_second)
{
	atomic_long *work =
		mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int nices[2] = {nice_first, nice_second};
	pid_t pids[2];
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		sched_setaffinity(0, sizeof(one), &one);
		setpriority(PRIO_PROCESS, 0, nices[i]);
		atomic_fetch_add(&work[2], 1);
		while (work[2] < 2)
			sched_yield();
		int64_t begin = now(CLOCK_PROCESS_CPUTIME_ID);
		spin_ms(400);
		work[i] = now(CLOCK_PROCESS_CPUTIME_ID) - begin;
		_exit(0);
	}
	for (int i = 0; i < 2; i++)
		waitpid(pids[i], nullptr, 0);
	int share = (int)(work[0] * 100 / (work[0] + work[1]));
	munmap(work, 4096);
	return share;
}

static void test_fairness(void)
{
	int share = share_of_first(0, 0);

	ok(share >= 35 && share <= 65, "equals share a CPU (%d%%)", share);
	share = share_of_first(0, 5);
	ok(share >= 60 && share <= 90, "nice 5 gets a quarter (%d%% for nice 0)", share);
}

// ---- policies

static void test_policy(void)
{
	struct sched_param param = {}, rt = {.sched_priority = 10};
	struct timespec ts;

	ok(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER, "SCHED_OTHER at first");
	ok(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &param) == 0 &&
		   syscall(SYS_sched_getscheduler, 0) == SCHED_BATCH,
	   "SCHED_BATCH");
	ok(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &rt) == -1 && errno == EINVAL,
	   "a priority needs a real-time policy: EINVAL");
	ok(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) == -1 && errno == EINVAL,
	   "which needs one: EINVAL");
	ok(syscall(SYS_sched_setscheduler, 0, 99, &param) == -1 && errno == EINVAL,
	   "an unknown policy: EINVAL");
	ok(syscall(SYS_sched_get_priority_max, SCHED_FIFO) == 99 &&
		   syscall(SYS_sched_get_priority_min, SCHED_RR) == 1 &&
		   syscall(SYS_sched_get_priority_max, SCHED_OTHER) == 0,
	   "the range of priorities");
	ok(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &rt) == 0 &&
		   syscall(SYS_sched_getparam, 0, &param) == 0 && param.sched_priority == 10,
	   "SCHED_RR with priority 10");
	ok(syscall(SYS_sched_rr_get_interval, 0, &ts) == 0 && ts.tv_nsec > 0, "has a slice");
	sched_yield();
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_sched_getscheduler, 0) == SCHED_RR ? 0 : 1);
	ok(waitpid(pid, &status, 0) == pid && status == 0, "a child inherits it");
	ok(syscall(SYS_sched_setscheduler, 0, SCHED_RR | SCHED_RESET_ON_FORK, &rt) == 0,
	   "SCHED_RESET_ON_FORK");
	pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER ? 0 : 1);
	ok(waitpid(pid, &status, 0) == pid && status == 0, "keeps it from the child");
	param.sched_priority = 0;
	ok(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param) == 0, "back to SCHED_OTHER");
}

// What runs on one CPU with us, before all of its programs, and does not stop.
static void hog(const cpu_set_t *cpu, const volatile bool *over)
{
	struct sched_param rt = { .sched_priority = 50 };
	struct timespec now;

	sched_setaffinity(0, sizeof(*cpu), cpu);
	if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &rt))
		_exit(2);
	clock_gettime(CLOCK_MONOTONIC, &now);
	for (time_t until = now.tv_sec + 30; !*over && now.tv_sec < until;)
		clock_gettime(CLOCK_MONOTONIC, &now);
	_exit(*over ? 0 : 1);
}

// Linux has it that way since 6.12 always, before unless sched_rt_runtime_us is -1.
static void test_hog(void)
{
	volatile bool *over = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cpu_set_t all, one;
	int status = -1;

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pid_t pid = fork();
	if (!pid)
		hog(&one, over);
	for (int i = 0; i < 5; i++)
		usleep(20'000);
	*over = true;
	waitpid(pid, &status, 0);
	sched_setaffinity(0, sizeof(all), &all);
	munmap((void *)over, 4096);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		tap_skip("a real-time policy needs rights");
	else
		ok(!status, "a SCHED_FIFO thread in a loop leaves some time to the others of its CPU");
}

static void test_attributes(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
		uint32_t clamp_min, clamp_max, room[8];
	} attr = {.size = 48, .policy = SCHED_BATCH, .nice = 3}, got = {};

	ok(syscall(SYS_sched_setattr, 0, &attr, 0) == 0 && getpriority(PRIO_PROCESS, 0) == 3,
	   "sched_setattr sets the nice value");
	ok(syscall(SYS_sched_getattr, 0, &got, 48, 0) == 0 && got.size == 48 &&
		   got.policy == SCHED_BATCH && got.nice == 3,
	   "sched_getattr tells policy and nice value");
	ok(syscall(SYS_sched_getattr, 0, &got, 47, 0) == -1 && errno == EINVAL,
	   "too small: EINVAL");
	attr.size = 47;
	ok(syscall(SYS_sched_setattr, 0, &attr, 0) == -1 && errno == E2BIG && attr.size >= 48,
	   "to set too: E2BIG, and the size that is known");
	attr.size = sizeof(attr);
	attr.room[7] = 1;
	ok(syscall(SYS_sched_setattr, 0, &attr, 0) == -1 && errno == E2BIG,
	   "unknown fields must be zero");
	attr.size = 48;
	attr.policy = 77;
	ok(syscall(SYS_sched_setattr, 0, &attr, 0) == -1 && errno == EINVAL, "an unknown policy");
	attr.policy = SCHED_OTHER;
	attr.nice = 0;
	ok(syscall(SYS_sched_setattr, 0, &attr, 0) == 0, "back to SCHED_OTHER");
}

int main(void)
{
	test_clocks();
	test_sleep();
	test_stopped_sleep();
	test_cpu_time();
	test_affinity();
	test_priority();
	test_fairness();
	test_policy();
	test_hog();
	test_attributes();
	return tap_done();
}
