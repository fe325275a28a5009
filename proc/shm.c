// SPDX-License-Identifier: MIT
/*
 * System V shared memory. Lock: table.lock for the table and all segments.
 *
 * A removed segment stays in the table as long as something maps it, without a reference from there: who finds it has
 * to get one while there still is one (object_try_get), and its release takes it out.
 */
#include "proc/shm.h"
#include "mm/kmem.h"
#include "mm/object.h"
#include "mm/vm.h"
#include "lib/printf.h"
#include "proc/task.h"
#include "proc/timer.h"

struct segment {
	struct ipc_entry ipc;		/* first */
	struct object object;
	u64 size;			/* (i) */
	s64 atime, dtime, ctime;	/* (l) */
	int cpid, lpid;			/* (l) */
};

static struct ipc_table table = { .max = IPC_PLACES };
static u64 total_pages;			/* (table.lock) */
struct shm_limits shm_limits = { ~0ul - (1ul << 24), ~0ul - (1ul << 24), 4096 };

static s64 now(void)
{
	return (s64)(clock_realtime_ns() / 1'000'000'000);
}

static u64 pages_of(const struct segment *s)
{
	return align_up(s->size, PAGE_SIZE) >> PAGE_SHIFT;
}

static void release(struct object *o)
{
	struct segment *s = container_of(o, struct segment, object);

	spin_lock(&table.lock);
	ipc_leave(&table, &s->ipc);
	total_pages -= pages_of(s);
	spin_unlock(&table.lock);
	kfree(s);
}

static void describe(const struct object *o, char *buf, size_t size, u64 *ino)
{
	const struct segment *s = container_of(o, struct segment, object);

	snprintf(buf, size, "/SYSV%08x (deleted)", (u32)load_relaxed(&s->ipc.key));
	*ino = (u64)s->ipc.id;
}

static const struct object_ops segment_ops = { .release = release, .describe = describe };

/* ---- finding; the table's lock is held */

static struct segment *hold(struct ipc_entry *e)
{
	struct segment *s = e ? container_of(e, struct segment, ipc) : nullptr;

	return s && object_try_get(&s->object) ? s : nullptr;
}

static struct segment *find(int id)
{
	return hold(ipc_find(&table, id));
}

/* ---- shmget */

static long get_existing(struct segment *s, u64 size, int flags)
{
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	if (size > s->size)
		return -EINVAL;
	int err = ipc_permitted(&s->ipc, (u32)flags & 0777);

	return err ? err : s->ipc.id;
}

/* Enters a new segment, unless another has come first: then that one. Once entered, somebody may remove it. */
static long enter(struct segment *s, int key, int flags, bool *entered)
{
	scoped_spin(&table.lock);
	struct ipc_entry *other = ipc_find_key(&table, key);

	if (other)
		return get_existing(container_of(other, struct segment, ipc), s->size, flags);
	if (table.count >= shm_limits.count || total_pages + pages_of(s) > shm_limits.all)
		return -ENOSPC;
	int err = ipc_enter(&table, &s->ipc, key, flags);

	if (err)
		return err;
	*entered = true;
	total_pages += pages_of(s);
	return s->ipc.id;
}

static long get_new(int key, u64 size, int flags)
{
	if (!size || size > shm_limits.max)
		return -EINVAL;
	struct segment *s = kzalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	object_init(&s->object, &segment_ops, nullptr);
	s->object.size = s->size = size;
	s->ctime = now();
	s->cpid = task_current()->pid;
	bool entered = false;
	long id = enter(s, key, flags, &entered);

	if (!entered)
		kfree(s);
	return id;
}

long shm_get(int key, u64 size, int flags)
{
	if (key != IPC_PRIVATE) {
		scoped_spin(&table.lock);
		struct ipc_entry *e = ipc_find_key(&table, key);

		if (e)
			return get_existing(container_of(e, struct segment, ipc), size, flags);
		if (!(flags & IPC_CREAT))
			return -ENOENT;
	}
	return get_new(key, size, flags);
}

/* ---- shmat, shmdt */

int shm_open(int id, u32 want, struct object **out)
{
	spin_lock(&table.lock);
	struct segment *s = find(id);
	int err = s ? ipc_permitted(&s->ipc, want) : -EINVAL;

	spin_unlock(&table.lock);
	if (!err)
		*out = &s->object;
	else if (s)
		object_put(&s->object);
	return err;
}

void shm_attached(struct object *o)
{
	struct segment *s = container_of(o, struct segment, object);

	scoped_spin(&table.lock);
	s->atime = now();
	s->lpid = task_current()->pid;
}

long shm_detach(va_t addr)
{
	struct object *o;
	long err = vm_detach(vm_current(), addr, &segment_ops, &o);

	if (err)
		return err;
	struct segment *s = container_of(o, struct segment, object);

	spin_lock(&table.lock);
	s->dtime = now();
	s->lpid = task_current()->pid;
	spin_unlock(&table.lock);
	object_put(o);
	return 0;
}

/* ---- shmctl */

/* What is known but for the mappings, which are counted without the lock. Lock held. */
static void tell(struct segment *s, struct shm_status *out)
{
	*out = (struct shm_status){
		.ipc = s->ipc, .size = s->size, .resident = load_relaxed(&s->object.npages),
		.atime = s->atime, .dtime = s->dtime, .ctime = s->ctime, .cpid = s->cpid, .lpid = s->lpid,
	};
}

int shm_status(int id, bool place, bool any, struct shm_status *out)
{
	u64 at = (u64)id;

	spin_lock(&table.lock);
	struct ipc_entry *e = !place ? ipc_find(&table, id) : id < 0 ? nullptr : ipc_at(&table, &at);
	struct segment *s = place && at != (u64)id ? nullptr : hold(e);
	int err = !s ? -EINVAL : any ? 0 : ipc_permitted(&s->ipc, 0444);

	if (!err)
		tell(s, out);
	spin_unlock(&table.lock);
	if (!err)
		out->attached = vm_object_mappings(&s->object);
	if (s)
		object_put(&s->object);
	return err;
}

bool shm_next(u64 *place, struct shm_status *out)
{
	struct segment *s = nullptr;
	struct ipc_entry *e;

	spin_lock(&table.lock);
	for (; !s && (e = ipc_at(&table, place)); ++*place)
		s = hold(e);
	if (s)
		tell(s, out);
	spin_unlock(&table.lock);
	if (!s)
		return false;
	out->attached = vm_object_mappings(&s->object);
	object_put(&s->object);
	return true;
}

long shm_set(int id, u32 uid, u32 gid, u32 mode)
{
	spin_lock(&table.lock);
	struct segment *s = find(id);
	int err = s ? ipc_owned(&s->ipc) : -EINVAL;

	if (!err) {
		ipc_set(&s->ipc, uid, gid, mode);
		s->ctime = now();
	}
	spin_unlock(&table.lock);
	if (s)
		object_put(&s->object);
	return err;
}

long shm_remove(int id)
{
	spin_lock(&table.lock);
	struct segment *s = find(id);
	int err = s ? ipc_owned(&s->ipc) : -EINVAL;
	bool first = !err && !(s->ipc.mode & SHM_DEST);

	if (first) {
		s->ipc.mode |= SHM_DEST;
		s->ipc.key = IPC_PRIVATE;
	}
	spin_unlock(&table.lock);
	if (s)
		object_put(&s->object);
	if (first)
		object_put(&s->object);		/* the table's */
	return err;
}

long shm_lock(int id, bool lock)
{
	const struct cred *c = cred_current();

	spin_lock(&table.lock);
	struct segment *s = find(id);
	int err = s ? 0 : -EINVAL;

	if (s && !cred_capable(c, CAP_IPC_LOCK)) {
		bool owner = c->euid == s->ipc.uid || c->euid == s->ipc.cuid;

		err = !owner || (lock && !task_current()->limits[RLIM_MEMLOCK].cur) ? -EPERM : 0;
	}
	if (!err)
		s->ipc.mode = lock ? s->ipc.mode | SHM_LOCKED : s->ipc.mode & ~SHM_LOCKED;
	spin_unlock(&table.lock);
	if (s)
		object_put(&s->object);
	return err;
}

void shm_usage(struct shm_usage *out)
{
	struct ipc_entry *e;

	scoped_spin(&table.lock);
	*out = (struct shm_usage){ .segments = table.count, .pages = total_pages, .highest = ipc_highest(&table) };
	for (u64 place = 0; (e = ipc_at(&table, &place)); place++)
		out->resident += load_relaxed(&container_of(e, struct segment, ipc)->object.npages);
}
