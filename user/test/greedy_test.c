// SPDX-License-Identifier: MIT
/*
 * What a program could take without end, and no end of a program would give back: names and holes of a file system in memory,
 * messages that weigh nothing, timers that never rest. Each has a limit, and below it all works.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

constexpr size_t PAGE = 4096;
constexpr int SIZE_PAGES = 32, INODES = 64;

// ---- A tmpfs of 32 pages and 64 inodes ----

static int links_made(void)
{
	char name[32];

	for (int i = 0; i < 10 * INODES; i++) {
		snprintf(name, sizeof(name), "link%d", i);
		if (link("file", name))
			return i;
	}
	return -1;
}

static void test_links(void)
{
	close(open("file", O_CREAT | O_RDWR, 0600));
	int n = links_made();

	ok(n > INODES / 2 && n < INODES && errno == ENOSPC, "a name counts as an inode does: %d more, then ENOSPC", n);
	ok(unlink("link3") == 0 && link("file", "again") == 0, "a name that goes makes room");
	ok(link("file", "link3") == -1 && errno == ENOSPC, "for one");
	ok(rename("again", "link3") == 0 && mkdir("dir", 0700) == -1, "another name for a name takes none");
	for (int i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "link%d", i);
		unlink(name);
	}
	ok(mkdir("dir", 0700) == 0 && rmdir("dir") == 0 && links_made() == n, "all of them come back");
}

static void test_symlinks(void)
{
	char target[3000], name[32];
	int n = 0;

	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	do
		snprintf(name, sizeof(name), "sym%d", n);
	while (n < INODES && symlink(target, name) == 0 && ++n);
	ok(n > SIZE_PAGES / 2 && n <= SIZE_PAGES && errno == ENOSPC, "long symbolic links take pages: %d, then ENOSPC", n);
	ok(symlink("short", "short") == 0, "a short one takes none");
	ok(unlink("sym0") == 0 && symlink(target, "sym0") == 0, "what goes makes room");
}

static sigjmp_buf stopped;

static void on_bus(int sig)
{
	siglongjmp(stopped, 1);
}

static void test_holes(void)
{
	constexpr int PAGES = 4 * SIZE_PAGES;
	static char buf[PAGES * PAGE];
	int fd = open("holes", O_CREAT | O_RDWR, 0600);
	volatile int n = 0;
	int sum = 0;

	ok(ftruncate(fd, sizeof(buf)) == 0 && read(fd, buf, sizeof(buf)) == sizeof(buf), "holes are read");
	volatile char *p = mmap(nullptr, sizeof(buf), PROT_READ, MAP_SHARED, fd, 0);

	signal(SIGBUS, on_bus);
	if (sigsetjmp(stopped, 1) == 0)
		for (; n < PAGES; n++)
			sum += p[n * PAGE];
	ok(n > SIZE_PAGES / 2 && n <= SIZE_PAGES && !sum, "mapped holes take pages when read: %d, then SIGBUS", n);
	ok(lseek(fd, 0, SEEK_SET) == 0 && read(fd, buf, sizeof(buf)) == sizeof(buf), "read() reads them all the same");
	ok(pwrite(fd, "x", 1, sizeof(buf) - 1) == -1 && errno == ENOSPC, "no page is left to be written");
	ok(pwrite(fd, "x", 1, 0) == 1 && *p == 'x', "what is there can be");
	signal(SIGBUS, SIG_DFL);
	munmap((void *)p, sizeof(buf));
	close(fd);
}

static void in_small_tmpfs(void (*test)(void))
{
	char dir[] = "/tmp/greedy.XXXXXX", options[64];

	snprintf(options, sizeof(options), "size=%dk,nr_inodes=%d", SIZE_PAGES * 4, INODES);
	if (!mkdtemp(dir) || mount("greedy", dir, "tmpfs", 0, options)) {
		tap_skip("cannot mount a tmpfs");
		return;
	}
	if (chdir(dir) == 0)
		test();
	ok(chdir("/") == 0 && umount(dir) == 0 && rmdir(dir) == 0, "unmounted");
}

// ---- Datagrams ----

constexpr int MANY = 50000;	// far beyond any limit of these

static int sent(int fd, const struct sockaddr_un *to, socklen_t len)
{
	for (int i = 0; i < MANY; i++)
		if (sendto(fd, "", 0, MSG_DONTWAIT, (const void *)to, len))
			return i;
	return MANY;
}

static int sent_and_closed(const struct sockaddr_un *to, socklen_t len)
{
	for (int i = 0; i < MANY; i++) {
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		ssize_t n = sendto(fd, "", 0, MSG_DONTWAIT, (const void *)to, len);
		int saved = errno;

		close(fd);
		errno = saved;
		if (n)
			return i;
	}
	return MANY;
}

static int received(int fd)
{
	int n = 0;
	char c;

	while (recv(fd, &c, 1, MSG_DONTWAIT) == 0)
		n++;
	return n;
}

static void test_empty_messages(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0quire greedy" };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 13;
	int to = socket(AF_UNIX, SOCK_DGRAM, 0), from = socket(AF_UNIX, SOCK_DGRAM, 0), pair[2];

	ok(bind(to, (void *)&name, len) == 0, "a socket for datagrams");
	int n = sent(from, &name, len);

	ok(n > 0 && n < MANY && errno == EAGAIN, "empty messages have a limit");
	ok(received(to) == n && sent(from, &name, len) == n && received(to) == n, "who reads them makes room");
	n = sent_and_closed(&name, len);
	ok(n > 0 && n < MANY && errno == EAGAIN, "also those of senders that are gone");
	ok(received(to) == n, "all have come");
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	n = sent(pair[0], nullptr, 0);
	ok(n > 0 && n < MANY && errno == EAGAIN && received(pair[1]) == n, "and those of a pair");
	close(pair[0]);
	close(pair[1]);

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	for (n = 0; n < 10 * MANY && send(pair[0], "", 1, MSG_DONTWAIT) == 1; n++)
		;
	ok(n > 0 && n < MANY && errno == EAGAIN, "single bytes of a stream weigh more than a byte");
	close(pair[0]);
	close(pair[1]);
	close(from);
	close(to);
}

// A blocked sender of datagrams goes on when the receiver has read, and is told when it goes.
static void test_blocked_sender(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0quire greedy" };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 13;
	int to = socket(AF_UNIX, SOCK_DGRAM, 0), status;

	bind(to, (void *)&name, len);
	int n = sent_and_closed(&name, len);
	pid_t pid = fork();

	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

		close(to);
		for (int i = 0; i < n; i++)
			if (sendto(fd, "x", 1, 0, (void *)&name, len) != 1)
				_exit(1);
		while (sendto(fd, "x", 1, 0, (void *)&name, len) == 1)
			;
		_exit(errno == ECONNREFUSED ? 0 : 2);
	}
	int ones = 0;
	char c;

	for (int i = 0; i < 2 * n; i++)
		ones += recv(to, &c, 1, 0) == 1;
	ok(ones == n, "a sender that waits goes on as the receiver reads");
	usleep(20000);
	close(to);
	ok(waitpid(pid, &status, 0) == pid && status == 0, "and ends with ECONNREFUSED when it is gone");
}

static void test_others_socket(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0quire greedy" };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 13;
	int to = socket(AF_UNIX, SOCK_DGRAM, 0), a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
	char c;

	bind(to, (void *)&name, len);
	ok(connect(a, (void *)&name, len) == 0 && shutdown(a, SHUT_RDWR) == 0, "shutdown of a connected datagram socket");
	ok(sendto(b, "x", 1, 0, (void *)&name, len) == 1 && recv(to, &c, 1, MSG_DONTWAIT) == 1,
	   "does nothing to the one it sent to");
	struct sockaddr_un mine = { .sun_family = AF_UNIX, .sun_path = "\0quire mine" };
	socklen_t mine_len = offsetof(struct sockaddr_un, sun_path) + 11;

	bind(b, (void *)&mine, mine_len);
	ok(connect(to, (void *)&mine, mine_len) == 0, "it is connected to another");
	int d = socket(AF_UNIX, SOCK_DGRAM, 0);

	ok(sendto(d, "x", 1, 0, (void *)&name, len) == -1 && errno == EPERM, "and hears nobody else: EPERM");
	ok(sendto(b, "x", 1, 0, (void *)&name, len) == 1 && recv(to, &c, 1, MSG_DONTWAIT) == 1, "but that one");
	close(a);
	close(b);
	close(d);
	close(to);
}

// To one of another kind, again and again: it must not lose what keeps it.
static void test_wrong_kind(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "/tmp/greedy.socket" };
	socklen_t len = sizeof(name);
	int to = socket(AF_UNIX, SOCK_STREAM, 0), from = socket(AF_UNIX, SOCK_DGRAM, 0), other = -1, n = 0;

	unlink(name.sun_path);
	bind(to, (void *)&name, len);
	listen(to, 1);
	while (n < 100 && sendto(from, "x", 1, 0, (void *)&name, len) == -1 && errno == EPROTOTYPE)
		n++;
	ok(n == 100, "a datagram to a stream's name is EPROTOTYPE, 100 times");
	for (int i = 0; i < 50; i++)	// whoever had its memory now would be seen
		close(socket(AF_UNIX, SOCK_DGRAM, 0));
	close(from);
	from = socket(AF_UNIX, SOCK_STREAM, 0);
	ok(connect(from, (void *)&name, len) == 0 && (other = accept(to, nullptr, nullptr)) >= 0 &&
	   write(from, "x", 1) == 1 && read(other, &n, 1) == 1, "which is still there");
	close(from);
	close(other);
	close(to);
	unlink(name.sun_path);
}

// ---- Timers ----

static volatile int heard;

static void on_timer(int sig)
{
	heard++;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int timers_made(int how, int signo, int n)
{
	struct itimerspec often = { { 0, 1 }, { 0, 1 } };

	for (int i = 0; i < n; i++) {
		struct sigevent e = { .sigev_notify = how, .sigev_signo = signo };
		timer_t t;

		if (timer_create(CLOCK_MONOTONIC, &e, &t) || timer_settime(t, 0, &often, nullptr))
			return i;
	}
	return n;
}

// On one CPU, so that nobody else can do what the timers keep this one from.
static int with_timers(void (*prepare)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prepare();
		for (int i = 0; i < 20; i++) {
			pid_t child = fork();

			if (child == 0)
				_exit(3);
			while (waitpid(child, &status, 0) == -1 && errno == EINTR)
				;
		}
		_exit(WEXITSTATUS(status) == 3 ? 0 : 1);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void ignoring(void)
{
	signal(SIGALRM, SIG_IGN);
	timers_made(SIGEV_SIGNAL, SIGALRM, 50);
}

static void blocking(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, nullptr);
	timers_made(SIGEV_SIGNAL, SIGRTMIN, 50);
	timers_made(SIGEV_SIGNAL, SIGALRM, 50);
}

static void silent(void)
{
	timers_made(SIGEV_NONE, 0, 50);
}

static void interval(void)
{
	struct itimerval often = { { 0, 1 }, { 0, 1 } };

	signal(SIGALRM, SIG_IGN);
	setitimer(ITIMER_REAL, &often, nullptr);
}

static void interval_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, nullptr);
	interval();
}

// All that is heard comes from the timer: it goes on whatever becomes of single signals.
static bool hears(int n)
{
	double end = seconds() + 20;

	heard = 0;
	while (heard < n && seconds() < end)
		usleep(1000);
	return heard >= n;
}

static void test_one_timer(void)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } }, got;
	struct timespec zero = {};
	siginfo_t info;
	sigset_t set;
	timer_t t;

	signal(SIGUSR1, on_timer);
	ok(timer_create(CLOCK_MONOTONIC, &e, &t) == 0 && timer_settime(t, 0, &often, nullptr) == 0 && hears(5),
	   "a timer of a millisecond is heard");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, nullptr);
	usleep(50000);
	ok(timer_gettime(t, &got) == 0 && got.it_interval.tv_nsec == 1000000 && got.it_value.tv_sec == 0 &&
	   got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 1000000, "it counts while its signal is blocked");
	ok(sigtimedwait(&set, &info, &zero) == SIGUSR1 && info.si_code == SI_TIMER && info.si_overrun >= 20,
	   "and says how often it ran out");
	ok(timer_getoverrun(t) == info.si_overrun, "as timer_getoverrun() does");
	sigprocmask(SIG_UNBLOCK, &set, nullptr);
	ok(hears(5), "then it goes on");
	kill(getpid(), SIGUSR1);
	ok(hears(5), "also when another signal of that number has come");
	timer_delete(t);
	usleep(5000);
	heard = 0;
	usleep(20000);
	ok(heard == 0, "and ends");
}

static void test_timers(void)
{
	ok(with_timers(ignoring) == 0, "50 timers of a nanosecond, ignored: the process runs");
	ok(with_timers(blocking) == 0, "100 that are blocked");
	ok(with_timers(silent) == 0, "50 that send nothing");
	ok(with_timers(interval) == 0, "an interval timer of a microsecond, ignored");
	ok(with_timers(interval_blocked) == 0, "and blocked");
	test_one_timer();
}

int main(void)
{
	in_small_tmpfs(test_links);
	in_small_tmpfs(test_symlinks);
	in_small_tmpfs(test_holes);
	test_empty_messages();
	test_blocked_sender();
	test_others_socket();
	test_wrong_kind();
	test_timers();
	return tap_done();
}
