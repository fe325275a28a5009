// SPDX-License-Identifier: MIT
/*
 * A card as a disk: the threads of a host, retries, cards that come and go.
 *
 * The finder registers a disk and takes it away again; the server moves its blocks, since reading the partitions while
 * registering already needs it. A card that stops answering is lost: its requests fail with -ENOMEDIUM until the finder has taken the
 * disk away. Where the controller cannot see the slot the finder looks now and then by itself.
 */
#include "arch/arch.h"
#include "dev/mmc.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmem.h"
#include "proc/wait.h"
#include "proc/work.h"

constexpr u32 MAJOR = 179;
constexpr unsigned TRIES = 4;
constexpr u64 LOOK_NS = 2'000'000'000;

static u32 numbers_used;	/* (a) bit n: mmcblkn */

/* The lowest number that no other card has. */
static unsigned number_get(void)
{
	u32 used = load_relaxed(&numbers_used);
	unsigned n;

	do {
		n = (unsigned)__builtin_ctz(~used);
	} while (!__atomic_compare_exchange_n(&numbers_used, &used, used | (u32)BIT(n), true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return n;
}

static void number_put(unsigned n) { __atomic_fetch_and(&numbers_used, ~(u32)BIT(n), __ATOMIC_RELAXED); }

/* ---- the server */

static void lose(struct mmc_host *h, struct mmc_card *c)
{
	if (!__atomic_exchange_n(&h->lost, true, __ATOMIC_RELAXED))
		log_err("%s: the card does not answer any more", c->disk.name);
	wake_up_all(&h->changed, 0);
}

/* One request, with as many tries as make sense. The card is in its transfer state before each. */
static int serve_locked(struct mmc_host *h, struct mmc_card *c, const struct block_request *r)
{
	int err = -EIO;

	for (unsigned try = 0; try < TRIES; try++) {
		if (load_relaxed(&h->lost) || !h->ops->present(h))
			err = -ENOMEDIUM;
		else
			err = mmc_card_transfer(c, r);
		if (!err)
			return 0;
		bool checksum = err == -EILSEQ;

		if (err != -ENOMEDIUM && mmc_card_settle(c, true) == -ENOMEDIUM)
			err = -ENOMEDIUM;
		if (err == -ENOMEDIUM) {
			lose(h, c);
			return err;
		}
		if (checksum && try >= 1)
			(void)mmc_card_slow_down(c);
	}
	log_err("%s: %s of sector %lu: error %d", c->disk.name, r->op == BLOCK_READ ? "read" : "write", r->sector, -err);
	return -EIO;
}

static void serve(struct mmc_host *h)
{
	struct block_request *r = load_acquire(&h->request);
	struct mmc_card *c = r->disk->data;

	/* Until it is complete its caller keeps the disk; then nobody else may. */
	disk_get(&c->disk);
	mutex_lock(&h->lock);
	int err = c == h->card ? serve_locked(h, c, r) : -ENOMEDIUM;

	mutex_unlock(&h->lock);
	/* Completing starts the next one, which must find us free. */
	store_release(&h->request, nullptr);
	block_complete(&c->disk, r, err);
	disk_put(&c->disk);
}

static void server(void *arg)
{
	struct mmc_host *h = arg;

	for (;;) {
		wait_event_always(&h->wanted, load_acquire(&h->request));
		serve(h);
	}
}

static int mmc_start(struct disk *d, struct block_request *r)
{
	struct mmc_host *h = ((struct mmc_card *)d->data)->host;

	if (load_acquire(&h->request))
		return -EBUSY;
	store_release(&h->request, r);
	wake_up_all(&h->wanted, 0);
	return 0;
}

/* The server gives up by itself, long before: all there is to do is to wait for it. */
static void mmc_timeout(struct disk *d)
{
	struct mmc_host *h = ((struct mmc_card *)d->data)->host;

	mutex_lock(&h->lock);
	mutex_unlock(&h->lock);
}

static void mmc_release(struct disk *d)
{
	kfree(d->data);
}

static const struct disk_ops disk_ops = { .start = mmc_start, .timeout = mmc_timeout, .release = mmc_release };

/* ---- the finder */

static void describe(struct mmc_host *h, struct mmc_card *c)
{
	struct disk *d = &c->disk;

	c->number = number_get();
	d->major = MAJOR;
	d->first_minor = c->number * DISK_MINORS;
	d->ops = &disk_ops;
	d->data = c;
	d->sectors = c->sectors;
	d->block_size = SECTOR_SIZE;
	d->max_sectors = h->max_sectors;
	d->max_segments = h->max_segments;
	d->read_only = c->read_only;
	d->removable = true;
	snprintf(d->name, sizeof(d->name), "mmcblk%u", c->number);
	snprintf(d->model, sizeof(d->model), "%s", c->name);
}

/* A card that is not understood is named once, not each time somebody looks. */
static struct mmc_card *find_card(struct mmc_host *h, bool quiet)
{
	struct mmc_card *c = kzalloc(sizeof(*c));

	if (!c)
		return nullptr;
	scoped_mutex(&h->lock);
	c->host = h;
	store_relaxed(&h->lost, false);
	int err = h->ops->present(h) ? mmc_card_identify(c) : -ENOMEDIUM;

	if (!err) {
		describe(h, c);
		h->card = c;
		log_info("%s: card \"%s\", %s, %s, %u MHz", c->disk.name, c->name, c->blocks ? "SDHC" : "SDSC",
			 c->four_bits ? "4 bits" : "1 bit", c->clock_hz / 1'000'000);
		return c;
	}
	if (err != -ENOMEDIUM && !quiet)
		log_warn("mmc: the card is of no use: error %d", -err);
	h->ops->power_off(h);
	kfree(c);
	return nullptr;
}

static bool card_there(struct mmc_host *h, struct mmc_card *c)
{
	scoped_mutex(&h->lock);
	if (load_relaxed(&h->lost) || !h->ops->present(h))
		return false;
	return mmc_card_settle(c, false) != -ENOMEDIUM;
}

static void drop_card(struct mmc_host *h, struct mmc_card *c)
{
	store_relaxed(&h->lost, true);
	log_info("%s: removed", c->disk.name);
	unsigned number = c->number;

	disk_unregister(&c->disk);	/* c may be gone with it */
	number_put(number);
	scoped_mutex(&h->lock);
	h->card = nullptr;
	h->ops->power_off(h);
}

static void wait_for_change(struct mmc_host *h)
{
	(void)wait_event_until_(&h->changed, load_acquire(&h->look) || load_acquire(&h->lost),
				arch_clock_ns() + LOOK_NS, false);
	__atomic_exchange_n(&h->look, false, __ATOMIC_ACQ_REL);
}

static void finder(void *arg)
{
	struct mmc_host *h = arg;
	struct mmc_card *c = nullptr;
	bool first = true, quiet = false;

	for (; first || c || !h->fixed; wait_for_change(h)) {
		if (c && !card_there(h, c)) {
			drop_card(h, c);
			c = nullptr;
			quiet = false;
		}
		if (!c) {
			c = find_card(h, quiet);
			quiet = true;
			if (c && disk_register(&c->disk))
				log_err("%s: cannot be registered", c->disk.name);
		}
		if (first)
			block_probe_end();
		first = false;
	}
}

void mmc_host_changed(struct mmc_host *h)
{
	store_release(&h->look, true);
	wake_up_all(&h->changed, 0);
}

int mmc_host_add(struct mmc_host *h)
{
	mutex_init(&h->lock);
	wait_queue_init(&h->wanted);
	wait_queue_init(&h->changed);
	block_probe_begin();
	if (kthread_start("mmc-server", server, h) && kthread_start("mmc-finder", finder, h))
		return 0;
	block_probe_end();
	return -ENOMEM;
}
