// SPDX-License-Identifier: MIT
// Runs out of memory at every place: the n-th allocation of pages fails, for each n up to the last that an action makes.
// A call then fails with ENOMEM or does without; a process that has no memory for a page it touches is killed; nobody
// else notices, and nothing is left behind.

#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/failalloc.h"

constexpr int TRIES = 60;

// ---- actions: 0, or what failed, in a process of their own

static int gave_up(void)
{
	return errno == ENOMEM || errno == EAGAIN || errno == ENOSPC ? 1 : 2;
}

static char data[64 * 4096];

static int forks(void)
{
	int status;

	pid_t pid = fork();
	if (pid < 0)
		return gave_up();
	if (pid == 0) {
		for (size_t i = 0; i < sizeof(data); i += PAGE)
			data[i] = 2;
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 3;
	return data[0] == 1 && data[sizeof(data) - 1] == 1 ? WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 0 : 4;
}

static int execs(void)
{
	execl("/proc/self/exe", "x", "done", nullptr);
	return gave_up();
}

static int maps(void)
{
	// Every 2 MiB need a table of their own once a page differs: more than wait empty on some list.
	constexpr size_t SIZE = 48 * MIB;
	char *p = mmap(nullptr, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return gave_up();
	for (size_t at = 0; at < SIZE; at += MIB)
		p[at] = 7;
	for (size_t at = 0; at < SIZE; at += 2 * MIB)
		if (mprotect(p + at + PAGE, 2 * PAGE, PROT_READ))
			return gave_up();
	if (p[0] != 7 || p[4 * MIB] != 7)
		return 3;
	char *moved = mremap(p, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
	if (moved == MAP_FAILED && errno != EFAULT)
		return gave_up();
	if (munmap(p + 2 * MIB, PAGE))
		return gave_up();
	return 0;
}

static int files(void)
{
	char name[] = "/tmp/failalloc.XXXXXX";
	int fd = mkstemp(name), result = 0;

	if (fd < 0)
		return gave_up();
	for (int i = 0; i < 10 && !result; i++)
		if (write(fd, data, 3 * PAGE) < 0)
			result = gave_up();
	char *p = mmap(nullptr, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		result = gave_up();
	close(fd);
	unlink(name);
	if (mkdir("/tmp/failalloc", 0755) && errno != EEXIST)
		result = gave_up();
	rmdir("/tmp/failalloc");
	return result;
}

static int pipes(void)
{
	int p[2];

	if (pipe2(p, O_NONBLOCK))
		return gave_up();
	if (write(p[1], data, 16 * PAGE) < 0 || read(p[0], data, 16 * PAGE) < 0)
		return gave_up();
	int e = epoll_create1(0);
	if (e < 0)
		return gave_up();
	if (epoll_ctl(e, EPOLL_CTL_ADD, p[0], &(struct epoll_event){.events = EPOLLIN}))
		return gave_up();
	for (int i = 3; i < 200; i++)
		if (dup2(p[0], i + 10) < 0)
			return gave_up();
	return 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static int threads(void)
{
	pthread_t t[4];
	int n = 0;

	while (n < 4 && !pthread_create(&t[n], nullptr, nothing, nullptr))
		n++;
	int result = n == 4 ? 0 : 1;
	while (n > 0)
		pthread_join(t[--n], nullptr);
	return result;
}

// ---- calls that keep something in the kernel: of a size that takes pages of its own

constexpr key_t KEY = 0x46414c4c;
constexpr int SEMS = 8000;

static int semaphores(void)
{
	static unsigned short values[SEMS];
	int id = semget(KEY, SEMS, IPC_CREAT | 0600);

	if (id < 0)
		return gave_up();
	for (int i = 0; i < SEMS; i++)
		values[i] = 7;
	if (semctl(id, 0, SETALL, values))
		return semctl(id, SEMS - 1, GETVAL) ? 3 : gave_up();
	if (semop(id, &(struct sembuf){SEMS - 1, -3, SEM_UNDO}, 1))
		return semctl(id, SEMS - 1, GETVAL) != 7 ? 4 : gave_up();
	if (semctl(id, 0, GETALL, values))
		return gave_up();
	return values[0] == 7 && values[SEMS - 1] == 4 ? 0 : 5;
}

static int messages(void)
{
	static struct { long type; char text[8192]; } m;
	int id = msgget(KEY, IPC_CREAT | 0600);

	if (id < 0)
		return gave_up();
	for (int i = 1; i <= 2; i++) {
		m.type = i;
		memset(m.text, 'a' + i, sizeof(m.text));
		if (msgsnd(id, &m, sizeof(m.text), IPC_NOWAIT))
			return gave_up();
	}
	// MSG_COPY
	if (msgrcv(id, &m, sizeof(m.text), 1, 040000 | IPC_NOWAIT) != sizeof(m.text))
		return gave_up();
	for (int i = 1; i <= 2; i++)
		if (msgrcv(id, &m, sizeof(m.text), i, IPC_NOWAIT) != sizeof(m.text) || m.text[8191] != 'a' + i)
			return 3;
	return 0;
}

static int segments(void)
{
	int id = shmget(IPC_PRIVATE, 16 * PAGE, 0600);

	if (id < 0)
		return gave_up();
	char *p = shmat(id, nullptr, 0);
	int err = errno;
	shmctl(id, IPC_RMID, nullptr);
	errno = err;
	if (p == (void *)-1)
		return gave_up();
	for (int i = 0; i < 16; i++)
		p[i * PAGE] = 1;
	return shmdt(p) ? gave_up() : 0;
}

static int guards(void)
{
	char *p = mmap(nullptr, 6 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return gave_up();
	madvise(p, 6 * MIB, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < 6 * MIB; at += 64 * PAGE)
		p[at] = 7;
	pid_t pid = fork();	// so that the tables must be copied
	if (pid == 0) {
		pause();
		_exit(0);
	}
	int result = pid < 0 || madvise(p + 64 * PAGE, 3 * MIB, 102) ? gave_up() : 0;	// MADV_GUARD_INSTALL
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, nullptr, 0);
	}
	if (result)
		return p[64 * PAGE] == 7 && p[5 * MIB] == 7 ? result : 3;	// nothing is lost
	if (madvise(p, 6 * MIB, 103))	// MADV_GUARD_REMOVE
		return gave_up();
	return p[64 * PAGE] == 0 && p[5 * MIB] == 7 ? 0 : 4;
}

static int locks(void)
{
	char *p = mmap(nullptr, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return gave_up();
	p[0] = 7;
	int result = mlock(p, 32 * PAGE) ? gave_up() : 0;
	if (munlock(p, 32 * PAGE))
		return gave_up();
	return p[0] == 7 ? result : 3;
}

static int blocks(void)
{
	char *map = mmap(nullptr, 6 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return gave_up();
	char *p = map + (2 * MIB - (unsigned long)map % (2 * MIB));
	madvise(map, 6 * MIB, MADV_HUGEPAGE);
	p[0] = p[2 * MIB - 1] = 7;
	pid_t pid = fork();
	if (pid < 0)
		return gave_up();
	if (pid == 0) {
		p[MIB] = 8;
		_exit(p[0] != 7 || p[2 * MIB - 1] != 7);
	}
	p[MIB + PAGE] = 9;
	int status, result = 0;
	if (waitpid(pid, &status, 0) != pid)
		return 3;
	if (mprotect(p + PAGE, PAGE, PROT_READ) || munmap(p + 8 * PAGE, PAGE))
		result = gave_up();
	if (p[0] != 7 || p[MIB] != 0 || p[MIB + PAGE] != 9 || p[2 * MIB - 1] != 7)
		return 4;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status) ? 5 : result;
}

static int terminals(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	if (master < 0 || unlockpt(master))
		return gave_up();
	char name[32], c = 0;
	if (ptsname_r(master, name, sizeof(name)))
		return gave_up();
	int slave = open(name, O_RDWR | O_NOCTTY);
	if (slave < 0 || write(master, "x\n", 2) != 2)
		return gave_up();
	return read(slave, &c, 1) == 1 && c == 'x' ? 0 : 3;
}

static int watches(void)
{
	char events[4096];
	int fd = inotify_init1(IN_NONBLOCK), result = 0;

	if (fd < 0)
		return gave_up();
	for (int i = 0; i < 40 && !result; i++) {
		char name[32];
		snprintf(name, sizeof(name), "/tmp/failalloc.%d", i);
		if (mkdir(name, 0755) || inotify_add_watch(fd, name, IN_ALL_EVENTS) < 0)
			result = gave_up();
	}
	for (int i = 0; i < 40; i++) {
		char name[32];
		snprintf(name, sizeof(name), "/tmp/failalloc.%d", i);
		rmdir(name);
	}
	return result ? result : read(fd, events, sizeof(events)) > 0 ? 0 : 3;
}

// What a killed process may have left.
static void remove_left(void)
{
	int sem = semget(KEY, 0, 0), msg = msgget(KEY, 0);

	if (sem >= 0)
		semctl(sem, 0, IPC_RMID);
	if (msg >= 0)
		msgctl(msg, IPC_RMID, nullptr);
	for (int i = 0; i < 40; i++) {
		char name[32];
		snprintf(name, sizeof(name), "/tmp/failalloc.%d", i);
		rmdir(name);
	}
}

// ---- trying them

static int try_with(int (*action)(void), int n)
{
	int status, go[2];
	char c = 0;

	if (pipe(go))
		return 98;
	pid_t pid = fork();
	if (pid == 0) {
		// Not before the parent has touched what it needs until we end: the failure is to be ours.
		read(go[0], &c, 1);
		close(go[0]);
		close(go[1]);
		fail_at(n);
		int result = action();
		fail_at(0);
		_exit(result);
	}
	status = 0;
	write(go[1], &c, 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 99;
	fail_at(0);
	close(go[0]);
	close(go[1]);
	remove_left();
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void try(const char *name, int (*action)(void))
{
	int failed = 0, killed = 0, wrong = 0;

	fail_settle();
	for (int n = 1; n <= TRIES; n++) {
		int result = try_with(action, n);

		failed += result == 1;
		killed += result == 128 + SIGKILL;
		if (result > 1 && result != 128 + SIGKILL) {
			printf("# %s, allocation %d: %d\n", name, n, result);
			wrong++;
		}
	}
	int found = fail_audit();
	ok(wrong == 0 && found == 0 && failed + killed > 0, "%s: %d times a call fails, %d times a fault, in %d tries", name, failed,
	   killed, TRIES);
	ok(try_with(action, 0) == 0, "%s: with memory it goes well", name);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 0;
	if (!fail_open())
		return tap_done();
	memset(data, 1, sizeof(data));
	try("fork", forks);
	try("exec", execs);
	try("mmap", maps);
	try("files", files);
	try("pipes", pipes);
	try("threads", threads);
	try("semaphores", semaphores);
	try("messages", messages);
	try("segments", segments);
	try("guards", guards);
	try("mlock", locks);
	try("blocks", blocks);
	try("terminals", terminals);
	try("watches", watches);
	return tap_done();
}
