// SPDX-License-Identifier: MIT
/*
 * Between the files of procfs. An inode below /proc/PID names its process by number and time of
 * birth, and holds no reference: who opens it late gets -ESRCH, and a number that is used again is
 * somebody else.
 *
 *   inode->arg[0]	pid << 32 | number: the thread's id, or below fd/ and fdinfo/ the descriptor
 *   inode->arg[1]	task->start_ns
 */
#pragma once

#include "fs/pseudo.h"
#include "proc/task.h"

struct vm;

/* The process, with a reference; nullptr when it is gone. */
struct task *pid_task(const struct inode *i);
/* Whether i is a directory /proc/PID. */
bool inode_is_process_dir(const struct inode *i);
/* The process and the thread (the leader below /proc/PID itself), with references. 0 or -ESRCH. */
struct pid_ref {
	struct task *task;
	struct thread *thread;
};
[[nodiscard]] int pid_ref_get(const struct inode *i, struct pid_ref *out);
void pid_ref_put(struct pid_ref *r);
#define scoped_pid_ref [[gnu::cleanup(pid_ref_put)]] struct pid_ref

static inline void task_put_scope(struct task **t)
{
	if (*t)
		task_put(*t);
}
#define scoped_task [[gnu::cleanup(task_put_scope)]] struct task

/* Its memory with a user reference (vm_put); nullptr: a zombie. -ESRCH. */
[[nodiscard]] int pid_vm(const struct inode *i, struct vm **out);
void vm_put_scope(struct vm **vm);
#define scoped_vm [[gnu::cleanup(vm_put_scope)]] struct vm

/* May the current task look into t (memory, files, environment)? The same user, or CAP_SYS_PTRACE.
 * */
bool pid_may_inspect(struct task *t);
/* file_ops.open of text files that need that right: 0 or -EACCES, -ESRCH. */
int pid_private_open(struct file *f);
/* inode_ops.refresh: a file below /proc/PID belongs to whom the process acts for; but to root if that is not to see its memory
 * (PR_SET_DUMPABLE), save the directories that all may list. */
void pid_refresh(struct inode *i);

static inline u64 pid_arg(const struct task *t, int number)
{
	return (u64)(u32)t->pid << 32 | (u32)number;
}

static inline int pid_arg_number(const struct inode *i) { return (int)(u32)i->arg[0]; }

/* A decimal number without leading zeros: false if it is none. */
bool proc_number(const char *s, size_t len, int *out);

/* Entries below /proc/PID and /proc/PID/task/TID. */
extern const struct inode_ops pid_file_ops;		/* refresh, and O_TRUNC does nothing */
extern const struct inode_ops pid_exe_ops, pid_cwd_ops, pid_root_ops;
extern const struct inode_ops pid_fd_dir_ops, pid_fdinfo_dir_ops;
extern const struct file_ops pid_fd_dir_fops, pid_fdinfo_dir_fops;
extern const struct file_ops pid_private_fops;		/* text, with pid_private_open */
extern const struct file_ops pid_mem_fops;
int pid_show_syscall(struct inode *i, struct text *t);
extern const struct file_ops pid_maps_fops, pid_smaps_fops, pid_pagemap_fops;
int pid_show_stat(struct inode *i, struct text *t);
int pid_show_thread_stat(struct inode *i, struct text *t);
int pid_show_status(struct inode *i, struct text *t);
int pid_show_statm(struct inode *i, struct text *t);
long pid_store_clear_refs(struct inode *i, const char *buf, size_t n);
int pid_show_smaps_rollup(struct inode *i, struct text *t);
int pid_show_pagetables(struct inode *i, struct text *t);
int pid_show_cmdline(struct inode *i, struct text *t);
int pid_show_environ(struct inode *i, struct text *t);
int pid_show_auxv(struct inode *i, struct text *t);
int pid_show_comm(struct inode *i, struct text *t);
long pid_store_comm(struct inode *i, const char *buf, size_t n);
int pid_show_limits(struct inode *i, struct text *t);
int pid_show_personality(struct inode *i, struct text *t);
int pid_show_wchan(struct inode *i, struct text *t);
int pid_show_no_login(struct inode *i, struct text *t);
int pid_show_cgroup(struct inode *i, struct text *t);
int pid_show_oom_score(struct inode *i, struct text *t);
int pid_show_oom_score_adj(struct inode *i, struct text *t);
long pid_store_oom_score_adj(struct inode *i, const char *buf, size_t n);
int pid_show_mounts(struct inode *i, struct text *t);
int pid_show_mountinfo(struct inode *i, struct text *t);

/* Pages that the address space maps, as /proc/PID/statm counts them. Takes vm->lock for writing. */
struct pt_counts;
void vm_rss(struct vm *vm, struct pt_counts *out);
static inline u64 rss_pages(u64 anon, u64 cache) { return anon + cache; }

/* The root's entries. */
extern const struct pseudo_entry proc_sys_table[], proc_quire_table[], proc_sysvipc_table[];
/* /proc/sys/kernel/{msg*,sem,shm*} (procfs_sysvipc.c). */
int sysctl_show_sem(struct inode *i, struct text *t);
int sysctl_show_msgmax(struct inode *i, struct text *t);
int sysctl_show_msgmnb(struct inode *i, struct text *t);
int sysctl_show_msgmni(struct inode *i, struct text *t);
long sysctl_store_msgmax(struct inode *i, const char *buf, size_t n);
long sysctl_store_msgmnb(struct inode *i, const char *buf, size_t n);
long sysctl_store_msgmni(struct inode *i, const char *buf, size_t n);
int sysctl_show_shmmax(struct inode *i, struct text *t);
int sysctl_show_shmall(struct inode *i, struct text *t);
int sysctl_show_shmmni(struct inode *i, struct text *t);
long sysctl_store_shmmax(struct inode *i, const char *buf, size_t n);
long sysctl_store_shmall(struct inode *i, const char *buf, size_t n);
long sysctl_store_shmmni(struct inode *i, const char *buf, size_t n);
extern const struct pseudo_entry pid_entry;		/* the directory /proc/PID */
int proc_show_cpuinfo(struct inode *i, struct text *t);
int proc_show_stat(struct inode *i, struct text *t);
int proc_show_uptime(struct inode *i, struct text *t);
int proc_show_loadavg(struct inode *i, struct text *t);
int proc_show_interrupts(struct inode *i, struct text *t);
int proc_show_meminfo(struct inode *i, struct text *t);
int proc_show_vmstat(struct inode *i, struct text *t);
int proc_show_slabinfo(struct inode *i, struct text *t);
