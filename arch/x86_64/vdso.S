/* SPDX-License-Identifier: MIT */
/*
 * The vDSO: one page that every program finds mapped, read-only and executable, and whose address
 * AT_SYSINFO_EHDR names. A small shared object, written out by hand: C libraries look its functions
 * up by name. The clocks are computed as arch_clock_ns() does it, from numbers in the page's last
 * words, which the kernel fills in (clock.c). What it does not know it asks the kernel.
 *
 * Leaves out a way round the TSC: the kernel's own clock has none, its answer would be no better.
 */
#include "asm.h"

#define NR_GETTIMEOFDAY		96
#define NR_CLOCK_GETTIME	228
#define NR_CLOCK_GETRES		229

/* Bit n: clock n. REALTIME 0, MONOTONIC 1, MONOTONIC_RAW 4, the coarse ones 5 and 6, BOOTTIME 7. */
#define CLOCKS			0xf3
#define CLOCKS_REAL		0x21
#define CLOCK_LAST		7

#define VDSO_MACHINE		62		// EM_X86_64
#define VDSO_PREFIX		"__vdso_"
#define VDSO_VERSION		"LINUX_2.6"
#define VDSO_VERSION_HASH	0x03ae75f6
#define VDSO_FUNCTIONS(X)	\
	X(clock_gettime) X(gettimeofday) X(time) X(clock_getres) X(getcpu)
#include "arch/vdso_elf.h"

// rax = nanoseconds since boot. The fence keeps the counter from being read early.
.macro CLOCK_READ
	lfence
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	mulq	ns_per_tick(%rip)
	shrdq	$32, %rdx, %rax
.endm

// rax = seconds, rdx = the nanoseconds that are left over.
.macro SECONDS
	xorl	%edx, %edx
	movl	$1000000000, %ecx
	divq	%rcx
.endm

	.balign	16
clock_gettime:
	cmpl	$CLOCK_LAST, %edi
	ja	1f
	movl	$CLOCKS, %eax
	btl	%edi, %eax
	jnc	1f
	CLOCK_READ
	movl	$CLOCKS_REAL, %ecx
	btl	%edi, %ecx
	jnc	2f
	addq	realtime_offset(%rip), %rax
2:	SECONDS
	movq	%rax, (%rsi)
	movq	%rdx, 8(%rsi)
	xorl	%eax, %eax
	ret
1:	movl	$NR_CLOCK_GETTIME, %eax
	syscall
	ret
clock_gettime_end:

	.balign	16
gettimeofday:
	testq	%rdi, %rdi
	jz	1f
	testq	%rsi, %rsi
	jnz	1f
	CLOCK_READ
	addq	realtime_offset(%rip), %rax
	SECONDS
	movq	%rax, (%rdi)
	movl	%edx, %eax
	xorl	%edx, %edx
	movl	$1000, %ecx
	divl	%ecx
	movq	%rax, 8(%rdi)
	xorl	%eax, %eax
	ret
1:	movl	$NR_GETTIMEOFDAY, %eax
	syscall
	ret
gettimeofday_end:

	.balign	16
time:
	CLOCK_READ
	addq	realtime_offset(%rip), %rax
	SECONDS
	testq	%rdi, %rdi
	jz	1f
	movq	%rax, (%rdi)
1:	ret
time_end:

	.balign	16
clock_getres:
	movl	$NR_CLOCK_GETRES, %eax
	syscall
	ret
clock_getres_end:

// The limit of a segment that each CPU has for itself is its number (cpu.c). There is one node.
	.balign	16
getcpu:
	movl	$CPU_NUMBER_SELECTOR, %eax
	lsll	%eax, %eax
	testq	%rdi, %rdi
	jz	1f
	movl	%eax, (%rdi)
1:	testq	%rsi, %rsi
	jz	2f
	movl	$0, (%rsi)
2:	xorl	%eax, %eax
	ret
getcpu_end:

	.org	arch_vdso_page + VDSO_DATA
ns_per_tick:		.quad 0		// struct vdso_data
realtime_offset:	.quad 0
	.balign	4096, 0
