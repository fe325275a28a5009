/* SPDX-License-Identifier: MIT */
/*
 * What a Raspberry Pi 4's firmware leaves in memory at 0 and all four CPUs start with, at EL3. LEVEL 2: as today's firmware
 * does, interrupts go to the other world and the kernel is entered at EL2. LEVEL 3: entered at once. (QEMU's controller knows
 * no two worlds: there the kernel takes the interrupts back.)
 * The others wait for an address in their words of the spin table, at 0xd8, each in the tree.
 */
#define GIC 0xff840000
#define GICD_CTLR 0x1000
#define GICD_IGROUPR 0x1080
#define GICC_CTLR 0x2000
#define GICC_PMR 0x2004

	.globl	_start
_start:
	b	1f
	.org	0xd8
table:	.quad	0, 0, 0, 0

1:	mrs	x6, mpidr_el1
	and	x6, x6, #3
#if LEVEL == 2
	ldr	x1, =GIC
	mov	w2, #~0
	mov	w3, #GICC_PMR
	mov	w4, #0xff
	str	w4, [x1, x3]
	mov	w3, #GICC_CTLR
	mov	w4, #0x1e7
	str	w4, [x1, x3]
	mov	w3, #GICD_CTLR
	mov	w4, #3
	str	w4, [x1, x3]
	mov	w3, #GICD_IGROUPR
	add	x3, x1, x3
	mov	x4, #8
2:	str	w2, [x3], #4
	subs	x4, x4, #1
	b.ne	2b
	mov	x1, #0x5b1		/* SCR_EL3: NS, HCE, SMD, RW, RES1 */
	msr	scr_el3, x1
	mov	x1, #0x33ff
	msr	cptr_el2, x1
	msr	cptr_el3, xzr
	mov	x1, #0x3c9
	msr	spsr_el3, x1
	adr	x1, 3f
	msr	elr_el3, x1
	eret
3:
#endif
	cbz	x6, 5f
	adr	x5, table
4:	wfe
	ldr	x4, [x5, x6, lsl #3]
	cbz	x4, 4b
	br	x4
5:	ldr	x4, =KERNEL
	ldr	x0, =TREE
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	br	x4
	.ltorg
