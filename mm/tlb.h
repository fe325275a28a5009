// SPDX-License-Identifier: MIT
/*
 * TLB batches and address-space numbers.
 *
 * A batch is the only way to take something out of page tables: it collects what was unlinked, remembers which addresses
 * and whether upper levels changed, flushes once, and only then lets go of the pages and tables (vm.md law 8). An address
 * space that is not loaded on a CPU is flushed there later: each flush raises vm->tlb_gen, and a CPU that
 * switches to the space flushes the ASID when it has not seen that generation (where flushes are not broadcast).
 */
#pragma once

#include "lib/base.h"
#include "mm/page.h"

struct vm;

constexpr unsigned TLB_BATCH_PAGES = 62;
constexpr unsigned TLB_RANGE_MAX = 32;	/* more pages than this: the whole ASID */

struct tlb_batch {
	struct vm *vm;
	va_t start, end;		/* what must be flushed; start >= end: nothing */
	bool tables;			/* upper levels changed */
	unsigned count;
	va_t pages[TLB_BATCH_PAGES];	/* references to let go of after the flush: pages | TLB_IS_BLOCK */
	struct page *chain;		/* anonymous pages and blocks of ours alone, linked by `next` */
};

static inline void tlb_begin(struct tlb_batch *b, struct vm *vm)
{
	b->vm = vm;
	b->start = ~0ul;
	b->end = 0;
	b->tables = false;
	b->count = 0;
	b->chain = nullptr;
}

static inline void tlb_add_range(struct tlb_batch *b, va_t start, va_t end)
{
	b->start = min(b->start, start);
	b->end = max(b->end, end);
}

/* What must be flushed for a block's entry at va: any one address in it does, also where a TLB keeps it in pieces (Arm ARM
 * D8.16, Intel SDM 3A 4.10.4.1). */
static inline void tlb_add_block_range(struct tlb_batch *b, va_t va)
{
	va &= ~(2 * MiB - 1);
	tlb_add_range(b, va, va + PAGE_SIZE);
}

/* Hands a reference (a page, or a table with all below it) to the batch. Flushes when it is full. */
void tlb_add_page(struct tlb_batch *b, struct page *p);
/* The same for an entry that mapped a block. */
void tlb_add_block(struct tlb_batch *b, struct page *first);
/* Flushes what was collected on every CPU that may hold it; returns when it is done everywhere. */
void tlb_flush(struct tlb_batch *b);
/* tlb_flush(), then lets go of what the batch carries. The batch may be used again. */
void tlb_finish_all(struct tlb_batch *b);
static inline void tlb_finish(struct tlb_batch *b)
{
	if (b->start < b->end || b->count || b->chain)
		tlb_finish_all(b);
}

/* Flushes kernel addresses on every CPU, for what was taken out of the kernel's tables. No spinlock held, interrupts on. */
void tlb_flush_kernel(va_t start, va_t end);

/* Address-space numbers. */
struct asid_context {
	u64 value;			/* (a) generation << 16 | number; 0: none yet */
};
void asid_init(unsigned bits, unsigned cpus);
/* For tests: numbers of so few bits, so that they run out all the time. 0: none. Before asid_init(). */
void asid_limit_bits(unsigned bits);
unsigned asid_number_bits(void);	/* in use; 0: none */
/* Makes this CPU use vm (nullptr: the kernel only). Preemption off. Flushes nothing unless the numbers rolled over or
 * flushes were missed. */
void vm_switch(struct vm *vm);
/* On each CPU that starts. */
void tlb_cpu_init(void);
/* IPI_TLB arrived. */
void tlb_ipi(void);

/* Counters for /proc/vmstat, summed over CPUs. */
struct tlb_stats {
	u64 flush_range, flush_asid, flush_all, ipis, rollovers;
};
void tlb_stats(struct tlb_stats *out);
