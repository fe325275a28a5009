// SPDX-License-Identifier: MIT
// Takes more than there is: hog bomb (processes, for a while, then all end) | memory | tables (until killed) | touch MIB |
// hold MIB (until killed)

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

constexpr size_t MIB = 1 << 20;
constexpr int BOMB_SECONDS = 5;

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

// Every process forks as often as it can and dirties some memory, until the time is over. The group's first waits
// outside it and ends what is left.
static int bomb(void)
{
	time_t end = now() + BOMB_SECONDS;
	pid_t first = fork();

	if (first < 0)
		return 1;
	if (first == 0) {
		setpgid(0, 0);
		while (now() < end) {
			char *p = malloc(MIB);
			if (p)
				memset(p, 1, MIB / 16);
			fork();
		}
		for (;;)
			pause();
	}
	setpgid(first, first);
	while (now() <= end)
		sleep(1);
	while (kill(-first, SIGKILL) == 0)
		while (waitpid(-1, nullptr, WNOHANG) > 0)
			;
	while (waitpid(-1, nullptr, 0) > 0)
		;
	return 0;
}

static int touch(size_t mib)
{
	char *p = mmap(nullptr, mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	for (size_t at = 0; at < mib * MIB; at += 4096)
		p[at] = 1;
	return 0;
}

static int memory(void)
{
	while (touch(1) == 0)
		;
	return 1;
}

// Reads a page in every GiB: two tables each, and no memory else.
static void hold_tables(void)
{
	constexpr size_t GIB = 1ul << 30, SIZE = GIB << 16;
	volatile char *p = mmap(nullptr, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (size_t at = 0; p != MAP_FAILED && at < SIZE; at += GIB)
		(void)p[at];
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (!strcmp(how, "bomb"))
		return bomb();
	if (!strcmp(how, "memory"))
		return memory();
	if (!strcmp(how, "tables"))
		hold_tables();
	if (!strcmp(how, "hold") && argc > 2 && touch((size_t)atol(argv[2])) == 0)
		pause();
	if (!strcmp(how, "touch") && argc > 2)
		return touch((size_t)atol(argv[2]));
	return 2;
}
