// SPDX-License-Identifier: MIT
// System V semaphores: semget, semop, semtimedop, semctl, SEM_UNDO, /proc/sysvipc/sem.

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/proc.h"

union arg {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

#define OPS(...) (struct sembuf[]){__VA_ARGS__}, sizeof((struct sembuf[]){__VA_ARGS__}) / sizeof(struct sembuf)

static key_t key;

static bool is_error(long r, int err)
{
	return r == -1 && errno == err;
}

static int value(int id, int n)
{
	return semctl(id, n, GETVAL);
}

static struct semid_ds stat_of(int id)
{
	struct semid_ds ds = {};

	semctl(id, 0, IPC_STAT, (union arg){.buf = &ds});
	return ds;
}

static int exit_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Until n wait for it (to be more; to be zero): those are asleep then.
static bool await(int id, int number, int command, int n)
{
	for (int i = 0; i < 5000 && semctl(id, number, command) != n; i++)
		usleep(1000);
	return semctl(id, number, command) == n;
}

static void test_get(void)
{
	ok(is_error(semget(key, 1, 0600), ENOENT), "nothing has that key: ENOENT");
	ok(is_error(semget(key, 0, IPC_CREAT | 0600), EINVAL), "an empty set: EINVAL");
	ok(is_error(semget(key, -1, IPC_CREAT | 0600), EINVAL) && is_error(semget(key, 32001, IPC_CREAT | 0600), EINVAL), "too few, too many: EINVAL");
	int id = semget(key, 3, IPC_CREAT | 0640);
	ok(id >= 0 && semget(key, 0, 0) == id && semget(key, 3, IPC_CREAT | 0600) == id, "a set, found by its key");
	ok(is_error(semget(key, 4, 0600), EINVAL), "more than it has: EINVAL");
	ok(is_error(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600), EEXIST), "IPC_EXCL: EEXIST");
	struct semid_ds ds = stat_of(id);
	ok(ds.sem_nsems == 3 && ds.sem_otime == 0 && ds.sem_ctime != 0, "number, times");
	ok(ds.sem_perm.mode == 0640 && ds.sem_perm.uid == geteuid() && ds.sem_perm.cuid == geteuid(), "mode and owner");
	ok(value(id, 0) == 0 && value(id, 2) == 0 && semctl(id, 0, GETPID) == 0, "all zero, changed by nobody");
	ok(is_error(semctl(id, 3, GETVAL), EINVAL) && is_error(semctl(id, -1, GETVAL), EINVAL), "no such semaphore: EINVAL");
	ok(is_error(semctl(id, 0, 99), EINVAL) && is_error(semctl(-1, 0, GETVAL), EINVAL), "no such command, no such set: EINVAL");
	ok(is_error(semctl(id, 0, IPC_STAT, (union arg){.buf = (void *)8}), EFAULT), "a bad buffer: EFAULT");
	ok(semctl(id, 0, IPC_RMID) == 0 && is_error(semctl(id, 0, GETVAL), EINVAL), "removed");
	int big = semget(IPC_PRIVATE, 32000, 0600);
	ok(big >= 0 && big != id && value(big, 31999) == 0, "the largest set");
	semctl(big, 0, IPC_RMID);
}

static void test_values(void)
{
	int id = semget(IPC_PRIVATE, 3, 0600);
	unsigned short all[3] = {7, 8, 9}, bad[3] = {1, 32768, 1};

	ok(semctl(id, 1, SETVAL, (union arg){.val = 5}) == 0 && value(id, 1) == 5 && semctl(id, 1, GETPID) == getpid(), "SETVAL, GETVAL, GETPID");
	ok(is_error(semctl(id, 1, SETVAL, (union arg){.val = -1}), ERANGE) && is_error(semctl(id, 1, SETVAL, (union arg){.val = 32768}), ERANGE), "out of range: ERANGE");
	ok(semctl(id, 0, SETALL, (union arg){.array = all}) == 0 && value(id, 0) == 7 && value(id, 2) == 9, "SETALL");
	ok(is_error(semctl(id, 0, SETALL, (union arg){.array = bad}), ERANGE) && value(id, 0) == 7, "one of them out of range: ERANGE, none is set");
	ok(is_error(semctl(id, 0, SETALL, (union arg){.array = (void *)8}), EFAULT), "SETALL from nowhere: EFAULT");
	memset(all, 0, sizeof(all));
	ok(semctl(id, 0, GETALL, (union arg){.array = all}) == 0 && all[0] == 7 && all[1] == 8 && all[2] == 9, "GETALL");
	ok(is_error(semctl(id, 0, GETALL, (union arg){.array = (void *)8}), EFAULT), "GETALL to nowhere: EFAULT");
	struct semid_ds ds = stat_of(id);
	ds.sem_perm.mode = 0604;
	ok(semctl(id, 0, IPC_SET, (union arg){.buf = &ds}) == 0 && stat_of(id).sem_perm.mode == 0604, "IPC_SET");
	semctl(id, 0, IPC_RMID);
}

static void test_operations(void)
{
	int id = semget(IPC_PRIVATE, 3, 0600);

	ok(semop(id, OPS({0, 3, 0}, {1, 1, 0})) == 0 && value(id, 0) == 3 && value(id, 1) == 1, "two at once");
	ok(stat_of(id).sem_otime != 0, "otime");
	ok(is_error(semop(id, OPS({0, -1, 0}, {1, -2, IPC_NOWAIT})), EAGAIN) && value(id, 0) == 3 && value(id, 1) == 1, "all or nothing: EAGAIN");
	ok(is_error(semop(id, OPS({0, 0, IPC_NOWAIT})), EAGAIN), "it is not zero: EAGAIN");
	ok(semop(id, OPS({2, 0, 0})) == 0, "it is zero");
	ok(semop(id, OPS({0, -3, 0}, {0, 0, 0}, {0, 2, 0})) == 0 && value(id, 0) == 2, "in order: each sees what those before it did");
	ok(is_error(semop(id, OPS({0, 32767, 0})), ERANGE) && value(id, 0) == 2, "too much: ERANGE");
	ok(is_error(semop(id, OPS({3, 1, 0})), EFBIG), "no such semaphore: EFBIG");
	struct sembuf many[501] = {};
	ok(is_error(semop(id, many, 501), E2BIG), "too many: E2BIG");
	for (int i = 0; i < 500; i++)
		many[i] = (struct sembuf){1, 1, 0};
	ok(semop(id, many, 500) == 0 && value(id, 1) == 501, "five hundred at once");
	ok(is_error(semop(id, many, 0), EINVAL) && is_error(semop(-1, many, 1), EINVAL), "none, no set: EINVAL");
	ok(is_error(semop(id, (void *)8, 1), EFAULT), "a bad address: EFAULT");
	semctl(id, 0, IPC_RMID);
	ok(is_error(semop(id, OPS({0, 1, 0})), EINVAL), "a removed set: EINVAL");
}

static void handler(int sig)
{
}

static void test_waiting(void)
{
	int id = semget(IPC_PRIVATE, 3, 0600);
	struct timespec t, soon = {0, 20000000}, never = {0, 1000000000};

	struct timespec before;
	clock_gettime(CLOCK_MONOTONIC, &before);
	bool timed = is_error(semtimedop(id, OPS({0, -1, 0}), &soon), EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &t);
	ok(timed && (t.tv_sec - before.tv_sec) * 1000000000l + t.tv_nsec - before.tv_nsec >= 20000000, "the time is over: EAGAIN");
	ok(is_error(semtimedop(id, OPS({0, -1, 0}), &never), EINVAL), "a bad time: EINVAL");
	pid_t a = fork();
	if (a == 0)
		_exit(semop(id, OPS({0, -2, 0}, {1, 1, 0})) != 0);
	ok(await(id, 0, GETNCNT, 1), "GETNCNT: one waits");
	semop(id, OPS({0, 1, 0}));
	ok(value(id, 0) == 1 && semctl(id, 0, GETNCNT) == 1, "one is too few");
	semop(id, OPS({0, 1, 0}));
	ok(value(id, 0) == 0 && value(id, 1) == 1, "what it waits for is done at once");
	ok(semctl(id, 1, GETPID) == a && exit_of(a) == 0, "in its name, and it goes on");
	pid_t z = fork();
	if (z == 0)
		_exit(semop(id, OPS({1, 0, 0}, {2, 4, 0})) != 0);
	ok(await(id, 1, GETZCNT, 1), "GETZCNT: one waits for zero");
	pid_t chain = fork();
	if (chain == 0)
		_exit(semop(id, OPS({2, -4, 0})) != 0);
	ok(await(id, 2, GETNCNT, 1), "another for what that one will do");
	semop(id, OPS({1, -1, 0}));
	ok(exit_of(z) == 0 && exit_of(chain) == 0 && value(id, 2) == 0, "one wakes the other");
	pid_t interrupted = fork();
	if (interrupted == 0) {
		struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
		sigaction(SIGUSR1, &act, nullptr);
		_exit(!is_error(semop(id, OPS({0, -1, 0})), EINTR));
	}
	await(id, 0, GETNCNT, 1);
	kill(interrupted, SIGUSR1);
	ok(exit_of(interrupted) == 0 && semctl(id, 0, GETNCNT) == 0, "a signal: EINTR, even with SA_RESTART");
	pid_t killed = fork();
	if (killed == 0)
		semop(id, OPS({0, -1, 0}));
	await(id, 0, GETNCNT, 1);
	kill(killed, SIGKILL);
	waitpid(killed, nullptr, 0);
	semop(id, OPS({0, 1, 0}));
	ok(semctl(id, 0, GETNCNT) == 0 && value(id, 0) == 1, "who was killed waits no more");
	semctl(id, 0, SETVAL, (union arg){.val = 0});
	pid_t set = fork();
	if (set == 0)
		_exit(semop(id, OPS({0, -1, 0})) != 0);
	await(id, 0, GETNCNT, 1);
	semctl(id, 0, SETVAL, (union arg){.val = 1});
	ok(exit_of(set) == 0 && value(id, 0) == 0, "SETVAL wakes, too");
	pid_t left = fork();
	if (left == 0)
		_exit(!is_error(semop(id, OPS({0, -1, 0})), EIDRM));
	await(id, 0, GETNCNT, 1);
	semctl(id, 0, IPC_RMID);
	ok(exit_of(left) == 0, "the set is removed: EIDRM");
}

static int shared_child(void *arg)
{
	return semop(*(int *)arg, OPS({1, 2, SEM_UNDO})) != 0;
}

static void *thread_undo(void *arg)
{
	semop(*(int *)arg, OPS({0, 3, SEM_UNDO}));
	return nullptr;
}

static void test_undo(void)
{
	int id = semget(IPC_PRIVATE, 3, 0600);

	semctl(id, 0, SETVAL, (union arg){.val = 5});
	pid_t pid = fork();
	if (pid == 0) {
		semop(id, OPS({0, -2, SEM_UNDO}, {1, 3, SEM_UNDO}, {2, 1, 0}));
		_exit(value(id, 0) != 3);
	}
	ok(exit_of(pid) == 0 && value(id, 0) == 5 && value(id, 1) == 0 && value(id, 2) == 1, "SEM_UNDO: the end takes it back");
	ok(semctl(id, 0, GETPID) == pid, "in the name of who ended");
	pid = fork();
	if (pid == 0) {
		semop(id, OPS({0, -5, SEM_UNDO}));
		pause();
	}
	while (value(id, 0))
		usleep(1000);
	pid_t next = fork();
	if (next == 0)
		_exit(semop(id, OPS({0, -4, 0})) != 0);
	await(id, 0, GETNCNT, 1);
	kill(pid, SIGKILL);
	ok(exit_of(next) == 0 && value(id, 0) == 1, "a killed holder lets the next go on");
	waitpid(pid, nullptr, 0);
	pid = fork();
	if (pid == 0) {
		semop(id, OPS({0, 1, SEM_UNDO}));
		semctl(id, 0, SETVAL, (union arg){.val = 9});
		_exit(0);
	}
	ok(exit_of(pid) == 0 && value(id, 0) == 9, "SETVAL forgives");
	pid = fork();
	if (pid == 0) {
		semop(id, OPS({0, 5, SEM_UNDO}));
		semop(id, OPS({0, -14, 0}));
		_exit(0);
	}
	ok(exit_of(pid) == 0 && value(id, 0) == 0, "not below zero");
	semctl(id, 0, IPC_RMID);
}

static void test_undo_of_relatives(void)
{
	int id = semget(IPC_PRIVATE, 2, 0600);
	pid_t pid = fork();

	if (pid == 0) {
		semop(id, OPS({0, 4, SEM_UNDO}));
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		exit_of(child);
		_exit(value(id, 0) != 4);
	}
	ok(exit_of(pid) == 0 && value(id, 0) == 0, "a child does not inherit it");
	pid = fork();
	if (pid == 0) {
		semop(id, OPS({0, 4, SEM_UNDO}));
		execl("/proc/self/exe", "x", "value", nullptr);
		_exit(9);
	}
	ok(exit_of(pid) == 3 && value(id, 0) == 0, "exec keeps it, the end pays");
	pid = fork();
	if (pid == 0) {
		pthread_t t;
		pthread_create(&t, nullptr, thread_undo, &id);
		pthread_join(t, nullptr);
		_exit(value(id, 0) != 3);
	}
	ok(exit_of(pid) == 0 && value(id, 0) == 0, "a thread's end does not pay, its process' does");
	pid = fork();
	if (pid == 0) {
		char *stack = mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pid_t child = clone(shared_child, stack + 65536, CLONE_SYSVSEM | SIGCHLD, &id);
		_exit(exit_of(child) != 0 || value(id, 1) != 2);
	}
	ok(exit_of(pid) == 0 && value(id, 1) == 0, "CLONE_SYSVSEM: the last of them pays");
	pid = fork();
	if (pid == 0) {
		semop(id, OPS({0, 1, SEM_UNDO}));
		semctl(id, 0, IPC_RMID);
		_exit(0);
	}
	ok(exit_of(pid) == 0 && is_error(value(id, 0), EINVAL), "nothing is owed to a set that is gone");
}

static void test_rights(void)
{
	if (geteuid()) {
		tap_skip("rights need root to be given up");
		return;
	}
	int closed = semget(key, 1, IPC_CREAT | 0600), readable = semget(IPC_PRIVATE, 1, 0644);
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(1000) || setuid(1000))
			_exit(1);
		if (!is_error(semget(key, 1, 0600), EACCES) || !is_error(value(closed, 0), EACCES))
			_exit(2);
		if (!is_error(semop(closed, OPS({0, 1, 0})), EACCES) || !is_error(semctl(closed, 0, IPC_RMID), EPERM))
			_exit(3);
		if (value(readable, 0) != 0 || semop(readable, OPS({0, 0, 0})) != 0)
			_exit(4);
		if (!is_error(semop(readable, OPS({0, 1, 0})), EACCES) || !is_error(semctl(readable, 0, SETVAL, (union arg){.val = 1}), EACCES))
			_exit(5);
		_exit(0);
	}
	ok(exit_of(pid) == 0, "who may read only waits for zero, who may nothing gets EACCES");
	semctl(closed, 0, IPC_RMID);
	semctl(readable, 0, IPC_RMID);
}

static void test_info(void)
{
	int id = semget(key, 2, IPC_CREAT | 0600), found = -1;
	struct seminfo info;
	char line[256];
	int highest = semctl(0, 0, IPC_INFO, (union arg){.info = &info});

	ok(highest >= 0 && info.semmsl >= 250 && info.semopm >= 32 && info.semvmx == 32767, "IPC_INFO: limits");
	ok(semctl(0, 0, SEM_INFO, (union arg){.info = &info}) == highest && info.semusz >= 1 && info.semaem >= 2, "SEM_INFO: what there is");
	for (int i = 0; i <= highest; i++) {
		struct semid_ds ds;
		if (semctl(i, 0, SEM_STAT, (union arg){.buf = &ds}) == id)
			found = (int)ds.sem_nsems;
	}
	ok(found == 2, "SEM_STAT finds it by its place");
	FILE *f = fopen("/proc/sysvipc/sem", "r");
	found = -1;
	while (f && fgets(line, sizeof(line), f)) {
		int k, i, n;
		unsigned mode;
		if (sscanf(line, "%d %d %o %d", &k, &i, &mode, &n) == 4 && i == id)
			found = k == key && mode == 0600 && n == 2;
	}
	ok(f && found == 1, "/proc/sysvipc/sem lists it");
	fclose(f);
	f = fopen("/proc/sys/kernel/sem", "r");
	int a = 0, b = 0, c = 0, d = 0;
	ok(f && fscanf(f, "%d %d %d %d", &a, &b, &c, &d) == 4 && a == info.semmsl && c == info.semopm && d == info.semmni, "/proc/sys/kernel/sem");
	fclose(f);
	semctl(id, 0, IPC_RMID);
}

// Many processes and threads that pass one token round: no wake-up is lost, no change either.
static void *add(void *arg)
{
	int *ids = arg;

	for (int i = 0; i < 300; i++) {
		semop(ids[0], OPS({0, -1, SEM_UNDO}));
		int v = ids[1];
		sched_yield();
		ids[1] = v + 1;
		semop(ids[0], OPS({0, 1, SEM_UNDO}));
	}
	return nullptr;
}

static void test_mutex(void)
{
	int *ids = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[3];

	ids[0] = semget(IPC_PRIVATE, 1, 0600);
	semctl(ids[0], 0, SETVAL, (union arg){.val = 1});
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			pthread_t t;
			pthread_create(&t, nullptr, add, ids);
			add(ids);
			pthread_join(t, nullptr);
			_exit(0);
		}
	}
	for (int i = 0; i < 3; i++)
		exit_of(pids[i]);
	ok(ids[1] == 1800 && value(ids[0], 0) == 1, "a lock of six threads in three processes: %d", ids[1]);
	semctl(ids[0], 0, IPC_RMID);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 3;
	key = 0x53000000 + getpid();
	test_get();
	test_values();
	test_operations();
	test_waiting();
	test_undo();
	test_undo_of_relatives();
	test_rights();
	test_info();
	test_mutex();
	return tap_done();
}
