/* SPDX-License-Identifier: MIT */
/*
 * The vDSO: one page that every program finds mapped, read-only and executable, and whose address
 * AT_SYSINFO_EHDR names. It is a small shared object, written out by hand: C libraries look its functions up
 * by name. The clocks are computed here as arch_clock_ns() does it; what that takes is in the page's
 * last words, which the kernel fills in (vdso_data.c). A signal handler returns to __kernel_rt_sigreturn.
 *
 * Leaves out symbol versions: the libraries that ask for one take a name without.
 */
#include "asm.h"
#include "offsets.h"

#define NR_CLOCK_GETTIME	113
#define NR_CLOCK_GETRES		114
#define NR_RT_SIGRETURN		139
#define NR_GETTIMEOFDAY		169

/* Bit n: clock n. REALTIME 0, MONOTONIC 1, MONOTONIC_RAW 4, REALTIME_COARSE 5, MONOTONIC_COARSE 6, BOOTTIME 7 */
#define CLOCKS			0xf3
#define CLOCKS_REAL		0x21
#define CLOCK_LAST		7

#define ET_DYN			3
#define EM_AARCH64		183
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
#define TEXT_SECTION		1		/* any but 0, which means undefined */

	.section .rodata, "a"
	.globl	arch_vdso_page, arch_vdso_sigreturn_offset
	.balign	4096
arch_vdso_page:
	.ascii	"\177ELF"
	.byte	2, 1, 1, 0			/* 64 bits, little-endian, version 1 */
	.quad	0
	.short	ET_DYN, EM_AARCH64
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

.macro symbol label
	.long	name_\label - names
	.byte	GLOBAL_FUNC, 0
	.short	TEXT_SECTION
	.quad	\label - arch_vdso_page, \label\()_end - \label
.endm

symbols:
	.quad	0, 0, 0
	symbol	clock_gettime
	symbol	gettimeofday
	symbol	clock_getres
	symbol	sigreturn

/* One bucket: all symbols in one chain. */
hash:
	.long	1, 5, 1
	.long	0, 2, 3, 4, 0

names:
	.byte	0
name_self:		.asciz "linux-vdso.so.1"
name_clock_gettime:	.asciz "__kernel_clock_gettime"
name_gettimeofday:	.asciz "__kernel_gettimeofday"
name_clock_getres:	.asciz "__kernel_clock_getres"
name_sigreturn:		.asciz "__kernel_rt_sigreturn"
names_end:

/* x3 = nanoseconds since boot, x6 = what makes them real time. */
.macro clock_read
	isb
	mrs	x3, cntvct_el0
	adr	x4, data
	ldp	x5, x6, [x4]
	mul	x7, x3, x5
	umulh	x3, x3, x5
	extr	x3, x3, x7, #32
.endm

/* \whole = x3 / 10^9, \rest = what is left over. */
.macro seconds whole, rest
	mov	x5, #(1000000000 & 0xffff)
	movk	x5, #(1000000000 >> 16), lsl #16
	udiv	\whole, x3, x5
	msub	\rest, \whole, x5, x3
.endm

	.balign	16
clock_gettime:
	cmp	w0, #CLOCK_LAST
	b.hi	1f
	mov	w2, #CLOCKS
	lsr	w2, w2, w0
	tbz	w2, #0, 1f
	clock_read
	mov	w2, #CLOCKS_REAL
	lsr	w2, w2, w0
	tst	w2, #1
	csel	x6, x6, xzr, ne
	add	x3, x3, x6
	seconds	x6, x7
	stp	x6, x7, [x1]
	mov	w0, #0
	ret
1:	mov	x8, #NR_CLOCK_GETTIME
	svc	#0
	ret
clock_gettime_end:

	.balign	16
gettimeofday:
	cbz	x0, 1f
	cbnz	x1, 1f
	clock_read
	add	x3, x3, x6
	seconds	x6, x7
	mov	x5, #1000
	udiv	x7, x7, x5
	stp	x6, x7, [x0]
	mov	w0, #0
	ret
1:	mov	x8, #NR_GETTIMEOFDAY
	svc	#0
	ret
gettimeofday_end:

	.balign	16
clock_getres:
	mov	x8, #NR_CLOCK_GETRES
	svc	#0
	ret
clock_getres_end:

/* Unwinders know a signal frame by these two instructions, and look one instruction back. */
	.balign	16
	nop
sigreturn:
	mov	x8, #NR_RT_SIGRETURN
	svc	#0
sigreturn_end:

	.org	arch_vdso_page + VDSO_DATA
data:	.quad	0, 0			/* struct vdso_data */
	.balign	4096, 0

arch_vdso_sigreturn_offset:
	.long	sigreturn - arch_vdso_page
