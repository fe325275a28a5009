// SPDX-License-Identifier: MIT
/* What the files of this folder say to each other. */
#pragma once

#include "arch/arch.h"
#include "lib/fdt.h"

struct device;

/* ---- boot.c: from head.S. */
[[noreturn]] void arm64_start(u64 fdt, u64 entry_ticks, u64 entry_level, u64 image);
extern struct fdt arm64_fdt;		/* (i) the device tree; without one nothing boots */
extern u64 arm64_entry_level;		/* (i) exception level we were entered at: 1, 2 or 3 (secure) */

/* ---- mmu.c */
struct pa image_pa(const void *p);	/* of a symbol of the image */
/* Maps the device tree (physical, at most 2 MiB, 8-byte aligned) read-only, for ever. */
const void *mmu_map_fdt(u64 pa);
/* Maps the page with the early console's registers. */
volatile void *mmu_map_early_device(u64 pa);
void mmu_map_image(u64 image);		/* remembers where it lies; guard page below the boot stack */
void mmu_map_ram(const struct boot_info *bi);
void mmu_drop_identity(void);

/* ---- psci.c */
void psci_init(const struct fdt *f);
int psci_cpu_on(u64 mpidr, struct pa entry);

/* ---- smp.c */
void smp_init(const struct fdt *f);
[[noreturn]] void arm64_start_secondary(void);
u64 smp_mpidr(unsigned cpu);

/* ---- time.c */
void time_init(const struct fdt *f);	/* the clock; from the first moment */
void time_init_timer(const struct fdt *f);	/* CPU 0's timer interrupt */
void time_init_cpu(void);		/* another CPU's */
u64 time_from_ticks(u64 ticks);
u64 time_ns_per_tick(void);		/* times 2^32 */

/* ---- gic.c: the part that both versions share. */
struct gic {
	const char *name;
	void (*init_cpu)(void);		/* the CPU's own interface, on that CPU */
	void (*ipi)(u64 cpus, unsigned sgi);
	void (*handle)(void);		/* acknowledges and dispatches all that is pending */
};
void gic_init(const struct fdt *f);
void gic_init_cpu(void);
void gic_handle(void);
const char *gic_name(void);
/* Each version's probe: 0, or -errno. */
int gic2_probe(const struct fdt *f, int node, struct gic *out);
int gic3_probe(const struct fdt *f, int node, struct gic *out);

/* ---- features.c */
extern bool cpu_has_pan;		/* (i) */
void features_init(void);	/* CPU 0 */
void features_init_cpu(void);	/* each other */

/* ---- entry.S, switch.S, uaccess.S */
extern const char vectors[];
[[noreturn]] void thread_entry_kernel(void);
[[noreturn]] void thread_entry_user(void);
void simd_save(struct simd_state *to);
void simd_load(const struct simd_state *from);
