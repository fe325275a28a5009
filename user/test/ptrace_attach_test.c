// SPDX-License-Identifier: MIT
// ptrace(2) of others: attaching and seizing, events of fork and exec, threads, stops of groups.

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "user/test/ptrace.h"

static void test_attach(void)
{
	int pipes[2];
	char c;

	(void)!pipe(pipes);
	pid_t pid = fork();

	if (!pid) {
		(void)!read(pipes[0], &c, 1);
		_exit(c);
	}
	usleep(20000);
	ok(trace(PTRACE_CONT, pid, 0, 0) == -1 && errno == ESRCH, "not traced: ESRCH");
	ok(!trace(PTRACE_ATTACH, pid, 0, 0), "ATTACH");
	ok(stopped_by(wait_for(pid), SIGSTOP), "it stops in its sleep");
	ok(trace(PTRACE_ATTACH, pid, 0, 0) == -1 && errno == EPERM, "ATTACH twice: EPERM");
	ok(!trace(PTRACE_DETACH, pid, 0, 0), "DETACH");
	(void)!write(pipes[1], "\5", 1);
	ok(ended(pid, 5 << 8), "the call that was stopped has gone on");
	ok(trace(PTRACE_ATTACH, getpid(), 0, 0) == -1 && errno == EPERM, "ourselves: EPERM");
	ok(trace(PTRACE_ATTACH, 0x3ffffff0, 0, 0) == -1 && errno == ESRCH, "nobody: ESRCH");
	close(pipes[0]);
	close(pipes[1]);
}

// vfork(2), but in memory of its own: the child may return from this.
static void test_fork_events(void)
{
	pid_t pid = traced_child();
	unsigned long child = 0;

	if (!pid) {
		pid_t c = fork();

		if (!c)
			_exit(11);
		waitpid(c, nullptr, 0);
		c = fork_and_wait();
		if (!c)
			_exit(12);
		waitpid(c, nullptr, 0);
		_exit(13);
	}
	trace(PTRACE_SETOPTIONS, pid, 0, TELL_FORK | TELL_VFORK | TELL_VFORKDONE | TELL_EXIT);
	trace(PTRACE_CONT, pid, 0, 0);
	ok(event_is(wait_for(pid), PTRACE_EVENT_FORK), "fork is told");
	ok(!trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child) && child, "and of whom");
	ok(stopped_by(wait_for((pid_t)child), SIGSTOP), "the child is traced too");
	trace(PTRACE_CONT, pid, 0, 0);
	trace(PTRACE_CONT, (pid_t)child, 0, 0);
	ok(event_is(wait_for((pid_t)child), PTRACE_EVENT_EXIT), "its exit is told");
	unsigned long message = 0;
	trace(PTRACE_GETEVENTMSG, (pid_t)child, 0, (unsigned long)&message);
	ok(message == 11 << 8, "with its status");
	trace(PTRACE_CONT, (pid_t)child, 0, 0);
	ok(ended((pid_t)child, 11 << 8), "then it ends");
	int status = wait_for(pid);
	while (stopped_by(status, SIGCHLD)) {
		trace(PTRACE_CONT, pid, 0, SIGCHLD);
		status = wait_for(pid);
	}
	ok(event_is(status, PTRACE_EVENT_VFORK), "vfork is told: %x", status);
	trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child);
	ok(stopped_by(wait_for((pid_t)child), SIGSTOP), "its child stops");
	trace(PTRACE_CONT, pid, 0, 0);
	trace(PTRACE_CONT, (pid_t)child, 0, 0);
	ok(event_is(wait_for((pid_t)child), PTRACE_EVENT_EXIT), "it exits");
	ok(waitpid(pid, nullptr, WNOHANG | __WALL) == 0, "the parent still waits for it");
	trace(PTRACE_CONT, (pid_t)child, 0, 0);
	ok(ended((pid_t)child, 12 << 8), "it ends");
	status = wait_for(pid);
	for (; stopped_by(status, SIGCHLD); status = wait_for(pid))
		trace(PTRACE_CONT, pid, 0, SIGCHLD);
	ok(event_is(status, PTRACE_EVENT_VFORK_DONE), "vfork is done: %x", status);
	trace(PTRACE_CONT, pid, 0, 0);
	status = wait_for(pid);
	for (; stopped_by(status, SIGCHLD); status = wait_for(pid))
		trace(PTRACE_CONT, pid, 0, SIGCHLD);
	ok(event_is(status, PTRACE_EVENT_EXIT), "the first one exits: %x", status);
	trace(PTRACE_CONT, pid, 0, 0);
	ok(ended(pid, 13 << 8), "and ends");
}

static void test_exec(void)
{
	unsigned long message = 0;

	for (int events = 0; events < 2; events++) {
		pid_t pid = traced_child();

		if (!pid) {
			execl(self, self, "exit", nullptr);
			_exit(1);
		}
		if (events)
			trace(PTRACE_SETOPTIONS, pid, 0, TELL_EXEC);
		trace(PTRACE_CONT, pid, 0, 0);
		int status = wait_for(pid);
		if (events) {
			ok(event_is(status, PTRACE_EVENT_EXEC), "exec is an event");
			trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message);
			ok(message == (unsigned long)pid, "of the thread that it was");
		} else {
			ok(stopped_by(status, SIGTRAP), "exec is a SIGTRAP");
		}
		trace(PTRACE_CONT, pid, 0, 0);
		ok(ended(pid, 17 << 8), "the new program runs");
	}
}

static atomic_bool all_there, sleeper_there;

static void *exec_thread(void *arg)
{
	while (!all_there)
		sched_yield();
	execl(self, self, "exit", nullptr);
	return arg;
}

static void *sleep_thread(void *arg)
{
	sleeper_there = true;
	pause();
	return arg;
}

// Threads: each is told about; exec by one that does not lead takes the leader's number.
static void test_threads(void)
{
	pid_t pid = traced_child();
	int clones = 0, stops = 0, exits = 0, execs = 0, status;
	unsigned long former = 0;
	pid_t who;

	if (!pid) {
		pthread_t t;

		pthread_create(&t, nullptr, sleep_thread, nullptr);
		pthread_create(&t, nullptr, exec_thread, nullptr);
		while (!sleeper_there)
			sched_yield();
		all_there = true;
		pause();
	}
	trace(PTRACE_SETOPTIONS, pid, 0, TELL_CLONE | TELL_EXEC | EXITKILL);
	trace(PTRACE_CONT, pid, 0, 0);
	while ((who = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			exits++;
			if (who == pid)
				break;
			continue;
		}
		if (event_is(status, PTRACE_EVENT_CLONE))
			clones++;
		if (event_is(status, PTRACE_EVENT_EXEC)) {
			execs += who == pid;
			trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&former);
		}
		stops += stopped_by(status, SIGSTOP);
		trace(PTRACE_CONT, who, 0, 0);
	}
	ok(clones == 2 && stops == 2, "two threads are told about, and stop: %d, %d", clones, stops);
	ok(execs == 1 && former && former != (unsigned long)pid, "the exec is the leader's, and of the thread it was");
	ok(exits == 2 && status == 17 << 8, "the sleeping thread's end is told, and the program's: %d, %x", exits, status);
}

static void on_signal(int sig) { }

static void test_seize(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGUSR1, on_signal);
		for (;;)
			pause();
	}
	usleep(20000);
	ok(trace(SEIZE, pid, 0, 1u << 30) == -1 && errno == EIO, "SEIZE with unknown options: EIO");
	ok(!trace(SEIZE, pid, 0, SYSGOOD), "SEIZE");
	ok(waitpid(pid, nullptr, WNOHANG | __WALL) == 0, "it runs on");
	ok(!trace(INTERRUPT, pid, 0, 0), "INTERRUPT");
	ok(event_is(wait_for(pid), EVENT_STOP), "it stops: an event");
	ok(trace(LISTEN, pid, 0, 0) == 0, "LISTEN");
	ok(trace(PTRACE_CONT, pid, 0, 0) == -1 && errno == ESRCH, "a listening one is not there for requests");
	ok(!trace(INTERRUPT, pid, 0, 0) && event_is(wait_for(pid), EVENT_STOP), "INTERRUPT stops it again");
	trace(PTRACE_CONT, pid, 0, 0);

	// A stop of the group.
	kill(pid, SIGSTOP);
	ok(stopped_by(wait_for(pid), SIGSTOP), "SIGSTOP is delivered");
	trace(PTRACE_CONT, pid, 0, SIGSTOP);
	status = wait_for(pid);
	ok(stopped_by(status, SIGSTOP | EVENT_STOP << 8), "then the group stops: %x", status);
	ok(!trace(LISTEN, pid, 0, 0), "LISTEN");
	usleep(20000);
	ok(waitpid(pid, nullptr, WNOHANG | __WALL) == 0, "it stays stopped");
	kill(pid, SIGCONT);
	status = wait_for(pid);
	ok(stopped_by(status, SIGTRAP | EVENT_STOP << 8), "SIGCONT ends that: %x", status);
	trace(PTRACE_CONT, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGCONT), "and is delivered");
	ok(!trace(PTRACE_DETACH, pid, 0, 0), "DETACH");
	ok(killed(pid), "it ends");
}

static void test_group_stop(void)
{
	pid_t pid = traced_child();
	siginfo_t info;

	if (!pid) {
		raise(SIGTSTP);
		raise(SIGUSR1);
		_exit(0);
	}
	setpgid(pid, pid);
	trace(PTRACE_CONT, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGTSTP), "SIGTSTP is delivered");
	ok(!trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), "with information");
	trace(PTRACE_CONT, pid, 0, SIGSTOP);
	int status = wait_for(pid);
	ok(stopped_by(status, SIGSTOP), "the group stops: %x", status);
	ok(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) == -1 && errno == EINVAL, "of which there is none");
	trace(PTRACE_CONT, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGUSR1), "its tracer may let it run on");
	trace(PTRACE_DETACH, pid, 0, 0);
	ok(waitpid(pid, &status, WUNTRACED) == pid, "without a tracer it is stopped, or ended: %x", status);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		wait_for(pid);
	}
}

static void test_signal_state(void)
{
	pid_t pid = traced_child();
	sigset_t set;
	uint64_t mask = 0;
	struct { uint64_t offset; uint32_t flags; int32_t n; } args = { 0, 1, 4 };
	siginfo_t infos[4] = {};

	if (!pid) {
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGUSR2);
		sigprocmask(SIG_BLOCK, &set, nullptr);
		raise(SIGURG);
		_exit(0);
	}
	trace(PTRACE_CONT, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGURG), "a signal that is ignored by default stops it");
	kill(pid, SIGUSR1);
	kill(pid, SIGUSR2);
	ok(!trace(GETSIGMASK, pid, 8, (unsigned long)&mask) &&
		   (mask & (1 << (SIGUSR1 - 1) | 1 << (SIGUSR2 - 1))) ==
			   (1 << (SIGUSR1 - 1) | 1 << (SIGUSR2 - 1)), "GETSIGMASK: %lx", (long)mask);
	ok(trace(GETSIGMASK, pid, 4, (unsigned long)&mask) == -1 && errno == EINVAL, "of another size: EINVAL");
	ok(trace(PEEKSIGINFO, pid, (unsigned long)&args, (unsigned long)infos) == 2 && infos[0].si_signo == SIGUSR1 &&
		   infos[1].si_signo == SIGUSR2 && infos[1].si_pid == getpid(), "PEEKSIGINFO finds both in order");
	mask = 1 << (SIGUSR1 - 1);
	ok(!trace(SETSIGMASK, pid, 8, (unsigned long)&mask), "SETSIGMASK");
	trace(PTRACE_CONT, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGUSR2), "what it lets through is delivered");
	trace(PTRACE_CONT, pid, 0, 0);
	ok(ended(pid, 0), "the other is not");
}

int main(int argc, char **argv)
{
	find_self(argc);
	alarm(100);
	test_attach();
	test_fork_events();
	test_exec();
	test_threads();
	test_seize();
	test_group_stop();
	test_signal_state();
	return tap_done();
}
