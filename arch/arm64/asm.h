/* SPDX-License-Identifier: MIT */
/* What every assembly file says. */
#pragma once

.macro func name
	.globl	\name
	.type	\name, %function
	.balign	16
\name:
.endm

.macro endfunc name
	.size	\name, . - \name
.endm

/* dst = address of sym, as the program counter sees it: physical with the MMU off. */
.macro adr_l dst, sym
	adrp	\dst, \sym
	add	\dst, \dst, :lo12:\sym
.endm

.macro mov64 dst, value
	movz	\dst, #((\value) >> 48 & 0xffff), lsl #48
	movk	\dst, #((\value) >> 32 & 0xffff), lsl #32
	movk	\dst, #((\value) >> 16 & 0xffff), lsl #16
	movk	\dst, #((\value) & 0xffff)
.endm

/* If the instruction at `insn` faults on user memory, go on at `fixup` (uaccess.S). */
.macro extable insn, fixup
	.pushsection .extable, "a"
	.balign	8
	.long	\insn - .
	.long	\fixup - .
	.popsection
.endm
