// SPDX-License-Identifier: MIT
/*
 * procfs: what a process was started with and how it is limited: the small files of /proc/PID.
 */
#include "fs/number.h"
#include "fs/procfs_tree.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/pt.h"
#include "mm/vm.h"

/* Bytes of another address space. What cannot be read ends the text. */
static void text_memory(struct text *t, struct vm *vm, va_t start, va_t end)
{
	char *buf = kmalloc(PAGE_SIZE);

	if (!buf)
		t->err = -ENOMEM;
	while (buf && start < end) {
		size_t want = min(end - start, PAGE_SIZE), got = vm_read(vm, start, buf, want);

		text_write(t, buf, got);
		start += got;
		if (got < want || t->err)
			break;
	}
	kfree(buf);
}

int pid_show_cmdline(struct inode *i, struct text *t)
{
	scoped_vm *vm = nullptr;
	int err = pid_vm(i, &vm);

	if (vm)
		text_memory(t, vm, vm->image->arg_start, vm->image->arg_end);
	return err;
}

int pid_show_environ(struct inode *i, struct text *t)
{
	scoped_vm *vm = nullptr;
	int err = pid_vm(i, &vm);

	if (vm)
		text_memory(t, vm, vm->image->env_start, vm->image->env_end);
	return err;
}

int pid_show_auxv(struct inode *i, struct text *t)
{
	scoped_vm *vm = nullptr;
	int err = pid_vm(i, &vm);
	unsigned n = 0;

	if (!vm)
		return err;
	while (n + 2 < ARRAY_SIZE(vm->image->auxv) && vm->image->auxv[n])
		n += 2;
	text_write(t, vm->image->auxv, (n + 2) * sizeof(u64));
	return 0;
}

int pid_show_comm(struct inode *i, struct text *t)
{
	scoped_pid_ref p = {};
	int err = pid_ref_get(i, &p);

	if (!err)
		text_printf(t, "%.15s\n", p.thread->name);
	return err;
}

/* Only threads of the same process may be renamed, as on Linux. */
long pid_store_comm(struct inode *i, const char *buf, size_t n)
{
	scoped_pid_ref p = {};
	int err = pid_ref_get(i, &p);
	char name[16] = {};

	if (err)
		return err;
	if (p.task != task_current())
		return -EINVAL;
	str_copy(name, buf, sizeof(name));
	char *end = strchr(name, '\n');

	if (end)
		*end = '\0';
	memcpy(p.thread->name, name, sizeof(name));
	return (long)n;
}

int pid_show_cgroup(struct inode *i, struct text *t)
{
	text_puts(t, "0::/\n");
	return 0;
}

int pid_show_mounts(struct inode *i, struct text *t)
{
	mount_show_all(t);
	return 0;
}

int pid_show_mountinfo(struct inode *i, struct text *t)
{
	mount_show_info(t);
	return 0;
}

int pid_show_personality(struct inode *i, struct text *t)
{
	scoped_task *task = pid_task(i);

	if (!task)
		return -ESRCH;
	text_printf(t, "%08x\n", load_relaxed(&task->personality));
	return 0;
}

/* What a process has waited in has no name here: Linux says the same without symbols. */
int pid_show_wchan(struct inode *i, struct text *t)
{
	text_puts(t, "0");
	return 0;
}

/* Nobody audits, so that no process belongs to a login: what loginuid and sessionid say then. */
int pid_show_no_login(struct inode *i, struct text *t)
{
	text_printf(t, "%u", ~0u);
	return 0;
}

/* ---- limits */

static void show_limit(struct text *t, u64 value)
{
	if (value == ~0ul)
		text_printf(t, "%-20s ", "unlimited");
	else
		text_printf(t, "%-20lu ", value);
}

int pid_show_limits(struct inode *i, struct text *t)
{
	static const struct {
		const char *name, *unit;
	} limits[RLIM_NLIMITS] = {
		[RLIM_CPU] = { "Max cpu time", "seconds" },
		[RLIM_FSIZE] = { "Max file size", "bytes" },
		[RLIM_DATA] = { "Max data size", "bytes" },
		[RLIM_STACK] = { "Max stack size", "bytes" },
		[RLIM_CORE] = { "Max core file size", "bytes" },
		[RLIM_RSS] = { "Max resident set", "bytes" },
		[RLIM_NPROC] = { "Max processes", "processes" },
		[RLIM_NOFILE] = { "Max open files", "files" },
		[RLIM_MEMLOCK] = { "Max locked memory", "bytes" },
		[RLIM_AS] = { "Max address space", "bytes" },
		[RLIM_LOCKS] = { "Max file locks", "locks" },
		[RLIM_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIM_MSGQUEUE] = { "Max msgqueue size", "bytes" },
		[RLIM_NICE] = { "Max nice priority", nullptr },
		[RLIM_RTPRIO] = { "Max realtime priority", nullptr },
		[RLIM_RTTIME] = { "Max realtime timeout", "us" },
	};
	scoped_task *task = pid_task(i);
	struct rlimit now[RLIM_NLIMITS];

	if (!task)
		return -ESRCH;
	spin_lock(&task->lock);
	memcpy(now, task->limits, sizeof(now));
	spin_unlock(&task->lock);
	text_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned n = 0; n < RLIM_NLIMITS; n++) {
		text_printf(t, "%-25s ", limits[n].name);
		show_limit(t, now[n].cur);
		show_limit(t, now[n].max);
		text_printf(t, limits[n].unit ? "%-10s\n" : "\n", limits[n].unit);
	}
	return 0;
}

/* ---- who goes first when memory is out */

/* Thousandths of memory that would come free, moved by the adjustment: what proc/oom.c orders by.
 * */
int pid_show_oom_score(struct inode *i, struct text *t)
{
	scoped_task *task = pid_task(i);
	struct pt_counts c = {};

	if (!task)
		return -ESRCH;
	scoped_vm *vm = task_vm(task);

	if (vm)
		vm_rss(vm, &c);
	s64 score = (s64)((rss_pages(c.anon, c.cache) + c.swap) * 1000 / max(page_total(), 1ul)) +
		    task->oom_score_adj;

	text_printf(t, "%ld\n", max(score, 0l));
	return 0;
}

int pid_show_oom_score_adj(struct inode *i, struct text *t)
{
	scoped_task *task = pid_task(i);

	if (!task)
		return -ESRCH;
	text_printf(t, "%d\n", load_relaxed(&task->oom_score_adj));
	return 0;
}

long pid_store_oom_score_adj(struct inode *i, const char *buf, size_t n)
{
	scoped_task *task = pid_task(i);
	int adj, err = number_only(buf, 0, &adj);

	if (err)
		return err;
	if (adj < -1000 || adj > 1000)
		return -EINVAL;
	if (!task)
		return -ESRCH;
	if (adj < load_relaxed(&task->oom_score_adj) &&
	    !cred_capable(cred_current(), CAP_SYS_RESOURCE))
		return -EACCES;
	store_relaxed(&task->oom_score_adj, adj);
	return (long)n;
}
