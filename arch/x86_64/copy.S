// SPDX-License-Identifier: MIT
/*
 * User copies and whole pages. A fault at an instruction marked EX continues at its fix-up when the
 * address cannot be made good (trap.c); rsi, rdi and the counts then tell exactly how far it got.
 *
 * `rep movsq` where it pays: one instruction for eight bytes, and fast on every CPU.
 */
#include "asm.h"

	.text

// size_t arch_copy_*_user(dst, src, n): rdx is always the number of bytes that are left (inside
// rep: less rcx * 8).
SYM(arch_copy_from_user)
SYM(arch_copy_to_user)
	STAC
	cmpq	$64, %rdx
	jae	2f
1:	cmpq	$8, %rdx
	jb	copy_tail
	EX(copy_bytes) movq (%rsi), %rax
	EX(copy_bytes) movq %rax, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	subq	$8, %rdx
	jmp	1b
2:	movq	%rdx, %rcx
	shrq	$3, %rcx
	andl	$7, %edx
	EX(copy_rep_fault) rep movsq
copy_tail:
	testb	$4, %dl
	jz	3f
	EX(copy_bytes) movl (%rsi), %eax
	EX(copy_bytes) movl %eax, (%rdi)
	addq	$4, %rsi
	addq	$4, %rdi
	subq	$4, %rdx
3:	testq	%rdx, %rdx
	jnz	copy_bytes
	CLAC
	xorl	%eax, %eax
	ret
copy_rep_fault:
	leaq	(%rdx, %rcx, 8), %rdx
copy_bytes:
	EX(copy_end) movb (%rsi), %al
	EX(copy_end) movb %al, (%rdi)
	incq	%rsi
	incq	%rdi
	decq	%rdx
	jnz	copy_bytes
copy_end:
	CLAC
	movq	%rdx, %rax
	ret

// size_t arch_clear_user(dst, n)
SYM(arch_clear_user)
	STAC
	xorl	%eax, %eax
	movq	%rsi, %rcx
	shrq	$3, %rcx
	andl	$7, %esi
	EX(clear_rep_fault) rep stosq
	jmp	2f
clear_rep_fault:
	leaq	(%rsi, %rcx, 8), %rsi
1:	EX(clear_end) movb $0, (%rdi)
	incq	%rdi
	decq	%rsi
2:	testq	%rsi, %rsi
	jnz	1b
clear_end:
	CLAC
	movq	%rsi, %rax
	ret

// long arch_strncpy_from_user(dst, src, n). Eight bytes at a time while there are eight: those
// behind the terminator are copied too, inside n. A load that faults is done again by bytes, since
// the string may end before the bad page.
SYM(arch_strncpy_from_user)
	STAC
	movq	%rsi, %r8
	movabsq	$0x0101010101010101, %r9
	movabsq	$0x8080808080808080, %r10
1:	cmpq	$8, %rdx
	jb	2f
	EX(2f) movq (%rsi), %rax
	movq	%rax, (%rdi)
	movq	%rax, %rcx
	notq	%rcx
	subq	%r9, %rax
	andq	%rcx, %rax
	andq	%r10, %rax
	jnz	4f
	addq	$8, %rsi
	addq	$8, %rdi
	subq	$8, %rdx
	jmp	1b
2:	testq	%rdx, %rdx
	jz	5f
	EX(6f) movb (%rsi), %al
	movb	%al, (%rdi)
	testb	%al, %al
	jz	5f
	incq	%rsi
	incq	%rdi
	decq	%rdx
	jmp	2b
4:	bsfq	%rax, %rax
	shrl	$3, %eax
	addq	%rax, %rsi
5:	CLAC
	movq	%rsi, %rax
	subq	%r8, %rax
	ret
6:	CLAC
	movq	$-14, %rax			// -EFAULT
	ret

// int arch_user_load64(uaddr, *value)
SYM(arch_user_load64)
	STAC
	EX(word_fault) movq (%rdi), %rcx
	CLAC
	movq	%rcx, (%rsi)
	xorl	%eax, %eax
	ret

// int arch_user_store64(uaddr, value)
SYM(arch_user_store64)
	STAC
	EX(word_fault) movq %rsi, (%rdi)
	CLAC
	xorl	%eax, %eax
	ret

// int arch_user_load32(uaddr, *value)
SYM(arch_user_load32)
	STAC
	EX(word_fault) movl (%rdi), %ecx
	CLAC
	movl	%ecx, (%rsi)
	xorl	%eax, %eax
	ret

// int arch_user_cmpxchg32(uaddr, old, new, *found)
SYM(arch_user_cmpxchg32)
	STAC
	movl	%esi, %eax
	movq	%rcx, %r8
	EX(word_fault) lock cmpxchgl %edx, (%rdi)
	CLAC
	movl	%eax, (%r8)
	xorl	%eax, %eax
	ret
word_fault:
	CLAC
	movl	$-14, %eax
	ret

// int fpu_user_save(where, features, image_size), where the image's header is zero already (fpu.c)
SYM(fpu_user_save)
	movq	%rdx, %rcx
	movl	%esi, %eax
	xorl	%edx, %edx
	STAC
	EX(word_fault) xsave64 (%rdi)
	EX(word_fault) orq $3, 512(%rdi)	// XFEATURE_X87 | XFEATURE_SSE
	EX(word_fault) movl $0x46505845, (%rdi, %rcx)	// XSTATE_MAGIC2
	CLAC
	xorl	%eax, %eax
	ret

// int fpu_user_load(where, features): -EFAULT also for what XRSTOR refuses
SYM(fpu_user_load)
	movl	%esi, %eax
	xorl	%edx, %edx
	STAC
	EX(word_fault) xrstor64 (%rdi)
	CLAC
	xorl	%eax, %eax
	ret

SYM(arch_page_clear)
	xorl	%eax, %eax
	movl	$512, %ecx
	rep stosq
	ret

SYM(arch_page_clear_from)
	xorl	%eax, %eax
	andl	$-8, %esi
	movl	$4096, %ecx
	subl	%esi, %ecx
	shrl	$3, %ecx
	addq	%rsi, %rdi
	rep stosq
	ret

SYM(arch_page_copy)
	movl	$512, %ecx
	rep movsq
	ret
