// SPDX-License-Identifier: MIT
/* Semaphore sets as proc/sem.c (who they are) and proc/sem_op.c (what happens to them) share them. */
#pragma once

#include "lib/list.h"
#include "proc/sem.h"

struct sem {
	int value;			/* (l) 0 .. SEM_VALUE_MAX */
	int pid;			/* (l) who changed it last */
};

struct sem_set {
	struct ipc_entry ipc;		/* first */
	u32 n;				/* (i) */
	s64 otime, ctime;		/* (l) */
	struct list waiting;		/* (l) sem_waiter, in order of arrival */
	struct list undos;		/* (l) sem_undo */
	struct sem sems[];
};

extern struct ipc_table sem_table;	/* (l) is its lock */

/* All with the table's lock held. */
struct sem_set *sem_find(int id);
/* Values have changed: lets go on who can. */
void sem_settle(struct sem_set *s);
/* The set goes: everybody is told, nothing is owed to it any more. */
void sem_abandon(struct sem_set *s);
/* Nothing is owed any more to n semaphores from `first` on: they have been set. */
void sem_forgive(struct sem_set *s, u32 first, u32 n);
/* How many wait for this one: to be zero, or to be more. */
u32 sem_waiting(const struct sem_set *s, u32 number, bool zero);
s64 sem_now(void);
