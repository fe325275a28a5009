// SPDX-License-Identifier: MIT
/* What tlb.c and asid.c share: the per-CPU state. */
#pragma once

#include "mm/tlb.h"

struct tlb_cpu {
	alignas(CACHE_LINE) struct vm *vm;	/* (c) what this CPU has loaded; nullptr: the kernel only */
	struct vm *next;			/* (c) what it is about to load; as a rule the same */
	u64 active_asid;			/* (a) its number, 0 after a rollover elsewhere */
	u64 reserved_asid;			/* (asid lock) kept over the last rollover */
	struct tlb_stats stats;			/* (c) */
};

extern struct tlb_cpu tlb_cpus[MAX_CPUS];
extern u64 tlb_cpus_started;		/* (a) */
