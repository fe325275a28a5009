/* SPDX-License-Identifier: MIT */
/*
 * Exceptions. Every entry builds a struct trapframe on the kernel stack: at its top from user mode, so
 * that SP_EL1 is back at the top when the user runs. A system call comes from the vector straight to
 * its function with interrupts on; 48 instructions of this file run for one: it leaves x18 to x29 in
 * the registers, as C functions give them back (x18 they do not touch). Whoever looks at a whole frame
 * finds one: they are saved for a call in syscall_table as syscall_whole, for a thread that is traced,
 * and before user_work(), and then loaded from the frame at the end.
 *
 * A kernel stack that overflows is found at the next EL1 entry, by comparing SP with the thread's
 * stack; the report then runs on an emergency stack of this CPU.
 */
#include "asm.h"
#include "offsets.h"

#define ESR_EC_SHIFT	26
#define EC_SVC64	0x15
#define EMERGENCY_SHIFT	13		/* trap.c asserts the size */

/* Registers to the frame: those that C functions may change, but for x0 and x1; */
.macro save_scratch
	stp	x2, x3, [sp, #16 * 1]
	stp	x4, x5, [sp, #16 * 2]
	stp	x6, x7, [sp, #16 * 3]
	stp	x8, x9, [sp, #16 * 4]
	stp	x10, x11, [sp, #16 * 5]
	stp	x12, x13, [sp, #16 * 6]
	stp	x14, x15, [sp, #16 * 7]
	stp	x16, x17, [sp, #16 * 8]
.endm

/* those that they leave. */
.macro save_preserved
	stp	x18, x19, [sp, #16 * 9]
	stp	x20, x21, [sp, #16 * 10]
	stp	x22, x23, [sp, #16 * 11]
	stp	x24, x25, [sp, #16 * 12]
	stp	x26, x27, [sp, #16 * 13]
	stp	x28, x29, [sp, #16 * 14]
.endm

.macro restore_scratch
	ldp	x2, x3, [sp, #16 * 1]
	ldp	x4, x5, [sp, #16 * 2]
	ldp	x6, x7, [sp, #16 * 3]
	ldp	x8, x9, [sp, #16 * 4]
	ldp	x10, x11, [sp, #16 * 5]
	ldp	x12, x13, [sp, #16 * 6]
	ldp	x14, x15, [sp, #16 * 7]
	ldp	x16, x17, [sp, #16 * 8]
.endm

.macro restore_preserved
	ldp	x18, x19, [sp, #16 * 9]
	ldp	x20, x21, [sp, #16 * 10]
	ldp	x22, x23, [sp, #16 * 11]
	ldp	x24, x25, [sp, #16 * 12]
	ldp	x26, x27, [sp, #16 * 13]
	ldp	x28, x29, [sp, #16 * 14]
.endm

.macro enter_from_user
	stp	x0, x1, [sp, #-FRAME_SIZE]!
	save_scratch
	mrs	x9, sp_el0
	mrs	x10, elr_el1
	mrs	x11, spsr_el1
	stp	x30, x9, [sp, #FRAME_LR]
	stp	x10, x11, [sp, #FRAME_PC]
.endm

/* All but x0, x1 and what save_preserved saves. */
.macro leave_to_user
	ldp	x10, x11, [sp, #FRAME_PC]
	ldp	x30, x9, [sp, #FRAME_LR]
	msr	elr_el1, x10
	msr	spsr_el1, x11
	msr	sp_el0, x9
	restore_scratch
.endm

/* Not a system call: nothing to restart. Backtraces end here. */
.macro no_syscall
	save_preserved
	mov	x3, #-1
	str	x3, [sp, #FRAME_SYSCALL]
	mov	x29, xzr
.endm

/* The frame has its room already. Its last two words, in the kernel, are a frame record, so that backtraces go through it. */
.macro enter_from_kernel
	stp	x0, x1, [sp]
	save_scratch
	save_preserved
	add	x9, sp, #FRAME_SIZE
	mrs	x10, elr_el1
	mrs	x11, spsr_el1
	stp	x30, x9, [sp, #FRAME_LR]
	stp	x10, x11, [sp, #FRAME_PC]
	stp	x29, x10, [sp, #FRAME_ORIG_X0]
	add	x29, sp, #FRAME_ORIG_X0
.endm

.macro vector name
	.balign	128
\name:
.endm

/* Nothing that we know how to go on from: report. */
.macro vector_bad reason
	.balign	128
	sub	sp, sp, #FRAME_SIZE
	enter_from_kernel
	mov	x0, sp
	mov	x1, #\reason
	mrs	x2, esr_el1
	mrs	x3, far_el1
	bl	trap_bad
.endm

	.section .text.vectors, "ax"
	.balign	2048
	.globl	vectors
vectors:
	vector_bad 0			/* EL1 with SP_EL0: never used */
	vector_bad 1
	vector_bad 2
	vector_bad 3

	vector	vector_el1_sync
	sub	sp, sp, #FRAME_SIZE
	msr	sp_el0, x0		/* scratch: the user's is saved */
	mrs	x0, tpidr_el1
	ldr	x0, [x0, #HEAD_STACK_TOP]
	sub	x0, sp, x0
	add	x0, x0, #STACK_SIZE	/* offset in the stack, if sp is in it */
	cmp	x0, #STACK_SIZE
	b.hs	stack_overflow
	mrs	x0, sp_el0
	b	el1_sync

	vector	vector_el1_irq
	sub	sp, sp, #FRAME_SIZE
	enter_from_kernel
	b	el1_irq

	vector_bad 6
	vector_bad 7

	vector	vector_el0_sync
	enter_from_user
	mrs	x12, esr_el1
	lsr	x13, x12, #ESR_EC_SHIFT
	cmp	x13, #EC_SVC64
	b.ne	el0_sync
	stp	x0, x8, [sp, #FRAME_ORIG_X0]
	msr	daifclr, #2
	mov	x0, sp
	mrs	x9, tpidr_el1
	ldr	w9, [x9, #HEAD_CALLS]
	cmp	w8, w9			/* the number is an int */
	b.hs	syscall_whole
	adrp	x10, syscall_table	/* at the beginning of a page */
	ldr	x9, [x10, w8, uxtw #3]
	blr	x9
	b	syscall_return

	vector	vector_el0_irq
	enter_from_user
	no_syscall
	bl	trap_irq
	b	return_to_user

	vector_bad 10

	vector	vector_el0_serror
	enter_from_user
	b	el0_serror

	vector_bad 12			/* 32-bit user code: cannot happen, no frame says so */
	vector_bad 13
	vector_bad 14
	vector_bad 15

	.text
/* FAR is read before an interrupt may change it. */
el0_sync:
	no_syscall
	mrs	x2, far_el1
	mov	x1, x12
	mov	x0, sp
	msr	daifclr, #2
	bl	trap_user
	b	return_to_user

el0_serror:
	no_syscall
	mrs	x1, esr_el1
	mov	x0, sp
	msr	daifclr, #2
	bl	trap_user_serror
	b	return_to_user

/* Unknown or traced, or a call for which the table has this: x0 = the frame, which is to be whole. */
	.globl	syscall_whole
syscall_whole:
	save_preserved
	mov	x29, xzr
	bl	syscall_dispatch
	b	return_to_user

/* arch_enter_user(frame) */
func arch_enter_user
	mov	sp, x0
	mov	x29, xzr
	b	return_to_user
endfunc arch_enter_user

/* x0 = the result. The frame does not hold it, nor x18 to x29, unless there is work. */
syscall_return:
	msr	daifset, #2
	mrs	x1, tpidr_el1
	ldr	x1, [x1, #HEAD_WORK]
	cbnz	x1, 1f
	leave_to_user
	ldp	xzr, x1, [sp], #FRAME_SIZE
	eret
1:	str	x0, [sp]
	save_preserved
	mov	x29, xzr
	b	return_work

/* Through a whole frame. */
return_to_user:
	msr	daifset, #2
	mrs	x1, tpidr_el1
	ldr	x1, [x1, #HEAD_WORK]
	cbnz	x1, return_work
1:	restore_preserved
	leave_to_user
	ldp	x0, x1, [sp], #FRAME_SIZE
	eret
return_work:
	mov	x0, sp
	bl	user_work
	b	1b

el1_sync:
	enter_from_kernel
	mov	x0, sp
	mrs	x1, esr_el1
	mrs	x2, far_el1
	bl	trap_kernel
	b	return_to_kernel

el1_irq:
	bl	trap_irq
	bl	trap_irq_preempt
return_to_kernel:
	ldp	x10, x11, [sp, #FRAME_PC]
	ldr	x30, [sp, #FRAME_LR]
	msr	elr_el1, x10
	msr	spsr_el1, x11
	restore_scratch
	restore_preserved
	ldp	x0, x1, [sp], #FRAME_SIZE
	eret

/* x0 is in SP_EL0; TPIDRRO_EL0, which users only read as 0, has to lend itself, as nothing returns from here. */
stack_overflow:
	msr	tpidrro_el0, x1
	mov	x1, sp
	mrs	x0, tpidr_el1
	ldr	w0, [x0, #HEAD_CPU]
	add	x0, x0, #1
	lsl	x0, x0, #EMERGENCY_SHIFT
	adr_l	x30, emergency_stacks
	add	x0, x0, x30
	mov	sp, x0
	sub	sp, sp, #FRAME_SIZE
	mrs	x0, sp_el0
	msr	sp_el0, x1
	mrs	x1, tpidrro_el0
	enter_from_kernel
	mov	x0, sp
	mrs	x1, esr_el1
	mrs	x2, far_el1
	mrs	x3, sp_el0
	bl	trap_stack

/* A new thread's first instructions, from arch_switch(): x0 = the thread that ran before. */
func thread_entry_user
	bl	thread_started
	b	return_to_user
endfunc thread_entry_user

func thread_entry_kernel
	bl	thread_started
	mov	x0, x20
	blr	x19
	brk	#0
endfunc thread_entry_kernel
