// SPDX-License-Identifier: MIT
// Signals that the program itself causes: faults, alternate stacks, what kills, and the registers that handlers leave alone.

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "user/test/child.h"
#include "user/test/tap.h"

// ---- stacks

static char alternate[65536];
static char *seen_on;
static int flags_inside;

static void note_stack(int sig)
{
	stack_t stack;
	char here;

	seen_on = &here;
	sigaltstack(nullptr, &stack);
	flags_inside = stack.ss_flags;
}

static bool on_alternate(void)
{
	return seen_on >= alternate && seen_on < alternate + sizeof(alternate);
}

static void test_stacks(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, now;
	struct sigaction act = {.sa_handler = note_stack, .sa_flags = SA_ONSTACK};

	ok(sigaltstack(&stack, nullptr) == 0 && sigaltstack(nullptr, &now) == 0 && now.ss_flags == 0 &&
		   now.ss_sp == alternate, "an alternate stack");
	sigaction(SIGUSR1, &act, nullptr);
	raise(SIGUSR1);
	ok(on_alternate() && flags_inside == SS_ONSTACK, "the handler runs on it");
	act.sa_flags = 0;
	sigaction(SIGUSR1, &act, nullptr);
	raise(SIGUSR1);
	ok(!on_alternate() && flags_inside == 0, "only with SA_ONSTACK");
	stack.ss_flags = (int)(1u << 31); // SS_AUTODISARM
	act.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &act, nullptr);
	sigaltstack(&stack, nullptr);
	raise(SIGUSR1);
	ok(on_alternate() && flags_inside == SS_DISABLE, "SS_AUTODISARM: off inside");
	sigaltstack(nullptr, &now);
	ok(now.ss_sp == alternate && now.ss_size == sizeof(alternate), "and back behind it");
	stack = (stack_t){.ss_flags = SS_DISABLE};
	sigaltstack(&stack, nullptr);
	sigaltstack(nullptr, &now);
	ok(now.ss_flags == SS_DISABLE, "switched off");
	stack = (stack_t){.ss_sp = alternate, .ss_size = 100};
	ok(sigaltstack(&stack, nullptr) == -1 && errno == ENOMEM, "too small: ENOMEM");
}

// ---- faults

static sigjmp_buf back;
static void *fault_at;
static int fault_code, fault_signal;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault_signal = sig;
	fault_at = info->si_addr;
	fault_code = info->si_code;
	siglongjmp(back, 1);
}

static char *repair_page;
static volatile int repaired;

static void on_fault_repair(int sig, siginfo_t *info, void *context)
{
	repaired++;
	mprotect(repair_page, 4096, PROT_READ | PROT_WRITE);
}

static int overflow_stack(int depth)
{
	volatile char page[4096];

	page[0] = (char)depth;
	if (depth < 0)
		return 0;
	return overflow_stack(depth + 1) + page[0];
}

static void test_faults(void)
{
	struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	char *page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	sigaction(SIGSEGV, &act, nullptr);
	sigaction(SIGBUS, &act, nullptr);
	if (!sigsetjmp(back, 1))
		*(volatile int *)16 = 1;
	ok(fault_signal == SIGSEGV && fault_at == (void *)16 && fault_code == SEGV_MAPERR, "a write to nowhere");
	if (!sigsetjmp(back, 1))
		*(volatile char *)(page + 5) = 1;
	ok(fault_at == page + 5 && fault_code == SEGV_ACCERR, "a write to a page that may only be read");
	sigset_t now;
	sigprocmask(SIG_BLOCK, nullptr, &now);
	ok(!sigismember(&now, SIGSEGV), "siglongjmp gives the mask back");
	sigaltstack(&stack, nullptr);
	if (!sigsetjmp(back, 1))
		overflow_stack(0);
	ok(fault_signal == SIGSEGV, "a stack overflow is caught on the alternate stack");
	stack = (stack_t){.ss_flags = SS_DISABLE};
	sigaltstack(&stack, nullptr);

	int fd = open("/tmp/signal_fault_test.file", O_CREAT | O_RDWR, 0600);
	char *file = mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd, 0);
	fault_signal = 0;
	if (!sigsetjmp(back, 1))
		(void)*(volatile char *)file;
	ok(fault_signal == SIGBUS && fault_at == file, "behind the end of a file: SIGBUS");
	munmap(file, 8192);
	close(fd);
	unlink("/tmp/signal_fault_test.file");

	act.sa_sigaction = on_fault_repair;
	sigaction(SIGSEGV, &act, nullptr);
	repair_page = page;
	*(volatile char *)page = 3;
	ok(repaired == 1 && *page == 3, "a handler that repairs the cause: the write is done");
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	munmap(page, 4096);
}

static int dies_of_fault(void)
{
	signal(SIGSEGV, SIG_DFL);
	*(volatile int *)16 = 1;
	return 0;
}

static int dies_blocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, nullptr);
	*(volatile int *)16 = 1;
	return 0;
}

static int dies_ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	*(volatile int *)16 = 1;
	return 0;
}

static int dies_without_stack(void)
{
	struct sigaction act = {.sa_handler = note_stack, .sa_flags = SA_ONSTACK};
	stack_t stack = {.ss_sp = (void *)4096, .ss_size = 65536};

	sigaltstack(&stack, nullptr);
	sigaction(SIGUSR1, &act, nullptr);
	raise(SIGUSR1);
	return 0;
}

static int dies_of_abort(void)
{
	abort();
}

static int dies_of_pipe(void)
{
	int fds[2];

	pipe(fds);
	close(fds[0]);
	write(fds[1], "x", 1);
	return 0;
}

static void test_deaths(void)
{
	ok(in_child(dies_of_fault) == 256 + SIGSEGV, "a fault kills");
	ok(in_child(dies_blocked) == 256 + SIGSEGV, "also with SIGSEGV blocked");
	ok(in_child(dies_ignored) == 256 + SIGSEGV, "and ignored");
	ok(in_child(dies_without_stack) == 256 + SIGSEGV, "a handler whose frame cannot be written: SIGSEGV");
	ok(in_child(dies_of_abort) == 256 + SIGABRT, "abort");
	ok(in_child(dies_of_pipe) == 256 + SIGPIPE, "a pipe without a reader");
}

// ---- registers

static volatile double other;

static void spoil(int sig)
{
	double a = other;

	for (int i = 0; i < 20; i++)
		a = a * 1.5 + i;
	other = a;
	errno = 0;
}

static void test_registers(void)
{
	double sum = 0, expect = 0;
	struct itimerval often = {{0, 1000}, {0, 1000}}, never = {};

	signal(SIGALRM, spoil);
	for (int i = 1; i <= 2000000; i++)
		expect += 1.0 / i;
	setitimer(ITIMER_REAL, &often, nullptr);
	for (int i = 1; i <= 2000000; i++)
		sum += 1.0 / i;
	setitimer(ITIMER_REAL, &never, nullptr);
	ok(sum == expect, "handlers leave the floating-point registers alone");
}

int main(void)
{
	test_stacks();
	test_faults();
	test_deaths();
	test_registers();
	return tap_done();
}
