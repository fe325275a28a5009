// SPDX-License-Identifier: MIT
/*
 * The mini UART of Broadcom's BCM2835 and its successors (BCM2711 ARM Peripherals, 2.2 and 2.2.1): the port on a
 * Raspberry Pi 4's pins 8 and 10 unless the firmware was told to keep Bluetooth off the other one. It shares a block,
 * the AUX, with two SPI masters, and takes its rate from the VideoCore's core clock: config.txt must keep that
 * fixed (enable_uart=1 does).
 */
#include "arch/arch.h"
#include "dev/bcm2835_firmware.h"
#include "dev/device.h"
#include "dev/mmio.h"
#include "dev/pins.h"
#include "dev/serial.h"
#include "lib/fdt.h"
#include "lib/string.h"
#include "mm/kmap.h"

constexpr u32 AUX_ENABLES = 0x04, AUX_ENABLE_UART = BIT(0);

enum uart_register : u32 {
	MU_IO = 0x00, MU_IER = 0x04, MU_IIR = 0x08, MU_LCR = 0x0c, MU_MCR = 0x10, MU_LSR = 0x14, MU_CNTL = 0x20,
	MU_STAT = 0x24, MU_BAUD = 0x28,
};

enum uart_bits : u32 {
	/* The data sheet has the two interrupts the wrong way round, and does not say that bits 2 and 3 must be set to get any;
	 * its published errata do. */
	IER_RECEIVE = BIT(0) | BIT(2) | BIT(3),
	IIR_CLEAR = BIT(1) | BIT(2),
	LCR_8BIT = 3,		/* an erratum, too: both bits */
	LSR_DATA = BIT(0), LSR_ROOM = BIT(5),
	CNTL_RX = BIT(0), CNTL_TX = BIT(1),
};

constexpr u32 BAUD = 115200;

static struct serial uart;

static bool send_ready(volatile void *base) { return mmio_read32(base, MU_LSR) & LSR_ROOM; }
static void send(volatile void *base, u8 c) { mmio_write32(base, MU_IO, c); }
static bool receive_ready(volatile void *base) { return mmio_read32(base, MU_LSR) & LSR_DATA; }
static u8 receive(volatile void *base) { return (u8)mmio_read32(base, MU_IO); }
static void receive_irq(volatile void *base, bool on) { mmio_write32(base, MU_IER, on ? IER_RECEIVE : 0); }

/* The interrupt ends when the FIFO is empty. */
static void acknowledge(volatile void *base)
{
	(void)base;
}

static const struct serial_ops ops = {
	.send_ready = send_ready, .send = send, .receive_ready = receive_ready, .receive = receive,
	.receive_irq = receive_irq, .acknowledge = acknowledge,
};

/* The AUX block is the provider of our clock. Without it no register of ours answers. */
static int aux_enable(const struct device *d)
{
	int aux = fdt_by_phandle(d->tree, fdt_cell(d->tree, d->node, "clocks", 0, 0));
	u64 address, size;

	if (!fdt_reg(d->tree, aux, 0, &address, &size))
		return -ENODEV;
	volatile void *base = mmio_map((struct pa){ address }, size);

	u32 enables;

	if (!base)
		return -ENOMEM;
	if (!arch_device_read32((volatile char *)base + AUX_ENABLES, &enables))
		return -ENODEV;
	mmio_write32(base, AUX_ENABLES, enables | AUX_ENABLE_UART);
	return 0;
}

/* Where the firmware does not name the clock, the rate stays as it has set it. */
static void uart_setup(volatile void *base)
{
	u32 hz = firmware_clock(FW_CLOCK_CORE);

	mmio_write32(base, MU_IER, 0);
	mmio_write32(base, MU_CNTL, 0);
	mmio_write32(base, MU_LCR, LCR_8BIT);
	mmio_write32(base, MU_MCR, 0);
	mmio_write32(base, MU_IIR, IIR_CLEAR);
	if (hz >= 8 * BAUD)
		mmio_write32(base, MU_BAUD, hz / (8 * BAUD) - 1);
	mmio_write32(base, MU_CNTL, CNTL_RX | CNTL_TX);
}

static int uart_probe(const struct device *d)
{
	if (uart.base)
		return -EBUSY;
	int err = aux_enable(d);

	if (err)
		return err;
	uart.base = mmio_map(d->reg[0], d->reg_size[0]);
	if (!uart.base)
		return -ENOMEM;
	uart.ops = &ops;
	memcpy(uart.name, "ttyS0", sizeof("ttyS0"));
	pins_apply(d);
	uart_setup(uart.base);
	return serial_register(&uart, d);
}

static const char *const compatible[] = { "brcm,bcm2835-aux-uart", nullptr };
static const struct driver driver = { .compatible = compatible, .probe = uart_probe, .harmless = MU_STAT, .order = 2 };
DRIVER(driver);
