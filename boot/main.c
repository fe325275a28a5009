// SPDX-License-Identifier: MIT
/*
 * kmain(): from one CPU with a stack to a system that runs programs. The order of the calls is the
 * order in which the parts need each other. What may sleep is left to a kernel thread; this stack
 * becomes CPU 0's idle thread.
 */
#include "arch/arch.h"
#include "boot/options.h"
#include "fs/blockdev.h"
#include "fs/fs.h"
#include "fs/procfs.h"
#include "fs/tty_driver.h"
#include "lib/printf.h"
#include "mm/kmap.h"
#include "mm/kmem.h"
#include "mm/page.h"
#include "mm/reclaim.h"
#include "mm/swap.h"
#include "mm/tlb.h"
#include "mm/vm.h"
#include "proc/sched.h"
#include "proc/task.h"
#include "proc/unknown.h"
#include "proc/work.h"
#include "sys/syscall.h"
#include "sys/trace.h"

constexpr u32 ADDR_NO_RANDOMIZE = 0x0040000;	/* personality(2) */

static struct boot_options options;
static const struct boot_info *boot_info;

static void unpack_initramfs(void)
{
	const struct boot_range *r = &boot_info->initrd;

	if (r->end <= r->start)
		return;
	u32 newest;
	int err = initramfs_unpack(direct_map((struct pa){ r->start }), r->end - r->start, &newest);

	if (err)
		log_err("initramfs: damaged or too large, the files behind the damage are missing: error %d", -err);
	clock_not_before(newest);
}

static void start_init(void)
{
	static const char *const usual[] = { "/sbin/init", "/init", "/etc/init", "/bin/init",
					   "/bin/sh" };
	static char *env[] = { "HOME=/", "TERM=linux", "PATH=/sbin:/usr/sbin:/bin:/usr/bin",
				nullptr };
	char *argv[BOOT_ARGS_MAX + 2] = {};
	const char *const *paths = options.init ? &options.init : usual;
	unsigned n = options.init ? 1 : ARRAY_SIZE(usual);
	int err = 0;

	for (unsigned i = 0; i < options.nargs; i++)
		argv[i + 1] = options.args[i];
	for (unsigned i = 0; i < n; i++) {
		argv[0] = (char *)paths[i];
		err = task_start_init(paths[i], argv, env);
		if (!err)
			return;
	}
	panic("no init: %s: error %d", paths[0], -err);
}

static void boot_thread_main(void *arg)
{
	fs_init();
	procfs_set_cmdline(boot_info->cmdline);
	unpack_initramfs();
	trace_init(options.trace);
	disks_settle();
	collapse_init();
	start_init();
}

static void apply_options(void)
{
	boot_options_parse(&options, boot_info->cmdline);
	console_set_level(options.console_level);
	console_register_early();
	for (unsigned i = 0; i < BOOT_CONSOLES_MAX && options.console[i]; i++)
		tty_prefer_console(options.console[i]);
	unknown_logged = options.log_unknown;
	block_mode = options.blocks;
	asid_limit_bits(options.asid_bits);
	if (!options.randomize)
		task_first_personality = ADDR_NO_RANDOMIZE;
	task_first_fail_alloc = options.fail_alloc;
}

void kmain(struct boot_info *bi)
{
	boot_info = bi;
	apply_options();
	log_info("Quire on %s", arch_abi.machine);

	page_init(bi);
	kmem_init();
	kmap_init();
	arch_init(bi);
	mm_init();
	swap_init(options.swap_percent);
	reclaim_init();
	tlb_cpu_init();
	clock_init();
	task_init();
	sched_init();
	arch_init_devices();
	work_init();
	pageout_init();
	if (!kthread_start("boot", boot_thread_main, nullptr))
		panic("no memory for the boot thread");
	sched_start_cpus(options.cpus);
	sched_idle();
}

void cpu_main(void)
{
	tlb_cpu_init();
	sched_idle();
}
