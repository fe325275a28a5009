// SPDX-License-Identifier: MIT
/* A kernel thread that now and then looks for pages that are better off as a block (mm/collapse.c). */
#include "mm/block.h"
#include "proc/sched.h"
#include "proc/wait.h"
#include "proc/work.h"
#include "lib/printf.h"
#include "arch/arch.h"

constexpr u64 PERIOD_NS = 10'000'000'000;	/* as Linux's khugepaged */
constexpr unsigned MOST = 8;			/* each copies 2 MiB with an address space locked */

static void collapse_main(void *arg)
{
	for (;;) {
		(void)sleep_until(arch_clock_ns() + PERIOD_NS, false);
		vm_collapse_some(MOST);
	}
}

void collapse_init(void)
{
	if (!kthread_start("collapse", collapse_main, nullptr))
		log_warn("no memory for the thread that makes blocks");
}
