// SPDX-License-Identifier: MIT
/* The devices that are no devices: null, zero, full, random, urandom, kmsg. */
#include "fs/memdev.h"
#include "fs/chardev.h"
#include "fs/io.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/mman.h"
#include "proc/task.h"

static long null_read(struct file *f, struct io *io, u64 *pos)
{
	return 0;
}

static long null_write(struct file *f, struct io *io, u64 *pos)
{
	size_t n = io->left;

	io_skip(io, n);
	return (long)n;
}

static long zero_read(struct file *f, struct io *io, u64 *pos)
{
	size_t n = io->left, done = io_zero(io, n);

	return done ? (long)done : -EFAULT;
}

static long full_write(struct file *f, struct io *io, u64 *pos)
{
	return -ENOSPC;
}

static long random_read(struct file *f, struct io *io, u64 *pos)
{
	size_t done = 0;
	u8 chunk[256];

	while (io->left) {
		size_t n = min(io->left, sizeof(chunk));

		random_bytes(chunk, n);
		size_t put = io_put(io, chunk, n);

		done += put;
		if (put < n)
			return done ? (long)done : -EFAULT;
		if (io->left && signal_pending())
			break;
	}
	return (long)done;
}

static long random_write(struct file *f, struct io *io, u64 *pos)
{
	size_t done = 0;
	u8 chunk[256];

	while (io->left) {
		size_t n = io_take(io, chunk, min(io->left, sizeof(chunk)));

		if (!n)
			return done ? (long)done : -EFAULT;
		random_add(chunk, n);
		done += n;
	}
	return (long)done;
}

static s64 any_seek(struct file *f, s64 offset, int whence)
{
	return 0;	/* null and zero have no positions, and say so by staying at 0 */
}

/* ---- /dev/kmsg: one record a read, "level,sequence,microseconds,-;text"; writes become log lines. f->pos = next record. */

static int kmsg_open(struct file *f)
{
	f->arg = log_first();
	return 0;
}

static long kmsg_read(struct file *f, struct io *io, u64 *pos)
{
	char line[1024], record[1100];
	enum log_level level;
	u64 time;
	int n;

	for (;;) {
		n = log_read(f->arg, line, sizeof(line), &level, &time);
		if (n >= 0)
			break;
		if (n == -EPIPE) {
			f->arg = log_first();
			return -EPIPE;
		}
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		/* Lines come from anywhere, interrupts too, and wake nobody: look again now and then. */
		int err = sleep_until(arch_clock_ns() + 100'000'000, true);

		if (err)
			return err;
	}
	int len = snprintf(record, sizeof(record), "%u,%lu,%lu,-;%s\n", level, f->arg, time / 1000, line);

	if ((size_t)len > io->left)
		return -EINVAL;
	f->arg++;
	return io_put(io, record, (size_t)len) == (size_t)len ? len : -EFAULT;
}

static long kmsg_write(struct file *f, struct io *io, u64 *pos)
{
	char line[1024];
	size_t n = io->left, got = io_take(io, line, min(n, sizeof(line) - 1));
	const char *text = line, *end;

	if (!got)
		return -EFAULT;
	line[got] = 0;
	u64 level = LOG_WARN;	/* default_message_loglevel */

	if (line[0] == '<') {
		level = str_number(line + 1, &end) & 7;
		text = *end == '>' ? end + 1 : line;
	}
	log_at((enum log_level)level, "%s", text);
	return (long)n;
}

static s64 kmsg_seek(struct file *f, s64 offset, int whence)
{
	if (offset || whence == SEEK_CUR)
		return whence == SEEK_CUR ? 0 : -EINVAL;
	f->arg = whence == SEEK_END ? log_next() : log_first();
	return 0;
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt)
{
	return (f->arg < log_next() ? POLLIN | POLLRDNORM : 0) | POLLOUT;
}

static const struct file_ops null_ops = { .read = null_read, .write = null_write, .seek = any_seek };
/* No object: what is mapped is anonymous memory, private or shared. */
static int zero_map(struct file *f, struct object **object)
{
	*object = nullptr;
	return 0;
}

static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .seek = any_seek, .map = zero_map,
};
static const struct file_ops full_ops = { .read = zero_read, .write = full_write, .seek = any_seek };
static const struct file_ops random_ops = { .read = random_read, .write = random_write, .seek = any_seek };
static const struct file_ops kmsg_ops = { .open = kmsg_open, .read = kmsg_read, .write = kmsg_write,
					  .seek = kmsg_seek, .poll = kmsg_poll };

static struct chardev devices[] = {
	{ .dev = 1u << 20 | 3, .name = "null", .mode = 0666, .ops = &null_ops },
	{ .dev = 1u << 20 | 5, .name = "zero", .mode = 0666, .ops = &zero_ops },
	{ .dev = 1u << 20 | 7, .name = "full", .mode = 0666, .ops = &full_ops },
	{ .dev = 1u << 20 | 8, .name = "random", .mode = 0666, .ops = &random_ops },
	{ .dev = 1u << 20 | 9, .name = "urandom", .mode = 0666, .ops = &random_ops },
	{ .dev = 1u << 20 | 11, .name = "kmsg", .mode = 0644, .ops = &kmsg_ops },
};

void memdev_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		if (chardev_register(&devices[i]))
			log_err("memdev: cannot make /dev/%s", devices[i].name);
	}
}
