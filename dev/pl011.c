// SPDX-License-Identifier: MIT
/* The PL011 serial port of Arm boards (Arm DDI 0183). */
#include "dev/device.h"
#include "dev/mmio.h"
#include "dev/pins.h"
#include "dev/serial.h"
#include "mm/kmap.h"

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

constexpr unsigned UARTS = 4;
constexpr u32 BAUD = 115200;

static struct serial uarts[UARTS];
static unsigned nuarts;

static bool send_ready(volatile void *base) { return !(mmio_read32(base, UART_FR) & FR_TX_FULL); }
static void send(volatile void *base, u8 c) { mmio_write32(base, UART_DR, c); }
static bool receive_ready(volatile void *base) { return !(mmio_read32(base, UART_FR) & FR_RX_EMPTY); }
static u8 receive(volatile void *base) { return (u8)mmio_read32(base, UART_DR); }
static void receive_irq(volatile void *base, bool on) { mmio_write32(base, UART_IMSC, on ? INT_RX : 0); }
static void acknowledge(volatile void *base) { mmio_write32(base, UART_ICR, INT_RX); }

static const struct serial_ops ops = {
	.send_ready = send_ready, .send = send, .receive_ready = receive_ready, .receive = receive,
	.receive_irq = receive_irq, .acknowledge = acknowledge,
};

/* Where the input clock is unknown, the rate stays as the firmware has set it. */
static void uart_setup(volatile void *base, u32 clock_hz)
{
	u32 divisor = (u32)((u64)clock_hz * 4 / BAUD);		/* in 64ths */

	mmio_write32(base, UART_IMSC, 0);
	if (clock_hz) {
		mmio_write32(base, UART_CR, 0);
		mmio_write32(base, UART_IBRD, divisor >> 6);
		mmio_write32(base, UART_FBRD, divisor & 63);
		mmio_write32(base, UART_LCRH, LCRH_8BIT_FIFO);	/* takes the divisor in */
	}
	mmio_write32(base, UART_ICR, ~0u);
	mmio_write32(base, UART_CR, CR_ENABLE | CR_TX | CR_RX);
}

static int pl011_probe(const struct device *d)
{
	if (nuarts >= UARTS)
		return -EBUSY;
	struct serial *u = &uarts[nuarts];

	u->ops = &ops;
	u->base = mmio_map(d->reg[0], d->reg_size[0]);
	if (!u->base)
		return -ENOMEM;
	pins_apply(d);
	uart_setup(u->base, d->clock_hz);
	snprintf(u->name, sizeof(u->name), "ttyAMA%u", nuarts++);
	return serial_register(u, d);
}

static const char *const compatible[] = { "arm,pl011", nullptr };
static const struct driver pl011 = { .compatible = compatible, .probe = pl011_probe, .harmless = UART_FR, .order = 2 };
DRIVER(pl011);
