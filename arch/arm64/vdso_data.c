// SPDX-License-Identifier: MIT
/*
 * The kernel's side of the vDSO: keeps the clock's numbers in its page up to date. Each is one word and
 * is read on its own, so programs need no lock: a wall clock that is set meanwhile is seen before or after.
 */
#include "machine.h"

#include "offsets.h"

/* The page's last words (vdso.S). */
struct vdso_data {
	u64 ns_per_tick;	/* times 2^32 */
	u64 realtime_offset;	/* (a) */
};

static_assert(VDSO_DATA + sizeof(struct vdso_data) == PAGE_SIZE);

static struct vdso_data *shared;	/* (i) in the copy that programs see; nullptr until there is one */
static u64 realtime_offset;		/* (a) */

void arch_vdso_attach(void *page)
{
	struct vdso_data *data = (struct vdso_data *)((char *)page + VDSO_DATA);

	data->ns_per_tick = time_ns_per_tick();
	store_relaxed(&data->realtime_offset, load_relaxed(&realtime_offset));
	store_release(&shared, data);
}

void arch_vdso_realtime(u64 offset)
{
	struct vdso_data *data = load_acquire(&shared);

	store_relaxed(&realtime_offset, offset);
	if (data)
		store_relaxed(&data->realtime_offset, offset);
}
