// SPDX-License-Identifier: MIT
/* Event counters of mm: one struct vm_stats for each CPU, added up when somebody asks. An increment is not atomic: a
 * thread that is preempted within one may lose an event, never more. */
#pragma once

#include "mm/vm.h"

struct vm_cpu_stats {
	alignas(CACHE_LINE) struct vm_stats s;
};

extern struct vm_cpu_stats vm_cpu_stats[MAX_CPUS];

#define vm_count(event)                                                     \
	do {                                                                \
		u64 *count_ = &vm_cpu_stats[cpu_id()].s.event;              \
		store_relaxed(count_, load_relaxed(count_) + 1);            \
	} while (0)
