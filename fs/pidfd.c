// SPDX-License-Identifier: MIT
/* The file holds the task's struct, which stays when the process has gone: so it can tell that, and is never another's. */
#include "fs/pidfd.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "fs/procfs_tree.h"
#include "fs/text.h"
#include "lib/printf.h"
#include "proc/task.h"
#include "proc/unknown.h"

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct task *t = load_acquire(&f->data);

	if (!t)
		return 0;
	poll_wait(pt, &t->end_wait);
	return load_relaxed(&t->zombie) ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_release(struct file *f)
{
	if (f->data)
		task_put(f->data);
}

static void pidfd_describe(struct file *f, char *buf, size_t size)
{
	snprintf(buf, size, "anon_inode:[pidfd]");
}

/* Out of the tree: it has been waited for. */
static bool is_gone(const struct task *t)
{
	return load_relaxed(&t->all.next) == &t->all;
}

static void pidfd_info(struct file *f, struct text *text)
{
	struct task *t = load_acquire(&f->data);

	text_printf(text, "Pid:\t%d\n", t && !is_gone(t) ? t->pid : -1);
}

static const struct file_ops pidfd_fops = {
	.release = pidfd_release,
	.poll = pidfd_poll,
	.describe = pidfd_describe,
	.info = pidfd_info,
};

int pidfd_new(struct task *t, u32 flags, struct file **out)
{
	if (flags_unknown(flags, O_NONBLOCK))
		return -EINVAL;
	*out = file_new_anon(inode_anon(), &pidfd_fops, t, O_RDWR | flags);
	if (!*out)
		return -ENOMEM;
	if (t)
		task_get(t);
	(*out)->mode |= FILE_STREAM;
	return 0;
}

void pidfd_attach(struct file *f, struct task *t)
{
	store_release(&f->data, t);
}

int pidfd_or_proc_task(struct file *f, struct task **out)
{
	if (!f->inode || !inode_is_process_dir(f->inode))
		return pidfd_task(f, out);
	*out = pid_task(f->inode);
	return *out ? 0 : -ESRCH;
}

int pidfd_task(struct file *f, struct task **out)
{
	if (f->ops != &pidfd_fops)
		return -EBADF;
	struct task *t = load_acquire(&f->data);

	if (!t || is_gone(t))
		return -ESRCH;
	task_get(t);
	*out = t;
	return 0;
}
