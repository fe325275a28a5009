// SPDX-License-Identifier: MIT
/* The tables and permissions of System V IPC. */
#include "proc/ipc.h"
#include "proc/cred.h"

struct ipc_entry *ipc_at(struct ipc_table *t, u64 *place)
{
	return radix_next(&t->entries, place);
}

struct ipc_entry *ipc_find_key(struct ipc_table *t, int key)
{
	struct ipc_entry *e;

	for (u64 place = 0; (e = ipc_at(t, &place)); place++)
		if (e->key == key && key != IPC_PRIVATE)
			return e;
	return nullptr;
}

struct ipc_entry *ipc_find(struct ipc_table *t, int id)
{
	struct ipc_entry *e = id < 0 ? nullptr : radix_find(&t->entries, (u32)id % IPC_PLACES);

	return e && e->id == id ? e : nullptr;
}

int ipc_highest(struct ipc_table *t)
{
	int highest = 0;

	for (u64 place = 0; ipc_at(t, &place); place++)
		highest = (int)place;
	return highest;
}

int ipc_enter(struct ipc_table *t, struct ipc_entry *e, int key, int flags)
{
	const struct cred *c = cred_current();
	u64 place = 0;

	if (t->count >= t->max)
		return -ENOSPC;
	for (u64 used = 0; ipc_at(t, &used) && used == place; used++)
		place++;
	int err = radix_insert(&t->entries, place, e);

	if (err)
		return err;
	if (place <= t->last && t->last)
		t->seq = (t->seq + 1) % (1u << 16);
	t->last = (u32)max(place, 1ul);
	t->count++;
	*e = (struct ipc_entry){
		.key = key, .id = (int)(t->seq * IPC_PLACES + place), .mode = (u32)flags & 0777,
		.uid = c->euid, .gid = c->egid, .cuid = c->euid, .cgid = c->egid,
	};
	return 0;
}

void ipc_leave(struct ipc_table *t, struct ipc_entry *e)
{
	if (radix_remove(&t->entries, (u32)e->id % IPC_PLACES) == e)
		t->count--;
}

int ipc_permitted(const struct ipc_entry *e, u32 want)
{
	const struct cred *c = cred_current();
	u32 granted = e->mode;

	want = (want >> 6 | want >> 3 | want) & 7;
	if (c->euid == e->cuid || c->euid == e->uid)
		granted >>= 6;
	else if (cred_in_group(c, e->cgid) || cred_in_group(c, e->gid))
		granted >>= 3;
	return (want & ~granted) && !cred_capable(c, CAP_IPC_OWNER) ? -EACCES : 0;
}

int ipc_owned(const struct ipc_entry *e)
{
	const struct cred *c = cred_current();

	return c->euid == e->cuid || c->euid == e->uid || cred_capable(c, CAP_SYS_ADMIN) ? 0 : -EPERM;
}

void ipc_set(struct ipc_entry *e, u32 uid, u32 gid, u32 mode)
{
	e->uid = uid;
	e->gid = gid;
	e->mode = (e->mode & ~0777u) | (mode & 0777);
}
