/* SPDX-License-Identifier: MIT */
/* Numbers that assembly shares with C; thread.c asserts each of them. */
#pragma once

#define HEAD_PREEMPT 0
#define HEAD_CPU 4
#define HEAD_WORK 8
#define HEAD_STACK_TOP 16
#define HEAD_CALLS 24
#define HEAD_WORK_RESCHED 1

#define FRAME_LR 240
#define FRAME_SP 248
#define FRAME_PC 256
#define FRAME_ORIG_X0 272
#define FRAME_SYSCALL 280
#define FRAME_SIZE 288

#define CTX_LR 96
#define CTX_SP 104
#define CTX_TLS 112
#define CTX_USER 120
#define CTX_SIMD 128
#define SIMD_FPSR 8
#define SIMD_Q 16

#define STACK_SIZE 16384	/* KSTACK_SIZE */
#define MAX_RECORDS 16		/* MAX_CPUS */
#define VDSO_DATA 4080		/* struct vdso_data, at the end of the page */
