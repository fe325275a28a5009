// SPDX-License-Identifier: MIT
/*
 * Unknown calls, flags and commands: see proc/unknown.h. What was said is remembered as a hash of
 * program, call and value in a table that is never emptied; when it is half full there is silence,
 * so that nobody can flood the log.
 */
#include "proc/unknown.h"
#include "lib/lock.h"
#include "lib/printf.h"
#include "proc/task.h"
#include "sys/syscall.h"

constexpr unsigned SLOTS = 1024;

bool unknown_logged;

static u64 mix(u64 h, u64 v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ul;
	return h ^ h >> 29;
}

/* True when it is new and may be said. */
static bool remember(u64 hash)
{
	static struct spinlock lock;
	static u64 said[SLOTS];		/* (lock) */
	static unsigned used;		/* (lock) */
	bool fresh = false;

	spin_lock(&lock);
	unsigned i = hash % SLOTS;

	while (said[i] && said[i] != hash)
		i = (i + 1) % SLOTS;
	if (!said[i] && used < SLOTS / 2) {
		said[i] = hash;
		used++;
		fresh = true;
	}
	spin_unlock(&lock);
	return fresh;
}

void unknown_report(const char *kind, u64 value)
{
	if (likely(!load_relaxed(&unknown_logged)))
		return;
	struct thread *t = thread_current();
	u64 nr = frame_syscall(arch_frame(&t->head)), hash = mix(mix((u64)kind[0], nr), value);
	const char *name = syscall_name(nr);

	for (unsigned i = 0; i < sizeof(t->name) && t->name[i]; i++)
		hash = mix(hash, (u8)t->name[i]);
	if (!remember(hash | 1))
		return;
	if (kind[0] == 'c')
		log_info("unknown: %s[%d]: system call %lu (%s) is missing", t->name, t->task->pid, nr, name ?: "?");
	else
		log_info("unknown: %s[%d]: %s (%lu): %s %#lx", t->name, t->task->pid, name ?: "?", nr, kind, value);
}
