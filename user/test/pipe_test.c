// SPDX-License-Identifier: MIT
// Pipes and fifos: order, atomicity, blocking, both ends' ends.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

static void make(int p[2], int flags)
{
	if (pipe2(p, flags))
		tap_bail("pipe2");
}

static void done(int p[2])
{
	close(p[0]);
	close(p[1]);
}

static void basics(void)
{
	int p[2], n;
	char buf[16];

	make(p, 0);
	ok(write(p[1], "abc", 3) == 3 && !ioctl(p[0], FIONREAD, &n) && n == 3, "FIONREAD counts");
	ok(read(p[0], buf, 2) == 2 && read(p[0], buf + 2, 10) == 1 && !memcmp(buf, "abc", 3),
	   "bytes keep their order");
	ok(write(p[0], "x", 1) == -1 && errno == EBADF, "the reading end cannot be written");
	ok(read(p[1], buf, 1) == -1 && errno == EBADF, "nor the writing end read");
	ok(lseek(p[0], 0, SEEK_CUR) == -1 && errno == ESPIPE, "a pipe has no position");
	ok(pread(p[0], buf, 1, 0) == -1 && errno == ESPIPE, "pread is ESPIPE");
	ok(write(p[1], (void *)8, 1) == -1 && errno == EFAULT, "a bad buffer is EFAULT");
	struct stat st;
	ok(!fstat(p[0], &st) && S_ISFIFO(st.st_mode), "fstat calls it a fifo");
	close(p[1]);
	ok(read(p[0], buf, 1) == 0, "without writers read is at the end");
	close(p[0]);
	ok(pipe2(p, 0x10000000) == -1 && errno == EINVAL, "unknown flags are EINVAL");
	ok(pipe((int *)8) == -1 && errno == EFAULT, "a bad address is EFAULT");
	make(p, O_CLOEXEC);
	ok(fcntl(p[0], F_GETFD) == FD_CLOEXEC && fcntl(p[1], F_GETFD) == FD_CLOEXEC,
	   "O_CLOEXEC is set on both");
	done(p);
}

static volatile int pipes_broken;
static void count(int sig) { pipes_broken++; }

static void broken(void)
{
	int p[2];

	make(p, 0);
	close(p[0]);
	signal(SIGPIPE, count);
	ok(write(p[1], "x", 1) == -1 && errno == EPIPE && pipes_broken == 1,
	   "without readers: SIGPIPE and EPIPE");
	signal(SIGPIPE, SIG_DFL);
	close(p[1]);
}

// Bytes that wrap around within a page that is being read.
static void wrapped(void)
{
	static char buf[65536], back[65536];
	int p[2];
	bool same = true;

	make(p, 0);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 7 + i / 256);
	write(p[1], buf, 5000);
	read(p[0], back, 4999);
	write(p[1], buf, 61000);
	same &= read(p[0], back, 5000) == 5000;
	write(p[1], buf, 8000);
	same &= read(p[0], back, 56001) == 56001 && !memcmp(back, buf + 4999, 56001);
	same &= read(p[0], back, 8000) == 8000 && !memcmp(back, buf, 8000);
	ok(same, "a ring that is full in the middle of a page keeps all bytes");
	done(p);
}

static void full(void)
{
	int p[2];
	static char buf[128 * 1024];
	size_t total = 0;
	ssize_t n;

	make(p, O_NONBLOCK);
	ok(read(p[0], buf, 1) == -1 && errno == EAGAIN, "an empty one is EAGAIN with O_NONBLOCK");
	while ((n = write(p[1], buf, 1000)) > 0)
		total += (size_t)n;
	ok(errno == EAGAIN && total > 60000 && total <= 65536, "a full one too, after %zu bytes",
	   total);
	ok(write(p[1], buf, 4096) == -1 && errno == EAGAIN,
	   "up to PIPE_BUF bytes go whole or not at all");
	struct pollfd f = { p[1], POLLOUT, 0 };
	ok(poll(&f, 1, 0) == 0, "poll agrees that there is no room");
	read(p[0], buf, 8192);
	ok(poll(&f, 1, 0) == 1 && write(p[1], buf, 4096) == 4096, "after a read there is");
	ok(fcntl(p[1], F_GETPIPE_SZ) == 65536, "F_GETPIPE_SZ");
	ok(fcntl(p[1], F_SETPIPE_SZ, 4096) == -1 && errno == EBUSY,
	   "it cannot shrink below its contents");
	ok(fcntl(p[1], F_SETPIPE_SZ, 200000) == 262144, "it can grow");
	for (size_t left = total; left > 0 && (n = read(p[0], buf, sizeof(buf))) > 0;)
		left -= (size_t)n;
	ok(write(p[1], buf, 100000) == 100000, "and then holds more");
	done(p);
}

// A sequence of bytes that goes through a pipe in pieces of changing sizes.
static void stream(void)
{
	enum { TOTAL = 3000000 };
	static unsigned char buf[70000];
	int p[2], status;

	make(p, 0);
	pid_t pid = fork();
	if (!pid) {
		close(p[0]);
		unsigned x = 0;
		for (size_t sent = 0, step = 1; sent < TOTAL; step = step * 7 % 65521 + 1) {
			size_t n = step < TOTAL - sent ? step : TOTAL - sent;
			for (size_t i = 0; i < n; i++)
				buf[i] = (unsigned char)(x++ * 2654435761u >> 24);
			if (write(p[1], buf, n) != (ssize_t)n)
				_exit(1);
			sent += n;
		}
		_exit(0);
	}
	close(p[1]);
	unsigned x = 0;
	bool same = true;
	size_t total = 0;
	ssize_t n;
	for (size_t step = 3; (n = read(p[0], buf, step)) > 0; step = step * 5 % 69997 + 1) {
		total += (size_t)n;
		for (ssize_t i = 0; i < n; i++)
			same &= buf[i] == (unsigned char)(x++ * 2654435761u >> 24);
	}
	int error = errno;
	close(p[0]);	// so that the writer ends whatever happened
	waitpid(pid, &status, 0);
	errno = error;
	ok(!n && status == 0 && total == TOTAL && same, "%d bytes arrive as they were sent", TOTAL);
}

// Writers that send records of PIPE_BUF bytes at once.
static void atomic(void)
{
	enum { WRITERS = 4, RECORDS = 100, SIZE = 4096 };
	static char buf[SIZE];
	int p[2], whole = 0;

	make(p, 0);
	for (int w = 0; w < WRITERS; w++) {
		if (fork())
			continue;
		memset(buf, 'a' + w, SIZE);
		for (int i = 0; i < RECORDS; i++)
			write(p[1], buf, SIZE);
		_exit(0);
	}
	close(p[1]);
	for (;;) {
		size_t got = 0;
		ssize_t n;
		while (got < SIZE && (n = read(p[0], buf + got, SIZE - got)) > 0)
			got += (size_t)n;
		if (!got)
			break;
		bool same = got == SIZE;
		for (size_t i = 1; i < got; i++)
			same &= buf[i] == buf[0];
		whole += same;
	}
	while (wait(nullptr) > 0)
		;
	ok(whole == WRITERS * RECORDS, "records of PIPE_BUF bytes from %d writers do not mix",
	   WRITERS);
	close(p[0]);
}

static void ping_pong(void)
{
	enum { ROUNDS = 2000 };
	int a[2], b[2], status, good = 0;
	unsigned char c;

	make(a, 0);
	make(b, 0);
	pid_t pid = fork();
	if (!pid) {
		done((int[]){ a[1], b[0] });
		while (read(a[0], &c, 1) == 1) {
			c++;
			write(b[1], &c, 1);
		}
		_exit(0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		c = (unsigned char)i;
		write(a[1], &c, 1);
		good += read(b[0], &c, 1) == 1 && c == (unsigned char)(i + 1);
	}
	close(a[1]);
	ok(good == ROUNDS, "%d rounds between two processes", ROUNDS);
	close(a[0]);
	done(b);
	waitpid(pid, &status, 0);
	ok(status == 0, "closing the pipe ends the other side");
}

static void interrupted(void)
{
	int p[2];
	char c;
	struct sigaction act = { .sa_handler = count };

	make(p, 0);
	sigaction(SIGALRM, &act, nullptr);
	ualarm(20000, 0);
	ok(read(p[0], &c, 1) == -1 && errno == EINTR, "a signal interrupts a read");
	act.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &act, nullptr);
	pid_t pid = fork();
	if (!pid) {
		usleep(100000);
		write(p[1], "z", 1);
		_exit(0);
	}
	ualarm(20000, 0);
	ok(read(p[0], &c, 1) == 1 && c == 'z', "with SA_RESTART it goes on");
	waitpid(pid, nullptr, 0);
	done(p);
}

static void fifos(void)
{
	char dir[] = "/tmp/pipe_testXXXXXX", c;
	int status;

	if (!mkdtemp(dir) || chdir(dir))
		tap_bail(dir);
	ok(!mkfifo("f", 0600), "mkfifo");
	ok(open("f", O_WRONLY | O_NONBLOCK) == -1 && errno == ENXIO,
	   "a writer without a reader is ENXIO");
	int rd = open("f", O_RDONLY | O_NONBLOCK);
	ok(rd >= 0, "a reader with O_NONBLOCK does not wait");
	ok(read(rd, &c, 1) == 0, "without writers it reads the end");
	struct pollfd f = { rd, POLLIN, 0 };
	ok(poll(&f, 1, 0) == 0, "poll reports no hang-up before the first writer");
	int wr = open("f", O_WRONLY | O_NONBLOCK);
	ok(wr >= 0 && write(wr, "q", 1) == 1 && read(rd, &c, 1) == 1 && c == 'q',
	   "bytes go through");
	close(wr);
	ok(poll(&f, 1, 0) == 1 && (f.revents & POLLHUP), "afterwards it does");
	close(rd);
	pid_t pid = fork();
	if (!pid) {
		wr = open("f", O_WRONLY);
		write(wr, "w", 1);
		_exit(0);
	}
	usleep(20000);
	rd = open("f", O_RDONLY);
	ok(rd >= 0 && read(rd, &c, 1) == 1 && c == 'w', "reader and writer wait for each other");
	close(rd);
	waitpid(pid, &status, 0);
	ok(status == 0, "both get through");
	int both = open("f", O_RDWR);
	ok(both >= 0 && write(both, "b", 1) == 1 && read(both, &c, 1) == 1, "O_RDWR does not wait");
	close(both);
	unlink("f");
}

int main(void)
{
	basics();
	broken();
	wrapped();
	full();
	stream();
	atomic();
	ping_pong();
	interrupted();
	fifos();
	return tap_done();
}
