// SPDX-License-Identifier: MIT
/*
 * Lights on pins ("gpio-leds"): /sys/class/leds/NAME/brightness, 0 or 1. They stay as the firmware has left them until
 * somebody writes; triggers other than none are not there.
 */
#include "dev/device.h"
#include "dev/pins.h"
#include "fs/sysfs.h"
#include "lib/fdt.h"
#include "lib/string.h"

constexpr unsigned LEDS = 8;

static struct gpio leds[LEDS];		/* (i) */
static unsigned nleds;

static int show_brightness(struct inode *i, struct text *t)
{
	int on = gpio_get(&leds[i->arg[0]]);

	if (on < 0)
		return on;
	text_printf(t, "%d\n", on);
	return 0;
}

static long store_brightness(struct inode *i, const char *buf, size_t n)
{
	const char *end;
	u64 value = str_number(buf, &end);

	if (end == buf || (*end && *end != '\n'))
		return -EINVAL;
	int err = gpio_set(&leds[i->arg[0]], value != 0);

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
	(void)i;
	text_puts(t, "[none]\n");
	return 0;
}

static const struct pseudo_entry attributes[] = {
	{ .name = "brightness", .mode = S_IFREG | 0644, .show = show_brightness, .store = store_brightness },
	{ .name = "max_brightness", .mode = S_IFREG | 0444, .show = show_max },
	{ .name = "trigger", .mode = S_IFREG | 0444, .show = show_trigger },
	{},
};

static int leds_probe(const struct device *d)
{
	int err = 0;

	for (int n = fdt_child(d->tree, d->node); n >= 0 && nleds < LEDS; n = fdt_sibling(d->tree, n)) {
		const char *name = fdt_string(d->tree, n, "label") ?: fdt_name(d->tree, n);

		/* A light on pins that nobody drives is no error of this board. */
		if (!gpio_find(d->tree, n, &leds[nleds]))
			err = sysfs_class_add("leds", name, attributes, nleds++) ?: err;
	}
	return err;
}

static const char *const compatible[] = { "gpio-leds", nullptr };
static const struct driver driver = { .compatible = compatible, .probe = leds_probe, .order = 5 };
DRIVER(driver);
