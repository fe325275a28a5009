// SPDX-License-Identifier: MIT
/*
 * What serial ports with memory-mapped registers have in common: log console and terminal.
 *
 * Sending is polled. Receiving is by interrupt. Bytes that the terminal does not take are kept, reception stops, and
 * the sender is held up by the FIFO; when the terminal has room again a work item offers what was kept.
 *
 * Locks: receive_lock, then the terminal layer's own, then send_lock; all with interrupts off. unthrottle(),
 * which the terminal may call with its lock held, takes none.
 */
#include "dev/serial.h"

#include "arch/arch.h"
#include "arch/irq.h"
#include "dev/device.h"

constexpr unsigned SEND_SPINS = 1'000'000;	/* longer than a character takes at 9600 baud */

/* ---- sending */

/* A port that is stuck loses bytes rather than the machine. */
static void send_byte(struct serial *u, u8 c)
{
	for (unsigned i = 0; i < SEND_SPINS && !u->ops->send_ready(u->base); i++)
		cpu_relax();
	u->ops->send(u->base, c);
}

/* In a panic the lock's holder may be stopped: then it is done without, after a while. */
static bool send_begin(struct serial *u)
{
	for (unsigned i = 0; i < SEND_SPINS; i++) {
		if (spin_try(&u->send_lock))
			return true;
		cpu_relax();
	}
	return false;
}

static size_t serial_tty_write(struct tty_driver *d, const u8 *bytes, size_t n)
{
	struct serial *u = container_of(d, struct serial, tty);
	u64 flags = irq_save();
	bool locked = send_begin(u);

	for (size_t i = 0; i < n; i++)
		send_byte(u, bytes[i]);
	if (locked)
		spin_unlock(&u->send_lock);
	irq_restore(flags);
	return n;
}

static void serial_console_write(struct console *c, const char *s, size_t n)
{
	struct serial *u = container_of(c, struct serial, console);
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

static bool offer_kept(struct serial *u)
{
	size_t taken = u->nkept ? tty_input(&u->tty, u->kept, u->nkept) : 0;

	u->nkept -= (unsigned)taken;
	for (unsigned i = 0; taken && i < u->nkept; i++)
		u->kept[i] = u->kept[i + taken];
	return u->nkept == 0;
}

static bool fifo_read(struct serial *u)
{
	while (u->nkept < SERIAL_KEPT && u->ops->receive_ready(u->base))
		u->kept[u->nkept++] = u->ops->receive(u->base);
	return u->nkept > 0;
}

/* An unthrottle() that comes while we are in here finds the lock taken, through its work. */
static void receive(struct serial *u)
{
	while (fifo_read(u)) {
		if (offer_kept(u))
			continue;
		u->throttled = true;
		u->ops->receive_irq(u->base, false);
		return;
	}
	if (u->throttled) {
		u->throttled = false;
		u->ops->receive_irq(u->base, true);
	}
}

static void serial_interrupt(void *arg)
{
	struct serial *u = arg;
	u64 flags = spin_lock_irq(&u->receive_lock);

	u->ops->acknowledge(u->base);
	receive(u);
	spin_unlock_irq(&u->receive_lock, flags);
}

static void resume(struct work *w)
{
	struct serial *u = container_of(w, struct serial, work);
	u64 flags = spin_lock_irq(&u->receive_lock);

	if (u->throttled)
		receive(u);
	spin_unlock_irq(&u->receive_lock, flags);
}

static void serial_unthrottle(struct tty_driver *d)
{
	work_queue(&container_of(d, struct serial, tty)->work);
}

/* ---- set-up */

static const struct tty_driver_ops tty_ops = {
	.write = serial_tty_write, .unthrottle = serial_unthrottle,
};

int serial_register(struct serial *u, const struct device *d)
{
	u->work.fn = resume;
	u->console = (struct console){ .name = u->name, .write = serial_console_write,
				      .early_port = d->stdout_path };
	if (d->stdout_path)
		console_register(&u->console);
	u->tty = (struct tty_driver){ .ops = &tty_ops, .name = u->name, .is_console = d->stdout_path };
	int err = tty_register(&u->tty);

	if (!err)
		err = irq_request(d->irq[0], d->irq_edge[0], serial_interrupt, u);
	if (!err)
		u->ops->receive_irq(u->base, true);
	return err;
}
