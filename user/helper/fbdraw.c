// SPDX-License-Identifier: MIT
// fbdraw: a red pixel stripe through a mapping of /dev/fb0, green by a child that shares it, blue by write(2), each a row of
// character cells high; then unmaps, splits and forks over the mapping's edges. Prints the mode, or what went wrong.

#include <errno.h>
#include <fcntl.h>
#include <linux/fb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

constexpr unsigned STRIPE = 16;
static struct fb_var_screeninfo var;
static struct fb_fix_screeninfo fix;

static void check(bool good, const char *what)
{
	if (good)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static void stripe(char *map, unsigned first, uint32_t colour)
{
	for (unsigned y = first; y < first + STRIPE; y++)
		for (unsigned x = 0; x < var.xres; x++)
			((uint32_t *)(map + y * fix.line_length))[x] = colour;
}

static void by_child(char *map)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		stripe(map, STRIPE, 0xffu << var.green.offset);
		munmap(map, fix.smem_len / 2);
		_exit(fork() == 0 ? 0 : 7);
	}
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7, "child");
	check(*(uint32_t *)(map + STRIPE * fix.line_length) == 0xffu << var.green.offset, "the child's pixels");
}

static void by_write(int fd)
{
	size_t n = (size_t)STRIPE * fix.line_length;
	uint32_t *row = malloc(n), back = 0;

	for (size_t i = 0; i < n / 4; i++)
		row[i] = 0xffu << var.blue.offset;
	check(pwrite(fd, row, n, 2 * STRIPE * fix.line_length) == (ssize_t)n, "pwrite");
	check(pread(fd, &back, 4, 2 * STRIPE * fix.line_length) == 4 && back == row[0], "pread");
	check(pread(fd, &back, 4, fix.smem_len) == 0, "pread at the end");
	check(pwrite(fd, row, 4, fix.smem_len) == -1, "pwrite at the end");
	free(row);
}

// What other parts of the system do with pages must leave these alone.
static void odd_uses(int fd, char *map)
{
	char buf[8];
	struct iovec here = { buf, 8 }, there = { map, 8 };
	int pipes[2];

	check(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED, "a private mapping");
	check(process_vm_readv(getpid(), &here, 1, &there, 1, 0) == -1, "process_vm_readv");
	check(pipe(pipes) == 0 && write(pipes[1], map, 8) == 8 && read(pipes[0], map, 8) == 8, "a pipe");
	check(mprotect(map + 4096, 4096, PROT_READ) == 0 && mprotect(map + 4096, 4096, PROT_READ | PROT_WRITE) == 0, "mprotect");
	map[4096] = map[4096];
	(void)madvise(map, 8192, MADV_DONTNEED);
	(void)mlock(map, 8192);
	(void)mremap(map, fix.smem_len, 2 * (size_t)fix.smem_len, MREMAP_MAYMOVE);
	check(munmap(map + 3 * 4096, 4096) == 0 && munmap(map, fix.smem_len) == 0, "munmap");
}

int main(void)
{
	int fd = open("/dev/fb0", O_RDWR);

	check(fd >= 0, "/dev/fb0");
	check(!ioctl(fd, FBIOGET_VSCREENINFO, &var) && !ioctl(fd, FBIOGET_FSCREENINFO, &fix), "ioctl");
	char *map = mmap(nullptr, fix.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	check(map != MAP_FAILED, "mmap");
	stripe(map, 0, 0xffu << var.red.offset);
	by_child(map);
	by_write(fd);
	struct fb_var_screeninfo other = var;

	other.xres = 640;
	check(!ioctl(fd, FBIOPUT_VSCREENINFO, &other) && other.xres == var.xres, "the mode stays");
	check(ioctl(fd, FBIOPAN_DISPLAY, &var) == -1 && errno == EINVAL, "no panning");
	odd_uses(fd, map);
	printf("%u x %u, %u bits\n", var.xres, var.yres, var.bits_per_pixel);
	return 0;
}
