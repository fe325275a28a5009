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

// All general registers of a whole frame, where rsp is; then that is at rip, for iretq.
.macro LOAD_REGISTERS
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
.endm

/* ------------------------------------------------------------------ system calls */

// A call leaves the callee-saved registers where they are, as C functions give them back, and rcx and
// r11, which it gives away, to sysret. Whoever looks at a whole frame finds one: it is completed for a
// call in syscall_table as syscall_whole, for a thread that is traced, and before user_work(), and
// such a call returns by iret.
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
	subq	$FRAME_RDX, %rsp
	movq	%r8, FRAME_R8(%rsp)
	movq	%r9, FRAME_R9(%rsp)
	movq	%r10, FRAME_R10(%rsp)
	movq	%rsp, %rdi
	sti
	movq	CPU_SELF, %rcx
	cmpq	%rax, HEAD_CALLS(%rcx)		// of more than 32 bits: that a number is an int, C sees to
	jbe	syscall_slow
	call	*syscall_table(, %rax, 8)
	cli
	movq	CPU_SELF, %rcx
	cmpq	$0, HEAD_WORK(%rcx)
	jne	syscall_work

// rip is canonical: the program has just run the instruction before it.
return_sysret:
	movq	FRAME_R8(%rsp), %r8
	movq	FRAME_R9(%rsp), %r9
	movq	FRAME_R10(%rsp), %r10
	movq	FRAME_RDX(%rsp), %rdx
	movq	FRAME_RSI(%rsp), %rsi
	movq	FRAME_RDI(%rsp), %rdi
	movq	FRAME_RIP(%rsp), %rcx
	movq	FRAME_RFLAGS(%rsp), %r11
	movq	FRAME_RSP(%rsp), %rsp
	swapgs
	sysretq

// Completes the frame, where the callee-saved registers are the user's.
syscall_complete:
	movq	FRAME_RIP + 8(%rsp), %rcx
	movq	FRAME_RFLAGS + 8(%rsp), %r11
	movq	%rax, FRAME_RAX + 8(%rsp)
	movq	%rcx, FRAME_RCX + 8(%rsp)
	movq	%r11, FRAME_R11 + 8(%rsp)
	movq	%rbx, FRAME_RBX + 8(%rsp)
	movq	%rbp, FRAME_RBP + 8(%rsp)
	movq	%r12, FRAME_R12 + 8(%rsp)
	movq	%r13, FRAME_R13 + 8(%rsp)
	movq	%r14, FRAME_R14 + 8(%rsp)
	movq	%r15, FRAME_R15 + 8(%rsp)
	movq	$FRAME_NO_EXCEPTION_VECTOR, 8(%rsp)
	ret

// A call for which the table has this, which has been called; or unknown, or traced. rdi = the frame.
SYM(syscall_whole)
	addq	$8, %rsp
syscall_slow:
	call	syscall_complete
	call	syscall_dispatch
	movq	%rsp, %rdi
	jmp	arch_enter_user

// rax = the result; interrupts off.
syscall_work:
	call	syscall_complete

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
	LOAD_REGISTERS
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
	.balign 16
	pushq	%rdi
	jmp	trap_page_fault
	.elseif (v >= 10 && v <= 13) || v == 17 || v == 21 || v == 29 || v == 30
	STUB v, 1, trap_common
	.else
	STUB v, 0, trap_common
	.endif
	.set v, v + 1
	.endr
	.balign 16

// Builds the frame and calls the handler, which may turn interrupts on if this came from user mode; back
// there from here, to the kernel below. In the kernel an interrupt's handler also lets another thread run
// if it is time.
.macro TRAP from_user, from_kernel
	cld
	CLAC
	SAVE_REST
	pushq	%rdi				// vector
	movq	%rsp, %rdi
	testb	$3, FRAME_CS(%rsp)
	jz	1f
	swapgs
	call	\from_user
	cli
	movq	CPU_SELF, %rax
	cmpq	$0, HEAD_WORK(%rax)
	je	return_iret
	jmp	return_work
1:	call	\from_kernel
	jmp	trap_kernel_return
.endm

trap_common:
	TRAP	x86_trap, x86_trap
trap_page_fault:				// the handler says which vector
	TRAP	x86_user_page_fault, x86_kernel_page_fault

trap_kernel_return:
	LOAD_REGISTERS
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
