// SPDX-License-Identifier: MIT
/*
 * Kernel mappings outside the direct map: device registers, and kernel stacks with a guard page
 * below. Tables of the kernel half are never freed, so that every root may share them.
 */
#pragma once

#include "lib/base.h"

constexpr size_t KSTACK_SIZE = 16 * KiB;

void kmap_init(void);
/* Device registers at pa, any alignment; nullptr without memory, or for addresses that cannot be. uncached: memory such as a
 * framebuffer. */
[[nodiscard]] void *mmio_map(struct pa pa, u64 size);
[[nodiscard]] void *mmio_map_uncached(struct pa pa, u64 size);
/* A kernel stack; returns its top (16-byte aligned), nullptr without memory. May sleep. The
 * page below it is never mapped: overflow faults (the machine's double-fault path reports it).
 * Freed stacks are kept mapped, so that a new thread costs neither mapping nor flush, until they are
 * many or memory is short. */
[[nodiscard]] void *kstack_alloc(void);
void kstack_free(void *top);	/* from anywhere */
/* More stacks are kept than is good; then kstack_trim(), which gives some back and flushes all CPUs: no spinlock held, interrupts
 * on. */
bool kstack_is_crowded(void);
void kstack_trim(void);
/* Does addr lie in a guard page of a stack? For the panic message. */
bool kstack_is_guard(va_t addr);
u64 kstack_pages(void);		/* frames held by stacks, cached ones included */
