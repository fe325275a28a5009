// SPDX-License-Identifier: MIT
// direct FILE: writes and reads with O_DIRECT, aligned and not, mixed with reads and writes through the cache. Prints what is
// wrong, or "direct".

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static void check(bool good, const char *what)
{
	if (good)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static bool refused(ssize_t n)
{
	return n == -1 && errno == EINVAL;
}

int main(int argc, char **argv)
{
	int direct = open(argv[argc - 1], O_RDWR | O_DIRECT), cached = open(argv[argc - 1], O_RDWR);
	char *buf = aligned_alloc(4096, 65536), *other = aligned_alloc(4096, 65536);

	check(direct >= 0 && cached >= 0 && buf && other, "open");
	for (int i = 0; i < 65536; i++)
		buf[i] = (char)(i * 7 + i / 4096);
	check(pwrite(direct, buf, 65536, 512) == 65536, "write");
	check(pread(cached, other, 65536, 512) == 65536 && !memcmp(buf, other, 65536), "the cache sees it");
	check(pwrite(cached, "cached", 6, 1024) == 6, "write through the cache");
	check(pread(direct, other, 512, 1024) == 512 && !memcmp(other, "cached", 6), "a direct read sees it");
	check(refused(pread(direct, other, 512, 100)), "a crooked position");
	check(refused(pread(direct, other, 100, 512)), "a crooked length");
	check(refused(pread(direct, other + 1, 512, 512)), "a crooked address");
	struct iovec v[] = { { other, 1024 }, { other + 8192, 512 }, { other + 7, 512 } };
	check(preadv(direct, v, 2, 0) == 1536 && refused(preadv(direct, v, 3, 0)), "pieces");
	check(!fcntl(direct, F_SETFL, 0) && pread(direct, other, 3, 1025) == 3 && !memcmp(other, "ach", 3), "without the flag");
	check(!fcntl(cached, F_SETFL, O_DIRECT) && refused(pread(cached, other, 3, 1025)), "with the flag");
	puts("direct");
	return 0;
}
