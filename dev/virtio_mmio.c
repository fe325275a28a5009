// SPDX-License-Identifier: MIT
/* Virtio devices in memory (Virtio 1.2, 4.2), as QEMU's `virt` machine lists them in its device tree. Most are empty slots. */
#include "dev/device.h"
#include "dev/mmio.h"
#include "dev/virtio.h"
#include "arch/arch.h"
#include "mm/kmap.h"

enum mmio_register : u32 {
	REG_MAGIC = 0x00, REG_VERSION = 0x04, REG_DEVICE_ID = 0x08, REG_FEATURES = 0x10, REG_FEATURES_SELECT = 0x14,
	REG_ACCEPT = 0x20, REG_ACCEPT_SELECT = 0x24, REG_PAGE_SIZE = 0x28, REG_QUEUE = 0x30, REG_QUEUE_MAX = 0x34,
	REG_QUEUE_SIZE = 0x38, REG_QUEUE_ALIGN = 0x3c, REG_QUEUE_PFN = 0x40, REG_QUEUE_READY = 0x44, REG_NOTIFY = 0x50,
	REG_IRQ_STATUS = 0x60, REG_IRQ_ACK = 0x64, REG_STATUS = 0x70, REG_DESC = 0x80, REG_AVAIL = 0x90,
	REG_USED = 0xa0, REG_CONFIG = 0x100,
};

constexpr u32 MAGIC = 0x74726976;		/* "virt" */
constexpr unsigned RESET_TRIES = 1'000'000;

static u64 mmio_features(struct virtio_device *v)
{
	mmio_write32(v->regs, REG_FEATURES_SELECT, 0);
	u64 low = mmio_read32(v->regs, REG_FEATURES);

	mmio_write32(v->regs, REG_FEATURES_SELECT, 1);
	return low | (u64)mmio_read32(v->regs, REG_FEATURES) << 32;
}

static void mmio_accept(struct virtio_device *v, u64 features)
{
	for (u32 half = 0; half < 2; half++) {
		mmio_write32(v->regs, REG_ACCEPT_SELECT, half);
		mmio_write32(v->regs, REG_ACCEPT, (u32)(features >> 32 * half));
	}
	if (v->legacy)
		mmio_write32(v->regs, REG_PAGE_SIZE, PAGE_SIZE);
}

static u32 mmio_status(struct virtio_device *v) { return mmio_read32(v->regs, REG_STATUS); }

static void mmio_set_status(struct virtio_device *v, u32 status)
{
	mmio_write32(v->regs, REG_STATUS, status);
	for (unsigned i = 0; !status && i < RESET_TRIES && mmio_status(v); i++)
		cpu_relax();
}

static u32 mmio_config32(struct virtio_device *v, unsigned offset) { return mmio_read32(v->regs, REG_CONFIG + offset); }

static unsigned mmio_queue_max(struct virtio_device *v, unsigned index)
{
	mmio_write32(v->regs, REG_QUEUE, index);
	return mmio_read32(v->regs, REG_QUEUE_MAX);
}

static void write64(struct virtio_device *v, u32 reg, const void *memory)
{
	u64 pa = direct_pa(memory).v;

	mmio_write32(v->regs, reg, (u32)pa);
	mmio_write32(v->regs, reg + 4, (u32)(pa >> 32));
}

static void mmio_queue_set(struct virtio_device *v, unsigned index, struct virtqueue *q)
{
	mmio_write32(v->regs, REG_QUEUE, index);
	mmio_write32(v->regs, REG_QUEUE_SIZE, q->size);
	if (v->legacy) {
		mmio_write32(v->regs, REG_QUEUE_ALIGN, PAGE_SIZE);
		mmio_write32(v->regs, REG_QUEUE_PFN, (u32)(direct_pa(q->desc).v >> PAGE_SHIFT));
		return;
	}
	write64(v, REG_DESC, q->desc);
	write64(v, REG_AVAIL, q->avail);
	write64(v, REG_USED, q->used);
	mmio_write32(v->regs, REG_QUEUE_READY, 1);
}

static void mmio_notify(struct virtio_device *v, unsigned index) { mmio_write32(v->regs, REG_NOTIFY, index); }

static u32 mmio_take_interrupt(struct virtio_device *v)
{
	u32 status = mmio_read32(v->regs, REG_IRQ_STATUS);

	mmio_write32(v->regs, REG_IRQ_ACK, status);
	return status;
}

static const struct virtio_ops mmio_ops = {
	.features = mmio_features, .accept = mmio_accept, .status = mmio_status, .set_status = mmio_set_status,
	.config32 = mmio_config32, .queue_max = mmio_queue_max, .queue_set = mmio_queue_set, .notify = mmio_notify,
	.take_interrupt = mmio_take_interrupt,
};

static int mmio_probe(const struct device *d)
{
	struct virtio_device v = { .ops = &mmio_ops, .irq = d->irq[0], .irq_edge = d->irq_edge[0] };

	if (d->reg_size[0] < REG_CONFIG || !(v.regs = mmio_map(d->reg[0], d->reg_size[0])))
		return -ENOMEM;
	u32 version = mmio_read32(v.regs, REG_VERSION);

	v.id = (enum virtio_id)mmio_read32(v.regs, REG_DEVICE_ID);
	if (mmio_read32(v.regs, REG_MAGIC) != MAGIC || version < 1 || version > 2)
		return -ENODEV;
	v.legacy = version == 1;
	return v.id ? virtio_probe(&v) : 0;
}

static const char *const compatible[] = { "virtio,mmio", nullptr };
static const struct driver virtio_mmio = { .compatible = compatible, .probe = mmio_probe, .order = 5 };
DRIVER(virtio_mmio);
