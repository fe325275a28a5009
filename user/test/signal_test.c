// SPDX-License-Identifier: MIT
// Signals: sending, masks, queues, handlers, interrupted calls, timers. Those of faults are in signal_fault_test.c.

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/asleep.h"
#include "user/test/child.h"
#include "user/test/tap.h"

static volatile sig_atomic_t calls, last_signal, order[16];
static siginfo_t last_info;
static sigset_t mask_inside;

static void handler(int sig)
{
	if (calls < 16)
		order[calls] = sig;
	calls++;
	last_signal = sig;
	sigprocmask(SIG_BLOCK, nullptr, &mask_inside);
}

static void handler_info(int sig, siginfo_t *info, void *context)
{
	last_info = *info;
	handler(sig);
}

static void catch_signal(int sig, int flags, int also_blocked)
{
	struct sigaction act = {.sa_flags = flags};

	if (flags & SA_SIGINFO)
		act.sa_sigaction = handler_info;
	else
		act.sa_handler = handler;
	if (also_blocked)
		sigaddset(&act.sa_mask, also_blocked);
	sigaction(sig, &act, nullptr);
	calls = 0;
}

static void block(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, nullptr);
}

static bool is_pending(int sig)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, sig);
}

// ---- handlers

static void test_handlers(void)
{
	sigset_t now;

	catch_signal(SIGUSR1, SA_SIGINFO, SIGUSR2);
	kill(getpid(), SIGUSR1);
	ok(calls == 1 && last_signal == SIGUSR1, "a handler has run when kill returns");
	ok(last_info.si_signo == SIGUSR1 && last_info.si_code == SI_USER && last_info.si_pid == getpid() &&
		   last_info.si_uid == getuid(), "and was told who sent it");
	ok(sigismember(&mask_inside, SIGUSR1) && sigismember(&mask_inside, SIGUSR2),
	   "its own signal and sa_mask are blocked inside");
	sigprocmask(SIG_BLOCK, nullptr, &now);
	ok(!sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2), "and free again behind it");
	catch_signal(SIGUSR1, SA_NODEFER, 0);
	raise(SIGUSR1);
	ok(!sigismember(&mask_inside, SIGUSR1), "SA_NODEFER: not blocked");
	catch_signal(SIGUSR1, SA_RESETHAND, 0);
	raise(SIGUSR1);
	struct sigaction act;
	sigaction(SIGUSR1, nullptr, &act);
	ok(calls == 1 && act.sa_handler == SIG_DFL, "SA_RESETHAND: default after the first");
	ok(signal(SIGKILL, handler) == SIG_ERR && errno == EINVAL, "SIGKILL cannot be caught");
	ok(signal(SIGSTOP, SIG_IGN) == SIG_ERR && errno == EINVAL, "SIGSTOP cannot be ignored");
	ok(kill(getpid(), 65) == -1 && errno == EINVAL, "there is no signal 65");
	ok(kill(getpid(), 0) == 0, "signal 0 only asks");
	ok(kill(999999, 0) == -1 && errno == ESRCH, "nobody there: ESRCH");
}

// ---- masks and queues

static void test_pending(void)
{
	catch_signal(SIGUSR1, 0, 0);
	block(SIG_BLOCK, SIGUSR1);
	for (int i = 0; i < 5; i++)
		kill(getpid(), SIGUSR1);
	ok(calls == 0 && is_pending(SIGUSR1), "a blocked signal is pending");
	block(SIG_UNBLOCK, SIGUSR1);
	ok(calls == 1 && !is_pending(SIGUSR1), "and comes once, however often it was sent");
	block(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	ok(!is_pending(SIGUSR1), "ignoring it throws it away");
	block(SIG_UNBLOCK, SIGUSR1);
	block(SIG_BLOCK, SIGKILL);
	sigset_t now;
	sigprocmask(SIG_BLOCK, nullptr, &now);
	ok(!sigismember(&now, SIGKILL), "SIGKILL cannot be blocked");
}

static void test_realtime(void)
{
	sigset_t set;
	siginfo_t info;
	struct timespec zero = {};
	bool in_order = true;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGRTMIN + 2);
	sigprocmask(SIG_BLOCK, &set, nullptr);
	for (int i = 0; i < 10; i++)
		sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = i});
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 99});
	ok(sigtimedwait(&set, &info, &zero) == SIGRTMIN + 1 && info.si_value.sival_int == 99, "the lowest number first");
	for (int i = 0; i < 10; i++)
		in_order &= sigtimedwait(&set, &info, &zero) == SIGRTMIN + 2 && info.si_value.sival_int == i &&
			info.si_code == SI_QUEUE && info.si_pid == getpid();
	ok(in_order, "real-time signals queue in order, with their values");
	ok(sigtimedwait(&set, &info, &zero) == -1 && errno == EAGAIN, "then there is none");
	struct rlimit old, few = {5, 5};
	getrlimit(RLIMIT_SIGPENDING, &old);
	few.rlim_max = old.rlim_max;
	few.rlim_cur = 0;
	setrlimit(RLIMIT_SIGPENDING, &few);
	ok(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){}) == -1 && errno == EAGAIN, "RLIMIT_SIGPENDING: EAGAIN");
	setrlimit(RLIMIT_SIGPENDING, &old);
	sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

static void test_order(void)
{
	sigset_t all, old;

	catch_signal(SIGUSR1, 0, 0);
	catch_signal(SIGUSR2, 0, 0);
	catch_signal(SIGHUP, 0, 0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGHUP);
	sigprocmask(SIG_SETMASK, &old, nullptr);
	ok(calls == 3, "three signals let in at once call three handlers (%d)", calls);
}

// ---- waiting

static void *kill_soon(void *arg)
{
	await_sleep(getpid());
	kill(getpid(), (int)(long)arg);
	return nullptr;
}

static void soon(int sig)
{
	pid_t parent = getpid();

	if (fork() == 0) {
		await_sleep(parent);
		kill(parent, sig);
		_exit(0);
	}
}

static void test_waiting(void)
{
	sigset_t none, one;
	siginfo_t info;
	struct timespec second = {.tv_sec = 5}, brief = {.tv_nsec = 20000000};

	signal(SIGCHLD, SIG_DFL);
	catch_signal(SIGUSR1, 0, 0);
	block(SIG_BLOCK, SIGUSR1);
	soon(SIGUSR1);
	sigemptyset(&none);
	ok(sigsuspend(&none) == -1 && errno == EINTR && calls == 1, "sigsuspend ends behind a handler");
	sigset_t now;
	sigprocmask(SIG_BLOCK, nullptr, &now);
	ok(sigismember(&now, SIGUSR1), "and the mask is back");
	wait(nullptr);

	soon(SIGUSR1);
	ok(ppoll(nullptr, 0, &second, &none) == -1 && errno == EINTR && calls == 2, "so does ppoll");
	sigprocmask(SIG_BLOCK, nullptr, &now);
	ok(sigismember(&now, SIGUSR1), "with its mask");
	wait(nullptr);

	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	soon(SIGUSR1);
	ok(sigtimedwait(&one, &info, &second) == SIGUSR1 && calls == 2, "sigtimedwait takes it without a handler");
	wait(nullptr);
	ok(sigtimedwait(&one, &info, &brief) == -1 && errno == EAGAIN, "or times out: EAGAIN");
	catch_signal(SIGUSR2, 0, 0);
	soon(SIGUSR2);
	// The call itself: some C libraries repeat it.
	ok(syscall(SYS_rt_sigtimedwait, &one, &info, &second, 8) == -1 && errno == EINTR && calls == 1,
	   "or is interrupted: EINTR");
	wait(nullptr);
	block(SIG_UNBLOCK, SIGUSR1);
	soon(SIGUSR2);
	ok(pause() == -1 && errno == EINTR && calls == 2, "pause");
	wait(nullptr);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static void test_interrupted(void)
{
	int fds[2];
	char c;
	struct timespec time = {.tv_sec = 5}, left = {};

	pipe(fds);
	catch_signal(SIGUSR1, 0, 0);
	soon(SIGUSR1);
	ok(read(fds[0], &c, 1) == -1 && errno == EINTR, "a handler without SA_RESTART interrupts read");
	wait(nullptr);
	catch_signal(SIGUSR1, SA_RESTART, 0);
	pid_t parent = getpid();
	if (fork() == 0) {
		usleep(20000);
		kill(parent, SIGUSR1);
		usleep(20000);
		write(fds[1], "y", 1);
		_exit(0);
	}
	ok(read(fds[0], &c, 1) == 1 && c == 'y' && calls == 1, "with it, read goes on");
	wait(nullptr);
	soon(SIGUSR1);
	int64_t begin = now_ns();
	bool interrupted = nanosleep(&time, &left) == -1 && errno == EINTR;
	int64_t slept = 5000000000 - (left.tv_sec * 1000000000 + left.tv_nsec);
	ok(interrupted && slept > 0 && slept <= now_ns() - begin, "nanosleep is interrupted, and tells the rest");
	wait(nullptr);
	signal(SIGUSR2, SIG_IGN);
	soon(SIGUSR2);
	time = (struct timespec){.tv_nsec = 80000000};
	ok(nanosleep(&time, nullptr) == 0, "but not by an ignored signal");
	wait(nullptr);
	parent = getpid();
	pid_t child = fork();
	if (child == 0) {
		usleep(20000);
		kill(parent, SIGSTOP);
		usleep(20000);
		kill(parent, SIGCONT);
		_exit(0);
	}
	ok(nanosleep(&time, nullptr) == 0, "a stop in a sleep only lengthens it");
	wait(nullptr);
	close(fds[0]);
	close(fds[1]);
}

// ---- timers

static void test_timers(void)
{
	struct itimerval set = {{0, 10000}, {0, 10000}}, got, never = {};

	catch_signal(SIGALRM, 0, 0);
	setitimer(ITIMER_REAL, &set, nullptr);
	while (calls < 5)
		pause();
	getitimer(ITIMER_REAL, &got);
	ok(got.it_interval.tv_usec == 10000 && got.it_value.tv_usec <= 10000, "ITIMER_REAL repeats");
	setitimer(ITIMER_REAL, &never, nullptr);
	ok(alarm(100) == 0 && alarm(0) == 100, "alarm tells what was left");
	catch_signal(SIGVTALRM, 0, 0);
	setitimer(ITIMER_VIRTUAL, &set, nullptr);
	for (time_t end = time(nullptr) + 10; calls < 3 && time(nullptr) < end;)
		;
	setitimer(ITIMER_VIRTUAL, &never, nullptr);
	ok(calls >= 3, "ITIMER_VIRTUAL counts user time");
	catch_signal(SIGPROF, 0, 0);
	setitimer(ITIMER_PROF, &set, nullptr);
	for (time_t end = time(nullptr) + 10; calls < 3 && time(nullptr) < end;)
		;
	setitimer(ITIMER_PROF, &never, nullptr);
	ok(calls >= 3, "ITIMER_PROF counts all of it");
	set.it_value.tv_usec = 1000000;
	ok(setitimer(ITIMER_REAL, &set, nullptr) == -1 && errno == EINVAL, "a million microseconds: EINVAL");
}

static void test_made_timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3,
		.sigev_value.sival_int = 77};
	struct itimerspec set = {{0, 5000000}, {0, 5000000}}, got, never = {};
	timer_t timer, other;
	sigset_t signals;
	siginfo_t info = {};

	catch_signal(SIGRTMIN + 3, SA_SIGINFO, 0);
	ok(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_create(CLOCK_REALTIME, nullptr, &other) == 0 &&
		   timer != other, "timers are made");
	timer_settime(timer, 0, &set, nullptr);
	while (calls < 3)
		pause();
	ok(last_info.si_code == SI_TIMER && last_info.si_value.sival_int == 77, "and tell which they are");
	timer_gettime(timer, &got);
	ok(got.it_interval.tv_nsec == 5000000 && got.it_value.tv_sec == 0 && got.it_value.tv_nsec <= 5000000,
	   "timer_gettime");
	block(SIG_BLOCK, SIGRTMIN + 3);
	usleep(60000);
	sigemptyset(&signals);
	sigaddset(&signals, SIGRTMIN + 3);
	// Taken by hand: behind a handler the next one may have come before we look.
	ok(sigtimedwait(&signals, &info, &(struct timespec){}) == SIGRTMIN + 3 && info.si_overrun >= 5,
	   "while blocked they count overruns (%d)", info.si_overrun);
	block(SIG_UNBLOCK, SIGRTMIN + 3);
	timer_settime(timer, 0, &never, nullptr);
	timer_gettime(timer, &got);
	ok(got.it_value.tv_nsec == 0 && got.it_value.tv_sec == 0, "switched off");
	calls = 0;
	set = (struct itimerspec){};
	clock_gettime(CLOCK_MONOTONIC, &set.it_value);
	timer_settime(timer, TIMER_ABSTIME, &set, nullptr);
	usleep(20000);
	ok(calls == 1, "a moment that has passed: at once");
	ok(timer_delete(timer) == 0 && timer_delete(other) == 0, "deleted");
	ok(syscall(SYS_timer_delete, 12345) == -1 && errno == EINVAL, "no such timer: EINVAL");
}

// ---- threads and permissions

static pthread_t main_thread;
static volatile int main_took;

static void note_thread(int sig)
{
	main_took = pthread_equal(pthread_self(), main_thread);
}

static void *unblocked_thread(void *arg)
{
	block(SIG_UNBLOCK, SIGUSR1);
	while (calls == 0)
		usleep(1000);
	return nullptr;
}

static void test_threads(void)
{
	pthread_t t;

	main_thread = pthread_self();
	block(SIG_BLOCK, SIGUSR1);
	signal(SIGUSR1, note_thread);
	calls = 0;
	main_took = -1;
	pthread_create(&t, nullptr, unblocked_thread, nullptr);
	usleep(20000);
	kill(getpid(), SIGUSR1);
	for (int i = 0; i < 1000 && main_took == -1; i++)
		usleep(1000);
	ok(main_took == 0, "a signal to the process goes to a thread that lets it in");
	pthread_kill(t, SIGUSR1);
	pthread_kill(main_thread, SIGUSR1);
	ok(is_pending(SIGUSR1), "one to a thread waits for that thread");
	calls = 1;
	pthread_join(t, nullptr);
	main_took = -1;
	block(SIG_UNBLOCK, SIGUSR1);
	ok(main_took == 1, "which takes it when it lets it in");
	pthread_create(&t, nullptr, kill_soon, (void *)(long)SIGUSR1);
	main_took = -1;
	pause();
	ok(main_took == 1, "a thread's kill wakes the main thread");
	pthread_join(t, nullptr);
	ok(syscall(SYS_tgkill, getpid(), 999999, 0) == -1 && errno == ESRCH, "tgkill to nobody: ESRCH");
}

static int kill_parent(void)
{
	if (setresuid(54321, 54321, 54321))
		return 2;
	return kill(getppid(), SIGTERM) == -1 && errno == EPERM ? 0 : 1;
}

static void test_permission(void)
{
	int result = in_child(kill_parent);

	if (result == 2)
		tap_skip("kill without permission: not root");
	else
		ok(result == 0, "another user's process: EPERM");
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_USER};
	ok(syscall(SYS_rt_sigqueueinfo, getppid(), SIGURG, &info) == -1 && errno == EPERM,
	   "nobody may pretend to have used kill");
}

// errno, or 0.
static int queue_to_self(int sig, siginfo_t *info)
{
	return syscall(SYS_rt_sigqueueinfo, getpid(), sig, info) ? errno : 0;
}

static void test_rest_of_siginfo(void)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = -100};
	unsigned char *last = (unsigned char *)&info + sizeof(info) - 1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	block(SIG_BLOCK, SIGUSR1);
	*last = 1;
	ok(queue_to_self(SIGUSR1, &info) == E2BIG, "a siginfo of unknown code with bytes behind what is known: E2BIG");
	signal(SIGFPE, SIG_IGN);
	signal(SIGILL, SIG_IGN);
	info.si_code = 7;
	ok(queue_to_self(SIGUSR1, &info) == E2BIG && queue_to_self(SIGBUS, &info) == E2BIG && queue_to_self(SIGSYS, &info) == E2BIG,
	   "a code that only other signals have: the same");
	ok(queue_to_self(SIGFPE, &info) == 0 && queue_to_self(SIGILL, &info) == 0, "that the signal has: sent");
	info.si_code = SI_QUEUE;
	ok(queue_to_self(SIGUSR1, &info) == 0, "or any may have: sent");
	*last = 1;
	ok(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_code == SI_QUEUE && *last == 0, "those bytes arrive empty");
	block(SIG_UNBLOCK, SIGUSR1);
}

int main(void)
{
	test_handlers();
	test_pending();
	test_realtime();
	test_order();
	test_waiting();
	test_interrupted();
	test_timers();
	test_made_timers();
	test_threads();
	test_permission();
	test_rest_of_siginfo();
	return tap_done();
}
