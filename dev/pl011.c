// SPDX-License-Identifier: MIT
/*
 * The PL011 serial port of Arm boards (Arm DDI 0183): log console and terminal.
 *
 * Sending is polled. Receiving is by interrupt. Bytes that the terminal does not take are kept, reception stops, and
 * the sender is held up by the FIFO; when the terminal has room again a work item offers what was kept.
 *
 * Locks: receive_lock, then the terminal layer's own, then send_lock; all with interrupts off. unthrottle(),
 * which the terminal may call with its lock held, takes none.
 */
#include "dev/device.h"

#include "arch/arch.h"
#include "arch/irq.h"
#include "dev/mmio.h"
#include "fs/tty_driver.h"
#include "lib/lock.h"
#include "lib/printf.h"
#include "mm/kmap.h"
#include "proc/work.h"

enum uart_register : u32 {
	UART_DR = 0x00, UART_FR = 0x18, UART_IBRD = 0x24, UART_FBRD = 0x28, UART_LCRH = 0x2c,
	UART_CR = 0x30, UART_IMSC = 0x38, UART_ICR = 0x44,
};

enum uart_bits : u32 {
	FR_RX_EMPTY = BIT(4), FR_TX_FULL = BIT(5),
	LCRH_8BIT_FIFO = 0x70,
	CR_ENABLE = BIT(0), CR_TX = BIT(8), CR_RX = BIT(9),
	INT_RX = BIT(4) | BIT(6),	/* FIFO half full; something in it for 32 bit times */
};

constexpr unsigned UARTS = 4, FIFO_SIZE = 32;
constexpr unsigned SEND_SPINS = 1'000'000;	/* longer than a character takes at 9600 baud */
constexpr u32 BAUD = 115200;

struct uart {
	volatile void *base;		/* (i) */
	struct console console;
	struct tty_driver tty;
	char name[12];
	struct spinlock send_lock;
	struct spinlock receive_lock;	/* guards what follows */
	bool throttled;			/* the receive interrupt is masked */
	u8 kept[FIFO_SIZE];		/* read, and not taken by the terminal */
	unsigned nkept;
	struct work work;
};

static struct uart uarts[UARTS];
static unsigned nuarts;

/* ---- sending */

/* A port that is stuck loses bytes rather than the machine. */
static void send_byte(struct uart *u, u8 c)
{
	for (unsigned i = 0; i < SEND_SPINS && (mmio_read32(u->base, UART_FR) & FR_TX_FULL); i++)
		cpu_relax();
	mmio_write32(u->base, UART_DR, c);
}

/* In a panic the lock's holder may be stopped: then it is done without, after a while. */
static bool send_begin(struct uart *u)
{
	for (unsigned i = 0; i < SEND_SPINS; i++) {
		if (spin_try(&u->send_lock))
			return true;
		cpu_relax();
	}
	return false;
}

static size_t pl011_tty_write(struct tty_driver *d, const u8 *bytes, size_t n)
{
	struct uart *u = container_of(d, struct uart, tty);
	u64 flags = irq_save();
	bool locked = send_begin(u);

	for (size_t i = 0; i < n; i++)
		send_byte(u, bytes[i]);
	if (locked)
		spin_unlock(&u->send_lock);
	irq_restore(flags);
	return n;
}

static void pl011_console_write(struct console *c, const char *s, size_t n)
{
	struct uart *u = container_of(c, struct uart, console);
	u64 flags = irq_save();
	bool locked = send_begin(u);

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			send_byte(u, '\r');
		send_byte(u, (u8)s[i]);
	}
	if (locked)
		spin_unlock(&u->send_lock);
	irq_restore(flags);
}

/* ---- receiving */

static bool offer_kept(struct uart *u)
{
	size_t taken = u->nkept ? tty_input(&u->tty, u->kept, u->nkept) : 0;

	u->nkept -= (unsigned)taken;
	for (unsigned i = 0; taken && i < u->nkept; i++)
		u->kept[i] = u->kept[i + taken];
	return u->nkept == 0;
}

static bool fifo_read(struct uart *u)
{
	while (u->nkept < FIFO_SIZE && !(mmio_read32(u->base, UART_FR) & FR_RX_EMPTY))
		u->kept[u->nkept++] = (u8)mmio_read32(u->base, UART_DR);
	return u->nkept > 0;
}

/* An unthrottle() that comes while we are in here finds the lock taken, through its work. */
static void receive(struct uart *u)
{
	while (fifo_read(u)) {
		if (offer_kept(u))
			continue;
		u->throttled = true;
		mmio_write32(u->base, UART_IMSC, 0);
		return;
	}
	if (u->throttled) {
		u->throttled = false;
		mmio_write32(u->base, UART_IMSC, INT_RX);
	}
}

static void pl011_interrupt(void *arg)
{
	struct uart *u = arg;
	u64 flags = spin_lock_irq(&u->receive_lock);

	mmio_write32(u->base, UART_ICR, INT_RX);
	receive(u);
	spin_unlock_irq(&u->receive_lock, flags);
}

static void resume(struct work *w)
{
	struct uart *u = container_of(w, struct uart, work);
	u64 flags = spin_lock_irq(&u->receive_lock);

	if (u->throttled)
		receive(u);
	spin_unlock_irq(&u->receive_lock, flags);
}

static void pl011_unthrottle(struct tty_driver *d)
{
	work_queue(&container_of(d, struct uart, tty)->work);
}

/* ---- set-up */

static const struct tty_driver_ops tty_ops = {
	.write = pl011_tty_write, .unthrottle = pl011_unthrottle,
};

/* Where the input clock is unknown, the rate stays as the firmware has set it. */
static void uart_setup(struct uart *u, u32 clock_hz)
{
	u32 divisor = (u32)((u64)clock_hz * 4 / BAUD);		/* in 64ths */

	mmio_write32(u->base, UART_IMSC, 0);
	if (clock_hz) {
		mmio_write32(u->base, UART_CR, 0);
		mmio_write32(u->base, UART_IBRD, divisor >> 6);
		mmio_write32(u->base, UART_FBRD, divisor & 63);
		mmio_write32(u->base, UART_LCRH, LCRH_8BIT_FIFO);	/* takes the divisor in */
	}
	mmio_write32(u->base, UART_ICR, ~0u);
	mmio_write32(u->base, UART_CR, CR_ENABLE | CR_TX | CR_RX);
}

static int pl011_probe(const struct device *d)
{
	if (nuarts >= UARTS)
		return -EBUSY;
	struct uart *u = &uarts[nuarts];
	bool console = d->stdout_path;

	u->base = mmio_map(d->reg[0], d->reg_size[0]);
	if (!u->base)
		return -ENOMEM;
	uart_setup(u, d->clock_hz);
	snprintf(u->name, sizeof(u->name), "ttyAMA%u", nuarts++);
	u->work.fn = resume;
	u->console = (struct console){ .name = u->name, .write = pl011_console_write };
	if (console)
		console_register(&u->console);
	u->tty = (struct tty_driver){ .ops = &tty_ops, .name = u->name, .is_console = console };
	int err = tty_register(&u->tty);

	if (!err)
		err = irq_request(d->irq[0], d->irq_edge[0], pl011_interrupt, u);
	if (!err)
		mmio_write32(u->base, UART_IMSC, INT_RX);
	return err;
}

static const char *const compatible[] = { "arm,pl011", nullptr };
static const struct driver pl011 = { .compatible = compatible, .probe = pl011_probe, .order = 2 };
DRIVER(pl011);
