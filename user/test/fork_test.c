// SPDX-License-Identifier: MIT
// fork, vfork, clone, threads: what a child shares with its parent and what it does not.

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/child.h"
#include "user/test/tap.h"

static int global = 1;

// ---- memory

static int write_global(void)
{
	global = 2;
	return global;
}

static int grandchild_writes(void)
{
	int result = in_child(write_global);

	return result == 2 && global == 1 ? 0 : 1;
}

static void test_memory(void)
{
	char *page = mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile int *shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int go[2], status;
	char c;

	memset(page, 'a', 65536);
	ok(in_child(write_global) == 2 && global == 1, "a child's write stays its own");
	ok(in_child(grandchild_writes) == 0, "a grandchild can write what was never its parent's alone");
	pipe(go);
	pid_t pid = fork();
	if (pid == 0) {
		read(go[0], &c, 1);
		*shared = 7;
		_exit(page[0] == 'a' && page[65535] == 'a' ? 0 : 1);
	}
	memset(page, 'b', 65536);
	write(go[1], "x", 1);
	waitpid(pid, &status, 0);
	ok(status == 0, "a parent's write does not show in the child");
	ok(*shared == 7, "shared memory is shared");
	close(go[0]);
	close(go[1]);
	munmap(page, 65536);
}

// ---- what is inherited

static int check_pids(void)
{
	return getpid() != getppid() && getpid() == syscall(SYS_gettid) ? 0 : 1;
}

static int pending_is_empty(void)
{
	sigset_t set, blocked;

	sigpending(&set);
	sigprocmask(SIG_BLOCK, nullptr, &blocked);
	return !sigismember(&set, SIGUSR1) && sigismember(&blocked, SIGUSR1) ? 0 : 1;
}

static void test_inherited(void)
{
	sigset_t set, old;
	char name[] = "/tmp/fork_test.XXXXXX";
	int fd = mkstemp(name), status;

	ok(in_child(check_pids) == 0, "a child has a number of its own");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	ok(in_child(pending_is_empty) == 0, "blocked signals are inherited, pending ones are not");
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_SETMASK, &old, nullptr);
	signal(SIGUSR1, SIG_DFL);

	pid_t pid = fork();
	if (pid == 0) {
		write(fd, "child", 5);
		_exit(close(fd));
	}
	waitpid(pid, &status, 0);
	ok(lseek(fd, 0, SEEK_CUR) == 5, "the file position is shared");
	ok(write(fd, "x", 1) == 1, "closing in the child closes nothing here");
	close(fd);
	unlink(name);
}

// ---- vfork and spawn

static int vfork_body(void *arg)
{
	usleep(20000);
	*(volatile int *)arg = 1;
	return 5;
}

static void test_vfork(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	volatile int seen = 0;
	int status;
	// What vfork() is; not every C library's really is it.
	pid_t pid = clone(vfork_body, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)&seen);

	ok(seen == 1, "a vfork child works in its parent's memory, which waits for it");
	ok(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5, "its status arrives");
	char *argv[] = {"true", nullptr};
	if (access("/bin/true", X_OK) == 0) {
		ok(posix_spawn(&pid, "/bin/true", nullptr, nullptr, argv, argv + 1) == 0 &&
			   waitpid(pid, &status, 0) == pid && status == 0, "posix_spawn runs a program");
	} else {
		tap_skip("no /bin/true");
	}
	ok(posix_spawn(&pid, "/nonexistent", nullptr, nullptr, argv, argv + 1) == ENOENT,
	   "posix_spawn reports that there is no such program");
}

// ---- clone

static void test_clone(void)
{
	ok(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0) == -1 && errno == EINVAL,
	   "a thread without shared signal actions is refused");
	ok(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0) == -1 && errno == EINVAL,
	   "shared actions without shared memory are refused");
	int parent_tid = 0, status;
	static int child_tid;
	long flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD;
#ifdef __x86_64__
	long pid = syscall(SYS_clone, flags, 0, &parent_tid, &child_tid, 0);
#else
	long pid = syscall(SYS_clone, flags, 0, &parent_tid, 0, &child_tid);
#endif
	if (pid == 0)
		_exit(child_tid == syscall(SYS_getpid) ? 0 : 1);
	waitpid((pid_t)pid, &status, 0);
	ok(status == 0, "CLONE_CHILD_SETTID writes the number into the child's memory");
	ok(parent_tid == pid && child_tid == 0, "CLONE_PARENT_SETTID into the parent's");
}

static void test_reaper(void)
{
	int report[2];
	pid_t parent = 0;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pipe(report);
	pid_t pid = fork();

	if (pid == 0) {
		pid_t dead = getpid();
		if (fork() == 0) {
			while (getppid() == dead)
				sched_yield();
			parent = getppid();
			write(report[1], &parent, sizeof(parent));
			_exit(0);
		}
		_exit(0);
	}
	read(report[0], &parent, sizeof(parent));
	ok(parent == getpid(), "an orphan's parent is the nearest subreaper");
	ok(waitpid(pid, nullptr, 0) == pid && wait(nullptr) > 0, "which can wait for both");
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(report[0]);
	close(report[1]);
}

static int limited(void)
{
	struct rlimit limit = {1, 1};

	if (setresuid(54321, 54321, 54321))
		return 2;
	setrlimit(RLIMIT_NPROC, &limit);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0 && errno == EAGAIN ? 0 : 1;
}

static void test_limits(void)
{
	int result = in_child(limited);

	if (result == 2)
		tap_skip("RLIMIT_NPROC: not root");
	else
		ok(result == 0, "RLIMIT_NPROC stops a user's fork");
	bool all = true;
	for (int i = 0; i < 300; i++)
		all &= in_child(write_global) == 2;
	ok(all, "300 children, one after the other");
	pid_t pids[50];
	for (int i = 0; i < 50; i++)
		if ((pids[i] = fork()) == 0)
			_exit(i);
	for (int i = 49; i >= 0; i--) {
		int status;
		all &= waitpid(pids[i], &status, 0) == pids[i] && WEXITSTATUS(status) == i;
	}
	ok(all, "50 children at once, each with its own status");
}

// ---- threads

static void *add_one(void *arg)
{
	__atomic_fetch_add((int *)arg, 1, __ATOMIC_RELAXED);
	return arg;
}

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
}

static void *exit_group_from_thread(void *arg)
{
	_exit(9);
}

static int other_thread_exits(void)
{
	pthread_t t;

	pthread_create(&t, nullptr, exit_group_from_thread, nullptr);
	pause();
	return 1;
}

static int exits_with_threads(void)
{
	pthread_t t;

	for (int i = 0; i < 4; i++)
		pthread_create(&t, nullptr, sleep_forever, nullptr);
	return 6;
}

static void *late_exit(void *arg)
{
	usleep(50000);
	_exit(4);
}

static int leader_leaves_first(void)
{
	pthread_t t;

	pthread_create(&t, nullptr, late_exit, nullptr);
	syscall(SYS_exit, 1);
	return 2;
}

static void *fork_in_thread(void *arg)
{
	*(int *)arg = in_child(check_pids);
	return nullptr;
}

static pthread_mutex_t robust;

static void *lock_and_leave(void *arg)
{
	pthread_mutex_lock(&robust);
	return nullptr;
}

static void test_robust(void)
{
	pthread_mutexattr_t attr;
	pthread_t t;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	pthread_create(&t, nullptr, lock_and_leave, nullptr);
	pthread_join(t, nullptr);
	ok(pthread_mutex_lock(&robust) == EOWNERDEAD, "a robust lock of a thread that has ended: EOWNERDEAD");

	pthread_mutex_t *shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(shared, &attr);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_mutex_lock(shared);
		usleep(50000);
		kill(getpid(), SIGKILL);
	}
	usleep(20000);
	ok(pthread_mutex_lock(shared) == EOWNERDEAD, "of a process that was killed, to one that waits");
	waitpid(pid, nullptr, 0);
	munmap(shared, 4096);
}

static void test_threads(void)
{
	int count = 0, result = 1;
	pthread_t threads[16];
	void *back;
	bool all = true;

	for (int i = 0; i < 16; i++)
		all &= pthread_create(&threads[i], nullptr, add_one, &count) == 0;
	for (int i = 0; i < 16; i++)
		all &= pthread_join(threads[i], &back) == 0 && back == &count;
	ok(all && count == 16, "16 threads run and are joined");
	ok(in_child(other_thread_exits) == 9, "exit_group from a thread ends the process");
	ok(in_child(exits_with_threads) == 6, "exit ends sleeping threads");
	ok(in_child(leader_leaves_first) == 4, "the process lives on when its first thread has gone");
	pthread_create(&threads[0], nullptr, fork_in_thread, &result);
	pthread_join(threads[0], nullptr);
	ok(result == 0, "a child forked by a thread has one thread");
}

int main(void)
{
	test_memory();
	test_inherited();
	test_vfork();
	test_clone();
	test_reaper();
	test_limits();
	test_threads();
	test_robust();
	return tap_done();
}
