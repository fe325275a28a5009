// SPDX-License-Identifier: MIT
// Signal frames across the edge of a page, at many offsets: into pages that are not there yet, where all registers
// survive; into pages that may not be written; and back from pages that may not be read any more.

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "user/test/tap.h"

// Step and range take the edge through all of a frame: 1.3 KiB, or 4.6 KiB on arm64.
enum { PAGE = 4096, BELOW = 16, SIZE = 24 * PAGE, FIRST = 96, LAST = 4800, STEP = 112, SMALLEST = 1000 };

static char *region, *edge;	// the edge between two pages, with stack below
static volatile int handled;

#ifdef __aarch64__
enum { VECTORS = 32 };

// kill(pid, sig) with a pattern in all SIMD registers, which are then stored.
static void kill_filled(long pid, long sig, uint64_t out[VECTORS][2])
{
	register long x0 __asm__("x0") = pid, x1 __asm__("x1") = sig, x8 __asm__("x8") = SYS_kill;

	__asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
			 "	mov	x9, #1000 + \\n\n"
			 "	dup	v\\n\\().2d, x9\n"
			 ".endr\n"
			 "	svc	#0\n"
			 ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
			 "	str	q\\n, [%3, #16 * \\n]\n"
			 ".endr"
			 : "+r"(x0)
			 : "r"(x1), "r"(x8), "r"(out)
			 : "x9", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11",
			   "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24",
			   "v25", "v26", "v27", "v28", "v29", "v30", "v31");
}

static void spoil_vectors(void)
{
	__asm__ volatile("movi v0.2d, #0\n\tmovi v8.2d, #0\n\tmovi v31.2d, #0" ::: "v0", "v8", "v31");
}

static uintptr_t simd_at(const ucontext_t *uc) { return (uintptr_t)uc->uc_mcontext.__reserved; }
#else
enum { VECTORS = 16 };

static void kill_filled(long pid, long sig, uint64_t out[VECTORS][2])
{
	long nr = SYS_kill;

	__asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
			 "	mov	$1000 + \\n, %%ecx\n"
			 "	movq	%%rcx, %%xmm\\n\n"
			 "	punpcklqdq %%xmm\\n, %%xmm\\n\n"
			 ".endr\n"
			 "	syscall\n"
			 ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
			 "	movups	%%xmm\\n, 16 * \\n(%3)\n"
			 ".endr"
			 : "+a"(nr)
			 : "D"(pid), "S"(sig), "r"(out)
			 : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void spoil_vectors(void)
{
	__asm__ volatile("xorps %%xmm0, %%xmm0\n\txorps %%xmm8, %%xmm8\n\txorps %%xmm15, %%xmm15" ::
			 : "xmm0", "xmm8", "xmm15");
}

static uintptr_t simd_at(const ucontext_t *uc) { return (uintptr_t)uc->uc_mcontext.fpregs; }
#endif

static void on_signal(int sig, siginfo_t *info, void *uc)
{
	spoil_vectors();
	handled++;
}

// Takes away the page behind the edge if SIMD registers are in it, and ends the test if not.
static void on_signal_protect(int sig, siginfo_t *info, void *uc)
{
	uintptr_t at = simd_at(uc), end = (uintptr_t)edge;

	if (at + 512 <= end || at >= end + PAGE)
		_exit(1);
	mprotect(edge, PAGE, PROT_NONE);
}

// A stack whose end is `above` bytes behind the edge.
static void use_stack(int above, void (*handler)(int, siginfo_t *, void *))
{
	region = mmap(nullptr, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	edge = region + BELOW * PAGE;
	stack_t ss = { .ss_sp = region, .ss_size = BELOW * PAGE + (size_t)above };
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (region == MAP_FAILED || sigaltstack(&ss, nullptr) || sigaction(SIGUSR1, &sa, nullptr))
		tap_bail("no stack");
}

static bool survives(int above)
{
	uint64_t after[VECTORS][2] = {};
	int before = handled;

	use_stack(above, on_signal);
	kill_filled(getpid(), SIGUSR1, after);
	munmap(region, SIZE);
	for (unsigned i = 0; i < VECTORS; i++)
		if (after[i][0] != 1000 + i || after[i][1] != 1000 + i)
			return false;
	return handled == before + 1;
}

static int status_of(int above, void (*test)(int))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		test(above);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void protect_and_kill(int pages_behind)
{
	memset(region, 1, SIZE);
	mprotect(edge + pages_behind * PAGE, PAGE, PROT_READ);
	kill(getpid(), SIGUSR1);
}

static void below_read_only(int above)
{
	use_stack(above, on_signal);
	protect_and_kill(-1);
}

static void above_read_only(int above)
{
	use_stack(above, on_signal);
	protect_and_kill((above - 1) / PAGE);
}

static void gone_at_return(int above)
{
	use_stack(above, on_signal_protect);
	kill(getpid(), SIGUSR1);
}

int main(void)
{
	int all = 0, survived = 0, tried = 0, below = 0, above = 0, gone = 0, kept = 0;

	for (int at = FIRST; at < LAST; at += STEP, all++) {
		survived += survives(at);
		if (at < SMALLEST) {
			tried++;
			below += status_of(at, below_read_only) == SIGSEGV;
		}
		above += status_of(at, above_read_only) == SIGSEGV;
		int status = status_of(at, gone_at_return);

		gone += status == SIGSEGV;
		kept += status == 1 << 8;
	}
	ok(survived == all, "%d of %d frames in pages that were not there: all SIMD registers survive", survived, all);
	ok(below == tried, "%d of %d frames that end in a page that may not be written: SIGSEGV", below, tried);
	ok(above == all, "%d of %d frames that begin in one", above, all);
	ok(gone > 3 && gone + kept == all, "%d frames whose SIMD registers are gone: SIGSEGV", gone);
	return tap_done();
}
