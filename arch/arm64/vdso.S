/* SPDX-License-Identifier: MIT */
/*
 * The page that every program finds mapped, read-only and executable: the code that a signal handler
 * returns to. Unwinders know a signal frame by these two instructions, so they stay as they are.
 */
#define NR_RT_SIGRETURN 139

	.section .rodata, "a"
	.globl	arch_vdso_page, arch_vdso_sigreturn_offset
	.balign	4096
arch_vdso_page:
	nop				/* unwinders look one instruction back */
sigreturn:
	mov	x8, #NR_RT_SIGRETURN
	svc	#0
	.balign	4096, 0

	.balign	4
arch_vdso_sigreturn_offset:
	.long	sigreturn - arch_vdso_page
