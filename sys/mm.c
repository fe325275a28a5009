// SPDX-License-Identifier: MIT
/*
 * System calls on memory: decoders of mm/vm.h's operations. Where they take an address of what is mapped, a tag in it is
 * overlooked; but not in where something is to be mapped (Linux's tagged-address-abi.rst).
 */
#include <abi.h>

#include "sys/syscall.h"
#include "fs/file.h"
#include "mm/mman.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/task.h"
#include "proc/unknown.h"

/* vm_current() of a thread that makes a system call: it has a task. */
static inline struct vm *own_vm(void) { return task_current()->vm; }

SYSCALL(brk)
{
	return vm_brk(own_vm(), ARG_PTR(0));
}

/* Of a file's bytes only those have a place in it that lseek can reach; devices know better. */
static bool within_file(const struct inode *i, u64 len, u64 offset)
{
	u32 type = i->mode & S_IFMT;
	u64 end;

	return (type != S_IFREG && type != S_IFBLK && type != S_IFSOCK) ||
	       (!__builtin_add_overflow(offset, align_up(len, PAGE_SIZE), &end) && end <= INT64_MAX);
}

/* Apart, so that the other way needs no frame. */
[[gnu::noinline]] static long map_file(va_t addr, u64 len, int prot, int flags, int number, u64 offset)
{
	struct object *object = nullptr;
	scoped_fd fd = fd_get(number);
	if (!fd.file)
		return -EBADF;
	u32 max = 0;
	int err = within_file(fd.file->inode, len, offset) ? file_map(fd.file, prot, flags, &object, &max) : -EOVERFLOW;

	if (err)
		return vm_mmap_refused(own_vm(), addr, len, flags, offset, err);
	return vm_mmap(own_vm(), addr, len, prot, flags, object, max, offset);
}

SYSCALL(mmap)
{
	u64 len = ARG_U64(1), offset = ARG_U64(5);
	int prot = ARG_INT(2) & (PROT_READ | PROT_WRITE | PROT_EXEC), flags = ARG_INT(3);

	if (!is_aligned(offset, PAGE_SIZE))
		return -EINVAL;
	if (flags & MAP_ANONYMOUS)
		return vm_mmap(own_vm(), ARG_PTR(0), len, prot, flags, nullptr, 0, 0);
	return map_file(ARG_PTR(0), len, prot, flags, ARG_INT(4), offset);
}

SYSCALL(munmap)
{
	return vm_munmap(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1));
}

SYSCALL(mprotect)
{
	return vm_mprotect(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_INT(2));
}

SYSCALL(mseal)
{
	if (flags_unknown(ARG_U64(2), 0))
		return -EINVAL;
	return vm_mseal(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1));
}

SYSCALL(mremap)
{
	if (flags_unknown(ARG_UINT(3), MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	return vm_mremap(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_U64(2), ARG_INT(3), ARG_PTR(4));
}

SYSCALL(madvise)
{
	return vm_madvise(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_INT(2));
}

SYSCALL(mincore)
{
	return vm_mincore(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_PTR(2));
}

SYSCALL(msync)
{
	if (flags_unknown(ARG_UINT(2), MS_ASYNC | MS_INVALIDATE | MS_SYNC))
		return -EINVAL;
	return vm_msync(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_INT(2));
}

SYSCALL(mlock)
{
	return vm_mlock(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1), R_LOCKED);
}

SYSCALL(mlock2)
{
	u32 flags = ARG_UINT(2);

	if (flags_unknown(flags, MLOCK_ONFAULT))
		return -EINVAL;
	return vm_mlock(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1), R_LOCKED | (flags ? R_LOCKONFAULT : 0));
}

SYSCALL(munlock)
{
	return vm_mlock(own_vm(), abi_untag(ARG_PTR(0)), ARG_U64(1), 0);
}

SYSCALL(mlockall)
{
	if (flags_unknown(ARG_UINT(0), MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return -EINVAL;
	return vm_mlockall(own_vm(), ARG_INT(0));
}

SYSCALL(munlockall)
{
	return vm_munlockall(own_vm());
}

SYSCALL(remap_file_pages)
{
	return vm_remap_file_pages(own_vm(), ARG_PTR(0), ARG_U64(1), ARG_INT(2), ARG_U64(3), ARG_INT(4));
}
