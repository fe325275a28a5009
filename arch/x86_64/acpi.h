// SPDX-License-Identifier: MIT
/* Everything that we take from the firmware's tables. Pure: compiled and tested on the host too. */
#pragma once

#include "lib/base.h"

constexpr size_t RSDP_SIZE = 36;
extern u8 x86_rsdp[RSDP_SIZE];	/* a copy of ACPI's root pointer; all zero: not found */

struct acpi_ioapic { u64 pa; u32 gsi_base; };
struct acpi_override { u8 irq; u16 flags; u32 gsi; };
struct acpi_facts {
	u64 apic_pa;
	unsigned ncpus, nioapics, noverrides;
	u32 apic_id[MAX_CPUS];
	struct acpi_ioapic ioapic[8];
	struct acpi_override override[24];
	u32 pm1a, pm1b;			/* control ports; 0: none */
	bool s5_valid;
	u8 s5_a, s5_b;
	bool reset_valid;
	u8 reset_space, reset_value;	/* space 0 memory, 1 I/O */
	u64 reset_address;
	u64 ecam_pa;			/* PCI configuration space, 0: none */
	u8 ecam_bus_start, ecam_bus_end;
};
extern struct acpi_facts x86_acpi;

/* Reads the tables below x86_rsdp. What is missing or damaged there is missing here. */
void acpi_init(void);
