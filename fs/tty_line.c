// SPDX-License-Identifier: MIT
/*
 * The line discipline: what received characters do (termios(3), "canonical mode", "raw mode"), echo, and what is done to
 * output. Everything here runs under tty->lock, received characters in interrupts.
 */
#include "fs/tty.h"
#include "lib/string.h"
#include "proc/signal.h"

constexpr u8 NO_CHAR = 0;		/* _POSIX_VDISABLE */

static inline void bit_set(u64 *map, u32 i) { map[i % TTY_BUFFER / 64] |= BIT(i % 64); }
static inline void bit_clear(u64 *map, u32 i) { map[i % TTY_BUFFER / 64] &= ~BIT(i % 64); }

static inline bool is_control(const struct tty *t, unsigned which, u8 c)
{
	return c != NO_CHAR && t->termios.cc[which] == c;
}

static void event(struct tty *t, u8 events)
{
	if (t->driver->ops->event)
		t->driver->ops->event(t->driver, events);
}

static void forget_marks(struct tty *t)
{
	memset(t->line_end, 0, sizeof(t->line_end));
	memset(t->end_of_file, 0, sizeof(t->end_of_file));
}

void tty_line_flush_input(struct tty *t)
{
	t->head = t->canon = t->tail = 0;
	t->literal = false;
	forget_marks(t);
	event(t, TTY_EVENT_FLUSHREAD);
}

void tty_line_reset(struct tty *t)
{
	t->termios = (struct termios){
		.iflag = ICRNL | IXON,
		.oflag = OPOST | ONLCR,
		.cflag = B38400 | CS8 | CREAD | HUPCL | CLOCAL,
		.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.cc = { 003, 034, 0177, 025, 004, 0, 1, 0, 021, 023, 032, 0, 022, 017, 027, 026, 0 },
		.ispeed = 38400, .ospeed = 38400,
	};
	tty_line_flush_input(t);
}

u32 tty_line_readable(const struct tty *t)
{
	return (tty_is_canonical(t) ? load_relaxed(&t->canon) : load_relaxed(&t->head)) - load_relaxed(&t->tail);
}

void tty_resume(struct tty *t)
{
	u64 flags = spin_lock_irq(&t->lock);
	bool resume = t->throttled;

	t->throttled = false;
	spin_unlock_irq(&t->lock, flags);
	if (resume)
		t->driver->ops->unthrottle(t->driver);
}

/* The pair of characters that a terminal at the other end can act upon by itself (TIOCPKT). */
static bool has_flow(const struct termios *t)
{
	return (t->iflag & IXON) && t->cc[VSTOP] == 023 && t->cc[VSTART] == 021;
}

void tty_line_set_termios(struct tty *t, const struct termios *wanted)
{
	struct termios old = t->termios;
	bool flow = has_flow(wanted);

	t->termios = *wanted;
	if ((old.lflag ^ wanted->lflag) & (ICANON | EXTPROC)) {
		forget_marks(t);
		t->canon = t->tail;
		if (tty_is_canonical(t) && t->head != t->tail) {
			bit_set(t->line_end, t->head - 1);
			t->canon = t->head;
		}
	}
	if (!(wanted->iflag & IXON) && (old.iflag & IXON))
		tty_line_stop(t, false);
	if (flow != has_flow(&old))
		event(t, flow ? TTY_EVENT_DOSTOP : TTY_EVENT_NOSTOP);
	if ((old.lflag | wanted->lflag) & EXTPROC)
		event(t, TTY_EVENT_IOCTL);
}

/* ---- output */

static void driver_put(struct tty *t, const u8 *bytes, size_t n)
{
	t->driver->ops->write(t->driver, bytes, n);
}

static void move_column(struct tty *t, u8 c)
{
	if (c == '\r')
		t->column = 0;
	else if (c == '\b')
		t->column -= t->column > 0;
	else if (c == '\t')
		t->column = (t->column | 7) + 1;
	else if (c >= ' ' && c != 0177 && (c & 0xc0) != 0x80)	/* a UTF-8 character counts once */
		t->column++;
}

/* One character with OPOST's changes; at most 8 bytes come out. */
static size_t process_output(struct tty *t, u8 c, u8 *out)
{
	u32 o = t->termios.oflag;

	if (!(o & OPOST)) {
		out[0] = c;
		return 1;
	}
	if (c == '\n' && (o & ONLRET))
		t->column = 0;
	if (c == '\n' && (o & ONLCR)) {
		t->column = 0;
		memcpy(out, "\r\n", 2);
		return 2;
	}
	if (c == '\r' && (o & ONOCR) && t->column == 0)
		return 0;
	if (c == '\r' && (o & OCRNL))
		c = '\n';
	if (c == '\t' && (o & TABDLY) == TABDLY) {
		size_t n = 8 - (t->column & 7);

		memset(out, ' ', n);
		t->column += (u32)n;
		return n;
	}
	if ((o & OLCUC) && c >= 'a' && c <= 'z')
		c -= 'a' - 'A';
	move_column(t, c);
	out[0] = c;
	return 1;
}

static size_t driver_room(const struct tty *t)
{
	return t->driver->ops->room ? t->driver->ops->room(t->driver) : ~0ul;
}

bool tty_line_writable(const struct tty *t)
{
	return !load_relaxed(&t->stopped) && driver_room(t) >= TTY_ECHO_RESERVE + TTY_EXPANSION;
}

/* As much of it as fits while `keep` bytes of room stay. */
static size_t output(struct tty *t, const u8 *bytes, size_t n, size_t keep)
{
	size_t done = 0, fill = 0, room = driver_room(t);
	u8 out[512];

	for (; done < n && room >= keep + fill + TTY_EXPANSION; done++) {
		if (fill > sizeof(out) - TTY_EXPANSION) {
			driver_put(t, out, fill);
			room -= fill;
			fill = 0;
		}
		fill += process_output(t, bytes[done], out + fill);
	}
	driver_put(t, out, fill);
	return done;
}

size_t tty_line_write(struct tty *t, const u8 *bytes, size_t n)
{
	size_t done = output(t, bytes, n, TTY_ECHO_RESERVE);

	t->line_column = t->column;
	return done;
}

/* Echo. What finds no room at a master that nobody reads is lost. */
static void put(struct tty *t, const char *bytes, size_t n)
{
	output(t, (const u8 *)bytes, n, 0);
}

static void put_char(struct tty *t, u8 c)
{
	output(t, &c, 1, 0);
}

static bool shown_as_caret(const struct tty *t, u8 c)
{
	return (t->termios.lflag & ECHOCTL) && (c < ' ' || c == 0177) && c != '\t' && c != '\n';
}

static void echo(struct tty *t, u8 c)
{
	if (!(t->termios.lflag & ECHO))
		return;
	if (shown_as_caret(t, c)) {
		put_char(t, '^');
		c ^= 0100;
	}
	put_char(t, c);
}

/* ---- canonical editing */

/* Columns from where the line began to its end. */
static u32 input_column(const struct tty *t, u32 end)
{
	u32 column = t->line_column;

	for (u32 i = t->canon; i != end; i++) {
		u8 c = t->buffer[i % TTY_BUFFER];

		if (c == '\t')
			column = (column | 7) + 1;
		else if (shown_as_caret(t, c))
			column += 2;
		else if ((c & 0xc0) != 0x80)
			column++;
	}
	return column;
}

/* Takes characters off the end of the line until `end`, on the screen too. */
static void erase_to(struct tty *t, u32 end)
{
	u32 columns = input_column(t, t->head) - input_column(t, end);

	t->head = end;
	if ((t->termios.lflag & (ECHO | ECHOE)) != (ECHO | ECHOE))
		return;
	while (columns--)
		put(t, "\b \b", 3);
}

static u32 before_last_char(const struct tty *t)
{
	u32 i = t->head;

	if (i == t->canon)
		return i;
	i--;
	while ((t->termios.iflag & IUTF8) && i != t->canon && (t->buffer[i % TTY_BUFFER] & 0xc0) == 0x80)
		i--;
	return i;
}

static bool is_word_char(u8 c)
{
	return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 0x80;
}

static u32 before_last_word(const struct tty *t)
{
	u32 i = t->head;

	while (i != t->canon && !is_word_char(t->buffer[(i - 1) % TTY_BUFFER]))
		i--;
	while (i != t->canon && is_word_char(t->buffer[(i - 1) % TTY_BUFFER]))
		i--;
	return i;
}

static void reprint(struct tty *t)
{
	echo(t, t->termios.cc[VREPRINT]);
	put_char(t, '\n');
	for (u32 i = t->canon; i != t->head; i++)
		echo(t, t->buffer[i % TTY_BUFFER]);
}

/* True: the character was an editing command. */
static bool edit(struct tty *t, u8 c)
{
	bool extended = t->termios.lflag & IEXTEN;

	if (is_control(t, VERASE, c)) {
		erase_to(t, before_last_char(t));
		return true;
	}
	if (is_control(t, VKILL, c)) {
		if ((t->termios.lflag & (ECHOKE | ECHOE)) == (ECHOKE | ECHOE)) {
			erase_to(t, t->canon);
			return true;
		}
		t->head = t->canon;
		echo(t, c);
		if (t->termios.lflag & ECHOK)
			put_char(t, '\n');
		return true;
	}
	if (extended && is_control(t, VWERASE, c)) {
		erase_to(t, before_last_word(t));
		return true;
	}
	if (extended && is_control(t, VREPRINT, c) && (t->termios.lflag & ECHO)) {
		reprint(t);
		return true;
	}
	if (extended && is_control(t, VLNEXT, c)) {
		t->literal = true;
		if ((t->termios.lflag & (ECHO | ECHOCTL)) == (ECHO | ECHOCTL))
			put(t, "^\b", 2);
		return true;
	}
	return false;
}

/* ---- input */

static void store(struct tty *t, u8 c, bool ends_line, bool is_eof)
{
	u32 i = t->head++;

	t->buffer[i % TTY_BUFFER] = c;
	(ends_line ? bit_set : bit_clear)(t->line_end, i);
	(is_eof ? bit_set : bit_clear)(t->end_of_file, i);
	if (ends_line)
		t->canon = t->head;
}

static void end_line(struct tty *t, u8 c, bool is_eof)
{
	store(t, is_eof ? NO_CHAR : c, true, is_eof);
	t->line_column = t->column;
	wake_up_all(&t->readers, 0);
}

static bool receive_canonical(struct tty *t, u8 c, bool literal)
{
	u32 used = t->head - t->tail;

	if (!literal) {
		if (edit(t, c))
			return true;
		bool newline = c == '\n', eof = is_control(t, VEOF, c);

		if (newline || eof || is_control(t, VEOL, c) || is_control(t, VEOL2, c)) {
			if (used >= TTY_BUFFER)
				return false;
			if (newline && (t->termios.lflag & (ECHO | ECHONL)))
				put_char(t, c);
			else if (!eof)
				echo(t, c);
			end_line(t, c, eof);
			return true;
		}
	}
	/* A place stays for the end of the line: a line that is too long loses characters, not its end. */
	if (used >= TTY_BUFFER - 1) {
		if (t->canon != t->tail)
			return false;
		put_char(t, '\a');
		return true;
	}
	if (t->head == t->canon)
		t->line_column = t->column;
	echo(t, c);
	store(t, c, false, false);
	return true;
}

static bool receive_raw(struct tty *t, u8 c)
{
	if (t->head - t->tail >= TTY_BUFFER)
		return false;
	if (!(t->termios.lflag & EXTPROC))	/* there the other end echoes and edits */
		echo(t, c);
	store(t, c, false, false);
	wake_up_all(&t->readers, 0);
	return true;
}

/* True: the character was a signal and is used up. */
static bool receive_signal(struct tty *t, u8 c, struct tty_signals *s)
{
	int sig = is_control(t, VINTR, c) ? SIGINT : is_control(t, VQUIT, c) ? SIGQUIT :
		  is_control(t, VSUSP, c) ? SIGTSTP : 0;

	if (!sig)
		return false;
	if (!(t->termios.lflag & NOFLSH))
		tty_line_flush_input(t);
	tty_line_stop(t, false);
	echo(t, c);
	if (s->count < ARRAY_SIZE(s->signo))
		s->signo[s->count++] = (u8)sig;
	return true;
}

void tty_line_stop(struct tty *t, bool stop)
{
	if (t->stopped == stop)
		return;
	store_relaxed(&t->stopped, stop);
	event(t, stop ? TTY_EVENT_STOP : TTY_EVENT_START);
	if (!stop)
		wake_up_all(&t->writers, 0);
}

/* True: flow control, used up. */
static bool receive_flow(struct tty *t, u8 c)
{
	if (is_control(t, VSTOP, c)) {
		tty_line_stop(t, true);
		return true;
	}
	if (is_control(t, VSTART, c)) {
		tty_line_stop(t, false);
		return true;
	}
	if (t->stopped && (t->termios.iflag & IXANY))
		tty_line_stop(t, false);
	return false;
}

bool tty_line_receive(struct tty *t, u8 c, struct tty_signals *s)
{
	u32 iflag = t->termios.iflag, lflag = t->termios.lflag;
	bool literal = t->literal;

	if (iflag & ISTRIP)
		c &= 0177;
	t->literal = false;
	if (!literal && !(lflag & EXTPROC)) {
		if ((iflag & IXON) && receive_flow(t, c))
			return true;
		if ((lflag & ISIG) && receive_signal(t, c, s))
			return true;
		if (c == '\r' && (iflag & IGNCR))
			return true;
		if (c == '\r' && (iflag & ICRNL))
			c = '\n';
		else if (c == '\n' && (iflag & INLCR))
			c = '\r';
		if ((iflag & IUCLC) && (lflag & IEXTEN) && c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
	}
	return tty_is_canonical(t) ? receive_canonical(t, c, literal) : receive_raw(t, c);
}
