// SPDX-License-Identifier: MIT
/*
 * Device interrupts, the same for every CPU type: one controller, one table of handlers.
 * Numbers are the controller's own (GIC: INTID; IO-APIC: GSI).
 */
#pragma once

#include "lib/base.h"

constexpr unsigned IRQ_MAX = 1024;

struct irq_chip {
	const char *name;
	void (*unmask)(unsigned irq, bool edge);
	void (*mask)(unsigned irq);
	void (*eoi)(unsigned irq);
};

/* The controller's driver names itself once. */
void irq_set_chip(const struct irq_chip *chip);
/* Handler runs with interrupts off on the CPU that took it and must not sleep. 0, -EBUSY, -EINVAL. */
[[nodiscard]] int irq_request(unsigned irq, bool edge, void (*handler)(void *), void *arg);
void irq_free(unsigned irq);
/* For lines that each CPU has its own of (timers): unmasks one on this CPU too, after the request on CPU 0. */
void irq_unmask_private(unsigned irq);
/* Called by the controller's driver for each pending number; calls handler, then eoi. Counts per CPU. */
void irq_dispatch(unsigned irq);
u64 irq_count(unsigned irq, unsigned cpu);
