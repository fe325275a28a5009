// SPDX-License-Identifier: MIT
// Waiting for many files: poll, select, epoll, eventfd.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// A child that writes a byte after a while.
static pid_t write_later(int fd, int ms)
{
	pid_t pid = fork();

	if (!pid) {
		usleep((unsigned)ms * 1000);
		write(fd, "x", 1);
		_exit(0);
	}
	return pid;
}

static void polls(void)
{
	int p[2], q[2];
	char c;

	if (pipe(p) || pipe(q))
		tap_bail("pipe");
	struct pollfd f[] = { { p[0], POLLIN, 0 }, { q[0], POLLIN, 0 }, { -1, POLLIN, 99 } };

	ok(poll(f, 3, 0) == 0 && f[2].revents == 0,
	   "nothing is ready; negative descriptors are left out");
	long start = now_ms();
	ok(poll(f, 2, 50) == 0 && now_ms() - start >= 49, "poll waits as long as asked");
	pid_t pid = write_later(q[1], 30);
	ok(poll(f, 2, 5000) == 1 && f[1].revents == POLLIN && !f[0].revents,
	   "a write ends the wait");
	waitpid(pid, nullptr, 0);
	read(q[0], &c, 1);
	pid = write_later(p[1], 30);
	ok(poll(f, 2, -1) == 1 && f[0].revents == POLLIN, "without a limit too");
	waitpid(pid, nullptr, 0);
	ok(poll(f, 2, -1) == 1, "what is ready stays ready");
	read(p[0], &c, 1);
	close(p[1]);
	ok(poll(f, 1, 0) == 1 && f[0].revents == POLLHUP, "a closed other end is POLLHUP");
	struct pollfd bad = { 999, POLLIN, 0 };
	ok(poll(&bad, 1, 0) == 1 && bad.revents == POLLNVAL, "a closed descriptor is POLLNVAL");
	struct pollfd out = { q[1], POLLOUT, 0 };
	close(q[0]);
	ok(poll(&out, 1, 0) == 1 && (out.revents & POLLERR), "a pipe without readers is POLLERR");
	ok(poll((struct pollfd *)8, 1, 0) == -1 && errno == EFAULT, "a bad array is EFAULT");
	close(p[0]);
	close(q[1]);
}

static void handler(int sig) {}

static void signals(void)
{
	sigset_t block, open_mask;
	struct timespec limit = { 2, 0 };

	signal(SIGALRM, handler);
	ualarm(20000, 20000);	// again, if we are not in poll yet
	ok(poll(nullptr, 0, 2000) == -1 && errno == EINTR, "a signal ends poll");
	ualarm(0, 0);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	sigprocmask(SIG_BLOCK, &block, &open_mask);
	raise(SIGALRM);
	ok(ppoll(nullptr, 0, &limit, &open_mask) == -1 && errno == EINTR,
	   "ppoll lets a blocked one in");
	sigset_t now;
	sigprocmask(SIG_BLOCK, nullptr, &now);
	ok(sigismember(&now, SIGALRM) == 1, "and blocks it again");
	sigprocmask(SIG_SETMASK, &open_mask, nullptr);
}

static void selects(void)
{
	int p[2];
	fd_set in, out;
	struct timeval limit = { 0, 30000 };

	if (pipe(p))
		tap_bail("pipe");
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(p[0], &in);
	FD_SET(p[1], &out);
	ok(select(p[1] + 1, &in, &out, nullptr, nullptr) == 1 && FD_ISSET(p[1], &out) &&
		   !FD_ISSET(p[0], &in),
	   "select tells what is ready");
	FD_SET(p[0], &in);
	ok(select(p[1] + 1, &in, nullptr, nullptr, &limit) == 0 && !FD_ISSET(p[0], &in),
	   "it ends at its limit");
	write(p[1], "x", 1);
	FD_SET(p[0], &in);
	FD_SET(p[1], &out);
	ok(select(p[1] + 1, &in, &out, nullptr, nullptr) == 2, "two are two");
	close(p[1]);
	FD_ZERO(&in);
	FD_SET(p[1], &in);
	ok(select(p[1] + 1, &in, nullptr, nullptr, nullptr) == -1 && errno == EBADF,
	   "a closed descriptor is EBADF");
	ok(select(-1, nullptr, nullptr, nullptr, nullptr) == -1 && errno == EINVAL,
	   "a negative count is EINVAL");
	close(p[0]);
}

static void eventfds(void)
{
	int fd = eventfd(3, EFD_NONBLOCK);
	uint64_t v;

	ok(read(fd, &v, 8) == 8 && v == 3, "an eventfd is read whole");
	ok(read(fd, &v, 8) == -1 && errno == EAGAIN, "then it is empty");
	v = 5;
	write(fd, &v, 8);
	write(fd, &v, 8);
	ok(read(fd, &v, 8) == 8 && v == 10, "writes add up");
	v = -1ul;
	ok(write(fd, &v, 8) == -1 && errno == EINVAL, "the largest number is EINVAL");
	ok(read(fd, &v, 4) == -1 && errno == EINVAL, "so are short buffers");
	v = -2ul;
	ok(write(fd, &v, 8) == 8, "the one below fits");
	v = 1;
	ok(write(fd, &v, 8) == -1 && errno == EAGAIN, "and nothing more");
	close(fd);
	fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	ok(read(fd, &v, 8) == 8 && v == 1 && read(fd, &v, 8) == 8 && v == 1 &&
		   read(fd, &v, 8) == -1,
	   "a semaphore is taken one by one");
	close(fd);
}

static void timers(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec once = { {}, { 0, 30000000 } }, often = { { 0, 10000000 }, { 0, 1 } },
			  now;
	struct pollfd f = { fd, POLLIN, 0 };
	uint64_t n;

	ok(fd >= 0 && read(fd, &n, 8) == -1 && errno == EAGAIN, "a timer that is off is EAGAIN");
	timerfd_settime(fd, 0, &(struct itimerspec){ {}, { 100, 0 } }, nullptr);
	ok(!timerfd_gettime(fd, &now) && now.it_value.tv_sec >= 50 && now.it_value.tv_sec <= 100,
	   "timerfd_gettime tells what is left");
	long start = now_ms();
	timerfd_settime(fd, 0, &once, nullptr);
	ok(poll(&f, 1, 5000) == 1 && now_ms() - start >= 29, "poll waits for it");
	ok(read(fd, &n, 8) == 8 && n == 1 && poll(&f, 1, 0) == 0, "it expires once");
	timerfd_settime(fd, 0, &often, nullptr);
	usleep(55000);
	ok(read(fd, &n, 8) == 8 && n >= 5 && n < 1000, "a repeating one counts (%d)", (int)n);
	ok(poll(&f, 1, 5000) == 1, "and goes on");
	once.it_value.tv_nsec = 0;
	ok(!timerfd_settime(fd, 0, &once, &now) && now.it_interval.tv_nsec == 10000000,
	   "it is turned off");
	ok(poll(&f, 1, 30) == 0, "for good");
	ok(timerfd_settime(-1, 0, &once, nullptr) == -1 && errno == EBADF,
	   "no descriptor is EBADF");
	close(fd);
}

// Edges, and events that are told once.
static void epoll_modes(int ep, const int q[2])
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = 222 }, got[4];

	ok(!epoll_ctl(ep, EPOLL_CTL_ADD, q[0], &e), "another, edge-triggered");
	write(q[1], "ab", 2);
	ok(epoll_wait(ep, got, 4, 0) == 1 && got[0].data.u64 == 222, "it is told once");
	ok(epoll_wait(ep, got, 4, 0) == 0, "and not again");
	write(q[1], "c", 1);
	ok(epoll_wait(ep, got, 4, 0) == 1, "until more arrives");
	e = (struct epoll_event){ .events = EPOLLIN | EPOLLONESHOT, .data.u64 = 333 };
	epoll_ctl(ep, EPOLL_CTL_MOD, q[0], &e);
	ok(epoll_wait(ep, got, 4, 0) == 1 && got[0].data.u64 == 333, "one-shot: once");
	write(q[1], "d", 1);
	ok(epoll_wait(ep, got, 4, 0) == 0, "then it is quiet");
	epoll_ctl(ep, EPOLL_CTL_MOD, q[0], &e);
	ok(epoll_wait(ep, got, 4, 0) == 1, "until it is armed again");
}

static void epolls(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), p[2], q[2];
	struct epoll_event e, got[4];
	char c;

	if (ep < 0) {
		ok(false, "epoll_create1");
		return;
	}
	if (pipe(p) || pipe(q))
		tap_bail("pipe");
	e = (struct epoll_event){ .events = EPOLLIN, .data.u64 = 111 };
	ok(!epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e), "a descriptor is added");
	ok(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e) == -1 && errno == EEXIST,
	   "a second time it is EEXIST");
	ok(epoll_ctl(ep, EPOLL_CTL_MOD, q[0], &e) == -1 && errno == ENOENT,
	   "one that is not there is ENOENT");
	ok(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e) == -1 && errno == EINVAL, "itself is EINVAL");
	int file = open("/etc/passwd", O_RDONLY);
	if (file >= 0)
		ok(epoll_ctl(ep, EPOLL_CTL_ADD, file, &e) == -1 && errno == EPERM,
		   "a regular file is EPERM");
	close(file);
	ok(epoll_wait(ep, got, 4, 0) == 0, "nothing is ready");
	pid_t pid = write_later(p[1], 20);
	ok(epoll_wait(ep, got, 4, 5000) == 1 && got[0].events == EPOLLIN && got[0].data.u64 == 111,
	   "a write ends the wait");
	waitpid(pid, nullptr, 0);
	ok(epoll_wait(ep, got, 4, 0) == 1, "level-triggered: it stays ready");
	read(p[0], &c, 1);
	ok(epoll_wait(ep, got, 4, 0) == 0, "until it is read");
	epoll_modes(ep, q);
	struct pollfd f = { ep, POLLIN, 0 };
	write(p[1], "x", 1);
	ok(poll(&f, 1, 0) == 1, "an epoll is itself ready when something in it is");
	int outer = epoll_create1(0);
	e = (struct epoll_event){ .events = EPOLLIN, .data.u64 = 444 };
	ok(!epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e) && epoll_wait(outer, got, 4, 0) == 1 &&
		   got[0].data.u64 == 444,
	   "one epoll in another");
	ok(epoll_ctl(ep, EPOLL_CTL_ADD, outer, &e) == -1 && errno == ELOOP, "but not in a circle");
	ok(!epoll_ctl(ep, EPOLL_CTL_DEL, p[0], nullptr) && epoll_wait(ep, got, 4, 0) == 0,
	   "a deleted one is silent");
	close(q[0]);
	write(p[1], "y", 1);
	ok(epoll_wait(ep, got, 4, 0) == 0, "a closed file has left the set");
	ok(epoll_wait(ep, got, 0, 0) == -1 && errno == EINVAL, "no room for events is EINVAL");
	close(outer);
	close(ep);
	close(q[1]);
	close(p[0]);
	close(p[1]);
}

static int add(int outer, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(outer, EPOLL_CTL_ADD, fd, &e);
}

// Sets in sets: from the outermost in, so that none is deep when it is added.
static void test_deep_sets(void)
{
	enum { MANY = 800 };
	int sets[MANY], depth = 1;

	for (int i = 0; i < MANY; i++)
		sets[i] = epoll_create1(0);
	while (depth < MANY && !add(sets[depth - 1], sets[depth]))
		depth++;
	ok(depth < 10 && (errno == ELOOP || errno == EINVAL), "sets in sets end at %d", depth);
	int event = eventfd(0, 0);
	add(sets[depth - 1], event);
	eventfd_write(event, 1);
	for (int i = 0; i < MANY; i++)
		close(sets[i]);
	close(event);
}

// Each set is in all sets of the next level: a wake-up would go all 40 * 40 * 40 ways.
static void test_wide_sets(void)
{
	enum { LEVELS = 3, WIDE = 40 };
	int sets[LEVELS][WIDE], event = eventfd(0, 0), refused = 0;

	for (int level = 0; level < LEVELS; level++) {
		for (int i = 0; i < WIDE; i++) {
			sets[level][i] = epoll_create1(0);
			if (!level)
				add(sets[0][i], event);
			for (int j = 0; level && j < WIDE; j++)
				refused += add(sets[level][i], sets[level - 1][j]) && errno == EINVAL;
		}
	}
	ok(refused, "too many ways from a file up to sets: EINVAL");
	eventfd_write(event, 1);
	struct epoll_event got;
	ok(epoll_wait(sets[0][0], &got, 1, 0) == 1 && epoll_wait(sets[1][0], &got, 1, 0) == 1,
	   "sets within the limit hear of it");
	for (int level = 0; level < LEVELS; level++)
		for (int i = 0; i < WIDE; i++)
			close(sets[level][i]);
	close(event);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	polls();
	signals();
	selects();
	eventfds();
	timers();
	epolls();
	test_deep_sets();
	test_wide_sets();
	return tap_done();
}
