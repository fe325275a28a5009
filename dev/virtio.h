// SPDX-License-Identifier: MIT
/*
 * Virtio 1.2: devices, whatever they are attached to, and their queues (chapter 2.7, split virtqueues). A transport (dev/virtio_mmio.c)
 * finds a device, and calls the driver of its kind. Both the standard and the legacy interface are spoken: QEMU's default over
 * MMIO is still the latter.
 *
 * What a device writes is checked before it is used; a device that writes nonsense is broken, and not heard any more.
 */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"
#include "lib/lock.h"

struct virtio_device;
struct virtqueue;

constexpr unsigned VIRTQUEUE_SIZE = 256;	/* at most; a power of 2 */

enum virtio_id : u32 { VIRTIO_ID_BLOCK = 2 };
enum virtio_feature : u64 { VIRTIO_F_VERSION_1 = 1ul << 32 };
enum virtio_status : u32 {
	VIRTIO_ACKNOWLEDGE = 1, VIRTIO_DRIVER = 2, VIRTIO_DRIVER_OK = 4, VIRTIO_FEATURES_OK = 8, VIRTIO_FAILED = 128,
};

/* What a transport does. */
struct virtio_ops {
	u64 (*features)(struct virtio_device *v);
	void (*accept)(struct virtio_device *v, u64 features);
	u32 (*status)(struct virtio_device *v);
	void (*set_status)(struct virtio_device *v, u32 status);	/* 0: reset; it touches no memory afterwards */
	u32 (*config32)(struct virtio_device *v, unsigned offset);
	unsigned (*queue_max)(struct virtio_device *v, unsigned index);	/* 0: there is none */
	void (*queue_set)(struct virtio_device *v, unsigned index, struct virtqueue *q);
	void (*notify)(struct virtio_device *v, unsigned index);
	u32 (*take_interrupt)(struct virtio_device *v);	/* acknowledges; 0: it was not ours */
};

struct virtio_device {
	const struct virtio_ops *ops;
	volatile void *regs;
	enum virtio_id id;
	bool legacy;
	unsigned irq;
	bool irq_edge;
};

/* Resets and greets the device, and agrees on those of `wanted` that it has: *features. 0 or -ENODEV. */
[[nodiscard]] int virtio_begin(struct virtio_device *v, u64 wanted, u64 *features);
/* The driver is ready. */
void virtio_ready(struct virtio_device *v);
/* The device is of no use. It touches no memory any more. */
void virtio_fail(struct virtio_device *v);

/* For transports: finds the driver; *v is copied. 0, -ENODEV. */
[[nodiscard]] int virtio_probe(const struct virtio_device *v);
[[nodiscard]] int virtio_blk_probe(const struct virtio_device *v);

/* ---- queues */

struct virtq_desc {
	u64 addr;
	u32 len;
	u16 flags, next;
};

struct virtq_used_element {
	u32 id, len;
};

struct virtq_avail {
	u16 flags, idx, ring[];
};

struct virtq_used {
	u16 flags, idx;
	struct virtq_used_element ring[];
};

/* A piece of a request's memory. */
struct virtq_piece {
	struct pa pa;
	u32 len;
	bool device_writes;
};

/* (l) lock */
struct virtqueue {
	struct spinlock lock;		/* irq-safe */
	unsigned size;			/* (i) */
	struct virtq_desc *desc;	/* (l) shared with the device, as the next two */
	struct virtq_avail *avail;
	struct virtq_used *used;
	u16 last_used;			/* (l) */
	u16 nfree, free;		/* (l) list of free descriptors, linked by `next` below: not in shared memory */
	u16 next[VIRTQUEUE_SIZE];
	u16 length[VIRTQUEUE_SIZE];	/* (l) of the chain that begins there; 0: none */
	bool broken;			/* (l) the device wrote nonsense */
};

/* Sets queue `index` up. 0, -ENODEV, -ENOMEM. */
[[nodiscard]] int virtqueue_init(struct virtio_device *v, struct virtqueue *q, unsigned index);
/* The descriptor that a chain of n pieces would begin with, or -EBUSY. Under q->lock, interrupts off, as the next two.
 * -EIO: the queue is broken. */
int virtqueue_head(const struct virtqueue *q, unsigned n);
/* Offers the chain; virtio ops->notify() is the caller's. */
void virtqueue_add(struct virtqueue *q, const struct virtq_piece *pieces, unsigned n);
/* The head of a chain that the device is done with, and that is free from now on; -EAGAIN: none; -EIO: the queue is broken. */
int virtqueue_take(struct virtqueue *q);
