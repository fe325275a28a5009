// SPDX-License-Identifier: MIT
/*
 * In and out of the kernel: system calls, exceptions and interrupts, the switch of threads.
 *
 * Every way in builds a struct trapframe; from user mode it lies at the very top of the thread's
 * stack. GS is the CPU's in the kernel and the user's in user mode: swapgs on each crossing. Double
 * fault, NMI and machine check may come between a crossing and its swapgs: they run on stacks of
 * their own and do not use GS.
 */
#include "asm.h"

	.text

/* ------------------------------------------------------------------ system calls */

SYM(syscall_entry)
	swapgs
	movq	%rsp, CPU_USER_SP
	movq	CPU_KERNEL_SP, %rsp
	pushq	$0x2b				// ss
	pushq	CPU_USER_SP
	pushq	%r11				// rflags
	pushq	$0x33				// cs
	pushq	%rcx				// rip
	pushq	%rax				// orig_rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	$FRAME_SYSCALL_VECTOR
	movq	%rsp, %rdi
	sti
	movq	CPU_SELF, %rcx
	movl	%eax, %eax			// the number is an int
	cmpl	$CALLS, %eax
	jae	syscall_slow
	testb	$THREAD_TRACE_BIT, HEAD_WORK(%rcx)
	jnz	syscall_slow
	call	*syscall_table + 8(, %rax, 8)
	movq	%rax, FRAME_RAX(%rsp)
syscall_done:
	cli
	movq	CPU_SELF, %rax
	cmpq	$0, HEAD_WORK(%rax)
	jne	return_work
	cmpl	$FRAME_SYSCALL_VECTOR, (%rsp)
	jne	return_iret

// The frame is as syscall left it but for results: callee-saved registers still hold the user's
// values; rcx and r11 are syscall's to clobber. rip is canonical: only syscall and
// restarts set it in such a frame.
return_sysret:
	addq	$64, %rsp			// vector, r15..r12, rbp, rbx, r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	movq	8(%rsp), %rcx
	movq	24(%rsp), %r11
	movq	32(%rsp), %rsp
	swapgs
	sysretq

// Unknown or traced.
syscall_slow:
	call	syscall_dispatch
	jmp	syscall_done

/* ------------------------------------------------------------------ back to user mode */

// rsp = the frame, at the top of the stack; interrupts off.
return_work:
	movq	%rsp, %rdi
	call	user_work
// user_work may have changed any register of the frame.
return_iret:
	movq	FRAME_RIP(%rsp), %rax
	shrq	$47, %rax
	jnz	return_bad_pc
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	addq	$8, %rsp
	swapgs
	iretq

// iretq would fault in the kernel: the program gets its signal here instead.
return_bad_pc:
	movq	%rsp, %rdi
	call	x86_bad_pc
	cli
	jmp	return_work

SYM(arch_enter_user)
	movq	%rdi, %rsp
	xorl	%ebp, %ebp
	cli
	movq	CPU_SELF, %rax
	cmpq	$0, HEAD_WORK(%rax)
	jne	return_work
	jmp	return_iret

/* ------------------------------------------------------------------ exceptions and interrupts */

// On entry: the CPU's frame, an error code (or 0), and the vector in place of r15's slot below.
.macro SAVE_REST
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
.endm

.macro STUB vector, error, to
	.balign 16
	.if \error == 0
	pushq	$0
	.endif
	pushq	%rdi
	movl	$\vector, %edi
	jmp	\to
.endm

// 256 stubs of 16 bytes. With error code: 8, 10-14, 17, 21, 29, 30.
	.balign 16
	.globl trap_stubs
trap_stubs:
	.set v, 0
	.rept 256
	.if v == 8
	STUB 8, 1, trap_paranoid
	.elseif v == 2 || v == 18
	STUB v, 0, trap_paranoid
	.elseif v == 14
	STUB v, 1, trap_page_fault
	.elseif (v >= 10 && v <= 13) || v == 17 || v == 21 || v == 29 || v == 30
	STUB v, 1, trap_common
	.else
	STUB v, 0, trap_common
	.endif
	.set v, v + 1
	.endr
	.balign 16

// Builds the frame and calls the handler; back to user mode from here, to the kernel below. In the
// kernel an interrupt's handler also lets another thread run if it is time.
.macro TRAP handler
	cld
	CLAC
	SAVE_REST
	pushq	%rdi				// vector
	movq	%rsp, %rdi
	testb	$3, FRAME_CS(%rsp)
	jz	1f
	swapgs
	call	\handler
	movq	CPU_SELF, %rax
	cmpq	$0, HEAD_WORK(%rax)
	jne	return_work
	jmp	return_iret
1:	call	\handler
	jmp	trap_kernel_return
.endm

trap_common:
	TRAP	x86_trap
trap_page_fault:
	TRAP	x86_page_fault

trap_kernel_return:
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	addq	$8, %rsp
	iretq

// On a stack of its own; GS may be anyone's: x86_trap_paranoid() does not count on it.
trap_paranoid:
	cld
	CLAC
	SAVE_REST
	pushq	%rdi
	movq	%rsp, %rdi
	call	x86_trap_paranoid
	jmp	trap_kernel_return

/* ------------------------------------------------------------------ threads */

// void *switch_stacks(u64 *save_sp, u64 next_sp, void *prev): returns prev, on the other side.
SYM(switch_stacks)
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	movq	%rdx, %rax
	ret

// A new user thread's first steps; rax = the thread that ran before, the frame above.
SYM(thread_user_start)
	movq	%rax, %rdi
	call	thread_started
	movq	%rsp, %rdi
	jmp	arch_enter_user

// A new kernel thread's: rbx = fn, r12 = its argument.
SYM(thread_kernel_start)
	movq	%rax, %rdi
	call	thread_started
	movq	%r12, %rdi
	call	*%rbx
	ud2
