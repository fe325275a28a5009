/* SPDX-License-Identifier: MIT */
/*
 * The vDSO: one page that every program finds mapped, read-only and executable, and whose address
 * AT_SYSINFO_EHDR names. It is a small shared object, written out by hand: C libraries look its
 * functions up by name. The clocks are computed here as arch_clock_ns() does it; what that takes is
 * in the page's last words, which the kernel fills in (vdso_data.c). A signal handler returns to
 * __kernel_rt_sigreturn.
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

#define VDSO_MACHINE		183		/* EM_AARCH64 */
#define VDSO_PREFIX		"__kernel_"
#define VDSO_VERSION		"LINUX_2.6.39"
#define VDSO_VERSION_HASH	0x075fcb89
#define VDSO_FUNCTIONS(X)	\
	X(clock_gettime) X(gettimeofday) X(clock_getres) X(rt_sigreturn)
#include "arch/vdso_elf.h"

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
rt_sigreturn:
	mov	x8, #NR_RT_SIGRETURN
	svc	#0
rt_sigreturn_end:

	.org	arch_vdso_page + VDSO_DATA
data:	.quad	0, 0			/* struct vdso_data */
	.balign	4096, 0

	.globl	arch_vdso_sigreturn_offset
arch_vdso_sigreturn_offset:
	.long	rt_sigreturn - arch_vdso_page
