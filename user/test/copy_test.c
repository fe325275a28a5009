// SPDX-License-Identifier: MIT
// Copies in and out of memory that ends: read and write give the bytes before the end, every one of them and none more,
// whatever the sizes and alignments.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tap.h"

constexpr int PAGE = 4096, MOST = 150;

static unsigned char pattern[2 * MOST];
static unsigned char *edge;	// the first byte that is not there
static int file;

static bool reads(int there, int n)
{
	memset(edge - there - 8, 0xee, there + 8);
	long got = pread(file, edge - there, n, 3);

	return got == (there ? there : -1) && !memcmp(edge - there, pattern + 3, there) && edge[-there - 1] == 0xee;
}

static bool writes(int there, int n)
{
	unsigned char back[MOST + 2] = {};
	long put;

	memset(edge - MOST, 0xee, MOST - there);
	memcpy(edge - there, pattern, there);
	if (ftruncate(file, 0) || (put = pwrite(file, edge - there, n, 0)) != (there ? there : -1))
		return false;
	return pread(file, back, sizeof(back), 0) == there && !memcmp(back, pattern, there);
}

static bool whole(int offset, int n)
{
	unsigned char back[MOST + 32];

	memset(back, 0xee, sizeof(back));
	return pread(file, back + offset, n, 5) == n && !memcmp(back + offset, pattern + 5, n) &&
	       back[offset + n] == 0xee && (!offset || back[offset - 1] == 0xee);
}

int main(void)
{
	int bad_reads = 0, bad_writes = 0, bad_wholes = 0;
	unsigned char *two = mmap(nullptr, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	file = memfd_create("copy", 0);
	munmap(two + PAGE, PAGE);
	edge = two + PAGE;
	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = (unsigned char)(i * 7 + 1);
	if (write(file, pattern, sizeof(pattern)) != sizeof(pattern))
		return 1;
	for (int offset = 0; offset < 16; offset++)
		for (int n = 0; n < MOST; n++)
			bad_wholes += !whole(offset, n);
	ok(!bad_wholes, "whole copies (%d wrong)", bad_wholes);
	for (int there = 0; there < MOST; there++)
		for (int n = there + 1; n < MOST; n++)
			bad_reads += !reads(there, n);
	ok(!bad_reads, "reads to the edge (%d wrong)", bad_reads);
	for (int there = 0; there < MOST; there++)
		for (int n = there + 1; n < MOST; n++)
			bad_writes += !writes(there, n);
	ok(!bad_writes, "writes from the edge (%d wrong)", bad_writes);
	return tap_done();
}
