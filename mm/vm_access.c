// SPDX-License-Identifier: MIT
/*
 * Memory of any address space, page by page, through faults and the direct map: ptrace-like reads and writes,
 * /proc/PID/cmdline. Slower than a user copy, but needs no switch.
 *
 * vm->lock is held from the fault until a page's bytes are copied, which cannot fault: so what is written is in the space's own
 * page, before a fork or after it, and no reclaimer finds a page that is being written to. Debuggers, who may write where the entry
 * stays write-protected, have it for writing: the reference of one would make another take the page for shared, and copy it.
 */
#include "arch/arch.h"
#include "lib/string.h"
#include "mm/object.h"
#include "mm/pt.h"
#include "mm/vm.h"

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_FORCE_READ, ACCESS_FORCE_WRITE };

static void access_page(void *at, void *buf, size_t n, enum access_kind kind)
{
	switch (kind) {
	case ACCESS_READ:
	case ACCESS_FORCE_READ:
		memcpy(buf, at, n);
		break;
	case ACCESS_WRITE:
		memcpy(at, buf, n);
		break;
	case ACCESS_FORCE_WRITE:
		memcpy(at, buf, n);
		arch_sync_code(at, n);
		break;
	}
}

static size_t vm_access(struct vm *vm, va_t addr, void *buf, size_t n, enum access_kind kind)
{
	bool write = kind != ACCESS_READ && kind != ACCESS_FORCE_READ, force = kind >= ACCESS_FORCE_READ;
	size_t done = 0;

	while (done < n) {
		va_t va = addr + done;
		size_t offset = va & ~PAGE_MASK, part = min(n - done, PAGE_SIZE - offset);
		struct page *p;

		if (va < addr || vm_fault_page(vm, va, write ? P_W : P_R, force, &p) != FAULT_OK)
			break;
		access_page((char *)page_address(p) + offset, (char *)buf + done, part, kind);
		if (write && p->kind == PAGE_CACHE)
			object_page_written(p);
		vm_page_done(vm, p);
		done += part;
	}
	return done;
}

bool vm_allows(struct vm *vm, va_t addr, u32 right)
{
	struct region r;

	scoped_read(&vm->lock);
	/* What is not mapped yet may be where a stack grows: the fault knows. */
	return !layout_find(&vm->layout, addr, &r) || (r.flags & right);
}

size_t vm_write(struct vm *vm, va_t addr, const void *src, size_t n)
{
	return vm_access(vm, addr, (void *)src, n, ACCESS_WRITE);
}

size_t vm_read(struct vm *vm, va_t addr, void *dst, size_t n)
{
	return vm_access(vm, addr, dst, n, ACCESS_READ);
}

size_t vm_force_write(struct vm *vm, va_t addr, const void *src, size_t n)
{
	return vm_access(vm, addr, (void *)src, n, ACCESS_FORCE_WRITE);
}

size_t vm_force_read(struct vm *vm, va_t addr, void *dst, size_t n)
{
	return vm_access(vm, addr, dst, n, ACCESS_FORCE_READ);
}
