// SPDX-License-Identifier: MIT
/*
 * The log: a ring of text and a ring of records that point into it; each line is one record.
 *
 * Appending takes a lock for a short copy. Showing lines is slow, so it is apart: whoever gets the
 * console lock shows all that is pending, in order; who does not get it leaves his line to the
 * holder. An interrupt that logs in the middle of a write therefore neither waits nor mixes lines.
 *
 * The first console is the machine's early one; the driver of its port goes on where it stopped.
 *
 * In a panic no lock is taken, since another CPU, or this one a moment ago, may hold it; what other
 * CPUs log from then on is dropped. A panic before there is a console shows all on the early one.
 *
 * Lock order: console_lock, log_lock. log_lock is taken with interrupts off.
 */
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/lock.h"
#include "lib/errno.h"
#include "arch/arch.h"

constexpr size_t TEXT_SIZE = 128 * KiB;
constexpr size_t RECORDS = 2048;
constexpr size_t LOG_LINE = 480;
constexpr size_t PREFIX_MAX = 32;

struct record {
	u64 time_ns;
	u64 pos;		/* in the text that was ever logged; modulo TEXT_SIZE in the ring */
	u16 len;
	enum log_level level;
};

/* (l) log_lock  (c) console_lock */
static struct spinlock log_lock, console_lock;
static char text[TEXT_SIZE];			/* (l) */
static struct record records[RECORDS];		/* (l) record n is at n % RECORDS */
static u64 first_seq, next_seq;			/* (l) written; (a) read */
static u64 text_end;				/* (l) */
static struct console *consoles;		/* (c) */
static u64 shown_seq;				/* (c) the first record not shown yet */
static int level_shown = 7;			/* (a) */
static bool panicking;				/* (a) */
static unsigned panic_cpu;			/* (i) once panicking: the CPU that reports */

static u64 lock_log(void)
{
	return load_relaxed(&panicking) ? irq_save() : spin_lock_irq(&log_lock);
}

static void unlock_log(u64 flags)
{
	/* A lock taken before the panic began stays taken: nobody wants it any more. */
	if (load_relaxed(&panicking))
		irq_restore(flags);
	else
		spin_unlock_irq(&log_lock, flags);
}

static void text_write(u64 pos, const char *s, size_t n)
{
	size_t at = pos % TEXT_SIZE, part = min(n, TEXT_SIZE - at);

	memcpy(text + at, s, part);
	memcpy(text, s + part, n - part);
}

static void text_read(u64 pos, char *s, size_t n)
{
	size_t at = pos % TEXT_SIZE, part = min(n, TEXT_SIZE - at);

	memcpy(s, text + at, part);
	memcpy(s + part, text, n - part);
}

static void append(enum log_level level, const char *line, size_t n)
{
	u64 flags = lock_log();
	struct record *r = &records[next_seq % RECORDS];

	text_end += n;
	while (first_seq < next_seq && (next_seq - first_seq >= RECORDS ||
					text_end - records[first_seq % RECORDS].pos > TEXT_SIZE))
		store_relaxed(&first_seq, first_seq + 1);
	*r = (struct record){ arch_clock_ns(), text_end - n, (u16)n, level };
	text_write(r->pos, line, n);
	store_release(&next_seq, next_seq + 1);
	unlock_log(flags);
}

int log_read(u64 seq, char *buf, size_t size, enum log_level *level, u64 *time_ns)
{
	u64 flags = lock_log();
	int n = seq < first_seq ? -EPIPE : seq >= next_seq ? -EAGAIN : 0;

	if (n == 0) {
		const struct record *r = &records[seq % RECORDS];

		n = (int)min((size_t)r->len, size - 1);
		text_read(r->pos, buf, (size_t)n);
		buf[n] = 0;
		*level = r->level;
		*time_ns = r->time_ns;
	}
	unlock_log(flags);
	return n;
}

u64 log_first(void) { return load_relaxed(&first_seq); }
u64 log_next(void) { return load_acquire(&next_seq); }

static void early_write(struct console *c, const char *s, size_t n)
{
	for (; n; n--, s++) {
		if (*s == '\n')
			arch_early_putc('\r');
		arch_early_putc(*s);
	}
}

static struct console early_console = { .name = "early", .write = early_write };

/* Shows record *seq on one console, or on all, and steps on; false when there is none. */
static bool show_record(u64 *seq, struct console *only)
{
	static char body[LOG_LINE + 1], line[PREFIX_MAX + LOG_LINE + 2];	/* (c) */
	enum log_level level;
	u64 ns;

	*seq = max(*seq, log_first());
	int n = log_read(*seq, body, sizeof(body), &level, &ns);

	if (n == -EAGAIN)
		return false;
	(*seq)++;
	if (n < 0 || level >= load_relaxed(&level_shown))
		return true;
	n = snprintf(line, sizeof(line), "[%5lu.%06lu] %s\n", ns / 1000000000,
		     ns / 1000 % 1000000, body);
	for (struct console *c = only ? only : consoles; c; c = only ? nullptr : c->next)
		c->write(c, line, (size_t)n);
	return true;
}

static bool show_wanted(void)
{
	return load_relaxed(&consoles) && load_relaxed(&shown_seq) != log_next();
}

static void show_pending(void)
{
	if (load_relaxed(&panicking)) {
		while (show_record(&shown_seq, nullptr))
			;
		return;
	}
	/* Asked again after the unlock: a line may have come between the last look and it. */
	while (show_wanted() && spin_try(&console_lock)) {
		while (show_record(&shown_seq, nullptr))
			;
		spin_unlock(&console_lock);
	}
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE + 1];
	va_list ap;

	if (load_acquire(&panicking) && cpu_id() != panic_cpu)
		return;
	va_start(ap, fmt);
	size_t n = (size_t)vsnprintf(line, sizeof(line), fmt, ap);

	va_end(ap);
	n = min(n, LOG_LINE);
	while (n && line[n - 1] == '\n')
		n--;
	append(level, line, n);
	show_pending();
}

/* False: it was not there. */
static bool early_console_remove(void)
{
	for (struct console **at = &consoles; *at; at = &(*at)->next)
		if (*at == &early_console) {
			*at = early_console.next;
			return true;
		}
	return false;
}

void console_register(struct console *c)
{
	u64 seq = 0;

	spin_lock(&console_lock);
	if (c->early_port && early_console_remove() && arch_early_works())
		seq = shown_seq;
	while (seq < shown_seq && show_record(&seq, c))
		;
	c->next = consoles;
	store_release(&consoles, c);
	spin_unlock(&console_lock);
	show_pending();
}

void console_register_early(void) { console_register(&early_console); }
void console_set_level(int level) { store_relaxed(&level_shown, level); }
int console_level(void) { return load_relaxed(&level_shown); }

void console_panic_mode(void)
{
	panic_cpu = cpu_id();
	store_release(&panicking, true);
	store_relaxed(&level_shown, LOG_DEBUG + 1);
	if (!consoles)
		consoles = &early_console;
}
