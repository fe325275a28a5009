/* SPDX-License-Identifier: MIT */
/*
 * The vDSO: one page that every program finds mapped, read-only and executable, and whose address
 * AT_SYSINFO_EHDR names. A small shared object, written out by hand: C libraries look its functions
 * up by name. The clocks are computed as arch_clock_ns() does it, from numbers in the page's last
 * words, which the kernel fills in (clock.c). What it does not know it asks the kernel.
 *
 * Leaves out symbol versions: the libraries that ask for one take a name without.
 */
#include "asm.h"

#define NR_GETTIMEOFDAY		96
#define NR_CLOCK_GETTIME	228
#define NR_CLOCK_GETRES		229

/* Bit n: clock n. REALTIME 0, MONOTONIC 1, MONOTONIC_RAW 4, the coarse ones 5 and 6, BOOTTIME 7. */
#define CLOCKS			0xf3
#define CLOCKS_REAL		0x21
#define CLOCK_LAST		7

#define ET_DYN			3
#define EM_X86_64		62
#define PT_LOAD			1
#define PT_DYNAMIC		2
#define PF_RX			5
#define DT_HASH			4
#define DT_STRTAB		5
#define DT_SYMTAB		6
#define DT_STRSZ		10
#define DT_SYMENT		11
#define DT_SONAME		14
#define GLOBAL_FUNC		0x12
#define TEXT_SECTION		1		// any but 0, which means undefined

	.section .rodata, "a"
	.globl	arch_vdso_page
	.balign	4096
arch_vdso_page:
	.ascii	"\177ELF"
	.byte	2, 1, 1, 0			// 64 bits, little-endian, version 1
	.quad	0
	.short	ET_DYN, EM_X86_64
	.long	1
	.quad	0
	.quad	segments - arch_vdso_page
	.quad	0
	.long	0
	.short	64, 56, 2, 64, 0, 0

segments:
	.long	PT_LOAD, PF_RX
	.quad	0, 0, 0, 4096, 4096, 4096
	.long	PT_DYNAMIC, PF_RX
	.quad	dynamic - arch_vdso_page, dynamic - arch_vdso_page, dynamic - arch_vdso_page
	.quad	dynamic_end - dynamic, dynamic_end - dynamic, 8

dynamic:
	.quad	DT_SONAME, name_self - names
	.quad	DT_HASH, hash - arch_vdso_page
	.quad	DT_STRTAB, names - arch_vdso_page
	.quad	DT_SYMTAB, symbols - arch_vdso_page
	.quad	DT_STRSZ, names_end - names
	.quad	DT_SYMENT, 24
	.quad	0, 0
dynamic_end:

.macro SYMBOL label
	.long	name_\label - names
	.byte	GLOBAL_FUNC, 0
	.short	TEXT_SECTION
	.quad	\label - arch_vdso_page, \label\()_end - \label
.endm

symbols:
	.quad	0, 0, 0
	SYMBOL	clock_gettime
	SYMBOL	gettimeofday
	SYMBOL	time
	SYMBOL	clock_getres

// One bucket: all symbols in one chain.
hash:
	.long	1, 5, 1
	.long	0, 2, 3, 4, 0

names:
	.byte	0
name_self:		.asciz "linux-vdso.so.1"
name_clock_gettime:	.asciz "__vdso_clock_gettime"
name_gettimeofday:	.asciz "__vdso_gettimeofday"
name_time:		.asciz "__vdso_time"
name_clock_getres:	.asciz "__vdso_clock_getres"
names_end:

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

	.org	arch_vdso_page + VDSO_DATA
ns_per_tick:		.quad 0		// struct vdso_data
realtime_offset:	.quad 0
