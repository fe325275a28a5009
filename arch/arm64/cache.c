// SPDX-License-Identifier: MIT
/* Caches and devices that do not see them (Arm ARM, "Cache maintenance instructions"): to the point of coherency, by address. */
#include "arch/arch.h"

#include "cpu.h"

/* Clean and invalidate: nothing dirty may be written over what the device writes, whichever way the transfer goes. */
static void clean_invalidate(const void *p, size_t n)
{
	u64 line = 4ul << (sysreg_read(ctr_el0) >> 16 & 0xf);
	va_t end = (va_t)p + n;

	for (va_t va = align_down((va_t)p, line); va < end; va += line)
		__asm__ volatile("dc civac, %0" : : "r"(va) : "memory");
	__asm__ volatile("dsb sy" : : : "memory");
}

void arch_dma_begin(const void *p, size_t n) { clean_invalidate(p, n); }

/* What was fetched ahead meanwhile goes. */
void arch_dma_end(const void *p, size_t n) { clean_invalidate(p, n); }
