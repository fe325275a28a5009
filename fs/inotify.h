// SPDX-License-Identifier: MIT
/* inotify(7): instances, their watches and queues (fs/inotify.c), and what feeds them (fs/notify.c). */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "fs/notify.h"

struct path;

/* inotify_init1(2); flags: O_NONBLOCK. 0, -EMFILE, -ENOMEM. */
[[nodiscard]] int inotify_new(u32 flags, struct file **out);
/* Flags of inotify_add_watch(2) that the walk to the file needs are the caller's. The number, -EINVAL, -EEXIST, -ENOSPC,
 * -ENOMEM. */
[[nodiscard]] int inotify_add(struct file *f, struct inode *i, u32 mask);
[[nodiscard]] int inotify_remove(struct file *f, int wd);	/* -EINVAL */

/* To the watchers of i that want it. name may be nullptr. unlinked: not to those with IN_EXCL_UNLINK. */
void inotify_event(struct inode *i, u32 mask, u32 cookie, const char *name, bool unlinked);
/* It has no name any more: watches stop keeping it. */
void inotify_unlinked(struct inode *i);
void inotify_unmounted(struct super *sb);

constexpr u32 INOTIFY_QUEUE_MAX = 16384, INOTIFY_INSTANCES_MAX = 128, INOTIFY_WATCHES_MAX = 65536;
