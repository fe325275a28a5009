// SPDX-License-Identifier: MIT
/*
 * execve(2): decode, then commit.
 *
 *   resolve	scripts down to a program, its headers, its interpreter, the new credentials
 *   args_copy	arguments and environment out of the caller's memory
 *   build	a whole new address space: segments, stack, the pages where it begins
 *   commit	other threads end; the address space is swapped; nothing can fail
 *
 * Until commit the caller is untouched, and everything that was made hangs on one struct that is freed in one place.
 *
 * Leaves out: binfmt_misc, core dumps, file capabilities, LSM hooks.
 */
#include "arch/arch.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/vm.h"
#include "proc/exec.h"
#include "proc/posix_timer.h"
#include "proc/ptrace.h"
#include "proc/rseq.h"
#include "proc/sched.h"

enum { AT_FDCWD = -100 };
constexpr u32 ADDR_NO_RANDOMIZE = 0x0040000;
constexpr u32 PER_CLEAR_ON_SETID = 0x0d40000;	/* personality(2): what would weaken a set-id program */
constexpr unsigned PREFIX_MAX = 2 * SCRIPTS_MAX + 1;

struct exec {
	struct exec_file *file;			/* the program: the caller's, or `opened` */
	struct exec_file opened, interp_file;	/* ours; object nullptr: not open */
	char *prefix[PREFIX_MAX];		/* argv[0] and on of a script, in order; owned */
	unsigned nprefix;
	bool has_interp;
	struct exec_args args;
	struct exec_start start;
	struct cred *cred;
	struct vm *vm;
	struct sighand *sighand;		/* a fresh one, if the old one is shared */
	struct elf_file program, interp;	/* last: large, and not cleared */
};

static void close_file(struct exec_file *f)
{
	if (f->object)
		exec_close(f);
	f->object = nullptr;
}

static void exec_free(struct exec *e)
{
	for (unsigned i = 0; i < e->nprefix; i++)
		kfree(e->prefix[i]);
	args_free(&e->args);
	elf_file_close(&e->program);
	elf_file_close(&e->interp);
	close_file(&e->opened);
	close_file(&e->interp_file);
	if (e->cred)
		cred_put(e->cred);
	if (e->vm)
		vm_put(e->vm);
	if (e->sighand)
		sighand_put(e->sighand);
	kfree(e);
}

static struct exec *exec_new(struct exec_file *file, const char *path)
{
	struct exec *e = kmalloc(sizeof(*e));

	if (!e)
		return nullptr;
	memset(e, 0, offsetof(struct exec, program));
	e->program.phdrs = e->interp.phdrs = nullptr;
	e->file = file;
	e->start.path = path;
	return e;
}

/* ---- resolve */

/* Puts a string in front of the others. */
static int push_prefix(struct exec *e, const char *s)
{
	char *copy = kstrdup(s);

	if (!copy)
		return -ENOMEM;
	memmove(e->prefix + 1, e->prefix, e->nprefix * sizeof(e->prefix[0]));
	e->prefix[0] = copy;
	e->nprefix++;
	return 0;
}

/* `name` is the script's own; its interpreter becomes the file to run, and goes before it in argv. */
static int enter_script(struct exec *e, const struct script *s, const char *name)
{
	int err = 0;

	if (!e->nprefix)
		err = push_prefix(e, name);	/* stands for argv[0] */
	if (!err && s->argument)
		err = push_prefix(e, s->argument);
	if (!err)
		err = push_prefix(e, s->interpreter);
	if (err)
		return err;
	close_file(&e->opened);
	err = exec_open(AT_FDCWD, s->interpreter, 0, &e->opened);
	if (err)
		e->opened.object = nullptr;
	e->file = &e->opened;
	return err;
}

/* Follows scripts until the file is a program, whose headers then are decoded. */
static int resolve_program(struct exec *e)
{
	for (unsigned depth = 0; ; depth++) {
		char line[SCRIPT_LINE + 1];
		struct script script;
		int err = elf_file_read(&e->program, e->file);

		if (err != -ENOEXEC)
			return err;
		long n = object_read(e->file->object, 0, line, SCRIPT_LINE);

		if (n < 0 || script_decode(line, (size_t)n, &script))
			return -ENOEXEC;
		if (depth == SCRIPTS_MAX)
			return -ELOOP;
		elf_file_close(&e->program);
		err = enter_script(e, &script, e->start.path);
		if (err)
			return err;
	}
}

static int resolve_interp(struct exec *e)
{
	const struct elf_image *image = &e->program.image;

	if (!image->interp_size)
		return 0;
	char *name scoped_kfree = kmalloc(image->interp_size);

	if (!name)
		return -ENOMEM;
	long n = object_read(e->file->object, image->interp_offset, name, image->interp_size);

	if (n != (long)image->interp_size || name[n - 1])
		return -ENOEXEC;
	int err = exec_open(AT_FDCWD, name, 0, &e->interp_file);

	if (err) {
		e->interp_file.object = nullptr;
		return err;
	}
	e->has_interp = true;
	err = elf_file_read(&e->interp, &e->interp_file);
	return err == -ENOEXEC ? -EIO : err;	/* Linux says ELIBBAD for most; no libc cares */
}

static int resolve(struct exec *e)
{
	int err = resolve_program(e);

	if (!err)
		err = resolve_interp(e);
	if (err)
		return err;
	e->cred = cred_exec(e->file, &e->start.secure);
	if (!e->cred)
		return -ENOMEM;
	e->start.cred = e->cred;
	e->start.exec_stack = e->program.image.exec_stack;
	e->start.aslr = e->start.secure || !(task_current()->personality & ADDR_NO_RANDOMIZE);
	return 0;
}

/* ---- build */

static void set_limits(struct vm *vm, struct task *task)
{
	vm->no_blocks = task->vm && task->vm->no_blocks;
	vm->limits = (struct vm_limits){
		.as = task->limits[RLIM_AS].cur,
		.data = task->limits[RLIM_DATA].cur,
		.stack = task->limits[RLIM_STACK].cur,
		.memlock = task->limits[RLIM_MEMLOCK].cur,
	};
}

/* Where every program begins: its first instruction, and its headers, which the C library reads. Each is a fault that need not be
 * taken; what goes wrong here will go wrong there. */
static void touch_first(struct vm *vm, const struct exec_start *s)
{
	(void)vm_fault(vm, s->entry, P_X);
	if (s->phdr)
		(void)vm_fault(vm, s->phdr, P_R);
}

static int build(struct exec *e)
{
	e->vm = vm_new(e->start.aslr);
	if (!e->vm)
		return -ENOMEM;
	set_limits(e->vm, task_current());
	int err = vm_give_image(e->vm);

	if (!err)
		err = exec_load(e->vm, &e->program, e->has_interp ? &e->interp : nullptr, &e->start);
	if (!err)
		err = exec_stack(e->vm, &e->args, &e->start);
	if (!err)
		touch_first(e->vm, &e->start);
	if (!err && load_relaxed(&task_current()->sighand->refs) > 1) {
		e->sighand = sighand_fork(task_current()->sighand);
		err = e->sighand ? 0 : -ENOMEM;
	}
	return err;
}

/* The last things that can fail: descriptors of our own, no other threads. Those use the old table until they are gone. */
static int prepare_task(void)
{
	struct task *task = task_current();
	struct files *old = task->files, *files = old ? files_unshare(old) : nullptr;

	if (old && !files)
		return -ENOMEM;
	int err = task_make_alone();

	if (files == old)
		return err;
	if (!err) {
		spin_lock(&task->lock);
		task->files = files;
		spin_unlock(&task->lock);
	}
	files_put(err ? files : old);
	return err;
}

/* ---- commit */

static void name_program(struct exec *e)
{
	struct exec_file *f = e->file;
	struct vm_image *i = e->vm->image;

	object_get(f->object);
	i->exe = f->object;
	i->exe_path = f->path;
	i->exe_release = exec_path_release;
	f->path = nullptr;
}

static void swap_vm(struct exec *e)
{
	struct task *task = task_current();
	struct vm *old = task->vm;

	preempt_disable();
	spin_lock(&task->lock);
	task->vm = e->vm;
	spin_unlock(&task->lock);
	vm_switch(e->vm);
	preempt_enable();
	e->vm = nullptr;
	vfork_release(thread_current());
	if (!old)
		return;
	task->max_rss_pages = max(task->max_rss_pages, vm_rss_peak(old, false));
	if (load_relaxed(&old->users) == 1) {
		task->min_faults += load_relaxed(&old->min_faults);
		task->maj_faults += load_relaxed(&old->maj_faults);
	}
	vm_put(old);
}

static void rename_thread(struct thread *t, const char *path)
{
	const char *slash = strrchr(path, '/');

	str_copy(t->name, slash ? slash + 1 : path, sizeof(t->name));
}

/* Others' eyes are not for it, though they may be of the same user: PR_GET_DUMPABLE. */
static bool hides(const struct exec *e)
{
	return e->start.secure || e->file->unreadable || (e->has_interp && e->interp_file.unreadable);
}

static void reset_task(struct exec *e, struct task *task)
{
	if (e->start.secure) {
		task->pdeath_signal = 0;
		task->personality &= ~PER_CLEAR_ON_SETID;
	}
	task->dumpable = !hides(e);
	task->did_exec = true;
	task->exit_signal = SIGCHLD;
	posix_timers_free(task);
	signal_exec(e->sighand);
	e->sighand = nullptr;
	if (task->files)
		files_close_on_exec(task->files);
}

static void commit(struct exec *e, struct trapframe *f)
{
	struct thread *t = thread_current();

	if (t->task->vm)
		thread_leave_vm(t);
	name_program(e);
	/* Rights before memory: who finds the new memory is judged by them (they take the memory first and ask then). */
	if (hides(e))
		store_relaxed(&t->task->dumpable, false);
	cred_commit(e->cred);
	e->cred = nullptr;
	swap_vm(e);
	reset_task(e, t->task);
	rename_thread(t, e->start.path);
	t->robust_list = t->clear_child_tid = 0;
	rseq_clear(t);
	t->pi_gone = false;
	sched_lend(t, 0);
	t->restart.fn = nullptr;
	arch_thread_exec(&t->arch);
	frame_start(f, e->start.entry, e->start.sp);
}

long exec_run(struct exec_file *file, const char *path, const struct exec_vectors *v, struct trapframe *f)
{
	struct exec *e = exec_new(file, path);
	int tid = thread_current()->tid;

	if (!e)
		return -ENOMEM;
	ptrace_exec_begin();
	int err = resolve(e);

	if (!err)
		err = args_copy(&e->args, v, e->prefix, e->nprefix);
	if (!err)
		err = build(e);
	if (!err)
		err = prepare_task();
	if (!err)
		commit(e, f);
	ptrace_exec_end();
	exec_free(e);
	if (!err)
		ptrace_event(PTRACE_EVENT_EXEC, (u64)tid);
	return err;
}

long task_exec(struct exec_file *file, const char *path, va_t argv, va_t envp, struct trapframe *f)
{
	struct exec_vectors v = { .argv = argv, .envp = envp };

	return exec_run(file, path, &v, f);
}
