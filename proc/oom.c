// SPDX-License-Identifier: MIT
/*
 * The OOM killer: the last shrinker. It kills the task whose end frees most, and waits for a while until that has happened;
 * one victim at a time, unless it takes too long to die.
 *
 * The caller may hold any sleeping lock, the victim's address space included, so sizes are estimated without any: page
 * tables are read as they are found in the direct map, and nothing found in them is trusted. A table that changes or
 * is freed meanwhile makes the estimate wrong, nothing worse. The tables count as well, and what regions and threads take,
 * for a program may have little else; what is in files, pipes and sockets does not.
 *
 * While a victim is dying all others that need memory wait for it before they look for any: what they would find is little, and
 * the victim needs the CPU. A victim that needs memory itself does not wait here: its allocation fails, and it ends on its
 * way to user mode.
 */
#include "arch/arch.h"
#include "lib/printf.h"
#include "mm/kmap.h"
#include "mm/page.h"
#include "mm/pt.h"
#include "mm/vm.h"
#include "proc/tree.h"

constexpr u64 PATIENCE_NS = 1'000'000'000;	/* how long others wait for a victim; then there is another */
constexpr int OOM_ADJ_NEVER = -1000;

static struct wait_queue victim_gone = WAIT_QUEUE_INIT(victim_gone);
static struct mutex choice_lock = MUTEX_INIT(choice_lock);	/* one choice at a time; only ever tried */
static u64 kills;				/* (choice_lock) */
static u64 victim_deadline;			/* (choice_lock to change it) until then no other is chosen */
static int victim_pid;				/* (a) 0: nobody is dying */
static u64 victim_pages;			/* (a) what that one's end will give */

/* ---- how large is it? */

static struct page *table_below(struct pte e, int level)
{
	struct pa pa = pte_table_pa(e);

	if (!pa_is_ram(pa))
		return nullptr;
	struct page *t = pa_page(pa);

	return load_relaxed(&t->kind) == PAGE_TABLE && t->level == level ? t : nullptr;
}

/* A table and the entries below, pages that are swapped out included; a table that n spaces share counts for a n-th. */
static u64 entries_below(struct page *table, int level)
{
	u64 sum = 1;

	if (level == 0)
		return sum + min(load_relaxed(&table->used), (u16)PT_SLOTS);
	for (unsigned i = 0; i < PT_SLOTS; i++) {
		struct pte e = pte_load(&pt_slots(table)[i]);
		enum pte_kind kind = pte_kind(e, level);
		struct page *t = kind == PTE_TABLE ? table_below(e, level - 1) : nullptr;

		if (kind == PTE_LEAF)
			sum += pt_slot_size(level) >> PAGE_SHIFT;
		else if (t)
			sum += entries_below(t, level - 1) / max(page_refs(t), 1u);
	}
	return sum;
}

/* Under t->lock: while task->vm is set, the root table stays. */
static u64 pages_of(const struct task *t)
{
	u64 sum = load_relaxed(&t->nthreads) * KSTACK_SIZE / PAGE_SIZE;

	if (!t->vm || !t->vm->root)
		return sum;
	sum += load_relaxed(&t->vm->layout.regions) * sizeof(struct region) / PAGE_SIZE;

	for (unsigned i = 0; i < USER_ROOT_SLOTS; i++) {
		struct pte e = pte_load(&pt_slots(t->vm->root)[i]);
		struct page *below = pte_kind(e, PT_LEVELS - 1) == PTE_TABLE ? table_below(e, PT_LEVELS - 2) : nullptr;

		if (below)
			sum += entries_below(below, PT_LEVELS - 2) / max(page_refs(below), 1u);
	}
	return sum;
}

u64 task_pages(struct task *t)
{
	scoped_spin(&t->lock);
	return pages_of(t);
}

/* ---- who goes? */

static s64 badness(struct task *t, u64 total)
{
	if (t->pid == 1 || t->exiting || t->zombie || t->group_exit || t->oom_score_adj == OOM_ADJ_NEVER)
		return -1;
	s64 points = (s64)task_pages(t) + t->oom_score_adj * (s64)total / 1000;

	return max(points, (s64)1);
}

int oom_score(struct task *t)
{
	struct page_stats stats;

	page_stats(&stats);
	u64 total = max(stats.total, 1ul);
	s64 points = t->pid == 1 ? 0 : (s64)(task_pages(t) * 1000 / total) + t->oom_score_adj;

	return (int)max(min(points, (s64)2000), (s64)0);
}

/* The worst task with a reference, or nullptr. Tables are read with no lock but the task's own. */
static struct task *choose(void)
{
	struct page_stats stats;
	struct task *worst = nullptr;
	s64 most = 0;

	page_stats(&stats);
	for (struct task *t = task_next(0); t;) {
		s64 points = badness(t, stats.total);
		int pid = t->pid;

		if (points > most) {
			most = points;
			if (worst)
				task_put(worst);
			worst = t;
		} else {
			task_put(t);
		}
		t = task_next(pid);
	}
	return worst;
}

static void kill_victim(struct task *t)
{
	u64 pages = task_pages(t);

	log_err("Out of memory: killed process %d (%s), %lu KiB", t->pid, t->leader->name,
		pages * PAGE_SIZE / KiB);
	store_relaxed(&victim_pages, pages);
	store_relaxed(&victim_pid, t->pid);
	spin_lock(&t->lock);
	if (t->vm)
		store_relaxed(&t->vm->oom_victim, true);
	spin_unlock(&t->lock);
	signal_task(t, SIGKILL, nullptr);
}

bool oom_kill(void)
{
	if (!mutex_try(&choice_lock))
		return true;		/* somebody else is choosing just now */
	u64 now = arch_clock_ns();
	bool dying = load_relaxed(&victim_pid) && now < victim_deadline;
	struct task *t = dying ? nullptr : choose();

	if (t) {
		store_relaxed(&victim_deadline, now + PATIENCE_NS);
		kills++;
		kill_victim(t);
	}
	mutex_unlock(&choice_lock);
	if (t)
		task_put(t);
	return dying || t;
}

u64 oom_kills(void) { return load_relaxed(&kills); }

void oom_gone(struct task *t)
{
	if (load_relaxed(&victim_pid) != t->pid)
		return;
	store_release(&victim_pid, 0);
	wake_up_all(&victim_gone, 0);
}

/* Has the current thread been told to end? Then it must not wait for others to do so. */
static bool must_end(void)
{
	struct task *t = task_current();

	return t && (t->group_exit || signal_pending_fatal() || (t->vm && t->vm->oom_victim));
}

static void wait_for_victim(void)
{
	(void)wait_event_until_(&victim_gone, !load_acquire(&victim_pid), arch_clock_ns() + PATIENCE_NS, false);
}

static u64 oom_shrink(u64 want)
{
	if (must_end() || !oom_kill() || must_end())
		return 0;
	u64 pages = load_relaxed(&victim_pages);

	wait_for_victim();
	return max(pages, 1ul);
}

void vm_wait_for_memory(void)
{
	sleep_until(arch_clock_ns() + PATIENCE_NS / 100, false);
}

/* Looked at without the lock: an old deadline makes us look for memory, nothing worse. */
static u64 await_victim(u64 want)
{
	if (likely(!load_relaxed(&victim_pid)) || arch_clock_ns() >= load_relaxed(&victim_deadline) || must_end())
		return 0;
	u64 pages = load_relaxed(&victim_pages);

	wait_for_victim();
	return page_has_room(want) ? max(pages, want) : 0;
}

void oom_init(void)
{
	static struct shrinker first = { .shrink = await_victim, .order = -1 }, last = { .shrink = oom_shrink, .order = 9 };

	shrinker_register(&first);
	shrinker_register(&last);
}
