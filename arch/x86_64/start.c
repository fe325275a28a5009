// SPDX-License-Identifier: MIT
/*
 * The first C code on CPU 0: what must be there before kmain(). On the loader's tables until
 * x86_mmu_init(); nothing here may fault.
 */
#include "proc/sched.h"
#include "x86.h"

constexpr u16 COM1 = 0x3f8;
enum { UART_DATA, UART_IER, UART_FCR, UART_LCR, UART_MCR, UART_LSR, UART_SCRATCH = 7 };
constexpr u8 LSR_IDLE = 0x40;

static bool early_uart;
static struct boot_info boot_info;

void x86_start(u32 kind, u64 info);

/* 115200 8N1, FIFOs on. Absent hardware reads as ones. */
static void early_uart_init(void)
{
	outb(COM1 + UART_SCRATCH, 0x5a);
	early_uart = inb(COM1 + UART_SCRATCH) == 0x5a;
	if (!early_uart)
		return;
	outb(COM1 + UART_IER, 0);
	outb(COM1 + UART_LCR, 0x80);
	outb(COM1 + UART_DATA, 1);
	outb(COM1 + UART_IER, 0);
	outb(COM1 + UART_LCR, 3);
	outb(COM1 + UART_FCR, 7);
	outb(COM1 + UART_MCR, 3);
}

void arch_early_putc(char c)
{
	if (!early_uart)
		return;
	outb(COM1 + UART_DATA, (u8)c);
	/* Sent altogether, so that the driver that sets the port up anew cuts nothing off. A port that is stuck is given up. */
	for (unsigned spins = 0; !(inb(COM1 + UART_LSR) & LSR_IDLE); spins++) {
		if (spins == 100000)
			early_uart = false;
		if (!early_uart)
			return;
		cpu_relax();
	}
}

bool arch_early_works(void)
{
	return early_uart;
}

void x86_start(u32 kind, u64 info)
{
	struct thread_head *self = (struct thread_head *)&boot_thread;
	u64 entry = rdtsc();

	self->stack_top = boot_stack_top;
	early_uart_init();
	x86_features_init();
	x86_idt_init();
	x86_cpu_init(0, self);
	fpu_init();
	x86_clock_init();
	boot_info.entry_ns = x86_clock_ns(entry);
	x86_boot_info(kind, info, &boot_info);
	x86_mmu_init(&boot_info);
	kmain(&boot_info);
}
