// SPDX-License-Identifier: MIT
/*
 * The PC as a whole: initialisation in order, its own devices, power, randomness, waiting.
 */
#include "lib/printf.h"
#include "mm/kmap.h"
#include "dev/device.h"
#include "dev/framebuffer.h"
#include "x86.h"

constexpr u32 PM1_SLEEP_ENABLE = 1 << 13;

void arch_init(struct boot_info *bi)
{
	acpi_init();
	apic_init(x86_acpi.apic_pa);
	ioapic_init();
	smp_init();
	log_info("x86-64: %u CPU%s, TSC %lu.%03lu MHz, %s timer%s%s%s", arch_cpu_count(),
		 arch_cpu_count() == 1 ? "" : "s", x86_tsc_hz / 1000000, x86_tsc_hz / 1000 % 1000,
		 x86_features.tsc_deadline ? "deadline" : "APIC", x86_features.pcid ? ", PCID" : "",
		 x86_features.smap ? ", SMAP" : "", x86_features.xsave ? ", XSAVE" : "");
}

/* ISA interrupt -> GSI. */
static unsigned isa_gsi(u8 irq)
{
	for (unsigned i = 0; i < x86_acpi.noverrides; i++)
		if (x86_acpi.override[i].irq == irq)
			return x86_acpi.override[i].gsi;
	return irq;
}

static u8 port_read8(u16 port) { return inb(port); }
static void port_write8(u16 port, u8 v) { outb(port, v); }
static const struct device_io ports = { port_read8, port_write8 };

/* What every PC has by convention, and the PCI bus if the MCFG names it. */
void arch_init_devices(void)
{
	struct device devices[2] = {
		{.compatible = {"ns16550a"},
		 .port = 0x3f8,
		 .io = &ports,
		 .irq = {isa_gsi(4)},
		 .irq_edge = {true},
		 .clock_hz = 1843200,
		 .node = -1,
		 .stdout_path = true},
	};
	unsigned n = 1;

	if (x86_acpi.ecam_pa)
		devices[n++] = (struct device){
			.compatible = {"pci-host-ecam-generic"},
			.node = -1,
			.reg = {{x86_acpi.ecam_pa}},
			.reg_size = {(x86_acpi.ecam_bus_end - x86_acpi.ecam_bus_start + 1ul) << 20},
		};
	device_probe(devices, n);
	int err = x86_framebuffer.width ? fbcon_register(&x86_framebuffer) : 0;

	if (err)
		log_warn("framebuffer: error %d", -err);
}

/* `sti` takes effect behind the next instruction: a wake-up is either seen here or ends the hlt. */
void arch_wait_irq(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

void arch_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* ACPI 6.5, 4.8.4.8 and 4.8.3.7; then the keyboard controller, then no interrupt table. */
void arch_reboot(void)
{
	struct [[gnu::packed]] { u16 limit; u64 base; } none = {};

	irq_disable();
	if (x86_acpi.reset_valid && x86_acpi.reset_space == 1)
		outb((u16)x86_acpi.reset_address, x86_acpi.reset_value);
	outb(0x64, 0xfe);
	delay_us(1000);
	__asm__ volatile("lidt %0; int3" :: "m"(none));
	arch_halt();
}

void arch_poweroff(void)
{
	irq_disable();
	if (x86_acpi.s5_valid) {
		if (x86_acpi.pm1a)
			outw((u16)x86_acpi.pm1a, (u16)(x86_acpi.s5_a << 10 | PM1_SLEEP_ENABLE));
		if (x86_acpi.pm1b)
			outw((u16)x86_acpi.pm1b, (u16)(x86_acpi.s5_b << 10 | PM1_SLEEP_ENABLE));
	}
	arch_halt();
}

/* RDSEED gives entropy, RDRAND a generator seeded from it; both may be empty for a moment. */
static bool random_word(u64 *v)
{
	for (unsigned tries = 0; tries < 16; tries++) {
		bool ok = false;

		if (x86_features.rdseed && tries < 8)
			__asm__ volatile("rdseed %0" : "=r"(*v), "=@ccc"(ok));
		else if (x86_features.rdrand)
			__asm__ volatile("rdrand %0" : "=r"(*v), "=@ccc"(ok));
		if (ok)
			return true;
	}
	return false;
}

size_t arch_random(void *buf, size_t n)
{
	u8 *p = buf;
	size_t done = 0;
	u64 v;

	while (done < n && random_word(&v))
		for (unsigned i = 0; i < 8 && done < n; i++, v >>= 8)
			p[done++] = (u8)v;
	return done;
}

/* Devices of a PC see the caches. */
void arch_dma_begin(const void *p, size_t n) { }
void arch_dma_end(const void *p, size_t n) { }
