// SPDX-License-Identifier: MIT
/*
 * A record of each memory fault: when, who, where, why, what was done about it, what it cost. Off until asked for
 * (/proc/quire/trace); then the last FAULT_RECORDS are kept. tools/faults makes pictures of them.
 */
#pragma once

#include "arch/arch.h"
#include "mm/vm.h"

struct task;

constexpr unsigned FAULT_RECORDS = 1u << 14;

struct fault_record {
	u64 time;			/* ns since boot, at its begin */
	va_t address, pc;
	u32 cost;			/* ns; what else ran on this CPU meanwhile is in it */
	int pid, tid;
	u8 cpu, access, tables;		/* P_*; tables that were copied */
	enum fault_deed deed;
	s8 result;			/* FAULT_* */
	char name[16];			/* the thread's */
};

extern bool fault_trace_on;		/* (a) */

/* vm_fault(), recorded. */
enum fault_result fault_trace(const struct trapframe *f, const struct task *task, struct fault flt);
/* Begins with an empty record, or stops. 0, -ENOMEM. The memory for it is kept for the next time. */
[[nodiscard]] int fault_trace_switch(bool on);
/* Number of the oldest record that is still there. */
u64 fault_trace_first(void);
/* The n-th. False: there is none (yet). */
bool fault_trace_get(u64 n, struct fault_record *out);
const char *fault_deed_name(enum fault_deed deed);
