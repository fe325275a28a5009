// SPDX-License-Identifier: MIT
// /proc/PID/clear_refs: marks of use go, of all memory or of some, and come back with the next use. smaps' Referenced shows them.

#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "user/test/proc.h"

constexpr size_t PAGE = 4096, BLOCK = 2 << 20, PAGES = 64;

static bool clear_refs(const char *what)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);
	bool done = fd >= 0 && write(fd, what, strlen(what)) == (ssize_t)strlen(what);

	close(fd);
	return done;
}

static long smaps(const char *at, const char *name)
{
	struct mapping m;
	const char *line = find_mapping("/proc/self/smaps", at, &m);

	return line ? field_in(line, name) : -1;
}

static long referenced(const char *at)
{
	return smaps(at, "Referenced:");
}

// Linux clears the marks but leaves translations in the CPU: with them a use would not be seen. Much that is unmapped makes it flush.
static void flush(void)
{
	char *p = mmap(nullptr, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t at = 0; p != MAP_FAILED && at < BLOCK; at += PAGE)
		p[at] = 1;
	munmap(p, BLOCK);
}

// In a place of its own, so that it is one line of smaps; every page written to.
static char *touched(size_t size, int flags, int fd)
{
	char *room = mmap(nullptr, size + 2 * BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *p = (char *)(((uintptr_t)room + 2 * BLOCK - 1) & -BLOCK);

	if (room == MAP_FAILED || mmap(p, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == MAP_FAILED)
		tap_bail("mmap");
	madvise(p, size, size < BLOCK ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	for (size_t at = 0; at < size; at += PAGE)
		p[at] = (char)(at / PAGE + 1);
	return p;
}

static char *anonymous(void)
{
	return touched(PAGES * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static bool intact(const char *p, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE)
		if (p[at] != (char)(at / PAGE + 1))
			return false;
	return true;
}

static void test_pages(void)
{
	char *p = anonymous();

	ok(referenced(p) == PAGES * 4, "what was touched is referenced");
	ok(clear_refs("1") && referenced(p) == 0 && smaps(p, "Rss:") == PAGES * 4, "1: no more, but it is still there");
	flush();
	ok(p[3 * PAGE] == 4 && referenced(p) == 4, "what is read then is referenced again");
	p[5 * PAGE] = 6;
	ok(referenced(p) == 8, "and what is written");
	ok(intact(p, PAGES * PAGE) && referenced(p) == PAGES * 4, "nothing else has changed");
}

static void test_kinds(void)
{
	int fd = memfd_create("clear_refs", 0);

	if (ftruncate(fd, PAGES * PAGE))
		tap_bail("ftruncate");
	char *p = anonymous(), *s = touched(PAGES * PAGE, MAP_SHARED, fd), *c = touched(PAGES * PAGE, MAP_PRIVATE, fd);

	ok(clear_refs("2") && referenced(p) == 0 && referenced(s) == PAGES * 4 && referenced(c) == PAGES * 4,
	   "2: only of memory without a file");
	ok(intact(p, PAGES * PAGE) && clear_refs("3") && referenced(s) == 0 && referenced(c) == 0,
	   "3: only of a file's mappings, private copies too");
	flush();
	ok(intact(s, PAGE) && intact(c, PAGE) && referenced(s) == 4 && referenced(c) == 4, "which come back as well");
	close(fd);
}

static void test_blocks(void)
{
	char *p = touched(BLOCK, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (smaps(p, "AnonHugePages:") != 2048) {
		tap_skip("no block of 2 MiB to be had");
		return;
	}
	ok(clear_refs("1") && referenced(p) == 0 && smaps(p, "AnonHugePages:") == 2048, "a block has one mark, and stays whole");
	flush();
	ok(p[PAGE] == 2 && referenced(p) == 2048, "a byte read is a reference to all of it");
	clear_refs("1");
	flush();
	p[3 * PAGE] = 4;
	ok(referenced(p) == 2048 && smaps(p, "AnonHugePages:") == 2048, "so is one written");
	ok(intact(p, BLOCK), "and its bytes are as they were");
}

// What a child shares with its parent has two sets of marks.
static void test_child(void)
{
	char *p = anonymous(), *b = touched(BLOCK, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		bool done = clear_refs("1") && referenced(p) == 0;

		flush();
		_exit(done && intact(p, PAGES * PAGE) && intact(b, BLOCK) && referenced(p) == PAGES * 4 ? 0 : 1);
	}
	ok(waitpid(pid, &status, 0) == pid && status == 0, "a child clears its marks");
	ok(referenced(p) == PAGES * 4 && referenced(b) == 2048, "its parent's stay");
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	ok(clear_refs("1") && referenced(p) == 0 && referenced(b) == 0, "a parent clears its own");
	flush();
	p[0] = 1;
	ok(intact(p, PAGES * PAGE) && intact(b, BLOCK) && referenced(p) == PAGES * 4, "and finds its memory");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

int main(void)
{
	test_pages();
	test_kinds();
	test_blocks();
	test_child();
	ok(clear_refs("4") && clear_refs("1\n"), "4, and a newline behind, are taken");
	ok(!clear_refs("0") && !clear_refs("6") && !clear_refs("x") && !clear_refs("1x"), "0, 6 and no number are not");
	return tap_done();
}
