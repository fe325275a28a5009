// SPDX-License-Identifier: MIT
/*
 * The stops of a traced thread, and how they end (ptrace(2), "Stopped states"). The thread parks its registers in memory, says
 * under its siglock what it has stopped for, tells the tracer and sleeps. SIGKILL ends every stop, but not while the tracer
 * holds the thread: its memory and registers stay what they are until the tracer lets go.
 *
 * How it runs then, p->resume, becomes two things: THREAD_PTRACE, which sends its system calls the slow way, and the CPU's step
 * flag in its frame, which is there only between two stops.
 *
 * Locks: tasks_lock (the tracer), then siglock.
 */
#include "arch/arch.h"
#include "proc/ptrace.h"
#include "proc/trace.h"
#include "proc/tree.h"

/* ---- running on */

static void step_end(struct ptrace *p)
{
	if (p->stepping)
		frame_step_end(arch_frame(&p->thread->head));
	p->stepping = false;
}

/* By the thread itself: a program's own step flag stays its own. */
static void run_as_told(struct ptrace *p)
{
	step_end(p);
	if (p->resume == RESUME_STEP)
		p->stepping = frame_step_begin(arch_frame(&p->thread->head));
	if (p->resume != RESUME_CONT)
		thread_trace_on(THREAD_PTRACE);
	else
		thread_trace_off(THREAD_PTRACE);
}

void ptrace_settle(struct trapframe *f)
{
	struct ptrace *p = thread_current()->ptrace;

	if (!p || load_relaxed(&p->tracer) || !(load_relaxed(&p->thread->head.work) & THREAD_PTRACE))
		return;
	run_as_told(p);		/* it is RESUME_CONT since the tracer has gone */
}

void ptrace_enter_user(void)
{
	if (thread_current()->ptrace->resume == RESUME_STEP)
		arch_step_enable();
}

bool trap_step_expected(void)
{
	const struct ptrace *p = thread_current()->ptrace;

	return p && p->stepping;
}

/* ---- stopping */

/* What a thread stops for. code 0: whatever its group does. */
struct stop {
	int code;			/* as wait4 has it, without the low byte */
	int cld;
	u64 message;
	const struct siginfo *info;
	int signal;			/* what it goes on with if nobody says otherwise */
	bool ending;			/* not even a signal that has killed it is in the way */
};

/* The stop of the group if there is one: for a thread that was seized an event. False: there is none to make. */
static bool group_code(struct ptrace *p, struct stop *s, struct siginfo *info)
{
	struct task *task = p->thread->task;
	int sig = task->stopping ? task->stop_signal : 0;

	s->cld = CLD_STOPPED;
	if (!p->seized) {
		s->code = sig;
		return sig;
	}
	sig = sig ?: SIGTRAP;
	s->code = sig | PTRACE_EVENT_STOP << 8;
	*info = (struct siginfo){ .signo = sig, .code = s->code };
	info->rt.pid = p->thread->tid;
	info->rt.uid = task->cred->uid;
	s->info = info;
	return true;
}

/* Under tasks_lock and siglock. False: go on instead. */
static bool stop_begin(struct ptrace *p, struct stop *s)
{
	struct thread *t = p->thread;
	struct siginfo group_info;

	p->trap &= ~PTRACE_TRAP_STOP;
	if (s->ending)
		t->pending.set &= ~sig_bit(SIGKILL);
	if (!p->tracer || (t->pending.set & sig_bit(SIGKILL)))
		return false;
	if (!s->code) {
		p->trap = 0;
		if (!group_code(p, s, &group_info))
			return false;
	}
	p->code = s->code;
	p->message = s->message;
	p->signal = s->signal;
	p->has_info = s->info;
	if (s->info)
		p->info = *s->info;
	p->listening = false;
	store_relaxed(&p->stopped, true);
	ptrace_tell_tracer(t, s->cld, s->code & 0x7f);
	return true;
}

/* Returns when it has been resumed: with the signal to go on with. -1: there was no stop. */
static int stop(struct stop *s)
{
	struct thread *t = thread_current();
	struct ptrace *p = t->ptrace;

	step_end(p);
	arch_thread_park(&t->arch);
	u64 flags = spin_lock_irq(&tasks_lock);

	spin_lock(&t->task->siglock);
	bool stopped = stop_begin(p, s);

	spin_unlock(&t->task->siglock);
	spin_unlock_irq(&tasks_lock, flags);
	if (stopped)
		wait_event_always(&p->wait, !load_acquire(&p->stopped) && !load_acquire(&p->held));
	arch_thread_unpark(&t->arch);
	run_as_told(p);
	return stopped ? p->signal : -1;
}

/* si_code says which stop it is. */
static int stop_trapped(int code, u64 message, bool ending)
{
	struct siginfo info = { .signo = SIGTRAP, .code = code };

	info.rt.pid = thread_current()->tid;
	info.rt.uid = cred_current()->uid;
	struct stop s = { .code = code, .cld = CLD_TRAPPED, .message = message, .info = &info, .ending = ending };

	return stop(&s);
}

int ptrace_signal_stop(int sig, struct siginfo *info)
{
	struct ptrace *p = thread_current()->ptrace;
	struct stop s = { .code = sig, .cld = CLD_TRAPPED, .info = info, .signal = sig };
	int go_on = stop(&s);

	if (go_on < 0)
		return sig;
	*info = p->info;
	if (go_on != sig)
		*info = (struct siginfo){ .signo = go_on, .code = SI_USER };
	return go_on;
}

void ptrace_trap(void)
{
	struct stop s = {};

	(void)stop(&s);
}

void ptrace_event(enum ptrace_event event, u64 message)
{
	struct thread *t = thread_current();
	struct siginfo info = { .signo = SIGTRAP, .code = SI_USER };

	if (!ptrace_traced(t))
		return;
	if (load_relaxed(&t->ptrace->options) >> event & 1)
		(void)stop_trapped(SIGTRAP | (int)event << 8, message, event == PTRACE_EVENT_EXIT);
	else if (event == PTRACE_EVENT_EXEC && !t->ptrace->seized)
		(void)signal_thread(t, SIGTRAP, &info);	/* as it was before there were events */
}

/* ---- system calls */

static void syscall_stop(struct ptrace *p, u64 message)
{
	bool good = load_relaxed(&p->options) & PTRACE_O_TRACESYSGOOD;
	int sig = stop_trapped(SIGTRAP | (good ? 0x80 : 0), message, false);
	struct siginfo info = { .signo = sig, .code = SI_KERNEL };

	if (sig > 0)
		(void)signal_thread(p->thread, sig, &info);
}

bool ptrace_syscall_enter(struct trapframe *f)
{
	struct ptrace *p = thread_current()->ptrace;

	if (p->resume != RESUME_SYSCALL || !load_relaxed(&p->tracer))
		return true;
	frame_trace_enter(f);
	syscall_stop(p, PTRACE_EVENTMSG_SYSCALL_ENTRY);
	frame_trace_entered(f);
	return (s32)frame_syscall(f) != -1 && !signal_pending_fatal();
}

void ptrace_syscall_exit(struct trapframe *f)
{
	struct ptrace *p = thread_current()->ptrace;

	if (!load_relaxed(&p->tracer))
		return;
	if (p->resume == RESUME_SYSCALL)
		syscall_stop(p, PTRACE_EVENTMSG_SYSCALL_EXIT);
	else if (p->resume == RESUME_STEP)
		trap_signal(f, SIGTRAP, TRAP_TRACE, frame_pc(f));	/* the call was the instruction */
}

/* ---- handlers */

bool ptrace_handler_begin(struct trapframe *f)
{
	struct ptrace *p = thread_current()->ptrace;

	if (!p || p->resume != RESUME_STEP)
		return false;
	step_end(p);
	return true;
}

void ptrace_handler_done(void)
{
	(void)stop_trapped(SIGTRAP, 0, false);
}

/* ---- from outside */

static void end_stop(struct ptrace *p)
{
	if (!p->stopped)
		return;
	store_release(&p->stopped, false);
	wake_up_all(&p->wait, 0);
}

void ptrace_killed_locked(struct thread *t)
{
	if (t->ptrace)
		end_stop(t->ptrace);
}

void ptrace_group_changed_locked(struct thread *t)
{
	struct ptrace *p = t->ptrace;

	if (!ptrace_traced(t) || !p->seized)
		return;
	p->trap |= PTRACE_TRAP_NOTIFY;
	signal_kick(t);
	if (p->listening)
		end_stop(p);
}

struct thread *ptrace_find(int tid)
{
	struct thread *t = thread_find(tid);

	if (t && ptrace_traced(t) && t->ptrace->tracer == task_current())
		return t;
	if (t)
		thread_put(t);
	return nullptr;
}

static int try_hold(struct thread *t)
{
	struct ptrace *p = t->ptrace;
	u64 flags = spin_lock_irq(&t->task->siglock);
	bool stopped = p->tracer == task_current() && p->stopped && !p->listening;
	int err = !stopped ? -ESRCH : p->held ? -EAGAIN : 0;

	if (!err)
		store_relaxed(&p->held, true);
	spin_unlock_irq(&t->task->siglock, flags);
	return err;
}

int ptrace_hold(int tid, struct thread **out)
{
	struct thread *t = ptrace_find(tid);
	int err;

	if (!t)
		return -ESRCH;
	wait_event_always(&t->ptrace->wait, (err = try_hold(t)) != -EAGAIN);
	if (err)
		thread_put(t);
	else
		*out = t;
	return err;
}

void ptrace_let(struct thread *t)
{
	struct ptrace *p = t->ptrace;
	u64 flags = spin_lock_irq(&t->task->siglock);

	store_release(&p->held, false);
	wake_up_all(&p->wait, 0);
	spin_unlock_irq(&t->task->siglock, flags);
	thread_put(t);
}

void ptrace_resume(struct thread *t, enum ptrace_resume how, int sig)
{
	struct ptrace *p = t->ptrace;
	u64 flags = spin_lock_irq(&t->task->siglock);

	if (p->stopped && p->tracer == task_current()) {
		p->resume = how;
		p->signal = sig;
		p->code = 0;
		end_stop(p);
	}
	spin_unlock_irq(&t->task->siglock, flags);
}

u64 ptrace_blocked(struct thread *t)
{
	return t->restore_blocked ? t->saved_blocked : t->blocked;
}

/* It looks at its signals again when it goes on. */
void ptrace_set_blocked(struct thread *t, u64 mask)
{
	u64 flags = spin_lock_irq(&t->task->siglock);

	t->blocked = mask & ~SIGNALS_UNBLOCKABLE;
	t->restore_blocked = false;
	signal_kick(t);
	spin_unlock_irq(&t->task->siglock, flags);
}

bool ptrace_peek_signal(struct thread *t, bool shared, u64 nth, struct siginfo *info)
{
	u64 flags = spin_lock_irq(&t->task->siglock);
	bool found = signal_queue_peek(shared ? &t->task->pending : &t->pending, nth, info);

	spin_unlock_irq(&t->task->siglock, flags);
	return found;
}

int ptrace_listen(struct thread *t)
{
	struct ptrace *p = t->ptrace;
	u64 flags = spin_lock_irq(&t->task->siglock);
	bool event = p->stopped && p->seized && p->has_info && p->info.code >> 8 == PTRACE_EVENT_STOP;

	if (event) {
		p->listening = true;
		if (p->trap & PTRACE_TRAP_NOTIFY)
			end_stop(p);
	}
	spin_unlock_irq(&t->task->siglock, flags);
	return event ? 0 : -EIO;
}

int ptrace_interrupt(int tid)
{
	struct thread *t = ptrace_find(tid);

	if (!t)
		return -ESRCH;
	struct ptrace *p = t->ptrace;
	u64 flags = spin_lock_irq(&t->task->siglock);
	int err = p->seized ? 0 : -EIO;

	if (!err && !t->exiting) {
		p->trap |= PTRACE_TRAP_STOP;
		signal_kick(t);
		if (p->listening)
			end_stop(p);
	}
	spin_unlock_irq(&t->task->siglock, flags);
	thread_put(t);
	return err;
}
