// SPDX-License-Identifier: MIT
// Registers across system calls: a call gives back all but its results; a handler, a child and a
// tracer find every register of the call that was interrupted, copied or stopped, and what they
// change there is what the program goes on with.

#include <fcntl.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "user/test/asleep.h"
#include "user/test/ptrace.h"

// A system call with a pattern in all registers that neither it nor its arguments use, which are then stored.
long filled_call(long nr, long a0, long a1, long a2, uint64_t *after);

#ifdef __aarch64__
enum { KEPT = 21, FIRST = 9 };	// x9 to x29

__asm__(R"(
	.text
	.globl	filled_call
filled_call:
	stp	x29, x30, [sp, #-96]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	mov	x8, x0
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	mov	x7, x4
	mov	x3, xzr
	mov	x4, xzr
	.irp	n, 9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29
	movz	x\n, #\n * 0x101
	movk	x\n, #0x5a00 + \n, lsl #48
	.endr
	svc	#0
	.irp	n, 9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29
	str	x\n, [x7, #(\n - 9) * 8]
	.endr
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret
)");

static void of_regs(const struct regs *r, uint64_t kept[KEPT])
{
	memcpy(kept, r->x + FIRST, KEPT * sizeof(*kept));
}

static void into_regs(struct regs *r, const uint64_t kept[KEPT])
{
	memcpy(r->x + FIRST, kept, KEPT * sizeof(*kept));
}

static void of_context(const ucontext_t *uc, uint64_t kept[KEPT])
{
	memcpy(kept, uc->uc_mcontext.regs + FIRST, KEPT * sizeof(*kept));
}

static void into_context(ucontext_t *uc, const uint64_t kept[KEPT])
{
	memcpy(uc->uc_mcontext.regs + FIRST, kept, KEPT * sizeof(*kept));
}
#else
enum { KEPT = 9, FIRST = 0 };	// rbx, rbp, r8 to r10, r12 to r15

__asm__(R"(
	.text
	.globl	filled_call
filled_call:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%r8
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	movabs	$0x5a00000000000000, %rbx
	movabs	$0x5a01000000000101, %rbp
	movabs	$0x5a02000000000202, %r8
	movabs	$0x5a03000000000303, %r9
	movabs	$0x5a04000000000404, %r10
	movabs	$0x5a05000000000505, %r12
	movabs	$0x5a06000000000606, %r13
	movabs	$0x5a07000000000707, %r14
	movabs	$0x5a08000000000808, %r15
	syscall
	pop	%rcx
	mov	%rbx, (%rcx)
	mov	%rbp, 8(%rcx)
	mov	%r8, 16(%rcx)
	mov	%r9, 24(%rcx)
	mov	%r10, 32(%rcx)
	mov	%r12, 40(%rcx)
	mov	%r13, 48(%rcx)
	mov	%r14, 56(%rcx)
	mov	%r15, 64(%rcx)
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
)");

static void of_regs(const struct regs *r, uint64_t kept[KEPT])
{
	memcpy(kept, (uint64_t[]){ r->bx, r->bp, r->r8, r->r9, r->r10, r->r12, r->r13, r->r14, r->r15 }, KEPT * 8);
}

static void into_regs(struct regs *r, const uint64_t kept[KEPT])
{
	uint64_t *to[KEPT] = { &r->bx, &r->bp, &r->r8, &r->r9, &r->r10, &r->r12, &r->r13, &r->r14, &r->r15 };

	for (int i = 0; i < KEPT; i++)
		*to[i] = kept[i];
}

// As uc_mcontext.gregs has them: r8 to r15, rdi, rsi, rbp, rbx.
static const int places[KEPT] = { 11, 10, 0, 1, 2, 4, 5, 6, 7 };

static void of_context(const ucontext_t *uc, uint64_t kept[KEPT])
{
	for (int i = 0; i < KEPT; i++)
		kept[i] = (uint64_t)uc->uc_mcontext.gregs[places[i]];
}

static void into_context(ucontext_t *uc, const uint64_t kept[KEPT])
{
	for (int i = 0; i < KEPT; i++)
		uc->uc_mcontext.gregs[places[i]] = (long long)kept[i];
}
#endif

static uint64_t after[KEPT];

static uint64_t pattern(int i)
{
	uint64_t n = (uint64_t)(i + FIRST);

	return (0x5a00 + n) << 48 | n * 0x101;
}

static bool all(const uint64_t kept[KEPT], uint64_t change)
{
	for (int i = 0; i < KEPT; i++)
		if (kept[i] != (pattern(i) ^ change))
			return false;
	return true;
}

static void change(uint64_t kept[KEPT], uint64_t how)
{
	for (int i = 0; i < KEPT; i++)
		kept[i] ^= how;
}

static long call(long nr, long a0, long a1, long a2)
{
	memset(after, 0, sizeof(after));
	return filled_call(nr, a0, a1, a2, after);
}

// ---- without anybody else

static void test_calls(void)
{
	char byte;
	int fds[2];

	ok(call(SYS_getppid, 0, 0, 0) == getppid() && all(after, 0), "getppid gives all registers back");
	ok(call(9999, 0, 0, 0) == -ENOSYS && all(after, 0), "so does a call that there is not");
	ok(call(SYS_read, -1, 0, 0) == -EBADF && all(after, 0), "one that fails");
	ok(call(SYS_execve, (long)"/nowhere", 0, 0) == -ENOENT && all(after, 0), "an execve that fails");
	if (pipe(fds))
		tap_bail("pipe");
	pid_t pid = fork();

	if (!pid) {
		usleep(30000);
		_exit(write(fds[1], "x", 1) != 1);
	}
	ok(call(SYS_read, fds[0], (long)&byte, 1) == 1 && all(after, 0), "one that sleeps");
	waitpid(pid, nullptr, 0);
}

static void test_fork(void)
{
	long pid = call(SYS_clone, SIGCHLD, 0, 0);

	if (!pid)
		_exit(all(after, 0) ? 3 : 4);
	ok(pid > 0 && all(after, 0), "clone gives all registers back");
	ok(ended((pid_t)pid, 3 << 8), "the child has them, too");
}

// The kernel copies pages by a function of its own: in these calls, not in an exception during one.
static void test_page_copies(void)
{
	enum { BLOCK = 2 << 20, PAGE = 4096, COLLAPSE = 25, POPULATE_WRITE = 23 };
	int self = open("/proc/self/exe", O_RDONLY), mem = open("/proc/self/mem", O_RDWR);
	char *p = mmap(nullptr, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *file = mmap(nullptr, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self, 0);
	char *block = p + (-(uintptr_t)p & (BLOCK - 1));

	if (self < 0 || mem < 0 || p == MAP_FAILED || file == MAP_FAILED)
		tap_bail("pages to copy");
	madvise(block, BLOCK, MADV_NOHUGEPAGE);
	for (int i = 0; i < BLOCK; i += PAGE)
		block[i] = (char)(1 + i / PAGE);
	madvise(block, BLOCK, MADV_HUGEPAGE);
	long err = call(SYS_madvise, (long)block, BLOCK, COLLAPSE);

	ok((!err || err == -EINVAL) && all(after, 0), "one that makes a huge page, where there are any");
	ok(call(SYS_madvise, (long)file, PAGE, POPULATE_WRITE) == 0 && all(after, 0), "one that copies a file's page");
	munmap(file, PAGE);
	file = mmap(nullptr, PAGE, PROT_READ, MAP_PRIVATE, self, 0);
	lseek(mem, (long)file, SEEK_SET);
	ok(call(SYS_write, mem, (long)"x", 1) == 1 && all(after, 0) && *file == 'x', "one that writes to read-only memory");
	munmap(file, PAGE);
	munmap(p, 2 * BLOCK);
	close(self);
	close(mem);
}

// ---- handlers

static uint64_t handler_change;
static bool handler_saw;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	uint64_t kept[KEPT];

	of_context(context, kept);
	handler_saw = all(kept, 0);
	change(kept, handler_change);
	into_context(context, kept);
}

static void test_handler(int flags, const char *name)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };

	sigaction(SIGUSR1, &sa, nullptr);
	for (handler_change = 0; handler_change < 0x200; handler_change += 0x111) {
		handler_saw = false;
		ok(call(SYS_kill, getpid(), SIGUSR1, 0) == 0 && handler_saw, "%s: the frame has all registers", name);
		ok(all(after, handler_change), "what it has is what the program goes on with (%#lx)",
		   (unsigned long)handler_change);
	}
}

static void test_handler_asleep(int flags, long result)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };
	int fds[2];
	char byte;
	pid_t parent = getpid();

	sigaction(SIGUSR1, &sa, nullptr);
	handler_change = 0;
	handler_saw = false;
	if (pipe(fds))
		tap_bail("pipe");
	pid_t pid = fork();

	if (!pid) {
		await_sleep(parent);
		kill(parent, SIGUSR1);
		usleep(30000);
		_exit(write(fds[1], "x", 1) != 1);
	}
	long got = call(SYS_read, fds[0], (long)&byte, 1);

	ok(got == result && handler_saw && all(after, 0), "a read that sleeps, %s", result < 0 ? "EINTR" : "again");
	waitpid(pid, nullptr, 0);
	close(fds[0]);
	close(fds[1]);
}

// ---- tracers

// The registers of a stopped program have been changed by `before`, and now by `how`.
static bool tracer_sees_changed(pid_t pid, uint64_t before, uint64_t how)
{
	uint64_t kept[KEPT];
	struct regs r;

	if (!get_regs(pid, &r))
		return false;
	of_regs(&r, kept);
	bool good = all(kept, before);

	change(kept, how);
	into_regs(&r, kept);
	return set_regs(pid, &r) && good;
}

static bool tracer_sees(pid_t pid, uint64_t how)
{
	return tracer_sees_changed(pid, 0, how);
}

static void test_traced_calls(void)
{
	pid_t pid = traced_child();

	if (!pid)
		_exit(call(SYS_getppid, 0, 0, 0) > 0 && all(after, 0xff) ? 5 : 6);
	struct regs r = {};

	trace(PTRACE_SETOPTIONS, pid, 0, SYSGOOD);
	while (NUMBER(r) != SYS_getppid)	// raise() has calls of its own
		if (trace(PTRACE_SYSCALL, pid, 0, 0) || !stopped_by(wait_for(pid), SIGTRAP | 0x80) || !get_regs(pid, &r))
			tap_bail("no stop for the call");
	ok(tracer_sees(pid, 0xf0), "a stop at a call's beginning");
	trace(PTRACE_SYSCALL, pid, 0, 0);
	ok(stopped_by(wait_for(pid), SIGTRAP | 0x80) && tracer_sees_changed(pid, 0xf0, 0x0f), "a stop at its end");
	trace(PTRACE_CONT, pid, 0, 0);
	ok(ended(pid, 5 << 8), "the program has what the tracer wrote");
}

static void test_traced_events(void)
{
	pid_t pid = traced_child();

	if (!pid) {
		long child = call(SYS_clone, SIGCHLD, 0, 0);

		if (!child)
			_exit(all(after, 0) ? 7 : 8);
		bool good = all(after, 0xf0) && ended((pid_t)child, 7 << 8);
		return (void)call(SYS_exit_group, good ? 9 : 10, 0, 0);
	}
	trace(PTRACE_SETOPTIONS, pid, 0, TELL_FORK | TELL_EXIT);
	trace(PTRACE_CONT, pid, 0, 0);
	unsigned long child = 0;
	int status = wait_for(pid);

	ok(event_is(status, PTRACE_EVENT_FORK) && tracer_sees(pid, 0xf0), "a stop for a fork");
	trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child);
	ok(stopped_by(wait_for((pid_t)child), SIGSTOP) && tracer_sees((pid_t)child, 0), "the child's first stop");
	trace(PTRACE_DETACH, (pid_t)child, 0, 0);
	trace(PTRACE_CONT, pid, 0, 0);
	status = wait_for(pid);
	if (stopped_by(status, SIGCHLD)) {
		trace(PTRACE_CONT, pid, 0, 0);
		status = wait_for(pid);
	}
	ok(event_is(status, PTRACE_EVENT_EXIT) && tracer_sees(pid, 0), "a stop for an exit");
	trace(PTRACE_CONT, pid, 0, 0);
	ok(ended(pid, 9 << 8), "the program has what the tracer wrote");
}

static void test_attached_asleep(void)
{
	int fds[2];
	char byte;

	if (pipe(fds))
		tap_bail("pipe");
	pid_t pid = fork();

	if (!pid)
		_exit(call(SYS_read, fds[0], (long)&byte, 1) == 1 && all(after, 0x33) ? 11 : 12);
	usleep(30000);
	ok(!trace(SEIZE, pid, 0, 0) && !trace(INTERRUPT, pid, 0, 0) && stopped_by(wait_for(pid), SIGTRAP | EVENT_STOP << 8),
	   "a program that sleeps in a call is stopped");
	ok(tracer_sees(pid, 0x33), "its registers are there");
	trace(PTRACE_DETACH, pid, 0, 0);
	(void)!write(fds[1], "x", 1);
	ok(ended(pid, 11 << 8), "the program has what the tracer wrote");
}

int main(void)
{
	test_calls();
	test_page_copies();
	test_fork();
	test_handler(0, "a handler");
	test_handler(SA_RESTART, "one with SA_RESTART");
	test_handler_asleep(SA_RESTART, 1);
	test_handler_asleep(0, -EINTR);
	test_traced_calls();
	test_traced_events();
	test_attached_asleep();
	return tap_done();
}
