// SPDX-License-Identifier: MIT
/*
 * More memory in use than there is: contents must survive, for one process, for processes that share pages through fork
 * on several CPUs, for shared memory. On a machine with much memory only madvise(MADV_PAGEOUT) makes pages go.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "user/test/tap.h"

#define PAGE 4096ul
#ifndef MADV_PAGEOUT
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif

/* Twice the memory of a small machine; not too much for the time it takes on a large one. */
static size_t working_set(void)
{
	char line[128];
	unsigned long kib = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f) && sscanf(line, "MemTotal: %lu kB", &kib) != 1)
		;
	if (f)
		fclose(f);
	size_t most = 240ul << 20, twice = kib * 2048;

	return (twice < most ? twice : most) & ~(PAGE - 1);
}

/* Bytes that differ from page to page and compress to about a seventh. */
static void fill(uint64_t *page, uint64_t seed)
{
	for (unsigned i = 0; i < PAGE / 8; i += 4) {
		page[i] = seed * 0x9e3779b97f4a7c15ul;
		page[i + 1] = seed;
		page[i + 2] = 0;
		page[i + 3] = i;
	}
}

static int same(const uint64_t *page, uint64_t seed)
{
	for (unsigned i = 0; i < PAGE / 8; i += 4)
		if (page[i] != seed * 0x9e3779b97f4a7c15ul || page[i + 1] != seed || page[i + 2] ||
		    page[i + 3] != i)
			return 0;
	return 1;
}

static uint64_t *map(size_t n, int flags)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static uint64_t *page_at(uint64_t *base, size_t i) { return base + i * (PAGE / 8); }

static unsigned wrong(uint64_t *base, size_t pages, uint64_t seed)
{
	unsigned n = 0;

	for (size_t i = 0; i < pages; i++)
		n += !same(page_at(base, i), seed + i);
	return n;
}

static void test_one_process(void)
{
	size_t n = working_set(), pages = n / PAGE;
	uint64_t *m = map(n, MAP_PRIVATE | MAP_NORESERVE);

	ok(m != NULL, "%zu MiB can be mapped", n >> 20);
	for (size_t i = 0; i < pages; i++)
		fill(page_at(m, i), i);
	ok(wrong(m, pages, 0) == 0, "all is there after it was written once");
	for (size_t i = 0; i < pages; i += 3)
		fill(page_at(m, i), i + 7);
	unsigned bad = 0;

	for (size_t i = pages; i-- > 0;)
		bad += !same(page_at(m, i), i % 3 ? i : i + 7);
	ok(bad == 0, "and after a third was written again, read backwards");
	munmap(m, n);
}

/* Children of a parent whose memory is (partly) swapped out see it, change their part of it, and change nobody else's. */
static void test_fork(void)
{
	enum { CHILDREN = 4 };
	size_t n = working_set() / 2, pages = n / PAGE;
	uint64_t *m = map(n, MAP_PRIVATE | MAP_NORESERVE);
	int status, bad = 0;

	for (size_t i = 0; i < pages; i++)
		fill(page_at(m, i), i);
	for (int c = 0; c < CHILDREN; c++) {
		if (fork() == 0) {
			unsigned k = wrong(m, pages, 0);

			for (size_t i = (size_t)c; i < pages; i += 16)
				fill(page_at(m, i), i * 3 + 1);
			for (size_t i = 0; i < pages; i++)
				k += !same(page_at(m, i), i % 16 == (size_t)c ? i * 3 + 1 : i);
			_exit(k != 0);
		}
	}
	unsigned mine = wrong(m, pages, 0);

	for (int c = 0; c < CHILDREN; c++) {
		wait(&status);
		bad += !WIFEXITED(status) || WEXITSTATUS(status);
	}
	ok(bad == 0, "%d children find what the parent had, and keep what they wrote", CHILDREN);
	ok(mine == 0 && wrong(m, pages, 0) == 0, "the parent sees nothing of it");
	munmap(m, n);
}

struct job {
	uint64_t *base;
	size_t pages, first;
	unsigned bad;
};

static void *worker(void *arg)
{
	struct job *j = arg;

	for (int round = 0; round < 2; round++) {
		for (size_t i = j->first; i < j->pages; i += 4)
			fill(page_at(j->base, i), i + (size_t)round);
		for (size_t i = j->first; i < j->pages; i += 4)
			j->bad += !same(page_at(j->base, i), i + (size_t)round);
	}
	return NULL;
}

static void test_threads(void)
{
	size_t n = working_set() * 3 / 4, pages = n / PAGE;
	uint64_t *m = map(n, MAP_PRIVATE | MAP_NORESERVE);
	pthread_t t[4];
	struct job jobs[4];
	unsigned bad = 0;

	for (size_t i = 0; i < 4; i++) {
		jobs[i] = (struct job){ m, pages, i, 0 };
		pthread_create(&t[i], NULL, worker, &jobs[i]);
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		bad += jobs[i].bad;
	}
	ok(bad == 0, "four threads write and read neighbouring pages");
	munmap(m, n);
}

static void test_pageout(void)
{
	size_t pages = 300;
	uint64_t *m = map(pages * PAGE, MAP_PRIVATE);

	for (size_t i = 0; i < pages; i++)
		fill(page_at(m, i), i);
	memset(page_at(m, 7), 0, PAGE);
	int res = madvise(m, pages * PAGE, MADV_PAGEOUT);

	ok(res == 0, "MADV_PAGEOUT");
	ok(!((char *)page_at(m, 7))[100] && same(page_at(m, 8), 8), "zeros and the rest come back");
	madvise(m, pages * PAGE, MADV_COLD);
	madvise(m, pages * PAGE, MADV_PAGEOUT);
	if (fork() == 0) {
		fill(page_at(m, 10), 1000);
		_exit(!(same(page_at(m, 10), 1000) && same(page_at(m, 11), 11)));
	}
	int status;

	wait(&status);
	ok(status == 0, "a child inherits what is out");
	ok(mprotect(m, PAGE * pages, PROT_READ) == 0 && same(page_at(m, 10), 10), "mprotect leaves it what it was");
	uint64_t *to = mremap(m, pages * PAGE, pages * PAGE * 2, MREMAP_MAYMOVE);

	ok(to != MAP_FAILED && same(page_at(to, 299), 299) && same(page_at(to, 20), 20), "mremap takes it along");
	madvise(to, pages * PAGE, MADV_PAGEOUT);
	madvise(to, pages * PAGE, MADV_DONTNEED);
	ok(page_at(to, 20)[0] == 0, "MADV_DONTNEED drops it");
	munmap(to, pages * PAGE * 2);
}

/* Memory that is an object's: read and written, mapped, seen by a child, cut in the middle of a page. */
static void test_shared(void)
{
	size_t n = working_set() * 3 / 4, pages = n / PAGE;
	int fd = memfd_create("swap", 0), status;
	uint64_t page[PAGE / 8];
	unsigned bad = 0;

	ok(ftruncate(fd, (off_t)n) == 0, "a memfd of %zu MiB", n >> 20);
	for (size_t i = 0; i < pages; i++) {
		fill(page, i);
		bad += pwrite(fd, page, PAGE, (off_t)(i * PAGE)) != (ssize_t)PAGE;
	}
	ok(bad == 0, "is written");
	for (size_t i = 0; i < pages; i++)
		bad += pread(fd, page, PAGE, (off_t)(i * PAGE)) != (ssize_t)PAGE || !same(page, i);
	ok(bad == 0, "and read");
	uint64_t *m = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	for (size_t i = 0; i < pages; i += 5)
		fill(page_at(m, i), i + 3);
	if (fork() == 0) {
		for (size_t i = 1; i < pages; i += 5)
			fill(page_at(m, i), i + 4);
		_exit(0);
	}
	wait(&status);
	for (size_t i = 0; i < pages; i++)
		bad += !same(page_at(m, i), i % 5 == 0 ? i + 3 : i % 5 == 1 ? i + 4 : i);
	ok(bad == 0, "mapped, it has what was written through two mappings");
	madvise(m, n, MADV_PAGEOUT);
	ok(ftruncate(fd, (off_t)(n / 2 + 100)) == 0 && ftruncate(fd, (off_t)n) == 0, "cut and grown again");
	page[0] = 1;
	ok(pread(fd, page, PAGE, (off_t)(n / 2)) == (ssize_t)PAGE && page[12] && !page[13] && !page[PAGE / 8 - 1],
	   "zeros behind the cut");
	munmap(m, n);
	close(fd);
}

int main(void)
{
	test_shared();
	test_pageout();
	test_one_process();
	test_fork();
	test_threads();
	return tap_done();
}
