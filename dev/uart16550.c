// SPDX-License-Identifier: MIT
/*
 * The 16550 serial port of PCs (National Semiconductor PC16550D): log console and terminal.
 *
 * Sending is polled, a FIFO's worth at a time. Receiving is by interrupt. Bytes that the
 * terminal does not take are kept here and reception stops, so that the sender is held up by
 * the line (or by QEMU) and nothing is lost.
 *
 * Locks: `lock` (interrupts off) guards the interrupt-enable register and the send FIFO. It is
 * never held while the terminal layer is called, which may hold its own lock when it calls us.
 */
#include "dev/device.h"

#include "arch/arch.h"
#include "arch/irq.h"
#include "fs/tty_driver.h"
#include "lib/lock.h"
#include "lib/printf.h"

enum { UART_DATA, UART_IER, UART_IIR, UART_LCR, UART_MCR, UART_LSR, UART_SCRATCH = 7 };
enum : u8 { IER_RECEIVE = 1, IER_SEND = 2, LSR_READY = 1, LSR_EMPTY = 32, IIR_NONE = 1 };
/* An interrupt for 14 bytes, or when the line has been idle for four characters' time. */
enum : u8 { FCR_ENABLE = 1, FCR_TRIGGER_14 = 0xc0 };
constexpr unsigned FIFO_SIZE = 16;
constexpr unsigned SEND_SPINS = 100000;		/* longer than a FIFO takes at 9600 baud */

struct uart {
	const struct device_io *io;	/* (i) */
	u16 port;			/* (i) */
	struct spinlock lock;
	struct console console;
	struct tty_driver tty;
	u8 kept[FIFO_SIZE];		/* (handler) read, and not taken by the terminal */
	unsigned nkept;
};

static struct uart uart0;

static u8 uart_read(struct uart *u, u16 reg) { return u->io->read8((u16)(u->port + reg)); }
static void uart_write(struct uart *u, u16 reg, u8 v) { u->io->write8((u16)(u->port + reg), v); }

/* ---- sending */

static void send_wait(struct uart *u)
{
	for (unsigned i = 0; i < SEND_SPINS && !(uart_read(u, UART_LSR) & LSR_EMPTY); i++)
		cpu_relax();
}

/* In a panic the holder of the lock may be stopped: then the lock is given up after a while. */
static void send_chunk(struct uart *u, const u8 *bytes, size_t n)
{
	send_wait(u);
	u64 flags = irq_save();
	bool locked = false;

	for (unsigned i = 0; i < SEND_SPINS && !(locked = spin_try(&u->lock)); i++)
		cpu_relax();
	send_wait(u);
	for (size_t i = 0; i < n; i++)
		uart_write(u, UART_DATA, bytes[i]);
	if (locked)
		spin_unlock_irq(&u->lock, flags);
	else
		irq_restore(flags);
}

static size_t uart_tty_write(struct tty_driver *d, const u8 *bytes, size_t n)
{
	struct uart *u = container_of(d, struct uart, tty);

	for (size_t at = 0; at < n; at += FIFO_SIZE)
		send_chunk(u, bytes + at, min(n - at, (size_t)FIFO_SIZE));
	return n;
}

static void uart_console_write(struct console *c, const char *s, size_t n)
{
	struct uart *u = container_of(c, struct uart, console);
	u8 chunk[FIFO_SIZE];
	size_t fill = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			chunk[fill++] = '\r';
		chunk[fill++] = (u8)s[i];
		if (fill >= FIFO_SIZE - 1 || i == n - 1) {
			send_chunk(u, chunk, fill);
			fill = 0;
		}
	}
}

/* ---- receiving */

static void set_ier(struct uart *u, u8 v)
{
	u64 flags = spin_lock_irq(&u->lock);

	uart_write(u, UART_IER, v);
	spin_unlock_irq(&u->lock, flags);
}

static bool offer_kept(struct uart *u)
{
	size_t taken = u->nkept ? tty_input(&u->tty, u->kept, u->nkept) : 0;

	u->nkept -= (unsigned)taken;
	for (unsigned i = 0; taken && i < u->nkept; i++)
		u->kept[i] = u->kept[i + taken];
	return u->nkept == 0;
}

/* False: the terminal is full. Reception is off before the last offer, so that an unthrottle()
 * that comes after it finds it off and turns it on again. */
static bool offer(struct uart *u)
{
	if (offer_kept(u))
		return true;
	set_ier(u, 0);
	if (!offer_kept(u))
		return false;
	set_ier(u, IER_RECEIVE);
	return true;
}

static void receive(struct uart *u)
{
	if (uart_read(u, UART_IER) & IER_SEND)	/* unthrottle() asked for this interrupt */
		set_ier(u, IER_RECEIVE);
	while (offer(u) && (uart_read(u, UART_LSR) & LSR_READY))
		while (u->nkept < FIFO_SIZE && (uart_read(u, UART_LSR) & LSR_READY))
			u->kept[u->nkept++] = uart_read(u, UART_DATA);
}

/* The line is edge-triggered: it must have been low once before we leave. */
static void uart_interrupt(void *arg)
{
	struct uart *u = arg;

	while (!(uart_read(u, UART_IIR) & IIR_NONE))
		receive(u);
}

/* "Send FIFO empty" is always true here: enabling it raises an interrupt now, even if nothing
 * new arrives. */
static void uart_unthrottle(struct tty_driver *d)
{
	set_ier(container_of(d, struct uart, tty), IER_RECEIVE | IER_SEND);
}

/* ---- set-up */

static const struct tty_driver_ops tty_ops = {.write = uart_tty_write,
					      .unthrottle = uart_unthrottle};

static bool uart_present(struct uart *u)
{
	uart_write(u, UART_SCRATCH, 0x5a);
	return uart_read(u, UART_SCRATCH) == 0x5a;
}

/* 115200 8N1, FIFOs on; OUT2 lets the interrupt through on PCs. */
static void uart_setup(struct uart *u, u32 clock_hz)
{
	u16 divisor = (u16)(clock_hz / 16 / 115200);

	uart_write(u, UART_IER, 0);
	uart_write(u, UART_LCR, 0x80);
	uart_write(u, UART_DATA, (u8)divisor);
	uart_write(u, UART_IER, (u8)(divisor >> 8));
	uart_write(u, UART_LCR, 3);
	uart_write(u, UART_IIR, FCR_ENABLE | FCR_TRIGGER_14);
	uart_write(u, UART_MCR, 0xb);
}

static int uart_probe(const struct device *d)
{
	struct uart *u = &uart0;

	if (u->io)
		return -EBUSY;
	u->io = d->io;
	u->port = d->port;
	if (!u->io || !uart_present(u))
		return -ENODEV;
	uart_setup(u, d->clock_hz);
	u->console = (struct console){ .name = "ttyS0", .write = uart_console_write,
				      .early_port = true };
	console_register(&u->console);
	u->tty = (struct tty_driver){ .ops = &tty_ops, .name = "ttyS0", .is_console = true };
	int err = tty_register(&u->tty);

	if (!err)
		err = irq_request(d->irq[0], d->irq_edge[0], uart_interrupt, u);
	if (!err)
		set_ier(u, IER_RECEIVE);
	return err;
}

static const char *const compatible[] = { "ns16550a", nullptr };
static const struct driver uart16550 = {.compatible = compatible, .probe = uart_probe, .order = 2};
DRIVER(uart16550);
