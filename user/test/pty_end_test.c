// SPDX-License-Identifier: MIT
// Pseudo-terminals whose reader waits, or goes: flow control, room, and what each end sees when the other is closed.

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "user/test/pty.h"

// ---- flow control and room

static void test_flow(void)
{
	struct pair p = open_pair();

	put(p.master, "\023");
	sleep_ms(50);
	set_nonblock(p.slave, true);
	ok(write(p.slave, "x", 1) == -1 && errno == EAGAIN, "^S stops output");
	ok(!(soon(p.slave, POLLOUT) & POLLOUT), "and poll knows");
	put(p.master, "\021");
	ok((wait_for(p.slave, POLLOUT) & POLLOUT) && write(p.slave, "x", 1) == 1, "^Q lets it go on");
	tcflow(p.slave, TCOOFF);
	ok(write(p.slave, "x", 1) == -1 && errno == EAGAIN, "tcflow stops it too");
	tcflow(p.slave, TCOON);
	reads(p.master, "x");
	tcflow(p.slave, TCIOFF);
	ok(reads(p.master, "\023"), "TCIOFF sends the stop character");
	close_pair(&p);
}

struct stream {
	int fd;
	size_t n;
};

static unsigned char pattern(size_t i)
{
	return (i * 7 + i / 251) % 255 + 1;
}

static void *writer(void *arg)
{
	struct stream *s = arg;

	for (size_t i = 0; i < s->n;) {
		unsigned char buf[777];
		size_t n = s->n - i < sizeof(buf) ? s->n - i : sizeof(buf);
		for (size_t k = 0; k < n; k++)
			buf[k] = pattern(i + k);
		ssize_t w = write(s->fd, buf, n);
		if (w <= 0)
			break;
		i += w;
	}
	return nullptr;
}

static bool stream_through(int from, int to, size_t total)
{
	struct stream s = {from, total};
	unsigned char buf[1000];
	pthread_t t;
	size_t have = 0;
	bool good = true;

	pthread_create(&t, nullptr, writer, &s);
	while (have < total) {
		ssize_t n = read(to, buf, sizeof(buf));
		if (n <= 0)
			break;
		for (ssize_t k = 0; k < n; k++)
			good = good && buf[k] == pattern(have + k);
		have += n;
	}
	pthread_join(t, nullptr);
	return good && have == total;
}

static size_t fill(int fd)
{
	char buf[1024];
	size_t total = 0;
	ssize_t n;

	memset(buf, 'f', sizeof(buf));
	set_nonblock(fd, true);
	while (total < 10 << 20 && ((n = write(fd, buf, sizeof(buf))) > 0 || soon(fd, POLLOUT) & POLLOUT))
		total += n > 0 ? n : 0;
	set_nonblock(fd, false);
	return total;
}

static void test_room(void)
{
	struct pair p = open_pair();

	make_raw(p.slave, 1, 0);
	ok(stream_through(p.slave, p.master, 300000), "no byte is lost from the slave to the master");
	ok(stream_through(p.master, p.slave, 300000), "nor the other way");
	size_t down = fill(p.slave), up = fill(p.master);
	ok(down >= 4096 && down < 10 << 20, "a master that does not read stops the slave (%s)", "EAGAIN");
	ok(up >= 4095 && up < 10 << 20, "a slave that does not read stops the master");
	int waiting = 0;
	ok(ioctl(p.master, FIONREAD, &waiting) == 0 && waiting > 0, "FIONREAD at the master");
	tcflush(p.slave, TCIOFLUSH);
	close_pair(&p);
}

// A line that is too long loses characters, but not its end; and echo cannot block who types.
static void test_long_line(void)
{
	struct pair p = open_pair();
	char line[6000], got[6000];

	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (size_t done = 0; done < sizeof(line); done += 1000)
		write(p.master, line + done, 1000), tcflush(p.master, TCIFLUSH);
	wait_for(p.slave, POLLIN);
	ssize_t n = read(p.slave, got, sizeof(got));
	ok(n == 4096 && got[n - 1] == '\n', "the end of a line that is too long arrives (%zd)", n);
	close_pair(&p);
}

// ---- the end

static void test_slave_closes(void)
{
	char buf[16];
	struct pair p = open_pair();

	put(p.slave, "last");
	close(p.slave);
	ok(reads(p.master, "last"), "what the slave wrote is there after its close");
	ok(read(p.master, buf, 1) == -1 && errno == EIO, "then reads fail: EIO");
	ok(wait_for(p.master, POLLIN) & POLLHUP, "poll: POLLHUP");
	p.slave = open(p.name, O_RDWR | O_NOCTTY);
	ok(p.slave >= 0 && put(p.slave, "again") && reads(p.master, "again"), "a new open brings it back");
	ok(!(soon(p.master, 0) & POLLHUP), "and POLLHUP is off");
	int other = dup(p.slave);
	close(p.slave);
	ok(!(soon(p.master, 0) & POLLHUP), "only the last close counts");
	p.slave = other;
	close_pair(&p);
	int m = open_master(p.name);
	set_nonblock(m, true);
	ok(read(m, buf, 1) == -1 && errno == EAGAIN, "a slave that was never open: no EIO yet");
	close(m);
}

static void *close_soon(void *fd)
{
	sleep_ms(100);
	close(*(int *)fd);
	return nullptr;
}

static void test_master_closes(void)
{
	struct pair p = open_pair();
	char buf[16], name[64];
	struct winsize w;
	pthread_t t;

	pthread_create(&t, nullptr, close_soon, &p.master);
	ok(read(p.slave, buf, 1) == -1 && errno == EIO, "a slave that waits in read: EIO");
	pthread_join(t, nullptr);
	ok(read(p.slave, buf, 1) == 0, "from then on: end of file");
	ok(write(p.slave, "x", 1) == -1 && errno == EIO, "writes: EIO");
	ok(ioctl(p.slave, TIOCGWINSZ, &w) == -1 && errno == EIO, "ioctl: EIO");
	int r = wait_for(p.slave, POLLIN);
	ok((r & (POLLIN | POLLHUP | POLLERR)) == (POLLIN | POLLHUP | POLLERR), "poll: everything");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p.slave);
	ok(open(name, O_RDWR | O_NOCTTY) == -1 && (errno == EIO || errno == ENOENT), "it cannot be opened again");
	close(p.slave);
	p = open_pair();
	make_raw(p.slave, 1, 0);
	fill(p.slave);
	pthread_create(&t, nullptr, close_soon, &p.master);
	while (write(p.slave, "x", 1) == 1)
		;
	ok(errno == EIO, "a slave that waits in write: EIO");
	pthread_join(t, nullptr);
	close(p.slave);
	p = open_pair();
	pthread_create(&t, nullptr, close_soon, &p.slave);
	ok(read(p.master, buf, 1) == -1 && errno == EIO, "a master that waits in read: EIO");
	pthread_join(t, nullptr);
	close(p.master);
}

// Ends of many pairs close while the other reads, writes, asks: nothing but clean errors may come of it.
static void *storm(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg;
	char buf[4096];

	for (int i = 0; i < 60; i++) {
		struct pair p = open_pair();
		int n;
		pid_t pid = fork();

		if (pid == 0) {
			if (p.slave > 3)
				syscall(SYS_close_range, 3, p.slave - 1, 0); // of other threads
			syscall(SYS_close_range, p.slave + 1, ~0u, 0);
			set_nonblock(p.slave, rand_r(&seed) & 1);
			for (int k = 0; k < 20; k++)
				if (write(p.slave, buf, rand_r(&seed) % sizeof(buf)) < 0 && errno == EIO)
					break;
			_exit(0);
		}
		close(p.slave);
		for (int k = rand_r(&seed) % 6; k > 0; k--) {
			write(p.master, "line\n", 5);
			read(p.master, buf, sizeof(buf));
			ioctl(p.master, FIONREAD, &n);
		}
		close(p.master);
		waitpid(pid, nullptr, 0);
	}
	return nullptr;
}

static void test_storm(void)
{
	pthread_t t[4];

	for (size_t i = 0; i < 4; i++)
		pthread_create(&t[i], nullptr, storm, (void *)(i + 1));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], nullptr);
	ok(true, "pairs open and close in four threads at once");
}

int main(void)
{
	signal(SIGHUP, SIG_IGN);
	alarm(100);
	test_flow();
	test_room();
	test_long_line();
	test_slave_closes();
	test_master_closes();
	test_storm();
	return tap_done();
}
