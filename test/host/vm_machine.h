// SPDX-License-Identifier: MIT
/*
 * A software machine for mm/: CPUs whose TLBs and walk caches keep every stale entry they legally may, and a
 * page allocator that knows when a page is freed too early.
 *
 * It implements the machine contract's flushes and switches (arch/arch.h) and the allocator (mm/page.h). CPUs also walk the
 * tables by themselves, at any moment: speculation. After each step machine_check() compares everything that any CPU
 * has cached with the tables as they are now: a cached right that the tables no longer give is a lost flush.
 */
#pragma once

#include "host.h"
#include "arch/arch.h"
#include "mm/vm.h"

constexpr unsigned MACHINE_CPUS = 4;

/* Starts over with `frames` page frames and empty caches. */
void machine_init(unsigned frames);
/* Addresses that speculation likes to touch. */
void machine_watch(va_t va);
/* The CPU runs vm (nullptr: none) from now on. */
void machine_run(unsigned cpu, struct vm *vm);
struct vm *machine_running(unsigned cpu);
/* One access by the CPU, as hardware does it: through what is cached if it can be. True: *frame is the memory. False: fault. */
bool machine_access(unsigned cpu, va_t va, u32 access, u8 **memory);
/* All caches against all tables. nullptr, or what is wrong. */
const char *machine_check(void);
const char *machine_check_cpu(unsigned cpu);
/* The first thing found wrong in the middle of a step (a page freed while a CPU can still reach it, break-before-make
 * violated), or nullptr. */
const char *machine_violation(void);
/* Called wherever other CPUs may do something in the middle of a step: around flushes and allocations. nullptr: nothing. */
void machine_on_gap(void (*fn)(void));
/* Called there, and around locks, with interrupts on: another CPU may do anything at all in the kernel. Weight: 1 at a lock,
 * more where more is at stake. */
void machine_on_point(void (*fn)(unsigned weight));
/* The n-th page allocation from now on fails; 0: none. */
void machine_fail_at(unsigned n);
unsigned machine_failures(void);	/* so far */
unsigned machine_pages_used(void);
/* For the test of the test: flushes are forgotten. */
extern bool machine_ignore_flushes;
