// SPDX-License-Identifier: MIT
// A pseudo-terminal's two ends, and what comes out of them.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

struct pair {
	int master, slave;
	char name[32];
};

static inline int open_master(char name[32])
{
	unsigned n = 0;
	int zero = 0, m = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	ioctl(m, TIOCGPTN, &n);
	ioctl(m, TIOCSPTLCK, &zero);
	snprintf(name, 32, "/dev/pts/%u", n);
	return m;
}

static inline struct pair open_pair(void)
{
	struct pair p;

	p.master = open_master(p.name);
	p.slave = open(p.name, O_RDWR | O_NOCTTY);
	return p;
}

static inline void close_pair(struct pair *p)
{
	close(p->slave);
	close(p->master);
}

static inline void make_raw(int fd, int vmin, int vtime)
{
	struct termios t;

	tcgetattr(fd, &t);
	cfmakeraw(&t);
	t.c_cc[VMIN] = vmin;
	t.c_cc[VTIME] = vtime;
	tcsetattr(fd, TCSANOW, &t);
}

static inline void set_nonblock(int fd, bool on)
{
	fcntl(fd, F_SETFL, (fcntl(fd, F_GETFL) & ~O_NONBLOCK) | (on ? O_NONBLOCK : 0));
}

static inline void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000l}, nullptr);
}

// On Linux what is written takes a moment to come out at the other end.
static inline int wait_for(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	poll(&p, 1, 2000);
	return p.revents;
}

// What is true of it after a moment in which that could change.
static inline int soon(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	sleep_ms(50);
	poll(&p, 1, 0);
	return p.revents;
}

// The next bytes are exactly these.
static inline bool reads(int fd, const char *want)
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

static inline bool put(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static inline bool nothing(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 50) == 0;
}
