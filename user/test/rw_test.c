// SPDX-License-Identifier: MIT
// read and write with memory of which not all is there: how much is moved, what stays, and what is found wrong first.

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "user/test/tap.h"

constexpr size_t PAGE = 4096, ROOM = 4 * PAGE;

static char *room;	// ROOM bytes, and nothing behind them
static char *edge;	// there

static bool is_error(long r, int err)
{
	return r == -1 && errno == err;
}

static void make_room(void)
{
	room = mmap(nullptr, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(room + ROOM, PAGE, PROT_NONE);
	edge = room + ROOM;
}

// ---- addresses that cannot be a user's

static const struct {
	const char *what;
	long at, n;		// at 0: `room`
} wild[] = {{"2^62 bytes", 0, 1l << 62}, {"-1 bytes", 0, -1}, {"-4096 bytes", 0, -4096}, {"as many as reach the kernel", 0, 0x7fffffffffffffff},
	{"one byte of the kernel's", (long)0xffff800000000000ul, 1}, {"none of the kernel's", (long)0xffff800000000000ul, 0}};

static bool all_wild(int fd, bool write, int error)
{
	bool good = true;

	for (size_t i = 0; i < sizeof(wild) / sizeof(*wild); i++) {
		void *at = wild[i].at ? (void *)wild[i].at : room;
		long r = write ? syscall(SYS_write, fd, at, wild[i].n) : syscall(SYS_read, fd, at, wild[i].n);

		if (is_error(r, error))
			continue;
		printf("# %s: %ld (%s)\n", wild[i].what, r, r < 0 ? strerror(errno) : "");
		good = false;
	}
	return good;
}

static void test_wild(void)
{
	static const char *const names[] = {"/dev/zero", "/dev/null", "/proc/self/exe", "/"};
	int pipes[2], file = memfd_create("x", 0);

	for (size_t i = 0; i < 4; i++) {
		int fd = open(names[i], O_RDONLY);
		ok(all_wild(fd, false, EFAULT), "%s: memory beyond the user's is EFAULT, whatever there is to read", names[i]);
		ok(all_wild(fd, true, EBADF), "%s: but first it must be open for that: EBADF", names[i]);
		close(fd);
	}
	pipe(pipes);
	write(pipes[1], "x", 1);
	ok(all_wild(pipes[0], false, EFAULT) && all_wild(pipes[1], true, EFAULT) && all_wild(pipes[1], false, EBADF), "pipes: EFAULT, and EBADF");
	ok(all_wild(file, false, EFAULT) && all_wild(file, true, EFAULT), "files: EFAULT");
	ok(all_wild(-1, false, EBADF) && all_wild(777, true, EBADF), "no files: EBADF");
	ok(is_error(syscall(SYS_pread64, file, room, -1l, 0l), EFAULT) && is_error(syscall(SYS_pwrite64, file, room, 1l << 62, 0l), EFAULT),
	   "pread, pwrite: EFAULT");
	ok(is_error(syscall(SYS_pread64, file, room, -1l, -1l), EINVAL) && is_error(syscall(SYS_pread64, pipes[0], room, -1l, 0l), ESPIPE),
	   "after a bad position, and a file without positions");
#ifdef __x86_64__
	uintptr_t top = 0x7ffffffff000, all = top - (uintptr_t)room;
	int zero = open("/dev/zero", O_RDONLY);
	ok(syscall(SYS_read, zero, room, all) == (long)ROOM && is_error(syscall(SYS_read, zero, room, all + 1), EFAULT), "the last byte counts");
	close(zero);
#endif
	close(file);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_vectors(void)
{
	struct iovec v[2] = {{room, 8}, {(void *)0xffff800000000000, 8}};
	int zero = open("/dev/zero", O_RDWR), pipes[2];

	ok(is_error(readv(zero, v, 2), EFAULT) && is_error(writev(zero, v, 2), EFAULT), "a vector's second piece is the kernel's: nothing is moved");
	v[1].iov_len = 0;
	ok(is_error(readv(zero, v, 2), EFAULT), "even if it is empty");
	v[1] = (struct iovec){room, 1ul << 62};
	ok(is_error(readv(zero, v, 2), EFAULT), "a piece that is too long: EFAULT");
	v[0].iov_base = (void *)0xffff800000000000;
	v[1].iov_len = -1;
	ok(is_error(readv(zero, v, 2), EINVAL), "of negative length: EINVAL before that");
	pipe(pipes);
	ok(is_error(preadv(pipes[0], v, 2, 0), ESPIPE) && is_error(preadv(pipes[0], v, 2, -2), EINVAL) && is_error(preadv(777, v, 2, 0), EBADF),
	   "preadv: the file and the position come first");
	close(pipes[0]);
	close(pipes[1]);
	close(zero);
}

// ---- memory that ends

static void test_partial_files(void)
{
	int zero = open("/dev/zero", O_RDWR), file = memfd_create("x", 0);

	ok(read(zero, edge - 8, 16) == 8 && is_error(read(zero, edge, 16), EFAULT) && read(zero, edge - 5000, 9000) == 5000,
	   "/dev/zero fills what is there");
	ok(read(zero, edge, 0) == 0 && write(zero, edge, 16) == 16, "none asked for, and none looked at: no error");
	ok(write(file, edge - 8, 16) == 8 && is_error(write(file, edge, 16), EFAULT) && lseek(file, 0, SEEK_CUR) == 8, "a file takes what is there");
	ftruncate(file, 20000);
	lseek(file, 0, SEEK_SET);
	ok(read(file, edge - 5000, 9000) == 5000 && is_error(read(file, edge, 1), EFAULT) && lseek(file, 0, SEEK_CUR) == 5000,
	   "and gives it, and its position says so");
	ok(pread(file, edge - 10, 4096, 19990) == 10 && pread(file, edge, 4096, 20000) == 0, "what is not reached is not missed");
	struct iovec v[2] = {{edge - 8, 8}, {edge, 8}};
	ok(preadv(file, v, 2, 0) == 8 && pwritev(file, v, 2, 0) == 8, "a vector whose second piece is missing: the first");
	close(zero);
	close(file);
}

// What goes into a page of a pipe goes whole or not at all; so what comes out.
static void test_partial_pipe(void)
{
	int p[2];

	pipe2(p, O_NONBLOCK);
	ok(is_error(write(p[1], edge - 8, 16), EFAULT) && is_error(read(p[0], room, PAGE), EAGAIN), "a pipe takes nothing of what is there in part");
	write(p[1], "0123456789abcdef", 16);
	ok(is_error(write(p[1], edge - 8, 16), EFAULT), "nor behind others");
	ok(is_error(read(p[0], edge - 8, 16), EFAULT), "nor gives it");
	ok(read(p[0], room, PAGE) == 16 && !memcmp(room, "0123456789abcdef", 16), "and has it all afterwards");
	for (size_t i = 0; i < ROOM; i++)
		room[i] = (char)(i / 7);
	long n = write(p[1], edge - 2 * PAGE, 3 * PAGE);
	ok(n == (long)(2 * PAGE), "full pages before the end are taken");
	char *back = malloc(3 * PAGE);
	ok(read(p[0], back, 3 * PAGE) == n && !memcmp(back, edge - 2 * PAGE, n), "and come back");
	free(back);
	signal(SIGPIPE, SIG_IGN);
	close(p[0]);
	ok(is_error(write(p[1], edge, 16), EPIPE), "who does not read cannot be given bad memory: EPIPE");
	close(p[1]);
}

static void test_partial_socket(void)
{
	int s[2];

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
	ok(is_error(write(s[0], edge - 8, 16), EFAULT) && is_error(read(s[1], room, PAGE), EAGAIN), "a stream takes nothing of what is there in part");
	write(s[0], "0123456789abcdef", 16);
	ok(is_error(read(s[1], edge - 8, 16), EFAULT) && is_error(recv(s[1], edge - 8, 16, MSG_WAITALL), EFAULT), "nor gives it");
	ok(read(s[1], room, PAGE) == 16 && !memcmp(room, "0123456789abcdef", 16), "and has it all afterwards");
	close(s[0]);
	close(s[1]);
}

// ---- no bytes

static void test_none(void)
{
	int s[2], event = eventfd(1, EFD_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), watch = inotify_init1(IN_NONBLOCK);
	char c;

	ok(is_error(read(event, room, 0), EINVAL) && is_error(write(event, room, 0), EINVAL) && is_error(read(event, room, 7), EINVAL),
	   "an eventfd has no number of 0 bytes: EINVAL");
	ok(is_error(read(timer, room, 0), EINVAL), "nor has a timerfd");
	ok(is_error(read(watch, room, 0), EAGAIN), "an inotify without events: EAGAIN");
	inotify_add_watch(watch, "/tmp", IN_DELETE_SELF | IN_ATTRIB | IN_OPEN);
	close(open("/tmp", O_RDONLY | O_DIRECTORY));
	ok(is_error(read(watch, room, 0), EINVAL) && read(watch, room, ROOM) > 0, "with one: EINVAL");
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s);
	ok(write(s[0], &c, 0) == 0 && write(s[0], "x", 1) == 1, "an empty message can be written");
	ok(read(s[1], &c, 0) == 0, "to read none takes no message");
	ok(recv(s[1], &c, 1, 0) == 0 && recv(s[1], &c, 1, 0) == 1 && c == 'x', "and arrives before the next");
	close(s[0]);
	close(s[1]);
	close(event);
	close(timer);
	close(watch);
}

int main(void)
{
	make_room();
	test_wild();
	test_vectors();
	test_partial_files();
	test_partial_pipe();
	test_partial_socket();
	test_none();
	return tap_done();
}
