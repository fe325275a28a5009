// SPDX-License-Identifier: MIT
// Arguments at the edge of what a system call can be given, one case for each mistake that a
// kernel made or might make.

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "user/test/tap.h"

static long select_raw(int n, void *in, void *out, void *except, long sec, long part)
{
#ifdef SYS_select
	long t[2] = {sec, part};

	return syscall(SYS_select, n, in, out, except, t);
#else
	long t[2] = {sec, part};

	return syscall(SYS_pselect6, n, in, out, except, t, nullptr);
#endif
}

// Bits behind the last descriptor, in the same word, are nobody's business.
static void select_stray_bits(void)
{
	uint64_t in[64] = {}, out[64] = {};
	int fd = fcntl(open("/dev/zero", O_RDWR), F_DUPFD, 100), word = fd / 64;

	in[word] = ~0ul << fd % 64;
	out[word] = ~1ul << fd % 64;
	long got = select_raw(fd + 1, in, out, nullptr, 0, 0);

	ok(got == 1 && in[word] == 1ul << fd % 64 && !out[word],
	   "select ignores bits that are not asked for");
	close(fd);
}

static void select_long(void)
{
	int zero = open("/dev/zero", O_RDWR);
	uint64_t in = 1ul << zero;

	ok(select_raw(zero + 1, &in, nullptr, nullptr, LONG_MAX, 999999) == 1,
	   "select with the longest time limit");
#ifdef SYS_select
	in = 1ul << zero;
	ok(select_raw(zero + 1, &in, nullptr, nullptr, 1, LONG_MAX) == 1,
	   "select with more microseconds than there are");
#endif
	ok(select_raw(-1, nullptr, nullptr, nullptr, 0, 0) < 0 && errno == EINVAL,
	   "select of -1 descriptors");
	close(zero);
}

static void owners(void)
{
	int fd = open("/dev/null", O_RDONLY);
	struct {
		int type, pid;
	} owner = {2, INT_MIN};

	ok(fcntl(fd, F_SETOWN, INT_MIN) < 0 && errno == EINVAL,
	   "F_SETOWN of a group that cannot be");
	fcntl(fd, F_SETOWN_EX, &owner);
	ok(fcntl(fd, F_GETOWN_EX, &owner) == 0, "F_GETOWN_EX after it");
	close(fd);
}

int main(void)
{
	select_stray_bits();
	select_long();
	owners();
	return tap_done();
}
