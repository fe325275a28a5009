// SPDX-License-Identifier: MIT
// Names: walks, links, renames, permissions, directories, mounts.

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/tap.h"

static char dir[] = "/tmp/path_testXXXXXX";

// A call failed with that error.
#define fails(call, error) ((call) == -1 && errno == (error))

static void touch(const char *name, mode_t mode)
{
	int fd = open(name, O_CREAT | O_WRONLY, mode);

	if (fd < 0)
		tap_bail(name);
	close(fd);
}

static bool exists(const char *name)
{
	struct stat st;

	return !lstat(name, &st);
}

static void walks(void)
{
	struct stat a, b;
	char longname[300], *deep;

	mkdir("d", 0755);
	mkdir("d/e", 0755);
	touch("d/f", 0644);
	ok(!stat("d//./e/../f", &a) && !stat("d/f", &b) && a.st_ino == b.st_ino,
	   "dots and double slashes");
	ok(fails(open("", O_RDONLY), ENOENT), "an empty name is ENOENT");
	ok(fails(open("d/f/", O_RDONLY), ENOTDIR), "a slash behind a file is ENOTDIR");
	ok(fails(open("d/f/x", O_RDONLY), ENOTDIR), "so is a file in the middle");
	ok(fails(open("d/none/x", O_RDONLY), ENOENT), "a missing directory is ENOENT");
	ok(!stat("d/e/", &a) && S_ISDIR(a.st_mode), "a slash behind a directory is fine");
	memset(longname, 'n', 299);
	longname[299] = 0;
	ok(fails(open(longname, O_RDONLY), ENAMETOOLONG), "more than 255 bytes are ENAMETOOLONG");
	longname[255] = 0;
	ok(fails(open(longname, O_RDONLY), ENOENT), "255 are not");
	deep = malloc(5000);
	memset(deep, '/', 4999);
	deep[4999] = 0;
	ok(fails(open(deep, O_RDONLY), ENAMETOOLONG), "a path of more than 4095 is");
	free(deep);
	ok(fails(open((char *)8, O_RDONLY), EFAULT), "a bad address is EFAULT");
	ok(!stat("/..", &a) && !stat("/", &b) && a.st_ino == b.st_ino,
	   "above the root is the root");
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	ok(fd >= 0 && !fstatat(fd, "f", &a, 0), "names start at a directory's descriptor");
	ok(fails(openat(fd, "../d/none", O_RDONLY), ENOENT), "and go up from it");
	ok(fails(open("d/f", O_DIRECTORY), ENOTDIR), "O_DIRECTORY refuses a file");
	ok(fails(open("d", O_WRONLY), EISDIR), "a directory cannot be written");
	ok(fails((int)read(fd, longname, 10), EISDIR), "nor read");
	int file = open("d/f", O_RDONLY);
	ok(fails(openat(file, "x", O_RDONLY), ENOTDIR), "a file is no start");
	ok(!fstatat(file, "", &a, AT_EMPTY_PATH) && !stat("d/f", &b) && a.st_ino == b.st_ino,
	   "AT_EMPTY_PATH means the descriptor itself");
	close(file);
	close(fd);
}

static void creation(void)
{
	struct stat st;

	ok(fails(open("d/f", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST),
	   "O_EXCL refuses what exists");
	ok(fails(open("d", O_CREAT | O_RDWR, 0600), EISDIR), "O_CREAT on a directory is EISDIR");
	ok(fails(open("new/", O_CREAT | O_RDWR, 0600), EISDIR), "a new file with a slash too");
	int fd = open("ro", O_CREAT | O_RDWR, 0444);
	ok(fd >= 0 && write(fd, "x", 1) == 1, "a new read-only file can be written by its maker");
	close(fd);
	ok(fails(mkdir("d", 0755), EEXIST) && fails(mkdir("d/f", 0755), EEXIST),
	   "mkdir of what exists is EEXIST");
	ok(fails(mkdir("none/x", 0755), ENOENT), "without a parent it is ENOENT");
	ok(!mkdir("slash/", 0755) && !rmdir("slash/"), "mkdir takes a trailing slash");
	ok(fails(mkdir("/", 0755), EEXIST) && fails(mkdir("d/.", 0755), EEXIST),
	   "mkdir of / and . is EEXIST");
	ok(!stat("d", &st) && st.st_nlink == 3, "a directory has a link from each subdirectory");
	ok(!mknod("pipe", S_IFIFO | 0600, 0) && !stat("pipe", &st) && S_ISFIFO(st.st_mode),
	   "mknod makes a fifo");
	if (geteuid() == 0 && !mknod("null", S_IFCHR | 0600, makedev(1, 3)))
		ok(!stat("null", &st) && st.st_rdev == makedev(1, 3) && !unlink("null"),
		   "and a device");
	else
		tap_skip("may not make devices");
	unlink("pipe");
}

static void removal(void)
{
	ok(fails(unlink("d"), EISDIR), "unlink of a directory is EISDIR");
	ok(fails(rmdir("d/f"), ENOTDIR), "rmdir of a file is ENOTDIR");
	ok(fails(rmdir("d"), ENOTEMPTY), "a full directory is ENOTEMPTY");
	ok(fails(rmdir("d/e/."), EINVAL), "the name . is EINVAL");
	ok(fails(rmdir("d/e/.."), ENOTEMPTY), "the name .. is ENOTEMPTY");
	ok(fails(unlink("none"), ENOENT), "what is not there is ENOENT");
	touch("gone", 0600);
	int fd = open("gone", O_RDWR);
	struct stat st;
	char c;
	ok(!unlink("gone") && !exists("gone"), "a name goes");
	ok(write(fd, "k", 1) == 1 && pread(fd, &c, 1, 0) == 1 && !fstat(fd, &st) &&
		   st.st_nlink == 0,
	   "the open file stays");
	close(fd);
	mkdir("old", 0755);
	fd = open("old", O_RDONLY);
	rmdir("old");
	ok(fails(openat(fd, "x", O_CREAT | O_RDWR, 0600), ENOENT),
	   "nothing can be made in a removed directory");
	close(fd);
}

static void symbolic_links(void)
{
	char buf[100];
	struct stat st;

	ok(!symlink("d/f", "sl") && readlink("sl", buf, 100) == 3 && !memcmp(buf, "d/f", 3),
	   "symlink and readlink");
	ok(readlink("sl", buf, 2) == 2, "a short buffer gets the beginning");
	ok(fails((int)readlink("d/f", buf, 100), EINVAL), "readlink of a file is EINVAL");
	ok(!lstat("sl", &st) && S_ISLNK(st.st_mode) && st.st_size == 3, "lstat sees the link");
	ok(!stat("sl", &st) && S_ISREG(st.st_mode), "stat the file");
	ok(fails(open("sl", O_RDONLY | O_NOFOLLOW), ELOOP), "O_NOFOLLOW refuses it");
	symlink("d", "sd");
	ok(!stat("sd/f", &st) && !lstat("sd/", &st) && S_ISDIR(st.st_mode),
	   "links in the middle are followed");
	symlink("loop", "loop");
	ok(fails(open("loop", O_RDONLY), ELOOP), "a circle is ELOOP");
	symlink("made", "dangling");
	ok(fails(open("dangling", O_RDONLY), ENOENT), "a dangling link is ENOENT");
	ok(fails(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST),
	   "with O_EXCL it exists");
	int fd = open("dangling", O_CREAT | O_RDWR, 0600);
	ok(fd >= 0 && exists("made"), "O_CREAT makes what it points to");
	close(fd);
	ok(fails(symlink("x", "sl"), EEXIST), "symlink onto a name is EEXIST");
	ok(fails(symlink("", "y"), ENOENT), "an empty target is ENOENT");
	char name[16] = "d/f", next[16];
	for (int i = 0; i < 45; i++) {
		snprintf(next, sizeof(next), "chain%d", i);
		symlink(name, next);
		strcpy(name, next);
	}
	ok(!stat("chain39", &st) && fails(stat("chain40", &st), ELOOP),
	   "40 links are followed, 41 are not");
	unlink("made");
}

static void hard_links(void)
{
	struct stat a, b;

	ok(!link("d/f", "hard") && !stat("hard", &a) && !stat("d/f", &b) && a.st_ino == b.st_ino &&
		   a.st_nlink == 2,
	   "a second name");
	ok(fails(link("d", "hd"), EPERM), "not for directories");
	ok(fails(link("d/f", "hard"), EEXIST), "not onto a name");
	ok(fails(link("none", "x"), ENOENT), "not of nothing");
	ok(!link("sl", "hsl") && !lstat("hsl", &a) && S_ISLNK(a.st_mode),
	   "link does not follow a symbolic link");
	ok(!linkat(AT_FDCWD, "sl", AT_FDCWD, "hf", AT_SYMLINK_FOLLOW) && !lstat("hf", &a) &&
		   S_ISREG(a.st_mode),
	   "linkat may");
	unlink("hsl");
	unlink("hf");
	ok(!rename("hard", "d/f") && exists("hard"),
	   "rename onto another name of the same file does nothing");
	unlink("hard");
}

static int renameat2_(const char *a, const char *b, unsigned flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags);
}

static void renames(void)
{
	struct stat a, b;

	touch("r1", 0600);
	touch("r2", 0600);
	stat("r1", &a);
	ok(!rename("r1", "r2") && !exists("r1") && !stat("r2", &b) && a.st_ino == b.st_ino,
	   "rename replaces");
	mkdir("rd", 0755);
	mkdir("rd/sub", 0755);
	ok(fails(rename("r2", "rd"), EISDIR), "a file onto a directory is EISDIR");
	ok(fails(rename("rd", "r2"), ENOTDIR), "a directory onto a file is ENOTDIR");
	ok(fails(rename("rd", "rd/sub/x"), EINVAL), "a directory into itself is EINVAL");
	ok(fails(rename("rd/sub", "rd"), ENOTEMPTY), "onto its own parent is ENOTEMPTY");
	ok(fails(rename("d", "rd"), ENOTEMPTY), "onto a full directory too");
	ok(fails(rename("none", "x"), ENOENT), "of nothing is ENOENT");
	ok(fails(rename("rd/.", "x"), EBUSY) || errno == EINVAL, "the name . is EBUSY");
	mkdir("empty", 0755);
	ok(!rename("rd", "empty") && exists("empty/sub") && !exists("rd"),
	   "onto an empty directory it works");
	stat("empty", &a);
	stat(".", &b);
	nlink_t before = b.st_nlink;
	ok(!rename("empty/sub", "sub") && !stat("empty", &a) && a.st_nlink == 2 && !stat(".", &b) &&
	   b.st_nlink == before + 1, "a directory that moves takes its parent's link along");
	ok(fails(renameat2_("r2", "sub", RENAME_NOREPLACE), EEXIST),
	   "RENAME_NOREPLACE does not replace");
	ok(!renameat2_("r2", "sub", RENAME_EXCHANGE) && !stat("r2", &a) && S_ISDIR(a.st_mode),
	   "RENAME_EXCHANGE swaps");
	ok(fails(renameat2_("r2", "none", RENAME_EXCHANGE), ENOENT), "it needs both");
	ok(fails(renameat2_("r2", "x", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL),
	   "the flags exclude each other");
	rmdir("r2");
	unlink("sub");
	rmdir("empty");
}

static void working_directory(void)
{
	char buf[200], want[200];

	snprintf(want, sizeof(want), "%s/d/e", dir);
	ok(!chdir("d/e") && getcwd(buf, sizeof(buf)) && !strcmp(buf, want),
	   "getcwd names where chdir went");
	ok(!getcwd(buf, 5) && errno == ERANGE, "a short buffer is ERANGE");
	ok(!rename("../e", "../moved") && getcwd(buf, sizeof(buf)) && strstr(buf, "/d/moved"),
	   "it follows a rename");
	ok(!rename("../moved", "../e"), "and back");
	mkdir("x", 0755);
	chdir("x");
	rmdir("../x");
	ok(!getcwd(buf, sizeof(buf)) && errno == ENOENT, "a removed directory has no name");
	ok(!chdir("..") && getcwd(buf, sizeof(buf)) && !strcmp(buf, want), "but a parent");
	ok(fails(chdir("../f"), ENOTDIR), "chdir to a file is ENOTDIR");
	int fd = open(dir, O_RDONLY);
	ok(!fchdir(fd) && getcwd(buf, sizeof(buf)) && !strcmp(buf, dir), "fchdir");
	close(fd);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void directories(void)
{
	enum { N = 1500 };
	char name[32];
	char *seen[N + 2];
	int n = 0;
	struct dirent *e;

	mkdir("many", 0755);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "many/file%04d", i);
		touch(name, 0600);
	}
	DIR *d = opendir("many");
	while ((e = readdir(d)) && n < N + 2)
		seen[n++] = strdup(e->d_name);
	qsort(seen, (size_t)n, sizeof(char *), compare);
	bool all = n == N + 2 && !strcmp(seen[0], ".") && !strcmp(seen[1], "..");
	for (int i = 0; all && i < N; i++) {
		snprintf(name, sizeof(name), "file%04d", i);
		all = !strcmp(seen[i + 2], name);
	}
	ok(all, "%d entries are read, each once", N);
	rewinddir(d);
	int removed = 0;
	while ((e = readdir(d)))
		if (e->d_name[0] == 'f' && !unlinkat(dirfd(d), e->d_name, 0))
			removed++;
	ok(removed == N && !rmdir("many"), "removing while reading misses none");
	closedir(d);
	int fd = open("d", O_RDONLY);
	char buf[16];
	ok(fails((int)syscall(SYS_getdents64, fd, buf, 16), EINVAL),
	   "a buffer too short for an entry is EINVAL");
	close(fd);
	fd = open("d/f", O_RDONLY);
	ok(fails((int)syscall(SYS_getdents64, fd, buf, 16), ENOTDIR), "a file has no entries");
	close(fd);
}

static void as_nobody(void)
{
	touch("private", 0600);
	touch("readable", 0644);
	mkdir("closed", 0700);
	touch("closed/x", 0644);
	mkdir("sticky", 01777);
	touch("sticky/x", 0644);
	chmod("sticky", 01777);
	mkdir("noexec", 0755);
	touch("noexec/x", 0644);
	chmod("noexec", 0744);
	chmod(".", 0755);
	fflush(stdout);
	int p[2], status, bad = 0;
	if (pipe(p))
		tap_bail("pipe");
	pid_t pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(100);
		bad |= fails(open("private", O_RDONLY), EACCES) ? 0 : 1;
		bad |= open("readable", O_RDONLY) >= 0 && fails(open("readable", O_RDWR), EACCES)
			       ? 0
			       : 2;
		bad |= fails(open("closed/x", O_RDONLY), EACCES) ? 0 : 4;
		bad |= fails(unlink("sticky/x"), EPERM) &&
				       fails(rename("sticky/x", "sticky/y"), EPERM)
			       ? 0
			       : 8;
		bad |= fails(unlink("readable"), EACCES) && fails(mkdir("mine", 0755), EACCES) ? 0
											       : 16;
		bad |= fails(chmod("readable", 0777), EPERM) &&
				       fails(chown("readable", 65534, -1), EPERM)
			       ? 0
			       : 32;
		bad |= fails(access("private", R_OK), EACCES) && !access("readable", R_OK) &&
		       fails(access("readable", X_OK), EACCES) ? 0 : 64;
		bad |= fails(open("noexec/x", O_RDONLY), EACCES) && open("noexec", O_RDONLY) >= 0
			       ? 0
			       : 128;
		write(p[1], &bad, sizeof(bad));
		_exit(0);
	}
	close(p[1]);
	ok(read(p[0], &bad, sizeof(bad)) == sizeof(bad), "a child becomes nobody");
	waitpid(pid, &status, 0);
	close(p[0]);
	ok(!(bad & 1), "a private file is EACCES");
	ok(!(bad & 2), "a readable one can be read only");
	ok(!(bad & 4), "a closed directory hides what is in it");
	ok(!(bad & 8), "a sticky one keeps others' files");
	ok(!(bad & 16), "names in others' directories cannot be made or removed");
	ok(!(bad & 32), "modes and owners are the owner's");
	ok(!(bad & 64), "access agrees");
	ok(!(bad & 128), "without x a directory can be listed but not entered");
}

static int openat2_(int fd, const char *name, unsigned long resolve)
{
	struct open_how how = { .flags = O_RDONLY, .resolve = resolve };

	return (int)syscall(SYS_openat2, fd, name, &how, sizeof(how));
}

static void resolving(void)
{
	int fd = open("d", O_PATH | O_DIRECTORY), got;

	symlink("/etc", "d/abs");
	symlink("f", "d/rel");
	got = openat2_(fd, "f", RESOLVE_BENEATH);
	if (got < 0 && errno == ENOSYS) {
		tap_skip("no openat2");
		return;
	}
	ok(got >= 0, "RESOLVE_BENEATH allows what is below");
	close(got);
	ok(fails(openat2_(fd, "../d/f", RESOLVE_BENEATH), EXDEV), "and nothing above");
	ok(fails(openat2_(fd, "abs", RESOLVE_BENEATH), EXDEV), "nor absolute links");
	ok(fails(openat2_(fd, "rel", RESOLVE_NO_SYMLINKS), ELOOP), "RESOLVE_NO_SYMLINKS");
	got = openat2_(fd, "/../f", RESOLVE_IN_ROOT);
	ok(got >= 0, "RESOLVE_IN_ROOT makes it the root");
	close(got);
	ok(fails(openat2_(fd, "f", 1ul << 40), EINVAL), "unknown bits are EINVAL");
	close(fd);
}

static void path_descriptors(void)
{
	int fd = open("d/f", O_PATH);
	struct stat st;
	char c;

	ok(fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode), "O_PATH names a file");
	ok(fails((int)read(fd, &c, 1), EBADF) && fails((int)syscall(SYS_fchmod, fd, 0600), EBADF),
	   "but does not open it");
	close(fd);
	fd = open("sl", O_PATH | O_NOFOLLOW);
	char buf[8];
	ok(fd >= 0 && readlinkat(fd, "", buf, 8) == 3,
	   "with O_NOFOLLOW a link, readable through it");
	close(fd);
}

static void mounts(void)
{
	struct stat a, b;
	struct statfs fs;

	mkdir("m", 0755);
	touch("m/under", 0644);
	if (mount("none", "m", "tmpfs", 0, "size=1m,mode=0700")) {
		tap_skip("may not mount");
		return;
	}
	ok(!stat("m", &a) && !stat(".", &b) && a.st_dev != b.st_dev && !exists("m/under"),
	   "a mount covers");
	ok((a.st_mode & 07777) == 0700, "its options count");
	ok(!statfs("m", &fs) && fs.f_type == 0x01021994 &&
		   fs.f_blocks * (unsigned long)fs.f_bsize == 1 << 20,
	   "statfs");
	int fd = open("m/big", O_CREAT | O_RDWR, 0600);
	static char buf[2 << 20];
	ssize_t n = write(fd, buf, sizeof(buf));
	ok(n > 0 && n <= 1 << 20 && fails((int)write(fd, buf, 4096), ENOSPC),
	   "its size is limited");
	ok(!ftruncate(fd, 0) && write(fd, buf, 4096) == 4096, "space comes back");
	ok(!stat("m/..", &a) && a.st_ino == b.st_ino, ".. leads out of it");
	ok(fails(rename("m/big", "big"), EXDEV) && fails(link("m/big", "big"), EXDEV),
	   "no name crosses it");
	ok(fails(rmdir("m"), EBUSY), "a mount point is EBUSY");
	ok(fails(umount("m"), EBUSY), "so is a file system in use");
	close(fd);
	ok(!mount(nullptr, "m", nullptr, MS_REMOUNT | MS_RDONLY | MS_BIND, nullptr) &&
	   fails(open("m/x", O_CREAT | O_RDWR, 0600), EROFS), "read-only after a remount");
	ok(!umount("m") && exists("m/under"), "afterwards all is as before");
	mkdir("b", 0755);
	ok(!mount("d", "b", nullptr, MS_BIND, nullptr) && exists("b/f"),
	   "a bind mount shows the same files");
	ok(!umount2("b", MNT_DETACH) && !exists("b/f"), "until it is detached");
	ok(fails(umount("d"), EINVAL), "what is no mount is EINVAL");
	ok(fails(mount("none", "m", "nosuchfs", 0, nullptr), ENODEV), "an unknown type is ENODEV");
}

int main(void)
{
	umask(022);
	if (!mkdtemp(dir) || chdir(dir))
		tap_bail(dir);
	walks();
	creation();
	removal();
	symbolic_links();
	hard_links();
	renames();
	working_directory();
	directories();
	if (geteuid() == 0)
		as_nobody();
	else
		tap_skip("not root");
	resolving();
	path_descriptors();
	mounts();
	return tap_done();
}
