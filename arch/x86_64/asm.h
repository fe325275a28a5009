// SPDX-License-Identifier: MIT
/* Constants that assembly shares with C; the C side asserts each. */
#pragma once

#define KERNEL_BASE 0xffffffff80000000

#define HEAD_WORK 8		/* struct thread_head */
#define HEAD_CALLS 24

#define CPU_SELF %gs:0		/* struct x86_cpu */
#define CPU_USER_SP %gs:8
#define CPU_KERNEL_SP %gs:24

#define FRAME_R15 8		/* struct trapframe */
#define FRAME_R14 16
#define FRAME_R13 24
#define FRAME_R12 32
#define FRAME_RBP 40
#define FRAME_RBX 48
#define FRAME_R11 56
#define FRAME_R10 64
#define FRAME_R9 72
#define FRAME_R8 80
#define FRAME_RAX 88
#define FRAME_RCX 96
#define FRAME_RDX 104
#define FRAME_RSI 112
#define FRAME_RDI 120
#define FRAME_ORIG_RAX 128
#define FRAME_RIP 136
#define FRAME_CS 144
#define FRAME_RFLAGS 152
#define FRAME_RSP 160
#define FRAME_NO_EXCEPTION_VECTOR 0x100

#define CPU_NUMBER_SELECTOR 0x7b	/* its limit is this CPU's number; as on Linux */
#define VDSO_DATA 4080		/* struct vdso_data, at the end of the vDSO's page */

#define SYM(name) .globl name; .type name, @function; .balign 16; name:

/* stac and clac: patched in by x86_features_init() where the CPU has SMAP. */
#define SMAP_SITE(kind)                         \
	777: .byte 0x0f, 0x1f, 0x00;            \
	.pushsection .smap_sites, "a";          \
	.quad 777b, kind;                       \
	.popsection
#define STAC SMAP_SITE(1)
#define CLAC SMAP_SITE(0)

/* A fault at the instruction that follows continues at `fixup`. */
#define EX(fixup)                               \
	778: .pushsection .extable, "a";        \
	.quad 778b, fixup;                      \
	.popsection;
