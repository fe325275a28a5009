// SPDX-License-Identifier: MIT
/* System calls on the system as a whole: its names, memory, log, randomness, and its end. */
#include "lib/printf.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "mm/page.h"
#include "mm/swap.h"
#include "mm/user.h"
#include "proc/sched.h"
#include "proc/system.h"
#include "proc/task.h"
#include "proc/unknown.h"
#include "sys/clock.h"
#include "sys/syscall.h"

/* ---- names */

struct utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

SYSCALL(uname)
{
	struct utsname u = { .sysname = SYSTEM_NAME, .release = SYSTEM_RELEASE, .version = SYSTEM_VERSION };

	system_hostname(u.nodename);
	system_domainname(u.domainname);
	str_copy(u.machine, arch_abi.machine, sizeof(u.machine));
	return put_user(ARG_PTR(0), u);
}

static long set_name(va_t from, s64 len, void (*set)(const char *name, size_t n))
{
	char name[SYSTEM_NAME_MAX];

	if (!cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || (u64)len > sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, from, (size_t)len))
		return -EFAULT;
	set(name, (size_t)len);
	return 0;
}

SYSCALL(sethostname)
{
	return set_name(ARG_PTR(0), ARG_INT(1), system_set_hostname);
}

SYSCALL(setdomainname)
{
	return set_name(ARG_PTR(0), ARG_INT(1), system_set_domainname);
}

/* ---- memory and load */

struct sysinfo {
	s64 uptime;
	u64 loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad[3];
	u64 totalhigh, freehigh;
	u32 mem_unit, pad2;
};
static_assert(sizeof(struct sysinfo) == 112);

SYSCALL(sysinfo)
{
	struct page_stats pages;
	struct swap_stats swap;
	u32 load[3];

	page_stats(&pages);
	swap_stats(&swap);
	sched_loadavg(load);
	struct sysinfo s = {
		.uptime = (s64)((arch_clock_ns() + NS_PER_SECOND - 1) / NS_PER_SECOND),
		/* 16 bits behind the point; ours have 11. */
		.loads = { (u64)load[0] << 5, (u64)load[1] << 5, (u64)load[2] << 5 },
		.totalram = pages.total * PAGE_SIZE,
		.freeram = pages.free * PAGE_SIZE,
		.sharedram = pages.kind[PAGE_CACHE] * PAGE_SIZE,
		.totalswap = swap.slots * PAGE_SIZE,
		.freeswap = (swap.slots - swap.used) * PAGE_SIZE,
		.procs = (u16)min(pid_count(), 0xffff),
		.mem_unit = 1,
	};

	return put_user(ARG_PTR(0), s);
}

/* ---- randomness */

enum : u32 { GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4 };

SYSCALL(getrandom)
{
	va_t to = ARG_PTR(0);
	u64 n = min(ARG_U64(1), (u64)INT_MAX), done = 0;
	u32 flags = ARG_UINT(2);
	u8 bytes[256];

	if (flags_unknown(flags, GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	while (done < n) {
		size_t part = min(n - done, sizeof(bytes));

		random_bytes(bytes, part);
		size_t copied = copy_to_user_partial(to + done, bytes, part);

		done += copied;
		if (copied < part)
			return done ? (long)done : -EFAULT;
		if (signal_pending())
			break;
	}
	return (long)done;
}

/* ---- the end */

enum : u32 { REBOOT_MAGIC1 = 0xfee1dead, REBOOT_RESTART = 0x01234567, REBOOT_HALT = 0xcdef0123,
	REBOOT_POWER_OFF = 0x4321fedc, REBOOT_CAD_ON = 0x89abcdef, REBOOT_CAD_OFF = 0 };

static bool magic2_ok(u32 magic)
{
	return magic == 672274793 || magic == 85072278 || magic == 369367448 || magic == 537993216;
}

SYSCALL(reboot)
{
	if (!cred_capable(cred_current(), CAP_SYS_BOOT))
		return -EPERM;
	if (ARG_UINT(0) != REBOOT_MAGIC1 || !magic2_ok(ARG_UINT(1)))
		return -EINVAL;
	switch (ARG_UINT(2)) {
	case REBOOT_RESTART:
		log_info("restarting");
		arch_reboot();
	case REBOOT_HALT:
		log_info("halted");
		arch_halt();
	case REBOOT_POWER_OFF:
		log_info("power off");
		arch_poweroff();
	case REBOOT_CAD_ON:	/* there is no Ctrl-Alt-Del to be told */
	case REBOOT_CAD_OFF:
		return 0;
	default:
		return -EINVAL;
	}
}

/* ---- the log */

enum { LOG_CLOSE, LOG_OPEN, LOG_READ, LOG_READ_ALL, LOG_READ_CLEAR, LOG_CLEAR, LOG_CONSOLE_OFF, LOG_CONSOLE_ON,
	LOG_CONSOLE_LEVEL, LOG_SIZE_UNREAD, LOG_SIZE_BUFFER };
constexpr size_t LOG_BUFFER = 128 * KiB;	/* lib/log.c's ring */
constexpr size_t LOG_LINE = 1024;

static struct mutex log_mutex = MUTEX_INIT(log_mutex);
static u64 log_cleared;			/* (log_mutex) READ_ALL starts here */
static u64 log_position;		/* (log_mutex) READ goes on here */
static int log_level_saved;		/* (log_mutex) before CONSOLE_OFF */

/* Record seq as dmesg expects it: level, time, text, newline. Its length, or as log_read(). */
static int format_record(u64 seq, char *buf)
{
	enum log_level level;
	u64 ns;
	char text[LOG_LINE - 40];
	int n = log_read(seq, text, sizeof(text), &level, &ns);

	if (n < 0)
		return n;
	return snprintf(buf, LOG_LINE, "<%d>[%5lu.%06lu] %s\n", level, ns / NS_PER_SECOND,
			ns % NS_PER_SECOND / 1000, text);
}

/* Writes records from *seq on while they fit; *seq becomes the first that was not written. Bytes or -EFAULT. */
static long put_records(u64 *seq, u64 end, va_t to, size_t size, char *line)
{
	size_t done = 0;

	for (; *seq < end; ++*seq) {
		int n = format_record(*seq, line);

		if (n <= 0)
			continue;
		if ((size_t)n > size - done)
			break;
		if (copy_to_user(to + done, line, (size_t)n))
			return -EFAULT;
		done += (size_t)n;
	}
	return (long)done;
}

/* The first record from which on everything fits into size bytes. */
static u64 first_that_fits(u64 from, u64 end, size_t size, char *line)
{
	u64 seq = end;

	while (seq > from) {
		int n = format_record(seq - 1, line);

		if (n > 0 && (size_t)n > size)
			break;
		size -= n > 0 ? (size_t)n : 0;
		seq--;
	}
	return seq;
}

static long read_all(va_t to, size_t size, bool clear)
{
	char *line scoped_kfree = kmalloc(LOG_LINE);

	if (!line)
		return -ENOMEM;
	scoped_mutex(&log_mutex);
	u64 end = log_next();
	u64 seq = first_that_fits(max(log_first(), log_cleared), end, size, line);
	long n = put_records(&seq, end, to, size, line);

	if (clear && n >= 0)
		log_cleared = end;
	return n;
}

/* At least one record: waits for it. */
static long read_next(va_t to, size_t size)
{
	constexpr u64 LOOK_NS = NS_PER_SECOND / 5;	/* the log wakes nobody: it is written from anywhere */
	char *line scoped_kfree = kmalloc(LOG_LINE);

	if (!line)
		return -ENOMEM;
	for (;;) {
		mutex_lock(&log_mutex);
		log_position = max(log_position, log_first());
		long n = put_records(&log_position, log_next(), to, size, line);
		bool waiting = log_position < log_next();

		mutex_unlock(&log_mutex);
		if (n || waiting)
			return n;
		int err = sleep_until(deadline_after(LOOK_NS), true);

		if (err)
			return err;
	}
}

static long console_switch(int type, int level)
{
	scoped_mutex(&log_mutex);
	switch (type) {
	case LOG_CONSOLE_OFF:
		if (!log_level_saved)
			log_level_saved = console_level();
		console_set_level(1);
		return 0;
	case LOG_CONSOLE_ON:
		if (log_level_saved)
			console_set_level(log_level_saved);
		log_level_saved = 0;
		return 0;
	default:
		if (level < 1 || level > 8)
			return -EINVAL;
		console_set_level(level);
		log_level_saved = 0;
		return 0;
	}
}

static size_t unread_size(void)
{
	scoped_mutex(&log_mutex);
	u64 records = log_next() - max(log_position, log_first());

	return min((size_t)records * 80, LOG_BUFFER);
}

SYSCALL(syslog)
{
	int type = ARG_INT(0), size = ARG_INT(2);
	bool harmless = type == LOG_READ_ALL || type == LOG_SIZE_BUFFER;

	if (!harmless && !cred_capable(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	if (type >= LOG_READ && type <= LOG_READ_CLEAR && (!ARG_PTR(1) || size < 0))
		return -EINVAL;
	switch (type) {
	case LOG_CLOSE:
	case LOG_OPEN:
		return 0;
	case LOG_READ:
		return size ? read_next(ARG_PTR(1), (size_t)size) : 0;
	case LOG_READ_ALL:
	case LOG_READ_CLEAR:
		return read_all(ARG_PTR(1), (size_t)size, type == LOG_READ_CLEAR);
	case LOG_CLEAR:
		log_cleared = log_next();
		return 0;
	case LOG_CONSOLE_OFF:
	case LOG_CONSOLE_ON:
	case LOG_CONSOLE_LEVEL:
		return console_switch(type, size);
	case LOG_SIZE_UNREAD:
		return (long)unread_size();
	case LOG_SIZE_BUFFER:
		return (long)LOG_BUFFER;
	default:
		return -EINVAL;
	}
}
