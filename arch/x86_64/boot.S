// SPDX-License-Identifier: MIT
/*
 * From the loader's 32-bit mode to x86_start() in long mode. Two ways in: PVH (QEMU -kernel; Xen's
 * docs/misc/pvh.pandoc) with EBX -> start info, and Multiboot2 with EBX -> tags. Both give flat
 * segments, paging off, and the image where its program headers say.
 *
 * The tables made here map 4 GiB where they are and once more at KERNEL_BASE, all writable; they
 * live until x86_mmu_init() has built the real ones, before kmain().
 */
#include "asm.h"

	.section .multiboot, "a"
	.balign 8
multiboot_header:
	.long 0xe85250d6, 0, multiboot_end - multiboot_header
	.long -(0xe85250d6 + (multiboot_end - multiboot_header))
	.short 3, 0				// entry address
	.long 12, start_multiboot - KERNEL_BASE, 0
	.short 5, 1				// a framebuffer, if there can be one; better this than none
	.long 20, 1024, 768, 32, 0
	.short 0, 0				// end
	.long 8
multiboot_end:

	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18				// XEN_ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.long start_pvh - KERNEL_BASE

	.section .boot.text, "ax"
	.code32
	.globl start_multiboot
start_multiboot:
	movl	$2, %esi
	cmpl	$0x36d76289, %eax
	je	1f
	jmp	halt32
start_pvh:
	movl	$1, %esi
1:	cld
	movl	%ebx, %edi
	movl	$boot_stack_top - KERNEL_BASE, %esp
	movl	$0x80000001, %eax
	cpuid
	testl	$1 << 29, %edx			// long mode
	jz	halt32
	movl	%edx, %ebp

	// 2048 blocks of 2 MiB under four slots of one PDPT, the first GiB again at the top.
	movl	$boot_pd - KERNEL_BASE, %ebx
	movl	$0x83, %eax			// present, writable, block
	xorl	%ecx, %ecx
2:	movl	%eax, (%ebx, %ecx, 8)
	addl	$0x200000, %eax
	incl	%ecx
	cmpl	$2048, %ecx
	jne	2b
	movl	$boot_pdpt - KERNEL_BASE, %edx
	leal	3(%ebx), %eax
	movl	%eax, 510 * 8(%edx)
	movl	%eax, (%edx)
	addl	$0x1000, %eax
	movl	%eax, 8(%edx)
	addl	$0x1000, %eax
	movl	%eax, 16(%edx)
	addl	$0x1000, %eax
	movl	%eax, 24(%edx)
	movl	$boot_root - KERNEL_BASE, %ebx
	leal	3(%edx), %eax
	movl	%eax, (%ebx)
	movl	%eax, 511 * 8(%ebx)

	movl	%cr4, %eax
	orl	$1 << 5, %eax			// PAE
	movl	%eax, %cr4
	movl	%ebx, %cr3
	movl	$0xc0000080, %ecx		// EFER: LME, NXE where there is NX
	rdmsr
	orl	$1 << 8, %eax
	testl	$1 << 20, %ebp
	jz	halt32
	orl	$1 << 11, %eax
	wrmsr
	movl	$0x80010033, %eax		// PG, WP, NE, ET, MP, PE
	movl	%eax, %cr0
	lgdt	boot_gdt_pointer - KERNEL_BASE
	ljmp	$0x10, $3f - KERNEL_BASE

halt32:	hlt
	jmp	halt32

	.code64
3:	movabsq	$start_high, %rax
	jmp	*%rax

	.text
start_high:
	movl	$0x18, %eax
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movq	$boot_stack_top, %rsp
	xorl	%ebp, %ebp
	movl	%esi, %eax			// (kind, info)
	movl	%edi, %esi
	movl	%eax, %edi
	call	x86_start
	ud2

	.section .rodata
	.balign 8
boot_gdt:
	.quad 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_pointer:
	.short boot_gdt_pointer - boot_gdt - 1
	.long boot_gdt - KERNEL_BASE

// The page below the stack is never mapped (mmu.c).
	.section .bss
	.balign 4096
	.globl boot_stack_guard, boot_stack_top
boot_stack_guard:
	.skip 4096
	.skip 16384
boot_stack_top:
boot_root:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pd:
	.skip 4 * 4096
