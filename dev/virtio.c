// SPDX-License-Identifier: MIT
/* Virtio: how a device is greeted, and split virtqueues. */
#include "dev/virtio.h"
#include "lib/printf.h"
#include "mm/page.h"

enum : u16 { DESC_NEXT = 1, DESC_WRITE = 2 };

int virtio_begin(struct virtio_device *v, u64 wanted, u64 *features)
{
	u32 status = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER;

	v->ops->set_status(v, 0);
	v->ops->set_status(v, VIRTIO_ACKNOWLEDGE);
	v->ops->set_status(v, status);
	*features = v->ops->features(v) & (wanted | (v->legacy ? 0 : VIRTIO_F_VERSION_1));
	if (!v->legacy && !(*features & VIRTIO_F_VERSION_1))
		return -ENODEV;
	v->ops->accept(v, *features);
	if (v->legacy)
		return 0;
	v->ops->set_status(v, status | VIRTIO_FEATURES_OK);
	return v->ops->status(v) & VIRTIO_FEATURES_OK ? 0 : -ENODEV;
}

void virtio_ready(struct virtio_device *v)
{
	v->ops->set_status(v, v->ops->status(v) | VIRTIO_DRIVER_OK);
}

void virtio_fail(struct virtio_device *v)
{
	v->ops->set_status(v, 0);
	v->ops->set_status(v, VIRTIO_FAILED);
}

int virtio_probe(const struct virtio_device *v)
{
	switch (v->id) {
	case VIRTIO_ID_BLOCK: return virtio_blk_probe(v);
	default: return -ENODEV;
	}
}

/* ---- queues */

/* Legacy devices find the used ring on the page behind the others; so all do. */
static size_t used_offset(unsigned size)
{
	size_t avail_end = size * sizeof(struct virtq_desc) + sizeof(struct virtq_avail) + (size + 1) * sizeof(u16);

	return align_up(avail_end, PAGE_SIZE);
}

int virtqueue_init(struct virtio_device *v, struct virtqueue *q, unsigned index)
{
	unsigned max = v->ops->queue_max(v, index), size = VIRTQUEUE_SIZE, order = 0;

	while (size > max)
		size /= 2;
	if (size < 4)
		return -ENODEV;
	size_t bytes = used_offset(size) + sizeof(struct virtq_used) + size * sizeof(struct virtq_used_element) + 2;

	while (PAGE_SIZE << order < bytes)
		order++;
	struct page *p = page_alloc(order, PAGE_KERNEL, PA_ZERO);

	if (!p)
		return -ENOMEM;
	char *memory = page_address(p);

	*q = (struct virtqueue){ .size = size, .nfree = (u16)size, .desc = (void *)memory,
				 .avail = (void *)(memory + size * sizeof(struct virtq_desc)),
				 .used = (void *)(memory + used_offset(size)) };
	for (unsigned i = 0; i < size; i++)
		q->next[i] = (u16)(i + 1);
	v->ops->queue_set(v, index, q);
	return 0;
}

int virtqueue_head(const struct virtqueue *q, unsigned n)
{
	return q->broken ? -EIO : n > q->nfree ? -EBUSY : q->free;
}

void virtqueue_add(struct virtqueue *q, const struct virtq_piece *pieces, unsigned n)
{
	u16 head = q->free, at = head;

	for (unsigned i = 0; i < n; i++, at = q->next[at]) {
		bool more = i + 1 < n;

		q->desc[at] = (struct virtq_desc){
			.addr = pieces[i].pa.v,
			.len = pieces[i].len,
			.flags = (u16)((more ? DESC_NEXT : 0) | (pieces[i].device_writes ? DESC_WRITE : 0)),
			.next = more ? q->next[at] : (u16)0,
		};
	}
	q->free = at;
	q->nfree = (u16)(q->nfree - n);
	q->length[head] = (u16)n;

	u16 idx = q->avail->idx;

	q->avail->ring[idx & (q->size - 1)] = head;
	store_release(&q->avail->idx, (u16)(idx + 1));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* before the device is notified */
}

static void free_chain(struct virtqueue *q, u16 head)
{
	unsigned n = q->length[head];
	u16 last = head;

	for (unsigned i = 1; i < n; i++)
		last = q->next[last];
	q->next[last] = q->free;
	q->free = head;
	q->nfree = (u16)(q->nfree + n);
	q->length[head] = 0;
}

int virtqueue_take(struct virtqueue *q)
{
	u16 idx = load_acquire(&q->used->idx);

	if (q->broken)
		return -EIO;
	if (idx == q->last_used)
		return -EAGAIN;
	u32 id = load_relaxed(&q->used->ring[q->last_used & (q->size - 1)].id);

	if ((u16)(idx - q->last_used) > q->size || id >= q->size || !q->length[id]) {
		log_err("virtio: the device names a request that it has not got");
		q->broken = true;
		return -EIO;
	}
	q->last_used++;
	free_chain(q, (u16)id);
	return (int)id;
}
