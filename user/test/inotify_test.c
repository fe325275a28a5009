// SPDX-License-Identifier: MIT
// inotify: every event, its name and cookie, what ends a watch, and what is refused.

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

#ifndef IN_MASK_CREATE
#define IN_MASK_CREATE 0x10000000
#endif

static int in;
static char buf[1 << 16] __attribute__((aligned(8)));
static size_t have, at;
static uint32_t last_cookie;

// The next event; nullptr: none.
static struct inotify_event *next(void)
{
	if (at == have) {
		ssize_t n = read(in, buf, sizeof(buf));
		at = 0;
		have = n > 0 ? n : 0;
	}
	if (at == have)
		return nullptr;
	struct inotify_event *e = (void *)(buf + at);
	at += sizeof(*e) + e->len;
	return e;
}

static bool is(int wd, uint32_t mask, const char *name)
{
	struct inotify_event *e = next();

	if (e && e->wd == wd && e->mask == mask && !strcmp(e->len ? e->name : "", name)) {
		last_cookie = e->cookie;
		return true;
	}
	if (e)
		printf("# wd %d mask %x name %s\n", e->wd, e->mask, e->len ? e->name : "");
	return false;
}

static bool quiet(void)
{
	struct inotify_event *e = next();

	if (e)
		printf("# wd %d mask %x name %s\n", e->wd, e->mask, e->len ? e->name : "");
	return !e;
}

static void make(const char *name)
{
	close(open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600));
}

static void test_folder(void)
{
	int wd = inotify_add_watch(in, "d", IN_ALL_EVENTS);
	char c = 'x';

	ok(wd > 0, "a folder is watched");
	int fd = open("d/f", O_CREAT | O_RDWR, 0600);
	ok(is(wd, IN_CREATE, "f") && is(wd, IN_OPEN, "f") && quiet(), "a new file: create and open");
	write(fd, &c, 1);
	write(fd, &c, 1);
	ok(is(wd, IN_MODIFY, "f") && quiet(), "two writes in a row are one event");
	pread(fd, &c, 1, 0);
	ok(is(wd, IN_ACCESS, "f") && quiet(), "a read");
	ftruncate(fd, 0);
	ok(is(wd, IN_MODIFY, "f") && quiet(), "a truncation");
	fchmod(fd, 0640);
	ok(is(wd, IN_ATTRIB, "f") && quiet(), "a mode");
	close(fd);
	ok(is(wd, IN_CLOSE_WRITE, "f") && quiet(), "a close after writing");
	close(open("d/f", O_RDONLY));
	ok(is(wd, IN_OPEN, "f") && is(wd, IN_CLOSE_NOWRITE, "f") && quiet(), "and one without");
	struct timespec both[2] = {{1, 0}, {2, 0}}, access[2] = {{3, 0}, {0, UTIME_OMIT}};
	utimensat(AT_FDCWD, "d/f", both, 0);
	utimensat(AT_FDCWD, "d/f", access, 0);
	ok(is(wd, IN_ATTRIB, "f") && is(wd, IN_ACCESS, "f") && quiet(), "times");
	rename("d/f", "d/g");
	bool from = is(wd, IN_MOVED_FROM, "f");
	uint32_t cookie = last_cookie;
	ok(from && is(wd, IN_MOVED_TO, "g") && quiet() && cookie && cookie == last_cookie, "a rename, by its cookie");
	link("d/g", "d/h");
	ok(is(wd, IN_CREATE, "h") && quiet(), "a link");
	unlink("d/h");
	ok(is(wd, IN_DELETE, "h") && quiet(), "it goes");
	mkdir("d/sub", 0700);
	rename("d/sub", "out");
	rename("out", "d/back");
	rmdir("d/back");
	ok(is(wd, IN_CREATE | IN_ISDIR, "sub") && is(wd, IN_MOVED_FROM | IN_ISDIR, "sub") &&
	   is(wd, IN_MOVED_TO | IN_ISDIR, "back") && is(wd, IN_DELETE | IN_ISDIR, "back") && quiet(), "folders");
	ok(inotify_rm_watch(in, wd) == 0 && is(wd, IN_IGNORED, "") && quiet(), "the watch ends: IN_IGNORED");
	make("d/unseen");
	ok(quiet(), "and is silent");
	unlink("d/unseen");
	unlink("d/g");
}

static void test_file(void)
{
	make("d/f");
	int wd = inotify_add_watch(in, "d/f", IN_ALL_EVENTS), fd = open("d/f", O_RDONLY);
	ok(is(wd, IN_OPEN, "") && quiet(), "a watched file's own events have no name");
	rename("d/f", "d/g");
	ok(is(wd, IN_MOVE_SELF, "") && quiet(), "it moves");
	unlink("d/g");
	ok(is(wd, IN_ATTRIB, "") && quiet(), "its name goes: one link less, it is still open");
	close(fd);
	ok(is(wd, IN_CLOSE_NOWRITE, "") && is(wd, IN_DELETE_SELF, "") && is(wd, IN_IGNORED, "") && quiet(),
	   "then it is gone, and the watch");
	ok(inotify_rm_watch(in, wd) == -1 && errno == EINVAL, "which cannot be removed any more");
	make("d/a");
	make("d/b");
	wd = inotify_add_watch(in, "d/b", IN_DELETE_SELF);
	rename("d/a", "d/b");
	ok(is(wd, IN_DELETE_SELF, "") && is(wd, IN_IGNORED, "") && quiet(), "a file that is replaced");
	unlink("d/b");
	mkdir("d/sub", 0700);
	wd = inotify_add_watch(in, "d/sub", IN_DELETE_SELF | IN_ONLYDIR);
	rmdir("d/sub");
	ok(is(wd, IN_DELETE_SELF, "") && is(wd, IN_IGNORED, "") && quiet(), "a folder that is removed");
}

static void test_flags(void)
{
	make("d/f");
	int a = inotify_add_watch(in, "d/f", IN_OPEN), b = inotify_add_watch(in, "d/f", IN_CLOSE);
	ok(a == b, "one file, one watch");
	close(open("d/f", O_RDONLY));
	ok(is(a, IN_CLOSE_NOWRITE, "") && quiet(), "a second mask replaces the first");
	inotify_add_watch(in, "d/f", IN_OPEN | IN_MASK_ADD);
	close(open("d/f", O_RDONLY));
	ok(is(a, IN_OPEN, "") && is(a, IN_CLOSE_NOWRITE, "") && quiet(), "IN_MASK_ADD adds");
	ok(inotify_add_watch(in, "d/f", IN_OPEN | IN_MASK_CREATE) == -1 && errno == EEXIST, "IN_MASK_CREATE: EEXIST");
	inotify_rm_watch(in, a);
	is(a, IN_IGNORED, "");
	a = inotify_add_watch(in, "d/f", IN_OPEN | IN_ONESHOT);
	ok(a != b, "numbers are not used again at once");
	close(open("d/f", O_RDONLY));
	close(open("d/f", O_RDONLY));
	ok(is(a, IN_OPEN, "") && is(a, IN_IGNORED, "") && quiet(), "IN_ONESHOT");
	a = inotify_add_watch(in, "d", IN_CLOSE | IN_EXCL_UNLINK);
	int fd = open("d/f", O_RDONLY);
	unlink("d/f");
	close(fd);
	ok(quiet(), "IN_EXCL_UNLINK: nothing of files without a name");
	inotify_rm_watch(in, a);
	is(a, IN_IGNORED, "");
	symlink("nowhere", "d/link");
	a = inotify_add_watch(in, "d/link", IN_DELETE_SELF | IN_DONT_FOLLOW);
	unlink("d/link");
	ok(a > 0 && is(a, IN_DELETE_SELF, "") && is(a, IN_IGNORED, ""), "IN_DONT_FOLLOW watches a link");
}

static void test_errors(void)
{
	make("d/f");
	ok(inotify_add_watch(in, "d/f", 0) == -1 && errno == EINVAL, "no events: EINVAL");
	ok(inotify_add_watch(in, "d/f", IN_OPEN | IN_ONLYDIR) == -1 && errno == ENOTDIR, "IN_ONLYDIR: ENOTDIR");
	ok(inotify_add_watch(in, "d/f", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE) == -1 && errno == EINVAL,
	   "IN_MASK_ADD with IN_MASK_CREATE: EINVAL");
	ok(inotify_add_watch(in, "d/none", IN_OPEN) == -1 && errno == ENOENT, "no such file: ENOENT");
	ok(inotify_add_watch(0, "d/f", IN_OPEN) == -1 && errno == EINVAL, "no inotify descriptor: EINVAL");
	ok(inotify_add_watch(99, "d/f", IN_OPEN) == -1 && errno == EBADF, "no descriptor: EBADF");
	ok(inotify_add_watch(in, (char *)1, IN_OPEN) == -1 && errno == EFAULT, "a bad name: EFAULT");
	ok(inotify_rm_watch(in, 12345) == -1 && errno == EINVAL, "no such watch: EINVAL");
	ok(inotify_init1(1) == -1 && errno == EINVAL, "unknown flags: EINVAL");
	ok(read(in, buf, 100) == -1 && errno == EAGAIN, "nothing there: EAGAIN");
	unlink("d/f");
}

static void *make_soon(void *unused)
{
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, nullptr);
	make("d/soon");
	return nullptr;
}

static void test_reading(void)
{
	int n = -1, wd = inotify_add_watch(in, "d", IN_CREATE);
	struct pollfd p = {.fd = in, .events = POLLIN};
	pthread_t t;

	ok(poll(&p, 1, 0) == 0, "poll: nothing yet");
	pthread_create(&t, nullptr, make_soon, nullptr);
	ok(poll(&p, 1, 5000) == 1 && p.revents == POLLIN, "poll waits for an event");
	ok(ioctl(in, FIONREAD, &n) == 0 && n == 32, "FIONREAD: header and padded name (%d)", n);
	ok(read(in, buf, 31) == -1 && errno == EINVAL, "a buffer too small: EINVAL");
	pthread_join(t, nullptr);
	ok(is(wd, IN_CREATE, "soon"), "it is still there");
	unlink("d/soon");
	fcntl(in, F_SETFL, 0);
	pthread_create(&t, nullptr, make_soon, nullptr);
	ok(is(wd, IN_CREATE, "soon"), "read waits too");
	pthread_join(t, nullptr);
	fcntl(in, F_SETFL, O_NONBLOCK);
	unlink("d/soon");
	inotify_rm_watch(in, wd);
	is(wd, IN_IGNORED, "");
}

static void test_overflow(void)
{
	int wd = inotify_add_watch(in, "d", IN_CREATE | IN_DELETE);
	unsigned n = 0, overflows = 0;

	for (int i = 0; i < 9000; i++) {
		make("d/x");
		unlink("d/x");
	}
	for (struct inotify_event *e; (e = next()); n++)
		overflows += e->mask == IN_Q_OVERFLOW && e->wd == -1;
	ok(overflows == 1 && n == 16385, "a queue that is full says so, once (%u)", n);
	make("d/x");
	ok(is(wd, IN_CREATE, "x"), "and works again");
	unlink("d/x");
	next();
	inotify_rm_watch(in, wd);
	next();
}

// Watches come and go while files do.
static void *storm(void *arg)
{
	char name[32];

	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/s%d", (int)(i + (size_t)arg) % 3);
		make(name);
		int own = inotify_init1(IN_NONBLOCK);
		int wd = inotify_add_watch(own, name, IN_ALL_EVENTS);
		inotify_add_watch(own, "d", IN_ALL_EVENTS | (i & 1 ? IN_ONESHOT : 0));
		rename(name, "d/moved");
		unlink(i & 1 ? name : "d/moved");
		inotify_rm_watch(own, wd);
		close(own);
	}
	return nullptr;
}

static void test_storm(void)
{
	pthread_t t[4];

	for (size_t i = 0; i < 4; i++)
		pthread_create(&t[i], nullptr, storm, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], nullptr);
	ok(true, "watches and files come and go in four threads at once");
}

int main(void)
{
	char dir[] = "/tmp/inotify.XXXXXX";

	mkdir("/tmp", 01777);
	if (!mkdtemp(dir) || chdir(dir) || mkdir("d", 0700))
		return 1;
	alarm(100);
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ok(in >= 0, "an instance");
	test_folder();
	test_file();
	test_flags();
	test_errors();
	test_reading();
	test_overflow();
	test_storm();
	close(in);
	system("rm -rf d");
	chdir("/");
	rmdir(dir);
	return tap_done();
}
