// SPDX-License-Identifier: MIT
// ptrace(2) of a child: what its stops tell, memory, registers, system calls, stepping, breakpoints.

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "user/test/ptrace.h"

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
	const size_t unit = iov.iov_len == 512 ? 8 : 4; // of the regset: words of x86-64, of arm64 half ones
	iov.iov_len = unit * 3 / 2;
	ok(trace(PTRACE_SETREGSET, pid, NT_PRFPREG, (unsigned long)&iov) == -1 && errno == EINVAL &&
		   trace(PTRACE_GETREGSET, pid, NT_PRFPREG, (unsigned long)&iov) == -1 && errno == EINVAL, "no part of a word can be asked for: EINVAL");
	iov = (struct iovec){ &again, 8 };
	ok(!trace(PTRACE_SETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov) && iov.iov_len == 8, "the first register alone can be set");
	iov.iov_len = 12;
	ok(trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov) == -1 && errno == EINVAL, "nor of a register: EINVAL");
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

int main(void)
{
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
	return tap_done();
}
