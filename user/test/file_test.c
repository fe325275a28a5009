// SPDX-License-Identifier: MIT
// Files: reading, writing, sizes, holes, locks, descriptors.

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

static char dir[] = "/tmp/file_testXXXXXX";

static int make(const char *name, int flags)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | flags, 0644);

	if (fd < 0)
		tap_bail(name);
	return fd;
}

static bool zeros(const char *p, size_t n)
{
	while (n)
		if (p[--n])
			return false;
	return true;
}

static void read_and_write(void)
{
	int fd = make("rw", 0);
	char buf[64] = {};

	ok(write(fd, "hello", 5) == 5 && lseek(fd, 0, SEEK_CUR) == 5, "write moves the position");
	ok(pread(fd, buf, 64, 1) == 4 && !memcmp(buf, "ello", 4),
	   "pread reads elsewhere, up to the end");
	ok(lseek(fd, 0, SEEK_CUR) == 5, "and leaves the position");
	ok(read(fd, buf, 64) == 0, "at the end read returns 0");
	ok(pwrite(fd, "J", 1, 0) == 1 && pread(fd, buf, 5, 0) == 5 && !memcmp(buf, "Jello", 5),
	   "pwrite replaces");
	ok(lseek(fd, -1, SEEK_SET) == -1 && errno == EINVAL, "a position below 0 is EINVAL");
	ok(pread(fd, buf, 1, -1) == -1 && errno == EINVAL, "so it is for pread");
	ok(read(fd, (void *)8, 1) == 0, "at the end even a bad buffer is no error");
	lseek(fd, 0, SEEK_SET);
	ok(read(fd, (void *)8, 1) == -1 && errno == EFAULT, "a bad buffer is EFAULT");
	ok(write(fd, (void *)8, 1) == -1 && errno == EFAULT, "for write too");
	ok(lseek(fd, 0, SEEK_CUR) == 0, "and the position stays");
	ok(read(99, buf, 1) == -1 && errno == EBADF, "no such descriptor is EBADF");
	int ro = open("rw", O_RDONLY), wo = open("rw", O_WRONLY);
	ok(write(ro, "x", 1) == -1 && errno == EBADF,
	   "writing to a file open for reading is EBADF");
	ok(read(wo, buf, 1) == -1 && errno == EBADF, "and the reverse");
	close(ro);
	close(wo);
	close(fd);
}

static void vectors(void)
{
	int fd = make("vec", 0);
	char a[3] = {}, b[8] = {};
	struct iovec out[] = { { "abc", 3 }, { nullptr, 0 }, { "defgh", 5 } },
		     in[] = { { a, 3 }, { b, 8 } };

	ok(writev(fd, out, 3) == 8, "writev gathers");
	lseek(fd, 0, SEEK_SET);
	ok(readv(fd, in, 2) == 8 && !memcmp(a, "abc", 3) && !memcmp(b, "defgh", 5),
	   "readv scatters");
	ok(preadv(fd, in, 1, 2) == 3 && !memcmp(a, "cde", 3), "preadv reads elsewhere");
	ok(writev(fd, out, -1) == -1 && errno == EINVAL, "a negative count is EINVAL");
	ok(writev(fd, out, 1025) == -1 && errno == EINVAL, "so are more than 1024 pieces");
	struct iovec bad[] = { { "xy", 2 }, { (void *)8, 4 } };
	ok(pwritev(fd, bad, 2, 0) == 2, "a bad piece ends the write in front of it");
	close(fd);
}

static void holes_and_sizes(void)
{
	int fd = make("hole", 0);
	static char buf[3 * 4096];
	struct stat st;

	pwrite(fd, "end", 3, 1 << 20);
	ok(!fstat(fd, &st) && st.st_size == (1 << 20) + 3,
	   "a write beyond the end extends the file");
	ok(st.st_blocks < 64, "the hole costs no blocks (%ld)", (long)st.st_blocks);
	memset(buf, 1, sizeof(buf));
	ok(pread(fd, buf, sizeof(buf), 4000) == sizeof(buf) && zeros(buf, sizeof(buf)),
	   "it reads as zeros");
	ok(lseek(fd, 0, SEEK_DATA) == 1 << 20, "SEEK_DATA finds the data");
	ok(lseek(fd, 1 << 20, SEEK_HOLE) == (1 << 20) + 3, "SEEK_HOLE the end");
	ok(lseek(fd, 2 << 20, SEEK_DATA) == -1 && errno == ENXIO, "beyond the end it is ENXIO");
	memset(buf, 'x', sizeof(buf));
	pwrite(fd, buf, sizeof(buf), 0);
	ok(!ftruncate(fd, 5000) && !fstat(fd, &st) && st.st_size == 5000, "ftruncate cuts");
	ok(!ftruncate(fd, 9000) && pread(fd, buf, 9000, 0) == 9000, "and extends");
	ok(buf[4999] == 'x' && zeros(buf + 5000, 4000), "what was cut off is zero afterwards");
	ok(ftruncate(fd, -1) == -1 && errno == EINVAL, "a negative size is EINVAL");
	ok(!truncate("hole", 10) && !stat("hole", &st) && st.st_size == 10,
	   "truncate goes by name");
	ok(truncate(".", 0) == -1 && errno == EISDIR, "a directory is EISDIR");
	close(fd);
}

static void append(void)
{
	int fd = make("app", O_APPEND);
	char buf[8];

	ok((fcntl(fd, F_GETFL) & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_RDWR),
	   "F_GETFL shows O_APPEND");
	write(fd, "one", 3);
	lseek(fd, 0, SEEK_SET);
	write(fd, "two", 3);
	ok(pread(fd, buf, 8, 0) == 6 && !memcmp(buf, "onetwo", 6), "O_APPEND writes at the end");
	fcntl(fd, F_SETFL, 0);
	lseek(fd, 0, SEEK_SET);
	write(fd, "X", 1);
	ok(pread(fd, buf, 8, 0) == 6 && !memcmp(buf, "Xnetwo", 6), "F_SETFL ends it");
	close(fd);
}

static void allocate(void)
{
	int fd = make("alloc", 0);
	static char buf[4 * 4096];
	struct stat st;

	ok(!fallocate(fd, 0, 0, 10000) && !fstat(fd, &st) && st.st_size == 10000,
	   "fallocate extends");
	ok(st.st_blocks * 512 >= 10000, "and allocates (%ld blocks)", (long)st.st_blocks);
	ok(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 50000) && !fstat(fd, &st) && st.st_size == 10000,
	   "FALLOC_FL_KEEP_SIZE keeps the size");
	memset(buf, 7, sizeof(buf));
	pwrite(fd, buf, sizeof(buf), 0);
	ok(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 9000),
	   "a hole is punched");
	pread(fd, buf, sizeof(buf), 0);
	ok(buf[99] == 7 && zeros(buf + 100, 9000) && buf[9100] == 7, "exactly there");
	ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1) == -1 && errno == EOPNOTSUPP,
	   "without KEEP_SIZE it is refused");
	ok(fallocate(fd, 0, 0, 0) == -1 && errno == EINVAL, "length 0 is EINVAL");
	close(fd);
}

static int allocates(int fd, int mode, off_t offset)
{
	return fallocate(fd, mode, offset, 10) ? errno : 0;
}

static void allocate_elsewhere(void)
{
	constexpr off_t FAR = INT64_MAX - 5;
	enum { COLLAPSE = 8 };		// FALLOC_FL_COLLAPSE_RANGE
	int pipes[2], sockets[2], fd = make("alloc", 0), file = open("/proc/self/exe", O_RDONLY), zero = open("/dev/zero", O_RDWR);
	int dir = open("/", O_RDONLY), event = eventfd(0, 0), terminal = posix_openpt(O_RDWR | O_NOCTTY);

	pipe(pipes);
	socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
	ok(allocates(pipes[1], 0, 0) == ESPIPE, "fallocate of a pipe: ESPIPE");
	ok(allocates(sockets[0], 0, 0) == ENODEV && allocates(event, 0, 0) == ENODEV && allocates(zero, 0, FAR) == ENODEV &&
		   (terminal < 0 || allocates(terminal, 0, 0) == ENODEV),
	   "of sockets, eventfds, devices, terminals: ENODEV");
	ok(allocates(pipes[0], 0, 0) == EBADF && allocates(file, 0, FAR) == EBADF && allocates(dir, 0, 0) == EBADF, "not open for writing: EBADF");
	ok(allocates(fd, 0, FAR) == EFBIG && allocates(fd, FALLOC_FL_KEEP_SIZE, FAR) == EFBIG, "beyond what a file can have: EFBIG");
	ok(allocates(file, 0x1000, 0) == EOPNOTSUPP && allocates(file, FALLOC_FL_PUNCH_HOLE, 0) == EOPNOTSUPP &&
		   allocates(file, COLLAPSE | FALLOC_FL_KEEP_SIZE, FAR) == EOPNOTSUPP,
	   "a mode that does not exist comes before that: EOPNOTSUPP");
	ok(allocates(-1, 0x1000, -1) == EBADF && allocates(file, 0x1000, -1) == EINVAL, "no file: EBADF; then an offset that is none: EINVAL");
	for (int *n = (int[]){pipes[0], pipes[1], sockets[0], sockets[1], fd, file, zero, dir, event, terminal, -1}; *n >= 0; n++)
		close(*n);
}

static void limits(void)
{
	struct rlimit old, r = { 100, RLIM_INFINITY };
	int fd = make("lim", 0);
	char buf[200] = {};

	getrlimit(RLIMIT_FSIZE, &old);
	r.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &r);
	ok(write(fd, buf, 200) == 100, "RLIMIT_FSIZE cuts a write");
	ok(write(fd, buf, 1) == -1 && errno == EFBIG, "beyond it is EFBIG");
	ok(ftruncate(fd, 101) == -1 && errno == EFBIG, "for ftruncate too");
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	close(fd);
}

static void mapping(void)
{
	int fd = make("map", 0);
	char buf[8] = {};

	ftruncate(fd, 6000);
	char *p = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		tap_bail("mmap");
	memcpy(p + 4096, "mapped", 6);
	ok(pread(fd, buf, 6, 4096) == 6 && !memcmp(buf, "mapped", 6),
	   "read sees what a mapping wrote");
	pwrite(fd, "wrote", 5, 10);
	ok(!memcmp(p + 10, "wrote", 5), "a mapping sees what write wrote");
	memset(p + 6000, 'z', 100);
	ftruncate(fd, 8192);
	ok(zeros(p + 6000, 100), "bytes behind the end are zero when the file grows over them");
	ok(pwrite(fd, p + 100, 50, 102) == 50, "a file can be written from a mapping of itself");
	char *q = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	q[10] = 'X';
	ok(pread(fd, buf, 1, 10) == 1 && buf[0] == 'w', "a private mapping's writes stay private");
	int ro = open("map", O_RDONLY);
	ok(mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED && errno == EACCES,
	   "a file open for reading cannot be mapped shared and writable");
	munmap(p, 8192);
	munmap(q, 4096);
	close(ro);
	close(fd);
}

static void descriptors(void)
{
	int fd = make("desc", 0), fd2;

	fd2 = dup(fd);
	ok(fd2 > fd, "dup gives the next number");
	write(fd, "ab", 2);
	ok(lseek(fd2, 0, SEEK_CUR) == 2, "both share the position");
	ok(dup2(fd, 77) == 77 && fcntl(77, F_GETFD) == 0, "dup2 takes the number asked for");
	ok(dup2(fd, fd) == fd, "dup2 onto itself does nothing");
	ok(dup3(fd, fd, 0) == -1 && errno == EINVAL, "dup3 onto itself is EINVAL");
	ok(dup3(fd, 78, O_CLOEXEC) == 78 && fcntl(78, F_GETFD) == FD_CLOEXEC,
	   "dup3 sets close-on-exec");
	ok(fcntl(fd, F_DUPFD, 100) == 100, "F_DUPFD finds a number from its argument on");
	ok(fcntl(fd, F_DUPFD_CLOEXEC, 100) == 101 && fcntl(101, F_GETFD) == FD_CLOEXEC,
	   "F_DUPFD_CLOEXEC too");
	ok(!syscall(SYS_close_range, 100, 200, 0) && fcntl(100, F_GETFD) == -1 && errno == EBADF,
	   "close_range closes");
	ok(!close(77) && close(77) == -1 && errno == EBADF, "a second close is EBADF");
	ok(fcntl(77, F_GETFD) == -1 && errno == EBADF, "so is fcntl");
	struct rlimit old, r;
	getrlimit(RLIMIT_NOFILE, &old);
	r = old;
	r.rlim_cur = 80;
	setrlimit(RLIMIT_NOFILE, &r);
	ok(dup2(fd, 80) == -1 && errno == EBADF, "a number at RLIMIT_NOFILE is EBADF");
	ok(fcntl(fd, F_DUPFD, 80) == -1 && errno == EINVAL, "for F_DUPFD it is EINVAL");
	int n = 0, got[100];
	while (n < 100 && (got[n] = dup(fd)) >= 0)
		n++;
	ok(n < 100 && errno == EMFILE && got[n - 1] < 80, "too many open files are EMFILE");
	while (n)
		close(got[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	close(78);
	close(fd2);
	close(fd);
}

static void many_descriptors(void)
{
	enum { N = 500 };
	int fds[N], fd = make("many", 0);
	bool rising = true;

	for (int i = 0; i < N; i++) {
		fds[i] = dup(fd);
		rising &= fds[i] > (i ? fds[i - 1] : 0);
	}
	ok(rising, "%d descriptors, each number higher", N);
	close(fds[200]);
	close(fds[100]);
	ok(dup(fd) == fds[100] && dup(fd) == fds[200], "the lowest free number comes first");
	pid_t pid = fork();
	if (!pid)
		_exit(fcntl(fds[N - 1], F_GETFD) == 0 ? 0 : 1);
	int status;
	waitpid(pid, &status, 0);
	ok(status == 0, "a child has them all");
	for (int i = 0; i < N; i++)
		close(fds[i]);
	close(fd);
}

static int child_lock(const char *name, short type, off_t start, off_t len)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		int fd = open(name, O_RDWR);
		struct flock l = { .l_type = type, .l_start = start, .l_len = len };

		_exit(fcntl(fd, F_SETLK, &l) ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void locks(void)
{
	int fd = make("lock", 0);
	struct flock l = { .l_type = F_WRLCK, .l_start = 10, .l_len = 10 };

	ok(!fcntl(fd, F_SETLK, &l), "a write lock is granted");
	ok(child_lock("lock", F_RDLCK, 15, 1) == EAGAIN, "another process cannot read-lock in it");
	ok(child_lock("lock", F_WRLCK, 20, 5) == 0, "behind it, it can");
	l = (struct flock){ .l_type = F_RDLCK, .l_start = 14, .l_len = 2 };
	ok(!fcntl(fd, F_SETLK, &l) && child_lock("lock", F_RDLCK, 14, 2) == 0,
	   "its middle becomes a read lock");
	ok(child_lock("lock", F_RDLCK, 13, 1) == EAGAIN &&
		   child_lock("lock", F_RDLCK, 16, 1) == EAGAIN,
	   "the rest stays");
	l = (struct flock){ .l_type = F_UNLCK, .l_start = 0, .l_len = 0 };
	ok(!fcntl(fd, F_SETLK, &l) && child_lock("lock", F_WRLCK, 0, 0) == 0, "all is given back");
	l = (struct flock){ .l_type = F_WRLCK };
	fcntl(fd, F_SETLK, &l);
	pid_t pid = fork();
	if (!pid) {
		l = (struct flock){ .l_type = F_RDLCK };
		_exit(fcntl(fd, F_GETLK, &l) || l.l_type != F_WRLCK || l.l_pid != getppid());
	}
	int status;
	waitpid(pid, &status, 0);
	ok(status == 0, "F_GETLK names the holder");
	close(open("lock", O_RDONLY));
	ok(child_lock("lock", F_WRLCK, 0, 0) == 0,
	   "closing any descriptor of the file drops the process' locks");
	int fd2 = open("lock", O_RDWR);
	ok(!flock(fd, LOCK_EX) && flock(fd2, LOCK_EX | LOCK_NB) == -1 && errno == EAGAIN,
	   "flock excludes");
	close(fd);
	ok(!flock(fd2, LOCK_EX | LOCK_NB), "until the file is closed");
	close(fd2);
}

static void blocking_lock(void)
{
	int fd = make("wait", 0), status;
	struct flock l = { .l_type = F_WRLCK };
	int gate[2];

	if (pipe(gate))
		tap_bail("pipe");
	fcntl(fd, F_SETLK, &l);
	pid_t pid = fork();
	if (!pid) {
		write(gate[1], "x", 1);
		_exit(fcntl(fd, F_SETLKW, &l) ? 1 : 0);
	}
	char c;
	read(gate[0], &c, 1);
	usleep(50000);
	ok(waitpid(pid, &status, WNOHANG) == 0, "F_SETLKW waits");
	l.l_type = F_UNLCK;
	fcntl(fd, F_SETLK, &l);
	waitpid(pid, &status, 0);
	ok(status == 0, "and gets the lock when it is free");
	close(gate[0]);
	close(gate[1]);
	close(fd);
}

static void copying(void)
{
	int in = make("src", 0), out = make("dst", 0);
	char buf[100];
	off_t at = 10;

	for (int i = 0; i < 100; i++)
		buf[i] = (char)i;
	write(in, buf, 100);
	ok(sendfile(out, in, &at, 50) == 50 && at == 60, "sendfile copies from an offset");
	ok(pread(out, buf, 100, 0) == 50 && buf[0] == 10 && buf[49] == 59, "the right bytes");
	off_t from = 90, to = 200;
	ok(syscall(SYS_copy_file_range, in, &from, out, &to, 100, 0) == 10 && from == 100 &&
		   to == 210,
	   "copy_file_range stops at the end");
	close(in);
	close(out);
}

static void tmpfile_and_memfd(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	char name[64];
	struct stat st;

	ok(fd >= 0 && !fstat(fd, &st) && st.st_nlink == 0, "O_TMPFILE makes a file without a name");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (access(name, F_OK))
		tap_skip("no /proc: cannot link it");
	else
		ok(!linkat(AT_FDCWD, name, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) &&
			   !stat("named", &st) && st.st_nlink == 1,
		   "linkat gives it one");
	close(fd);
	fd = (int)syscall(SYS_memfd_create, "test", 2u);
	ok(fd >= 0 && write(fd, "abc", 3) == 3, "memfd_create makes a file");
	ok(fcntl(fd, 1033, 2 | 4) == 0 && ftruncate(fd, 1) == -1 && errno == EPERM,
	   "a seal keeps it from shrinking");
	ok(pwrite(fd, "x", 1, 3) == -1 && errno == EPERM, "and from growing");
	close(fd);
}

static void times_and_modes(void)
{
	int fd = make("meta", 0);
	struct stat st;
	struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };

	ok(!futimens(fd, t) && !fstat(fd, &st) && st.st_atim.tv_sec == 1000 &&
		   st.st_mtim.tv_nsec == 7,
	   "futimens sets times");
	t[0].tv_nsec = UTIME_OMIT;
	t[1].tv_nsec = UTIME_NOW;
	/* A board without a clock of its own is in 1970: later than what was set means nothing. */
	time_t before = time(nullptr);

	ok(!futimens(fd, t) && !fstat(fd, &st) && st.st_atim.tv_sec == 1000 &&
		   st.st_mtim.tv_sec >= before - 1 && st.st_mtim.tv_sec <= time(nullptr),
	   "UTIME_OMIT and UTIME_NOW");
	t[0].tv_nsec = 2000000000;
	ok(futimens(fd, t) == -1 && errno == EINVAL, "too many nanoseconds are EINVAL");
	ok(!fchmod(fd, 0640) && !fstat(fd, &st) && (st.st_mode & 07777) == 0640, "fchmod");
	ok(S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == geteuid(),
	   "stat tells type, links, owner");
	umask(027);
	int fd2 = open("masked", O_CREAT | O_RDWR, 0666);
	ok(!fstat(fd2, &st) && (st.st_mode & 0777) == 0640, "umask takes bits from new files");
	umask(022);
	close(fd2);
	close(fd);
}

int main(void)
{
	if (!mkdtemp(dir) || chdir(dir))
		tap_bail(dir);
	read_and_write();
	vectors();
	holes_and_sizes();
	append();
	allocate();
	allocate_elsewhere();
	limits();
	mapping();
	descriptors();
	many_descriptors();
	locks();
	blocking_lock();
	copying();
	tmpfile_and_memfd();
	times_and_modes();
	return tap_done();
}
