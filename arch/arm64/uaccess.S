/* SPDX-License-Identifier: MIT */
/*
 * User memory, by the unprivileged loads and stores: they obey the user's rights on every CPU, with
 * PAN and without. A fault that cannot be resolved continues at the fix-up in .extable, which is in
 * the order of addresses (trap.c searches it by halves).
 *
 * A copy that faults in the middle of a larger step goes over to single bytes from that step's start:
 * so the number that is returned is exact, and no byte before the bad one is missing.
 */
#include "asm.h"
#include "offsets.h"

#define EFAULT 14

.macro user fixup, insn:vararg
.Luser\@:
	\insn
	extable	.Luser\@, \fixup
.endm


/*
 * arch_copy_from_user(dst, src, n), arch_copy_to_user(dst, src, n). x2 counts down what is left, less the size of a step
 * (64, then 16), so that its sign ends the loop; its low bits are right all the time.
 */
func arch_copy_from_user
	subs	x2, x2, #64
	b.lo	2f
1:	user	8f, ldtr x3, [x1]
	user	8f, ldtr x4, [x1, #8]
	user	8f, ldtr x5, [x1, #16]
	user	8f, ldtr x6, [x1, #24]
	user	8f, ldtr x7, [x1, #32]
	user	8f, ldtr x8, [x1, #40]
	user	8f, ldtr x9, [x1, #48]
	user	8f, ldtr x10, [x1, #56]
	stp	x3, x4, [x0], #64
	stp	x5, x6, [x0, #-48]
	stp	x7, x8, [x0, #-32]
	stp	x9, x10, [x0, #-16]
	add	x1, x1, #64
	subs	x2, x2, #64
	b.hs	1b
2:	adds	x2, x2, #64 - 16
	b.mi	4f
3:	user	9f, ldtr x3, [x1]
	user	9f, ldtr x4, [x1, #8]
	stp	x3, x4, [x0], #16
	add	x1, x1, #16
	subs	x2, x2, #16
	b.hs	3b
4:	tbz	w2, #3, 5f
	user	9f, ldtr x3, [x1]
	str	x3, [x0], #8
	add	x1, x1, #8
5:	ands	x2, x2, #7
	b.eq	7f
	tbz	w2, #2, 6f
	user	6f, ldtr w3, [x1]
	str	w3, [x0], #4
	add	x1, x1, #4
	ands	x2, x2, #3
	b.eq	7f
6:	user	7f, ldtrb w3, [x1]
	strb	w3, [x0], #1
	add	x1, x1, #1
	subs	x2, x2, #1
	b.ne	6b
7:	mov	x0, x2
	ret
8:	add	x2, x2, #64 - 16
9:	add	x2, x2, #16
	b	6b
endfunc arch_copy_from_user

func arch_copy_to_user
	subs	x2, x2, #64
	b.lo	2f
1:	ldp	x3, x4, [x1], #64
	ldp	x5, x6, [x1, #-48]
	ldp	x7, x8, [x1, #-32]
	ldp	x9, x10, [x1, #-16]
	user	8f, sttr x3, [x0]
	user	8f, sttr x4, [x0, #8]
	user	8f, sttr x5, [x0, #16]
	user	8f, sttr x6, [x0, #24]
	user	8f, sttr x7, [x0, #32]
	user	8f, sttr x8, [x0, #40]
	user	8f, sttr x9, [x0, #48]
	user	8f, sttr x10, [x0, #56]
	add	x0, x0, #64
	subs	x2, x2, #64
	b.hs	1b
2:	adds	x2, x2, #64 - 16
	b.mi	4f
3:	ldp	x3, x4, [x1], #16
	user	9f, sttr x3, [x0]
	user	9f, sttr x4, [x0, #8]
	add	x0, x0, #16
	subs	x2, x2, #16
	b.hs	3b
4:	tbz	w2, #3, 5f
	ldr	x3, [x1]
	user	10f, sttr x3, [x0]
	add	x1, x1, #8
	add	x0, x0, #8
5:	ands	x2, x2, #7
	b.eq	7f
	tbz	w2, #2, 6f
	ldr	w3, [x1]
	user	6f, sttr w3, [x0]
	add	x1, x1, #4
	add	x0, x0, #4
	ands	x2, x2, #3
	b.eq	7f
6:	ldrb	w3, [x1]
	user	7f, sttrb w3, [x0]
	add	x1, x1, #1
	add	x0, x0, #1
	subs	x2, x2, #1
	b.ne	6b
7:	mov	x0, x2
	ret
8:	add	x2, x2, #64 - 16
	sub	x1, x1, #64 - 16
9:	sub	x1, x1, #16
10:	add	x2, x2, #16
	b	6b
endfunc arch_copy_to_user

/* arch_clear_user(dst, n) */
func arch_clear_user
	cmp	x1, #64
	b.lo	2f
1:	user	6f, sttr xzr, [x0]
	user	6f, sttr xzr, [x0, #8]
	user	6f, sttr xzr, [x0, #16]
	user	6f, sttr xzr, [x0, #24]
	user	6f, sttr xzr, [x0, #32]
	user	6f, sttr xzr, [x0, #40]
	user	6f, sttr xzr, [x0, #48]
	user	6f, sttr xzr, [x0, #56]
	add	x0, x0, #64
	sub	x1, x1, #64
	cmp	x1, #64
	b.hs	1b
2:	subs	x1, x1, #8
	b.lo	5f
3:	user	5f, sttr xzr, [x0]
	add	x0, x0, #8
	subs	x1, x1, #8
	b.hs	3b
5:	add	x1, x1, #8
6:	cbz	x1, 8f
7:	user	8f, sttrb wzr, [x0]
	add	x0, x0, #1
	subs	x1, x1, #1
	b.ne	7b
8:	mov	x0, x1
	ret
endfunc arch_clear_user

/*
 * arch_strncpy_from_user(dst, src, n): eight bytes at a time. (x - 0x01…) & ~x & 0x80… has its lowest
 * bit in the first zero byte of x.
 */
func arch_strncpy_from_user
	mov	x3, x0
	mov	x8, #0x0101010101010101
1:	subs	x2, x2, #8
	b.lo	3f
	user	3f, ldtr x4, [x1]
	sub	x5, x4, x8
	bic	x5, x5, x4
	str	x4, [x0]
	ands	x5, x5, #0x8080808080808080
	b.ne	2f
	add	x0, x0, #8
	add	x1, x1, #8
	b	1b
2:	rev	x5, x5
	clz	x5, x5
	sub	x0, x0, x3
	add	x0, x0, x5, lsr #3
	ret
3:	add	x2, x2, #8
	cbz	x2, 5f
4:	user	6f, ldtrb w4, [x1]
	strb	w4, [x0]
	cbz	w4, 5f
	add	x0, x0, #1
	add	x1, x1, #1
	subs	x2, x2, #1
	b.ne	4b
5:	sub	x0, x0, x3
	ret
6:	mov	x0, #-EFAULT
	ret
endfunc arch_strncpy_from_user

/* arch_user_load64(uaddr, value), arch_user_store64(uaddr, value), arch_user_load32(uaddr, value) */
func arch_user_load64
	user	1f, ldtr x2, [x0]
	str	x2, [x1]
	mov	w0, #0
	ret
1:	mov	w0, #-EFAULT
	ret
endfunc arch_user_load64

func arch_user_store64
	user	1f, sttr x1, [x0]
	mov	w0, #0
	ret
1:	mov	w0, #-EFAULT
	ret
endfunc arch_user_store64

func arch_user_load32
	user	1f, ldtr w2, [x0]
	str	w2, [x1]
	mov	w0, #0
	ret
1:	mov	w0, #-EFAULT
	ret
endfunc arch_user_load32

/*
 * arch_user_cmpxchg32(uaddr, old, new, found). Exclusive accesses have no unprivileged form: PAN is
 * lifted around them (x5: this CPU has it), and a plain unprivileged load asks for the user's right
 * to read first. Fully ordered, as futexes need.
 */
func arch_user_cmpxchg32
	.arch_extension pan
	adrp	x5, cpu_has_pan
	ldrb	w5, [x5, :lo12:cpu_has_pan]
	user	4f, ldtr w6, [x0]
	cbz	w5, 1f
	msr	pan, #0
1:	user	3f, ldaxr w6, [x0]
	cmp	w6, w1
	b.ne	2f
	user	3f, stlxr w7, w2, [x0]
	cbnz	w7, 1b
2:	dmb	ish
	str	w6, [x3]
	mov	w0, #0
	b	5f
3:	clrex
4:	mov	w0, #-EFAULT
5:	cbz	w5, 6f
	msr	pan, #1
6:	ret
endfunc arch_user_cmpxchg32

/* All SIMD registers below `end`. \op is stp or ldp. */
.macro user_simd fixup, op, end
	user	\fixup, \op q0, q1, [\end, #-512]
	user	\fixup, \op q2, q3, [\end, #-480]
	user	\fixup, \op q4, q5, [\end, #-448]
	user	\fixup, \op q6, q7, [\end, #-416]
	user	\fixup, \op q8, q9, [\end, #-384]
	user	\fixup, \op q10, q11, [\end, #-352]
	user	\fixup, \op q12, q13, [\end, #-320]
	user	\fixup, \op q14, q15, [\end, #-288]
	user	\fixup, \op q16, q17, [\end, #-256]
	user	\fixup, \op q18, q19, [\end, #-224]
	user	\fixup, \op q20, q21, [\end, #-192]
	user	\fixup, \op q22, q23, [\end, #-160]
	user	\fixup, \op q24, q25, [\end, #-128]
	user	\fixup, \op q26, q27, [\end, #-96]
	user	\fixup, \op q28, q29, [\end, #-64]
	user	\fixup, \op q30, q31, [\end, #-32]
.endm

/*
 * Signal frames: sigframe.c asserts the layout. SIMD registers have no unprivileged accesses: PAN is lifted as above, and both ends
 * of the record are written, or read, with the user's rights first. If another thread changes the mapping in between, writing
 * faults where the user may not write any more, and what is read is the program's own.
 */
	.arch_extension fp
	.arch_extension simd

#define SIMD_RECORD_SIZE 528
#define SIMD_RECORD_HEAD SIMD_RECORD_SIZE << 32 | 0x46508001

/* user_context_save(context, frame, fault_address): registers, SIMD record, the empty record that ends them. 0 or -EFAULT. */
func user_context_save
	user	3f, sttr x2, [x0]
	add	x0, x0, #8
	.irp	at, 0,16,32,48,64,80,96,112,128,144,160,176,192,208,224,240
	ldp	x3, x4, [x1, #\at]
	user	3f, sttr x3, [x0, #\at]
	user	3f, sttr x4, [x0, #\at + 8]
	.endr
	ldp	x3, x4, [x1, #FRAME_PC]
	add	x0, x0, #FRAME_PC
	user	3f, sttr x3, [x0]
	user	3f, sttr x4, [x0, #8]
	mov64	x3, SIMD_RECORD_HEAD
	mrs	x4, fpsr
	mrs	x5, fpcr
	orr	x4, x4, x5, lsl #32
	add	x6, x0, #24 + SIMD_RECORD_SIZE
	user	3f, sttr x3, [x0, #24]
	user	3f, sttr x4, [x0, #32]
	user	3f, sttr xzr, [x6]
	adrp	x5, cpu_has_pan
	ldrb	w5, [x5, :lo12:cpu_has_pan]
	cbz	w5, 1f
	msr	pan, #0
1:	user_simd 2f, stp, x6
	mov	w0, #0
	b	context_end
2:	mov	w0, #-EFAULT
	b	context_end
3:	mov	w0, #-EFAULT
	ret
endfunc user_context_save

/* user_context_load(frame, registers, simd): x0 to pc; what follows the head of the SIMD record. 0 or -EFAULT. */
func user_context_load
	.irp	at, 0,16,32,48,64,80,96,112,128,144,160,176,192,208,224,240
	user	3b, ldtr x3, [x1, #\at]
	user	3b, ldtr x4, [x1, #\at + 8]
	stp	x3, x4, [x0, #\at]
	.endr
	add	x1, x1, #FRAME_PC
	user	3b, ldtr x3, [x1]
	str	x3, [x0, #FRAME_PC]
	user	3b, ldtr x3, [x2]
	add	x6, x2, #8 + 512
	user	3b, ldtr x4, [x6, #-8]
	adrp	x5, cpu_has_pan
	ldrb	w5, [x5, :lo12:cpu_has_pan]
	cbz	w5, 1f
	msr	pan, #0
1:	user_simd 2b, ldp, x6
	lsr	x4, x3, #32
	msr	fpsr, x3
	msr	fpcr, x4
	mov	w0, #0
context_end:
	cbz	w5, 4f
	msr	pan, #1
4:	ret
endfunc user_context_load

/* arch_device_read32(reg, value): a register that may not be there. The bus says so by an external abort (trap.c). */
func arch_device_read32
	user	1f, ldr w2, [x0]
	str	w2, [x1]
	mov	w0, #1
	ret
1:	mov	w0, #0
	ret
endfunc arch_device_read32
