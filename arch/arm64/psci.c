// SPDX-License-Identifier: MIT
/* PSCI: firmware calls that start CPUs and end the machine (Arm DEN0022, SMCCC in DEN0028). A board without
 * that firmware ends by a driver's hand. */
#include "machine.h"

#include "boot/devtree.h"
#include "dev/power.h"
#include "lib/string.h"

enum psci_function : u32 {
	PSCI_CPU_ON = 0xc400'0003, PSCI_SYSTEM_OFF = 0x8400'0008, PSCI_SYSTEM_RESET = 0x8400'0009,
};

enum : long { PSCI_DENIED = -3, PSCI_ALREADY_ON = -4 };

static enum { CONDUIT_NONE, CONDUIT_SMC, CONDUIT_HVC } conduit;	/* (i) */
static u32 cpu_on_function = PSCI_CPU_ON;				/* (i) */

static long psci_call(u64 function, u64 a, u64 b, u64 c)
{
	register u64 x0 __asm__("x0") = function;
	register u64 x1 __asm__("x1") = a;
	register u64 x2 __asm__("x2") = b;
	register u64 x3 __asm__("x3") = c;

	/* SMCCC 1.0 lets the callee use x4 to x17. */
#define PSCI_CLOBBER "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", \
		     "x15", "x16", "x17", "memory"
	if (conduit == CONDUIT_SMC)
		__asm__ volatile(".inst 0xd4000003"	/* smc #0: the assembler wants EL3 named */
				 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : PSCI_CLOBBER);
	else
		__asm__ volatile("hvc #0"
				 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : PSCI_CLOBBER);
	return (long)x0;
}

void psci_init(const struct fdt *f)
{
	static const char *const names[] = { "arm,psci-1.0", "arm,psci-0.2", "arm,psci", nullptr };
	int node = devtree_find(f, names);
	const char *method = fdt_string(f, node, "method");

	if (arm64_entry_level == 3)
		return;		/* nobody is above us to answer */
	if (method && strcmp(method, "smc") == 0)
		conduit = CONDUIT_SMC;
	else if (method && strcmp(method, "hvc") == 0)
		conduit = CONDUIT_HVC;
	/* PSCI 0.1 names its function numbers. */
	cpu_on_function = fdt_cell(f, node, "cpu_on", 0, PSCI_CPU_ON);
}

int psci_cpu_on(u64 mpidr, struct pa entry)
{
	if (conduit == CONDUIT_NONE)
		return -ENODEV;
	switch (psci_call(cpu_on_function, mpidr, entry.v, 0)) {
	case 0:
		return 0;
	case PSCI_DENIED:
		return -EPERM;
	case PSCI_ALREADY_ON:
		return -EBUSY;
	default:
		return -EINVAL;
	}
}

void arch_halt(void)
{
	__asm__ volatile("msr daifset, #0xf");
	for (;;)
		__asm__ volatile("wfi");
}

void arch_poweroff(void)
{
	if (conduit != CONDUIT_NONE)
		psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
	power_off();
	arch_halt();
}

void arch_reboot(void)
{
	if (conduit != CONDUIT_NONE)
		psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
	power_restart();
	arch_halt();
}
