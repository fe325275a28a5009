/* SPDX-License-Identifier: MIT */
/*
 * Exceptions between the entry and the C code's vectors: early_fault() reports them on the early console, MMU off.
 * In the image's first page, the only one that is sure to be mapped at its physical address when the MMU goes on
 * (kernel.ld asserts it), so that the vectors serve before and after.
 */
#include "asm.h"

/* dst = the register of the exception level we are at, by way of \dst. */
.macro mrs_level dst, reg
	mrs	\dst, CurrentEL
	cmp	\dst, #(2 << 2)
	b.lo	1f
	b.eq	2f
	mrs	\dst, \reg\()_el3
	b	3f
2:	mrs	\dst, \reg\()_el2
	b	3f
1:	mrs	\dst, \reg\()_el1
3:
.endm

	.section .text.early, "ax"
/* Nothing is returned to but early_probe(), at this same level, so no register is kept. */
early_exception:
	mrs	x9, sctlr_el1
	bic	x9, x9, #1		/* M: the stack and the port are at physical addresses */
	msr	sctlr_el1, x9
	isb
	mrs_level x1, elr
	adr	x9, early_probe
	cmp	x1, x9
	b.eq	probe_failed
	mrs_level x0, esr
	mrs_level x2, far
	mrs	x3, CurrentEL
	lsr	x3, x3, #2
	bl	early_fault
1:	wfe
	b	1b

/* bool early_probe(u64 address): does a word there answer? */
	.globl	early_probe
early_probe:
	ldr	w9, [x0]
	dsb	sy
	mov	w0, #1
	ret
probe_failed:
	mov	w0, #0
	ret

	.section .text.early.vectors, "ax"
	.balign	2048
	.globl	early_vectors
early_vectors:
	.rept	16
	.balign	128
	b	early_exception
	.endr
