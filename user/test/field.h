// SPDX-License-Identifier: MIT
// What the tests of other kernels' bugs share: races with an end, memory, and faults that are expected.
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "user/test/child.h"
#include "user/test/tap.h"

constexpr size_t PAGE = 4096, MIB = 1 << 20;
static const char *self = "/proc/self/exe";

// The name of its file, which others can open as well.
static inline void name_self(void)
{
	static char path[4096];
	ssize_t n = readlink(self, path, sizeof(path) - 1);

	if (n > 0) {
		path[n] = 0;
		self = path;
	}
}

// Races are tried for this long, or often enough.
static struct timespec race_end;

static inline void race_begin(void)
{
	clock_gettime(CLOCK_MONOTONIC, &race_end);
	race_end.tv_sec += 2;
}

static inline bool race_over(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > race_end.tv_sec || (now.tv_sec == race_end.tv_sec && now.tv_nsec > race_end.tv_nsec);
}

static inline char *map(size_t size, int prot)
{
	char *p = mmap(nullptr, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		tap_bail("mmap");
	return p;
}

static inline char *map_rw(size_t size)
{
	return map(size, PROT_READ | PROT_WRITE);
}

static inline char *temporary_file(size_t size)
{
	static char path[] = "/tmp/field_test.XXXXXX";

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	int fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, (off_t)size))
		tap_bail("temporary file");
	close(fd);
	return path;
}

// ---- faults that are expected: the signal and its code, or 0

static sigjmp_buf fault_return;
static volatile int fault_signal, fault_code;
static volatile bool fault_expected;

static inline void on_fault(int sig, siginfo_t *info, void *context)
{
	if (!fault_expected) {
		signal(sig, SIG_DFL); // the test's own mistake: let it show
		return;
	}
	fault_signal = sig;
	fault_code = info->si_code;
	siglongjmp(fault_return, 1);
}

static inline void catch_faults(void)
{
	struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(SIGSEGV, &act, nullptr);
	sigaction(SIGBUS, &act, nullptr);
}

static inline int fault_of(volatile char *at, bool write)
{
	fault_signal = fault_code = 0;
	fault_expected = true;
	if (!sigsetjmp(fault_return, 1)) {
		if (write)
			*at = 1;
		else
			(void)*at;
	}
	fault_expected = false;
	return fault_signal;
}
