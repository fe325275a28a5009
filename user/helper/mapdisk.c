// SPDX-License-Identifier: MIT
// mapdisk FILE OFFSET TEXT: writes TEXT there through a shared mapping, msync()s it, writes it again one page on after the
// page has become clean, msync()s that too, and prints what read() says of both.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc == 4 ? open(argv[1], O_RDWR) : -1;
	off_t offset = fd < 0 ? 0 : atol(argv[2]);
	char *map = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset), buf[64] = "";

	if (map == MAP_FAILED) {
		perror("mapdisk");
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		size_t n = strlen(argv[3]);

		memcpy(map + 4096 * i, argv[3], n);
		if (msync(map, 8192, MS_SYNC) || pread(fd, buf, n, offset + 4096 * i) != (ssize_t)n)
			return 2;
		// Clean by now, and read-only in the table: this write must not be lost either.
		map[4096 * i + n] = '!';
		if (msync(map, 8192, MS_SYNC))
			return 3;
		puts(buf);
	}
	return 0;
}
