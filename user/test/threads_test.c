// SPDX-License-Identifier: MIT
// Many threads: futex_waitv, set_tid_address, and the end of a process whose threads are asleep in every way there is.

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/proc.h"

constexpr long WAITV = 449;	// SYS_futex_waitv, on both CPUs
constexpr uint32_t U32 = 2, PRIVATE = 128;	// FUTEX2_*

struct waiter {			// struct futex_waitv
	uint64_t value, word;
	uint32_t flags, reserved;
};

static atomic_uint words[128];

static bool is_error(long r, int err)
{
	return r == -1 && errno == err;
}

static long waitv(struct waiter *w, unsigned n, unsigned flags, const struct timespec *limit, int clock)
{
	return syscall(WAITV, w, n, flags, limit, clock);
}

static long wake(void *word, int n)
{
	return syscall(SYS_futex, word, FUTEX_WAKE, n, nullptr, nullptr, 0);
}

static struct waiter on(void *word, uint32_t value, uint32_t flags)
{
	return (struct waiter){value, (uintptr_t)word, flags, 0};
}

static struct timespec in(clockid_t clock, long ns)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += ns;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

// ---- futex_waitv

static void *wait_on_three(void *arg)
{
	struct waiter w[3] = {on(&words[0], 0, U32), on(&words[1], 0, U32), on(&words[2], 0, U32)};

	return (void *)waitv(w, 3, 0, nullptr, 0);
}

static void test_waitv(void)
{
	struct waiter w[129];
	pthread_t t;
	void *got;

	for (int i = 0; i < 129; i++)
		w[i] = on(&words[i % 128], 0, U32 | PRIVATE);
	if (is_error(waitv(w, 0, 0, nullptr, 0), ENOSYS)) {
		tap_skip("this kernel has no futex_waitv");
		return;
	}
	ok(is_error(waitv(w, 0, 0, nullptr, 0), EINVAL) && is_error(waitv(w, 129, 0, nullptr, 0), EINVAL), "none, too many: EINVAL");
	ok(is_error(waitv(w, 1, 1, nullptr, 0), EINVAL) && is_error(waitv(nullptr, 1, 0, nullptr, 0), EINVAL), "flags, no array: EINVAL");
	ok(is_error(waitv((void *)8, 1, 0, nullptr, 0), EFAULT), "a bad array: EFAULT");
	struct timespec soon = in(CLOCK_MONOTONIC, 20000000);
	ok(is_error(waitv(w, 128, 0, &soon, CLOCK_MONOTONIC), ETIMEDOUT), "a hundred and twenty-eight words: ETIMEDOUT");
	soon = in(CLOCK_REALTIME, 20000000);
	ok(is_error(waitv(w, 2, 0, &soon, CLOCK_REALTIME), ETIMEDOUT), "the other clock");
	ok(is_error(waitv(w, 2, 0, &soon, CLOCK_BOOTTIME), EINVAL), "no such clock here: EINVAL");
	words[1] = 5;
	ok(is_error(waitv(w, 3, 0, nullptr, 0), EAGAIN), "one has another value: EAGAIN");
	words[1] = 0;
	w[1].reserved = 1;
	ok(is_error(waitv(w, 3, 0, nullptr, 0), EINVAL), "what is reserved: EINVAL");
	w[1] = on(&words[1], 0, 0);
	ok(is_error(waitv(w, 3, 0, nullptr, 0), EINVAL), "no size: EINVAL");
	w[1] = on((char *)&words[1] + 1, 0, U32);
	ok(is_error(waitv(w, 3, 0, nullptr, 0), EINVAL), "a crooked word: EINVAL");
	w[1] = on((void *)8, 0, U32);
	ok(is_error(waitv(w, 3, 0, nullptr, 0), EFAULT), "a word that is not there: EFAULT");
	ok(wake(&words[0], 1) == 0 && wake(&words[2], 1) == 0, "nobody is left behind after a failure");
	for (long i = 0; i < 3; i++) {
		pthread_create(&t, nullptr, wait_on_three, nullptr);
		while (wake(&words[i], 1) != 1)
			usleep(1000);
		pthread_join(t, &got);
		ok((long)got == i, "woken by word %ld", i);
	}
	ok(wake(&words[0], 1) == 0 && wake(&words[1], 1) == 0, "and it waits at none of the others any more");
}

static atomic_int passed;

// A ring: each waits for its own word and for the end.
static void *ring(void *arg)
{
	long me = (long)arg;

	for (unsigned turn = 0; turn < 200; turn++) {
		while (words[me] == turn) {
			struct waiter w[2] = {on(&words[100], 0, U32 | PRIVATE), on(&words[me], turn, U32 | PRIVATE)};
			waitv(w, 2, 0, nullptr, 0);
		}
		passed++;
		words[(me + 1) % 4]++;
		syscall(SYS_futex, &words[(me + 1) % 4], FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
	}
	return nullptr;
}

static void test_ring(void)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		words[i] = 0;
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], nullptr, ring, (void *)i);
	words[0] = 1;
	syscall(SYS_futex, &words[0], FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], nullptr);
	ok(passed == 800, "a token goes round among four threads: %d", passed);
}

// ---- every way to sleep

static int fds[2], sockets[2], queue, set;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER, lent;
static const char *program;

static void sleep_in(int how)
{
	char c;
	struct epoll_event e;
	struct sockaddr none;
	sigset_t empty;
	socklen_t len = sizeof(none);
	static struct { long type; char text[8192]; } m = {.type = 1};
	fd_set readable;

	sigemptyset(&empty);
	switch (how) {
	case 0: read(fds[0], &c, 1); break;
	case 1: poll(&(struct pollfd){.fd = fds[0], .events = POLLIN}, 1, -1); break;
	case 2: epoll_wait(epoll_create1(0), &e, 1, -1); break;
	case 3: FD_ZERO(&readable); FD_SET(fds[0], &readable); select(fds[0] + 1, &readable, nullptr, nullptr, nullptr); break;
	case 4: nanosleep(&(struct timespec){1000, 0}, nullptr); break;
	case 5: pause(); break;
	case 6: sigsuspend(&empty); break;
	case 7: sigaddset(&empty, SIGUSR2); sigwaitinfo(&empty, nullptr); break;
	case 8: wait(nullptr); break;
	case 9: syscall(SYS_futex, &words[50], FUTEX_WAIT, words[50], nullptr, nullptr, 0); break;
	case 10: waitv((struct waiter[]){on(&words[60], words[60], U32), on(&words[61], words[61], U32)}, 2, 0, nullptr, 0); break;
	case 11: pthread_mutex_lock(&held); break;
	case 12: pthread_mutex_lock(&lent); break;
	case 13: read(eventfd(0, 0), &m, 8); break;
	case 14: read(timerfd_create(CLOCK_MONOTONIC, 0), &m, 8); break;
	case 15: semop(set, &(struct sembuf){0, -1, SEM_UNDO}, 1); break;
	case 16: semop(set, &(struct sembuf){1, 0, 0}, 1); break;
	case 17: msgrcv(queue, &m, 1, 99, 0); break;
	case 18: msgsnd(queue, &m, 8192, 0); break;
	case 19: read(sockets[0], &c, 1); break;
	case 20: accept(sockets[1], &none, &len); break;
	case 21: flock(open("/proc/self/exe", O_RDONLY), LOCK_EX); break;
	case 22: open("/tmp/threads_test.fifo", O_RDONLY); break;
	case 23: read(inotify_init(), &m, sizeof(m)); break;
	}
}

constexpr int HOWS = 24;

static void *sleeper(void *arg)
{
	sleep_in((int)(long)arg);
	pause();		// a way that does not sleep is no harm, but no test either
	return nullptr;
}

static void *ender(void *arg)
{
	usleep(50000);
	if (arg)
		execl(program, program, "alone", arg, nullptr);
	_exit(42);
}

static void *busy(void *arg)
{
	for (volatile int i = 0;; i++)
		;
}

// A process full of sleeping threads; then one of them, not the first, ends it all, or becomes another program.
static void full_of_sleepers(bool exec)
{
	pthread_mutexattr_t attr;
	static char pid[16];
	pthread_t t;

	snprintf(pid, sizeof(pid), "%d", getpid());
	pipe(fds);
	socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
	sockets[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	bind(sockets[1], &(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t));
	listen(sockets[1], 1);
	flock(open("/proc/self/exe", O_RDONLY), LOCK_SH);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&lent, &attr);
	pthread_mutex_lock(&held);
	pthread_mutex_lock(&lent);
	for (long i = 0; i < HOWS; i++)
		pthread_create(&t, nullptr, sleeper, (void *)i);
	pthread_create(&t, nullptr, busy, nullptr);
	pthread_create(&t, nullptr, ender, exec ? pid : nullptr);
	pause();
}

static int run_full(bool exec)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		full_of_sleepers(exec);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_ends(void)
{
	queue = msgget(IPC_PRIVATE, 0600);
	set = semget(IPC_PRIVATE, 2, 0600);
	semctl(set, 1, SETVAL, 1);
	static struct { long type; char text[8192]; } m = {.type = 1};
	msgsnd(queue, &m, 8192, 0);
	msgsnd(queue, &m, 8192, 0);
	mkfifo("/tmp/threads_test.fifo", 0600);
	int wrong = 0;
	for (int i = 0; i < 5; i++)
		wrong += run_full(false) != 42;
	ok(!wrong, "exit_group ends threads that sleep in %d ways", HOWS);
	for (int i = 0; i < 5; i++)
		wrong += run_full(true) != 43;
	ok(!wrong, "exec by one of them leaves it alone, with the number of the process");
	ok(semctl(set, 0, GETNCNT) == 0 && semctl(set, 1, GETZCNT) == 0, "no semaphore is waited for any more");
	struct msqid_ds ds;
	msgctl(queue, IPC_STAT, &ds);
	ok(ds.msg_qnum == 2, "no message is on its way any more");
	unlink("/tmp/threads_test.fifo");
	msgctl(queue, IPC_RMID, nullptr);
	semctl(set, 0, IPC_RMID);
}

// What exec has made of a thread: 43 if all is as it should be.
static int alone(int pid)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	return n == 1 && getpid() == pid && syscall(SYS_gettid) == pid ? 43 : 44;
}

// ---- set_tid_address

static int raw_thread(void *arg)
{
	syscall(SYS_set_tid_address, arg);
	syscall(SYS_exit, 0);
	return 0;
}

static void test_tid_address(void)
{
	static char stack[65536];
	static atomic_int there = 7;

	clone(raw_thread, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, &there);
	while (there == 7)
		syscall(SYS_futex, &there, FUTEX_WAIT, 7, nullptr, nullptr, 0);
	ok(there == 0, "set_tid_address: the word is cleared and woken at the thread's end");
}

int main(int argc, char **argv)
{
	program = "/proc/self/exe";
	if (argc > 2)
		return alone(atoi(argv[2]));
	alarm(100);
	test_waitv();
	test_ring();
	test_tid_address();
	test_ends();
	return tap_done();
}
