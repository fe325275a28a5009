// SPDX-License-Identifier: MIT
// Who may look into /proc/PID of a process that is not to be looked into (PR_SET_DUMPABLE): nobody of its own user, and of what is
// root's then (proc(5)) not even it itself.

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/test/child.h"
#include "user/test/tap.h"

enum what { READ, WRITE, LIST, FOLLOW };
enum who { ITSELF = 1, OTHERS = 2, ALL = 3 };

static const struct file {
	const char *name;
	enum what what;
	enum who who;		// may do it when it cannot be dumped; else all may
} files[] = {
	{"task", LIST, ALL}, {"cmdline", READ, ALL}, {"comm", READ, ALL}, {"limits", READ, ALL}, {"oom_score_adj", READ, ALL},
	{"stat", READ, ALL}, {"statm", READ, ALL}, {"status", READ, ALL},
	{"fd", LIST, ITSELF}, {"fd/0", FOLLOW, ITSELF}, {"fdinfo", LIST, ITSELF}, {"fdinfo/0", READ, ITSELF}, {"exe", FOLLOW, ITSELF},
	{"cwd", FOLLOW, ITSELF}, {"root", FOLLOW, ITSELF}, {"maps", READ, ITSELF}, {"smaps", READ, ITSELF}, {"smaps_rollup", READ, ITSELF},
	{"auxv", READ, 0}, {"environ", READ, 0}, {"mem", READ, 0}, {"mem", WRITE, 0}, {"pagemap", READ, 0}, {"syscall", READ, 0},
	{"clear_refs", WRITE, 0}, {"comm", WRITE, 0}, {"oom_score_adj", WRITE, 0},
};
constexpr unsigned FILES = sizeof(files) / sizeof(*files);

static bool can(pid_t pid, const struct file *f)
{
	char path[64], link[256];
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, f->name);
	if (f->what == FOLLOW && readlink(path, link, sizeof(link)) < 0)
		return false;
	fd = open(path, f->what == LIST ? O_RDONLY | O_DIRECTORY : f->what == FOLLOW ? O_PATH : f->what == WRITE ? O_WRONLY : O_RDONLY);
	close(fd);
	return fd >= 0;
}

// The number of files that `who` finds other than they should be.
static int look(pid_t pid, bool dumpable, enum who who)
{
	int wrong = 0;

	for (const struct file *f = files; f < files + FILES; f++) {
		bool should = dumpable || (f->who & who);

		if (can(pid, f) == should)
			continue;
		printf("# %s (%d): %s\n", f->name, f->what, should ? "refused" : "granted");
		wrong++;
	}
	return wrong;
}

static int look_from_child(pid_t pid, bool dumpable)
{
	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_DUMPABLE, 1);
		_exit(look(pid, dumpable, OTHERS));
	}
	return wait_for(child);
}

static bool belongs_to(const char *path, uid_t uid)
{
	struct stat s;

	return !lstat(path, &s) && s.st_uid == uid;
}

int main(void)
{
	if (getuid() == 0 && (setgroups(0, nullptr) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)))
		tap_bail("setresuid");
	uid_t uid = getuid();
	prctl(PR_SET_DUMPABLE, 1);
	ok(look(getpid(), true, ITSELF) == 0 && look_from_child(getpid(), true) == 0, "an ordinary process: its user sees all");
	ok(belongs_to("/proc/self/fd", uid) && belongs_to("/proc/self/environ", uid) && belongs_to("/proc/self/", uid), "and it is all the user's");
	prctl(PR_SET_DUMPABLE, 0);
	ok(look_from_child(getpid(), false) == 0, "one that cannot be dumped: others of its user do not");
	ok(look(getpid(), false, ITSELF) == 0, "itself what need not be opened as its owner");
	ok(belongs_to("/proc/self/fd", 0) && belongs_to("/proc/self/environ", 0) && belongs_to("/proc/self/exe", 0) && belongs_to("/proc/self/fd/0", 0),
	   "which is root");
	ok(belongs_to("/proc/self/", uid) && belongs_to("/proc/self/task", uid) && belongs_to("/proc/self/fdinfo", uid), "save of the directories that all may list");
	prctl(PR_SET_DUMPABLE, 1);
	ok(look_from_child(getpid(), true) == 0 && belongs_to("/proc/self/fd", uid), "and back");
	return tap_done();
}
