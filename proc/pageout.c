// SPDX-License-Identifier: MIT
/*
 * The thread that reclaims memory in the background: an allocation that finds less than the lower watermark wakes it, and
 * it goes on up to the upper one. So that who needs memory rarely has to reclaim any himself.
 */
#include "mm/page.h"
#include "mm/vm.h"
#include "proc/tree.h"
#include "proc/work.h"

static struct wait_queue idle = WAIT_QUEUE_INIT(idle);
static bool wanted;		/* (a) */

static void pageout_wake(void)
{
	if (load_relaxed(&wanted))
		return;
	store_release(&wanted, true);
	wake_up_all(&idle, 0);
}

static void pageout(void *arg)
{
	for (;;) {
		wait_event_always(&idle, load_acquire(&wanted));
		while (page_reclaim_background())
			;
		/* Still low: what there is cannot be had now. Not again at once. */
		if (page_is_low())
			vm_wait_for_memory();
		store_release(&wanted, false);
	}
}

void pageout_init(void)
{
	if (!kthread_start("pageout", pageout, nullptr))
		panic("no memory for the pageout thread");
	page_low_hook = pageout_wake;
}
