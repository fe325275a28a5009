/* SPDX-License-Identifier: MIT */
/* Whole pages of the direct map. */
#include "asm.h"

#define PAGE 4096

/* arch_page_clear(page): DC ZVA clears 64 bytes at once on most CPUs. Eight fit a page if they are no larger than 512. */
func arch_page_clear
	mrs	x1, dczid_el0
	and	x1, x1, #0x1f		/* bit 4: prohibited */
	cmp	x1, #7
	b.hi	clear_pairs
	mov	x2, #4
	lsl	x1, x2, x1
clear_blocks:
	.rept	8
	dc	zva, x0
	add	x0, x0, x1
	.endr
	tst	x0, #(PAGE - 1)
	b.ne	clear_blocks
	ret
clear_pairs:
	stp	xzr, xzr, [x0], #16
	stp	xzr, xzr, [x0], #16
	stp	xzr, xzr, [x0], #16
	stp	xzr, xzr, [x0], #16
	tst	x0, #(PAGE - 1)
	b.ne	clear_pairs
	ret
endfunc arch_page_clear

/* arch_page_clear_from(page, from): the same, by whole rounds. */
func arch_page_clear_from
	mrs	x3, dczid_el0
	and	x3, x3, #0x1f
	cmp	x3, #7
	b.hi	3f
	mov	x2, x1
	mov	x1, #4
	lsl	x1, x1, x3
	neg	x3, x1, lsl #3
	and	x2, x2, x3
	add	x0, x0, x2
	b	clear_blocks
3:	and	x1, x1, #~63
	add	x0, x0, x1
	b	clear_pairs
endfunc arch_page_clear_from

/* 128 bytes at x1 + from, to the same place at x0, of which \at addresses the first 16, last. C leaves x18 to the user (entry.S),
 * and so does this; the SIMD registers would halve it, but are the user's as well. */
.macro copy_128 from, at:vararg
	ldp	x2, x3, [x1, #\from + 112]
	ldp	x4, x5, [x1, #\from + 96]
	ldp	x6, x7, [x1, #\from + 80]
	ldp	x8, x9, [x1, #\from + 64]
	ldp	x10, x11, [x1, #\from + 48]
	ldp	x12, x13, [x1, #\from + 32]
	ldp	x14, x15, [x1, #\from + 16]
	ldp	x16, x17, [x1\at
	stp	x2, x3, [x0, #\from + 112]
	stp	x4, x5, [x0, #\from + 96]
	stp	x6, x7, [x0, #\from + 80]
	stp	x8, x9, [x0, #\from + 64]
	stp	x10, x11, [x0, #\from + 48]
	stp	x12, x13, [x0, #\from + 32]
	stp	x14, x15, [x0, #\from + 16]
	stp	x16, x17, [x0\at
.endm

/* arch_page_copy(dst, src): the last access of a round moves the pointers, by post-index. */
func arch_page_copy
1:	copy_128 128, , #128]
	copy_128 0, ], #256
	tst	x1, #(PAGE - 1)
	b.ne	1b
	ret
endfunc arch_page_copy
