/* SPDX-License-Identifier: MIT */
/*
 * Entry: from the boot loader (Linux's arm64 boot protocol) to arm64_start() with the MMU on, and the
 * same for secondary CPUs. Entered at EL3, EL2 or EL1 with the MMU off; x0 = device tree.
 *
 * From EL3 we stay in the secure world at EL1: nobody has handed interrupts over to the other one,
 * and GICv2 delivers its group 0 as IRQ to us there. From EL2 we leave EL2 for good.
 *
 * What happens before the C code is told on the early console (early/console.c), exceptions too (early.S).
 *
 * All code up to the jump to the linked address is position-independent; the image may lie at any page
 * (boot loaders that do not read the header put it at 512 KiB). The first tables map it at
 * KERNEL_BASE, W^X from the start, and the 2 MiB that hold its first page at their physical address,
 * read-only, for the moment the MMU is turned on. All else is arm64_start()'s.
 */
#include "asm.h"
#include "offsets.h"

#define PAGE		4096
#define IMAGE_TABLES	8		/* 2 MiB each; kernel.ld asserts it */

/* Entries (pte.h). */
#define PTE_NORMAL	0x703		/* page or table, AF, inner shareable, MAIR_NORMAL */
#define PTE_BLOCK	0x701
#define PTE_RO		0x80
#define PTE_PXN		(1 << 53)
#define PTE_UXN		(1 << 54)
#define PTE_TEXT	(PTE_NORMAL | PTE_RO | PTE_UXN)
#define PTE_RODATA	(PTE_NORMAL | PTE_RO | PTE_UXN | PTE_PXN)
#define PTE_DATA	(PTE_NORMAL | PTE_UXN | PTE_PXN)

/* MAIR: 0 normal write-back, 1 device nGnRE, 2 normal uncached. */
#define MAIR		0x4404ff

/* TCR: both halves 48 bits, 4 KiB, inner shareable, cacheable walks; ASID from TTBR0; TBI0: user pointers may carry tags. */
#define TCR		(16 | 1 << 8 | 1 << 10 | 3 << 12 | 16 << 16 | 1 << 24 | 1 << 26 | 3 << 28 | \
			 2 << 30 | 1 << 37)
#define TCR_AS		(1 << 36)
#define TCR_IPS_SHIFT	32
#define IPS_MAX		5		/* 48 bits: more needs another table format */

/*
 * SCTLR_EL1: M, C, I, stack alignment checks at EL0 and EL1, and for users: cache maintenance (UCI),
 * CTR_EL0 (UCT), DC ZVA (DZE), WFE and WFI without traps. Bits 11, 20, 22, 28, 29 are RES1.
 */
#define SCTLR		(1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 11 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 16 | \
			 1 << 18 | 1 << 20 | 1 << 22 | 1 << 23 | 1 << 26 | 1 << 28 | 1 << 29)
#define SCTLR_SPAN	(1 << 23)	/* 1: an exception leaves PAN alone */
#define SCTLR_MMU_OFF	(1 << 11 | 1 << 20 | 1 << 22 | 1 << 23 | 1 << 28 | 1 << 29)

#define PSTATE_EL1H	0x3c5		/* EL1h, DAIF masked */
#define PSTATE_EL2H	0x3c9

	.section .text.head, "ax"

/* ---- the Image header (Documentation/arch/arm64/booting.rst of Linux) */
	.globl	_start
_start:
	b	boot_entry
	.long	0
	.quad	0			/* text offset: at the 2 MiB boundary itself */
	.quad	_image_size
	.quad	0xa			/* little-endian, 4 KiB pages, anywhere in memory */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

/* A stage is done: one word on the early console (early.h). */
.macro say text
	adr_l	x0, 9f
	bl	early_say
	.pushsection .rodata, "a"
9:	.asciz	"\text"
	.popsection
.endm

boot_entry:
	msr	spsel, #1
	mov	x20, x0			/* device tree */
	mrs	x21, cntvct_el0
	mrs	x22, CurrentEL
	lsr	x22, x22, #2
	adr_l	x23, _start
	bl	early_begin
	mov	x0, x20
	mov	x1, x23
	mov	x2, x22
	bl	early_open
	bl	enter_el1
	adr_l	x0, early_vectors
	msr	vbar_el1, x0
	adr_l	x0, early_stack_top
	mov	sp, x0
	say	" EL1"
	bl	tables_build
	say	", tables"
	bl	tables_clean
	bl	cpu_setup
	ldr	x8, =boot_high
	br	x8

/* ---- linked addresses from here on */
boot_high:
	adr_l	x0, _bss_clear
	adr_l	x1, _bss_clear_end
1:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	1b
	adr_l	x1, vectors
	msr	vbar_el1, x1
	isb
	adr_l	x0, boot_thread
	adr_l	x1, boot_stack_top
	mov	sp, x1
	str	x1, [x0, #HEAD_STACK_TOP]
	msr	tpidr_el1, x0
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x20
	mov	x1, x21
	mov	x2, x22
	mov	x3, x23
	b	arm64_start

/*
 * A secondary CPU: x0 is of no use (a spin table gives none). Its record is found by its MPIDR once the MMU
 * and thus the caches are on.
 */
	.globl	secondary_entry
secondary_entry:
	bl	enter_el1
	bl	cpu_setup
	ldr	x8, =secondary_high
	br	x8

secondary_high:
	mrs	x1, mpidr_el1
	mov64	x2, 0xff00ffffff
	and	x1, x1, x2
	adr_l	x2, cpu_records		/* struct cpu_record { mpidr, idle }, smp.c */
	mov	x3, #MAX_RECORDS
1:	ldp	x4, x5, [x2], #16
	cmp	x4, x1
	b.eq	2f
	subs	x3, x3, #1
	b.ne	1b
3:	wfe				/* unknown CPU: nobody asked for it */
	b	3b
2:	cbz	x5, 3b
	ldr	x1, [x5, #HEAD_STACK_TOP]
	mov	sp, x1
	msr	tpidr_el1, x5
	adr_l	x1, vectors
	msr	vbar_el1, x1
	isb
	mov	x29, xzr
	mov	x30, xzr
	b	arm64_start_secondary

/* Vectors and a stack for the level we were entered at (x22), and clean memory for what runs with the MMU off. */
early_begin:
	mov	x15, x30
	adr_l	x0, early_vectors
	adr_l	x1, early_stack_top
	mov	sp, x1
	cmp	x22, #2
	b.lo	1f
	b.eq	2f
	msr	vbar_el3, x0
	isb
	bl	join_coherency
	b	3f
2:	msr	vbar_el2, x0
	b	3f
1:	msr	vbar_el1, x0
3:	isb
	bl	tables_clean
	adr_l	x0, _bss
	adr_l	x1, _bss_clear
4:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	4b
	ret	x15

/*
 * At EL3: a Cortex-A53, A57, A72 or A73 takes part in coherency only when CPUECTLR_EL1.SMPEN says so, and that before its
 * caches are on or maintained (DDI 0488, 4.3.67). Firmware that enters below EL3 has done it.
 */
join_coherency:
	mrs	x10, midr_el1
	ubfx	x11, x10, #24, #8
	cmp	x11, #0x41
	b.ne	2f
	ubfx	x11, x10, #4, #12
	mov	x10, #0xd03
	cmp	x11, x10
	b.lo	2f
	mov	x10, #0xd09
	cmp	x11, x10
	b.hi	2f
	mov	x10, #0xd06		/* 0xd04 to 0xd06 have no such bit */
	cmp	x11, x10
	b.hi	1f
	mov	x10, #0xd03
	cmp	x11, x10
	b.ne	2f
1:	mrs	x10, s3_1_c15_c2_1
	orr	x10, x10, #(1 << 6)
	msr	s3_1_c15_c2_1, x10
	isb
2:	ret

/*
 * Leaves EL3 or EL2 for EL1 and returns there. Clobbers x9 to x12.
 */
enter_el1:
	mrs	x9, CurrentEL
	cmp	x9, #(3 << 2)
	b.eq	from_el3
	cmp	x9, #(2 << 2)
	b.eq	from_el2
	mov64	x10, SCTLR_MMU_OFF
	msr	sctlr_el1, x10
	isb
	ret

from_el3:
	mov	x12, x30
	bl	join_coherency
	mov	x30, x12
	mov	x10, #(1 << 10 | 1 << 5 | 1 << 4)	/* EL1 is AArch64, RES1; NS = 0 */
	msr	scr_el3, x10
	msr	cptr_el3, xzr
	msr	mdcr_el3, xzr
	mrs	x10, id_aa64pfr0_el1
	ubfx	x10, x10, #24, #4
	cbz	x10, 1f
	mov	x10, #0xf				/* ICC_SRE_EL3: SRE, DFB, DIB, Enable */
	msr	s3_6_c12_c12_5, x10
	isb
1:	mov64	x10, SCTLR_MMU_OFF
	msr	sctlr_el1, x10
	mov	x10, #PSTATE_EL1H
	msr	spsr_el3, x10
	msr	elr_el3, x30
	eret

from_el2:
	mov	x10, #(1 << 31)				/* HCR_EL2: EL1 is AArch64, nothing trapped */
	msr	hcr_el2, x10
	isb
	mrs	x10, cnthctl_el2
	orr	x10, x10, #3				/* EL1 may use the physical counter and timer */
	msr	cnthctl_el2, x10
	msr	cntvoff_el2, xzr
	mov	x10, #0x33ff				/* CPTR_EL2: RES1 bits, no traps */
	msr	cptr_el2, x10
	msr	hstr_el2, xzr
	mrs	x10, pmcr_el0
	ubfx	x10, x10, #11, #5			/* MDCR_EL2.HPMN = PMCR.N: all counters EL1's */
	msr	mdcr_el2, x10
	msr	vttbr_el2, xzr
	mrs	x10, midr_el1
	msr	vpidr_el2, x10
	mrs	x10, mpidr_el1
	msr	vmpidr_el2, x10
	mrs	x10, id_aa64pfr0_el1
	ubfx	x11, x10, #24, #4			/* GIC system registers? */
	cbz	x11, 1f
	mrs	x11, s3_4_c12_c9_5			/* ICC_SRE_EL2 */
	mov	x10, #9
	orr	x11, x11, x10				/* SRE, Enable */
	msr	s3_4_c12_c9_5, x11
	isb
	msr	s3_4_c12_c11_0, xzr			/* ICH_HCR_EL2 */
1:	mov64	x10, SCTLR_MMU_OFF
	msr	sctlr_el1, x10
	mov	x10, #PSTATE_EL1H
	msr	spsr_el2, x10
	msr	elr_el2, x30
	eret

/*
 * The first tables, written to memory past the caches (they are off, and may hold stale lines of
 * these addresses: tables_clean() throws those away before and after).
 */
tables_clean:
	adr_l	x0, _bss
	adr_l	x1, _bss_clear
	mrs	x2, ctr_el0
	ubfx	x2, x2, #16, #4
	mov	x3, #4
	lsl	x3, x3, x2			/* smallest data line */
	dmb	sy
1:	dc	ivac, x0
	add	x0, x0, x3
	cmp	x0, x1
	b.lo	1b
	dsb	sy
	ret

/* Fills slots of pages from x1 (physical) to x2 with attributes x3, the table run starting at x0. Clobbers x4, x5. */
map_pages:
	adr_l	x4, _start
	sub	x4, x1, x4
	lsr	x4, x4, #12			/* page number in the image */
1:	cmp	x1, x2
	b.hs	2f
	orr	x5, x1, x3
	str	x5, [x0, x4, lsl #3]
	add	x4, x4, #1
	add	x1, x1, #PAGE
	b	1b
2:	ret

/* *(table + slot) = next | 3 */
.macro link table, slot, next
	adr_l	x0, \table
	adr_l	x1, \next
	orr	x1, x1, #3
	mov	x2, #\slot
	str	x1, [x0, x2, lsl #3]
.endm

tables_build:
	mov	x15, x30
	link	kernel_root, 511, image_l2
	link	image_l2, 0, image_l1
	adr_l	x0, image_l1
	adr_l	x1, image_l0
	orr	x1, x1, #3
	mov	x2, #IMAGE_TABLES
1:	str	x1, [x0], #8
	add	x1, x1, #PAGE
	subs	x2, x2, #1
	b.ne	1b

	adr_l	x0, image_l0
	adr_l	x1, _text
	adr_l	x2, _etext
	mov64	x3, PTE_TEXT
	bl	map_pages
	adr_l	x1, _rodata
	adr_l	x2, _erodata
	mov64	x3, PTE_RODATA
	bl	map_pages
	adr_l	x1, _data
	adr_l	x2, _end
	mov64	x3, PTE_DATA
	bl	map_pages

	/* The identity map: the block that holds the image's first page, where this code is. */
	adr_l	x4, _start
	and	x4, x4, #~0x1fffff
	adr_l	x0, identity_l1
	ubfx	x2, x4, #21, #9
	mov64	x3, (PTE_BLOCK | PTE_RO | PTE_UXN)
	orr	x1, x4, x3
	str	x1, [x0, x2, lsl #3]
	adr_l	x1, identity_l2
	ubfx	x2, x4, #30, #9
	orr	x0, x0, #3
	str	x0, [x1, x2, lsl #3]
	adr_l	x0, identity_root
	ubfx	x2, x4, #39, #9
	orr	x1, x1, #3
	str	x1, [x0, x2, lsl #3]
	ret	x15

/*
 * System registers of this CPU, then the MMU on; returns to its physical address. What is stale in
 * the TLB and the instruction cache goes first.
 */
cpu_setup:
	mov	x9, #(3 << 20)			/* CPACR: SIMD without traps */
	msr	cpacr_el1, x9
	mov	x9, #2				/* CNTKCTL: users read the virtual counter */
	msr	cntkctl_el1, x9
	msr	mdscr_el1, xzr
	mrs	x9, id_aa64dfr0_el1
	ubfx	x9, x9, #8, #4			/* a PMU that we know how to keep from users? */
	sub	x9, x9, #1
	cmp	x9, #13
	b.hi	1f
	msr	pmuserenr_el0, xzr
1:	msr	tpidr_el0, xzr
	msr	tpidrro_el0, xzr
	msr	contextidr_el1, xzr

	mov64	x9, MAIR
	msr	mair_el1, x9
	mov64	x9, TCR
	mrs	x10, id_aa64mmfr0_el1
	and	x11, x10, #0xf			/* physical addresses */
	cmp	x11, #IPS_MAX
	mov	x12, #IPS_MAX
	csel	x11, x11, x12, ls
	orr	x9, x9, x11, lsl #TCR_IPS_SHIFT
	ubfx	x11, x10, #4, #4		/* 2: 16-bit ASIDs */
	cmp	x11, #2
	b.ne	1f
	mov64	x11, TCR_AS
	orr	x9, x9, x11
1:	msr	tcr_el1, x9
	adr_l	x10, identity_root
	msr	ttbr0_el1, x10
	adr_l	x10, kernel_root
	msr	ttbr1_el1, x10
	isb
	tlbi	vmalle1
	ic	iallu
	dsb	nsh
	isb

	mov64	x9, SCTLR
	mrs	x10, id_aa64mmfr1_el1
	ubfx	x10, x10, #20, #4
	cbz	x10, 1f
	mov64	x11, SCTLR_SPAN			/* PAN: on at every exception, and now */
	bic	x9, x9, x11
	.arch_extension pan
	msr	pan, #1
1:	msr	sctlr_el1, x9
	isb
	ic	iallu
	dsb	nsh
	isb
	ret

	.ltorg

/* ---- tables, in the order of their levels; smp.c and mmu.c use kernel_root */
	.section .bss.early, "aw", %nobits
	.balign	PAGE
	.globl	kernel_root, image_l1, image_l0
kernel_root:	.skip PAGE
image_l2:	.skip PAGE
image_l1:	.skip PAGE
image_l0:	.skip PAGE * IMAGE_TABLES
identity_root:	.skip PAGE
identity_l2:	.skip PAGE
identity_l1:	.skip PAGE

	.skip	PAGE
early_stack_top:

/* The boot stack; mmu.c unmaps the page below it. */
	.section .bss, "aw", %nobits
	.balign	PAGE
	.globl	boot_stack_guard, boot_stack_top
boot_stack_guard: .skip PAGE
	.skip	STACK_SIZE
boot_stack_top:
