// SPDX-License-Identifier: MIT
/* shmget(2), shmat(2), shmdt(2), shmctl(2): decoders of proc/shm.h's operations. */
#include "proc/shm.h"
#include "mm/mman.h"
#include "mm/object.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "sys/ipc.h"
#include "sys/syscall.h"

enum { SHM_LOCK = 11, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY };
enum { SHM_HUGETLB = 04000, SHM_RDONLY = 010000, SHM_RND = 020000, SHM_REMAP = 040000, SHM_EXEC = 0100000 };

struct abi_shmid {			/* struct shmid64_ds, the same on both CPUs */
	struct abi_ipc ipc;
	u64 size;
	s64 atime, dtime, ctime;
	int cpid, lpid;
	u64 attached, unused[2];
};
static_assert(sizeof(struct abi_shmid) == 112);

struct abi_limits { u64 max, min, count, per_process, all, unused[4]; };	/* struct shminfo64 */
struct abi_usage { int segments; u64 pages, resident, swapped, unused[2]; };	/* struct shm_info */

SYSCALL(shmget)
{
	int flags = ARG_INT(2);

	if (flags & SHM_HUGETLB)
		return -ENOMEM;		/* no pool of huge pages is set aside */
	return shm_get(ARG_INT(0), ARG_U64(1), flags);
}

/* The address wanted, 0 for any; -EINVAL. */
static int decode_place(va_t *addr, int flags)
{
	if (!*addr)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (is_aligned(*addr, PAGE_SIZE))
		return 0;
	if (!(flags & SHM_RND))
		return -EINVAL;
	*addr &= PAGE_MASK;
	return !*addr && (flags & SHM_REMAP) ? -EINVAL : 0;
}

static long attach(struct object *o, va_t addr, int flags)
{
	u32 max = R_MAXREAD | R_MAXEXEC | (flags & SHM_RDONLY ? 0 : R_MAXWRITE);
	int prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
	int place = !addr ? 0 : flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	long res = vm_mmap(vm_current(), addr, o->size, prot, MAP_SHARED | place, o, max, 0);

	return res == -EEXIST ? -EINVAL : res;
}

SYSCALL(shmat)
{
	va_t addr = ARG_PTR(1);
	int flags = ARG_INT(2);
	u32 want = (flags & SHM_RDONLY ? 0444 : 0666) | (flags & SHM_EXEC ? 0111 : 0);
	struct object *o;
	long res = decode_place(&addr, flags);

	if (!res)
		res = shm_open(ARG_INT(0), want, &o);
	if (res)
		return res;
	res = attach(o, addr, flags);
	if (res > 0)
		shm_attached(o);
	object_put(o);
	return res;
}

SYSCALL(shmdt)
{
	return shm_detach(ARG_PTR(0));
}

/* ---- shmctl */

static long stat(int id, int cmd, va_t to)
{
	bool place = cmd != IPC_STAT;
	struct shm_status s;
	int err = shm_status(id, place, cmd == SHM_STAT_ANY, &s);

	if (err)
		return err;
	struct abi_shmid abi = {
		.ipc = abi_ipc(&s.ipc), .size = s.size, .atime = s.atime, .dtime = s.dtime, .ctime = s.ctime,
		.cpid = s.cpid, .lpid = s.lpid, .attached = s.attached,
	};

	err = put_user(to, abi);
	return err ? err : place ? s.ipc.id : 0;
}

static long set(int id, va_t from)
{
	struct abi_shmid abi;
	int err = get_user(abi, from);

	return err ? err : shm_set(id, abi.ipc.uid, abi.ipc.gid, abi.ipc.mode);
}

static long info(int cmd, va_t to)
{
	struct shm_usage u;
	int err;

	shm_usage(&u);
	if (cmd == IPC_INFO) {
		struct abi_limits abi = {
			.max = shm_limits.max, .min = 1, .count = shm_limits.count,
			.per_process = shm_limits.count, .all = shm_limits.all,
		};

		err = put_user(to, abi);
	} else {
		struct abi_usage abi = { .segments = (int)u.segments, .pages = u.pages, .resident = u.resident };

		err = put_user(to, abi);
	}
	return err ? err : u.highest;
}

SYSCALL(shmctl)
{
	int id = ARG_INT(0), cmd = ARG_INT(1);
	va_t buf = ARG_PTR(2);

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_RMID:
		return shm_remove(id);
	case IPC_SET:
		return set(id, buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return stat(id, cmd, buf);
	case IPC_INFO:
	case SHM_INFO:
		return info(cmd, buf);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return shm_lock(id, cmd == SHM_LOCK);
	default:
		return -EINVAL;
	}
}
