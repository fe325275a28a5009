// SPDX-License-Identifier: MIT
// Pseudo-terminals: both ends, their buffers, modes, packet mode, and what each end sees when the other goes.

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
#ifndef EXTPROC
#define EXTPROC 0200000
#endif

struct pair {
	int master, slave;
	char name[32];
};

static int open_master(char name[32])
{
	unsigned n = 0;
	int zero = 0, m = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	ioctl(m, TIOCGPTN, &n);
	ioctl(m, TIOCSPTLCK, &zero);
	snprintf(name, 32, "/dev/pts/%u", n);
	return m;
}

static struct pair open_pair(void)
{
	struct pair p;

	p.master = open_master(p.name);
	p.slave = open(p.name, O_RDWR | O_NOCTTY);
	return p;
}

static void close_pair(struct pair *p)
{
	close(p->slave);
	close(p->master);
}

static void make_raw(int fd, int vmin, int vtime)
{
	struct termios t;

	tcgetattr(fd, &t);
	cfmakeraw(&t);
	t.c_cc[VMIN] = vmin;
	t.c_cc[VTIME] = vtime;
	tcsetattr(fd, TCSANOW, &t);
}

static void set_nonblock(int fd, bool on)
{
	fcntl(fd, F_SETFL, (fcntl(fd, F_GETFL) & ~O_NONBLOCK) | (on ? O_NONBLOCK : 0));
}

static void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000l}, nullptr);
}

// On Linux what is written takes a moment to come out at the other end.
static int wait_for(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	poll(&p, 1, 2000);
	return p.revents;
}

// What is true of it after a moment in which that could change.
static int soon(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	sleep_ms(50);
	poll(&p, 1, 0);
	return p.revents;
}

// The next bytes are exactly these.
static bool reads(int fd, const char *want)
{
	size_t n = strlen(want), have = 0;
	char got[512];

	while (have < n && wait_for(fd, POLLIN)) {
		ssize_t r = read(fd, got + have, n - have);
		if (r <= 0)
			break;
		have += r;
	}
	if (have == n && !memcmp(got, want, n))
		return true;
	printf("# got %zu bytes: %.*s\n", have, (int)have, got);
	return false;
}

static bool put(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool nothing(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 50) == 0;
}

// ---- opening

static void test_open(void)
{
	char name[32], link[64] = "", path[64];
	struct stat st;
	int lock = 0, m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	unsigned n = ~0u;

	ok(m >= 0 && ioctl(m, TIOCGPTN, &n) == 0 && n != ~0u, "ptmx gives a master with a number");
	snprintf(name, sizeof(name), "/dev/pts/%u", n);
	ok(stat(name, &st) == 0 && S_ISCHR(st.st_mode) && st.st_uid == geteuid(), "the slave's node is ours");
	ok(st.st_rdev == (dev_t)(136 << 8 | (n & 0xff) | (n & ~0xffu) << 12), "its number is 136:n");
	ok(ioctl(m, TIOCGPTLCK, &lock) == 0 && lock == 1, "it is locked at first");
	ok(open(name, O_RDWR | O_NOCTTY) == -1 && errno == EIO, "locked, it cannot be opened: EIO");
	lock = 0;
	ioctl(m, TIOCSPTLCK, &lock);
	int s = open(name, O_RDWR | O_NOCTTY);
	ok(s >= 0 && isatty(s) && isatty(m), "unlocked, it opens; both are terminals");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s);
	readlink(path, link, sizeof(link) - 1);
	ok(!strcmp(link, name), "its name is found by descriptor");
	ok(lseek(s, 0, SEEK_SET) == -1 && errno == ESPIPE, "a terminal has no position");
	int peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	struct stat other;
	ok(peer >= 0 && fstat(peer, &other) == 0 && other.st_rdev == st.st_rdev, "TIOCGPTPEER opens the slave");
	ok(ioctl(s, TIOCGPTN, &n) == -1 && errno == ENOTTY, "a slave is no master");
	close(peer);
	close(s);
	close(m);
	ok(stat(name, &st) == -1 && errno == ENOENT, "the node goes with the master");
}

static void test_numbers(void)
{
	unsigned a, b, c;
	int x = open("/dev/ptmx", O_RDWR | O_NOCTTY), y = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	ioctl(x, TIOCGPTN, &a);
	ioctl(y, TIOCGPTN, &b);
	ok(a != b, "each has a number of its own");
	close(x);
	x = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	ioctl(x, TIOCGPTN, &c);
	ok(c == a, "the lowest free number is used again");
	close(x);
	close(y);
}

// ---- canonical mode

static void test_lines(void)
{
	struct pair p = open_pair();
	char buf[64];
	int n = -1;

	ok(put(p.slave, "one\n") && reads(p.master, "one\r\n"), "output: a newline becomes two characters");
	put(p.master, "ab");
	ok(reads(p.master, "ab") && nothing(p.slave), "typed characters are echoed, and wait for the line's end");
	put(p.master, "c\nnext\n");
	reads(p.master, "c\r\nnext\r\n");
	wait_for(p.slave, POLLIN);
	ok(ioctl(p.slave, FIONREAD, &n) == 0 && n == 9, "FIONREAD counts whole lines (%d)", n);
	ok(read(p.slave, buf, sizeof(buf)) == 4 && !memcmp(buf, "abc\n", 4), "a read gets one line");
	ok(read(p.slave, buf, 2) == 2 && read(p.slave, buf + 2, 60) == 3 && !memcmp(buf, "next\n", 5),
	   "or a piece of one, and then the rest");
	put(p.master, "xyz\177\177Y\n");
	ok(reads(p.slave, "xY\n"), "erased characters are gone");
	put(p.master, "gone\025kept\n");
	ok(reads(p.slave, "kept\n"), "a killed line too");
	put(p.master, "a\026\004b\n");
	ok(reads(p.slave, "a\004b\n"), "a literal control character is only a character");
	tcflush(p.master, TCIFLUSH);
	put(p.master, "part\004");
	wait_for(p.slave, POLLIN);
	ok(read(p.slave, buf, sizeof(buf)) == 4, "^D gives what is there");
	put(p.master, "\004");
	wait_for(p.slave, POLLIN);
	ok(read(p.slave, buf, sizeof(buf)) == 0, "and at a line's start, end of file");
	put(p.master, "four\004");
	wait_for(p.slave, POLLIN);
	ok(read(p.slave, buf, 4) == 4 && nothing(p.slave), "not after a read that it ended exactly");
	put(p.master, "lost\n");
	wait_for(p.slave, POLLIN);
	ok(tcflush(p.slave, TCIFLUSH) == 0 && nothing(p.slave), "tcflush forgets input");
	close_pair(&p);
}

static void test_raw(void)
{
	struct pair p = open_pair();
	struct timespec a, b;
	char buf[64];

	put(p.master, "typed");
	reads(p.master, "typed");
	make_raw(p.slave, 1, 0);
	ok(reads(p.slave, "typed"), "what was typed becomes readable in raw mode");
	put(p.master, "x\003\n");
	ok(reads(p.slave, "x\003\n") && nothing(p.master), "raw: no echo, no signals, nothing changed");
	make_raw(p.slave, 0, 0);
	ok(read(p.slave, buf, 1) == 0, "VMIN 0, VTIME 0: does not wait");
	make_raw(p.slave, 0, 2);
	clock_gettime(CLOCK_MONOTONIC, &a);
	ok(read(p.slave, buf, 1) == 0, "VMIN 0, VTIME 2: nothing came");
	clock_gettime(CLOCK_MONOTONIC, &b);
	ok((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 190, "and it waited 0.2 s");
	make_raw(p.slave, 5, 2);
	put(p.master, "abc");
	ok(read(p.slave, buf, 64) == 3, "VMIN 5, VTIME 2: a pause ends the read");
	put(p.master, "abcdefg");
	sleep_ms(50);
	ok(read(p.slave, buf, 64) == 7, "five are enough, and more may come");
	make_raw(p.slave, 3, 0);
	put(p.master, "ab");
	ok(nothing(p.slave), "poll waits for VMIN characters");
	pid_t pid = fork();
	if (pid == 0) {
		sleep_ms(100);
		put(p.master, "c");
		_exit(0);
	}
	ok(read(p.slave, buf, 64) == 3, "and so does read");
	waitpid(pid, nullptr, 0);
	set_nonblock(p.slave, true);
	ok(read(p.slave, buf, 1) == -1 && errno == EAGAIN, "O_NONBLOCK: EAGAIN");
	close_pair(&p);
}

static void test_modes(void)
{
	struct pair p = open_pair();
	struct termios t, u;
	struct winsize w = {.ws_row = 7, .ws_col = 9}, v = {};

	tcgetattr(p.slave, &t);
	ok((t.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG) && (t.c_oflag & OPOST), "modes at first");
	t.c_lflag &= ~ECHO;
	ok(tcsetattr(p.master, TCSANOW, &t) == 0 && tcgetattr(p.slave, &u) == 0 && !(u.c_lflag & ECHO),
	   "the master sets the slave's modes");
	put(p.master, "quiet\n");
	ok(reads(p.slave, "quiet\n") && nothing(p.master), "without ECHO nothing comes back");
	ioctl(p.master, TIOCSWINSZ, &w);
	ok(ioctl(p.slave, TIOCGWINSZ, &v) == 0 && v.ws_row == 7 && v.ws_col == 9, "both have one window size");
	t.c_lflag |= EXTPROC;
	tcsetattr(p.slave, TCSANOW, &t);
	put(p.master, "ab\177");
	ok(reads(p.slave, "ab\177"), "EXTPROC: the other end edits");
	ok(tcdrain(p.slave) == 0 && tcsendbreak(p.slave, 0) == 0, "tcdrain and tcsendbreak return");
	ok(ioctl(p.slave, TCFLSH, 9) == -1 && errno == EINVAL, "an unknown queue: EINVAL");
	close_pair(&p);
}

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

// ---- packet mode

static int packet(int master, char *data, size_t size)
{
	char buf[256];

	if (!(wait_for(master, POLLIN) & POLLIN))
		return -1;
	ssize_t n = read(master, buf, sizeof(buf));
	if (n > 1 && size >= (size_t)n)
		memcpy(data, buf + 1, n - 1);
	return n < 1 ? -1 : (unsigned char)buf[0];
}

static void test_packet(void)
{
	struct pair p = open_pair();
	struct termios t;
	char data[64] = {};
	int on = 1;

	ok(ioctl(p.master, TIOCPKT, &on) == 0, "packet mode");
	put(p.slave, "data");
	ok(packet(p.master, data, sizeof(data)) == TIOCPKT_DATA && !memcmp(data, "data", 4), "data follow a zero");
	tcflush(p.slave, TCIFLUSH);
	ok((wait_for(p.master, POLLPRI) & POLLPRI) && packet(p.master, data, 64) == TIOCPKT_FLUSHREAD,
	   "a flush is told, as urgent");
	tcflow(p.slave, TCOOFF);
	ok(packet(p.master, data, 64) == TIOCPKT_STOP, "a stop");
	tcflow(p.slave, TCOON);
	ok(packet(p.master, data, 64) == TIOCPKT_START, "a start");
	tcgetattr(p.slave, &t);
	t.c_iflag &= ~IXON;
	tcsetattr(p.slave, TCSANOW, &t);
	ok(packet(p.master, data, 64) == TIOCPKT_NOSTOP, "^S and ^Q mean nothing");
	t.c_iflag |= IXON;
	tcsetattr(p.slave, TCSANOW, &t);
	ok(packet(p.master, data, 64) == TIOCPKT_DOSTOP, "they do again");
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
	test_open();
	test_numbers();
	test_lines();
	test_raw();
	test_modes();
	test_flow();
	test_room();
	test_long_line();
	test_packet();
	test_slave_closes();
	test_master_closes();
	test_storm();
	return tap_done();
}
