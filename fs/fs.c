// SPDX-License-Identifier: MIT
/* Starting the file layer: caches, file system types, the root, the kernel's own mounts. */
#include "fs/fs.h"
#include "fs/blockdev.h"
#include "fs/chardev.h"
#include "fs/devtmpfs.h"
#include "fs/file.h"
#include "fs/memdev.h"
#include "fs/mount.h"
#include "fs/name.h"
#include "fs/procfs.h"
#include "fs/pty.h"
#include "fs/sysfs.h"
#include "fs/tmpfs.h"
#include "fs/tty.h"
#include "fs/walk.h"

static struct fs_type rootfs = { .name = "rootfs", .fill = rootfs_fill };
static struct fs_type tmpfs = { .name = "tmpfs", .fill = tmpfs_fill };
/* Pipes, sockets, eventfds: inodes without names. */
static struct fs_type anonfs = { .name = "anonfs", .fill = rootfs_fill };

static struct mount *must_mount(const char *type)
{
	struct mount *m;
	int err = mount_new(type, type, "", 0, nullptr, &m);

	if (err)
		panic("cannot mount %s: error %d", type, -err);
	return m;
}

/* What the first program's descriptors are opened on, if no archive has it. */
static void make_console(void)
{
	int err = name_create(AT_FDCWD, "/dev", S_IFDIR | 0755, 0, nullptr);

	if (!err)
		err = name_create(AT_FDCWD, "/dev/console", S_IFCHR | 0600, dev_make(5, 1),
				  nullptr);
	if (err)
		panic("cannot make /dev/console: error %d", -err);
}

void fs_init(void)
{
	inode_cache_init();
	dentry_init();
	file_init();
	fs_register(&anonfs);
	fs_register(&rootfs);
	fs_register(&tmpfs);
	mount_anon = must_mount("anonfs");
	mount_set_root(must_mount("rootfs"));
	make_console();
	devtmpfs_init();
	blockdev_init();
	disks_start();
	memdev_init();
	tty_init();
	pty_init();
	procfs_init();
	sysfs_init();
}
