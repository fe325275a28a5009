// SPDX-License-Identifier: MIT
/*
 * process_vm_readv(2) and process_vm_writev(2): between our memory and another process's, by way of a page of the kernel's. What
 * has been copied when an address turns out to be bad is the result.
 */
#include "fs/io.h"
#include "mm/kmem.h"
#include "mm/page.h"
#include "mm/user.h"
#include "mm/vm.h"
#include "proc/ptrace.h"
#include "sys/syscall.h"

/* A place in a vector. */
struct cursor {
	struct iovec *iov;
	u64 n, used;			/* entries left; bytes of the first that are done */
};

static u64 chunk_left(const struct cursor *c)
{
	return c->n ? c->iov->len - c->used : 0;
}

static void skip_done(struct cursor *c)
{
	while (c->n && c->used == c->iov->len) {
		c->iov++;
		c->n--;
		c->used = 0;
	}
}

static int get_vector(struct cursor *c, va_t from, u64 n)
{
	*c = (struct cursor){ .n = n };
	if (n > IOV_MAX)
		return -EINVAL;
	if (!n)
		return 0;
	c->iov = kmalloc(n * sizeof(struct iovec));
	if (!c->iov)
		return -ENOMEM;
	int err = copy_from_user(c->iov, from, n * sizeof(struct iovec));

	for (u64 i = 0; !err && i < n; i++)
		err = (s64)c->iov[i].len < 0 ? -EINVAL : 0;
	return err;
}

/* Bytes of one piece, at most a page, in one direction. */
static size_t copy_piece(struct vm *vm, va_t here, va_t there, void *page, size_t n, bool write)
{
	if (write)
		return vm_write(vm, there, page, copy_from_user_partial(page, here, n));
	return copy_to_user_partial(here, page, vm_read(vm, there, page, n));
}

static long copy_all(struct vm *vm, struct cursor local, struct cursor remote, void *page, bool write)
{
	u64 done = 0;

	for (;;) {
		if (signal_pending_fatal())
			return done ? (long)done : -EINTR;
		skip_done(&local);
		skip_done(&remote);
		va_t there = remote.n ? remote.iov->base + remote.used : 0;
		size_t n = min(min(chunk_left(&local), chunk_left(&remote)), PAGE_SIZE - (there & ~PAGE_MASK));

		n = min(n, IO_MAX - done);
		if (!n)
			return (long)done;
		/* What can be run may be readable for the CPU, but is not meant to be read. */
		bool may = vm_allows(vm, there, write ? R_WRITE : R_READ);
		size_t copied = may ? copy_piece(vm, local.iov->base + local.used, there, page, n, write) : 0;

		done += copied;
		if (copied < n)
			return done ? (long)done : -EFAULT;
		local.used += n;
		remote.used += n;
	}
}

/* Its address space with a user reference. */
static int open_vm(int pid, struct vm **out)
{
	struct task *t = task_find(pid);

	if (!t)
		return -ESRCH;
	/* The memory first: exec changes rights before memory. */
	struct vm *vm = task_vm(t);
	int err = !ptrace_may_access(t) ? -EPERM : vm ? 0 : -ESRCH;

	if (err && vm)
		vm_put(vm);
	*out = err ? nullptr : vm;
	task_put(t);
	return err;
}

static long copy_vectors(int pid, struct cursor *local, struct cursor *remote, bool write)
{
	struct vm *vm;
	int err = open_vm(pid, &vm);

	if (err)
		return err;
	struct page *page = page_alloc(0, PAGE_KERNEL, 0);
	long done = page ? copy_all(vm, *local, *remote, page_address(page), write) : -ENOMEM;

	if (page)
		page_put(page);
	vm_put(vm);
	return done;
}

static long process_vm(struct trapframe *f, bool write)
{
	struct cursor local, remote = {};

	if (ARG_U64(5))
		return -EINVAL;
	long result = get_vector(&local, ARG_PTR(1), ARG_U64(2));

	if (!result)
		result = get_vector(&remote, ARG_PTR(3), ARG_U64(4));
	if (!result)
		result = copy_vectors(ARG_INT(0), &local, &remote, write);
	kfree(local.iov);
	kfree(remote.iov);
	return result;
}

SYSCALL(process_vm_readv)
{
	return process_vm(f, false);
}

SYSCALL(process_vm_writev)
{
	return process_vm(f, true);
}
