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

SYSCALL(brk)
{
	return vm_brk(vm_current(), ARG_PTR(0));
}

SYSCALL(mmap)
{
	va_t addr = ARG_PTR(0);
	u64 len = ARG_U64(1), offset = ARG_U64(5);
	int prot = ARG_INT(2), flags = ARG_INT(3);
	struct object *object = nullptr;

	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	if (!is_aligned(offset, PAGE_SIZE))
		return -EINVAL;
	if (flags & MAP_ANONYMOUS)
		return vm_mmap(vm_current(), addr, len, prot, flags, nullptr, 0, 0);
	scoped_fd fd = fd_get(ARG_INT(4));
	if (!fd.file)
		return -EBADF;
	u32 max = 0;
	int err = file_map(fd.file, prot, flags, &object, &max);

	if (err)
		return vm_mmap_refused(vm_current(), addr, len, flags, offset, err);
	return vm_mmap(vm_current(), addr, len, prot, flags, object, max, offset);
}

SYSCALL(munmap)
{
	return vm_munmap(vm_current(), abi_untag(ARG_PTR(0)), ARG_U64(1));
}

SYSCALL(mprotect)
{
	return vm_mprotect(vm_current(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_INT(2));
}

SYSCALL(mremap)
{
	if (flags_unknown(ARG_UINT(3), MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	return vm_mremap(vm_current(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_U64(2), ARG_INT(3), ARG_PTR(4));
}

SYSCALL(madvise)
{
	return vm_madvise(vm_current(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_INT(2));
}

SYSCALL(mincore)
{
	return vm_mincore(vm_current(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_PTR(2));
}

SYSCALL(msync)
{
	if (flags_unknown(ARG_UINT(2), MS_ASYNC | MS_INVALIDATE | MS_SYNC))
		return -EINVAL;
	return vm_msync(vm_current(), abi_untag(ARG_PTR(0)), ARG_U64(1), ARG_INT(2));
}

SYSCALL(mlock)
{
	return vm_mlock(vm_current(), abi_untag(ARG_PTR(0)), ARG_U64(1), R_LOCKED);
}

SYSCALL(mlock2)
{
	u32 flags = ARG_UINT(2);

	if (flags_unknown(flags, MLOCK_ONFAULT))
		return -EINVAL;
	return vm_mlock(vm_current(), abi_untag(ARG_PTR(0)), ARG_U64(1), R_LOCKED | (flags ? R_LOCKONFAULT : 0));
}

SYSCALL(munlock)
{
	return vm_mlock(vm_current(), abi_untag(ARG_PTR(0)), ARG_U64(1), 0);
}

SYSCALL(mlockall)
{
	if (flags_unknown(ARG_UINT(0), MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return -EINVAL;
	return vm_mlockall(vm_current(), ARG_INT(0));
}

SYSCALL(munlockall)
{
	return vm_munlockall(vm_current());
}

SYSCALL(remap_file_pages)
{
	return vm_remap_file_pages(vm_current(), ARG_PTR(0), ARG_U64(1), ARG_INT(2), ARG_U64(3), ARG_INT(4));
}
