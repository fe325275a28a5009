// SPDX-License-Identifier: MIT
/*
 * Between pseudo-terminals (fs/pty.c) and the file system that names them (fs/devpts.c).
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "fs/dentry.h"

struct file;
struct mount;
struct pty;

constexpr unsigned PTYS_MAX = 4096;	/* of one devpts, and the default of all */
constexpr u32 PTMX_DEV = 5u << 20 | 2, PTS_MAJOR = 136;

void pty_init(void);			/* /dev/ptmx */
void pty_get(struct pty *p);
void pty_put(struct pty *p);		/* may sleep */
/* /proc/sys/kernel/pty: how many there are, how many there may be. */
unsigned pty_count(void);
extern unsigned pty_limit;		/* (a) at most PTYS_MAX */

void devpts_init(void);
/* The devpts that an open of ptmx means: its own, or the one at pts/ beside it, with a reference. -ENODEV. */
[[nodiscard]] int devpts_of(const struct file *ptmx, struct mount **out);
/* The lowest free number. -ENOSPC. */
[[nodiscard]] int devpts_number(struct mount *m, unsigned *number);
void devpts_number_free(struct mount *m, unsigned number);
/* The node for p, owned by the current task: *node has a reference. -ENOMEM. */
[[nodiscard]] int devpts_add(struct mount *m, unsigned number, struct pty *p, struct dentry **node);
/* The name goes, and who still has the node finds nothing behind it. */
void devpts_remove(struct dentry *node);
/* What a node stands for, with a reference; nullptr: nothing any more, or no node of ours. */
struct pty *devpts_pty(struct inode *i);
