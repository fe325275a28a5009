// SPDX-License-Identifier: MIT
/*
 * The table of interrupt handlers. A slot is filled before its line is unmasked and emptied after it
 * is masked, so that dispatch needs no lock; the lock is between those who request and free.
 */
#include "arch/irq.h"

#include "arch/arch.h"
#include "lib/lock.h"
#include "lib/printf.h"

struct irq_slot {
	void (*handler)(void *);	/* (a) nullptr: free */
	void *arg;			/* (i) while handler is set */
	bool edge;
	bool warned;
};

static struct irq_slot slots[IRQ_MAX];
static u64 counts[MAX_CPUS][IRQ_MAX];	/* (c) */
static const struct irq_chip *chip;	/* (i) */
static struct spinlock lock;		/* irq-safe */

void irq_set_chip(const struct irq_chip *c)
{
	chip = c;
}

int irq_request(unsigned irq, bool edge, void (*handler)(void *), void *arg)
{
	if (irq >= IRQ_MAX || !chip)
		return -EINVAL;
	u64 flags = spin_lock_irq(&lock);
	struct irq_slot *s = &slots[irq];
	int r = s->handler ? -EBUSY : 0;

	if (r == 0) {
		s->arg = arg;
		s->edge = edge;
		store_release(&s->handler, handler);
		chip->unmask(irq, edge);
	}
	spin_unlock_irq(&lock, flags);
	return r;
}

void irq_free(unsigned irq)
{
	u64 flags = spin_lock_irq(&lock);

	if (irq < IRQ_MAX && slots[irq].handler) {
		chip->mask(irq);
		store_release(&slots[irq].handler, nullptr);
	}
	spin_unlock_irq(&lock, flags);
}

void irq_unmask_private(unsigned irq)
{
	chip->unmask(irq, slots[irq].edge);
}

/* A line that nobody asked for would come again for ever: it is masked, and named once. */
static void irq_unexpected(unsigned irq)
{
	chip->mask(irq);
	if (!slots[irq].warned)
		log_warn("%s: unexpected interrupt %u", chip->name, irq);
	slots[irq].warned = true;
}

void irq_dispatch(unsigned irq)
{
	struct irq_slot *s = &slots[irq];

	counts[cpu_id()][irq]++;
	void (*handler)(void *) = load_acquire(&s->handler);

	if (likely(handler))
		handler(s->arg);
	else
		irq_unexpected(irq);
	chip->eoi(irq);
}

u64 irq_count(unsigned irq, unsigned cpu)
{
	return irq < IRQ_MAX && cpu < MAX_CPUS ? load_relaxed(&counts[cpu][irq]) : 0;
}
