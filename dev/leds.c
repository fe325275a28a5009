// SPDX-License-Identifier: MIT
/*
 * Lights on pins ("gpio-leds"): /sys/class/leds/NAME/brightness, 0 or 1, and trigger: none, or heartbeat, two short flashes
 * every 1.26 s while timers and threads run. They stay as the firmware has left them until somebody writes.
 *
 * A light may hang on a mailbox, so that only the work item switches it for the heart; it also is the only one that arms and
 * cancels the timer.
 */
#include "arch/arch.h"
#include "dev/device.h"
#include "dev/pins.h"
#include "fs/number.h"
#include "fs/sysfs.h"
#include "lib/fdt.h"
#include "lib/string.h"
#include "proc/timer.h"
#include "proc/work.h"

constexpr unsigned LEDS = 8;
constexpr u64 MS = 1'000'000;
/* On, off, on, off. */
static const u64 beat_ns[] = { 70 * MS, 245 * MS, 70 * MS, 875 * MS };

static struct led {
	struct gpio gpio;		/* (i) */
	bool beating;			/* (a) wanted */
	bool runs;			/* (the work item) */
	unsigned phase;			/* (the work item) in beat_ns; even: on */
	struct timer timer;
	struct work work;
} leds[LEDS];
static unsigned nleds;

/* ---- the heart */

static void beat(struct work *w)
{
	struct led *l = container_of(w, struct led, work);

	timer_cancel(&l->timer);
	if (load_acquire(&l->beating)) {
		l->phase = l->runs ? (l->phase + 1) % ARRAY_SIZE(beat_ns) : 0;
		l->runs = true;
		(void)gpio_set(&l->gpio, l->phase % 2 == 0);
		timer_arm(&l->timer, arch_clock_ns() + beat_ns[l->phase]);
	} else if (l->runs) {
		l->runs = false;
		(void)gpio_set(&l->gpio, false);
	}
}

static void beat_due(struct timer *t)
{
	work_queue(&container_of(t, struct led, timer)->work);
}

static void set_beating(struct led *l, bool beating)
{
	store_release(&l->beating, beating);
	work_queue(&l->work);
}

/* ---- files */

static int show_brightness(struct inode *i, struct text *t)
{
	int on = gpio_get(&leds[i->arg[0]].gpio);

	if (on < 0)
		return on;
	text_printf(t, "%d\n", on);
	return 0;
}

static long store_brightness(struct inode *i, const char *buf, size_t n)
{
	struct led *l = &leds[i->arg[0]];
	int value, err = number_only(buf, 10, &value);

	if (err || value < 0)
		return err ? err : -EINVAL;
	if (!value && load_acquire(&l->beating))
		set_beating(l, false);	/* as on Linux darkness ends a trigger */
	err = gpio_set(&l->gpio, value != 0);
	return err ? err : (long)n;
}

static int show_max(struct inode *i, struct text *t)
{
	(void)i;
	text_puts(t, "1\n");
	return 0;
}

static int show_trigger(struct inode *i, struct text *t)
{
	text_puts(t, load_acquire(&leds[i->arg[0]].beating) ? "none [heartbeat]\n" : "[none] heartbeat\n");
	return 0;
}

static bool is_word(const char *buf, const char *word)
{
	size_t n = strlen(word);

	return strncmp(buf, word, n) == 0 && (!buf[n] || buf[n] == '\n');
}

static long store_trigger(struct inode *i, const char *buf, size_t n)
{
	bool beating = is_word(buf, "heartbeat");

	if (!beating && !is_word(buf, "none"))
		return -EINVAL;
	set_beating(&leds[i->arg[0]], beating);
	return (long)n;
}

static const struct pseudo_entry attributes[] = {
	{ .name = "brightness", .mode = S_IFREG | 0644, .show = show_brightness, .store = store_brightness },
	{ .name = "max_brightness", .mode = S_IFREG | 0444, .show = show_max },
	{ .name = "trigger", .mode = S_IFREG | 0644, .show = show_trigger, .store = store_trigger },
	{},
};

static int leds_probe(const struct device *d)
{
	int err = 0;

	for (int n = fdt_child(d->tree, d->node); n >= 0 && nleds < LEDS; n = fdt_sibling(d->tree, n)) {
		const char *name = fdt_string(d->tree, n, "label") ?: fdt_name(d->tree, n);

		/* A light on pins that nobody drives is no error of this board. */
		if (gpio_find(d->tree, n, &leds[nleds].gpio))
			continue;
		timer_init(&leds[nleds].timer, beat_due);
		leds[nleds].work.fn = beat;
		err = sysfs_class_add("leds", name, attributes, nleds++) ?: err;
	}
	return err;
}

static const char *const compatible[] = { "gpio-leds", nullptr };
static const struct driver driver = { .compatible = compatible, .probe = leds_probe, .order = 5 };
DRIVER(driver);
