// SPDX-License-Identifier: MIT
/*
 * The first task: made by hand, where every other is a copy of its parent. It begins as a kernel thread, because opening
 * files and running a program sleep, which boot must not; then it is an ordinary exec.
 */
#include "arch/arch.h"
#include "lib/string.h"
#include "mm/page.h"
#include "proc/exec.h"
#include "proc/sched.h"

enum { AT_FDCWD = -100 };
constexpr u64 INFINITE = ~0ul;

/* What task_start_init() asks of the first thread. */
static struct {
	const char *path;
	char *const *argv, *const *envp;
	bool posted;
	long result;			/* once `posted` is false again */
	struct wait_queue changed;
} request = { .changed = WAIT_QUEUE_INIT(request.changed) };

u32 task_first_personality;
u64 task_first_fail_alloc;

static void set_limits(struct task *t)
{
	u64 threads = threads_max() / 2;

	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		t->limits[i] = (struct rlimit){ INFINITE, INFINITE };
	t->limits[RLIM_STACK].cur = 8 * MiB;
	t->limits[RLIM_CORE].cur = 0;
	t->limits[RLIM_NPROC] = (struct rlimit){ threads, threads };
	t->limits[RLIM_NOFILE] = (struct rlimit){ 1024, 4096 };
	t->limits[RLIM_MEMLOCK] = (struct rlimit){ 8 * MiB, 8 * MiB };
	t->limits[RLIM_SIGPENDING] = (struct rlimit){ threads, threads };
	t->limits[RLIM_MSGQUEUE] = (struct rlimit){ 819200, 819200 };
	t->limits[RLIM_NICE] = (struct rlimit){};
	t->limits[RLIM_RTPRIO] = (struct rlimit){};
}

static long run(struct trapframe *f)
{
	struct exec_vectors v = { .kernel_argv = request.argv, .kernel_envp = request.envp };
	struct exec_file file = {};
	long err = exec_open(AT_FDCWD, request.path, 0, &file);

	if (err)
		return err;
	err = exec_run(&file, request.path, &v, f);
	exec_close(&file);
	return err;
}

static void answer(long result)
{
	request.result = result;
	store_release(&request.posted, false);
	wake_up_all(&request.changed, 0);
}

/* The first thread's life until it is in user mode. */
static void first_main(void *arg)
{
	struct thread *self = thread_current();
	struct trapframe *f = arch_frame(&self->head);

	irq_enable();
	exec_init();
	self->task->fs = fs_context_new();
	self->task->files = files_new_console();
	if (!self->task->fs || !self->task->files)
		panic("no memory for the first process");
	for (long err = run(f); err; err = run(f)) {
		answer(err);
		wait_event_always(&request.changed, load_acquire(&request.posted));
	}
	answer(0);
	page_fail_at(task_first_fail_alloc);
	arch_enter_user(f);
}

static struct task *first_task(void)
{
	struct task *t = task_new();

	if (!t)
		return nullptr;
	cred_get(&cred_root);
	t->cred = &cred_root;
	t->sighand = sighand_new();
	t->leader = thread_new();
	if (!t->sighand || !t->leader)
		return nullptr;		/* boot fails: nothing is worth freeing */
	str_copy(t->leader->name, "init", sizeof(t->leader->name));
	t->exit_signal = SIGCHLD;
	t->start_ns = t->leader->start_ns = arch_clock_ns();
	set_limits(t);
	t->personality = task_first_personality;
	t->leader->task = t;
	task_get(t);
	thread_get(t->leader);
	return t;
}

static int start_first_task(void)
{
	struct task *t = first_task();

	if (!t)
		return -ENOMEM;
	arch_thread_kernel(&t->leader->head, &t->leader->arch, first_main, nullptr);
	u64 flags = spin_lock_irq(&tasks_lock);
	int err = pid_insert(t->leader);

	if (!err) {
		task_link(t, nullptr);
		err = session_start(t);
		task_first = t;
	}
	spin_unlock_irq(&tasks_lock, flags);
	if (!err)
		thread_wake(t->leader);
	return err;
}

int task_start_init(const char *path, char *const argv[], char *const envp[])
{
	request.path = path;
	request.argv = argv;
	request.envp = envp;
	store_release(&request.posted, true);
	int err = task_first ? 0 : start_first_task();

	if (err)
		return err;
	wake_up_all(&request.changed, 0);
	wait_event_always(&request.changed, !load_acquire(&request.posted));
	return (int)request.result;
}
