// SPDX-License-Identifier: MIT
// ptrace(2): who may trace whom, and the end of either side.

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "user/test/ptrace.h"

// A process that is not our child: its parent hears of its end after us.
static void test_not_our_child(void)
{
	int pipes[2], status;
	pid_t grandchild;

	(void)!pipe(pipes);
	pid_t pid = fork();

	if (!pid) {
		pid_t c = fork();

		if (!c) {
			pause();
			_exit(0);
		}
		(void)!write(pipes[1], &c, sizeof(c));
		_exit(waitpid(c, &status, 0) == c && WIFSIGNALED(status) ? 21 : 22);
	}
	(void)!read(pipes[0], &grandchild, sizeof(grandchild));
	ok(!trace(PTRACE_ATTACH, grandchild, 0, 0) && stopped_by(wait_for(grandchild), SIGSTOP), "a grandchild is attached");
	kill(grandchild, SIGKILL);
	siginfo_t info;
	waitid(P_PID, (id_t)grandchild, &info, WEXITED | WNOWAIT | __WALL);
	usleep(20000);
	ok(waitpid(pid, nullptr, WNOHANG) == 0, "its parent does not know yet");
	ok(wait_for(grandchild) == SIGKILL, "we are told of its end");
	ok(ended(pid, 21 << 8), "then its parent is");
	close(pipes[0]);
	close(pipes[1]);
}

// The tracer dies: whom it traced goes on, or ends with EXITKILL.
static void test_tracer_dies(void)
{
	int pipes[2];
	char c = 0;

	(void)!pipe(pipes);
	for (int with_kill = 0; with_kill < 2; with_kill++) {
		pid_t pid = fork();

		if (!pid) {
			(void)!read(pipes[0], &c, 1);
			_exit(c);
		}
		pid_t tracer = fork();

		if (!tracer) {
			trace(SEIZE, pid, 0, with_kill ? EXITKILL : 0);
			trace(INTERRUPT, pid, 0, 0);
			wait_for(pid);
			_exit(0);
		}
		waitpid(tracer, nullptr, 0);
		if (!with_kill)
			(void)!write(pipes[1], "\6", 1);
		int status = wait_for(pid);
		if (with_kill)
			ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "with EXITKILL it ends: %x", status);
		else
			ok(status == 6 << 8, "it goes on without its tracer: %x", status);
	}
	close(pipes[0]);
	close(pipes[1]);
}

// SIGKILL in each kind of stop.
static void test_kill_in_stops(void)
{
	static const int options[] = { 0, SYSGOOD, TELL_FORK, TELL_VFORK, TELL_EXEC, TELL_EXIT, TELL_VFORK | TELL_VFORKDONE };
	int good = 0, rounds = 0;

	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		for (int resume = 0; resume < 6; resume++) {
			pid_t pid = traced_child();

			if (!pid) {
				if (!fork_and_wait())
					_exit(0);
				if (!fork())
					_exit(0);
				execl(self, self, "exit", nullptr);
			}
			bool exiting = false;
			trace(PTRACE_SETOPTIONS, pid, 0, options[i]);
			for (int k = 0; k < resume; k++) {
				trace(options[i] == SYSGOOD ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, 0);
				int status;
				for (pid_t who; (who = waitpid(-1, &status, __WALL)) != pid;)
					trace(PTRACE_CONT, who, 0, 0);
				if (!WIFSTOPPED(status))
					goto next;
				exiting = event_is(status, PTRACE_EVENT_EXIT);
			}
			rounds++;
			kill(pid, SIGKILL);
			if (exiting)	// Linux stays there even so
				trace(PTRACE_CONT, pid, 0, 0);
			int status = wait_for(pid);
			if (event_is(status, PTRACE_EVENT_EXIT)) {
				kill(pid, SIGKILL);
				trace(PTRACE_CONT, pid, 0, 0);
				status = wait_for(pid);
			}
			good += WIFSIGNALED(status) || WIFEXITED(status);
next:;
			int other;
			pid_t rest;
			while ((rest = waitpid(-1, &other, __WALL)) > 0)
				if (WIFSTOPPED(other))
					kill(rest, SIGKILL), trace(PTRACE_CONT, rest, 0, SIGKILL);
		}
	}
	ok(rounds > 7 && good == rounds, "SIGKILL ended %d of %d stops", good, rounds);
}

static void test_rights(void)
{
	if (getuid()) {
		tap_skip("rights: needs root");
		return;
	}
	pid_t root = fork();

	if (!root) {
		pause();
		_exit(0);
	}
	pid_t pid = fork();

	if (!pid) {
		if (setgid(1234) || setuid(1234))
			_exit(2);
		_exit(trace(PTRACE_ATTACH, root, 0, 0) == -1 && errno == EPERM &&
			      trace(SEIZE, getppid(), 0, 0) == -1 && errno == EPERM ? 0 : 1);
	}
	ok(ended(pid, 0), "another user's: EPERM");
	ok(killed(root), "it ends");
}

static atomic_int spun;

static void *spin_thread(void *arg)
{
	for (;;) {
		atomic_fetch_add(&spun, 1);
		getppid();
		if (!(spun & 63))
			sched_yield();
	}
	return arg;
}

// Many stops of many threads, on as many CPUs as there are.
static void test_storm(void)
{
	pid_t pid, tids[4] = {};
	int shown[2], stops = 0;

	(void)!pipe(shown);
	pid = fork();
	if (!pid) {
		pthread_t t;

		for (int i = 0; i < 3; i++)
			pthread_create(&t, nullptr, spin_thread, nullptr);
		(void)!write(shown[1], "x", 1);
		spin_thread(nullptr);
	}
	(void)!read(shown[0], tids, 1);
	int n = 0;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	for (int tid = pid; tid < pid + 64 && n < 4; tid++) {
		char file[96];

		snprintf(file, sizeof(file), "%s/%d", path, tid);
		if (!access(file, F_OK) && !trace(SEIZE, tid, 0, SYSGOOD))
			tids[n++] = tid;
	}
	ok(n == 4, "%d threads are seized", n);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < n; i++)
			trace(INTERRUPT, tids[i], 0, 0);
		for (int i = 0; i < n; i++) {
			struct regs r;

			stops += WIFSTOPPED(wait_for(tids[i])) && get_regs(tids[i], &r);
			trace(round % 3 ? round % 3 == 1 ? PTRACE_SYSCALL : PTRACE_SINGLESTEP : PTRACE_CONT, tids[i], 0, 0);
		}
	}
	ok(stops == 50 * n, "%d stops", stops);
	kill(pid, SIGKILL);
	int ends = 0, status;
	for (int i = n - 1; i >= 0; i--) {
		do
			status = wait_for(tids[i]);
		while (status != -1 && WIFSTOPPED(status));
		ends += status == SIGKILL;
	}
	ok(ends == n, "all end: %d", ends);
	close(shown[0]);
	close(shown[1]);
}

int main(int argc, char **argv)
{
	find_self(argc);
	alarm(100);
	test_not_our_child();
	test_tracer_dies();
	test_kill_in_stops();
	test_rights();
	test_storm();
	return tap_done();
}
