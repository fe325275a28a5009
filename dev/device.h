// SPDX-License-Identifier: MIT
/*
 * Devices and their drivers. The machine describes what it has (from the device tree, or from ACPI and
 * convention on a PC) as struct device; a driver names the `compatible` strings it serves. device_probe()
 * matches them.
 */
#pragma once

#include "lib/base.h"

/* How to reach registers that are not memory: a PC's I/O ports. */
struct device_io {
	u8 (*read8)(u16 port);
	void (*write8)(u16 port, u8 v);
};

struct fdt;

/* Memory as a device sees it: [cpu, cpu + size) at bus addresses from `bus` on. */
struct device_dma {
	u64 cpu, bus, size;
};

struct device {
	const char *compatible[4];	/* most specific first */
	struct pa reg[4];		/* register ranges, CPU physical */
	u64 reg_size[4];
	u16 port;			/* first I/O port (PC), 0 if none: */
	const struct device_io *io;	/* with this */
	unsigned irq[4];		/* numbers as arch/irq.h has them; 0 = none */
	bool irq_edge[4];
	struct device_dma dma;		/* what it reaches; all of the address space where nobody says so */
	bool dma_coherent;		/* it sees the CPUs' caches */
	u32 clock_hz;			/* input clock where the machine knows it, else 0 */
	const struct fdt *tree;		/* the device tree, for what a driver alone understands; nullptr on a PC */
	int node;			/* offset in it, -1 on a PC */
	bool stdout_path;		/* the firmware's console; where it names none, all are */
};

struct driver {
	const char *const *compatible;	/* nullptr-terminated */
	int (*probe)(const struct device *d);	/* 0 or -errno (logged) */
	u32 harmless;		/* a word of reg[0] whose reading changes nothing: read first, to see whether there is a device */
	int order;			/* lower first: interrupt controllers 0, firmware and pins 1, consoles 2, others 5 */
};

/* Puts a driver into the image's table. */
#define DRIVER(name)                                             \
	[[gnu::section(".drivers"), gnu::used]] static const     \
		struct driver *const driver_##name = &name

/* Does a driver serve one of d->compatible? Spares the machine to find out the rest about those that nobody wants. */
bool device_wanted(const struct device *d);
/* Calls every matching driver, in `order`. Copies what it keeps of the array. */
void device_probe(const struct device *devices, unsigned n);
