// SPDX-License-Identifier: MIT
/*
 * procfs: /proc/PID/stat, statm and status: a process in numbers, for ps, top and pgrep.
 *
 * Facts are collected first, each under its own lock, then written. Sizes come from the layout,
 * resident pages from counting the page tables, so that they are exact; the page of zeros that
 * everybody shares is nobody's.
 */
#include "fs/cpulist.h"
#include "fs/file.h"
#include "fs/number.h"
#include "fs/procfs_tree.h"
#include "fs/tty.h"
#include "lib/string.h"
#include "mm/pt.h"
#include "mm/vm.h"
#include "proc/ptrace.h"
#include "proc/sched.h"

constexpr u64 TICK_NS = 10'000'000;	/* 1 / USER_HZ */
constexpr u64 PAGE_KIB = PAGE_SIZE / KiB;

/* ---- memory */

struct vm_facts {
	u64 size, peak, rss_peak, locked, data, stack, exe, lib;	/* pages */
	va_t code_start, code_end, data_start, data_end;
	struct pt_counts pt;
};

void vm_rss(struct vm *vm, struct pt_counts *out)
{
	scoped_write(&vm->lock);
	pt_count(vm, 0, USER_END, out);
}

static void add_region(struct vm_facts *m, const struct vm *vm, const struct region *r)
{
	u64 pages = (r->end - r->start) >> PAGE_SHIFT;
	bool program = r->object && r->object == vm->image->exe;

	if (r->flags & R_GROWSDOWN)
		m->stack += pages;
	if ((r->flags & R_EXEC) && r->object)
		*(program ? &m->exe : &m->lib) += pages;
	if (program && (r->flags & R_EXEC)) {
		m->code_start = m->code_start ? m->code_start : r->start;
		m->code_end = r->end;
	}
	if (program && (r->flags & R_WRITE)) {
		m->data_start = m->data_start ? m->data_start : r->start;
		m->data_end = r->end;
	}
}

static void vm_facts(struct vm *vm, struct vm_facts *m)
{
	struct region r;

	*m = (struct vm_facts){};
	scoped_write(&vm->lock);
	for (va_t va = 0; layout_next(&vm->layout, va, &r); va = r.end)
		add_region(m, vm, &r);
	m->size = vm->layout.pages;
	m->peak = max(vm->peak_pages, m->size);
	m->locked = vm->layout.locked_pages;
	m->data = vm->layout.data_pages;
	pt_count(vm, 0, USER_END, &m->pt);
	vm_rss_note(vm);
	m->rss_peak = max(vm->rss.peak, rss_pages(m->pt.anon, m->pt.cache));
}

static u64 rss(const struct vm_facts *m)
{
	return rss_pages(m->pt.anon, m->pt.cache);
}

int pid_show_statm(struct inode *i, struct text *t)
{
	scoped_vm *vm = nullptr;
	struct vm_facts m = {};
	int err = pid_vm(i, &vm);

	if (err)
		return err;
	if (vm)
		vm_facts(vm, &m);
	text_printf(t, "%lu %lu %lu %lu 0 %lu 0\n", m.size, rss(&m), m.pt.cache, m.exe,
		    m.data + m.stack);
	return 0;
}

/* proc_pid_clear_refs(5): 1 to 3 take marks of use away, 5 lets VmHWM begin anew. There are no marks of dirtying (pagemap's bit
 * 55 is never set), so 4 has nothing to do, as on a Linux without CONFIG_MEM_SOFT_DIRTY. */
long pid_store_clear_refs(struct inode *i, const char *buf, size_t n)
{
	enum { SOFT_DIRTY = 4, PEAK };
	scoped_vm *vm = nullptr;
	int what, err = number_only(buf, 10, &what);

	if (!err)
		err = what >= (int)ACCESSED_ALL && what <= PEAK ? pid_vm(i, &vm) : -EINVAL;
	if (err || !vm)
		return err ? err : (long)n;
	if (what == PEAK)
		vm_rss_peak_reset(vm);
	else if (what != SOFT_DIRTY)
		err = vm_clear_accessed(vm, (enum accessed_kind)what);
	return err ? err : (long)n;
}

/* ---- the tree */

struct tree_facts {
	int ppid, pgid, sid, tty_pgid;
	unsigned threads;
	u32 tty_dev;
};

static void tree_facts(const struct task *t, struct tree_facts *f)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	const struct tty *tty = t->session && !t->no_tty ? t->session->tty : nullptr;

	*f = (struct tree_facts){
		.ppid = t->parent ? t->parent->pid : 0, .pgid = t->pgid, .sid = t->sid,
		.threads = max(t->nthreads, 1u), .tty_pgid = tty ? load_relaxed(&tty->pgid) : -1,
		.tty_dev = tty ? tty->dev : 0,
	};
	spin_unlock_irq(&tasks_lock, flags);
}

/* As stat has it: bits 31..20 and 7..0 are the minor number. */
static u32 tty_number(u32 dev)
{
	u32 minor = dev_minor(dev);

	return (minor & 0xff) | dev_major(dev) << 8 | (minor & ~0xffu) << 12;
}

/* ---- stat */

static void show_stat_times(struct text *t, const struct pid_ref *p, const struct vm *vm,
			    bool whole)
{
	const struct task *task = p->task;
	u64 user, system, faults = task->min_faults + (vm ? vm->min_faults : 0);

	if (whole)
		task_times(p->task, &user, &system);
	else
		thread_times(p->thread, &user, &system);
	text_printf(t, " %lu %lu %lu %lu", whole ? faults : 0, task->child_min_faults,
		    whole ? task->maj_faults + (vm ? vm->maj_faults : 0) : 0,
		    task->child_maj_faults);
	text_printf(t, " %lu %lu %lu %lu", user / TICK_NS, system / TICK_NS,
		    task->child_user_ns / TICK_NS, task->child_system_ns / TICK_NS);
}

static void show_stat_memory(struct text *t, const struct task *task, const struct vm *vm,
			     const struct vm_facts *m, bool inspect)
{
	text_printf(t, " %lu %lu %lu", m->size << PAGE_SHIFT, rss(m),
		    load_relaxed(&task->limits[RLIM_RSS].cur));
	if (inspect)
		text_printf(t, " %lu %lu %lu 0 0", m->code_start, m->code_end,
			    vm ? vm->stack_top : 0);
	else
		text_puts(t, vm ? " 1 1 0 0 0" : " 0 0 0 0 0");
}

static void show_stat_layout(struct text *t, const struct vm *vm, const struct vm_facts *m,
			     bool inspect)
{
	if (!vm || !inspect) {
		text_puts(t, " 0 0 0 0 0 0 0");
		return;
	}
	text_printf(t, " %lu %lu %lu", m->data_start, m->data_end, vm->brk_start);
	const struct vm_image *i = vm->image;

	text_printf(t, " %lu %lu %lu %lu", i->arg_start, i->arg_end, i->env_start, i->env_end);
}

/* The signal sets are what fits the fields' 31 bits: programs are told to look at status. */
static void show_stat_signals(struct text *t, const struct pid_ref *p)
{
	struct signal_status s;

	signal_status(p->thread, &s);
	text_printf(t, " %lu %lu %lu %lu", s.pending & 0x7fffffff, s.blocked & 0x7fffffff,
		    s.ignored & 0x7fffffff, s.caught & 0x7fffffff);
}

static int show_stat(struct inode *i, struct text *t, bool whole)
{
	scoped_pid_ref p = {};
	struct tree_facts f;
	int err = pid_ref_get(i, &p);

	if (err)
		return err;
	scoped_vm *vm = task_vm(p.task);
	struct thread *th = p.thread;
	bool inspect = pid_may_inspect(p.task), rt = th->rt_priority;
	struct vm_facts m = {};

	if (vm)
		vm_facts(vm, &m);
	tree_facts(p.task, &f);
	text_printf(t, "%d (%.15s) %c %d %d %d %u %d 0", th->tid, th->name, thread_state_letter(th),
		    f.ppid, f.pgid, f.sid, tty_number(f.tty_dev), f.tty_pgid);
	show_stat_times(t, &p, vm, whole);
	text_printf(t, " %d %d %u 0 %lu", rt ? -1 - th->rt_priority : 20 + th->nice, th->nice,
		    f.threads, (whole ? p.task->start_ns : th->start_ns) / TICK_NS);
	show_stat_memory(t, p.task, vm, &m, inspect);
	show_stat_signals(t, &p);
	text_printf(t, " 0 0 0 %d %u %u %u 0 0 0", p.task->exit_signal, th->head.cpu,
		    th->rt_own, th->policy);
	show_stat_layout(t, vm, &m, inspect);
	text_printf(t, " %d\n", inspect ? p.task->exit_status : 0);
	return 0;
}

int pid_show_stat(struct inode *i, struct text *t) { return show_stat(i, t, true); }
int pid_show_thread_stat(struct inode *i, struct text *t) { return show_stat(i, t, false); }

/* ---- status */

static const char *state_name(char letter)
{
	switch (letter) {
	case 'R': return "R (running)";
	case 'S': return "S (sleeping)";
	case 'D': return "D (disk sleep)";
	case 'T': return "T (stopped)";
	case 't': return "t (tracing stop)";
	case 'Z': return "Z (zombie)";
	default: return "X (dead)";
	}
}

static u32 task_umask(struct task *task)
{
	scoped_spin(&task->lock);
	return task->fs ? load_relaxed(&task->fs->umask) : 0;
}

static u32 task_fd_capacity(struct task *task)
{
	scoped_spin(&task->lock);
	struct files *fs = task->files;

	if (!fs)
		return 0;
	scoped_spin(&fs->lock);
	return fs->table->capacity;
}

static void show_ids(struct text *t, const struct cred *c)
{
	text_printf(t, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid);
	text_printf(t, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->fsgid);
}

static int tracer_pid(const struct thread *t)
{
	u64 flags = spin_lock_irq(&tasks_lock);
	int pid = ptrace_traced(t) ? t->ptrace->tracer->pid : 0;

	spin_unlock_irq(&tasks_lock, flags);
	return pid;
}

static void show_identity(struct text *t, const struct pid_ref *p, const struct cred *c,
			  const struct tree_facts *f)
{
	const struct thread *th = p->thread;

	text_printf(t, "Name:\t%.15s\nUmask:\t%04o\nState:\t%s\n", th->name, task_umask(p->task),
		    state_name(thread_state_letter(th)));
	text_printf(t, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
		    p->task->pid, th->tid, f->ppid, tracer_pid(th));
	show_ids(t, c);
	text_printf(t, "FDSize:\t%u\nGroups:\t", task_fd_capacity(p->task));
	for (u32 n = 0; n < c->ngroups; n++)
		text_printf(t, "%s%u", n ? " " : "", c->groups[n]);
	text_printf(t, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\nKthread:\t0\n",
		    p->task->pid, th->tid, f->pgid, f->sid);
}

static void show_kib(struct text *t, const char *name, u64 pages)
{
	text_printf(t, "%s:\t%8lu kB\n", name, pages * PAGE_KIB);
}

static void show_memory(struct text *t, struct vm *vm)
{
	struct vm_facts m;

	vm_facts(vm, &m);
	show_kib(t, "VmPeak", m.peak);
	show_kib(t, "VmSize", m.size);
	show_kib(t, "VmLck", m.locked);
	show_kib(t, "VmPin", 0);
	show_kib(t, "VmHWM", m.rss_peak);
	show_kib(t, "VmRSS", rss(&m));
	show_kib(t, "RssAnon", m.pt.anon);
	show_kib(t, "RssFile", m.pt.cache - m.pt.shmem);
	show_kib(t, "RssShmem", m.pt.shmem);
	show_kib(t, "VmData", m.data);
	show_kib(t, "VmStk", m.stack);
	show_kib(t, "VmExe", m.exe);
	show_kib(t, "VmLib", m.lib);
	show_kib(t, "VmPTE", m.pt.tables);
	show_kib(t, "VmSwap", m.pt.swap);
	text_puts(t, "HugetlbPages:\t       0 kB\nCoreDumping:\t0\n");
	text_printf(t, "THP_enabled:\t%d\n", !vm->no_blocks);
}

static void show_signals(struct text *t, const struct pid_ref *p, const struct tree_facts *f)
{
	struct signal_status s;

	signal_status(p->thread, &s);
	text_printf(t, "Threads:\t%u\nSigQ:\t%u/%lu\n", f->threads, s.queued, s.queue_limit);
	text_printf(t, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", s.pending,
		    s.task_pending, s.blocked);
	text_printf(t, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", s.ignored, s.caught);
}

static void show_rights(struct text *t, const struct task *task, const struct cred *c)
{
	text_printf(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", c->cap_inheritable,
		    c->cap_permitted, c->cap_effective);
	text_printf(t, "CapBnd:\t%016lx\nCapAmb:\t%016lx\n", c->cap_bounding, 0ul);
	text_printf(t, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n", task->no_new_privs);
}

static void show_scheduling(struct text *t, const struct thread *th)
{
	u64 cpus = sched_affinity(th);

	text_printf(t, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", cpus);
	text_cpu_list(t, cpus);
	text_puts(t, "\nMems_allowed:\t1\nMems_allowed_list:\t0\n");
	text_printf(t, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
		    load_relaxed(&th->switches_voluntary), load_relaxed(&th->switches_forced));
}

int pid_show_status(struct inode *i, struct text *t)
{
	scoped_pid_ref p = {};
	struct tree_facts f;
	int err = pid_ref_get(i, &p);

	if (err)
		return err;
	scoped_vm *vm = task_vm(p.task);
	const struct cred *c = cred_of(p.task);

	tree_facts(p.task, &f);
	show_identity(t, &p, c, &f);
	if (vm)
		show_memory(t, vm);
	show_signals(t, &p, &f);
	show_rights(t, p.task, c);
	show_scheduling(t, p.thread);
	cred_put(c);
	return 0;
}
