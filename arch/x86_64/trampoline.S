// SPDX-License-Identifier: MIT
/*
 * Where starting CPUs begin: in real mode, at a page below 1 MiB that this code is copied to
 * (smp.c), with CS = page >> 4. All may run it at once: it writes nothing and needs no stack. Its
 * tables map the page where it is, read-only, and the kernel.
 */
#include "asm.h"

#define HERE(label) (label - trampoline)

	.section .rodata
	.globl trampoline, trampoline_end, trampoline_fixups, trampoline_root
	.balign 16
trampoline:
	.code16
	cli
	cld
	xorl	%ebx, %ebx
	movw	%cs, %bx
	movw	%bx, %ds
	shll	$4, %ebx			// our physical address
	lgdtl	HERE(gdt_pointer)
	movl	$0x11, %eax			// PE, ET
	movl	%eax, %cr0
	ljmpl	*HERE(to_32)

	.code32
in_32:	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %ss
	movl	$0x20, %eax			// PAE
	movl	%eax, %cr4
	movl	HERE(trampoline_root)(%ebx), %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$(1 << 8 | 1 << 11), %eax	// EFER: LME, NXE
	wrmsr
	movl	$0x80010033, %eax		// PG, WP, NE, ET, MP, PE
	movl	%eax, %cr0
	ljmpl	*HERE(to_64)(%ebx)

	.code64
in_64:	movq	$x86_secondary_entry, %rax
	jmp	*%rax

	.balign 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.short gdt_pointer - gdt - 1
	.long HERE(gdt)
to_32:	.long HERE(in_32)
	.short 0x08
to_64:	.long HERE(in_64)
	.short 0x10
trampoline_root:
	.long 0
trampoline_end:

// Offsets of the words that get the page's address added.
trampoline_fixups:
	.long HERE(gdt_pointer) + 2, HERE(to_32), HERE(to_64), 0

// Long mode, the kernel's addresses, no stack: which CPU is this? x86_cpu_ids[] is in order.
	.text
SYM(x86_secondary_entry)
	movl	$1, %eax
	cpuid
	shrl	$24, %ebx			// initial APIC id, 8 bits
	cmpb	$0, x86_ids_are_wide
	je	1f
	movl	$0xb, %eax
	xorl	%ecx, %ecx
	cpuid
	movl	%edx, %ebx
1:	xorl	%edi, %edi
2:	cmpl	%ebx, x86_cpu_ids(, %rdi, 4)
	je	3f
	incl	%edi
	cmpl	$16, %edi
	jne	2b
4:	hlt					// nobody asked for this one
	jmp	4b
3:	movq	x86_cpu_stacks(, %rdi, 8), %rsp
	xorl	%ebp, %ebp
	call	x86_secondary_start
	ud2
