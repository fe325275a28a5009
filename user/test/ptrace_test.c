// SPDX-License-Identifier: MIT
// ptrace(2): stops and what they tell, registers, memory, stepping, signals, events, seizing, the end of either side, rights.

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/test/tap.h"

#ifndef __WALL
#define __WALL 0x40000000
#endif
enum { EVENT_STOP = 128, SYSGOOD = 1, TELL_FORK = 2, TELL_VFORK = 4, TELL_CLONE = 8, TELL_EXEC = 16, TELL_VFORKDONE = 32,
	TELL_EXIT = 64, EXITKILL = 1 << 20 };
enum { SEIZE = 0x4206, INTERRUPT, LISTEN, PEEKSIGINFO, GETSIGMASK, SETSIGMASK, GET_SYSCALL_INFO = 0x420e };

// What strace and gdb see of a thread's registers, the part that is alike.
#ifdef __x86_64__
struct regs {
	uint64_t r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, pc, cs, flags, sp, ss, fs_base,
		gs_base, ds, es, fs, gs;
};
enum { AUDIT = 0xc000003e, TRAP_SIZE = 1 };
#define RESULT(r) (r).ax
#define FIRST_ARG(r) (r).di
#define NUMBER(r) (r).orig_ax
static const uint8_t trap_code[] = { 0xcc };
#else
struct regs {
	uint64_t x[31], sp, pc, pstate;
};
enum { AUDIT = 0xc00000b7, TRAP_SIZE = 0 };
#define RESULT(r) (r).x[0]
#define FIRST_ARG(r) (r).x[0]
#define NUMBER(r) (r).x[8]
static const uint8_t trap_code[] = { 0x00, 0x00, 0x20, 0xd4 };
#endif

static long trace(long request, pid_t pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}

static int wait_for(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, __WALL) == pid ? status : -1;
}

static bool stopped_by(int status, int code)
{
	return WIFSTOPPED(status) && status >> 8 == code;
}

static bool get_regs(pid_t pid, struct regs *r)
{
	struct iovec iov = { r, sizeof(*r) };

	return !trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov) && iov.iov_len == sizeof(*r);
}

static bool set_regs(pid_t pid, struct regs *r)
{
	struct iovec iov = { r, sizeof(*r) };

	return !trace(PTRACE_SETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov);
}

// A child that lets us trace it and stops; has been waited for.
static pid_t traced_child(void)
{
	pid_t pid = fork();

	if (pid) {
		if (pid > 0 && !stopped_by(wait_for(pid), SIGSTOP))
			tap_bail("the child has not stopped");
		return pid;
	}
	if (trace(PTRACE_TRACEME, 0, 0, 0))
		_exit(99);
	raise(SIGSTOP);
	return 0;
}

static bool ended(pid_t pid, int status)
{
	return wait_for(pid) == status;
}

static bool killed(pid_t pid)
{
	kill(pid, SIGKILL);
	int status = wait_for(pid);

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void test_traceme(void)
{
	pid_t pid = traced_child();

	if (!pid) {
		trace(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM ? raise(SIGUSR1) : 0;
		_exit(7);
	}
	char path[64], line[4096] = "";
	siginfo_t info;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	int fd = open(path, O_RDONLY);
	(void)!read(fd, line, sizeof(line) - 1);
	close(fd);
	ok(strstr(line, "State:\tt (tracing stop)"), "its state is t");
	char *tracer = strstr(line, "TracerPid:\t");
	ok(tracer && atoi(tracer + 11) == getpid(), "its TracerPid are we");
	ok(waitpid(pid, nullptr, WNOHANG | __WALL) == 0, "the stop is told once");
	ok(!trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) && info.si_signo == SIGSTOP, "GETSIGINFO");
	ok(!trace(PTRACE_CONT, pid, 0, 0), "CONT");
	ok(stopped_by(wait_for(pid), SIGUSR1), "TRACEME a second time: EPERM, and its SIGUSR1 stops it");
	ok(!trace(PTRACE_CONT, pid, 0, 0), "CONT without the signal");
	ok(ended(pid, 7 << 8), "the signal has not killed it");
	ok(trace(PTRACE_CONT, pid, 0, 0) == -1 && errno == ESRCH, "a request after the end: ESRCH");
}

static void test_injection(void)
{
	pid_t pid = traced_child();
	siginfo_t info;

	if (!pid) {
		signal(SIGUSR1, SIG_IGN);
		raise(SIGUSR1);
		_exit(0);
	}
	trace(PTRACE_CONT, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGUSR1), "an ignored signal stops too");
	ok(!trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) && info.si_pid == pid && info.si_code == SI_TKILL,
	   "GETSIGINFO tells who sent it");
	trace(PTRACE_CONT, pid, 0, SIGTERM);
	int status = wait_for(pid);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "another signal is injected: %x", status);
	pid = traced_child();
	if (!pid)
		pause();
	ok(trace(PTRACE_CONT, pid, 0, 999) == -1 && errno == EIO, "no such signal: EIO");
	ok(killed(pid), "SIGKILL ends a stop");
}

static volatile long peeked = 0x1234567890abcdef;

[[gnu::noinline]] static long text_word(void)
{
	static long calls;

	return ++calls;
}

static void test_memory(void)
{
	pid_t pid = traced_child();
	long word = 0, before = *(long *)text_word;
	char path[64];

	if (!pid) {
		void *none = mmap((void *)0x10000000, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		(void)none;
		raise(SIGUSR1);
		_exit(peeked == 5 ? 0 : 1);
	}
	ok(!trace(PTRACE_PEEKDATA, pid, (unsigned long)&peeked, (unsigned long)&word) && word == peeked, "PEEKDATA");
	ok(!trace(PTRACE_POKEDATA, pid, (unsigned long)&peeked, 5), "POKEDATA");
	ok(peeked == 0x1234567890abcdef, "our own is as it was");
	ok(!trace(PTRACE_POKETEXT, pid, (unsigned long)text_word, 0x1122334455667788), "POKETEXT into code");
	ok(!trace(PTRACE_PEEKTEXT, pid, (unsigned long)text_word, (unsigned long)&word) && word == 0x1122334455667788,
	   "PEEKTEXT has it");
	ok(*(long *)text_word == before, "our own code is as it was");
	ok(trace(PTRACE_PEEKDATA, pid, 8, (unsigned long)&word) == -1 && errno == EIO, "nothing there: EIO");
	ok(trace(PTRACE_POKEDATA, pid, 8, 1) == -1 && errno == EIO, "nor to write");
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int fd = open(path, O_RDWR);
	ok(fd >= 0 && pread(fd, &word, 8, (long)&peeked) == 8 && word == 5, "/proc/PID/mem reads");
	ok(pwrite(fd, &before, 8, (long)text_word) == 8, "and writes code");
	ok(pread(fd, &word, 8, 8) == -1 && errno == EIO, "nothing there: EIO");
	close(fd);
	trace(PTRACE_CONT, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGUSR1), "it goes on");
	ok(!trace(PTRACE_POKEDATA, pid, 0x10000008, 77), "POKEDATA into PROT_NONE");
	ok(!trace(PTRACE_PEEKDATA, pid, 0x10000008, (unsigned long)&word) && word == 77, "and PEEKDATA");
	trace(PTRACE_CONT, pid, 0, 0);
	ok(ended(pid, 0), "it has seen what we wrote");
}

// Its own pages and shared ones; a fork between.
static void test_shared_memory(void)
{
	long *shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long *readonly = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	mprotect(readonly, 4096, PROT_READ);
	pid_t pid = traced_child();

	if (!pid) {
		text_word();
		pid_t child = fork();

		if (!child)
			_exit(0);
		raise(SIGUSR1);
		_exit(0);
	}
	ok(!trace(PTRACE_POKEDATA, pid, (unsigned long)shared, 9) && *shared == 9, "shared memory is shared");
	ok(trace(PTRACE_POKEDATA, pid, (unsigned long)readonly, 9) == -1 && errno == EIO,
	   "shared memory that is read-only stays so");
	trace(PTRACE_CONT, pid, 0, 0);
	int status = wait_for(pid);
	while (stopped_by(status, SIGCHLD)) {
		trace(PTRACE_CONT, pid, 0, 0);
		status = wait_for(pid);
	}
	ok(stopped_by(status, SIGUSR1), "it has forked");
	ok(!trace(PTRACE_POKETEXT, pid, (unsigned long)text_word, 1), "POKETEXT after a fork");
	ok(killed(pid), "it ends");
	munmap(shared, 4096);
	munmap(readonly, 4096);
}

static void test_registers(void)
{
	pid_t pid = traced_child();
	struct regs r = {}, again = {};

	if (!pid) {
		long n = syscall(SYS_getppid);
		_exit(n == 4242 ? 0 : 1);
	}
	ok(get_regs(pid, &r) && r.pc && r.sp, "GETREGSET NT_PRSTATUS");
	ok(set_regs(pid, &r) && get_regs(pid, &again) && !memcmp(&r, &again, sizeof(r)), "SETREGSET changes nothing");
	struct { uint8_t b[1024]; } fp = {}, fp2 = {};
	struct iovec iov = { &fp, sizeof(fp) };
	ok(!trace(PTRACE_GETREGSET, pid, NT_PRFPREG, (unsigned long)&iov) && iov.iov_len >= 512, "NT_PRFPREG: %zu bytes",
	   iov.iov_len);
	size_t at = iov.iov_len == 512 ? 160 : 0; // xmm0, v0
	memset(fp.b + at, 0x5a, 16);
	ok(!trace(PTRACE_SETREGSET, pid, NT_PRFPREG, (unsigned long)&iov), "set");
	iov.iov_base = &fp2;
	ok(!trace(PTRACE_GETREGSET, pid, NT_PRFPREG, (unsigned long)&iov) && !memcmp(fp.b + at, fp2.b + at, 16),
	   "and it is there");
	iov = (struct iovec){ &again, sizeof(again) };
	ok(trace(PTRACE_GETREGSET, pid, 0x7777, (unsigned long)&iov) == -1 && errno == EINVAL, "no such set: EINVAL");

	// The call's result is changed on its way out.
	trace(PTRACE_SETOPTIONS, pid, 0, SYSGOOD);
	for (int i = 0; i < 100; i++) {
		trace(PTRACE_SYSCALL, pid, 0, 0);
		if (!stopped_by(wait_for(pid), SIGTRAP | 0x80))
			break;
		get_regs(pid, &r);
		if (NUMBER(r) != SYS_getppid)
			continue;
		trace(PTRACE_SYSCALL, pid, 0, 0);
		wait_for(pid);
		get_regs(pid, &r);
		ok((pid_t)RESULT(r) == getpid(), "at the exit of getppid its result is there");
		RESULT(r) = 4242;
		ok(set_regs(pid, &r), "it is changed");
		break;
	}
	trace(PTRACE_CONT, pid, 0, 0);
	ok(ended(pid, 0), "and the program has it");
}

// Nothing a tracer writes makes the thread more than a user's.
static void test_bad_registers(void)
{
	pid_t pid = traced_child();
	struct regs r, bad;

	if (!pid) {
		for (;;)
			getppid();
	}
	get_regs(pid, &r);
	bad = r;
#ifdef __x86_64__
	bad.cs = 0x10;
	ok(!set_regs(pid, &bad), "the kernel's code segment is refused");
	bad = r;
	bad.flags |= 0x3000;	// IOPL
	set_regs(pid, &bad);
	get_regs(pid, &bad);
	ok(!(bad.flags & 0x3000), "the I/O privilege level stays");
	bad.fs_base = 0xffff800000000000;
	ok(!set_regs(pid, &bad), "a base in the kernel is refused");
	long word;
	ok(!trace(PTRACE_PEEKUSER, pid, 16 * 8, (unsigned long)&word) && (unsigned long)word == r.pc, "PEEKUSER has rip");
	ok(trace(PTRACE_PEEKUSER, pid, 100000, (unsigned long)&word) == -1 && errno == EIO, "beyond struct user: EIO");
	ok(!trace(PTRACE_POKEUSER, pid, 1 * 8, 0x55) && get_regs(pid, &bad) && bad.r14 == 0x55, "POKEUSER sets r14");
	ok(!trace(PTRACE_GETREGS, pid, 0, (unsigned long)&bad) && bad.r14 == 0x55, "GETREGS");
	bad.pc = 0x800000000000;
	set_regs(pid, &bad);
	bad.pc = 0xffffffff80000000;
	set_regs(pid, &bad);
#else
	bad.pstate = 5;	// EL1h
	ok(!set_regs(pid, &bad), "the kernel's exception level is refused");
	bad.pstate = r.pstate | 0x80;
	ok(!set_regs(pid, &bad), "masked interrupts are refused");
	bad = r;
	bad.pc = 0xffff000000000000;
	set_regs(pid, &bad);
	bad.sp = 0xffff000000000008;
	set_regs(pid, &bad);
#endif
	trace(PTRACE_CONT, pid, 0, 0);
	int status = wait_for(pid);
	ok(WIFSTOPPED(status) && (WSTOPSIG(status) == SIGSEGV || WSTOPSIG(status) == SIGBUS),
	   "a program counter in the kernel is a fault of the program: %x", status);
	ok(killed(pid), "it ends");
}

struct call_info {
	uint8_t op, pad[3];
	uint32_t arch;
	uint64_t pc, sp;
	union {
		struct { uint64_t nr, args[6]; } entry;
		struct { int64_t value; uint8_t is_error; } exit;
	};
};

static void test_syscalls(void)
{
	pid_t pid = traced_child();
	struct call_info c = {};
	int entries = 0, exits = 0, wrong = 0;
	bool changed = false, skipped = false;

	if (!pid) {
		long a = syscall(SYS_kill, 0x7ffffff0, 0), b = syscall(SYS_close, 12345);
		_exit(a == 0 && b == -1 && errno == EUCLEAN ? 33 : 44);
	}
	ok(!trace(PTRACE_SETOPTIONS, pid, 0, SYSGOOD), "SETOPTIONS");
	ok(trace(PTRACE_SETOPTIONS, pid, 0, 1u << 30) == -1 && errno == EINVAL, "unknown options: EINVAL");
	ok(trace(GET_SYSCALL_INFO, pid, sizeof(c), (unsigned long)&c) == 24 && c.op == 0 && c.arch == AUDIT && c.pc && c.sp,
	   "GET_SYSCALL_INFO in no call");
	for (;;) {
		struct regs r;

		trace(PTRACE_SYSCALL, pid, 0, 0);
		int status = wait_for(pid);
		if (!stopped_by(status, SIGTRAP | 0x80)) {
			ok(status == 33 << 8, "the calls were changed: %x", status);
			break;
		}
		long n = trace(GET_SYSCALL_INFO, pid, sizeof(c), (unsigned long)&c);
		entries += c.op == 1;
		exits += c.op == 2;
		wrong += c.op == 1 ? n != 80 : c.op == 2 ? n != 33 : 1;
		if (c.op == 1 && c.entry.nr == SYS_kill) {
			get_regs(pid, &r);
			FIRST_ARG(r) = (uint64_t)getpid();
			changed = c.entry.args[0] == 0x7ffffff0 && set_regs(pid, &r);
		}
		if (c.op == 1 && c.entry.nr == SYS_close && c.entry.args[0] == 12345) {
#ifdef __x86_64__
			get_regs(pid, &r);
			NUMBER(r) = -1;
			RESULT(r) = -EUCLEAN;
			skipped = set_regs(pid, &r);
#else
			int none = -1;
			struct iovec iov = { &none, sizeof(none) };
			skipped = !trace(PTRACE_SETREGSET, pid, 0x404, (unsigned long)&iov);
			get_regs(pid, &r);
			RESULT(r) = -EUCLEAN;
			set_regs(pid, &r);
#endif
		}
	}
	ok(changed && skipped, "an argument of one, and one not at all");
	ok(entries == exits + 1 && entries >= 3 && !wrong, "%d entries, %d exits: all but exit_group", entries, exits);
}

static void test_step(void)
{
	pid_t pid = traced_child();
	struct regs a, b;
	int moved = 0, n;

	if (!pid) {
		syscall(SYS_getppid);
		raise(SIGUSR2);
		_exit(3);
	}
	for (n = 0; n < 20000; n++) {
		get_regs(pid, &a);
		trace(PTRACE_SINGLESTEP, pid, 0, 0);
		int status = wait_for(pid);
		if (!stopped_by(status, SIGTRAP)) {
			ok(stopped_by(status, SIGUSR2), "steps lead to the signal: %x", status);
			break;
		}
		get_regs(pid, &b);
		moved += a.pc != b.pc;
	}
	ok(n > 10 && n - moved <= n / 10, "%d steps, %d of them moved", n, moved);
	trace(PTRACE_CONT, pid, 0, 0);
	ok(ended(pid, 3 << 8), "then it runs on without a trap");
}

static volatile sig_atomic_t handled;
static void handler(int sig) { handled = sig; }

static void test_step_into_handler(void)
{
	pid_t pid = traced_child();
	struct regs r;

	if (!pid) {
		signal(SIGUSR1, handler);
		raise(SIGUSR1);
		_exit(handled == SIGUSR1 ? 0 : 1);
	}
	trace(PTRACE_CONT, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGUSR1), "a signal for a handler");
	trace(PTRACE_SINGLESTEP, pid, 0, SIGUSR1);
	int status = wait_for(pid);
	get_regs(pid, &r);
	ok(stopped_by(status, SIGTRAP) && r.pc == (uint64_t)handler, "a step is to the handler's first instruction");
	trace(PTRACE_CONT, pid, 0, 0);
	ok(ended(pid, 0), "the handler has run and returned");
}

static int stepped_calls;
[[gnu::noinline]] static void breakpoint_here(void) { stepped_calls++; }

static void test_breakpoint(void)
{
	pid_t pid = traced_child();
	unsigned long at = (unsigned long)breakpoint_here;
	long word, saved;
	struct regs r;

	if (!pid) {
		breakpoint_here();
		_exit(stepped_calls);
	}
	trace(PTRACE_PEEKTEXT, pid, at, (unsigned long)&saved);
	word = saved;
	memcpy(&word, trap_code, sizeof(trap_code));
	trace(PTRACE_POKETEXT, pid, at, word);
	trace(PTRACE_CONT, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGTRAP), "it runs into a breakpoint");
	get_regs(pid, &r);
	ok(r.pc == at + TRAP_SIZE, "there");
	r.pc = at;
	set_regs(pid, &r);
	trace(PTRACE_POKETEXT, pid, at, saved);
	trace(PTRACE_CONT, pid, 0, 0);
	ok(ended(pid, 1 << 8), "with the code put back it goes on");
}

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
static pid_t fork_and_wait(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
}

static bool event_is(int status, int event)
{
	return stopped_by(status, SIGTRAP | event << 8);
}

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

static char self[256];

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

static void test_seize(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGUSR1, handler);
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
	if (argc > 1)
		return 17;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		tap_bail("/proc/self/exe");
	alarm(100);
	test_traceme();
	test_injection();
	test_memory();
	test_shared_memory();
	test_registers();
	test_bad_registers();
	test_syscalls();
	test_step();
	test_step_into_handler();
	test_breakpoint();
	test_attach();
	test_fork_events();
	test_exec();
	test_threads();
	test_seize();
	test_group_stop();
	test_signal_state();
	test_not_our_child();
	test_tracer_dies();
	test_kill_in_stops();
	test_rights();
	test_storm();
	return tap_done();
}
