// SPDX-License-Identifier: MIT
/*
 * More than one CPU in the kernel at a time, on one host thread: the same seed gives the same history.
 *
 * A step of the model may be interrupted at the machine's points: where a lock is about to be taken or has been let go of, around
 * flushes, allocations and frees. Another CPU then begins a job, a step of its own, on a stack of its own, and from there on
 * they take turns; who finds a lock taken lets another go on. All jobs are over before the step is.
 *
 * What may go on at the same time is decided by claims to spaces, so that the flat model knows at any moment what must be seen:
 * accesses (and what changes nothing that is seen) go together; who changes a space has it for himself.
 */
#pragma once

#include "vm_model.h"

enum claim : u8 {
	CLAIM_USE,		/* others may, too */
	CLAIM_FORK,		/* alone; but what the flat model says stays true */
	CLAIM_CHANGE,		/* alone; nobody knows what is there meanwhile */
	CLAIM_ITSELF,		/* of a kind of step: it claims what it needs itself */
};

/* From now on `job` is run in the middle of steps: where jobs are not held, as they are at first. nullptr: no more. */
void jobs_begin(void (*job)(void));
/* Until no job is under way. Only in a step, not in a job. */
void jobs_finish(void);
/* No other job goes on or begins until jobs_go_on(). False: some have begun. */
bool jobs_hold(void);
void jobs_go_on(void);
/* Is this CPU in the kernel? */
bool jobs_busy(unsigned cpu);
u64 jobs_done(void);

/* False: others have claimed the space, or it is to be alone, but another CPU that runs it is in the kernel. */
bool space_claim(const struct space *s, enum claim how);
void space_release(const struct space *s, enum claim how);
/* Is somebody changing it? */
bool space_changes(const struct space *s);
