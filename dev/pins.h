// SPDX-License-Identifier: MIT
/* Pins: which function of the chip they have, and single ones as inputs and outputs. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

struct device;
struct fdt;

/* Gives a device the pins that its node's pinctrl-0 names, in the controller's own way. Where there is no controller, or
 * nothing is named, pins stay as they are. */
void pins_apply(const struct device *d);

/* A line that a node's `gpios` property names, and what 1 means there. */
struct gpio {
	const struct gpio_ops *ops;	/* nullptr: none */
	unsigned line;
	bool active_low;
};

struct gpio_ops {
	/* 1 or 0, as the wire is; -errno. */
	int (*get)(unsigned line);
	/* Makes it an output first. 0 or -errno. */
	int (*set)(unsigned line, bool high);
};

/* Controllers name themselves and what they do; `apply` (may be nullptr) sets up the pins of one node below them. */
void pins_register(const struct fdt *tree, int node, const struct gpio_ops *ops,
		   void (*apply)(const struct fdt *tree, int node));
/* The first entry of a node's `gpios`. -ENODEV: no such controller. */
[[nodiscard]] int gpio_find(const struct fdt *tree, int node, struct gpio *g);
int gpio_get(const struct gpio *g);
int gpio_set(const struct gpio *g, bool on);
