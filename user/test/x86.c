// SPDX-License-Identifier: MIT
// What x86-64 programs see of the machine: exceptions as signals, the signal frame, SIMD registers
// and TLS bases across signals and switches, what sigreturn refuses.

#include "user/test/tap.h"

#ifndef __x86_64__
int main(void)
{
	tap_skip("for x86-64 only");
	return tap_done();
}
#else
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };

static sigjmp_buf escape;
static siginfo_t caught;
static ucontext_t caught_uc;

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	caught = *info;
	memcpy(&caught_uc, uc, sizeof(caught_uc) - sizeof(caught_uc.__fpregs_mem));
	siglongjmp(escape, 1);
}

static void catch_faults(void)
{
	int sigs[] = { SIGFPE, SIGILL, SIGTRAP, SIGSEGV, SIGBUS };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	for (unsigned i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		sigaction(sigs[i], &sa, NULL);
}

#define FAULT(code)                           \
	({                                    \
		caught.si_signo = 0;          \
		if (!sigsetjmp(escape, 1)) {  \
			code;                 \
		}                             \
		caught.si_signo;              \
	})

static long greg(int r)
{
	return caught_uc.uc_mcontext.gregs[r];
}

static void test_exceptions(void)
{
	int s = FAULT(__asm__ volatile("xorl %%ecx, %%ecx; idivl %%ecx" ::: "eax", "ecx", "edx"));

	ok(s == SIGFPE && caught.si_code == FPE_INTDIV, "division by zero: signal %d code %d", s,
	   caught.si_code);
	ok((long)caught.si_addr == greg(REG_RIP), "its address is the instruction's");
	s = FAULT(__asm__ volatile("ud2"));
	ok(s == SIGILL && caught.si_code == ILL_ILLOPN, "ud2: signal %d code %d", s, caught.si_code);
	s = FAULT(__asm__ volatile("int3"));
	ok(s == SIGTRAP && caught.si_code == SI_KERNEL, "int3: signal %d code %d", s, caught.si_code);
	s = FAULT(__asm__ volatile("hlt"));
	ok(s == SIGSEGV && caught.si_code == SI_KERNEL, "hlt: signal %d code %d", s, caught.si_code);
	s = FAULT(*(volatile long *)(1ul << 62) = 1);
	ok(s == SIGSEGV && caught.si_code == SI_KERNEL, "non-canonical store: signal %d code %d", s,
	   caught.si_code);
	s = FAULT(((void (*)(void))(1ul << 62))());
	ok(s == SIGSEGV, "jump to a non-canonical address: signal %d", s);
	s = FAULT(*(volatile long *)0xffffffff80200000 = 1);
	ok(s == SIGSEGV && caught.si_code == SEGV_MAPERR, "store to the kernel: signal %d code %d", s,
	   caught.si_code);
	s = FAULT(*(volatile int *)0x10 = 1);
	ok(s == SIGSEGV && caught.si_addr == (void *)0x10 && greg(REG_TRAPNO) == 14 &&
		   greg(REG_ERR) == 6 && greg(REG_CR2) == 0x10,
	   "store to page 0: trap %ld error %ld cr2 %#lx", greg(REG_TRAPNO), greg(REG_ERR),
	   greg(REG_CR2));
	s = FAULT(__asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop" ::: "memory"));
	ok(s == SIGTRAP && caught.si_code == TRAP_TRACE, "single step: signal %d code %d", s,
	   caught.si_code);
	double z = 0, r = 1;
	unsigned mxcsr = 0x1f80 & ~(4u << 7);

	s = FAULT(__asm__ volatile("ldmxcsr %1; divsd %2, %0" : "+x"(r) : "m"(mxcsr), "x"(z)));
	if (s == 0)
		tap_skip("this CPU raises no SSE exceptions (QEMU's TCG)");
	else
		ok(s == SIGFPE && caught.si_code == FPE_FLTDIV,
		   "SSE division by zero: signal %d code %d", s, caught.si_code);
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
}

// ---- registers

static volatile int handled;

static void on_signal(int sig)
{
	handled++;
	// Spoils what a handler may spoil.
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm8; movdqa %%xmm0, %%xmm15" :::
				 "xmm0", "xmm8", "xmm15");
}

static void test_signal_keeps(void)
{
	long pid = getpid(), red = 0, r12 = 0, nr, xmm = 0;

	signal(SIGUSR1, on_signal);
	__asm__ volatile("movq $0x1234567, -8(%%rsp); movq $0x7654321, -120(%%rsp)\n\t"
			 "movl $77, %%r12d; movq %%r12, %%xmm8\n\t"
			 "movl $10, %%esi; movl $62, %%eax; syscall\n\t"
			 "movq %%xmm8, %3\n\t"
			 "movq %%rax, %2; movq %%r12, %1; movq -8(%%rsp), %0; addq -120(%%rsp), %0"
			 : "=&r"(red), "=&r"(r12), "=&r"(nr), "=&r"(xmm)
			 : "D"(pid)
			 : "rax", "rcx", "r11", "rsi", "r12", "xmm8", "memory");
	ok(handled == 1 && nr == 0, "kill() to itself: handler ran %d times, result %ld", handled, nr);
	ok(red == 0x1234567 + 0x7654321, "the red zone is untouched");
	ok(r12 == 77 && xmm == 77, "a callee-saved and a SIMD register survive the handler");
}

static void *spin_xmm(void *arg)
{
	long mine = (long)arg, wrong = 0;

	__asm__ volatile("movq %0, %%xmm9; movq %0, %%mm3" ::"r"(mine) : "xmm9");
	for (int i = 0; i < 2000; i++) {
		long x = 0, m = 0;

		sched_yield();
		__asm__ volatile("movq %%xmm9, %0; movq %%mm3, %1" : "=r"(x), "=r"(m));
		wrong += x != mine || m != mine;
	}
	__asm__ volatile("emms");
	return (void *)wrong;
}

static void test_switch_keeps(void)
{
	pthread_t t[4];
	long wrong = 0;

	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, spin_xmm, (void *)(i + 1000));
	for (int i = 0; i < 4; i++) {
		void *n = NULL;

		pthread_join(t[i], &n);
		wrong += (long)n;
	}
	ok(wrong == 0, "four threads keep their SIMD registers: %ld wrong", wrong);
}

static void test_bases(void)
{
	static unsigned long there[2] = { 41, 42 };
	unsigned long base = 0, seen;

	ok(syscall(SYS_arch_prctl, ARCH_SET_GS, there) == 0, "ARCH_SET_GS");
	for (int i = 0; i < 3; i++)
		usleep(1000);
	__asm__ volatile("movq %%gs:8, %0" : "=r"(seen));
	ok(seen == 42, "GS reaches its base after sleeping: %lu", seen);
	syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
	ok(base == (unsigned long)there, "ARCH_GET_GS gives it back");
	ok(syscall(SYS_arch_prctl, ARCH_SET_GS, 1ul << 62) == -1 && errno == EPERM,
	   "ARCH_SET_GS of a non-canonical address is EPERM");
	ok(syscall(SYS_arch_prctl, 0x7777, 0) == -1 && errno == EINVAL, "an unknown one is EINVAL");
	syscall(SYS_arch_prctl, ARCH_SET_GS, 0);
}

// ---- sigreturn

static void (*spoil)(ucontext_t *);

static void on_spoil(int sig, siginfo_t *info, void *uc)
{
	spoil(uc);
}

static void spoil_flags(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_EFL] |= 0x3000 | 0x20000;	// IOPL 3, VM
	uc->uc_mcontext.gregs[REG_EFL] &= ~0x200;		// IF
	uc->uc_mcontext.gregs[REG_CSGSFS] = 0x0010000000000010;	// kernel selectors
}

static void spoil_mxcsr(ucontext_t *uc)
{
	uc->uc_mcontext.fpregs->mxcsr = 0xffffffff;
}

static void spoil_header(ucontext_t *uc)
{
	memset((char *)uc->uc_mcontext.fpregs + 512, 0xff, 64);
}

static void spoil_pc(ucontext_t *uc)
{
	uc->uc_mcontext.gregs[REG_RIP] = 1l << 62;
}

static int spoiled(void (*how)(ucontext_t *))
{
	spoil = how;
	return FAULT(raise(SIGUSR2));
}

static void test_sigreturn(void)
{
	struct sigaction sa = { .sa_sigaction = on_spoil, .sa_flags = SA_SIGINFO };
	unsigned long flags = 0;
	int s;

	sigaction(SIGUSR2, &sa, NULL);
	s = spoiled(spoil_flags);
	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	ok((flags & 0x3200) == 0x200, "flags that are not the program's stay (signal %d, %#lx)", s,
	   flags);
	s = spoiled(spoil_mxcsr);
	ok(s == 0 || s == SIGSEGV, "reserved MXCSR bits do no harm (signal %d)", s);
	__asm__ volatile("ldmxcsr %0" ::"m"((unsigned){ 0x1f80 }));
	s = spoiled(spoil_header);
	ok(s == 0 || s == SIGSEGV, "nor does a bad XSAVE header (signal %d)", s);
	s = spoiled(spoil_pc);
	ok(s == SIGSEGV, "a non-canonical program counter is SIGSEGV (signal %d)", s);
}

static void test_alternate_stack(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	int s = FAULT(__asm__ volatile("movl $8, %%esp; pushq %%rax" ::: "memory"));

	ok(s == SIGSEGV && caught_uc.uc_stack.ss_sp == stack, "a lost stack pointer is caught on the "
	   "alternate stack");
	s = FAULT(__asm__ volatile("movl $8, %%esp; movl $15, %%eax; syscall" ::: "memory"));
	ok(s == SIGSEGV, "sigreturn without a frame is SIGSEGV (signal %d)", s);
}

int main(void)
{
	catch_faults();
	test_exceptions();
	test_signal_keeps();
	test_switch_keeps();
	test_bases();
	test_alternate_stack();
	test_sigreturn();
	return tap_done();
}
#endif
