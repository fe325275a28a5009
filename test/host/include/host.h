// SPDX-License-Identifier: MIT
/*
 * The machine that host tests run the kernel's sources on. Include it first; it brings cmocka.
 *
 *   test/host/support.c    panics, the log, CPUs, physical memory, page clear and copy; always
 *   test/host/host_lock.c  sleeping locks
 *   test/host/host_kmem.c  slabs and kmalloc on malloc, for tests that do not link mm/kmem.c: the
 *                          sanitizer then sees each object, and any allocation can fail
 * Host threads stand for CPUs: each calls host_cpu_set() once. A test that needs another machine
 * function (TLB flushes, say) defines it.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/base.h"

/* ---- Panics ---- */

/* Runs fn(arg), which must panic; returns the message. The test fails if it returns. Locks it
 * held stay held. */
const char *host_panic_of(void (*fn)(void *), void *arg);

/* ---- CPUs ---- */

void host_cpu_set(unsigned cpu);	/* this host thread is that CPU; 0 unless it says so */

/* ---- Physical memory: HOST_PA_BASE is where it begins, as on arm64 boards. ---- */

constexpr u64 HOST_PA_BASE = 1 * GiB;

struct boot_info;

/* Maps `bytes` of cleared memory, in place of earlier memory; *bi then describes all of it as
 * RAM (bi may be nullptr). The page allocator is not set up: page_init(bi) does that, or
 * host_pages_init. */
void host_ram_init(u64 bytes, struct boot_info *bi);
/* host_ram_init and page_init. A test calls it once, since the allocator's lists are static.
 * Links mm/page.c, mm/page_buddy.c, mm/page_boot.c (mm/page_audit.c). */
void host_pages_init(u64 bytes);

/* ---- Slabs and kmalloc of host_kmem.c ---- */

extern unsigned host_objects;		/* allocated now: 0 at the end, or something leaks */
extern unsigned host_kmem_fail_after;	/* so many allocations succeed, then one fails; ~0: none */

/* ---- Random numbers: the same for the same seed, on every host ---- */

void host_seed(u64 seed);
u64 host_random(void);
static inline unsigned host_below(unsigned limit) { return (unsigned)(host_random() % limit); }
