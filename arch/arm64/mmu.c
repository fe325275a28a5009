// SPDX-License-Identifier: MIT
/*
 * Kernel mappings at boot, and what the generic page tables need from this CPU: roots, switches,
 * flushes. head.S has mapped the image; here come the direct map of RAM and the device tree.
 *
 * The kernel's tables live under TTBR1 and are the same on all CPUs; a user root in TTBR0 has nothing
 * of the kernel in it. Tables made here come from a static pool, for there is no allocator yet.
 */
#include "machine.h"

#include "lib/string.h"

extern struct pte kernel_root[], image_l1[], image_l0[];
extern const char _image[], _text[], _erodata[], _bss[], _end[];
extern char boot_stack_guard[];

/* Windows in image_l1, far behind the image: 2 MiB slots. */
constexpr unsigned FDT_SLOT = 496;		/* and the next */
constexpr unsigned EARLY_DEVICE_SLOT = 500;
constexpr u64 BLOCK = 2 * MiB;

/* Each end of a range of RAM that is not aligned needs a table of pages and one of 2 MiB blocks; each GiB
 * begun needs at most the latter. 64 ranges and 16 GiB fit, and so does the image's read-only part. */
constexpr unsigned POOL_TABLES = 2 * 2 * 64 + 16;

[[gnu::section(".noinit"), gnu::aligned(PAGE_SIZE)]]
static struct pte pool[POOL_TABLES][PT_SLOTS];
static unsigned pool_used;
[[gnu::aligned(PAGE_SIZE)]] static struct pte empty_root[PT_SLOTS];
[[gnu::aligned(PAGE_SIZE)]] static struct pte early_device_table[PT_SLOTS];

static u64 image_base;		/* (i) physical address of _image */

struct pa image_pa(const void *p)
{
	return (struct pa){ (va_t)p - KERNEL_BASE + image_base };
}

static va_t image_va(struct pa pa)
{
	return pa.v - image_base + KERNEL_BASE;
}

void arch_publish(void)
{
	__asm__ volatile("dsb ishst" : : : "memory");
}

static void publish_kernel(void)
{
	__asm__ volatile("dsb ishst; isb" : : : "memory");
}

void mmu_map_image(u64 image)
{
	image_base = image;
	image_l0[((va_t)boot_stack_guard - KERNEL_BASE) >> PAGE_SHIFT] = (struct pte){};
	arch_tlb_kernel((va_t)boot_stack_guard, (va_t)boot_stack_guard + PAGE_SIZE);
}

/* The second block only if the tree reaches into it: behind RAM there may be what must not be read ahead. */
const void *mmu_map_fdt(u64 pa)
{
	constexpr u32 prot = P_R | P_GLOBAL | P_ACCESSED;
	u64 base = align_down(pa, BLOCK);
	const void *fdt = (const void *)(KERNEL_BASE + FDT_SLOT * BLOCK + (pa - base));

	image_l1[FDT_SLOT] = pte_leaf((struct pa){ base }, 1, prot);
	publish_kernel();
	if (pa - base + fdt_blob_size(fdt) > BLOCK)
		image_l1[FDT_SLOT + 1] = pte_leaf((struct pa){ base + BLOCK }, 1, prot);
	publish_kernel();
	return fdt;
}

volatile void *mmu_map_early_device(u64 pa)
{
	early_device_table[0] = pte_leaf((struct pa){ align_down(pa, PAGE_SIZE) }, 0,
					 P_R | P_W | P_DEVICE | P_GLOBAL | P_ACCESSED);
	image_l1[EARLY_DEVICE_SLOT] = pte_table(image_pa(early_device_table));
	publish_kernel();
	return (volatile void *)(KERNEL_BASE + EARLY_DEVICE_SLOT * BLOCK + pa % PAGE_SIZE);
}

/* ---- direct map */

static struct pte *pool_table(struct pte *slot)
{
	if (pte_kind(*slot, 1) == PTE_EMPTY) {
		assert(pool_used < POOL_TABLES);
		memset(pool[pool_used], 0, PAGE_SIZE);
		*slot = pte_table(image_pa(pool[pool_used++]));
	}
	return (struct pte *)image_va(pte_table_pa(*slot));
}

static void map_leaf(u64 pa, int level, u32 prot)
{
	va_t va = DIRECT_BASE + pa;
	struct pte *table = kernel_root;

	for (int l = PT_LEVELS - 1; l > level; l--)
		table = pool_table(&table[pt_index(va, l)]);
	table[pt_index(va, level)] = pte_leaf((struct pa){ pa }, level, prot);
}

/* The largest leaves that fit. */
static void map_direct(u64 start, u64 end, u32 prot)
{
	while (start < end) {
		int level = PT_LEAF_MAX;

		while (level > 0 && (!is_aligned(start, pt_slot_size(level)) ||
				     end - start < pt_slot_size(level)))
			level--;
		map_leaf(start, level, prot | P_GLOBAL | P_ACCESSED);
		start += pt_slot_size(level);
	}
}

/* The image's text and constants can be written nowhere, not even through the direct map. */
void mmu_map_ram(const struct boot_info *bi)
{
	u64 ro_start = image_pa(_text).v, ro_end = image_pa(_erodata).v;

	for (unsigned i = 0; i < bi->nram; i++) {
		u64 start = align_up(bi->ram[i].start, PAGE_SIZE);
		u64 end = align_down(bi->ram[i].end, PAGE_SIZE);

		map_direct(start, min(end, ro_start), P_R | P_W | P_DIRTY);
		map_direct(max(start, ro_start), min(end, ro_end), P_R);
		map_direct(max(start, ro_end), end, P_R | P_W | P_DIRTY);
	}
	publish_kernel();
}

void mmu_drop_identity(void)
{
	arch_switch_root(image_pa(kernel_root), 0, false);
	arch_tlb_local_all();
}

/* ---- roots */

struct pte *arch_kernel_root(void)
{
	return direct_map(image_pa(kernel_root));
}

/* The kernel half hangs under TTBR1. */
void arch_root_init(struct pte *root)
{
	(void)root;
}

void arch_root_clear(struct pte *root)
{
	(void)root;
}

int arch_asid_bits(void)
{
	return (sysreg_read(id_aa64mmfr0_el1) >> 4 & 0xf) == 2 ? 16 : 8;
}

/* Base and ASID change in one write, so that no walk mixes them. */
void arch_switch_root(struct pa root, u64 asid, bool flush)
{
	if (root.v == image_pa(kernel_root).v)
		root = image_pa(empty_root);
	sysreg_write(ttbr0_el1, root.v | asid << 48);
	__asm__ volatile("isb" : : : "memory");
	if (flush)
		__asm__ volatile("tlbi aside1, %0; dsb nsh; isb" : : "r"(asid << 48) : "memory");
}

/* ---- TLB (Arm ARM, "TLB maintenance"): stores to tables first, then the flush, then its end everywhere. */

constexpr u64 FLUSH_PAGES_MAX = 512;	/* beyond, one flush of all costs less */

static u64 tlbi_page(u64 asid, va_t va)
{
	return asid << 48 | (va >> PAGE_SHIFT & (BIT(44) - 1));
}

/* One flush on all CPUs (inner shareable) or on this one, with the barriers that belong to it. */
#define tlbi(op, operand) __asm__ volatile("tlbi " op ", %0" : : "r"(operand))

static void tlbi_va(u64 operand, bool tables, bool everywhere)
{
	if (everywhere && tables)
		tlbi("vae1is", operand);
	else if (everywhere)
		tlbi("vale1is", operand);
	else if (tables)
		tlbi("vae1", operand);
	else
		tlbi("vale1", operand);
}

static void flush_begin(bool everywhere)
{
	if (everywhere)
		__asm__ volatile("dsb ishst" : : : "memory");
	else
		__asm__ volatile("dsb nshst" : : : "memory");
}

static void flush_end(bool everywhere)
{
	if (everywhere)
		__asm__ volatile("dsb ish" : : : "memory");
	else
		__asm__ volatile("dsb nsh" : : : "memory");
}

void arch_tlb_range(u64 asid, va_t start, va_t end, bool tables, bool everywhere)
{
	if (end - start > FLUSH_PAGES_MAX * PAGE_SIZE) {
		arch_tlb_asid(asid, everywhere);
		return;
	}
	flush_begin(everywhere);
	for (va_t va = start; va < end; va += PAGE_SIZE)
		tlbi_va(tlbi_page(asid, va), tables, everywhere);
	flush_end(everywhere);
}

void arch_tlb_asid(u64 asid, bool everywhere)
{
	flush_begin(everywhere);
	if (everywhere)
		tlbi("aside1is", asid << 48);
	else
		tlbi("aside1", asid << 48);
	flush_end(everywhere);
}

void arch_tlb_local_all(void)
{
	__asm__ volatile("dsb nshst; tlbi vmalle1; dsb nsh; isb" : : : "memory");
}

void arch_tlb_local_page(u64 asid, va_t va)
{
	/* All levels: a walk cache may hold that a table forbids writes (APTable). */
	__asm__ volatile("dsb nshst; tlbi vae1, %0; dsb nsh" : : "r"(tlbi_page(asid, va))
			 : "memory");
}

void arch_tlb_kernel(va_t start, va_t end)
{
	__asm__ volatile("dsb ishst" : : : "memory");
	if (end - start > FLUSH_PAGES_MAX * PAGE_SIZE)
		__asm__ volatile("tlbi vmalle1is");
	else
		for (va_t va = start; va < end; va += PAGE_SIZE)
			__asm__ volatile("tlbi vaae1is, %0" : : "r"(tlbi_page(0, va)));
	__asm__ volatile("dsb ish; isb" : : : "memory");
}
