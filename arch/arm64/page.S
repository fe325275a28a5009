/* SPDX-License-Identifier: MIT */
/* Whole pages of the direct map. */
#include "asm.h"
#include "offsets.h"

#define PAGE 4096

/* arch_page_clear(page): DC ZVA clears 64 bytes at once on most CPUs. Eight fit a page if they are no larger than 512. */
func arch_page_clear
	mrs	x1, dczid_el0
	and	x1, x1, #0x1f		/* bit 4: prohibited */
	cmp	x1, #7
	b.hi	2f
	mov	x2, #4
	lsl	x1, x2, x1
1:
	.rept	8
	dc	zva, x0
	add	x0, x0, x1
	.endr
	tst	x0, #(PAGE - 1)
	b.ne	1b
	ret
2:	stp	xzr, xzr, [x0], #16
	stp	xzr, xzr, [x0], #16
	stp	xzr, xzr, [x0], #16
	stp	xzr, xzr, [x0], #16
	tst	x0, #(PAGE - 1)
	b.ne	2b
	ret
endfunc arch_page_clear

	.arch_extension fp
	.arch_extension simd

/* 128 bytes at x1 + from, to the same place at x0. */
.macro copy_128 from, last
	ldp	q0, q1, [x1, #\from]
	ldp	q2, q3, [x1, #\from + 32]
	ldp	q4, q5, [x1, #\from + 64]
	ldp	q6, q7, [x1, #\from + 96]\last
	stp	q0, q1, [x0, #\from]
	stp	q2, q3, [x0, #\from + 32]
	stp	q4, q5, [x0, #\from + 64]
	stp	q6, q7, [x0, #\from + 96]\last
.endm

/*
 * arch_page_copy(dst, src): by SIMD registers, which are the user's and therefore saved here. A thread of the kernel would lose them
 * at a switch (arch_switch), so there is none meanwhile; interrupt handlers that come here save what they find.
 * The last access of a round moves the pointers, by pre-index.
 */
func arch_page_copy
	mrs	x2, tpidr_el1
	ldr	w3, [x2, #HEAD_PREEMPT]
	add	w4, w3, #1
	str	w4, [x2, #HEAD_PREEMPT]
	stp	q0, q1, [sp, #-128]!
	stp	q2, q3, [sp, #32]
	stp	q4, q5, [sp, #64]
	stp	q6, q7, [sp, #96]
	add	x5, x1, #PAGE - 32
	sub	x0, x0, #32
	sub	x1, x1, #32
1:	copy_128 32
	copy_128 160
	copy_128 288
	copy_128 416, !
	cmp	x1, x5
	b.ne	1b
	ldp	q2, q3, [sp, #32]
	ldp	q4, q5, [sp, #64]
	ldp	q6, q7, [sp, #96]
	ldp	q0, q1, [sp], #128
	str	w3, [x2, #HEAD_PREEMPT]
	cbnz	w3, 2f
	ldr	x4, [x2, #HEAD_WORK]
	tbnz	x4, #0, 3f		/* HEAD_WORK_RESCHED */
2:	ret
3:	b	sched_preempt_late
endfunc arch_page_copy
