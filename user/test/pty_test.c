// SPDX-License-Identifier: MIT
// Pseudo-terminals: opening, modes, packet mode. What they have room for, and what each end sees when the other goes, is in
// pty_end_test.c.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "user/test/pty.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
#ifndef EXTPROC
#define EXTPROC 0200000
#endif

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

int main(void)
{
	signal(SIGHUP, SIG_IGN);
	alarm(100);
	test_open();
	test_numbers();
	test_lines();
	test_raw();
	test_modes();
	test_packet();
	return tap_done();
}
