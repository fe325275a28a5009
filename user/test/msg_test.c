// SPDX-License-Identifier: MIT
// System V message queues: msgget, msgsnd, msgrcv, msgctl, /proc/sysvipc/msg.

#define _GNU_SOURCE
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/test/proc.h"

constexpr int COPY = 040000;	// MSG_COPY

struct message {
	long type;
	char text[8200];
};

static key_t key;
static struct message m;

static bool is_error(long r, int err)
{
	return r == -1 && errno == err;
}

static struct msqid_ds stat_of(int id)
{
	struct msqid_ds ds = {};

	msgctl(id, IPC_STAT, &ds);
	return ds;
}

static int send_text(int id, long type, const char *text, int flags)
{
	struct message s = {.type = type};

	strcpy(s.text, text);
	return msgsnd(id, &s, strlen(text) + 1, flags);
}

// What is received has that type and text.
static bool receives(int id, long want, int flags, long type, const char *text)
{
	m = (struct message){};
	return msgrcv(id, &m, sizeof(m.text), want, flags) == (ssize_t)strlen(text) + 1 && m.type == type && !strcmp(m.text, text);
}

static int exit_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Until the process sleeps: state S in /proc/PID/stat.
static void await_sleep(pid_t pid)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 5000 && state != 'S'; i++) {
		usleep(1000);
		FILE *f = fopen(path, "r");
		if (!f)
			return;
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(f);
	}
}

static void test_get(void)
{
	ok(is_error(msgget(key, 0600), ENOENT), "nothing has that key: ENOENT");
	int id = msgget(key, IPC_CREAT | 0640);
	ok(id >= 0 && msgget(key, 0) == id && msgget(key, IPC_CREAT | 0600) == id, "a queue, found by its key");
	ok(is_error(msgget(key, IPC_CREAT | IPC_EXCL | 0600), EEXIST), "IPC_EXCL: EEXIST");
	struct msqid_ds ds = stat_of(id);
	ok(ds.msg_qnum == 0 && ds.msg_qbytes == 16384 && ds.msg_cbytes == 0, "empty, of 16 KiB");
	ok(ds.msg_ctime && !ds.msg_stime && !ds.msg_rtime && !ds.msg_lspid && !ds.msg_lrpid, "times, who used it last");
	ok(ds.msg_perm.mode == 0640 && ds.msg_perm.uid == geteuid(), "mode and owner");
	ok(is_error(msgctl(id, 99, &ds), EINVAL) && is_error(msgctl(-1, IPC_STAT, &ds), EINVAL), "no such command, no such queue: EINVAL");
	ok(is_error(msgctl(id, IPC_STAT, (void *)8), EFAULT), "a bad buffer: EFAULT");
	ok(msgctl(id, IPC_RMID, nullptr) == 0 && is_error(msgctl(id, IPC_STAT, &ds), EINVAL), "removed");
	ok(is_error(send_text(id, 1, "x", 0), EINVAL) && is_error(msgrcv(id, &m, 1, 0, 0), EINVAL), "then nothing can be sent or received: EINVAL");
}

static void test_types(void)
{
	int id = msgget(IPC_PRIVATE, 0600);

	send_text(id, 3, "three", 0);
	send_text(id, 1, "one", 0);
	send_text(id, 2, "two", 0);
	send_text(id, 3, "again", 0);
	struct msqid_ds ds = stat_of(id);
	ok(ds.msg_qnum == 4 && ds.msg_cbytes == 6 + 4 + 4 + 6 && ds.msg_lspid == getpid() && ds.msg_stime, "four messages");
	ok(receives(id, 2, 0, 2, "two"), "of a type");
	ok(is_error(msgrcv(id, &m, 100, 2, IPC_NOWAIT), ENOMSG), "no other of that type: ENOMSG");
	ok(receives(id, 3, MSG_EXCEPT, 1, "one"), "of any other type (MSG_EXCEPT)");
	send_text(id, 5, "five", 0);
	send_text(id, 2, "low", 0);
	ok(receives(id, -4, 0, 2, "low"), "of the lowest type");
	ok(receives(id, LONG_MIN, 0, 3, "three"), "equal types in order");
	ok(receives(id, 0, 0, 3, "again") && receives(id, 0, 0, 5, "five"), "any, in order");
	ds = stat_of(id);
	ok(ds.msg_qnum == 0 && ds.msg_cbytes == 0 && ds.msg_lrpid == getpid() && ds.msg_rtime, "empty again");
	ok(is_error(send_text(id, 0, "x", 0), EINVAL) && is_error(send_text(id, -1, "x", 0), EINVAL), "types are positive: EINVAL");
	msgctl(id, IPC_RMID, nullptr);
}

static void test_sizes(void)
{
	int id = msgget(IPC_PRIVATE, 0600);

	m.type = 1;
	ok(is_error(msgsnd(id, &m, 8193, 0), EINVAL), "longer than msgmax: EINVAL");
	ok(msgsnd(id, &m, 0, 0) == 0 && msgrcv(id, &m, 0, 0, 0) == 0, "an empty one");
	send_text(id, 1, "longer", 0);
	ok(is_error(msgrcv(id, &m, 3, 0, 0), E2BIG) && stat_of(id).msg_qnum == 1, "too long: E2BIG, and it stays");
	memset(m.text, 0, 10);
	ok(msgrcv(id, &m, 3, 0, MSG_NOERROR) == 3 && !strcmp(m.text, "lon") && stat_of(id).msg_qnum == 0, "MSG_NOERROR cuts it");
	m.type = 1;
	ok(msgsnd(id, &m, 8192, 0) == 0 && msgsnd(id, &m, 8192, 0) == 0, "as much as fits");
	ok(is_error(msgsnd(id, &m, 1, IPC_NOWAIT), EAGAIN), "full: EAGAIN");
	ok(msgsnd(id, &m, 0, IPC_NOWAIT) == 0, "nothing still fits");
	for (int i = 0; i < 3; i++)
		msgrcv(id, &m, 8192, 0, 0);
	ok(is_error(msgsnd(id, (void *)8, 1, 0), EFAULT), "from nowhere: EFAULT");
	send_text(id, 1, "x", 0);
	ok(is_error(msgrcv(id, (void *)8, 8, 0, 0), EFAULT), "to nowhere: EFAULT");
	ok(is_error(msgrcv(id, &m, (size_t)-1, 0, 0), EINVAL), "a negative size: EINVAL");
	msgctl(id, IPC_RMID, nullptr);
}

static void test_copy(void)
{
	int id = msgget(IPC_PRIVATE, 0600);

	send_text(id, 4, "first", 0);
	send_text(id, 5, "second", 0);
	m = (struct message){};
	ssize_t n = msgrcv(id, &m, 100, 1, COPY | IPC_NOWAIT);
	if (n < 0 && errno == ENOSYS) {
		tap_skip("this kernel has no MSG_COPY");
	} else {
		ok(n == 7 && m.type == 5 && !strcmp(m.text, "second") && stat_of(id).msg_qnum == 2, "MSG_COPY: by place, and it stays");
		ok(is_error(msgrcv(id, &m, 100, 2, COPY | IPC_NOWAIT), ENOMSG), "no such place: ENOMSG");
		ok(is_error(msgrcv(id, &m, 100, 0, COPY), EINVAL) && is_error(msgrcv(id, &m, 100, 0, COPY | MSG_EXCEPT | IPC_NOWAIT), EINVAL), "waiting for it, other than it: EINVAL");
		ok(is_error(msgrcv(id, &m, 2, 0, COPY | IPC_NOWAIT), E2BIG), "too long: E2BIG");
	}
	msgctl(id, IPC_RMID, nullptr);
}

static void handler(int sig)
{
}

static void test_waiting(void)
{
	int id = msgget(IPC_PRIVATE, 0600);

	pid_t two = fork();
	if (two == 0)
		_exit(!receives(id, 2, 0, 2, "two"));
	pid_t any = fork();
	if (any == 0)
		_exit(!receives(id, -1, 0, 1, "one"));
	await_sleep(two);
	await_sleep(any);
	send_text(id, 1, "one", 0);
	ok(exit_of(any) == 0, "who waits for that type goes on");
	send_text(id, 2, "two", 0);
	ok(exit_of(two) == 0 && stat_of(id).msg_lrpid == two && stat_of(id).msg_qnum == 0, "the other not before");
	pid_t small = fork();
	if (small == 0)
		_exit(!is_error(msgrcv(id, &m, 2, 0, 0), E2BIG));
	await_sleep(small);
	send_text(id, 1, "longer", 0);
	ok(exit_of(small) == 0 && stat_of(id).msg_qnum == 1, "too long for who waits: E2BIG, and it stays");
	receives(id, 0, 0, 1, "longer");
	m.type = 7;
	msgsnd(id, &m, 8192, 0);
	msgsnd(id, &m, 8192, 0);
	pid_t sender = fork();
	if (sender == 0)
		_exit(send_text(id, 8, "late", 0) != 0);
	await_sleep(sender);
	ok(stat_of(id).msg_qnum == 2, "a sender waits for room");
	msgrcv(id, &m, 8192, 0, 0);
	ok(exit_of(sender) == 0 && receives(id, 8, 0, 8, "late") && stat_of(id).msg_lspid == sender, "and has it");
	msgrcv(id, &m, 8192, 0, 0);
	struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
	sigaction(SIGUSR1, &act, nullptr);
	pid_t interrupted = fork();
	if (interrupted == 0)
		_exit(!is_error(msgrcv(id, &m, 8, 0, 0), EINTR));
	await_sleep(interrupted);
	kill(interrupted, SIGUSR1);
	ok(exit_of(interrupted) == 0, "a signal: EINTR, even with SA_RESTART");
	pid_t killed = fork();
	if (killed == 0)
		msgrcv(id, &m, 8, 0, 0);
	await_sleep(killed);
	kill(killed, SIGKILL);
	waitpid(killed, nullptr, 0);
	send_text(id, 1, "x", 0);
	ok(stat_of(id).msg_qnum == 1 && receives(id, 0, 0, 1, "x"), "who was killed gets nothing");
	pid_t left = fork();
	if (left == 0)
		_exit(!is_error(msgrcv(id, &m, 8, 0, 0), EIDRM));
	await_sleep(left);
	msgctl(id, IPC_RMID, nullptr);
	ok(exit_of(left) == 0, "the queue is removed: EIDRM");
}

static void test_room(void)
{
	int id = msgget(IPC_PRIVATE, 0600);
	struct msqid_ds ds = stat_of(id);

	ds.msg_qbytes = 10;
	ok(msgctl(id, IPC_SET, &ds) == 0 && stat_of(id).msg_qbytes == 10, "IPC_SET: a smaller queue");
	m.type = 1;
	msgsnd(id, &m, 10, 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(msgsnd(id, &m, 10, 0) != 0);
	await_sleep(pid);
	ds.msg_qbytes = 20;
	msgctl(id, IPC_SET, &ds);
	ok(exit_of(pid) == 0 && stat_of(id).msg_cbytes == 20, "a larger one lets the sender go on");
	pid = fork();
	if (pid == 0)
		_exit(!is_error(msgsnd(id, &m, 10, 0), EIDRM));
	await_sleep(pid);
	msgctl(id, IPC_RMID, nullptr);
	ok(exit_of(pid) == 0, "a sender hears of the end, too: EIDRM");
}

static void test_rights(void)
{
	if (geteuid()) {
		tap_skip("rights need root to be given up");
		return;
	}
	int closed = msgget(key, IPC_CREAT | 0600), readable = msgget(IPC_PRIVATE, 0644), mine = msgget(IPC_PRIVATE, 0600);
	struct msqid_ds ds = stat_of(mine);

	ds.msg_perm.uid = 1000;
	msgctl(mine, IPC_SET, &ds);
	send_text(readable, 1, "x", 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(1000) || setuid(1000))
			_exit(1);
		if (!is_error(msgget(key, 0600), EACCES) || !is_error(msgrcv(closed, &m, 8, 0, IPC_NOWAIT), EACCES))
			_exit(2);
		if (!is_error(send_text(readable, 1, "x", 0), EACCES) || !receives(readable, 0, 0, 1, "x"))
			_exit(3);
		if (!is_error(msgctl(closed, IPC_RMID, nullptr), EPERM) || !is_error(msgctl(closed, IPC_STAT, &ds), EACCES))
			_exit(4);
		ds.msg_qbytes = 16385;
		if (!is_error(msgctl(mine, IPC_SET, &ds), EPERM))
			_exit(5);
		ds.msg_qbytes = 16384;
		_exit(msgctl(mine, IPC_SET, &ds) ? 6 : 0);
	}
	ok(exit_of(pid) == 0, "rights to read, to write, to change; to more room than all have");
	msgctl(closed, IPC_RMID, nullptr);
	msgctl(readable, IPC_RMID, nullptr);
	msgctl(mine, IPC_RMID, nullptr);
}

static void test_info(void)
{
	int id = msgget(key, IPC_CREAT | 0600), found = -1;
	struct msginfo info;
	char line[256];

	send_text(id, 1, "abc", 0);
	int highest = msgctl(0, IPC_INFO, (struct msqid_ds *)&info);
	ok(highest >= 0 && info.msgmax == 8192 && info.msgmnb == 16384 && info.msgmni > 0, "IPC_INFO: limits");
	ok(msgctl(0, MSG_INFO, (struct msqid_ds *)&info) == highest && info.msgpool >= 1 && info.msgmap >= 1 && info.msgtql >= 4, "MSG_INFO: what there is");
	for (int i = 0; i <= highest; i++) {
		struct msqid_ds ds;
		if (msgctl(i, MSG_STAT, &ds) == id)
			found = (int)ds.msg_cbytes;
	}
	ok(found == 4, "MSG_STAT finds it by its place");
	FILE *f = fopen("/proc/sysvipc/msg", "r");
	found = -1;
	while (f && fgets(line, sizeof(line), f)) {
		int k, i, bytes, n, lspid;
		unsigned mode;
		if (sscanf(line, "%d %d %o %d %d %d", &k, &i, &mode, &bytes, &n, &lspid) == 6 && i == id)
			found = k == key && mode == 0600 && bytes == 4 && n == 1 && lspid == getpid();
	}
	ok(f && found == 1, "/proc/sysvipc/msg lists it");
	fclose(f);
	int max = 0;
	f = fopen("/proc/sys/kernel/msgmax", "r");
	ok(f && fscanf(f, "%d", &max) == 1 && max == 8192, "/proc/sys/kernel/msgmax");
	fclose(f);
	msgctl(id, IPC_RMID, nullptr);
}

// Two senders and two receivers through a queue that is always full: every message arrives once, in the order of its sender.
static void test_stream(void)
{
	int id = msgget(IPC_PRIVATE, 0600), wrong = 0;
	struct { long type; int n; } s;
	struct msqid_ds ds = stat_of(id);
	pid_t pids[4];

	ds.msg_qbytes = 3 * sizeof(s.n);
	msgctl(id, IPC_SET, &ds);
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		s.type = 1 + i % 2;
		for (int n = 0; n < 400; n++) {
			s.n = i < 2 ? n : -1;
			if (i < 2 ? msgsnd(id, &s, sizeof(s.n), 0) : msgrcv(id, &s, sizeof(s.n), 1 + i % 2, 0) != sizeof(s.n) || s.n != n)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		wrong += exit_of(pids[i]) != 0;
	ok(!wrong && stat_of(id).msg_qnum == 0, "two streams through a small queue");
	msgctl(id, IPC_RMID, nullptr);
}

int main(void)
{
	key = 0x4d000000 + getpid();
	test_get();
	test_types();
	test_sizes();
	test_copy();
	test_waiting();
	test_room();
	test_rights();
	test_info();
	test_stream();
	return tap_done();
}
