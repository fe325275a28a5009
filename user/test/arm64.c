// SPDX-License-Identifier: MIT
// What arm64 programs see of the machine: exceptions as signals, the signal frame, SIMD registers
// and TLS across signals and switches, the vDSO's clocks, what sigreturn refuses.

#include "user/test/tap.h"

#ifndef __aarch64__
int main(void)
{
	tap_skip("for arm64 only");
	return tap_done();
}
#else
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 2000 };

static sigjmp_buf escape;
static siginfo_t caught;
static mcontext_t caught_context;
static stack_t caught_stack;

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	caught = *info;
	caught_context = ((ucontext_t *)uc)->uc_mcontext;
	caught_stack = ((ucontext_t *)uc)->uc_stack;
	siglongjmp(escape, 1);
}

static void catch_faults(int flags)
{
	int sigs[] = { SIGFPE, SIGILL, SIGTRAP, SIGSEGV, SIGBUS };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | flags };

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

static bool is(int sig, int want, int code, uintptr_t addr)
{
	return sig == want && caught.si_code == code && (uintptr_t)caught.si_addr == addr;
}

static int read_at(uintptr_t addr)
{
	return FAULT(__asm__ volatile("ldrb wzr, [%0]" ::"r"(addr) : "memory"));
}

static void test_memory_faults(void)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t p = (uintptr_t)page;

	ok(is(read_at(0x10), SIGSEGV, SEGV_MAPERR, 0x10), "a null pointer is SEGV_MAPERR");
	ok(is(FAULT(*(volatile char *)(p + 5) = 1), SIGSEGV, SEGV_ACCERR, p + 5),
	   "a write to a read-only page is SEGV_ACCERR");
	ok(caught_context.fault_address == p + 5, "and the frame has its address");
	mprotect(page, 4096, PROT_NONE);
	ok(is(read_at(p), SIGSEGV, SEGV_ACCERR, p), "a read of a PROT_NONE page is SEGV_ACCERR");
	ok(write(STDOUT_FILENO, page, 1) == -1 && errno == EFAULT, "and EFAULT in a system call");
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
	ok(FAULT(((void (*)(void))page)()) == SIGSEGV && caught.si_addr == page,
	   "data is not executable");
	ok(read_at(0xffff000000001000) == SIGSEGV, "the kernel's half is SIGSEGV");
	ok(read_at(0x0056000000000018) == SIGSEGV, "and so is what lies between");
	*(volatile char *)(p | (uintptr_t)0x5a << 56) = 7;
	ok(page[0] == 7, "the top byte of a pointer is a tag");
	ok(is(FAULT(__asm__ volatile("ldxr x1, [%0]" ::"r"(p + 1) : "x1")), SIGBUS, BUS_ADRALN, p + 1),
	   "a misaligned exclusive access is BUS_ADRALN");
	munmap(page, 4096);
}

static void test_exceptions(void)
{
	ok(FAULT(__asm__ volatile(".inst 0")) == SIGILL && caught.si_code == ILL_ILLOPC,
	   "an undefined instruction is ILL_ILLOPC");
	ok(FAULT(__asm__ volatile("mrs x0, sctlr_el1" ::: "x0")) == SIGILL,
	   "a register of the kernel is SIGILL");
	ok(FAULT(__asm__ volatile("brk #7")) == SIGTRAP && caught.si_code == TRAP_BRKPT,
	   "brk is TRAP_BRKPT");
	ok((uintptr_t)caught.si_addr == caught_context.pc, "at its own address");
	ok(FAULT(__asm__ volatile("br %0" ::"r"(2ul))) == SIGBUS || caught.si_signo == SIGSEGV,
	   "a misaligned program counter is caught");
	ok(FAULT(__asm__ volatile("hvc #0")) == SIGILL, "a call of the hypervisor is SIGILL");
}

// A handler that spoils what it may, and looks at the registers it interrupted.
static volatile uint64_t seen_x27;

static void spoil(int sig, siginfo_t *info, void *uc)
{
	seen_x27 = ((ucontext_t *)uc)->uc_mcontext.regs[27];
	__asm__ volatile("movi v0.16b, #0xff; movi v8.16b, #0xee; movi v31.16b, #0xdd\n\t"
			 "msr fpsr, %0" ::"r"(0x1ful) : "v0", "v31");
}

static void test_signal_keeps(void)
{
	struct sigaction sa = { .sa_sigaction = spoil, .sa_flags = SA_SIGINFO };
	uint64_t v0, v31, x27, flags;
	long pid = getpid(), tid = syscall(SYS_gettid);

	sigaction(SIGUSR1, &sa, NULL);
	__asm__ volatile("mov x0, %4; mov x1, %5; mov x2, %6; mov x8, %7; mov x27, #0x1234\n\t"
			 "msr fpsr, xzr; movi v0.16b, #0x11; movi v31.16b, #0x22\n\t"
			 "svc #0\n\t"
			 "mov %0, v0.d[1]; mov %1, v31.d[0]; mov %2, x27; mrs %3, fpsr"
			 : "=&r"(v0), "=&r"(v31), "=&r"(x27), "=&r"(flags)
			 : "r"(pid), "r"(tid), "r"((long)SIGUSR1), "r"((long)SYS_tgkill)
			 : "x0", "x1", "x2", "x8", "x27", "v0", "v31", "memory");
	ok(seen_x27 == 0x1234, "the frame has the registers");
	ok(x27 == 0x1234, "and they come back");
	ok(v0 == 0x1111111111111111 && v31 == 0x2222222222222222 && flags == 0,
	   "so do the SIMD registers");
}

static void *yield_often(void *arg)
{
	uint64_t id = (uintptr_t)arg, tls = 0, lost = 0;

	__asm__ volatile("mrs %0, tpidr_el0" : "=r"(tls));
	for (uint64_t r = 0; r < ROUNDS; r++) {
		uint64_t in = id * 1000003 + r, low, high, now;

		__asm__ volatile("dup v9.2d, %3; dup v20.2d, %3; mov x8, %4; svc #0\n\t"
				 "mov %0, v9.d[0]; mov %1, v20.d[1]; mrs %2, tpidr_el0"
				 : "=&r"(low), "=&r"(high), "=&r"(now)
				 : "r"(in), "r"((long)SYS_sched_yield)
				 : "x0", "x8", "v9", "v20", "memory");
		lost += low != in || high != in || now != tls;
	}
	return (void *)lost;
}

static void test_switch_keeps(void)
{
	pthread_t t[THREADS];
	uintptr_t lost = 0;

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, yield_often, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		void *n;

		pthread_join(t[i], &n);
		lost += (uintptr_t)n;
	}
	ok(lost == 0, "SIMD registers and TLS survive %d switches", THREADS * ROUNDS);
}

static int64_t ns(struct timespec t)
{
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void test_vdso(void)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
					    CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID };

	ok(getauxval(AT_SYSINFO_EHDR) != 0, "there is a vDSO");
	for (unsigned i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		struct timespec before, now, after;

		syscall(SYS_clock_gettime, clocks[i], &before);
		clock_gettime(clocks[i], &now);
		syscall(SYS_clock_gettime, clocks[i], &after);
		ok(ns(before) <= ns(now) && ns(now) <= ns(after),
		   "clock %d is the kernel's", clocks[i]);
	}
}

static void test_alternate_stack(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };

	sigaltstack(&ss, NULL);
	catch_faults(SA_ONSTACK);
	int s = FAULT(__asm__ volatile("mov sp, %0; str x0, [sp, #-16]!" ::"r"(0x100ul)));

	ok(s == SIGSEGV && caught_stack.ss_sp == stack,
	   "a lost stack pointer is caught on the alternate stack");
	s = FAULT(__asm__ volatile("mov sp, %0; mov x8, %1; svc #0" ::"r"(0x100ul),
				   "r"((long)SYS_rt_sigreturn)));
	ok(s == SIGSEGV, "sigreturn without a frame is SIGSEGV (signal %d)", s);
}

// ---- frames that a program has changed

static void (*spoil_frame)(mcontext_t *m);

static void on_spoil(int sig, siginfo_t *info, void *uc)
{
	spoil_frame(&((ucontext_t *)uc)->uc_mcontext);
}

static int spoiled(void (*fn)(mcontext_t *m))
{
	struct sigaction sa = { .sa_sigaction = on_spoil, .sa_flags = SA_SIGINFO };

	spoil_frame = fn;
	sigaction(SIGUSR1, &sa, NULL);
	return FAULT(raise(SIGUSR1));
}

static void into_kernel(mcontext_t *m) { m->pstate = 0x3c5; }
static void into_kernel_code(mcontext_t *m) { m->pc = 0xffffff8000000000; }
static void single_step(mcontext_t *m) { m->pstate |= 1 << 21; }
static uint32_t *records(mcontext_t *m) { return (uint32_t *)m->__reserved; }
static void no_record(mcontext_t *m) { records(m)[0] = 0; }
static void empty_record(mcontext_t *m) { records(m)[0] = 0x1234, records(m)[1] = 0; }
static void long_record(mcontext_t *m) { records(m)[0] = 0x1234, records(m)[1] = 0xfffffff0; }

static void test_sigreturn(void)
{
	int s = spoiled(into_kernel);

	ok(s == 0 || s == SIGSEGV, "a program does not get into the kernel (signal %d)", s);
	ok(FAULT(__asm__ volatile("mrs x0, sctlr_el1" ::: "x0")) == SIGILL, "and is still a program");
	ok(spoiled(into_kernel_code) == SIGSEGV, "an address of the kernel is SIGSEGV");
	s = spoiled(single_step);
	ok(s == 0 || s == SIGSEGV || s == SIGTRAP, "single stepping does no harm (signal %d)", s);
	ok(spoiled(no_record) == SIGSEGV, "a frame without SIMD state is refused");
	ok(spoiled(empty_record) == SIGSEGV, "so is a record of no size");
	ok(spoiled(long_record) == SIGSEGV, "and one that is too long");
}

int main(void)
{
	catch_faults(0);
	test_memory_faults();
	test_exceptions();
	test_signal_keeps();
	test_switch_keeps();
	test_vdso();
	test_alternate_stack();
	test_sigreturn();
	return tap_done();
}
#endif
