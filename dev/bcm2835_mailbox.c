// SPDX-License-Identifier: MIT
/*
 * The mailbox between Arm and VideoCore (BCM2835 ARM Peripherals, and the firmware's documentation of its property
 * interface). One message at a time, polled: answers come within microseconds, but for a new framebuffer.
 *
 * The message lies in the image, which the boot loader has put into the first GiB: all that VideoCore reaches. It
 * sees memory at 0xc0000000, past its own caches; ours are cleaned before and dropped after.
 *
 * Lock: message_lock, irq-safe, nothing is taken inside.
 */
#include "dev/bcm2835_firmware.h"

#include "arch/arch.h"
#include "dev/device.h"
#include "dev/mmio.h"
#include "lib/lock.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmap.h"

enum mailbox_register : u32 { MBOX_READ = 0x00, MBOX_STATUS = 0x18, MBOX_WRITE = 0x20, MBOX_WRITE_STATUS = 0x38 };

constexpr u32 STATUS_FULL = BIT(31), STATUS_EMPTY = BIT(30);
constexpr u32 CHANNEL = 8;		/* in the low 4 bits of a letter: properties */
constexpr u32 ANSWER_OK = 0x80000000, ANSWERED = BIT(31);
constexpr u64 BUS_ALIAS = 0xc0000000, BUS_SIZE = 0x40000000;
constexpr u64 PATIENCE_NS = 1'000'000'000;
constexpr unsigned HEADER = 2, TAG_HEADER = 3;
constexpr unsigned MESSAGE_WORDS =
	HEADER + FIRMWARE_PROPERTIES * (TAG_HEADER + FIRMWARE_WORDS) + 1;

static volatile void *mailbox;		/* (i) */
static u64 bus_message;			/* (i) address of the message, as VideoCore sees it */
static struct spinlock message_lock;
/* (message_lock) Whole cache lines of its own. */
[[gnu::aligned(128)]] static u32 message[(MESSAGE_WORDS + 31) / 32 * 32];

static bool wait_while(u32 reg, u32 bit)
{
	for (u64 end = arch_clock_ns() + PATIENCE_NS; mmio_read32(mailbox, reg) & bit; cpu_relax())
		if (arch_clock_ns() > end)
			return false;
	return true;
}

/* The message goes and comes back in place. */
static int exchange(void)
{
	u32 letter = (u32)bus_message | CHANNEL;

	arch_dma_sync(message, sizeof(message));
	if (!wait_while(MBOX_WRITE_STATUS, STATUS_FULL))
		return -EBUSY;
	mmio_write32(mailbox, MBOX_WRITE, letter);
	do {
		if (!wait_while(MBOX_STATUS, STATUS_EMPTY))
			return -EBUSY;
	} while (mmio_read32(mailbox, MBOX_READ) != letter);
	arch_dma_sync(message, sizeof(message));
	return message[1] == ANSWER_OK ? 0 : -EIO;
}

static void encode(const struct firmware_property *p, unsigned n)
{
	u32 *w = message + HEADER;

	for (unsigned i = 0; i < n; i++, w += TAG_HEADER + p[i - 1].words) {
		w[0] = p[i].tag;
		w[1] = p[i].words * sizeof(u32);
		w[2] = 0;
		memcpy(w + TAG_HEADER, p[i].value, p[i].words * sizeof(u32));
	}
	*w++ = 0;
	message[0] = (u32)((char *)w - (char *)message);
	message[1] = 0;
}

static int decode(struct firmware_property *p, unsigned n)
{
	const u32 *w = message + HEADER;
	int err = 0;

	for (unsigned i = 0; i < n; i++, w += TAG_HEADER + p[i - 1].words) {
		if (w[2] & ANSWERED)
			memcpy(p[i].value, w + TAG_HEADER, p[i].words * sizeof(u32));
		else
			err = -EIO;
	}
	return err;
}

int firmware_properties(struct firmware_property *p, unsigned n)
{
	assert(n <= FIRMWARE_PROPERTIES);
	if (!mailbox)
		return -ENODEV;
	u64 flags = spin_lock_irq(&message_lock);

	encode(p, n);
	int err = exchange();

	if (!err)
		err = decode(p, n);
	spin_unlock_irq(&message_lock, flags);
	return err;
}

int firmware_property(u32 tag, u32 *value, unsigned words)
{
	struct firmware_property p = { .tag = tag, .words = words };

	assert(words >= 1 && words <= FIRMWARE_WORDS);
	memcpy(p.value, value, words * sizeof(u32));
	int err = firmware_properties(&p, 1);

	memcpy(value, p.value, words * sizeof(u32));
	return err;
}

u32 firmware_clock(enum firmware_clock clock)
{
	u32 value[2] = { clock, 0 };

	return firmware_property(FW_CLOCK_RATE, value, 2) ? 0 : value[1];
}

struct pa firmware_address(u32 bus)
{
	return (struct pa){ bus & (BUS_SIZE - 1) };
}

static void introduce(void)
{
	struct firmware_property p[] = {
		{ .tag = FW_REVISION, .words = 1 }, { .tag = FW_BOARD_REVISION, .words = 1 },
		{ .tag = FW_ARM_MEMORY, .words = 2 }, { .tag = FW_VC_MEMORY, .words = 2 },
	};

	if (firmware_properties(p, ARRAY_SIZE(p)))
		log_warn("mailbox: the firmware does not answer");
	else
		log_info("firmware %#x, board %#x, VideoCore has %u MiB at %#x", p[0].value[0], p[1].value[0],
			 p[3].value[1] >> 20, p[3].value[0]);
}

static int mailbox_probe(const struct device *d)
{
	u64 pa = arch_image_pa(message).v;

	if (mailbox)
		return -EBUSY;
	if (pa + sizeof(message) > BUS_SIZE)
		return -ENODEV;		/* an image above 1 GiB is out of VideoCore's reach */
	mailbox = mmio_map(d->reg[0], d->reg_size[0]);
	if (!mailbox)
		return -ENOMEM;
	bus_message = BUS_ALIAS | pa;
	introduce();
	return 0;
}

static const char *const compatible[] = { "brcm,bcm2835-mbox", nullptr };
static const struct driver driver = { .compatible = compatible, .probe = mailbox_probe, .harmless = MBOX_STATUS, .order = 1 };
DRIVER(driver);
