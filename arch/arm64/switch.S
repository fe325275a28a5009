/* SPDX-License-Identifier: MIT */
/*
 * Switching threads. The SIMD registers are saved and loaded at once: 32 instructions, against a trap
 * for each thread that uses them (all do, in memcpy).
 */
#include "asm.h"
#include "offsets.h"

	.arch_extension fp
	.arch_extension simd

/* \op is stp or ldp. */
.macro simd_all op, base
	\op	q0, q1, [\base, #SIMD_Q + 32 * 0]
	\op	q2, q3, [\base, #SIMD_Q + 32 * 1]
	\op	q4, q5, [\base, #SIMD_Q + 32 * 2]
	\op	q6, q7, [\base, #SIMD_Q + 32 * 3]
	\op	q8, q9, [\base, #SIMD_Q + 32 * 4]
	\op	q10, q11, [\base, #SIMD_Q + 32 * 5]
	\op	q12, q13, [\base, #SIMD_Q + 32 * 6]
	\op	q14, q15, [\base, #SIMD_Q + 32 * 7]
	\op	q16, q17, [\base, #SIMD_Q + 32 * 8]
	\op	q18, q19, [\base, #SIMD_Q + 32 * 9]
	\op	q20, q21, [\base, #SIMD_Q + 32 * 10]
	\op	q22, q23, [\base, #SIMD_Q + 32 * 11]
	\op	q24, q25, [\base, #SIMD_Q + 32 * 12]
	\op	q26, q27, [\base, #SIMD_Q + 32 * 13]
	\op	q28, q29, [\base, #SIMD_Q + 32 * 14]
	\op	q30, q31, [\base, #SIMD_Q + 32 * 15]
.endm

/* Clobber x10 and x11. */
.macro simd_put base
	mrs	x10, fpsr
	mrs	x11, fpcr
	stp	w10, w11, [\base, #SIMD_FPSR]
	simd_all stp, \base
.endm

.macro simd_get base
	ldp	w10, w11, [\base, #SIMD_FPSR]
	msr	fpsr, x10
	msr	fpcr, x11
	simd_all ldp, \base
.endm

/*
 * arch_switch(prev, prev's registers, next, next's registers): interrupts off; returns prev. The barrier ends prev's cache
 * and TLB maintenance here: its own DSB, on the CPU where it goes on, would not (Arm ARM: DSB waits for what this PE has issued).
 */
func arch_switch
	dsb	ish
	stp	x18, x19, [x1, #16 * 0]		/* x18 is the user's here, too: C does not touch it */
	stp	x20, x21, [x1, #16 * 1]
	stp	x22, x23, [x1, #16 * 2]
	stp	x24, x25, [x1, #16 * 3]
	stp	x26, x27, [x1, #16 * 4]
	stp	x28, x29, [x1, #16 * 5]
	mov	x9, sp
	stp	x30, x9, [x1, #CTX_LR]
	ldr	x9, [x1, #CTX_USER]
	cbz	x9, 1f
	mrs	x9, tpidr_el0
	str	x9, [x1, #CTX_TLS]
	add	x1, x1, #CTX_SIMD
	simd_put x1
1:	ldp	x18, x19, [x3, #16 * 0]
	ldp	x20, x21, [x3, #16 * 1]
	ldp	x22, x23, [x3, #16 * 2]
	ldp	x24, x25, [x3, #16 * 3]
	ldp	x26, x27, [x3, #16 * 4]
	ldp	x28, x29, [x3, #16 * 5]
	ldp	x30, x9, [x3, #CTX_LR]
	mov	sp, x9
	msr	tpidr_el1, x2
	ldr	x9, [x3, #CTX_USER]
	cbz	x9, 2f
	ldr	x9, [x3, #CTX_TLS]
	msr	tpidr_el0, x9
	add	x3, x3, #CTX_SIMD
	simd_get x3
2:	ret
endfunc arch_switch

/* simd_save(struct simd_state *), simd_load(const struct simd_state *) */
func simd_save
	simd_put x0
	ret
endfunc simd_save

func simd_load
	simd_get x0
	ret
endfunc simd_load
