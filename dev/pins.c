// SPDX-License-Identifier: MIT
/* Who has pins: the few controllers of a board, by their nodes in the device tree. Filled at boot by one CPU. */
#include "dev/pins.h"

#include "dev/device.h"
#include "lib/fdt.h"

constexpr unsigned CONTROLLERS = 4, STATES = 8;

static struct controller {
	int node;
	const struct gpio_ops *ops;
	void (*apply)(const struct fdt *tree, int node);
} controllers[CONTROLLERS];		/* (i) */
static unsigned ncontrollers;

void pins_register(const struct fdt *tree, int node, const struct gpio_ops *ops,
		   void (*apply)(const struct fdt *tree, int node))
{
	(void)tree;
	if (ncontrollers < CONTROLLERS)
		controllers[ncontrollers++] = (struct controller){ node, ops, apply };
}

static const struct controller *controller_of(int node)
{
	for (unsigned i = 0; i < ncontrollers; i++)
		if (controllers[i].node == node)
			return &controllers[i];
	return nullptr;
}

void pins_apply(const struct device *d)
{
	for (unsigned i = 0; d->tree && i < STATES; i++) {
		int state = fdt_by_phandle(d->tree, fdt_cell(d->tree, d->node, "pinctrl-0", i, 0));
		const struct controller *c = state < 0 ? nullptr : controller_of(fdt_parent(d->tree, state));

		if (c && c->apply)
			c->apply(d->tree, state);
	}
}

int gpio_find(const struct fdt *tree, int node, struct gpio *g)
{
	constexpr u32 ACTIVE_LOW = 1;
	int parent = fdt_by_phandle(tree, fdt_cell(tree, node, "gpios", 0, 0));
	const struct controller *c = parent < 0 ? nullptr : controller_of(parent);

	if (!c || !c->ops)
		return -ENODEV;
	*g = (struct gpio){
		.ops = c->ops,
		.line = fdt_cell(tree, node, "gpios", 1, 0),
		.active_low = fdt_cell(tree, node, "gpios", 2, 0) & ACTIVE_LOW,
	};
	return 0;
}

int gpio_get(const struct gpio *g)
{
	int wire = g->ops->get(g->line);

	return wire < 0 ? wire : wire ^ g->active_low;
}

int gpio_set(const struct gpio *g, bool on)
{
	return g->ops->set(g->line, on ^ g->active_low);
}
