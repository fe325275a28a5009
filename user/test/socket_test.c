// SPDX-License-Identifier: MIT
// Unix sockets: pairs, names, connections, packets, files in messages.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

#define fails(call, error) ((call) == -1 && errno == (error))

static struct sockaddr_un named(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, path);
	return a;
}

static void pairs(void)
{
	int s[2];
	char buf[16] = {};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s))
		tap_bail("socketpair");
	ok(fcntl(s[0], F_GETFD) == FD_CLOEXEC, "a pair, closed on exec");
	ok(write(s[0], "abc", 3) == 3 && write(s[0], "def", 3) == 3 && read(s[1], buf, 16) == 6 &&
	   !memcmp(buf, "abcdef", 6), "a stream has no borders");
	ok(write(s[1], "back", 4) == 4 && read(s[0], buf, 2) == 2 && read(s[0], buf + 2, 9) == 2 &&
	   !memcmp(buf, "back", 4), "it goes both ways, in parts");
	ok(fails((int)recv(s[0], buf, 1, MSG_DONTWAIT), EAGAIN), "nothing there is EAGAIN");
	send(s[0], "peek", 4, 0);
	ok(recv(s[1], buf, 4, MSG_PEEK) == 4 && recv(s[1], buf, 4, 0) == 4,
	   "MSG_PEEK leaves it there");
	struct pollfd f = { s[1], POLLIN | POLLOUT, 0 };
	ok(poll(&f, 1, 0) == 1 && f.revents == POLLOUT, "poll: may be written");
	ok(!shutdown(s[0], SHUT_WR) && read(s[1], buf, 1) == 0, "shutdown ends one way");
	ok(write(s[1], "x", 1) == 1 && read(s[0], buf, 1) == 1, "not the other");
	close(s[0]);
	ok(poll(&f, 1, 0) == 1 && (f.revents & POLLHUP), "a closed peer is POLLHUP");
	ok(fails((int)send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE), "writing to it EPIPE");
	close(s[1]);
	ok(fails(socketpair(AF_INET, SOCK_STREAM, 0, s), EOPNOTSUPP) || errno == EAFNOSUPPORT,
	   "other families have no pairs");
	int p[2];
	pipe(p);
	ok(fails((int)send(p[1], "x", 1, 0), ENOTSOCK), "a pipe is no socket");
	close(p[0]);
	close(p[1]);
}

static void packets(void)
{
	int s[2];
	char buf[16];

	socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
	send(s[0], "one", 3, 0);
	send(s[0], "twotwo", 6, 0);
	ok(recv(s[1], buf, 16, 0) == 3 && recv(s[1], buf, 4, MSG_TRUNC) == 6,
	   "datagrams keep their borders");
	ok(fails((int)recv(s[1], buf, 16, MSG_DONTWAIT), EAGAIN), "what was cut off is gone");
	close(s[0]);
	close(s[1]);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
	send(s[0], "abc", 3, 0);
	ok(recv(s[1], buf, 16, 0) == 3, "so do sequenced packets");
	close(s[0]);
	ok(recv(s[1], buf, 16, 0) == 0, "whose end is seen");
	close(s[1]);
}

static void connections(const char *path)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0), status;
	struct sockaddr_un a = named(path), got;
	socklen_t len = sizeof(got);
	struct stat st;
	char buf[16];

	ok(!bind(l, (void *)&a, sizeof(a)) && !stat(path, &st) && S_ISSOCK(st.st_mode),
	   "bind makes a name");
	int c = socket(AF_UNIX, SOCK_STREAM, 0);
	ok(fails(bind(c, (void *)&a, sizeof(a)), EADDRINUSE), "once");
	ok(fails(connect(c, (void *)&a, sizeof(a)), ECONNREFUSED), "nobody listens yet");
	ok(fails(open(path, O_RDWR), ENXIO), "it cannot be opened");
	ok(!listen(l, 5), "listen");
	pid_t pid = fork();
	if (!pid) {
		int mine = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(mine, (void *)&a, sizeof(a)) || write(mine, "hello", 5) != 5 ||
		    read(mine, buf, 16) != 3)
			_exit(1);
		_exit(0);
	}
	int s = accept(l, (void *)&got, &len);
	ok(s >= 0 && len == sizeof(sa_family_t), "accept; the other side has no name");
	ok(read(s, buf, 16) == 5 && write(s, "bye", 3) == 3, "bytes go both ways");
	struct ucred cred;
	len = sizeof(cred);
	ok(!getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) && cred.pid == pid &&
		   cred.uid == geteuid(),
	   "SO_PEERCRED tells who connected");
	waitpid(pid, &status, 0);
	ok(status == 0 && read(s, buf, 1) == 0, "the end of the connection");
	len = sizeof(got);
	ok(!getsockname(l, (void *)&got, &len) && !strcmp(got.sun_path, path), "getsockname");
	ok(!connect(c, (void *)&a, sizeof(a)) && fails(connect(c, (void *)&a, sizeof(a)), EISCONN),
	   "a connected socket is EISCONN");
	struct pollfd f = { l, POLLIN, 0 };
	ok(poll(&f, 1, 0) == 1, "a waiting connection is POLLIN");
	close(l);
	ok(read(c, buf, 1) <= 0, "a listener that closes takes those along that wait");
	close(c);
	close(s);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	ok(fails(connect(c, (void *)&a, sizeof(a)), ECONNREFUSED), "a left-over name refuses");
	unlink(path);
	ok(fails(connect(c, (void *)&a, sizeof(a)), ENOENT), "no name is ENOENT");
	close(c);
}

static void abstract_names(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 20;
	char buf[8];

	snprintf(a.sun_path + 1, 19, "quire-test-%d", (int)getpid());
	int d = socket(AF_UNIX, SOCK_DGRAM, 0), e = socket(AF_UNIX, SOCK_DGRAM, 0);
	ok(!bind(d, (void *)&a, len) && fails(bind(e, (void *)&a, len), EADDRINUSE),
	   "an abstract name, once");
	ok(sendto(e, "dg", 2, 0, (void *)&a, len) == 2 && recv(d, buf, 8, 0) == 2,
	   "sendto finds it");
	close(d);
	ok(fails((int)sendto(e, "dg", 2, 0, (void *)&a, len), ECONNREFUSED),
	   "it goes with its socket");
	close(e);
}

static void files(void)
{
	int s[2], p[2], got = -1;
	char c = 'f', control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	pipe(p);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	*h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(h), &p[1], sizeof(int));
	ok(sendmsg(s[0], &m, 0) == 1, "a descriptor is sent");
	close(p[1]);
	memset(control, 0, sizeof(control));
	m.msg_controllen = sizeof(control);
	ok(recvmsg(s[1], &m, MSG_PEEK) == 1 && (h = CMSG_FIRSTHDR(&m)) && h->cmsg_type == SCM_RIGHTS,
	   "MSG_PEEK gives it and leaves it there");
	memcpy(&got, CMSG_DATA(h), sizeof(int));
	ok(write(got, "y", 1) == 1 && read(p[0], &c, 1) == 1 && c == 'y', "it is the same file");
	close(got);
	memset(control, 0, sizeof(control));
	m.msg_controllen = sizeof(control);
	ok(recvmsg(s[1], &m, 0) == 1 && (h = CMSG_FIRSTHDR(&m)) && h->cmsg_type == SCM_RIGHTS,
	   "and received");
	memcpy(&got, CMSG_DATA(h), sizeof(int));
	ok(write(got, "z", 1) == 1 && read(p[0], &c, 1) == 1 && c == 'z', "it is the same file");
	close(got);
	ok(read(p[0], &c, 1) == 0, "with no hidden reference left");
	close(p[0]);
	close(s[0]);
	close(s[1]);
}

static void flow(void)
{
	enum { TOTAL = 2000000 };
	static char buf[50000];
	int s[2], status;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	pid_t pid = fork();
	if (!pid) {
		close(s[0]);
		for (int sent = 0; sent < TOTAL; sent += 40000) {
			memset(buf, sent / 40000, 40000);
			if (write(s[1], buf, 40000) != 40000)
				_exit(1);
		}
		_exit(0);
	}
	close(s[1]);
	long total = 0, n;
	bool same = true;
	while ((n = read(s[0], buf, sizeof(buf))) > 0) {
		for (long i = 0; i < n; i++)
			same &= buf[i] == (char)((total + i) / 40000);
		total += n;
	}
	close(s[0]);
	waitpid(pid, &status, 0);
	ok(!status && same && total == TOTAL, "%d bytes arrive as they were sent", TOTAL);
}

// ---- files in flight

// A message with n files into a socket.
static bool give(int sock, const int *fds, int n)
{
	char control[CMSG_SPACE(4 * sizeof(int))] = {};
	struct iovec byte = { "x", 1 };
	struct msghdr h = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);

	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	return sendmsg(sock, &h, MSG_DONTWAIT) == 1;
}

// A control buffer that ends in a hole behind its first descriptor.
static void half_a_buffer(void)
{
	int s[2], next, before = dup(0);
	char byte, *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = map + 4096 - CMSG_LEN(sizeof(int)),
			    .msg_controllen = CMSG_SPACE(2 * sizeof(int)) };

	close(before);
	munmap(map + 4096, 4096);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	give(s[0], (int[]){ s[0], s[0] }, 2);
	ok(recvmsg(s[1], &m, 0) == 1 && m.msg_flags & MSG_CTRUNC, "what cannot be told is left out");
	next = dup(0);
	ok(next == before + 3, "and is no open file (%d, %d)", before, next);
	for (int fd = before; fd <= next; fd++)
		close(fd);
	munmap(map, 4096);
}

// Does the pipe's writing end go?
static bool ends(int p)
{
	struct pollfd f = { p, POLLIN, 0 };

	return poll(&f, 1, 10'000) == 1 && f.revents == POLLHUP;
}

// Sockets, each in a message in the one before it, and a pipe at the end; then the first is closed.
static void chain(int length)
{
	int p[2], s[2], last, made = 0;

	pipe(p);
	last = p[1];
	for (; made < length; made++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
			break;
		bool given = give(s[0], &last, 1);

		close(last);
		close(s[0]);
		last = s[1];
		if (!given)
			break;
	}
	if (made < length && errno == ETOOMANYREFS)
		tap_skip("this kernel has no chains of sockets in flight");
	else
		ok(made == length, "a chain of %d sockets, each in a message of the last", made);
	close(last);
	ok(ends(p[0]), "all of it goes with its first");
	close(p[0]);
}

// Two sockets, each in the other's queue; with the file in one of them.
static bool loop(int file)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return false;
	int first[] = { s[0], s[1], file };
	bool made = give(s[0], first, 3) && give(s[1], s, 2);

	close(s[0]);
	close(s[1]);
	return made;
}

// What can still be received stays: a loop of which one socket is in the queue of one that we have.
static bool held_loop(int keeper[2], int *file)
{
	int s[2], p[2];

	pipe(p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	int all[] = { s[0], s[1], p[1] };
	bool made = give(s[0], all, 3) && give(s[1], s, 2) && give(keeper[0], s, 1);

	close(s[0]);
	close(s[1]);
	close(p[1]);
	*file = p[0];
	return made;
}

// To look for loops: there are many, and a socket goes.
static void give_reason(int file)
{
	int s[2];

	for (int i = 0; i < 1100; i++)
		loop(file);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	close(s[0]);
	close(s[1]);
}

static void loops(void)
{
	int p[2], keeper[2], held, made = 0;

	pipe(p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, keeper);
	ok(held_loop(keeper, &held), "a loop of sockets of which one can be received");
	while (made < 1000 && loop(p[1]))
		made++;
	ok(made == 1000, "%d loops of sockets that hold each other", made);
	close(p[1]);
	give_reason(keeper[0]);
	ok(ends(p[0]), "they go, with all that is in them");
	struct pollfd f = { held, POLLIN, 0 };
	ok(poll(&f, 1, 0) == 0, "the one that can be received stays");
	close(keeper[0]);
	close(keeper[1]);
	give_reason(held);
	ok(ends(held), "until it cannot be either");
	close(held);
	close(p[0]);
}

static void in_flight_limit(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		struct rlimit few = { 40, 40 };
		int s[2], n = 0;

		if (setuid(4711) || setrlimit(RLIMIT_NOFILE, &few) || socketpair(AF_UNIX, SOCK_STREAM, 0, s))
			_exit(9);
		while (n < 1000 && give(s[0], s, 2))
			n++;
		_exit(errno == ETOOMANYREFS && n >= 20 && n <= 30 ? 0 : n < 1000 ? 1 : 2);
	}
	waitpid(pid, &status, 0);
	ok(!status, "a user has no more files in flight than RLIMIT_NOFILE: ETOOMANYREFS %x", status);
}

int main(void)
{
	char dir[] = "/tmp/socket_testXXXXXX", path[64];

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		tap_bail(dir);
	snprintf(path, sizeof(path), "%s/s", dir);
	pairs();
	packets();
	connections(path);
	abstract_names();
	files();
	flow();
	half_a_buffer();
	rmdir(dir);
	chain(20'000);
	loops();
	in_flight_limit();
	return tap_done();
}
