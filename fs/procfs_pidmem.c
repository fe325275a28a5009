// SPDX-License-Identifier: MIT
/*
 * procfs: a process's memory as a file, /proc/PID/mem, for debuggers: where the position is the address. Who may look is asked
 * at every read, as the program may become another one meanwhile. And /proc/PID/syscall: the call in which it sleeps.
 */
#include "fs/procfs_tree.h"
#include "mm/page.h"
#include "mm/vm.h"
#include "proc/ptrace.h"

/* Bytes of one piece, which ends with its page, by way of a page of the kernel's. */
static size_t move_piece(struct vm *vm, struct io *io, va_t at, void *page, bool write)
{
	size_t n = min(io->left, PAGE_SIZE - (at & ~PAGE_MASK));

	if (write)
		return vm_force_write(vm, at, page, io_take(io, page, n));
	return io_put(io, page, vm_force_read(vm, at, page, n));
}

static long move_all(struct vm *vm, struct io *io, u64 *pos, void *page, bool write)
{
	long done = 0;

	while (io->left && !signal_pending_fatal()) {
		size_t want = min(io->left, PAGE_SIZE - (*pos & ~PAGE_MASK));
		size_t n = move_piece(vm, io, *pos, page, write);

		*pos += n;
		done += (long)n;
		if (n < want)
			return done ? done : -EIO;
	}
	return done;
}

/* The memory of the program that ran when it was opened: a descriptor that lives on must not reach what the process becomes by
 * exec, which may have more rights. */
static int mem_open(struct file *f)
{
	scoped_vm *vm = nullptr;
	int err = pid_vm(f->inode, &vm) ?: pid_private_open(f);

	if (!err && vm) {
		vm_hold(vm);
		f->data = vm;
	}
	return err;
}

static void mem_release(struct file *f)
{
	if (f->data)
		vm_release(f->data);
}

static long mem_move(struct file *f, struct io *io, u64 *pos, bool write)
{
	scoped_vm *vm = nullptr;
	int err = pid_vm(f->inode, &vm) ?: pid_private_open(f);

	if (err || !vm || vm != f->data)
		return err;
	struct page *page = page_alloc(0, PAGE_KERNEL, 0);

	if (!page)
		return -ENOMEM;
	long n = move_all(vm, io, pos, page_address(page), write);

	page_put(page);
	return n;
}

static long mem_read(struct file *f, struct io *io, u64 *pos)
{
	return mem_move(f, io, pos, false);
}

static long mem_write(struct file *f, struct io *io, u64 *pos)
{
	return mem_move(f, io, pos, true);
}

static s64 mem_seek(struct file *f, s64 offset, int whence)
{
	return file_seek_size(f, offset, whence, 0);
}

const struct file_ops pid_mem_fops = {
	.open = mem_open, .release = mem_release, .read = mem_read, .write = mem_write, .seek = mem_seek,
};

/* Its frame, if it sleeps. Its stack is there until it has left its task (t->summed), which takes the lock. If it wakes meanwhile the
 * copy is of no call in particular, as on Linux. */
static bool sleeping_frame(const struct thread *t, struct trapframe *out)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	bool sleeps = load_relaxed(&t->state) != THREAD_RUNNING && !t->summed;

	if (sleeps)
		*out = *arch_frame(&t->head);
	spin_unlock_irq(&tasks_lock, flags);
	return sleeps;
}

int pid_show_syscall(struct inode *i, struct text *t)
{
	scoped_pid_ref p = {};
	struct trapframe f;
	int err = pid_ref_get(i, &p);

	if (err)
		return err;
	if (!sleeping_frame(p.thread, &f)) {
		text_puts(t, "running\n");
		return 0;
	}
	text_printf(t, "%d", frame_in_syscall(&f) ? (int)frame_syscall(&f) : -1);
	for (unsigned n = 0; frame_in_syscall(&f) && n < 6; n++)
		text_printf(t, " %#lx", frame_arg(&f, n));
	text_printf(t, " %#lx %#lx\n", frame_sp(&f), frame_pc(&f));
	return 0;
}
